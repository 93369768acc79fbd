//! The adapter of `dynamodb`.
