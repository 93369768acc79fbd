//! Which listings a claim looks at: the most urgent, and those that have waited for longest, each found by an index.
//!
//! A wish that can't be written for now (no room in its escrow, something stops raises, the mall rests) leaves the
//! queue: thousands of them cost a claim nothing. It comes back when its belief changes, when its SKU is computed
//! again, and a minute later in any case.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use uriba_sdk::card::WriteMode;

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    dialect::holds,
    entity::{listing, publication, stop_raise},
    lease::Lease,
    micros,
    publication_belief::urgency_rank,
    publications::{Kinds, Outlet},
    stops::{any_stopped, stopped_listings},
};
use crate::domain::{
    plan::{self, Carrier},
    publication::{Situation, Urgency},
    suspend::Mode,
    time::{earlier, later},
};

/// Nothing need ring for what rests: it is looked at again after so long.
const REST: Duration = Duration::from_secs(60);

/// What a claim is after, and how often it has looked in vain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub kinds: Kinds,
    pub by: Carrier,
    pub round: u32,
}

impl Store {
    /// Whether any listing may have something to write.
    pub async fn wants_writes(&self, channel: &str) -> Result<bool> {
        use publication::Column;
        let of_channel = || {
            let rows = publication::Entity::find().select_only().column(Column::ListingId).limit(1);
            rows.filter(Column::Channel.eq(channel))
        };
        let queued = of_channel().filter(holds(Column::Queued)).into_tuple::<i64>().one(&self.reader).await?;
        if queued.is_some() {
            return Ok(true);
        }
        let rested = of_channel().filter(Column::RestsUntil.lte(micros(self.now())));
        Ok(rested.into_tuple::<i64>().one(&self.reader).await?.is_some())
    }

    /// How many of a channel's listings wait to be written, as far as that matters.
    pub async fn waiting(&self, channel: &str, most: u64) -> Result<u64> {
        let rows = publication::Entity::find().select_only().column(publication::Column::ListingId);
        let waiting = rows.filter(publication::Column::Channel.eq(channel)).filter(holds(publication::Column::Queued));
        Ok(waiting.limit(most).into_tuple::<i64>().all(&self.reader).await?.len() as u64)
    }

