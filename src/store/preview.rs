//! What a change would do to the numbers on the malls: it is made in a transaction that is taken back, and each
//! listing's target is computed before and after.
//!
//! Large changes are looked at piece by piece, each in its own short transaction, so that others can work in
//! between and memory stays bounded. So a bundle whose components lie in different pieces is seen with one piece's
//! changes at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    bundles::{self, Shelved},
    catalogue::sku_codes as codes,
    catalogue::{Mapped, Mapping},
    configuration::Configuration,
    entity::{bundle_unit, channel, listing, location, publication, sku, stock_count, stock_event, stock_import},
    imports::Figure,
    micros,
    recompute::{Allowance, wanted},
    rules::{allowances, pools_of},
    stock::pieces,
};
use crate::domain::{
    brake::{Toll, Tolls},
    bundle::Recipe,
    ledger::CountsShipments,
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

/// The numbers that would change: the first of them, how many, and what that means for each channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    pub first: Vec<TargetChange>,
    pub total: u64,
    pub tolls: Tolls,
}

/// A preview at work.
#[derive(Debug, Default)]
pub struct Preview {
    changes: Changes,
    seen: HashSet<i64>,
}

/// Each listing with what it ought to show.
type Numbers = BTreeMap<i64, (listing::Model, Option<i64>)>;

impl Store {
    /// What mapping these would do, and the numbers that would change.
    pub async fn preview_listings(&self, mappings: &[Mapping], create: bool) -> Result<(Vec<Mapped>, Changes)> {
        let mut preview = Preview::default();
        let mut mapped = Vec::with_capacity(mappings.len());
        for piece in mappings.chunks(ROWS_PER_STATEMENT) {
            let tx = self.begin().await?;
            let mut skus = sold_under(&tx, piece).await?;
            let codes = piece.iter().map(|mapping| spelling::code(&mapping.sku).into_owned()).collect();
            skus.extend(ids_of(&tx, &codes).await?);
            let skus = bundles::touched(&tx, &skus).await?;
            let before = self.numbers_on(&tx, &skus).await?;
            mapped.extend(self.map_piece(&tx, piece, create, "trial").await?);
            let mut after = self.numbers_on(&tx, &skus).await?;
            if create {
                let fresh = sold_under(&tx, piece).await?.difference(&skus).copied().collect();
                after.extend(self.numbers_on(&tx, &fresh).await?);
            }
            preview.compare(&tx, &before, &after, None).await?;
            tx.rollback().await?;
        }
        Ok((mapped, self.weighed(preview).await?))
    }

    pub async fn preview_bundles(&self, recipes: &BTreeMap<String, Recipe<String>>) -> Result<Changes> {
        let tx = self.begin().await?;
        let named = recipes.iter().flat_map(|(bundle, recipe)| recipe.keys().chain([bundle])).cloned().collect();
        let skus = ids_of(&tx, &named).await?;
        let skus = bundles::touched(&tx, &skus).await?;
        let before = self.numbers_on(&tx, &skus).await?;
        self.pack_in(&tx, recipes).await?;
        let after = self.numbers_on(&tx, &skus).await?;
        let mut preview = Preview::default();
        preview.compare(&tx, &before, &after, None).await?;
        tx.rollback().await?;
        self.weighed(preview).await
    }

    /// A piece of a book. Rows of SKUs that no channel sells change no number and cost next to nothing.
    pub async fn preview_figures(
        &self,
        preview: &mut Preview,
        figures: &[Figure],
        as_of: Timestamp,
        counts: CountsShipments,
    ) -> Result<()> {
        let listed = self.listed_among(&figures.iter().map(|row| row.sku.clone()).collect()).await?;
        if listed.is_empty() {
            return Ok(());
        }
        let figures: Vec<Figure> = figures.iter().filter(|row| listed.contains_key(&row.sku)).cloned().collect();
        let tx = self.begin().await?;
        let skus = bundles::touched(&tx, &listed.into_values().collect()).await?;
        let before = self.numbers_on(&tx, &skus).await?;
        self.book_figures_in(&tx, &self.unbooked(as_of), &figures, counts).await?;
        let after = self.numbers_on(&tx, &skus).await?;
        let booked = booked_pools(&tx).await?;
        preview.compare(&tx, &before, &after, Some(&booked)).await?;
        Ok(tx.rollback().await?)
    }

