//! Open orders that their mall doesn't have any more, by its own word.
//!
//! *Gone* is a word about the order: it was cancelled. Nothing of it is ordered any more, and it counts like every
//! state that gives units back. *Missing* is a word about the mall's memory: the order goes on holding its units, and
//! a person hears of it.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use uriba_sdk::{Family, FulfilledBy, Order, Restored};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    attention::Call,
    catalogue::sku_codes,
    channels,
    entity::{attention, channel, line_part, mall_order, order_line},
    instant,
    intake::{Intake, Page},
    intake_apply::Draft,
    intake_load::Known,
    polling::Progress,
    review::Place,
    stock::pieces,
};
use crate::domain::intake::{KnownLine, LineChange, Manner};

pub(super) const MISSING: &str = "order_missing";
/// So many orders of a channel are named one by one; one more item stands for all others.
const NAMED_MAX: usize = 20;

/// An order of which the mall knows nothing, and which holds something.
struct Holding {
    order: mall_order::Model,
    /// SKU units, by SKU.
    units: BTreeMap<i64, i64>,
}

/// What `gone` says of the orders that are known: nothing is ordered any more, and no revision vouches for it.
pub(super) async fn shells(tx: &DatabaseTransaction, channel: &str, page: &Page<'_>) -> Result<Vec<Order>> {
    let named = named(page);
    let gone: Vec<&str> = page.gone.iter().map(String::as_str).filter(|id| !named.contains(id)).collect();
    Ok(rows(tx, channel, &gone).await?.iter().map(shell).collect())
}

impl Store {
    /// Raises what is missing and holds units; calms what is there again, or holds nothing any more.
    pub(super) async fn note_missing(&self, tx: &DatabaseTransaction, channel: &str, page: &Page<'_>) -> Result<()> {
        let open = open_items(tx, channel).await?;
        if open.is_empty() && page.missing.is_empty() {
            return Ok(());
        }
        let there = named(page);
        let missing: BTreeSet<&str> =
            page.missing.iter().map(String::as_str).filter(|id| !there.contains(id)).collect();
        let standing = open.iter().filter_map(|subject| subject.strip_prefix(channel)?.strip_prefix('/'));
        let mut standing: BTreeSet<&str> = standing.collect();
        let asked = standing.union(&missing).copied().filter(|id| !there.contains(id)).collect();
        let holding = holding(tx, channel, &asked).await?;
        for id in standing.iter().filter(|id| !holding.contains_key(**id)) {
            self.calm(tx, MISSING, &subject(channel, id)).await?;
        }
        standing.retain(|id| holding.contains_key(*id));
        let mut untold = false;
        for (id, held) in missing.into_iter().filter_map(|id| Some((id, holding.get(id)?))) {
            let call = told(tx, channel, held).await?;
            if standing.contains(id) {
                self.raise(tx, call).await?;
            } else if !looked_at(tx, &call, held.order.read_at).await? {
                if standing.len() < NAMED_MAX {
                    standing.insert(id);
                    self.raise(tx, call).await?;
                } else {
                    untold = true;
                }
            }
        }
        match (untold, standing.len() < NAMED_MAX) {
            (true, _) => self.raise(tx, others(channel)).await,
            (false, true) if open.contains(channel) => self.calm(tx, MISSING, channel).await,
            (false, _) => Ok(()),
        }
    }

    /// A person knows that the order was cancelled: what it still holds comes back.
    pub(super) async fn release_missing(&self, tx: &DatabaseTransaction, item: &attention::Model) -> Result<()> {
        let Some(id) = item.channel.as_deref() else { return Ok(()) };
        let order = item.subject.strip_prefix(id).and_then(|rest| rest.strip_prefix('/'));
        // No page of the channel changes the order at the same moment.
        let channel = channel::Entity::find_by_id(id).lock_exclusive().one(tx).await?;
        let (Some(order), Some(channel)) = (order, channel) else { return Ok(()) };
        let Some(row) = rows(tx, id, &[order]).await?.pop().filter(|row| row.open) else { return Ok(()) };
        let stub = shell(&row);
        let known = Known::load(tx, id, &[&stub]).await?;
        let lines = known.order(order).map(|(_, order)| order.lines).unwrap_or_default();
        let counts =
            |line: &&KnownLine| known.line_row(row.id, &line.line).is_some_and(|row| known.parts.contains_key(&row.id));
        let (cancelled, left): (Vec<_>, Vec<_>) =
            lines.iter().filter(|line| line.unshipped() > 0).partition(|line| counts(line));
        let changes: Vec<LineChange> = cancelled.into_iter().map(ended).collect();
        let manner = Manner { families: false, units_max: u32::MAX };
        let review = channel.on_cancel == channels::REVIEW;
        let intake = Intake { channel: channel.id, pool: channel.pool, manner, orders: None, review };
        let mut draft = Draft::new(self, &intake, self.now());
        draft.deed(&known, mall_order::Model { open: !left.is_empty(), ..row }, &stub, &changes, Place::default());
        draft.write(tx, &known).await
    }
}

fn ended(line: &KnownLine) -> LineChange {
    let units = u32::try_from(line.unshipped()).unwrap_or(0);
    let now = KnownLine { cancelled: line.cancelled + units, pending: None, ..line.clone() };
    LineChange::between(line, now, Restored::Unknown)
}

