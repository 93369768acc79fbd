//! A mall's card: constant facts, each with its source, that the engine plans with.

use std::time::Duration;

/// Everything that the hub must know about a mall before talking to it.
#[derive(Clone, Debug)]
pub struct Card {
    /// The word used in configuration: `rakuten`.
    pub mall: &'static str,
    /// The name people use: `楽天市場`.
    pub name: &'static str,
    /// The zone of the mall's times without an offset (IANA name).
    pub zone: &'static str,
    pub writes: &'static [WriteWay],
    /// Which kind of listing a key (and its handle) names, for malls that write them in different ways: a word of
    /// `writes`. [`one_kind`] where there is one.
    pub kind_of: KindOf,
    pub reads: Option<ReadWay>,
    pub orders: OrdersCard,
    pub times: Times,
    /// The largest figure a listing can hold; targets are clamped to it.
    pub quantity_max: i64,
    pub quotas: &'static [QuotaCard],
    pub operations: &'static [OperationCard],
    pub credentials: &'static [CredentialCard],
    /// Keys that `[channels.options]` may hold, with what each does.
    pub options: &'static [OptionCard],
    /// Facts that the fields above rest on.
    pub sources: &'static [Source],
}

/// The word in [`WriteWay::kind`] for a key and its handle.
pub type KindOf = fn(key: &str, handle: Option<&str>) -> &'static str;

/// For malls whose listings are all written alike.
pub fn one_kind(_key: &str, _handle: Option<&str>) -> &'static str {
    ""
}

impl Card {
    pub fn write_way(&self, kind: &str, mode: WriteMode) -> Option<&WriteWay> {
        self.writes.iter().find(|way| way.kind == kind && way.mode == mode)
    }

    /// Whether listings of any kind can be written so.
    pub fn offers(&self, mode: WriteMode) -> bool {
        self.writes.iter().any(|way| way.mode == mode)
    }

    pub fn operation(&self, name: &str) -> Option<&OperationCard> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

/// One way to write stock.
#[derive(Clone, Debug)]
pub struct WriteWay {
    pub operation: &'static str,
    /// The kind of listing that it is for, by [`Card::kind_of`]; `""` where there is one.
    pub kind: &'static str,
    pub mode: WriteMode,
    /// The most updates that one push may carry.
    pub batch_max: usize,
    pub batch: Batch,
    /// What a relative write below zero does.
    pub below_zero: BelowZero,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteMode {
    Absolute,
    Relative,
    CompareAndSet,
}

/// What becomes of a batch's good entries when some entries are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Batch {
    AllOrNothing,
    PerItem,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BelowZero {
    Refused,
    Negative,
    Clamped,
    Unknown,
    /// The mall has no relative write.
    NotApplicable,
}

#[derive(Clone, Debug)]
pub struct ReadWay {
    pub operation: &'static str,
    pub batch_max: usize,
    /// Does a read give what is sold now, or what was last submitted?
    pub figure: Figure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Figure {
    Effective,
    Submitted,
}

#[derive(Clone, Debug)]
pub struct OrdersCard {
    pub search: &'static str,
    pub by_id: &'static str,
    /// Whether windows are over the time of placing or of the last change.
    pub found_by: FoundBy,
    /// A search can be limited to open orders.
    pub open_filter: bool,
    /// Heads carry a revision, so unchanged open orders need not be read again.
    pub heads_carry_revision: bool,
    /// Pages carry whole orders, so heads need no `by_id`.
    pub pages_carry_orders: bool,
    /// Orders per `by_id` call.
    pub by_id_max: usize,
    /// The longest window that one search may span.
    pub span_max: Duration,
    /// How far back a search reaches.
    pub reach: Duration,
    /// A window must end at least so long before now.
    pub edge: Duration,
    /// An order can be found at most so long after it was placed (or changed).
    pub visibility_lag: Duration,
    /// How far windows are read again.
    pub overlap: Duration,
    /// The grain of order times: two instants closer than this can't be put in order.
    pub precision: Duration,
    /// Split orders exist, and can be searched by family id.
    pub families: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FoundBy {
    Placed,
    Updated,
}

#[derive(Clone, Debug)]
pub struct Times {
    /// Accepted now, effective later.
    pub effect_lag: Option<EffectLag>,
    /// A write whose answer was lost may still land so long after it was sent.
    pub late_apply: Duration,
    /// Sold units that no order explains after this long are drift.
    pub unseen_for_at_most: Duration,
    /// Shortest useful poll interval.
    pub poll_interval: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct EffectLag {
    pub typical: Duration,
    pub max: Duration,
    /// A read shows the effective figure, so that the moment can be seen.
    pub readable: bool,
}

/// A rate of requests, or of points where operations have `costs`.
#[derive(Clone, Debug)]
pub struct QuotaCard {
    /// The name used in `[channels.quotas]`.
    pub name: &'static str,
    pub per_second: f64,
    pub burst: u32,
    pub per_day: Option<u32>,
    pub scope: Scope,
}

/// Who shares a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Channel,
    /// All channels of this mall whose named credential is the same (a client id).
    Credential(&'static str),
}

#[derive(Clone, Debug)]
pub struct OperationCard {
    pub name: &'static str,
    /// Quotas that one request of it takes one token of each from.
    pub quotas: &'static [&'static str],
    /// Budgets of points, and what one request of it is reckoned to take from each. What it really took is said
    /// afterwards, by [`crate::Wire::spent`].
    pub costs: &'static [(&'static str, u32)],
    /// How long it usually takes until what was asked for is decided, where the answer gives a ticket only
    /// ([`crate::Outcome::Pending`]); zero where the answer decides. Of two ways to write the same kind in the same mode the
    /// one that takes longer is for many listings at once: the engine gives it more updates than the other one takes.
    pub takes: Duration,
}

impl OperationCard {
    /// An operation whose requests all count the same.
    pub const fn counted(name: &'static str, quotas: &'static [&'static str]) -> Self {
        Self { name, quotas, costs: &[], takes: Duration::ZERO }
    }
}

#[derive(Clone, Debug)]
pub struct CredentialCard {
    pub key: &'static str,
    pub required: bool,
    /// How long the mall lets it live, where that is known.
    pub life: Option<Duration>,
    pub what: &'static str,
}

#[derive(Clone, Debug)]
pub struct OptionCard {
    pub key: &'static str,
    pub what: &'static str,
}

#[derive(Clone, Debug)]
pub struct Source {
    pub fact: &'static str,
    pub source: &'static str,
    /// ISO date on which it was read.
    pub read_on: &'static str,
}

/// Seconds, minutes, hours and days as constants for cards.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3_600)
}
pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}