    /// Those that have rested come back.
    pub(super) async fn wake(&self, lease: &Lease, channel: &str, now: Timestamp) -> Result<()> {
        use publication::Column;
        let rested = || {
            let rows = publication::Entity::find().select_only().column(Column::ListingId);
            rows.filter(Column::Channel.eq(channel)).filter(Column::RestsUntil.lte(micros(now)))
        };
        if rested().limit(1).into_tuple::<i64>().one(&self.reader).await?.is_none() {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let rows = rested().order_by_asc(Column::ListingId).limit(ROWS_PER_STATEMENT as u64 * 4);
        let rows: Vec<i64> = rows.lock_exclusive().into_tuple().all(&tx).await?;
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            publication::Entity::update_many()
                .col_expr(Column::Queued, Expr::col(Column::Wants))
                .col_expr(Column::RestsUntil, Expr::value(Option::<i64>::None))
                .filter(Column::ListingId.is_in(piece.iter().copied()))
                .exec(&tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// These, which are locked, leave the queue for a while.
    pub(super) async fn rest(&self, tx: &DatabaseTransaction, listings: &[i64], now: Timestamp) -> Result<()> {
        use publication::Column;
        for piece in listings.chunks(ROWS_PER_STATEMENT) {
            publication::Entity::update_many()
                .col_expr(Column::Queued, Expr::value(false))
                .col_expr(Column::RestsUntil, Expr::value(micros(later(now, REST))))
                .filter(Column::ListingId.is_in(piece.iter().copied()))
                .exec(tx)
                .await?;
        }
        Ok(())
    }
}

/// Listings that may have something to write.
pub(super) async fn candidates(
    tx: &DatabaseTransaction,
    outlet: &Outlet,
    situation: &Situation,
    stops: &Stops,
    look: Look,
) -> Result<BTreeSet<i64>> {
    use publication::Column;
    let now = micros(situation.now);
    let most = plan::batch_max(outlet.card, look.by) as u64 * 2 + 20;
    // The first look is for what there is to write; the further ones for what is hidden behind others.
    let most = if look.round == 0 { most } else { Ord::max(most, ROWS_PER_STATEMENT as u64) };
    let base = || {
        publication::Entity::find()
            .select_only()
            .column(Column::ListingId)
            .filter(Column::Channel.eq(&outlet.channel))
            .limit(most)
    };
    if !situation.live || situation.switch == Some(Mode::Freeze) {
        return Ok(BTreeSet::new());
    }
    if situation.switch == Some(Mode::Zero) {
        let untold =
            Condition::any().add(Column::OpenWrites.eq(0)).add(Column::Told.ne(0)).add(Column::ReadDue.lte(now));
        let awake = Condition::any().add(Column::SetAsideUntil.is_null()).add(Column::SetAsideUntil.lte(now));
        let lit = base().filter(Column::Lit.eq(true)).filter(Column::Checked.eq(true)).filter(untold).filter(awake);
        let lit: Vec<i64> = lit.order_by_desc(Column::Rank).into_tuple().all(tx).await?;
        return Ok(lit.into_iter().collect());
    }
    let mut wanting = base().filter(holds(Column::Queued));
    if look.kinds == Kinds::Zeros || !situation.baseline_done {
        wanting = wanting.filter(Column::Urgency.eq(urgency_rank(Some(Urgency::Zero))));
    }
    if stops.everything() {
        wanting = wanting.filter(Column::Urgency.gt(0));
    }
    if !outlet.card.offers(WriteMode::Relative) || outlet.card.reads.is_none() {
        // An absolute raise waits until the orders are known past what it would overwrite.
        let watermark = situation.watermark.map_or(i64::MIN, micros);
        let known = Condition::any()
            .add(Column::Urgency.gt(0))
            .add(Column::AnchorTo.is_null())
            .add(Column::AnchorTo.lt(watermark));
        wanting = wanting.filter(known);
    }
    let aged = wanting
        .clone()
        .filter(Column::WantsSince.lte(micros(earlier(situation.now, plan::AGED))))
        .order_by_asc(Column::WantsSince);
    let aged: Vec<i64> = aged.into_tuple().all(tx).await?;
    let largest = wanting.order_by_desc(Column::Urgency).order_by_desc(Column::Rank);
    let largest: Vec<i64> = largest.into_tuple().all(tx).await?;
    Ok(aged.into_iter().chain(largest).collect())
}

/// Listings whose SKU is off sale and that are to show nothing now.
pub(super) async fn stopped_first(
    tx: &DatabaseTransaction,
    outlet: &Outlet,
    situation: &Situation,
) -> Result<BTreeSet<i64>> {
    use publication::Column;
    if !situation.live || situation.switch.is_some() || !any_stopped(tx).await? {
        return Ok(BTreeSet::new());
    }
    let most = plan::batch_max(outlet.card, Carrier::Answer) as u64;
    let rows = publication::Entity::find()
        .select_only()
        .column(Column::ListingId)
        .filter(Column::Channel.eq(&outlet.channel))
        .filter(holds(Column::Queued))
        .filter(Column::Urgency.eq(urgency_rank(Some(Urgency::Zero))))
        .filter(Column::ListingId.in_subquery(stopped_listings()))
        .order_by_desc(Column::Rank)
        .limit(most);
    Ok(rows.into_tuple::<i64>().all(tx).await?.into_iter().collect())
}

/// What forbids raising, loaded once per claim.
pub(super) struct Stops(HashSet<String>);

/// The scope of what forbids raises everywhere.
pub(super) const EVERYTHING: &str = "everything";

impl Stops {
    pub(super) async fn load(db: &impl ConnectionTrait, channel: &str) -> Result<Self> {
        let rows = stop_raise::Entity::find().filter(stop_raise::Column::EndedAt.is_null()).all(db).await?;
        let all = rows.into_iter().map(|row| row.scope).collect::<HashSet<_>>();
        let whole = format!("channel:{channel}");
        Ok(Self(if all.contains(&whole) || all.contains(EVERYTHING) { HashSet::from(["*".to_owned()]) } else { all }))
    }

    /// Nothing of the channel may be raised: looking at each raise, to let it rest, would be in vain.
    fn everything(&self) -> bool {
        self.0.contains("*")
    }

    pub(super) fn forbid(&self, listing: &listing::Model) -> bool {
        self.everything()
            || self.0.contains(&format!("sku:{}", listing.sku_id))
            || self.0.contains(&format!("listing:{}", listing.id))
    }
}
