//! SKUs and listings: what is stocked, and what each channel sells of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde::{Deserialize, Serialize};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError,
    channels::unlisted,
    dialect,
    entity::{channel, line_event, line_part, listing, mall_order, order_line, sku},
    ids::Rooms,
    instant, micros,
    rules::{cap_columns, cap_of},
    stock::Shipment,
};
use crate::domain::{allocation::Cap, spelling};

/// A mapping to make or change; what is `None` stays as it is (or follows the channel).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    pub channel: String,
    pub mall_key: String,
    pub sku: String,
    pub units: Option<i64>,
    pub buffer: Option<i64>,
    pub fraction: Option<f64>,
    pub min_show: Option<i64>,
    pub cap: Option<Cap>,
    pub unlimited: Option<i64>,
    pub priority: Option<i64>,
    /// Its share in escrow, in units of what it sells.
    pub share: Option<i64>,
    /// Names of rules that follow the channel again.
    pub cleared: BTreeSet<String>,
    /// Open order lines follow to the SKU and units; without it they stay what they were when first mapped.
    pub open_orders: bool,
}

/// Rules that a listing can have of its own.
pub const RULES: [&str; 7] = ["buffer", "fraction", "min_show", "cap", "unlimited", "priority", "share"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    Created,
    Changed,
    Unchanged,
}

pub(super) async fn sku_code(db: &impl ConnectionTrait, id: i64) -> Result<String> {
    let row = sku::Entity::find_by_id(id).one(db).await?;
    row.map(|row| row.code).ok_or_else(|| StoreError::Missing { kind: "SKU", name: id.to_string() })
}

