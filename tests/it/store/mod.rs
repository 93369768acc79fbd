//! The store on every database: what is kept, and that it is kept whatever arrives when, twice, or at once.

mod at_once;
mod bundles;
mod dialect;
mod family_model;
mod given_back;
mod intake;
mod intake_model;
mod lease;
mod ledger;
mod ledger_model;
mod mapping;
mod own_orders;
mod rules;
mod shelves;
mod shipments;
mod switch;
mod unread;
mod verify;
