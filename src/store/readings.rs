//! What the malls are seen to show: which listings to look at next, and what a look leads to.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uriba_sdk::{Reading, mall::ListingKey};

use super::{
    Result, Store,
    dialect::{holds, none},
    entity::{listing, order_line, publication},
    instant,
    lease::Lease,
    micros,
    publication_desk::Desk,
    publication_rows::sales,
    publications::{Outlet, Settled, situation},
};
use crate::domain::{
    drift::Cause,
    reading::{self, Reason},
    settle::{self, Exchange},
    time::earlier,
};

impl Store {
    /// What to read next: whatever is due, the earliest deadline first, then what was unread for longest.
    pub async fn to_read(&self, channel: &str, now: Timestamp, most: u64) -> Result<Vec<(i64, ListingKey)>> {
        use publication::Column;
        let here = || publication::Entity::find().filter(Column::Channel.eq(channel)).limit(most);
        let due = async |column: Column| -> Result<Vec<(i64, i64)>> {
            let rows = here().select_only().columns([Column::ListingId, column]).filter(column.lte(micros(now)));
            Ok(rows.order_by_asc(column).into_tuple().all(&self.reader).await?)
        };
        let unsettled = due(Column::ReadDue).await?.into_iter();
        let mut wanted: Vec<_> = unsettled.map(|(id, at)| (id, Reason::Unsettled(instant(at)))).collect();
        wanted.extend(due(Column::LookAt).await?.into_iter().map(|(id, at)| (id, Reason::Unread(instant(at)))));
        wanted.extend(self.asked_for(channel, most).await?);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut ids = reading::next(wanted, most);
        if ids.len() < most {
            let spare = here()
                .select_only()
                .column(Column::ListingId)
                .filter(holds(Column::Checked))
                .filter(none(Column::OpenWrites))
                .filter(Column::ReadAt.lt(micros(reading::spare_before(now))))
                .order_by_asc(Column::ReadAt);
            let spare: Vec<i64> = spare.into_tuple().all(&self.reader).await?;
            let known: HashSet<i64> = ids.iter().copied().collect();
            ids.extend(spare.into_iter().filter(|id| !known.contains(id)));
            ids.truncate(most);
        }
        let listings = listing::Entity::find().filter(listing::Column::Id.is_in(ids.clone())).all(&self.reader).await?;
        let keys: HashMap<i64, listing::Model> = listings.into_iter().map(|row| (row.id, row)).collect();
        let ready = |id: &i64| keys.get(id).filter(|row| matches!(row.state.as_str(), "ready" | "missing"));
        Ok(ids
            .iter()
            .filter_map(ready)
            .map(|row| (row.id, ListingKey { key: row.mall_key.clone(), handle: row.handle.clone() }))
            .collect())
    }