pub(super) async fn sku_codes(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<HashMap<i64, String>> {
    let mut found = HashMap::new();
    for piece in super::stock::pieces(skus) {
        let rows = sku::Entity::find().filter(sku::Column::Id.is_in(piece)).all(tx).await?;
        found.extend(rows.into_iter().map(|row| (row.id, row.code)));
    }
    Ok(found)
}

/// What the pool's channels sell of these SKUs. Found by SKU alone: if the channels were named as well, a database that
/// doesn't know how many listings each has would go through all of them.
pub(super) async fn sold_in_pool(
    db: &impl ConnectionTrait,
    pool: &str,
    skus: &BTreeSet<i64>,
) -> Result<Vec<listing::Model>> {
    let channels = channel::Entity::find().select_only().column(channel::Column::Id);
    let channels = channels.filter(channel::Column::Pool.eq(pool)).into_tuple::<String>().all(db).await?;
    let mut found = Vec::new();
    for piece in super::stock::pieces(skus) {
        let rows = listing::Entity::find().filter(listing::Column::SkuId.is_in(piece)).all(db).await?;
        found.extend(rows.into_iter().filter(|row| channels.contains(&row.channel)));
    }
    Ok(found)
}

impl Store {
    /// Ids of the codes, creating what is new when `names` (code → name, JAN) may be created.
    pub(super) async fn ensure_skus(
        &self,
        tx: &DatabaseTransaction,
        names: &BTreeMap<String, (Option<String>, Option<String>)>,
    ) -> Result<(HashMap<String, i64>, usize)> {
        let codes: Vec<&String> = names.keys().collect();
        let mut known = HashMap::new();
        for piece in codes.chunks(ROWS_PER_STATEMENT) {
            let rows = sku::Entity::find()
                .filter(sku::Column::Code.is_in(piece.iter().map(|code| code.as_str())))
                .all(tx)
                .await?;
            known.extend(rows.into_iter().map(|row| (row.code, row.id)));
        }
        let mut fresh = Vec::new();
        for (code, (name, jan)) in names.iter().filter(|(code, _)| !known.contains_key(*code)) {
            let id = self.room();
            fresh.push(sku::ActiveModel {
                id: Set(id),
                code: Set(code.clone()),
                name: Set(name.clone()),
                jan: Set(jan.clone()),
                created_at: Set(micros(self.now())),
            });
        }
        let created = fresh.len();
        for row in &fresh {
            if let (Set(id), Set(code)) = (&row.id, &row.code) {
                known.insert(code.clone(), *id);
            }
        }
        for piece in fresh.chunks(ROWS_PER_STATEMENT) {
            sku::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        Ok((known, created))
    }

    pub async fn sku(&self, db: &impl ConnectionTrait, code: &str) -> Result<sku::Model> {
        let spelt = spelling::code(code);
        let row = sku::Entity::find().filter(sku::Column::Code.eq(spelt.as_ref())).one(db).await?;
        row.ok_or_else(|| StoreError::Missing { kind: "SKU", name: code.to_owned() })
    }

    /// Maps keys to SKUs. One answer per mapping, in order; an unknown SKU or channel refuses all.
    pub async fn map_listings(&self, mappings: &[Mapping], create_skus: bool, who: &str) -> Result<Vec<Mapped>> {
        let tx = self.begin().await?;
        let mut done = Vec::with_capacity(mappings.len());
        for piece in mappings.chunks(ROWS_PER_STATEMENT) {
            done.extend(self.map_piece(&tx, piece, create_skus, who).await?);
        }
        let changed = done.iter().filter(|mapped| **mapped != Mapped::Unchanged).count();
        if changed > 0 {
            let subject = match mappings {
                [one] => format!("listing/{}/{}", one.channel, one.mall_key),
                many => format!("{} listings", many.len()),
            };
            let follow = mappings.iter().any(|mapping| mapping.open_orders);
            let detail = Some(format!("{changed} changed{}", if follow { ", with open orders" } else { "" }));
            let entry = super::log::Entry { who, what: "listing.map", subject: &subject, why: None, detail };
            self.write_log(&tx, entry).await?;
        }
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(done)
    }

    pub(super) async fn map_piece(
        &self,
        tx: &DatabaseTransaction,
        mappings: &[Mapping],
        create: bool,
        who: &str,
    ) -> Result<Vec<Mapped>> {
        let channels = channels_of(tx, mappings).await?;
        let names: BTreeMap<_, _> =
            mappings.iter().map(|mapping| (spelling::code(&mapping.sku).into_owned(), (None, None))).collect();
        let skus = if create { self.ensure_skus(tx, &names).await?.0 } else { known_skus(tx, &names).await? };
        let known = known_listings(tx, mappings).await?;
        let of = |mapping: &Mapping| known.get(&(mapping.channel.clone(), mapping.mall_key.clone()));
        let following: Vec<_> = mappings.iter().filter(|mapping| mapping.open_orders).filter_map(of).collect();
        let held = self.skus_of_open_lines(tx, &following).await?;
        let before = known.values().map(|row| row.sku_id);
        let named: BTreeSet<i64> = skus.values().copied().chain(before).chain(held).collect();
        super::stock::lock_skus(tx, &super::bundles::touched(tx, &named).await?).await?;
        let mut rooms = Rooms::of(tx, &named).await?;
        let mut bumps = BTreeSet::new();
        let mut done = Vec::new();
        let mut changed: HashMap<&str, Vec<listing::Model>> = HashMap::new();
        let mut reordered = BTreeSet::new();
        let mut ruled = Vec::new();
        for mapping in mappings {
            let missing = |kind, name: &str| StoreError::Missing { kind, name: name.to_owned() };
            let channel = channels.get(&mapping.channel).ok_or_else(|| missing("channel", &mapping.channel))?;
            if let Some(why) = unlisted(&channel.id, &channel.mall) {
                return Err(StoreError::Invalid(format!("channel: {why}")));
            }
            let sku = *skus.get(spelling::code(&mapping.sku).as_ref()).ok_or_else(|| missing("SKU", &mapping.sku))?;
            let before = of(mapping);
            let id = || rooms.next(sku).unwrap_or_else(|| self.id());
            let row = merged(before, mapping, sku, id, micros(self.now()));
            let moved = mapping.open_orders && before.is_some() && self.move_open_lines(tx, &row).await?;
            if before == Some(&row) {
                done.push(if moved { Mapped::Changed } else { Mapped::Unchanged });
                continue;
            }
            bumps.insert((row.sku_id, channel.pool.clone()));
            if let Some(before) = before {
                bumps.insert((before.sku_id, channel.pool.clone()));
                if before.priority != row.priority {
                    reordered.insert(row.id);
                }
                listing::Entity::update(row.clone().into_active_model().reset_all()).exec(tx).await?;
                done.push(Mapped::Changed);
            } else {
                row.clone().into_active_model().reset_all().insert(tx).await?;
                self.first_belief(tx, &row).await?;
                done.push(Mapped::Created);
            }
            self.adopt_lines(tx, channel, &row).await?;
            changed.entry(channel.id.as_str()).or_default().push(row.clone());
            ruled.push((before.cloned(), row));
        }
        for (channel, rows) in changed {
            self.adopt_unread(tx, &channels[channel], &rows.iter().collect::<Vec<_>>()).await?;
        }
        self.note_listing_rules(tx, &ruled, who).await?;
        dialect::bump_stock(tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(self.now())).await?;
        // What waits already waits in another place from now on.
        let listed = self.listed(tx, &reordered).await?;
        self.save_listed(tx, &listed).await?;
        Ok(done)
    }

    /// The line's units count from now on, whenever they were ordered.
    async fn mapped(&self, tx: &DatabaseTransaction, line_id: i64) -> Result<()> {
        let now = micros(self.now());
        let event = line_event::ActiveModel {
            id: Set(self.id()),
            line_id: Set(line_id),
            what: Set("mapped".to_owned()),
            units: Set(0),
            occurred_at: Set(now),
            recorded_at: Set(now),
        };
        event.insert(tx).await?;
        Ok(())
    }

    /// Lines that were sold before anybody said what they sell: from now on they count, and what shipped of
    /// them is booked at its time.
    pub(super) async fn adopt_lines(
        &self,
        tx: &DatabaseTransaction,
        channel: &channel::Model,
        listing: &listing::Model,
    ) -> Result<()> {
        let lines = order_line::Entity::find()
            .of_seller_on(&channel.id)
            .filter(order_line::Column::MallKey.eq(&listing.mall_key))
            .filter(order_line::Column::ListingId.is_null())
            .all(tx)
            .await?;
        if lines.is_empty() {
            return Ok(());
        }
        let made_of = super::bundles::exploded(tx, &[listing.sku_id].into()).await?;
        let components = made_of.get(&listing.sku_id).map_or(&[][..], Vec::as_slice);
        let refs = lines.iter().map(|line| line.order_ref).collect();
        let order_ids = order_ids(tx, &refs).await?;
        let mut unshipped = 0;
        let mut shipments = Vec::new();
        for line in lines {
            let order = order_ids.get(&line.order_ref).map_or("", String::as_str);
            unshipped += (line.ordered - line.moved - line.cancelled - line.shipped) * listing.units;
            let parts = components.iter().map(|part| line_part::ActiveModel {
                line_id: Set(line.id),
                sku_id: Set(part.sku_id),
                quantity: Set(listing.units * part.quantity),
            });
            line_part::Entity::insert_many(parts).exec_without_returning(tx).await?;
            self.mapped(tx, line.id).await?;
            let events = line_event::Entity::find()
                .filter(line_event::Column::LineId.eq(line.id))
                .filter(line_event::Column::What.eq("shipped"))
                .all(tx)
                .await?;
            let left = events.iter().flat_map(|event| components.iter().map(move |part| (event, part)));
            shipments.extend(left.map(|(event, part)| Shipment {
                key: format!("line/{}/{}/{}", line.id, part.sku_id, event.id),
                sku_id: part.sku_id,
                pool: channel.pool.clone(),
                location: None,
                units: event.units * listing.units * part.quantity,
                occurred_at: instant(event.occurred_at),
                source: format!("order {}/{order}", channel.id),
            }));
            let mut row = line.into_active_model();
            row.listing_id = Set(Some(listing.id));
            row.pool = Set(Some(channel.pool.clone()));
            row.update(tx).await?;
        }
        let held: Vec<_> = components
            .iter()
            .map(|part| (channel.id.clone(), part.sku_id, channel.pool.clone(), unshipped * part.quantity))
            .collect();
        dialect::bump_stock(tx, &[(listing.sku_id, channel.pool.clone())], false, micros(self.now())).await?;
        dialect::add_unshipped(tx, &held).await?;
        self.ship(tx, &shipments).await?;
        self.calm(tx, "unmapped", &format!("{}/{}", channel.id, listing.mall_key)).await
    }
}

async fn order_ids(tx: &DatabaseTransaction, orders: &BTreeSet<i64>) -> Result<HashMap<i64, String>> {
    let mut found = HashMap::new();
    for piece in super::stock::pieces(orders) {
        let rows = mall_order::Entity::find().filter(mall_order::Column::Id.is_in(piece)).all(tx).await?;
        found.extend(rows.into_iter().map(|row| (row.id, row.order_id)));
    }
    Ok(found)
}

trait OfChannel {
    /// Only lines of orders that this channel's seller ships: asked of each line that was found, since a channel has
    /// far more orders than lines that nobody has mapped.
    fn of_seller_on(self, channel: &str) -> Self;
}

impl OfChannel for sea_orm::Select<order_line::Entity> {
    fn of_seller_on(self, channel: &str) -> Self {
        use sea_orm::sea_query::Query;
        let order = Query::select()
            .expr(Expr::value(1))
            .from(mall_order::Entity)
            .and_where(
                mall_order::Column::Id.into_expr().eq(Expr::col((order_line::Entity, order_line::Column::OrderRef))),
            )
            .and_where(mall_order::Column::Channel.eq(channel))
            .and_where(mall_order::Column::FulfilledBy.eq("seller"))
            .to_owned();
        self.filter(Expr::exists(order))
    }
}

pub(super) async fn known_skus(
    tx: &DatabaseTransaction,
    names: &BTreeMap<String, (Option<String>, Option<String>)>,
) -> Result<HashMap<String, i64>> {
    let rows = sku::Entity::find()
        .filter(sku::Column::Code.is_in(names.keys().map(String::as_str)))
        .order_by_asc(sku::Column::Id)
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.code, row.id)).collect())
}

