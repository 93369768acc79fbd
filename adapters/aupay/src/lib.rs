//! The adapter of `aupay`.
