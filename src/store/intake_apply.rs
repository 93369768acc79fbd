//! The rows that a page of orders changes, gathered and then written in a few large statements.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, EntityTrait, IntoActiveModel, sea_query::OnConflict,
};
use uriba_sdk::{Order, Restored};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    attention::Call,
    bundles::Component,
    demand::{Lesson, Subject, learn},
    dialect,
    entity::{line_event, line_part, listing, mall_order, order_line, provisional_hold},
    instant,
    intake::{Intake, counts},
    intake_load::{Item, Known, open_holds},
    intake_rows::{restored_word, row_of},
    micros,
    review::{Aside, Place},
    shares::sell_shares,
    stock::Shipment,
};
use crate::domain::{family::Settled, intake::LineChange};

pub(super) struct Draft<'a> {
    store: &'a Store,
    pub intake: &'a Intake,
    pub read_at: Timestamp,
    orders: Vec<mall_order::Model>,
    lines: Vec<order_line::Model>,
    parts: Vec<line_part::Model>,
    /// Where goods leave or lie, when a person said so.
    place: Place,
    events: Vec<line_event::ActiveModel>,
    moves: Vec<Moved>,
    /// By SKU and pool: what changes of unshipped beside the lines' own moves.
    held: BTreeMap<(i64, String), i64>,
    /// What the changes mean for what the mall shows, per listing.
    shown: BTreeMap<i64, Vec<Effect>>,
    /// What the own shop's sales say of how fast it sells.
    lessons: Vec<(Subject, Lesson)>,
    calls: Vec<Call>,
}

/// A line's change that moves stock.
struct Moved {
    line_id: i64,
    unshipped: i64,
    shipped: i64,
    shipped_at: Timestamp,
    /// Cancelled units to look at before they are sold again.
    review: i64,
    /// Units whose goods came back.
    received: i64,
    source: String,
}

#[derive(Clone, Copy)]
enum Effect {
    Sold { units: i64, placed_at: Timestamp },
    Rose(i64),
    GaveBack(i64),
}

impl<'a> Draft<'a> {
    pub fn new(store: &'a Store, intake: &'a Intake, read_at: Timestamp) -> Self {
        Self {
            store,
            intake,
            read_at,
            orders: Vec::new(),
            lines: Vec::new(),
            parts: Vec::new(),
            place: Place::default(),
            events: Vec::new(),
            moves: Vec::new(),
            held: BTreeMap::new(),
            shown: BTreeMap::new(),
            lessons: Vec::new(),
            calls: Vec::new(),
        }
    }

    pub fn line_ids(&self) -> BTreeSet<i64> {
        self.lines.iter().map(|line| line.id).collect()
    }

    /// An order that can't be read holds so many units more, or less.
    pub fn hold(&mut self, sku_id: i64, pool: String, units: i64) {
        *self.held.entry((sku_id, pool)).or_default() += units;
    }

    pub fn order(&mut self, known: &Known, order: &Order, changes: &[LineChange]) {
        let now = micros(self.store.now());
        let before = known.order_row(&order.id);
        let id = before.map_or_else(|| self.store.id(), |row| row.id);
        let shrunk = changes.iter().any(|change| change.now.shrunk > 0);
        let family = order.family.as_ref().map(|family| family.id.clone()).or(shrunk.then(|| order.id.clone()));
        self.orders.push(mall_order::Model {
            id,
            channel: self.intake.channel.clone(),
            order_id: order.id.clone(),
            family,
            child: order.family.as_ref().is_some_and(|family| !family.original),
            revision: order.revision,
            placed_at: micros(order.placed_at),
            updated_at: order.updated_at.map(micros),
            read_at: micros(self.read_at),
            seen_at: micros(self.read_at),
            recorded_at: before.map_or(now, |row| row.recorded_at),
            fulfilled_by: if counts(order) { "seller" } else { "mall" }.into(),
            open: changes.iter().any(|change| change.now.unshipped() > 0),
        });
        for change in changes {
            self.line(known, id, order, change);
        }
    }