/// The channels, locked: no page of theirs is being taken in, nothing else of theirs is being mapped.
async fn channels_of(tx: &DatabaseTransaction, mappings: &[Mapping]) -> Result<HashMap<String, channel::Model>> {
    let ids: BTreeSet<&str> = mappings.iter().map(|mapping| mapping.channel.as_str()).collect();
    let rows = channel::Entity::find()
        .filter(channel::Column::Id.is_in(ids))
        .order_by_asc(channel::Column::Id)
        .lock_exclusive()
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// What is mapped under the mappings' keys, as the mall spells them or as they were given, and perhaps under such a key
/// of another of their channels. Each spelling is asked for by itself, by the index that it has.
pub(super) async fn listings_named(db: &impl ConnectionTrait, mappings: &[Mapping]) -> Result<Vec<listing::Model>> {
    let channels: BTreeSet<&str> = mappings.iter().map(|mapping| mapping.channel.as_str()).collect();
    let keys: BTreeSet<&str> = mappings.iter().map(|mapping| mapping.mall_key.as_str()).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let mut found = Vec::new();
    for piece in keys.chunks(ROWS_PER_STATEMENT) {
        let here = || listing::Entity::find().filter(listing::Column::Channel.is_in(channels.iter().copied()));
        found.extend(here().filter(listing::Column::MallKey.is_in(piece.iter().copied())).all(db).await?);
        let respelt = listing::Column::GivenKey.into_expr().ne(Expr::col(listing::Column::MallKey));
        let respelt = here().filter(respelt).filter(listing::Column::GivenKey.is_in(piece.iter().copied()));
        found.extend(respelt.all(db).await?);
    }
    Ok(found)
}

async fn known_listings(
    tx: &DatabaseTransaction,
    mappings: &[Mapping],
) -> Result<HashMap<(String, String), listing::Model>> {
    let mut known = HashMap::new();
    for row in listings_named(tx, mappings).await? {
        known.insert((row.channel.clone(), row.given_key.clone()), row.clone());
        known.insert((row.channel.clone(), row.mall_key.clone()), row);
    }
    Ok(known)
}

fn merged(
    before: Option<&listing::Model>,
    mapping: &Mapping,
    sku: i64,
    id: impl FnOnce() -> i64,
    now: i64,
) -> listing::Model {
    let blank = || listing::Model {
        id: id(),
        channel: mapping.channel.clone(),
        mall_key: mapping.mall_key.clone(),
        given_key: mapping.mall_key.clone(),
        sku_id: sku,
        units: 1,
        handle: None,
        state: "new".into(),
        problem: None,
        sells_past_zero: false,
        not_ours: false,
        buffer: None,
        fraction: None,
        min_show: None,
        cap: None,
        caps: None,
        unlimited: None,
        priority: 0,
        share: None,
        created_at: now,
    };
    let kept = |rule: &str| !mapping.cleared.contains(rule);
    let base = before.cloned().unwrap_or_else(blank);
    let cap = mapping.cap.clone().or_else(|| cap_of(&base).filter(|_| kept("cap")));
    let (cap, caps) = cap_columns(cap.as_ref());
    listing::Model {
        sku_id: sku,
        units: mapping.units.unwrap_or(base.units),
        buffer: mapping.buffer.or(base.buffer.filter(|_| kept("buffer"))),
        fraction: mapping.fraction.or(base.fraction.filter(|_| kept("fraction"))),
        min_show: mapping.min_show.or(base.min_show.filter(|_| kept("min_show"))),
        cap,
        caps,
        unlimited: mapping.unlimited.or(base.unlimited.filter(|_| kept("unlimited"))),
        priority: mapping.priority.unwrap_or(if kept("priority") { base.priority } else { 0 }),
        share: mapping.share.or(base.share.filter(|_| kept("share"))),
        ..base
    }
}