    /// Takes in what the mall shows.
    pub async fn take_readings(
        &self,
        lease: &Lease,
        outlet: &Outlet,
        readings: &[(i64, Reading)],
        exchange: Exchange,
    ) -> Result<Settled> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let situation = situation(&tx, &outlet.channel, exchange.answered_at).await?;
        let ids: BTreeSet<i64> = readings.iter().map(|(id, _)| *id).collect();
        self.lock_stock_of(&tx, &ids).await?;
        let mut listed = self.listed(&tx, &ids).await?;
        let look = |value| exchange.look(value, outlet.times.precision);
        let sales = sales(&tx, &listed, micros(look(0).from)).await?;
        let lately = sold_since(&tx, &ids, earlier(exchange.answered_at, reading::SALES_OF)).await?;
        let mut desk = Desk::new(outlet);
        for (id, reading) in readings {
            let Some(item) = listed.iter_mut().find(|listed| listed.id() == *id) else { continue };
            if item.row.pushed_at.is_some_and(|pushed| pushed >= micros(exchange.sent_at)) {
                // A write was answered while this reading was under way: which came first can't be told.
                item.publication.wants_read(exchange.answered_at);
                continue;
            }
            item.row.read_at = Some(micros(exchange.answered_at));
            item.row.sold_lately = lately.get(id).copied().unwrap_or(0);
            let sold = sales.get(id).map_or(&[][..], Vec::as_slice);
            desk.look(item, reading, look, &situation, sold);
        }
        let drifts = std::mem::take(&mut desk.drifts);
        self.note_audited(&tx, &outlet.channel, &desk.glances, exchange).await?;
        self.close_desk(&tx, desk).await?;
        self.save_listed(&tx, &listed).await?;
        tx.commit().await?;
        Ok(Settled { drifts, ..Settled::default() })
    }

    /// The same for listings that nobody can read: time says what became of what was written to them.
    pub async fn settle_by_time(&self, lease: &Lease, outlet: &Outlet, ids: &BTreeSet<i64>) -> Result<()> {
        let now = self.now();
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let watermark = situation(&tx, &outlet.channel, now).await?.watermark;
        self.lock_stock_of(&tx, ids).await?;
        let mut listed = self.listed(&tx, ids).await?;
        let sales = sales(&tx, &listed, micros(now)).await?;
        let mut desk = Desk::new(outlet);
        for item in &mut listed {
            item.row.read_at = Some(micros(now));
            let sold = sales.get(&item.id()).map_or(&[][..], Vec::as_slice);
            let notes = settle::by_time(&mut item.publication, now, watermark, sold, &outlet.times);
            desk.take(item, notes, now);
        }
        self.close_desk(&tx, desk).await?;
        self.save_listed(&tx, &listed).await?;
        Ok(tx.commit().await?)
    }

    /// The watermark moved: readings that waited for it may decide now.
    pub async fn judge_waiting(&self, lease: &Lease, outlet: &Outlet, now: Timestamp) -> Result<Vec<Cause>> {
        // Mostly nothing waits, and then nobody's turn to write is taken.
        if waiting_for_orders(&self.reader, outlet, now).await?.is_none() {
            return Ok(Vec::new());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let Some((watermark, waiting)) = waiting_for_orders(&tx, outlet, now).await? else {
            return Ok(Vec::new());
        };
        self.lock_stock_of(&tx, &waiting).await?;
        let mut listed = self.listed(&tx, &waiting).await?;
        let sales = sales(&tx, &listed, micros(now)).await?;
        let mut desk = Desk::new(outlet);
        for item in &mut listed {
            let sold = sales.get(&item.id()).map_or(&[][..], Vec::as_slice);
            item.publication.orders_known(watermark);
            if item.publication.waiting.is_some() {
                let notes = settle::judge(&mut item.publication, now, Some(watermark), sold, &outlet.times);
                desk.take(item, notes, now);
            }
        }
        let drifts = std::mem::take(&mut desk.drifts);
        self.close_desk(&tx, desk).await?;
        self.save_listed(&tx, &listed).await?;
        tx.commit().await?;
        Ok(drifts)
    }
}

/// The watermark, and the listings whose reading waited for it to come so far.
async fn waiting_for_orders(
    db: &impl ConnectionTrait,
    outlet: &Outlet,
    now: Timestamp,
) -> Result<Option<(Timestamp, BTreeSet<i64>)>> {
    let Some(watermark) = situation(db, &outlet.channel, now).await?.watermark else { return Ok(None) };
    let waiting: Vec<i64> = publication::Entity::find()
        .select_only()
        .column(publication::Column::ListingId)
        .filter(publication::Column::Channel.eq(&outlet.channel))
        .filter(
            publication::Column::WaitingTo
                .lte(micros(watermark))
                .or(publication::Column::UnbookedUntil.lte(micros(watermark))),
        )
        .limit(super::ROWS_PER_STATEMENT as u64)
        .into_tuple()
        .all(db)
        .await?;
    Ok((!waiting.is_empty()).then(|| (watermark, waiting.into_iter().collect())))
}

/// Listing units sold by orders placed since then.
async fn sold_since(
    db: &impl ConnectionTrait,
    listings: &BTreeSet<i64>,
    since: Timestamp,
) -> Result<HashMap<i64, i64>> {
    use order_line::Column;
    let mut found = HashMap::new();
    for piece in super::stock::pieces(listings) {
        let sums: Vec<(i64, i64)> = order_line::Entity::find()
            .select_only()
            .column(Column::ListingId)
            .column_as(Expr::col(Column::Sold).sum().cast_as("BIGINT"), "units")
            .filter(Column::ListingId.is_in(piece))
            .filter(Column::PlacedAt.gt(micros(since)))
            .group_by(Column::ListingId)
            .into_tuple()
            .all(db)
            .await?;
        found.extend(sums);
    }
    Ok(found)
}
