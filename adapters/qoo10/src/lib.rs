//! The adapter of `qoo10`.