    /// What somebody did to a known order by hand. Only the lines that it changes are given; what the mall said of
    /// the order, and when, stays as it is.
    pub fn deed(&mut self, known: &Known, row: mall_order::Model, order: &Order, changes: &[LineChange], place: Place) {
        self.place = place;
        let id = row.id;
        self.orders.push(row);
        for change in changes {
            self.line(known, id, order, change);
        }
    }

    fn line(&mut self, known: &Known, order_ref: i64, order: &Order, change: &LineChange) {
        let before = known.line_row(order_ref, &change.now.line);
        let id = before.map_or_else(|| self.store.id(), |row| row.id);
        let item = change.now.mall_key.as_ref().and_then(|key| known.item(key)).filter(|_| counts(order));
        let is_first = item.is_some() && !known.parts.contains_key(&id);
        let is_mapped = is_first || known.parts.contains_key(&id);
        let listing = before.and_then(|row| row.listing_id).or(item.as_ref().and_then(|item| item.listing));
        // The recipe of this moment: whatever a bundle becomes later, this line was sold by it.
        for part in item.iter().filter(|_| is_first).flat_map(|item| &item.parts) {
            self.parts.push(line_part::Model { line_id: id, sku_id: part.sku_id, quantity: part.quantity });
        }
        if !is_mapped && counts(order) {
            self.unmapped(order, change.now.mall_key.as_deref());
        }
        let sold = before.map_or(i64::from(change.sold), |row| row.sold);
        let pool = before.and_then(|row| row.pool.clone()).or(is_first.then(|| self.intake.pool.clone()));
        let mut row = row_of(&change.now, order_ref, id);
        row.listing_id = listing;
        row.pool = pool;
        row.placed_at = micros(order.placed_at);
        row.restored = restored_word(change.restored).into();
        row.sold = sold;
        self.lines.push(row);
        // A line whose item is known only now moves stock although the order itself hasn't changed.
        if change.is_quiet() && !is_first {
            return;
        }
        self.record(id, before, order, change);
        if is_first && before.is_some() {
            self.event(id, "mapped", 0, self.store.now());
        }
        if !is_mapped || !counts(order) {
            return;
        }
        self.stock_of(id, order, change, is_first);
        match (listing, item) {
            (Some(listing), _) => self.effects_of(listing, order, change),
            (None, Some(item)) => self.rung_up(&item, order, change),
            (None, None) => {}
        }
    }

    /// A sale in the seller's own shop: of what has no listing, by what it takes.
    fn rung_up(&mut self, item: &Item, order: &Order, change: &LineChange) {
        if change.sold > 0 {
            let units = |part: &Component| i64::from(change.sold) * part.quantity;
            let lesson = |part: &Component| {
                let subject = (self.intake.channel.clone(), part.sku_id);
                (subject, Lesson::Sold(units(part), order.placed_at))
            };
            self.lessons.extend(item.parts.iter().map(lesson));
        }
    }

    fn stock_of(&mut self, line_id: i64, order: &Order, change: &LineChange, is_first: bool) {
        // A line that maps only now brings all that it holds, not just what changed.
        let unshipped = if is_first { change.now.unshipped() } else { change.unshipped };
        let shipped = if is_first { i64::from(change.now.shipped) } else { change.shipped };
        let review = if self.intake.review && !change.is_new { i64::from(change.back) } else { 0 };
        self.moves.push(Moved {
            line_id,
            unshipped,
            shipped,
            shipped_at: change.shipped_at.unwrap_or(self.read_at),
            review,
            received: change.received.into(),
            source: format!("order {}/{}", self.intake.channel, order.id),
        });
    }

