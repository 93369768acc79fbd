//! Bundles as rows: the recipe as it was said (`bundle_part`, one level) and what it comes to in stocked SKUs
//! (`bundle_unit`, made from it here and nowhere else).
//!
//! A bundle has no stock events. Its stock row is bumped together with those of its components by
//! [`dialect::bump_stock`], so it is computed again whenever one of them changes. Whoever changes a recipe locks
//! the SKUs that it names, as facts do: no fact of a component can slip through in between.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError, dialect,
    entity::{bundle_part, bundle_unit, provisional_hold, sku, stock, stock_entry, unshipped},
    log::Entry,
    micros,
    recompute::shelves,
    stock::{lock_skus, pieces},
};
use crate::domain::{
    bundle::{self, Fault, Recipe},
    shelf::Shelf,
};

/// How many units of a stocked SKU one unit of something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    pub sku_id: i64,
    pub quantity: i64,
}

/// What is known around some codes.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Those of the codes that are SKUs.
    pub known: BTreeSet<String>,
    /// Those that have stock events of their own.
    pub stocked: BTreeSet<String>,
    /// Of the codes, and of everything that they are made of or in.
    pub recipes: BTreeMap<String, Recipe<String>>,
}

/// What came of recipes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    pub changed: usize,
    pub unchanged: usize,
}

/// What there is of some SKUs in a pool, bundles by their components.
pub(super) struct Shelved {
    pub made_of: HashMap<i64, Vec<Component>>,
    /// Of everything that is stocked among the SKUs and their components.
    pub shelves: HashMap<i64, Shelf>,
}

impl Shelved {
    pub async fn load(tx: &DatabaseTransaction, pool: &str, skus: &BTreeSet<i64>) -> Result<Self> {
        let made_of = exploded(tx, skus).await?;
        let stocked = stocked_in(&made_of);
        let mut rows = Vec::new();
        for piece in pieces(&stocked) {
            let here = stock::Entity::find().filter(stock::Column::Pool.eq(pool));
            rows.extend(here.filter(stock::Column::SkuId.is_in(piece)).all(tx).await?);
        }
        let shelves = shelves(tx, pool, &stocked, &rows).await?;
        Ok(Self { made_of, shelves })
    }

    /// `None` without a figure, or with a component that has none.
    pub fn sellable(&self, sku: i64) -> Option<i64> {
        self.sellable_without(sku, |_| 0)
    }

    /// The same if so many units of each stocked SKU were not there.
    pub fn sellable_without(&self, sku: i64, taken: impl Fn(i64) -> i64) -> Option<i64> {
        let of = |component: &Component| {
            let sellable = self.shelves.get(&component.sku_id).and_then(Shelf::sellable)?;
            Some(sellable - taken(component.sku_id))
        };
        let components = self.made_of.get(&sku)?;
        bundle::sellable(components.iter().map(|component| (of(component), component.quantity)))
    }
}

/// Everything stocked that these recipes name.
pub(super) fn stocked_in(made_of: &HashMap<i64, Vec<Component>>) -> BTreeSet<i64> {
    made_of.values().flatten().map(|component| component.sku_id).collect()
}

/// The stocked SKUs that each of these is made of, by SKU; one that is no bundle is made of one of itself.
pub(super) async fn exploded(db: &impl ConnectionTrait, skus: &BTreeSet<i64>) -> Result<HashMap<i64, Vec<Component>>> {
    let mut found: HashMap<i64, Vec<Component>> = HashMap::new();
    for piece in pieces(skus) {
        let rows = bundle_unit::Entity::find().filter(bundle_unit::Column::BundleId.is_in(piece));
        for row in rows.all(db).await? {
            let component = Component { sku_id: row.component_id, quantity: row.quantity };
            found.entry(row.bundle_id).or_default().push(component);
        }
    }
    for sku in skus {
        found.entry(*sku).or_insert_with(|| vec![Component { sku_id: *sku, quantity: 1 }]);
    }
    Ok(found)
}

