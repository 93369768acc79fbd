//! The time line of a SKU: what moved it, what was ordered and held of it, what malls were told and showed of it,
//! who changed what around it.
//!
//! Each kind of event is a list of its own, in the order in which it was recorded. A page reads from each as much
//! as it could need and keeps the earliest: memory is bounded by the page, whatever the history holds.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging, page::number};
use crate::{
    domain::drift::Cause,
    store::{
        Result, Store,
        entity::{
            hold_event, line_event, line_part, listing, log, mall_order, order_line, publication_event, reservation,
            reservation_part, sku, stock_entry, stock_event,
        },
        instant, micros, plans,
        stock::pieces,
    },
};

/// Something that happened to a SKU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = HistoryLine)]
pub struct HistoryLine {
    pub id: String,
    /// When it was recorded, which is when it began to count.
    pub at: Timestamp,
    /// When it occurred, where that is another time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// `ledger`, `order`, `hold`, `listing` or `log`.
    pub kind: String,
    /// What happened: `receipt`, `ordered`, `held`, `told`, `channel.suspend`, …
    pub what: String,
    /// The location and bin, the channel, or the listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// SKU units; of a listing its own units.
    pub units: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Which part of the time line; both ends belong to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// What every list of events is asked for.
struct Window {
    /// Behind this time and id; an id of `i64::MAX` is behind all of that time.
    after: (i64, i64),
    to: i64,
    most: u64,
}

impl Window {
    fn of<E: EntityTrait, C: ColumnTrait>(&self, query: Select<E>, at: C, id: C) -> Select<E> {
        let same = Condition::all().add(at.eq(self.after.0)).add(id.gt(self.after.1));
        query
            .filter(Condition::any().add(at.gt(self.after.0)).add(same))
            .filter(at.gte(self.after.0))
            .filter(at.lte(self.to))
            .order_by_asc(at)
            .order_by_asc(id)
            .limit(self.most)
    }
}

type Lines = Vec<((i64, i64), HistoryLine)>;

impl Store {
    /// Oldest first.
    pub async fn history(&self, code: &str, span: Span, paging: &Paging) -> Result<Page<HistoryLine>> {
        let tx = self.snapshot().await?;
        let wanted = self.sku(&tx, code).await?;
        let from = (span.from.map_or(i64::MIN + 1, micros) - 1, i64::MAX);
        let after = match paging.after::<2>()? {
            Some([at, id]) => (number(&at)?, number(&id)?),
            None => from,
        };
        let window = Window { after, to: span.to.map_or(i64::MAX, micros), most: paging.fetch() };
        let listings = listing::Entity::find().filter(listing::Column::SkuId.eq(wanted.id)).all(&tx).await?;
        let mut lines: Lines = Vec::new();
        lines.extend(ledger(&tx, wanted.id, &window).await?);
        lines.extend(orders(&tx, wanted.id, &window).await?);
        lines.extend(holds(&tx, wanted.id, &window).await?);
        lines.extend(publications(&tx, &listings, &window).await?);
        lines.extend(deeds(&tx, &wanted, &listings, &window).await?);
        lines.sort_by_key(|(place, _)| *place);
        let (lines, next_cursor) = paging.cut(lines, |((at, id), _)| vec![at.to_string(), id.to_string()]);
        Ok(Page { items: lines.into_iter().map(|(_, line)| line).collect(), next_cursor })
    }
}

fn line(id: i64, at: i64, occurred_at: i64, kind: &str, what: String) -> HistoryLine {
    HistoryLine {
        id: id.to_string(),
        at: instant(at),
        occurred_at: (occurred_at != at).then(|| instant(occurred_at)),
        kind: kind.to_owned(),
        what,
        place: None,
        units: None,
        detail: None,
    }
}

async fn ledger(tx: &DatabaseTransaction, sku_id: i64, window: &Window) -> Result<Lines> {
    use stock_entry::Column;
    let query = stock_entry::Entity::find().filter(Column::SkuId.eq(sku_id));
    let rows = window.of(query, Column::RecordedAt, Column::Id).all(tx).await?;
    let mut events = HashMap::new();
    for piece in pieces(&rows.iter().map(|row| row.event_id).collect()) {
        let found = stock_event::Entity::find().filter(stock_event::Column::Id.is_in(piece)).all(tx).await?;
        events.extend(found.into_iter().map(|row| (row.id, row)));
    }
    let told = |row: stock_entry::Model| {
        let event: &stock_event::Model = events.get(&row.event_id)?;
        let why = event.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        let line = HistoryLine {
            place: Some(format!("{}/{}", row.location, row.bin)),
            units: Some(row.quantity),
            detail: Some(format!("{}{why}", event.source)),
            ..line(row.id, row.recorded_at, row.occurred_at, "ledger", event.kind.clone())
        };
        Some(((row.recorded_at, row.id), line))
    };
    Ok(rows.into_iter().filter_map(told).collect())
}

async fn orders(tx: &DatabaseTransaction, sku_id: i64, window: &Window) -> Result<Lines> {
    use line_event::Column;
    let query = line_event::Entity::find()
        .join_rev(JoinType::InnerJoin, parts_of_events())
        .filter(line_part::Column::SkuId.eq(sku_id));
    let rows = window.of(query, Column::RecordedAt, Column::Id).all(tx).await?;
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.line_id).collect();
    let mut of_line: HashMap<i64, (i64, String, String)> = HashMap::new();
    for piece in pieces(&ids) {
        let found: Vec<(i64, i64, String, String)> = order_line::Entity::find()
            .select_only()
            .column(order_line::Column::Id)
            .column(line_part::Column::Quantity)
            .columns([mall_order::Column::Channel, mall_order::Column::OrderId])
            .join_rev(JoinType::InnerJoin, parts_of_lines())
            .join(JoinType::InnerJoin, orders_of_lines())
            .filter(order_line::Column::Id.is_in(piece))
            .filter(line_part::Column::SkuId.eq(sku_id))
            .into_tuple()
            .all(tx)
            .await?;
        found.into_iter().for_each(|(id, quantity, channel, order)| {
            of_line.insert(id, (quantity, channel, order));
        });
    }
    let told = |row: line_event::Model| {
        let (quantity, channel, order) = of_line.get(&row.line_id)?;
        let line = HistoryLine {
            place: Some(channel.clone()),
            units: Some(row.units * quantity),
            detail: Some(format!("order {channel}/{order}")),
            ..line(row.id, row.recorded_at, row.occurred_at, "order", row.what)
        };
        Some(((row.recorded_at, row.id), line))
    };
    Ok(rows.into_iter().filter_map(told).collect())
}