    /// What putting it in force would change. A first start changes nothing that anybody shows.
    pub async fn preview_configuration(&self, wanted: &Configuration) -> Result<Changes> {
        let tx = self.begin().await?;
        self.configure_names(&tx, &wanted.pools, &wanted.channels).await?;
        let Some(moved) = moved_channels(&tx, wanted).await?.filter(|moved| !moved.is_empty()) else {
            tx.rollback().await?;
            return Ok(Changes::default());
        };
        let mut before = HashMap::new();
        let mut after = i64::MIN;
        while let Some(rows) = listing_page(&tx, &moved, after).await? {
            after = rows.last().map_or(i64::MAX, |row| row.id);
            let numbers = self.numbers_of(&tx, rows).await?;
            before.extend(numbers.into_iter().map(|(id, (_, target))| (id, target)));
        }
        self.configure_numbers(&tx, &wanted.pools, &wanted.channels, &wanted.body).await?;
        let mut preview = Preview::default();
        let mut after = i64::MIN;
        while let Some(rows) = listing_page(&tx, &moved, after).await? {
            after = rows.last().map_or(i64::MAX, |row| row.id);
            let then = self.numbers_of(&tx, rows).await?;
            let now = then.iter().map(|(id, (row, _))| (*id, (row.clone(), before.get(id).copied().flatten())));
            preview.compare(&tx, &now.collect(), &then, None).await?;
        }
        tx.rollback().await?;
        self.weighed(preview).await
    }

    /// Counts, for the channels that lose or multiply something, how many of their listings show anything.
    pub async fn weighed(&self, preview: Preview) -> Result<Changes> {
        let mut changes = preview.changes;
        for (channel, toll) in &mut changes.tolls {
            if toll.emptied + toll.multiplied == 0 {
                continue;
            }
            use sea_orm::PaginatorTrait;
            let lit = publication::Entity::find()
                .filter(publication::Column::Channel.eq(channel))
                .filter(publication::Column::Target.gt(0));
            toll.shows = lit.count(self.reader()).await?;
        }
        Ok(changes)
    }