/// Every SKU whose sellable moves when that of one of these does: their components, and the bundles that share
/// one. The SKUs themselves are among them.
pub(super) async fn touched(db: &impl ConnectionTrait, skus: &BTreeSet<i64>) -> Result<BTreeSet<i64>> {
    let mut all = skus.clone();
    for piece in pieces(skus) {
        let below = ids(bundle_unit::Column::ComponentId, bundle_unit::Column::BundleId, piece);
        all.extend(below.into_tuple::<i64>().all(db).await?);
    }
    for piece in pieces(&all.clone()) {
        let above = ids(bundle_unit::Column::BundleId, bundle_unit::Column::ComponentId, piece);
        all.extend(above.into_tuple::<i64>().all(db).await?);
    }
    Ok(all)
}

fn ids(
    wanted: bundle_unit::Column,
    known: bundle_unit::Column,
    piece: Vec<i64>,
) -> sea_orm::Select<bundle_unit::Entity> {
    bundle_unit::Entity::find().select_only().column(wanted).distinct().filter(known.is_in(piece))
}

/// Units of these components that a mall sold as part of a bundle and that no order explains yet: such a hold is
/// kept in units of the bundle.
pub(super) async fn held_in_bundles(
    tx: &DatabaseTransaction,
    pool: &str,
    components: &[i64],
) -> Result<Vec<(i64, i64)>> {
    let units = bundle_unit::Entity::find().filter(bundle_unit::Column::ComponentId.is_in(components.iter().copied()));
    let units = units.all(tx).await?;
    let bundles: BTreeSet<i64> = units.iter().map(|row| row.bundle_id).collect();
    let mut held: HashMap<i64, i64> = HashMap::new();
    for piece in pieces(&bundles) {
        let holds = provisional_hold::Entity::find()
            .filter(provisional_hold::Column::SkuId.is_in(piece))
            .filter(provisional_hold::Column::Pool.eq(pool))
            .filter(provisional_hold::Column::EndedAt.is_null());
        for hold in holds.all(tx).await? {
            *held.entry(hold.sku_id).or_default() += hold.remaining;
        }
    }
    let of = |row: bundle_unit::Model| Some((row.component_id, held.get(&row.bundle_id)? * row.quantity));
    Ok(units.into_iter().filter_map(of).collect())
}

impl Store {
    /// Gives bundles their recipes, by code: all or none. What is said of a bundle replaces what was said before;
    /// order lines keep the recipe with which they were sold.
    pub async fn pack(&self, recipes: &BTreeMap<String, Recipe<String>>, who: &str) -> Result<Packed> {
        let tx = self.begin().await?;
        let packed = self.pack_in(&tx, recipes).await?;
        if packed.changed > 0 {
            let subject = match recipes.first_key_value() {
                Some((bundle, _)) if recipes.len() == 1 => format!("sku/{bundle}"),
                _ => format!("{} bundles", recipes.len()),
            };
            let detail = Some(format!("{} changed", packed.changed));
            self.write_log(&tx, Entry { who, what: "bundle.set", subject: &subject, why: None, detail }).await?;
        }
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(packed)
    }

    pub async fn surroundings(&self, codes: &BTreeSet<String>) -> Result<Surroundings> {
        let tx = self.snapshot().await?;
        let ids = ids_of(&tx, &codes.iter().map(String::as_str).collect()).await?;
        let named: BTreeSet<i64> = ids.values().copied().collect();
        let mut around = containing(&tx, &named).await?;
        around.extend(&named);
        let recipes = recipes_under(&tx, &around).await?;
        let all = recipes.iter().flat_map(|(bundle, recipe)| recipe.keys().chain([bundle])).copied();
        let names = super::catalogue::sku_codes(&tx, &all.chain(named.iter().copied()).collect()).await?;
        let name = |id: &i64| names.get(id).cloned().unwrap_or_default();
        let spelt = |(bundle, recipe): (&i64, &Recipe<i64>)| {
            (name(bundle), recipe.iter().map(|(part, quantity)| (name(part), *quantity)).collect())
        };
        let mut stocked = BTreeSet::new();
        for piece in pieces(&named) {
            let moved = stock_entry::Entity::find().select_only().column(stock_entry::Column::SkuId).distinct();
            let moved = moved.filter(stock_entry::Column::SkuId.is_in(piece)).into_tuple::<i64>().all(&tx).await?;
            stocked.extend(moved.iter().map(name));
        }
        Ok(Surroundings { known: ids.into_keys().collect(), stocked, recipes: recipes.iter().map(spelt).collect() })
    }

