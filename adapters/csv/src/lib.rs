//! The adapter of `csv`.
