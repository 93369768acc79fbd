//! The ground floor of uriba: what a mall adapter is made of, and nothing else.
//!
//! An adapter translates one mall's API to and from the canonical types here. It never sleeps, retries,
//! limits rates, reads a clock or touches a database by itself: all of the outside reaches it through
//! [`Wire`]. The walk through the modules, in reading order:
//!
//! * [`order`] and [`stock`]: the canonical types, free of names, addresses and prices.
//! * [`card`]: what a mall can do, as constant facts with their sources.
//! * [`mall`]: the contract, and how an adapter is registered and opened.
//! * [`error`]: failures, named by what the hub does next.
//! * [`mod@env`]: clock, sleep, ids, randomness and HTTP, injected so that tests own all of them.
//! * [`wire`]: the paced, dead-lined, size-capped, redacting HTTP client, its quotas and its token vault.
//! * [`fake`] (feature `fake`): the common book behind every mall's wiremock fake.
//! * [`kit`] (feature `fake`): the conformance kit that every adapter passes.

pub mod card;
pub mod env;
pub mod error;
#[cfg(feature = "fake")]
pub mod fake;
#[cfg(feature = "fake")]
pub mod kit;
pub mod mall;
pub mod order;
pub mod stock;
pub mod wire;

pub use card::Card;
pub use env::{Env, SystemEnv};
pub use error::{Applied, Class, MallError, Result};
pub use mall::{
    Account, AccountSheet, Catalogue, Consent, Extras, Found, Head, Hint, Listed, Mall, MallEntry, Notice, Page, Query,
    Readback, Resolved, Settings, Shelf, Span, Tickets, Unread, Wakeup,
};
pub use order::{Family, FulfilledBy, Line, Order, Restored};
pub use stock::{Counter, Outcome, Reading, Refusal, RefusedWhy, Update, Write};
pub use wire::{Answer, Call, Wire};
