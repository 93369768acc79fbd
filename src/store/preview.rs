//! What a change would do to the numbers on the malls: it is made in a transaction that is taken back, and each
//! listing's target is computed before and after, with the shares that would be decided ([`numbers`](super::numbers)).
//!
//! A file is looked at piece by piece, each in its own short transaction, so that others can work in between and
//! memory stays bounded. What each piece puts on the shelves or takes off them adds up, whichever way the file is
//! cut, and at the end the targets are computed with the sums. What a sales file says by leaving a SKU out, that a
//! date is over, is not looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use uriba_sdk::Order;
use utoipa::ToSchema;

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    bundles::{self, Shelved},
    catalogue::sku_codes as codes,
    catalogue::{Mapped, Mapping, listings_named},
    configuration::Configuration,
    entity::{bundle_unit, listing, location, publication, sku, stock_count, stock_event},
    imports::{Figure, NewImport, Piece, Rows},
    moved::moved_channels,
    numbers::{Numbers, Shelves, Supposed},
    rules::pools_of,
    running::Running,
};
use crate::domain::{
    brake::{Toll, Tolls},
    bundle::Recipe,
    spelling,
};

/// Changes that are named; the others are counted.
pub const CHANGES_MAX: usize = 1_000;

/// A number that a mall would show instead of another, in listing units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetChange {
    pub channel: String,
    pub mall_key: String,
    pub sku: String,
    /// `null`: no figure.
    pub now: Option<i64>,
    pub then: Option<i64>,
}

/// The numbers that would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TargetChanges)]
pub struct Changes {
    /// How many there are; `listings` names the first of them.
    pub total: u64,
    pub listings: Vec<TargetChange>,
    /// Of channels that would lose or multiply some: in listings, what brakes judge.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub tolls: Tolls,
}

/// A preview at work.
#[derive(Debug, Default)]
pub struct Preview {
    changes: Changes,
    seen: HashSet<i64>,
    /// Only what lies in these pools weighs; `None`: all does.
    weighing: Option<BTreeSet<String>>,
    /// What the pieces of a file put on each shelf or take off it, by pool and SKU.
    shifts: Shelves,
    /// SKUs and locations that the file would make.
    new: HashSet<String>,
}

impl Store {
    /// What mapping these would do, and the numbers that would change.
    pub async fn preview_listings(&self, mappings: &[Mapping], create: bool) -> Result<(Vec<Mapped>, Changes)> {
        let (mut preview, at) = (Preview::default(), self.now());
        let mut mapped = Vec::with_capacity(mappings.len());
        for piece in mappings.chunks(ROWS_PER_STATEMENT) {
            let tx = self.begin().await?;
            let mut skus = sold_under(&tx, piece).await?;
            let codes = piece.iter().map(|mapping| spelling::code(&mapping.sku).into_owned()).collect();
            skus.extend(ids_of(&tx, &codes).await?);
            let skus = bundles::touched(&tx, &skus).await?;
            let before = self.numbers_on(&tx, &skus, at).await?;
            mapped.extend(self.map_piece(&tx, piece, create, "trial").await?);
            let mut after = self.numbers_on(&tx, &skus, at).await?;
            if create {
                let fresh = sold_under(&tx, piece).await?.difference(&skus).copied().collect();
                after.extend(self.numbers_on(&tx, &fresh, at).await?);
            }
            preview.compare(&tx, &before, &after).await?;
            tx.rollback().await?;
        }
        Ok((mapped, self.weighed(preview).await?))
    }

    pub async fn preview_bundles(&self, recipes: &BTreeMap<String, Recipe<String>>) -> Result<Changes> {
        let tx = self.begin().await?;
        let named = recipes.iter().flat_map(|(bundle, recipe)| recipe.keys().chain([bundle])).cloned().collect();
        let skus = ids_of(&tx, &named).await?;
        let (skus, at) = (bundles::touched(&tx, &skus).await?, self.now());
        let before = self.numbers_on(&tx, &skus, at).await?;
        self.pack_in(&tx, recipes).await?;
        let after = self.numbers_on(&tx, &skus, at).await?;
        let mut preview = Preview::default();
        preview.compare(&tx, &before, &after).await?;
        tx.rollback().await?;
        self.weighed(preview).await
    }

