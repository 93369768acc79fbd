//! The store on every database: what is kept, and that it is kept whatever arrives when, twice, or at once.

mod at_once;
mod bundles;
pub mod deeds;
mod dialect;
mod explain;
mod explain_model;
mod family_model;
mod given_back;
mod intake;
mod intake_model;
mod lease;
mod ledger;
mod ledger_model;
mod ledger_time;
mod mapping;
mod outdated;
mod own_model;
pub mod own_orders;
mod reservations;
mod reservations_at_once;
mod review;
mod shelves;
mod shipments;
mod switch;
mod unread;
mod verify;
