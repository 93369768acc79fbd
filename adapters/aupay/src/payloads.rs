//! The pure readers over the bodies in `tests/payloads`, one file per oddity.