    /// Every bundle's code.
    pub async fn bundle_codes(&self) -> Result<HashSet<String>> {
        let bundles = bundle_unit::Entity::find().select_only().column(bundle_unit::Column::BundleId).distinct();
        let bundles: BTreeSet<i64> = bundles.into_tuple::<i64>().all(self.reader()).await?.into_iter().collect();
        let tx = self.snapshot().await?;
        Ok(super::catalogue::sku_codes(&tx, &bundles).await?.into_values().collect())
    }

    pub(super) async fn pack_in(
        &self,
        tx: &DatabaseTransaction,
        recipes: &BTreeMap<String, Recipe<String>>,
    ) -> Result<Packed> {
        // A bundle is a SKU from its recipe on; what it is made of must be one already.
        let names = recipes.keys().map(|bundle| (bundle.clone(), (None, None))).collect();
        self.ensure_skus(tx, &names).await?;
        let codes: BTreeSet<&str> =
            recipes.iter().flat_map(|(bundle, recipe)| recipe.keys().chain([bundle])).map(String::as_str).collect();
        let ids = ids_of(tx, &codes).await?;
        let id = |code: &String| {
            let missing = || StoreError::Missing { kind: "SKU", name: code.clone() };
            ids.get(code.as_str()).copied().ok_or_else(missing)
        };
        let mut wanted: BTreeMap<i64, Recipe<i64>> = BTreeMap::new();
        for (bundle, recipe) in recipes {
            let parts = recipe.iter().map(|(part, quantity)| Ok((id(part)?, *quantity)));
            wanted.insert(id(bundle)?, parts.collect::<Result<_>>()?);
        }
        self.lock_around(tx, &wanted).await?;
        let before = recipes_under(tx, &wanted.keys().copied().collect()).await?;
        let all = wanted.len();
        wanted.retain(|bundle, recipe| before.get(bundle) != Some(recipe));
        refuse_stocked(tx, &wanted.keys().copied().collect()).await?;
        self.repack(tx, &wanted).await?;
        Ok(Packed { changed: wanted.len(), unchanged: all - wanted.len() })
    }

    /// The bundles, everything that they are made of or will be, and everything that they are in.
    async fn lock_around(&self, tx: &DatabaseTransaction, wanted: &BTreeMap<i64, Recipe<i64>>) -> Result<()> {
        let bundles: BTreeSet<i64> = wanted.keys().copied().collect();
        let named = wanted.values().flat_map(BTreeMap::keys).copied();
        let mut around: BTreeSet<i64> = containing(tx, &bundles).await?;
        around.extend(bundles.iter().copied().chain(named));
        for (bundle, recipe) in recipes_under(tx, &around).await? {
            around.insert(bundle);
            around.extend(recipe.keys());
        }
        lock_skus(tx, &around).await
    }