    fn effects_of(&mut self, listing: i64, order: &Order, change: &LineChange) {
        let effects = self.shown.entry(listing).or_default();
        if change.sold > 0 {
            effects.push(Effect::Sold { units: change.sold.into(), placed_at: order.placed_at });
        }
        if change.rise > 0 {
            effects.push(Effect::Rose(change.rise.into()));
        }
        if change.back > 0 && change.restored != Restored::No {
            effects.push(Effect::GaveBack(change.back.into()));
        }
    }

    /// A family member whose units were found elsewhere, or nowhere.
    pub fn family_member(&mut self, order_id: &str, line: &order_line::Model, settled: Settled) {
        let (moved, cancelled) = (i64::from(settled.moved), i64::from(settled.cancelled));
        if (moved, cancelled) == (line.moved, line.cancelled) {
            return;
        }
        let lost = cancelled - line.cancelled;
        let unshipped = (line.moved + line.cancelled) - (moved + cancelled);
        for (what, units) in [("cancelled", lost), ("moved", moved - line.moved)] {
            if units != 0 {
                self.event(line.id, what, units, self.read_at);
            }
        }
        let review = if self.intake.review && line.listing_id.is_some() { lost.max(0) } else { 0 };
        self.moves.push(Moved {
            line_id: line.id,
            unshipped,
            shipped: 0,
            shipped_at: self.read_at,
            review,
            received: 0,
            source: format!("order {}/{order_id}", self.intake.channel),
        });
        if let Some(listing) = line.listing_id.filter(|_| lost > 0) {
            self.shown.entry(listing).or_default().push(Effect::GaveBack(lost));
        }
        self.lines.push(order_line::Model { moved, cancelled, ..line.clone() });
    }

    fn unmapped(&mut self, order: &Order, mall_key: Option<&str>) {
        let channel = &self.intake.channel;
        let key = mall_key.unwrap_or("(no key)");
        self.calls.push(Call {
            kind: "unmapped",
            subject: format!("{channel}/{key}"),
            channel: Some(channel.clone()),
            mall_key: mall_key.map(str::to_owned),
            message: format!(
                "{channel} sells {key}, which is mapped to no SKU (order {}): its units hold no stock; \
                 map it with `uriba listing map {channel} {key} SKU`",
                order.id
            ),
            ..Call::default()
        });
    }

    /// The events of a line sum to what its row says, so that any past state of it can be told from them.
    fn record(&mut self, line_id: i64, before: Option<&order_line::Model>, order: &Order, change: &LineChange) {
        let changed_at = order.updated_at.unwrap_or(self.read_at);
        let was = |figure: fn(&order_line::Model) -> i64| before.map_or(0, figure);
        let now = &change.now;
        let facts = [
            (
                "ordered",
                i64::from(now.ordered) - was(|row| row.ordered),
                if change.is_new { order.placed_at } else { changed_at },
            ),
            ("cancelled", i64::from(now.cancelled) - was(|row| row.cancelled), changed_at),
            ("moved", i64::from(now.moved) - was(|row| row.moved), self.read_at),
            ("shipped", change.shipped, change.shipped_at.unwrap_or(self.read_at)),
            ("return_expected", i64::from(change.return_expected), changed_at),
            // What came back to us came back.
            ("returned", i64::from(change.returned.saturating_sub(change.received)), changed_at),
            ("received", i64::from(change.received), self.read_at),
        ];
        for (what, units, occurred_at) in facts.into_iter().filter(|(_, units, _)| *units != 0) {
            self.event(line_id, what, units, occurred_at);
        }
    }

    fn event(&mut self, line_id: i64, what: &str, units: i64, occurred_at: Timestamp) {
        self.events.push(line_event::ActiveModel {
            id: Set(self.store.id()),
            line_id: Set(line_id),
            what: Set(what.to_owned()),
            units: Set(units),
            occurred_at: Set(micros(occurred_at)),
            recorded_at: Set(micros(self.store.now())),
        });
    }

