//! A SKU: what there is of it in each pool, and what each channel makes of that.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Outlines, Page, Paging, Showing};
use crate::{
    domain::{
        exposure::{Mode, mode::Wish},
        publication::Standing,
        shelf::Shelf,
    },
    store::{
        Result, Store,
        bundles::{self, Component, Shelved},
        catalogue,
        decrees::Decrees,
        dialect,
        entity::{listing, sku, stock},
        instant,
        publication_rows::Listed,
        rules::pools_of,
        stock::pieces,
        stops::stopped_among,
        wishes::{Wished, wishes},
    },
};

/// What is stocked and counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Sku)]
pub struct SkuSheet {
    pub code: String,
    pub name: Option<String>,
    /// `null` while it is on sale; who has taken it off sale everywhere, when and why. Of a bundle: it itself, or
    /// something that it is made of.
    pub stopped: Option<StoppedSheet>,
    pub pools: Vec<PoolSheet>,
    pub listings: Vec<Showing>,
}

/// That a SKU is off sale everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Stop)]
pub struct StoppedSheet {
    /// The SKU that was stopped; of a bundle it may be one of its components.
    pub sku: String,
    pub by: String,
    pub since: Timestamp,
    pub reason: Option<String>,
}

/// A SKU after a word on whether it is sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = StopAnswer)]
pub struct StopSheet {
    #[serde(flatten)]
    pub sku: SkuSheet,
    /// Listings of it and of bundles with it that may show something and can't be set to 0 now, and why.
    pub not_done: Vec<NotDone>,
}

/// A listing that goes on showing what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotDone {
    pub channel: String,
    pub mall_key: String,
    /// `null`: not known.
    pub shown: Option<i64>,
    /// `frozen`, `shadow`, `set_aside` or `held`.
    pub state: String,
    pub reason: Option<String>,
}

/// One SKU in one pool, in SKU units: `sellable` is `on_hand` less everything that is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PoolStock)]
pub struct PoolSheet {
    pub pool: String,
    /// `null`: no stock event has ever named the SKU here, which is not the same as none.
    pub on_hand: Option<i64>,
    pub unshipped: i64,
    pub held: i64,
    pub provisional: i64,
    pub shipped_not_in_core: i64,
    /// Negative: oversold by so many. `null` when there is no figure.
    pub sellable: Option<i64>,
    pub exposure: ExposureSheet,
    /// Of a bundle: what one takes, in SKUs that are stocked. It has no other stock than theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentSheet>,
}

/// What one of a bundle takes of a stocked SKU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Component)]
pub struct ComponentSheet {
    pub sku: String,
    pub quantity: i64,
    /// In units of the component.
    pub sellable: Option<i64>,
    /// No other component lets fewer bundles be sold.
    pub limits: bool,
}

/// How much can still be sold unseen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Exposure)]
pub struct ExposureSheet {
    /// `shared`: every mall shows what is sellable. `escrow`: each shows an exclusive share.
    pub mode: String,
    /// No write is open, and what every mall shows is known.
    pub settled: bool,
    /// The sum of the ceilings of all listings that take from it, also as a part of a bundle. Listings that sell
    /// without an end have none and are left out. Of a bundle: as far as its most exposed component.
    pub units: i64,
    /// At most so many units can be oversold, whatever happens next; 0 where there is no figure to oversell.
    pub bound: i64,
    /// What is asked for: `shared`, `escrow` or `auto`, which may be either.
    pub wish: String,
    /// Whose word that is: `sku`, `plan` or `pool`.
    pub by: String,
}

/// Sums over all SKUs that have a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolTotals {
    pub pool: String,
    pub oversold: i64,
    pub bound: i64,
}

/// How many SKUs of a pool are sold in a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeCount {
    pub pool: String,
    pub mode: String,
    pub skus: i64,
}

