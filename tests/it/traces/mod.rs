//! The numbers that a wrong design gets wrong: arithmetic in the domain, and the same stories against the
//! fakes where time matters.

mod beliefs;
mod drift;
mod malls;
mod orders;
mod switch;
