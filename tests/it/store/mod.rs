//! The store on every database: what is kept, and that it is kept whatever arrives when, twice, or at once.

mod dialect;
mod given_back;
mod intake;
mod lease;
mod ledger;
mod mapping;
mod shelves;
mod shipments;
mod switch;
mod unread;