impl Store {
    /// By code.
    pub async fn sku_sheets(&self, outlines: &Outlines, paging: &Paging) -> Result<Page<SkuSheet>> {
        let tx = self.snapshot().await?;
        let mut query = sku::Entity::find().order_by_asc(sku::Column::Code);
        if let Some([after]) = paging.after()? {
            query = query.filter(sku::Column::Code.gt(after));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.code.clone()]);
        Ok(Page { items: self.skus_of(&tx, rows, outlines).await?, next_cursor })
    }

    pub async fn sku_sheet(&self, code: &str, outlines: &Outlines) -> Result<SkuSheet> {
        let tx = self.snapshot().await?;
        let row = self.sku(&tx, code).await?;
        let mut sheets = self.skus_of(&tx, vec![row], outlines).await?;
        Ok(sheets.pop().expect("one row makes one sheet"))
    }

    /// The SKU with what the stop of it could not reach.
    pub async fn stop_sheet(&self, code: &str, outlines: &Outlines) -> Result<StopSheet> {
        let tx = self.snapshot().await?;
        let row = self.sku(&tx, code).await?;
        let mut around = bundles::containing(&tx, &[row.id].into()).await?;
        around.insert(row.id);
        let mut ids = BTreeSet::new();
        for piece in pieces(&around) {
            let rows = listing::Entity::find().select_only().column(listing::Column::Id);
            ids.extend(rows.filter(listing::Column::SkuId.is_in(piece)).into_tuple::<i64>().all(&tx).await?);
        }
        let is_stopped = stopped_among(&tx, &[row.id].into(), None).await?.contains_key(&row.id);
        let beyond = [Standing::Frozen, Standing::Shadow, Standing::SetAside, Standing::Held].map(Standing::word);
        let showing = self.showing(&tx, ids, outlines).await?.into_values().map(|(_, showing)| showing);
        let left = showing.filter(|showing| is_stopped && showing.shown.is_none_or(|shown| shown > 0));
        let left = left.filter(|showing| beyond.contains(&showing.state.as_str())).map(|showing| NotDone {
            channel: showing.channel,
            mall_key: showing.mall_key,
            shown: showing.shown,
            state: showing.state,
            reason: showing.reason,
        });
        let mut not_done: Vec<NotDone> = left.collect();
        not_done.sort_by(|a, b| (&a.channel, &a.mall_key).cmp(&(&b.channel, &b.mall_key)));
        let mut sheets = self.skus_of(&tx, vec![row], outlines).await?;
        Ok(StopSheet { sku: sheets.pop().expect("one row makes one sheet"), not_done })
    }

    /// By pool. Looks at every SKU, so it is not for every request.
    pub async fn pool_totals(&self) -> Result<Vec<PoolTotals>> {
        let rows = dialect::pool_totals(self.reader()).await?;
        Ok(rows.into_iter().map(|(pool, oversold, bound)| PoolTotals { pool, oversold, bound }).collect())
    }

    /// By pool. Looks at every SKU, too.
    pub async fn mode_counts(&self) -> Result<Vec<ModeCount>> {
        let rows = dialect::modes(self.reader()).await?;
        Ok(rows.into_iter().map(|(pool, mode, skus)| ModeCount { pool, mode, skus }).collect())
    }

    async fn skus_of(
        &self,
        tx: &DatabaseTransaction,
        rows: Vec<sku::Model>,
        outlines: &Outlines,
    ) -> Result<Vec<SkuSheet>> {
        let skus: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        let shelved = shelved_of(tx, &skus).await?;
        // A bundle's listing takes from its components, so it stands in their exposure.
        let around = bundles::touched(tx, &skus).await?;
        let mut listings = Vec::new();
        for piece in pieces(&around) {
            let found = listing::Entity::find()
                .filter(listing::Column::SkuId.is_in(piece))
                .order_by_asc(listing::Column::Channel)
                .order_by_asc(listing::Column::MallKey)
                .all(tx)
                .await?;
            listings.extend(found);
        }
        let mut showing = self.showing(tx, listings.iter().map(|row| row.id).collect(), outlines).await?;
        let mut of_sku: HashMap<i64, Vec<(Listed, Showing)>> = HashMap::new();
        for row in listings {
            of_sku.entry(row.sku_id).or_default().extend(showing.remove(&row.id));
        }
        let exposed = Exposed::load(tx, &of_sku, &shelved, self.now()).await?;
        let stops = stopped_among(tx, &skus, None).await?;
        let named = shelved.values().flat_map(BTreeMap::values).flat_map(|here| here.made_of.values()).flatten();
        let named = named.map(|component| component.sku_id).chain(stops.values().map(|stop| stop.sku_id));
        let codes = catalogue::sku_codes(tx, &named.collect()).await?;
        let sheet = |row: sku::Model| {
            let here = shelved.get(&row.id).into_iter().flatten();
            let pools = here.map(|(pool, shelved)| pool_sheet(row.id, pool, shelved, &exposed, &codes)).collect();
            let listed = of_sku.get(&row.id).into_iter().flatten();
            let listings = listed.map(|(_, showing)| showing.clone()).collect();
            let stopped = stops.get(&row.id).map(|stop| StoppedSheet {
                sku: codes.get(&stop.sku_id).cloned().unwrap_or_default(),
                by: stop.by.clone(),
                since: instant(stop.since),
                reason: stop.reason.clone(),
            });
            SkuSheet { code: row.code, name: row.name, stopped, pools, listings }
        };
        Ok(rows.into_iter().map(sheet).collect())
    }
}