    async fn repack(&self, tx: &DatabaseTransaction, wanted: &BTreeMap<i64, Recipe<i64>>) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let bundles: BTreeSet<i64> = wanted.keys().copied().collect();
        let mut changed = containing(tx, &bundles).await?;
        changed.extend(&bundles);
        let named = wanted.values().flat_map(BTreeMap::keys).copied();
        let mut recipes = recipes_under(tx, &changed.iter().copied().chain(named).collect()).await?;
        let before = exploded(tx, &changed).await?;
        recipes.extend(wanted.clone());
        let flat = match bundle::flatten(&recipes, changed.iter().copied()) {
            Ok(flat) => flat,
            Err(fault) => return Err(StoreError::Invalid(named_fault(tx, fault).await?)),
        };
        write_recipes(tx, wanted, &flat).await?;
        let mut moved: BTreeSet<i64> = before.values().flatten().map(|component| component.sku_id).collect();
        moved.extend(flat.values().flat_map(BTreeMap::keys));
        moved.extend(&changed);
        adopt_open_lines(tx, &bundles, &flat).await?;
        let mut bumps = BTreeSet::new();
        for piece in pieces(&moved) {
            let rows = stock::Entity::find().filter(stock::Column::SkuId.is_in(piece)).all(tx).await?;
            for row in rows {
                bumps.insert((row.sku_id, row.pool.clone()));
                // A component that nobody has named in this pool keeps the bundle from having a figure there.
                bumps.extend(changed.iter().map(|bundle| (*bundle, row.pool.clone())));
            }
        }
        dialect::bump_stock(tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(self.now())).await
    }
}