    /// Begins to look at a file. A pool's first book weighs nothing: it is new knowledge, not a change of any.
    pub async fn preview_file(&self, kind: &str) -> Result<Preview> {
        let weighing = match kind {
            "book" => Some(booked_pools(self.reader()).await?),
            _ => None,
        };
        Ok(Preview { weighing, ..Preview::default() })
    }

    /// A piece of a file: booked, looked at, taken back. With `sold_only` rows of SKUs that no channel sells, which
    /// can change no number, are left out and cost next to nothing.
    pub async fn preview_rows(
        &self,
        preview: &mut Preview,
        new: &NewImport<'_>,
        rows: Rows<'_>,
        sold_only: bool,
    ) -> Result<Piece> {
        let (codes, places) = rows.names();
        let sold = match rows {
            Rows::Orders { orders, intake, .. } => self.sold_in(&intake.channel, orders).await?,
            _ => self.sold_among(&codes).await?,
        };
        if sold_only && sold.is_empty() {
            return Ok(Piece::default());
        }
        let ids: BTreeSet<i64> = sold.values().copied().collect();
        let tx = self.begin().await?;
        let before = shelves_on(&tx, &ids).await?;
        let import = self.new_import(&tx, new).await?;
        let mut piece = match (sold_only, rows) {
            (true, Rows::Book { figures, bins }) => {
                let figures: Vec<Figure> = kept(figures, |row| sold.contains_key(&row.sku));
                self.book_piece(&tx, &import, Rows::Book { figures: &figures, bins }).await?
            }
            (true, Rows::Holdbacks(figures)) => {
                let figures: Vec<Figure> = kept(figures, |row| sold.contains_key(&row.sku));
                self.book_piece(&tx, &import, Rows::Holdbacks(&figures)).await?
            }
            (true, Rows::Running { manner, rows }) => {
                let rows: Vec<Running> = kept(rows, |row| sold.contains_key(&row.sku));
                self.book_piece(&tx, &import, Rows::Running { manner, rows: &rows }).await?
            }
            (_, rows) => self.book_piece(&tx, &import, rows).await?,
        };
        let after = shelves_on(&tx, &ids).await?;
        tx.rollback().await?;
        if !sold_only {
            let strange = self.unknown_skus(&codes).await?;
            let known = self.location_codes().await?;
            let fresh = strange.into_iter().map(|code| format!("sku {code}"));
            let fresh = fresh.chain(places.difference(&known).map(|place| format!("location {place}")));
            piece.created = fresh.map(|name| u64::from(preview.new.insert(name))).sum();
        }
        preview.shift(before, after);
        Ok(piece)
    }

    /// What the pieces come to.
    pub async fn end_preview(&self, mut preview: Preview) -> Result<Changes> {
        let at = self.now();
        let shifted = Supposed { shelves: std::mem::take(&mut preview.shifts), ..Supposed::nothing(at) };
        let mut skus: Vec<i64> = shifted.shelves.keys().map(|(_, sku)| *sku).collect();
        skus.dedup();
        for piece in skus.chunks(ROWS_PER_STATEMENT) {
            let tx = self.snapshot().await?;
            let touched = bundles::touched(&tx, &piece.iter().copied().collect()).await?;
            let before = self.numbers_on(&tx, &touched, at).await?;
            let rows = before.values().map(|(row, _)| row.clone()).collect();
            let after = self.numbers_of(&tx, rows, &shifted).await?;
            preview.compare(&tx, &before, &after).await?;
        }
        self.weighed(preview).await
    }

    /// What putting it in force would change. A first start changes nothing that anybody shows.
    pub async fn preview_configuration(&self, wanted: &Configuration) -> Result<Changes> {
        let tx = self.begin().await?;
        self.configure_names(&tx, &wanted.pools, &wanted.channels).await?;
        let Some(moved) = moved_channels(&tx, wanted).await?.filter(|moved| !moved.is_empty()) else {
            tx.rollback().await?;
            return Ok(Changes::default());
        };
        let supposed = Supposed::nothing(self.now());
        let mut before = HashMap::new();
        let mut after = i64::MIN;
        while let Some(rows) = page_of_skus(&tx, &moved, &mut after).await? {
            let numbers = self.numbers_of(&tx, rows, &supposed).await?;
            before.extend(numbers.into_iter().map(|(id, (_, target))| (id, target)));
        }
        self.configure_numbers(&tx, &wanted.pools, &wanted.channels, &wanted.body).await?;
        let mut preview = Preview::default();
        let mut after = i64::MIN;
        while let Some(rows) = page_of_skus(&tx, &moved, &mut after).await? {
            let then = self.numbers_of(&tx, rows, &supposed).await?;
            let now = then.iter().map(|(id, (row, _))| (*id, (row.clone(), before.get(id).copied().flatten())));
            preview.compare(&tx, &now.collect(), &then).await?;
        }
        tx.rollback().await?;
        self.weighed(preview).await
    }

