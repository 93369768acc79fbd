//! The adapter of `mercari`.