/// What every mall may still sell, by stocked SKU and pool.
struct Exposed {
    units: HashMap<(i64, String), Exposure>,
    escrow: HashSet<(i64, String)>,
    wishes: HashMap<(i64, String), Wished>,
}

#[derive(Clone, Copy, Default)]
struct Exposure {
    units: i64,
    unsettled: bool,
}

impl Exposed {
    async fn load(
        tx: &DatabaseTransaction,
        of_sku: &HashMap<i64, Vec<(Listed, Showing)>>,
        shelved: &HashMap<i64, BTreeMap<String, Arc<Shelved>>>,
        now: Timestamp,
    ) -> Result<Self> {
        let pools = pools_of(tx).await?;
        let made_of = bundles::exploded(tx, &of_sku.keys().copied().collect()).await?;
        let mut found: HashMap<(i64, String), Exposure> = HashMap::new();
        for (sku, listed) in of_sku {
            for (item, showing) in listed {
                let Some(pool) = pools.get(&showing.channel) else { continue };
                let known = item.publication.shown().is_some_and(|shown| shown.low == shown.high);
                let settled = known && item.publication.writes.is_empty();
                for part in made_of.get(sku).into_iter().flatten() {
                    let exposure = found.entry((part.sku_id, pool.clone())).or_default();
                    exposure.units += showing.ceiling.unwrap_or(0).saturating_mul(part.quantity);
                    exposure.unsettled |= !settled;
                }
            }
        }
        let skus: BTreeSet<i64> = made_of.values().flatten().map(|part| part.sku_id).collect();
        let mut escrow = HashSet::new();
        for piece in pieces(&skus) {
            let rows = stock::Entity::find().filter(stock::Column::SkuId.is_in(piece));
            let rows = rows.filter(stock::Column::Mode.eq(Mode::Escrow.word())).all(tx).await?;
            escrow.extend(rows.into_iter().map(|row| (row.sku_id, row.pool)));
        }
        let mut here: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (sku, pool) in shelved.iter().flat_map(|(sku, pools)| pools.keys().map(move |pool| (sku, pool))) {
            here.entry(pool).or_default().push(*sku);
        }
        let decrees = Decrees::load(tx, &shelved.keys().copied().collect(), now).await?;
        let mut wished = HashMap::new();
        for (pool, skus) in here {
            let of_pool = wishes(tx, pool, &skus, &decrees).await?;
            wished.extend(of_pool.into_iter().map(|(sku, wish)| ((sku, pool.to_owned()), wish)));
        }
        Ok(Self { units: found, escrow, wishes: wished })
    }

