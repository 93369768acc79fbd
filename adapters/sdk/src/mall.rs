//! The contract of an adapter: four duties, and extras that are objects, so that none can be claimed
//! without being written.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::{
    card::Card,
    error::Result,
    order::Order,
    stock::{Outcome, Reading, Update},
    wire::Wire,
};

/// One channel of one mall, opened with its settings and its [`Wire`].
#[async_trait]
pub trait Mall: Send + Sync {
    fn card(&self) -> &'static Card;

    /// One page of a window.
    ///
    /// * Every order of the window appears in some page, as a whole order or as a head.
    /// * What can't be read is an [`Unread`], and never hides its neighbours.
    /// * The last page has no `next`.
    async fn pull(&self, query: &Query) -> Result<Page>;

    /// Whole orders, at most `card().orders.by_id_max` ids a call. An id that the mall doesn't know comes
    /// back in `missing` (or in `gone`, where that is certain), one that can't be read in `unread`.
    async fn by_id(&self, ids: &[String]) -> Result<Found>;

    /// Writes stock: exactly one outcome per update, in order, or one error for the whole request.
    ///
    /// * A `Malformed` answer after a write means `Unknown` for all: the engine treats it so.
    /// * More updates than the card's `batch_max` are an error with nothing written (`Rejected` of no entry), or
    ///   are split so that each outcome is right.
    /// * Sibling fields that a write would erase (lead times) are read and sent along here.
    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>>;

    /// Operations that a push calls before it writes: their quotas are spoken for with its own.
    fn before_push(&self) -> &'static [&'static str] {
        &[]
    }

    /// Those of them that a push by this operation of the card calls: where a mall writes in several ways, only the
    /// quotas of the way that is taken need be spoken for.
    fn before(&self, _operation: &str) -> &'static [&'static str] {
        self.before_push()
    }

    /// For the user's spelling of keys: the normalised key, and whatever else the mall needs to address the
    /// item. Identity only; one answer per key, in order.
    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>>;

    fn extras(&self) -> Extras<'_> {
        Extras::default()
    }
}

/// What only some malls can do.
#[derive(Default)]
pub struct Extras<'a> {
    pub readback: Option<&'a dyn Readback>,
    pub tickets: Option<&'a dyn Tickets>,
    pub catalogue: Option<&'a dyn Catalogue>,
    pub account: Option<&'a dyn Account>,
    pub wakeup: Option<&'a dyn Wakeup>,
    pub consent: Option<&'a dyn Consent>,
}

#[async_trait]
pub trait Readback: Send + Sync {
    /// What the mall shows now, one reading per key in order; at most `card().reads.batch_max` keys.
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>>;
}

/// What became of writes that a mall took for later ([`Outcome::Pending`]).
#[async_trait]
pub trait Tickets: Send + Sync {
    /// One answer per ticket, in order. `None`: not decided yet. Any other outcome is final, so never `Pending`.
    async fn redeem(&self, tickets: &[String]) -> Result<Vec<Option<Outcome>>>;
}

/// What the shop lists.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// One page; the first without a token, further ones with the `next` of the page before.
    async fn list(&self, token: Option<&str>) -> Result<Shelf>;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    pub items: Vec<Listed>,
    pub next: Option<String>,
}

/// Something that the shop lists, with what helps to find the SKU behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The normalised mall key, as [`Mall::resolve`] gives it.
    pub key: String,
    /// The seller's own code, where the mall keeps one apart from the key.
    pub code: Option<String>,
    /// JAN, EAN or UPC.
    pub jan: Option<String>,
    pub title: Option<String>,
}