/// Orders that the page shows, whole or by their ids.
fn named<'a>(page: &'a Page<'_>) -> BTreeSet<&'a str> {
    let read = page.orders.iter().map(|order| order.id.as_str());
    let mut named: BTreeSet<&str> = read.chain(page.unread.iter().filter_map(|odd| odd.order_id.as_deref())).collect();
    if let Progress::Page { heads, .. } = &page.progress {
        named.extend(heads.iter().map(|head| head.id.as_str()));
    }
    named
}

/// Subjects of the channel's open items.
async fn open_items(tx: &DatabaseTransaction, channel: &str) -> Result<BTreeSet<String>> {
    let subjects: Vec<String> = attention::Entity::find()
        .select_only()
        .column(attention::Column::Subject)
        .filter(attention::Column::Kind.eq(MISSING))
        .filter(attention::Column::Channel.eq(channel))
        .filter(attention::Column::ResolvedAt.is_null())
        .into_tuple()
        .all(tx)
        .await?;
    Ok(subjects.into_iter().collect())
}

/// A person has seen it since the mall last showed the order, and let it stand.
async fn looked_at(tx: &DatabaseTransaction, call: &Call, read_at: i64) -> Result<bool> {
    use attention::Column;
    let same = attention::Entity::find()
        .filter(Column::Kind.eq(call.kind))
        .filter(Column::Subject.eq(&call.subject))
        .filter(Column::Message.eq(&call.message))
        .filter(Column::ResolvedAt.gte(read_at))
        .filter(Column::ResolvedBy.ne("uriba"));
    Ok(same.select_only().column(Column::Id).limit(1).into_tuple::<i64>().one(tx).await?.is_some())
}

/// Of these orders, those that are open and hold units of ours.
async fn holding(tx: &DatabaseTransaction, channel: &str, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Holding>> {
    let mut found: BTreeMap<i64, Holding> = BTreeMap::new();
    for order in rows(tx, channel, &ids.iter().copied().collect::<Vec<_>>()).await? {
        if order.open && order.fulfilled_by == "seller" {
            found.insert(order.id, Holding { order, units: BTreeMap::new() });
        }
    }
    let mut lines: BTreeMap<i64, order_line::Model> = BTreeMap::new();
    for piece in pieces(&found.keys().copied().collect()) {
        let rows = order_line::Entity::find().filter(order_line::Column::OrderRef.is_in(piece)).all(tx).await?;
        lines.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    for piece in pieces(&lines.keys().copied().collect()) {
        for part in line_part::Entity::find().filter(line_part::Column::LineId.is_in(piece)).all(tx).await? {
            let line = &lines[&part.line_id];
            let units = (line.ordered - line.moved - line.cancelled - line.shipped) * part.quantity;
            if let Some(holding) = found.get_mut(&line.order_ref).filter(|_| units > 0) {
                *holding.units.entry(part.sku_id).or_default() += units;
            }
        }
    }
    let found = found.into_values().filter(|holding| !holding.units.is_empty());
    Ok(found.map(|holding| (holding.order.order_id.clone(), holding)).collect())
}

async fn rows(tx: &DatabaseTransaction, channel: &str, ids: &[&str]) -> Result<Vec<mall_order::Model>> {
    let mut found = Vec::new();
    for piece in ids.chunks(ROWS_PER_STATEMENT) {
        let rows = mall_order::Entity::find()
            .filter(mall_order::Column::Channel.eq(channel))
            .filter(mall_order::Column::OrderId.is_in(piece.iter().copied()));
        found.extend(rows.all(tx).await?);
    }
    Ok(found)
}

/// The order without its lines: it keeps its times and its place in a family.
fn shell(row: &mall_order::Model) -> Order {
    Order {
        id: row.order_id.clone(),
        family: row.family.clone().map(|id| Family { id, original: !row.child }),
        revision: None,
        placed_at: instant(row.placed_at),
        updated_at: None,
        fulfilled_by: if row.fulfilled_by == "seller" { FulfilledBy::Seller } else { FulfilledBy::Mall },
        lines: Vec::new(),
    }
}

async fn told(tx: &DatabaseTransaction, channel: &str, held: &Holding) -> Result<Call> {
    let codes = sku_codes(tx, &held.units.keys().copied().collect()).await?;
    let by_code: BTreeMap<&String, i64> =
        held.units.iter().filter_map(|(sku, units)| Some((codes.get(sku)?, *units))).collect();
    let units: Vec<String> = by_code.into_iter().map(|(code, units)| format!("{units} of {code}")).collect();
    let id = &held.order.order_id;
    let message = format!(
        "{channel} doesn't have order {id} any more, which holds {}: look it up in the mall's console, then resolve \
         with release (it was cancelled: its units are sold again), or without an action (it goes on holding them)",
        units.join(", ")
    );
    Ok(Call {
        kind: MISSING,
        subject: subject(channel, id),
        channel: Some(channel.to_owned()),
        sku: codes.into_values().next().filter(|_| units.len() == 1),
        message,
        ..Call::default()
    })
}

fn others(channel: &str) -> Call {
    let message = format!(
        "{channel} doesn't have more than {NAMED_MAX} open orders any more, and they hold their units: is it still the \
         same shop, and does it show orders of that age? Those that are not named yet are when others are dealt with"
    );
    Call { kind: MISSING, subject: channel.to_owned(), channel: Some(channel.to_owned()), message, ..Call::default() }
}

fn subject(channel: &str, order: &str) -> String {
    format!("{channel}/{order}")
}
