//! What people and programs see of the store: the resources of the HTTP API, read in one moment each.
//!
//! Every answer comes from one snapshot of the database, every list is bounded and goes on from a cursor, and
//! each page costs a fixed number of statements however many rows it holds. Nothing is decided here: a
//! listing's state is the domain's word on its publication.

mod ages;
mod audit;
mod availability;
mod backfill;
mod channel;
mod desk;
mod due;
mod history;
mod item;
mod ledger;
mod listing;
mod order;
mod page;
mod reservation;
mod sale_plan;
mod sku;
mod switching;

use std::collections::HashMap;

use sea_orm::{AccessMode, DatabaseBackend, DatabaseTransaction, IsolationLevel, TransactionOptions, TransactionTrait};
use uriba_sdk::{
    Card,
    card::{OrdersCard, WriteMode},
    wire::{QuotaKey, Rate},
};

use super::{Result, Store, entity, publications};
use crate::domain::{plan, publication::Ways};

pub use ages::{Ages, Oldest, OldestOf};
pub use audit::{AuditSheet, AuditedChannel, DIFFERENCES_MAX, Difference};
pub use availability::AvailabilitySheet;
pub use backfill::BackfillSheet;
pub use channel::{
    ChannelSheet, CoverageSheet, CredentialSheet, GapSheet, HealthSheet, LaneSheet, QuotaSheet, ScheduleSheet,
    SuspendSheet,
};
pub use desk::{AttentionSheet, ImportSheet, LogSheet, Rejection, TokenSheet};
pub use due::DueSheet;
pub use history::{HistoryLine, Span};
pub use item::{ItemSheet, Suggestion};
pub use ledger::LedgerEntry;
pub use listing::{ListingFilter, ListingSheet, Showing, UnmappedSheet};
pub use order::{LinePartSheet, OrderFilter, OrderLineSheet, OrderSheet};
pub use page::{Page, Paging};
pub use reservation::{ReservationLine, ReservationSheet};
pub use sale_plan::{PlanAnswer, PlanSheet};
pub use sku::{
    ComponentSheet, ExposureSheet, ModeCount, NotDone, PoolSheet, PoolTotals, SkuSheet, StopSheet, StoppedSheet,
};
pub use switching::{LeftAlone, SwitchPreview, Throw};

/// What the mall's card and the configuration say of a channel, where its row alone doesn't tell.
#[derive(Clone, Debug)]
pub struct Outline {
    pub card: &'static Card,
    /// Every quota by the name that `[channels.quotas]` uses.
    pub quotas: Vec<(String, QuotaKey, Rate)>,
    /// How zeros are written, and everything else.
    pub zeros: PushWay,
    pub others: PushWay,
    /// The quotas of which each push takes one token.
    pub push_quotas: Vec<String>,
    /// What the mall can hold.
    pub quantity_max: i64,
    /// How its orders are read, with the configured lag.
    pub orders: OrdersCard,
}

/// One way to write: what carries it, and how many listings at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushWay {
    pub operation: &'static str,
    pub items_max: u64,
}

impl PushWay {
    fn of(card: &Card, mode: WriteMode) -> Self {
        // Of several kinds, the one that takes most requests.
        let way = card.writes.iter().filter(|way| way.mode == mode).min_by_key(|way| way.batch_max);
        let items_max = way.map_or(1, |way| way.batch_max.max(1) as u64);
        Self { operation: way.map_or("", |way| way.operation), items_max }
    }
}

/// By channel. A channel that is missing here is one that nothing is written to.
pub type Outlines = HashMap<String, Outline>;

impl Outline {
    pub fn ways_of(&self, listing: &entity::listing::Model) -> Ways {
        plan::ways(self.card, publications::kind_of(self.card, listing))
    }

    pub fn of(card: &'static Card, quotas: Vec<(String, QuotaKey, Rate)>) -> Self {
        let ways = plan::common_ways(card);
        let mode = match ways {
            Ways { relative: true, .. } => WriteMode::Relative,
            Ways { compare_and_set: true, .. } => WriteMode::CompareAndSet,
            _ => WriteMode::Absolute,
        };
        let (zeros, others) = (PushWay::of(card, WriteMode::Absolute), PushWay::of(card, mode));
        let mut push_quotas: Vec<String> = [zeros.operation, others.operation]
            .into_iter()
            .filter_map(|name| card.operation(name))
            .flat_map(|operation| operation.quotas.iter().map(ToString::to_string))
            .collect();
        push_quotas.sort_unstable();
        push_quotas.dedup();
        let (quantity_max, orders) = (card.quantity_max, card.orders.clone());
        Self { card, quotas, zeros, others, push_quotas, quantity_max, orders }
    }
}

impl Store {
    /// A transaction that sees one moment and writes nothing.
    pub async fn snapshot(&self) -> Result<DatabaseTransaction> {
        // A reading transaction of SQLite is a snapshot by itself, and knows no levels.
        let levels = self.backend() != DatabaseBackend::Sqlite;
        let options = TransactionOptions {
            isolation_level: levels.then_some(IsolationLevel::RepeatableRead),
            access_mode: levels.then_some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        };
        Ok(self.reader.begin_with_options(options).await?)
    }
}
