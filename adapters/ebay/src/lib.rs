//! The adapter of `ebay`.