    /// Counts, for the channels that lose or multiply something, how many of their listings show anything.
    pub async fn weighed(&self, preview: Preview) -> Result<Changes> {
        let mut changes = preview.changes;
        for (channel, toll) in &mut changes.tolls {
            use sea_orm::PaginatorTrait;
            let lit = publication::Entity::find()
                .filter(publication::Column::Channel.eq(channel))
                .filter(publication::Column::Target.gt(0));
            toll.shows = lit.count(self.reader()).await?;
        }
        Ok(changes)
    }

    /// Those of the codes whose SKU some channel sells, alone or in a bundle.
    async fn sold_among(&self, codes: &BTreeSet<String>) -> Result<HashMap<String, i64>> {
        let db = self.reader();
        let mut sold = HashMap::new();
        for piece in codes.iter().collect::<Vec<_>>().chunks(ROWS_PER_STATEMENT) {
            let named = sku::Column::Code.is_in(piece.iter().map(|code| code.as_str()));
            let rows = sku::Entity::find().filter(named).all(db).await?;
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let listed = listing::Entity::find().select_only().column(listing::Column::SkuId).distinct();
            let listed = listed.filter(listing::Column::SkuId.is_in(ids.clone())).into_tuple::<i64>().all(db).await?;
            let packed = bundle_unit::Entity::find().select_only().column(bundle_unit::Column::ComponentId).distinct();
            let packed = packed.filter(bundle_unit::Column::ComponentId.is_in(ids)).into_tuple::<i64>().all(db).await?;
            let there: HashSet<i64> = listed.into_iter().chain(packed).collect();
            sold.extend(rows.into_iter().filter(|row| there.contains(&row.id)).map(|row| (row.code, row.id)));
        }
        Ok(sold)
    }

    /// What these orders sell, by the keys that they name.
    async fn sold_in(&self, channel: &str, orders: &[Order]) -> Result<HashMap<String, i64>> {
        let lines = orders.iter().flat_map(|order| &order.lines);
        let keys: Vec<&str> = lines.filter_map(|line| line.mall_key.as_deref()).collect();
        let mut sold = HashMap::new();
        for piece in keys.chunks(ROWS_PER_STATEMENT) {
            let rows = listing::Entity::find()
                .filter(listing::Column::Channel.eq(channel))
                .filter(listing::Column::MallKey.is_in(piece.iter().copied()));
            sold.extend(rows.all(self.reader()).await?.into_iter().map(|row| (row.mall_key, row.sku_id)));
        }
        Ok(sold)
    }
}

impl Preview {
    fn shift(&mut self, before: Shelves, after: Shelves) {
        for (place, shelf) in after {
            let was = before.get(&place).copied().unwrap_or_default();
            if shelf != was {
                let shift = self.shifts.entry(place).or_default();
                *shift = shift.plus(shelf.minus(was));
            }
        }
    }

    pub(super) async fn compare(&mut self, tx: &DatabaseTransaction, before: &Numbers, after: &Numbers) -> Result<()> {
        let pools = pools_of(tx).await?;
        let mut changed = Vec::new();
        for (id, (row, then)) in after {
            let now = before.get(id).and_then(|(_, now)| *now);
            if now == *then || !self.seen.insert(*id) {
                continue;
            }
            self.changes.total += 1;
            let pool = pools.get(&row.channel);
            if self.weighing.as_ref().is_none_or(|weighing| pool.is_some_and(|pool| weighing.contains(pool))) {
                let mut toll = Toll::default();
                toll.note(now, *then);
                if toll != Toll::default() {
                    *self.changes.tolls.entry(row.channel.clone()).or_default() += toll;
                }
            }
            if self.changes.listings.len() + changed.len() < CHANGES_MAX {
                changed.push((row, now, *then));
            }
        }
        let codes = codes(tx, &changed.iter().map(|(row, ..)| row.sku_id).collect()).await?;
        self.changes.listings.extend(changed.into_iter().map(|(row, now, then)| TargetChange {
            channel: row.channel.clone(),
            mall_key: row.mall_key.clone(),
            sku: codes.get(&row.sku_id).cloned().unwrap_or_default(),
            now,
            then,
        }));
        Ok(())
    }
}