    pub async fn write(self, tx: &DatabaseTransaction, known: &Known) -> Result<()> {
        let mut parts = known.parts.clone();
        for part in &self.parts {
            parts.entry(part.line_id).or_default().push(part.clone());
        }
        let pools: BTreeMap<i64, &str> =
            self.lines.iter().filter_map(|line| Some((line.id, line.pool.as_deref()?))).collect();
        let mut held = self.held.clone();
        let mut shipments = Vec::new();
        let (mut reviews, mut receipts) = (Vec::new(), Vec::new());
        for moved in &self.moves {
            let Some(pool) = pools.get(&moved.line_id) else { continue };
            for part in parts.get(&moved.line_id).into_iter().flatten() {
                *held.entry((part.sku_id, (*pool).to_owned())).or_default() += moved.unshipped * part.quantity;
                if moved.shipped != 0 {
                    shipments.push(self.shipment(moved, part, pool));
                }
                if moved.received > 0 {
                    receipts.push((self.aside(moved, part, moved.received, "came back"), *pool));
                }
                if moved.review > 0 {
                    reviews.push((self.aside(moved, part, moved.review, "cancelled"), *pool));
                }
            }
        }
        let channel = &self.intake.channel;
        let changed: Vec<_> = held.iter().filter(|(_, units)| **units != 0).collect();
        let mut bumps = self.sold_skus(known);
        super::stock::lock_skus(tx, &held.keys().chain(&bumps).map(|(sku, _)| *sku).collect()).await?;
        bumps.extend(changed.iter().map(|((sku, pool), _)| (*sku, pool.clone())));
        dialect::bump_stock(tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(self.store.now())).await?;
        let sums: Vec<_> =
            changed.into_iter().map(|((sku, pool), units)| (channel.clone(), *sku, pool.clone(), *units)).collect();
        dialect::add_unshipped(tx, &sums).await?;
        self.write_rows(tx).await?;
        self.store.ship(tx, &shipments).await?;
        for (aside, pool) in &reviews {
            self.store.set_aside(tx, aside, pool, &self.place).await?;
        }
        for (aside, pool) in &receipts {
            self.store.take_back(tx, aside, pool, &self.place).await?;
        }
        self.write_effects(tx, known).await?;
        for call in self.calls {
            self.store.raise(tx, call).await?;
        }
        Ok(())
    }

