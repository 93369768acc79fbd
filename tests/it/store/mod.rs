//! The store on every database: what is kept, and that it is kept whatever arrives when, twice, or at once.

mod ledger;
