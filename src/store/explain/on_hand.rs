//! On hand: the main bins of the pool's locations, each from its newest count, or its newest entries.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};

use super::{COUNTED, NAMED, Result, When, cut};
use crate::{
    domain::{explain::Term, ledger::MAIN, time::later},
    store::{
        entity::{stock, stock_balance, stock_entry, stock_event},
        instant,
        ledger_time::{self, Holding, events_of_entries},
        micros,
        stock::{UNDO, pieces, pool_locations},
    },
};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) async fn term(tx: &DatabaseTransaction, pool: &str, sku_id: i64, when: When) -> Result<Term> {
    let locations = pool_locations(tx, pool).await?;
    if !is_stocked(tx, pool, &locations, sku_id, when).await? {
        let why = format!("no count or movement had named it in pool {pool}: no figure is not zero");
        return Ok(Term::unknown("on_hand", why));
    }
    let holding = match when {
        When::Now => balances(tx, sku_id).await?,
        When::At(at) => ledger_time::in_the_books(tx, sku_id, at).await?,
    };
    let mut terms = Vec::new();
    for location in locations {
        let elsewhere: Vec<String> = holding
            .iter()
            .filter(|((place, bin), units)| *place == location && bin != MAIN && **units != 0)
            .map(|((_, bin), units)| format!("{units} in {bin}"))
            .collect();
        let Some(units) = holding.get(&(location.clone(), MAIN.to_owned())).copied() else { continue };
        let entries = entries(tx, sku_id, &location, when, units).await?;
        let beside =
            if elsewhere.is_empty() { String::new() } else { format!(" (not sold: {})", elsewhere.join(", ")) };
        terms.push(Term::sum("location", entries).from(format!("{location}{beside}")));
    }
    Ok(Term::sum("on_hand", terms))
}

async fn balances(tx: &DatabaseTransaction, sku_id: i64) -> Result<Holding> {
    let rows = stock_balance::Entity::find().filter(stock_balance::Column::SkuId.eq(sku_id)).all(tx).await?;
    Ok(rows.into_iter().map(|row| ((row.location, row.bin), row.quantity)).collect())
}

/// What left alone gives no figure: a shipment, or a core's sale.
async fn is_stocked(
    tx: &DatabaseTransaction,
    pool: &str,
    locations: &[String],
    sku_id: i64,
    when: When,
) -> Result<bool> {
    let When::At(at) = when else {
        let row = stock::Entity::find_by_id((sku_id, pool.to_owned())).one(tx).await?;
        return Ok(row.is_some_and(|row| row.stocked));
    };
    let first = stock_entry::Entity::find()
        .join(JoinType::InnerJoin, events_of_entries())
        .filter(stock_entry::Column::SkuId.eq(sku_id))
        .filter(stock_entry::Column::RecordedAt.lte(micros(at)))
        .filter(stock_entry::Column::Location.is_in(locations.iter().map(String::as_str)))
        .filter(stock_event::Column::Source.not_like("order %"))
        .filter(stock_event::Column::ImportId.is_null().or(stock_event::Column::Kind.is_in(["receipt", "stocktake"])));
    Ok(first.one(tx).await?.is_some())
}

/// From the newest count if it is among the newest entries, else these and a sum of what was before.
async fn entries(tx: &DatabaseTransaction, sku_id: i64, location: &str, when: When, units: i64) -> Result<Vec<Term>> {
    let rows = of_place(sku_id, location, when)
        .order_by_desc(stock_entry::Column::OccurredAt)
        .order_by_desc(stock_entry::Column::Id)
        .limit(NAMED as u64 + 1)
        .all(tx)
        .await?;
    let events = events(tx, rows.iter().map(|row| row.event_id).collect()).await?;
    // A count's opposite occurs when it did and is newer, so it stands before it here.
    let undone: BTreeSet<i64> =
        events.values().filter(|event| is_undo(event)).filter_map(|event| event.reverses).collect();
    let counted = |event: &stock_event::Model| event.kind == "stocktake" && !undone.contains(&event.id);
    let count = rows.iter().find(|row| events.get(&row.event_id).is_some_and(counted));
    let is_since = |row: &&stock_entry::Model| count.is_none_or(|count| row.occurred_at > count.occurred_at);
    let named: Vec<Term> = rows
        .iter()
        .filter(is_since)
        .take(NAMED)
        .filter_map(|row| Some(entry(row, events.get(&row.event_id)?)))
        .collect();
    if let Some((count, event)) = count.and_then(|count| Some((count, events.get(&count.event_id)?))) {
        let since: i64 = named.iter().filter_map(Term::whole).sum();
        let counted = Term::fact("counted", units - since, described(event)).at(instant(count.occurred_at));
        return Ok(named.into_iter().chain([counted]).collect());
    }
    let more = if rows.len() > NAMED { Some(earlier(tx, sku_id, location, when).await?) } else { None };
    Ok(cut(named, units, more))
}

/// How many entries are not named, as far as it is worth counting.
async fn earlier(tx: &DatabaseTransaction, sku_id: i64, location: &str, when: When) -> Result<String> {
    let ids: Vec<i64> = of_place(sku_id, location, when)
        .select_only()
        .column(stock_entry::Column::Id)
        .limit(COUNTED as u64 + 1)
        .into_tuple()
        .all(tx)
        .await?;
    Ok(match ids.len() {
        many if many > COUNTED => format!("more than {} earlier entries", COUNTED - NAMED),
        few => format!("{} earlier entries", few - NAMED),
    })
}

fn of_place(sku_id: i64, location: &str, when: When) -> Select<stock_entry::Entity> {
    use stock_entry::Column;
    let query = stock_entry::Entity::find()
        .filter(Column::SkuId.eq(sku_id))
        .filter(Column::Location.eq(location))
        .filter(Column::Bin.eq(MAIN));
    match when {
        When::Now => query,
        // Read backward in the order of occurring. What had been recorded by then occurred at most a day later
        // (the malls' dates end at midnight); the sum keeps the time of recording from being what is searched by.
        When::At(at) => query
            .filter(Column::OccurredAt.lte(micros(later(at, DAY))))
            .filter(Expr::col(Column::RecordedAt).add(0).lte(micros(at))),
    }
}

async fn events(tx: &DatabaseTransaction, ids: BTreeSet<i64>) -> Result<HashMap<i64, stock_event::Model>> {
    let mut found = HashMap::new();
    for piece in pieces(&ids) {
        let rows = stock_event::Entity::find().filter(stock_event::Column::Id.is_in(piece)).all(tx).await?;
        found.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}

fn is_undo(event: &stock_event::Model) -> bool {
    event.idempotency_key.starts_with(UNDO)
}

fn entry(row: &stock_entry::Model, event: &stock_event::Model) -> Term {
    Term::fact(&event.kind, row.quantity, described(event)).at(instant(row.occurred_at))
}

fn described(event: &stock_event::Model) -> String {
    match &event.reason {
        Some(reason) => format!("{}: {reason}", event.source),
        None => event.source.clone(),
    }
}