    async fn write_rows(&self, tx: &DatabaseTransaction) -> Result<()> {
        for piece in self.orders.chunks(ROWS_PER_STATEMENT) {
            use mall_order::Column;
            let newer = OnConflict::column(Column::Id)
                .update_columns([
                    Column::Family,
                    Column::Child,
                    Column::Revision,
                    Column::UpdatedAt,
                    Column::ReadAt,
                    Column::SeenAt,
                    Column::Open,
                ])
                .to_owned();
            let rows = piece.iter().cloned().map(|row| row.into_active_model().reset_all());
            mall_order::Entity::insert_many(rows).on_conflict(newer).exec_without_returning(tx).await?;
        }
        for piece in self.lines.chunks(ROWS_PER_STATEMENT) {
            let columns = <order_line::Column as sea_orm::Iterable>::iter()
                .filter(|column| !matches!(column, order_line::Column::Id | order_line::Column::Sold));
            let newer = OnConflict::column(order_line::Column::Id).update_columns(columns).to_owned();
            let rows = piece.iter().cloned().map(|row| row.into_active_model().reset_all());
            order_line::Entity::insert_many(rows).on_conflict(newer).exec_without_returning(tx).await?;
        }
        for piece in self.parts.chunks(ROWS_PER_STATEMENT) {
            let rows = piece.iter().cloned().map(|row| row.into_active_model().reset_all());
            line_part::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        for piece in self.events.chunks(ROWS_PER_STATEMENT) {
            line_event::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    fn shipment(&self, moved: &Moved, part: &line_part::Model, pool: &str) -> Shipment {
        Shipment {
            key: format!("line/{}/{}/{}", moved.line_id, part.sku_id, self.store.id()),
            sku_id: part.sku_id,
            pool: pool.to_owned(),
            location: self.place.location.clone(),
            units: moved.shipped * part.quantity,
            occurred_at: moved.shipped_at,
            source: moved.source.clone(),
        }
    }

    fn aside(&self, moved: &Moved, part: &line_part::Model, units: i64, why: &'static str) -> Aside {
        Aside {
            line_id: moved.line_id,
            sku_id: part.sku_id,
            units: units * part.quantity,
            source: moved.source.clone(),
            why,
            at: self.read_at,
        }
    }

    /// SKUs whose holds the orders may end: also by one that is over already, and so changes nothing else.
    fn sold_skus(&self, known: &Known) -> BTreeSet<(i64, String)> {
        let sold = |effects: &Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Sold { .. }));
        let listings = known.listings.values().filter(|listing| self.shown.get(&listing.id).is_some_and(sold));
        listings.map(|listing| (listing.sku_id, self.intake.pool.clone())).collect()
    }

    async fn write_effects(&self, tx: &DatabaseTransaction, known: &Known) -> Result<()> {
        let ids: BTreeSet<i64> = self.shown.keys().copied().collect();
        let mut listed = match known.listings_of(&ids).filter(|_| self.store.writes_alone()) {
            Some(listings) => self.store.listed_of(tx, listings).await?,
            None => self.store.listed(tx, &ids).await?,
        };
        let open = open_holds(tx, &ids).await?;
        let now = self.store.now();
        let (mut lessons, mut sold) = (self.lessons.clone(), Vec::new());
        for item in &mut listed {
            let mut holds = open.get(&item.id()).cloned().unwrap_or_default();
            for effect in self.shown.get(&item.id()).into_iter().flatten() {
                match *effect {
                    Effect::Sold { units, placed_at } => {
                        let explained = consume(&mut holds, &item.listing, units, placed_at);
                        item.publication.sold(units - explained, placed_at);
                        let teaches = Lesson::Sold(units * item.listing.units, placed_at);
                        lessons.push(((item.listing.channel.clone(), item.id()), teaches));
                        // What a reading missed has left the share already.
                        sold.push((item.listing.clone(), (units - explained) * item.listing.units));
                    }
                    Effect::Rose(units) => item.publication.rose(units, now),
                    Effect::GaveBack(units) => item.publication.gave_back(units, now),
                }
            }
            let before = open.get(&item.id()).map_or(&[][..], Vec::as_slice);
            for hold in holds.iter().filter(|hold| !before.contains(hold)) {
                let mut row = hold.clone();
                let was = before.iter().find(|before| before.id == hold.id).map_or(hold.units, |hold| hold.remaining);
                self.store.explained(tx, hold.id, was - hold.remaining).await?;
                if row.remaining == 0 {
                    row.ended_at = Some(micros(now));
                    row.cause = Some("order".into());
                }
                let row = row.into_active_model().reset_all();
                provisional_hold::Entity::update(row).exec(tx).await?;
            }
        }
        learn(tx, &lessons, now).await?;
        sell_shares(tx, &sold).await?;
        self.store.save_listed(tx, &listed).await
    }
}

/// An order placed between the last anchor and the reading that found units missing is what they were sold
/// to. Returns the listing units that it explains.
fn consume(holds: &mut [provisional_hold::Model], listing: &listing::Model, units: i64, placed_at: Timestamp) -> i64 {
    let mut left = units;
    for hold in holds.iter_mut() {
        if instant(hold.since) < placed_at && placed_at <= instant(hold.at) {
            let taken = (hold.remaining / listing.units.max(1)).min(left);
            hold.remaining -= taken * listing.units;
            left -= taken;
        }
    }
    units - left
}