    /// Of a bundle: escrow if any component is.
    fn mode(&self, sku: i64, pool: &str, parts: &[Component]) -> String {
        let guarded = |sku: i64| self.escrow.contains(&(sku, pool.to_owned()));
        let is_guarded = guarded(sku) || parts.iter().any(|part| guarded(part.sku_id));
        let mode = if is_guarded { Mode::Escrow } else { Mode::Shared };
        mode.word().to_owned()
    }

    fn wish(&self, sku: i64, pool: &str) -> Wished {
        let nobody = Wished { wish: Wish::Shared, by: "pool" };
        self.wishes.get(&(sku, pool.to_owned())).copied().unwrap_or(nobody)
    }

    fn of(&self, sku: i64, pool: &str) -> Exposure {
        self.units.get(&(sku, pool.to_owned())).copied().unwrap_or_default()
    }
}

/// By SKU and pool.
async fn shelved_of(
    tx: &DatabaseTransaction,
    skus: &BTreeSet<i64>,
) -> Result<HashMap<i64, BTreeMap<String, Arc<Shelved>>>> {
    let mut by_pool: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for piece in pieces(skus) {
        for row in stock::Entity::find().filter(stock::Column::SkuId.is_in(piece)).all(tx).await? {
            by_pool.entry(row.pool).or_default().insert(row.sku_id);
        }
    }
    let mut found: HashMap<i64, BTreeMap<String, Arc<Shelved>>> = HashMap::new();
    for (pool, here) in by_pool {
        let shelved = Arc::new(Shelved::load(tx, &pool, &here).await?);
        for sku in here {
            found.entry(sku).or_default().insert(pool.clone(), shelved.clone());
        }
    }
    Ok(found)
}

fn pool_sheet(sku: i64, pool: &str, shelved: &Shelved, exposed: &Exposed, codes: &HashMap<i64, String>) -> PoolSheet {
    let sellable = shelved.sellable(sku);
    let parts = shelved.made_of.get(&sku).map_or(&[][..], Vec::as_slice);
    let of = |part: &Component| shelved.shelves.get(&part.sku_id).and_then(Shelf::sellable);
    let is_bundle = parts.iter().any(|part| part.sku_id != sku);
    let components = parts.iter().filter(|_| is_bundle).map(|part| ComponentSheet {
        sku: codes.get(&part.sku_id).cloned().unwrap_or_default(),
        quantity: part.quantity,
        sellable: of(part),
        limits: of(part).map(|units| units.div_euclid(part.quantity.max(1))) == sellable,
    });
    let shelf = shelved.shelves.get(&sku).copied().unwrap_or_default();
    let bound = |part: &Component| {
        let most = of(part).map_or(0, |sellable| (exposed.of(part.sku_id, pool).units - sellable).max(0));
        // So many bundles can lack this component.
        (most + part.quantity - 1) / part.quantity.max(1)
    };
    let wished = exposed.wish(sku, pool);
    PoolSheet {
        pool: pool.to_owned(),
        on_hand: shelf.on_hand,
        unshipped: shelf.unshipped,
        held: shelf.held,
        provisional: shelf.provisional,
        shipped_not_in_core: shelf.shipped_not_in_core,
        sellable,
        exposure: ExposureSheet {
            mode: exposed.mode(sku, pool, parts),
            settled: !parts.iter().any(|part| exposed.of(part.sku_id, pool).unsettled),
            units: if is_bundle {
                parts.iter().map(|part| exposed.of(part.sku_id, pool).units / part.quantity.max(1)).max().unwrap_or(0)
            } else {
                exposed.of(sku, pool).units
            },
            bound: parts.iter().map(bound).max().unwrap_or(0),
            wish: wished.wish.word().to_owned(),
            by: wished.by.to_owned(),
        },
        components: components.collect(),
    }
}