/// Whose shop it is, by the mall's word.
#[async_trait]
pub trait Account: Send + Sync {
    async fn account(&self) -> Result<AccountSheet>;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSheet {
    /// The shop's own id or name on the mall.
    pub shop: String,
    /// By credential key: when the mall says that it ends.
    pub ends: Vec<(&'static str, Timestamp)>,
    /// What a person should know: a permission that is missing, a setting that ends listings at zero.
    pub notes: Vec<String>,
}

/// Notifications that the mall sends. They are hints what to ask for, never facts: they may come twice, late, out of
/// order or not at all.
pub trait Wakeup: Send + Sync {
    /// `Err` says why it is not believed: a signature that doesn't fit, a body that isn't understood.
    fn read(&self, notice: &Notice<'_>) -> std::result::Result<Hint, String>;
}

/// A notification as it came.
#[derive(Clone, Copy)]
pub struct Notice<'a> {
    pub headers: &'a crate::env::HeaderMap,
    /// Unchanged: signatures are over the bytes.
    pub body: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// These orders are new or have changed.
    Orders(Vec<String>),
    /// Some order is new or has changed.
    Search,
    /// Nothing that the hub asks about.
    Nothing,
}

/// Credentials that the shop's owner grants on a page of the mall.
#[async_trait]
pub trait Consent: Send + Sync {
    /// The page to open. `state` comes back with the answer unchanged.
    fn page(&self, redirect: &str, state: &str) -> std::result::Result<String, SettingsError>;

    /// What the page's answer gives, by credential key.
    async fn redeem(&self, code: &str, redirect: &str) -> Result<Vec<(&'static str, SecretString)>>;
}

/// A key with the handle that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingKey {
    pub key: String,
    pub handle: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub span: Span,
    /// Only orders that still hold stock; given only where the card has `open_filter`.
    pub open_only: bool,
    /// The `next` of the page before.
    pub token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Orders placed (or changed, by the card's `found_by`) in `from ≤ t ≤ to`.
    Window { from: Timestamp, to: Timestamp },
    /// All members of a split order; given only where the card has `families`.
    Family(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Orders known only by id so far.
    pub heads: Vec<Head>,
    /// Whole orders, where the mall's list includes them.
    pub orders: Vec<Order>,
    pub unread: Vec<Unread>,
    pub next: Option<String>,
    /// The instant up to which the mall says this search is complete, where it says so.
    pub read_to: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub id: String,
    pub placed_at: Option<Timestamp>,
    pub revision: Option<i64>,
}

/// An order that the adapter could not read. Holds what could be read, and stops raises of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub order_id: Option<String>,
    /// Keys of the items that could still be recognised.
    pub mall_keys: Vec<String>,
    /// What was odd: field and value, without personal data.
    pub what: String,
    /// The body, without names, addresses, telephone numbers and mail addresses.
    pub redacted: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub orders: Vec<Order>,
    pub unread: Vec<Unread>,
    /// Ids that the mall doesn't have. What the hub knows of them goes on holding stock.
    pub missing: Vec<String>,
    /// Ids that the mall doesn't have and that were cancelled if they ever were: it deletes what is cancelled, and
    /// nothing else. What the hub knows of them gives its units back when it is told so a second time.
    pub gone: Vec<String>,
}

impl Found {
    /// All ids that the mall doesn't have, whatever that means.
    pub fn absent(&self) -> impl Iterator<Item = &String> {
        self.missing.iter().chain(&self.gone)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub given: String,
    /// `Err` says what is wrong with the spelling.
    pub key: std::result::Result<ListingKey, String>,
}

/// What a channel's configuration says to its adapter.
#[derive(Clone, Default)]
pub struct Settings {
    pub channel: String,
    /// The mall's address, when it is not the real one (a fake, a proxy).
    pub base_url: Option<String>,
    /// The mall's token endpoint, where that is another host.
    pub auth_url: Option<String>,
    pub credentials: BTreeMap<String, SecretString>,
    pub options: BTreeMap<String, String>,
}

impl Settings {
    /// A credential that the card calls required; configuration was checked against the card before.
    pub fn credential(&self, key: &str) -> std::result::Result<&SecretString, SettingsError> {
        self.credentials
            .get(key)
            .ok_or_else(|| SettingsError { key: format!("credentials.{key}"), message: "is required".into() })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("channel", &self.channel)
            .field("base_url", &self.base_url)
            .field("credentials", &self.credentials.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A setting that an adapter can't work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} {message}")]
pub struct SettingsError {
    pub key: String,
    pub message: String,
}

pub type OpenMall = fn(&Settings, Wire) -> std::result::Result<Box<dyn Mall>, SettingsError>;

/// One line of the list of malls.
pub struct MallEntry {
    pub id: &'static str,
    pub card: &'static Card,
    pub open: OpenMall,
    /// Starts this mall's fake on a free port of the loopback interface.
    #[cfg(feature = "fake")]
    pub fake: crate::fake::StartFake,
}