async fn holds(tx: &DatabaseTransaction, sku_id: i64, window: &Window) -> Result<Lines> {
    use hold_event::Column;
    let query = hold_event::Entity::find()
        .join_rev(JoinType::InnerJoin, parts_of_holds())
        .filter(reservation_part::Column::SkuId.eq(sku_id));
    let rows = window.of(query, Column::RecordedAt, Column::Id).all(tx).await?;
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.reservation_id).collect();
    let (mut known, mut units) = (HashMap::new(), HashMap::new());
    for piece in pieces(&ids) {
        let found = reservation::Entity::find().filter(reservation::Column::Id.is_in(piece.clone())).all(tx).await?;
        known.extend(found.into_iter().map(|row| (row.id, row)));
        let parts = reservation_part::Entity::find()
            .filter(reservation_part::Column::ReservationId.is_in(piece))
            .filter(reservation_part::Column::SkuId.eq(sku_id));
        units.extend(parts.all(tx).await?.into_iter().map(|row| (row.reservation_id, row.quantity)));
    }
    let told = |row: hold_event::Model| {
        let held = known.get(&row.reservation_id)?;
        let why = row.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        let line = HistoryLine {
            place: held.channel.clone(),
            units: units.get(&row.reservation_id).copied(),
            detail: Some(format!("reservation {}{why}", held.given_id)),
            ..line(row.id, row.recorded_at, row.occurred_at, "hold", row.what)
        };
        Some(((row.recorded_at, row.id), line))
    };
    Ok(rows.into_iter().filter_map(told).collect())
}

async fn publications(tx: &DatabaseTransaction, listings: &[listing::Model], window: &Window) -> Result<Lines> {
    use publication_event::Column;
    let names: HashMap<i64, String> =
        listings.iter().map(|row| (row.id, format!("{} {}", row.channel, row.mall_key))).collect();
    let query = publication_event::Entity::find().filter(Column::ListingId.is_in(names.keys().copied()));
    let rows = window.of(query, Column::At, Column::Id).all(tx).await?;
    let told = |row: publication_event::Model| {
        let since = row.applied.zip(row.sold_since);
        let basis = since.map(|(applied, sold)| format!("{applied:+} changed and {sold} sold since"));
        let cause = row.cause.as_deref().and_then(Cause::parse);
        let cause = cause.map(|cause| format!("most likely {}", cause.sentence()));
        let said: Vec<String> = row.detail.into_iter().chain(cause).collect();
        let line = HistoryLine {
            place: names.get(&row.listing_id).cloned(),
            units: row.value,
            detail: Some(said.join("; ")).filter(|said| !said.is_empty()).or(basis),
            ..line(row.id, row.at, row.at, "listing", row.what)
        };
        ((row.at, row.id), line)
    };
    Ok(rows.into_iter().map(told).collect())
}

/// What people did to the SKU, its listings and the channels that sell it: rules, mappings, switches.
async fn deeds(
    tx: &DatabaseTransaction,
    wanted: &sku::Model,
    listings: &[listing::Model],
    window: &Window,
) -> Result<Lines> {
    use log::Column;
    let channels = listings.iter().map(|row| format!("channel/{}", row.channel));
    let keys = listings.iter().map(|row| format!("listing/{}/{}", row.channel, row.mall_key));
    let mut subjects: BTreeSet<String> = channels.chain(keys).chain([format!("sku/{}", wanted.code)]).collect();
    subjects.extend(plans::subjects_of_sku(tx, wanted.id).await?);
    let query = log::Entity::find().filter(Column::Subject.is_in(subjects));
    let rows = window.of(query, Column::At, Column::Id).all(tx).await?;
    let told = |row: log::Model| {
        let said: Vec<String> = [Some(format!("by {}", row.who)), row.why, row.detail].into_iter().flatten().collect();
        let line = HistoryLine {
            place: Some(row.subject),
            detail: Some(said.join(", ")),
            ..line(row.id, row.at, row.at, "log", row.what)
        };
        ((row.at, row.id), line)
    };
    Ok(rows.into_iter().map(told).collect())
}

fn parts_of_events() -> RelationDef {
    line_part::Entity::belongs_to(line_event::Entity)
        .from(line_part::Column::LineId)
        .to(line_event::Column::LineId)
        .into()
}

fn parts_of_lines() -> RelationDef {
    line_part::Entity::belongs_to(order_line::Entity).from(line_part::Column::LineId).to(order_line::Column::Id).into()
}

fn orders_of_lines() -> RelationDef {
    order_line::Entity::belongs_to(mall_order::Entity)
        .from(order_line::Column::OrderRef)
        .to(mall_order::Column::Id)
        .into()
}

fn parts_of_holds() -> RelationDef {
    reservation_part::Entity::belongs_to(hold_event::Entity)
        .from(reservation_part::Column::ReservationId)
        .to(hold_event::Column::ReservationId)
        .into()
}