/// What these channels sell, some hundred SKUs at a time: shares are decided by SKU.
pub(super) async fn page_of_skus(
    tx: &DatabaseTransaction,
    channels: &BTreeSet<String>,
    after: &mut i64,
) -> Result<Option<Vec<listing::Model>>> {
    // Found by SKU alone: with the channels named, each page would begin with all listings of theirs.
    let skus = listing::Entity::find().select_only().column(listing::Column::SkuId).distinct();
    let skus = skus.filter(listing::Column::SkuId.gt(*after)).order_by_asc(listing::Column::SkuId);
    let skus: Vec<i64> = skus.limit(ROWS_PER_STATEMENT as u64).into_tuple().all(tx).await?;
    let Some(last) = skus.last() else { return Ok(None) };
    *after = *last;
    let rows = listing::Entity::find().filter(listing::Column::SkuId.is_in(skus)).all(tx).await?;
    Ok(Some(rows.into_iter().filter(|row| channels.contains(&row.channel)).collect()))
}

/// Pools of which some location was in a book already: a first book is new knowledge, not a change of it.
async fn booked_pools(db: &impl ConnectionTrait) -> Result<BTreeSet<String>> {
    let mut booked = BTreeSet::new();
    for place in location::Entity::find().filter(location::Column::Pool.is_not_null()).all(db).await? {
        let Some(pool) = place.pool.filter(|pool| !booked.contains(pool)) else { continue };
        let counts = stock_count::Entity::find()
            .inner_join_events()
            .filter(stock_count::Column::Location.eq(place.code))
            .filter(stock_event::Column::ImportId.is_not_null());
        if counts.one(db).await?.is_some() {
            booked.insert(pool);
        }
    }
    Ok(booked)
}

trait OfEvents {
    fn inner_join_events(self) -> Self;
}

impl OfEvents for sea_orm::Select<stock_count::Entity> {
    fn inner_join_events(self) -> Self {
        let events = stock_count::Entity::belongs_to(stock_event::Entity)
            .from(stock_count::Column::EventId)
            .to(stock_event::Column::Id)
            .into();
        self.join(sea_orm::JoinType::InnerJoin, events)
    }
}

/// The SKUs that are sold under these keys now.
async fn sold_under(db: &impl ConnectionTrait, mappings: &[Mapping]) -> Result<BTreeSet<i64>> {
    Ok(listings_named(db, mappings).await?.into_iter().map(|row| row.sku_id).collect())
}

async fn ids_of(db: &impl ConnectionTrait, codes: &BTreeSet<String>) -> Result<BTreeSet<i64>> {
    let codes: Vec<&String> = codes.iter().collect();
    let mut ids = BTreeSet::new();
    for piece in codes.chunks(ROWS_PER_STATEMENT) {
        let rows = sku::Entity::find().select_only().column(sku::Column::Id);
        let rows = rows.filter(sku::Column::Code.is_in(piece.iter().map(|code| code.as_str())));
        ids.extend(rows.into_tuple::<i64>().all(db).await?);
    }
    Ok(ids)
}

/// What lies on the shelves of these SKUs and of what they are made of, in every pool.
async fn shelves_on(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<Shelves> {
    let pools: BTreeSet<String> = pools_of(tx).await?.into_values().collect();
    let mut found = Shelves::new();
    for pool in pools {
        let shelved = Shelved::load(tx, &pool, skus).await?;
        found.extend(shelved.shelves.into_iter().map(|(sku, shelf)| ((pool.clone(), sku), shelf)));
    }
    Ok(found)
}

fn kept<T: Clone>(rows: &[T], is_kept: impl Fn(&T) -> bool) -> Vec<T> {
    rows.iter().filter(|row| is_kept(row)).cloned().collect()
}