/// The recipes of these SKUs and of everything that they are made of.
pub(super) async fn recipes_under(
    db: &impl ConnectionTrait,
    skus: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Recipe<i64>>> {
    let mut recipes: BTreeMap<i64, Recipe<i64>> = BTreeMap::new();
    let mut seen = skus.clone();
    let mut level = skus.clone();
    while !level.is_empty() {
        let mut below = BTreeSet::new();
        for piece in pieces(&level) {
            let rows = bundle_part::Entity::find().filter(bundle_part::Column::BundleId.is_in(piece)).all(db).await?;
            for row in rows {
                recipes.entry(row.bundle_id).or_default().insert(row.component_id, row.quantity);
                if seen.insert(row.component_id) {
                    below.insert(row.component_id);
                }
            }
        }
        level = below;
    }
    Ok(recipes)
}

/// The bundles that these are in, at any depth.
pub(super) async fn containing(db: &impl ConnectionTrait, skus: &BTreeSet<i64>) -> Result<BTreeSet<i64>> {
    let mut found = BTreeSet::new();
    let mut level = skus.clone();
    while !level.is_empty() {
        let mut above = BTreeSet::new();
        for piece in pieces(&level) {
            let rows = bundle_part::Entity::find()
                .select_only()
                .column(bundle_part::Column::BundleId)
                .distinct()
                .filter(bundle_part::Column::ComponentId.is_in(piece));
            let rows: Vec<i64> = rows.into_tuple().all(db).await?;
            above.extend(rows.into_iter().filter(|bundle| found.insert(*bundle)));
        }
        level = above;
    }
    Ok(found)
}

/// What has stock of its own can't be made of other things as well: its units would be sold twice, or never.
async fn refuse_stocked(tx: &DatabaseTransaction, bundles: &BTreeSet<i64>) -> Result<()> {
    for piece in pieces(bundles) {
        let moved: Vec<i64> = stock_entry::Entity::find()
            .select_only()
            .column(stock_entry::Column::SkuId)
            .distinct()
            .filter(stock_entry::Column::SkuId.is_in(piece))
            .limit(1)
            .into_tuple()
            .all(tx)
            .await?;
        if let Some(stocked) = moved.first() {
            let code = super::catalogue::sku_code(tx, *stocked).await?;
            return Err(StoreError::Refused(format!(
                "{code} has stock of its own and can't become a bundle: give the bundle a code that nobody has \
                 counted or moved, and map its listings to that"
            )));
        }
    }
    Ok(())
}

/// Refuses to count or move what is made of other things.
pub(super) async fn refuse_bundles(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
    for piece in pieces(skus) {
        let rows = bundle_unit::Entity::find().filter(bundle_unit::Column::BundleId.is_in(piece)).limit(1);
        if let Some(row) = rows.one(tx).await? {
            let code = super::catalogue::sku_code(tx, row.bundle_id).await?;
            return Err(StoreError::Refused(format!(
                "{code} is a bundle and has no stock of its own: count and move its components"
            )));
        }
    }
    Ok(())
}

async fn write_recipes(
    tx: &DatabaseTransaction,
    wanted: &BTreeMap<i64, Recipe<i64>>,
    flat: &BTreeMap<i64, Recipe<i64>>,
) -> Result<()> {
    for piece in pieces(&wanted.keys().copied().collect()) {
        bundle_part::Entity::delete_many().filter(bundle_part::Column::BundleId.is_in(piece)).exec(tx).await?;
    }
    for piece in pieces(&flat.keys().copied().collect()) {
        bundle_unit::Entity::delete_many().filter(bundle_unit::Column::BundleId.is_in(piece)).exec(tx).await?;
    }
    let parts: Vec<_> = rows_of(wanted)
        .map(|(bundle, component, quantity)| bundle_part::ActiveModel {
            bundle_id: Set(bundle),
            component_id: Set(component),
            quantity: Set(quantity),
        })
        .collect();
    for piece in parts.chunks(ROWS_PER_STATEMENT) {
        bundle_part::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
    }
    let units: Vec<_> = rows_of(flat)
        .map(|(bundle, component, quantity)| bundle_unit::ActiveModel {
            bundle_id: Set(bundle),
            component_id: Set(component),
            quantity: Set(quantity),
        })
        .collect();
    for piece in units.chunks(ROWS_PER_STATEMENT) {
        bundle_unit::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn rows_of(recipes: &BTreeMap<i64, Recipe<i64>>) -> impl Iterator<Item = (i64, i64, i64)> {
    recipes
        .iter()
        .flat_map(|(bundle, recipe)| recipe.iter().map(|(component, quantity)| (*bundle, *component, *quantity)))
}

/// Units that were ordered of a SKU before anybody said what it is made of: until now they held nothing that
/// exists, from now on they hold its components. Lines that were sold by a recipe keep theirs.
async fn adopt_open_lines(
    tx: &DatabaseTransaction,
    bundles: &BTreeSet<i64>,
    flat: &BTreeMap<i64, Recipe<i64>>,
) -> Result<()> {
    for piece in pieces(bundles) {
        let held = unshipped::Entity::find().filter(unshipped::Column::SkuId.is_in(piece.clone())).all(tx).await?;
        let mut sums = BTreeMap::new();
        for row in held.into_iter().filter(|row| row.quantity != 0) {
            let mut add = |sku: i64, units: i64| {
                *sums.entry((row.channel.clone(), sku, row.pool.clone())).or_insert(0) += units;
            };
            add(row.sku_id, -row.quantity);
            for (component, quantity) in flat.get(&row.sku_id).into_iter().flatten() {
                add(*component, row.quantity * quantity);
            }
        }
        dialect::unpack_lines(tx, &piece).await?;
        let sums: Vec<_> = sums.into_iter().map(|((channel, sku, pool), units)| (channel, sku, pool, units)).collect();
        dialect::add_unshipped(tx, &sums).await?;
    }
    Ok(())
}

async fn ids_of(db: &impl ConnectionTrait, codes: &BTreeSet<&str>) -> Result<HashMap<String, i64>> {
    let codes: Vec<&str> = codes.iter().copied().collect();
    let mut ids = HashMap::new();
    for piece in codes.chunks(ROWS_PER_STATEMENT) {
        let rows = sku::Entity::find().filter(sku::Column::Code.is_in(piece.iter().copied())).all(db).await?;
        ids.extend(rows.into_iter().map(|row| (row.code, row.id)));
    }
    Ok(ids)
}

/// The fault with codes in place of ids.
async fn named_fault(db: &impl ConnectionTrait, fault: Fault<i64>) -> Result<String> {
    let named = match fault {
        Fault::Cycle(round) => {
            let mut codes = Vec::with_capacity(round.len());
            for sku in round {
                codes.push(super::catalogue::sku_code(db, sku).await?);
            }
            Fault::Cycle(codes)
        }
        Fault::TooMany { bundle, component } => Fault::TooMany {
            bundle: super::catalogue::sku_code(db, bundle).await?,
            component: super::catalogue::sku_code(db, component).await?,
        },
    };
    Ok(named.sentence())
}
