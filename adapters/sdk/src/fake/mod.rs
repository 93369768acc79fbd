//! Fake malls: one common [`Book`] behind each mall's own wire format.
//!
//! Shoppers place, change and cancel orders on the book and the mall's counter falls as a real one's does; the
//! hub talks to it over real HTTP. An adapter's fake is the reverse mapper: it encodes the book's orders,
//! applies stock writes to it, and is as strict as the mall is said to be.

mod book;
mod env;
mod faults;
mod item;
mod meter;
mod server;

use std::{collections::BTreeMap, future::Future, net::TcpListener, pin::Pin, sync::Arc};

pub use book::{Answered, Book, BookOrder, IdMaker, SoldOut, Stage};
pub use env::ManualEnv;
pub use faults::{Fault, Faults, Times};
pub use item::Item;
pub use meter::Meters;
pub use server::{Dialect, FakeServer, Reply, Visit};

use crate::{
    env::{Env, HeaderMap, HeaderName, HeaderValue},
    mall::{Listed, Settings},
    order::Order,
};

/// How a fake is started.
#[derive(Clone)]
pub struct FakeOptions {
    pub env: Arc<dyn Env>,
    /// Shared by fakes of one mall whose channels share a quota.
    pub meters: Arc<Meters>,
    /// Makes keys, ids and secrets of two fakes of one mall differ: `a`, `b`.
    pub shop: String,
    /// Where it serves; `None`: on a free port of the loopback interface.
    pub listener: Option<Arc<TcpListener>>,
}

impl FakeOptions {
    pub fn new(env: Arc<dyn Env>, meters: Arc<Meters>, shop: &str) -> Self {
        Self { env, meters, shop: shop.to_owned(), listener: None }
    }
}

/// A notification as the mall sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Headers or body prove where it comes from, so that any other body is to be refused.
    pub signed: bool,
}

impl Notification {
    /// The headers as the hub's server hands them on; one that no request can carry is left out.
    pub fn header_map(&self) -> HeaderMap {
        let carried = self.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_str(value).ok()?))
        });
        carried.collect()
    }
}

pub type StartFake = fn(FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>>;

/// A running fake of one shop on one mall.
pub trait FakeMall: Send + Sync {
    fn book(&self) -> &Book;

    /// What a channel's configuration would say to reach this shop.
    fn settings(&self, channel: &str) -> Settings;

    /// The normalised mall key of the shop's `n`-th item, in every shape that the mall has (with and without
    /// variations, say) as `n` goes up.
    fn mall_key(&self, n: usize) -> String;

    /// The same key as a person might write it (case, width); the key itself where only one spelling exists.
    fn spelling(&self, key: &str) -> String {
        key.to_owned()
    }

    /// Stages that this mall has a status for, beyond shipped and cancelled, which follow from quantities.
    fn stages(&self) -> &'static [Stage];

    /// The order as the mall's format can carry it, for the round trip: what the format has no field for is
    /// set to what its absence means.
    fn expressible(&self, order: Order) -> Order;

    /// Fields beside the figure that a careless write would erase (lead times, say), for the kit to list items
    /// with. Empty where a write touches nothing but the figure.
    fn siblings(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Whether an absolute write goes up as well as down. Where only relative writes may bring units back, a figure
    /// above what the mall shows is refused.
    fn raises_absolutely(&self) -> bool {
        true
    }

    /// Whether the adapter reaches this mall by requests, so that answers can be bent on their way. A mall that is
    /// reached through files has other faults, which its own tests are about.
    fn speaks_http(&self) -> bool {
        true
    }

    /// Whose shop it is, as the mall tells its owner ([`crate::Account`]). `None`: this fake doesn't say.
    fn shop_name(&self) -> Option<String> {
        None
    }

    /// A listed item as the mall's own list has it ([`crate::Catalogue`]). `None`: nothing but its key.
    fn listed(&self, _key: &str) -> Option<Listed> {
        None
    }

    /// Tells that this order is new or has changed, as the mall would ([`crate::Wakeup`]). `None`: it tells nobody.
    fn notification(&self, _order: &str) -> Option<Notification> {
        None
    }

    /// Any body sent as a notification, rightly signed. `None`: the mall doesn't sign.
    fn notification_of(&self, _body: &[u8]) -> Option<Notification> {
        None
    }

    /// Where the mall's page for consent may send the owner back to: an address that the application has registered,
    /// or the mall's own name for it.
    fn redirect(&self) -> String {
        "https://hub.example/consent".into()
    }

    /// The code that comes back when the owner agrees on that page ([`crate::Consent`]), good for one use.
    fn consent_code(&self, _redirect: &str) -> Option<String> {
        None
    }

    /// From now on the credentials are refused until [`FakeMall::renew_credentials`].
    fn expire_credentials(&self);
    fn renew_credentials(&self);

    /// Facts of the mall that nobody is sure of: switches, so that the adapter is tested both ways.
    fn switches(&self) -> &'static [&'static str] {
        &[]
    }

    fn set_switch(&self, _name: &str, _on: bool) {}
}
