//! The adapter of `shopify`.