    /// What every listing of these SKUs ought to show, by what the transaction sees.
    async fn numbers_on(&self, tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<Numbers> {
        let mut rows = Vec::new();
        for piece in pieces(skus) {
            rows.extend(listing::Entity::find().filter(listing::Column::SkuId.is_in(piece)).all(tx).await?);
        }
        self.numbers_of(tx, rows).await
    }

    async fn numbers_of(&self, tx: &DatabaseTransaction, rows: Vec<listing::Model>) -> Result<Numbers> {
        let allowances: HashMap<String, Allowance> = allowances(tx).await?;
        let pools = pools_of(tx).await?;
        let mut by_pool: BTreeMap<&str, Vec<listing::Model>> = BTreeMap::new();
        for row in rows {
            if let Some(pool) = pools.get(&row.channel) {
                by_pool.entry(pool).or_default().push(row);
            }
        }
        let now = self.now();
        let mut numbers = Numbers::new();
        for (pool, rows) in by_pool {
            let shelved = Shelved::load(tx, pool, &rows.iter().map(|row| row.sku_id).collect()).await?;
            for row in rows {
                let Some(allowance) = allowances.get(&row.channel) else { continue };
                let number = wanted(&row, allowance, shelved.sellable(row.sku_id), now);
                numbers.insert(row.id, (row, number));
            }
        }
        Ok(numbers)
    }

    /// Those of the codes whose SKU some channel sells, alone or in a bundle.
    async fn listed_among(&self, codes: &BTreeSet<String>) -> Result<HashMap<String, i64>> {
        let db = self.reader();
        let rows = sku::Entity::find().filter(sku::Column::Code.is_in(codes.iter().cloned())).all(db).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let listed = listing::Entity::find().select_only().column(listing::Column::SkuId).distinct();
        let listed = listed.filter(listing::Column::SkuId.is_in(ids.clone())).into_tuple::<i64>().all(db).await?;
        let packed = bundle_unit::Entity::find().select_only().column(bundle_unit::Column::ComponentId).distinct();
        let packed = packed.filter(bundle_unit::Column::ComponentId.is_in(ids)).into_tuple::<i64>().all(db).await?;
        let sold: HashSet<i64> = listed.into_iter().chain(packed).collect();
        Ok(rows.into_iter().filter(|row| sold.contains(&row.id)).map(|row| (row.code, row.id)).collect())
    }

    /// An import for a trial, which leaves nothing behind.
    fn unbooked(&self, as_of: Timestamp) -> stock_import::Model {
        stock_import::Model {
            id: self.id(),
            kind: "book".into(),
            file: String::new(),
            digest: String::new(),
            as_of: micros(as_of),
            state: "trial".into(),
            rows: 0,
            booked: 0,
            unchanged: 0,
            created: 0,
            at: micros(self.now()),
            by: String::new(),
        }
    }
}

impl Preview {
    /// `counted`: only what lies in these pools weighs.
    async fn compare(
        &mut self,
        tx: &DatabaseTransaction,
        before: &Numbers,
        after: &Numbers,
        counted: Option<&BTreeSet<String>>,
    ) -> Result<()> {
        let pools = pools_of(tx).await?;
        let mut changed = Vec::new();
        for (id, (row, then)) in after {
            let now = before.get(id).and_then(|(_, now)| *now);
            if now == *then || !self.seen.insert(*id) {
                continue;
            }
            self.changes.total += 1;
            let weighs = |pools: &BTreeSet<String>, pool: &String| pools.contains(pool);
            if counted.is_none_or(|counted| pools.get(&row.channel).is_some_and(|pool| weighs(counted, pool))) {
                let toll: &mut Toll = self.changes.tolls.entry(row.channel.clone()).or_default();
                toll.note(now, *then);
            }
            if self.changes.first.len() + changed.len() < CHANGES_MAX {
                changed.push((row, now, *then));
            }
        }
        let codes = codes(tx, &changed.iter().map(|(row, ..)| row.sku_id).collect()).await?;
        self.changes.first.extend(changed.into_iter().map(|(row, now, then)| TargetChange {
            channel: row.channel.clone(),
            mall_key: row.mall_key.clone(),
            sku: codes.get(&row.sku_id).cloned().unwrap_or_default(),
            now,
            then,
        }));
        Ok(())
    }
}

/// Channels whose rules, pool or pool's locations would be others; `None` at a first start, before which nothing
/// was in force.
async fn moved_channels(tx: &DatabaseTransaction, wanted: &Configuration) -> Result<Option<BTreeSet<String>>> {
    let known: HashMap<String, channel::Model> =
        channel::Entity::find().all(tx).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in location::Entity::find().filter(location::Column::Pool.is_not_null()).all(tx).await? {
        places.entry(row.pool.unwrap_or_default()).or_default().insert(row.code);
    }
    let other = |pool: &&super::channels::PoolSetup| {
        let wanted: BTreeSet<String> = pool.locations.iter().cloned().collect();
        places.get(&pool.id).cloned().unwrap_or_default() != wanted
    };
    let pools: BTreeSet<&str> = wanted.pools.iter().filter(other).map(|pool| pool.id.as_str()).collect();
    let mut moved = BTreeSet::new();
    let mut is_first = true;
    for setup in &wanted.channels {
        let Some(row) = known.get(&setup.id) else { continue };
        let allowance = row.rules.as_ref().and_then(|rules| serde_json::from_str::<Allowance>(rules).ok());
        is_first &= allowance.is_none();
        let same = allowance.as_ref().is_none_or(|now| *now == setup.allowance) && row.pool == setup.pool;
        if !same || pools.contains(row.pool.as_str()) || pools.contains(setup.pool.as_str()) {
            moved.insert(setup.id.clone());
        }
    }
    Ok((!is_first).then_some(moved))
}

async fn listing_page(
    tx: &DatabaseTransaction,
    channels: &BTreeSet<String>,
    after: i64,
) -> Result<Option<Vec<listing::Model>>> {
    let rows = listing::Entity::find()
        .filter(listing::Column::Channel.is_in(channels.iter().map(String::as_str)))
        .filter(listing::Column::Id.gt(after))
        .order_by_asc(listing::Column::Id)
        .limit(ROWS_PER_STATEMENT as u64)
        .all(tx)
        .await?;
    Ok(Some(rows).filter(|rows| !rows.is_empty()))
}

/// Pools of which some location was in a book already: a first book is new knowledge, not a change of it.
async fn booked_pools(tx: &DatabaseTransaction) -> Result<BTreeSet<String>> {
    let mut booked = BTreeSet::new();
    for place in location::Entity::find().filter(location::Column::Pool.is_not_null()).all(tx).await? {
        let Some(pool) = place.pool.filter(|pool| !booked.contains(pool)) else { continue };
        let counts = stock_count::Entity::find()
            .inner_join_events()
            .filter(stock_count::Column::Location.eq(place.code))
            .filter(stock_event::Column::ImportId.is_not_null());
        if counts.one(tx).await?.is_some() {
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
    let keys: BTreeSet<&str> = mappings.iter().map(|mapping| mapping.mall_key.as_str()).collect();
    let channels: BTreeSet<&str> = mappings.iter().map(|mapping| mapping.channel.as_str()).collect();
    use sea_orm::ExprTrait;
    let named =
        listing::Column::MallKey.is_in(keys.iter().copied()).or(listing::Column::GivenKey.is_in(keys.iter().copied()));
    let rows = listing::Entity::find().select_only().column(listing::Column::SkuId).distinct();
    let rows = rows.filter(listing::Column::Channel.is_in(channels)).filter(named);
    Ok(rows.into_tuple::<i64>().all(db).await?.into_iter().collect())
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
