//! Whose numbers a changed configuration moves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Result, Store,
    channels::PoolSetup,
    configuration::Configuration,
    entity::{channel, exposure_wish, location, pool, stock},
    recompute::Allowance,
    wishes::of_pool,
};
use crate::domain::exposure::mode::Wish;

/// Channels whose rules, pool, pool's locations or pool's mode would be others, and those that share stock with them;
/// `None` at a first start, before which nothing was in force.
pub(super) async fn moved_channels(
    tx: &DatabaseTransaction,
    wanted: &Configuration,
) -> Result<Option<BTreeSet<String>>> {
    let known: HashMap<String, channel::Model> =
        channel::Entity::find().all(tx).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
    let pools = moved_pools(tx, &wanted.pools).await?;
    // What one of these channels leaves is another's.
    let mut apart = pools_apart(tx).await?;
    apart.extend(wanted.pools.iter().filter(|pool| wish_of(pool) != Wish::Shared).map(|pool| pool.id.clone()));
    let (mut moved, mut stirred) = (BTreeSet::new(), BTreeSet::new());
    let mut is_first = true;
    for setup in &wanted.channels {
        let Some(row) = known.get(&setup.id) else { continue };
        let allowance = row.rules.as_ref().and_then(|rules| serde_json::from_str::<Allowance>(rules).ok());
        is_first &= allowance.is_none();
        let same = allowance.as_ref().is_none_or(|now| *now == setup.allowance) && row.pool == setup.pool;
        if !same || pools.contains(&row.pool) || pools.contains(&setup.pool) {
            moved.insert(setup.id.clone());
            stirred.extend([&row.pool, &setup.pool].into_iter().filter(|pool| apart.contains(*pool)).cloned());
        }
    }
    let beside = known.values().filter(|row| row.configured && stirred.contains(&row.pool));
    moved.extend(beside.map(|row| row.id.clone()));
    Ok((!is_first).then_some(moved))
}

impl Store {
    /// Pools that would be sold in another mode, in words: `pool online auto instead of shared`.
    pub async fn changed_modes(&self, wanted: &Configuration) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        for setup in &wanted.pools {
            let (now, then) = (wish_in_force(self.reader(), &setup.id).await?, wish_of(setup));
            if now != then {
                changed.push(format!("pool {} {} instead of {}", setup.id, then.word(), now.word()));
            }
        }
        Ok(changed)
    }
}

/// Pools that would be of other locations, or whose SKUs would be sold in another mode or at another risk.
async fn moved_pools(tx: &DatabaseTransaction, wanted: &[PoolSetup]) -> Result<BTreeSet<String>> {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in location::Entity::find().filter(location::Column::Pool.is_not_null()).all(tx).await? {
        places.entry(row.pool.unwrap_or_default()).or_default().insert(row.code);
    }
    let mut moved = BTreeSet::new();
    for setup in wanted {
        let locations: BTreeSet<String> = setup.locations.iter().cloned().collect();
        let wish = wish_in_force(tx, &setup.id).await?;
        let risk = pool::Entity::find_by_id(&setup.id).one(tx).await?.and_then(|row| row.epsilon);
        let same = places.get(&setup.id).cloned().unwrap_or_default() == locations
            && wish == wish_of(setup)
            && (wish != Wish::Auto || risk == setup.epsilon);
        if !same {
            moved.insert(setup.id.clone());
        }
    }
    Ok(moved)
}

async fn wish_in_force(db: &impl ConnectionTrait, pool: &str) -> Result<Wish> {
    let row = exposure_wish::Entity::find_by_id(of_pool(pool)).one(db).await?;
    Ok(row.and_then(|row| Wish::parse(&row.mode)).unwrap_or(Wish::Shared))
}

fn wish_of(setup: &PoolSetup) -> Wish {
    setup.exposure.unwrap_or(Wish::Shared)
}

/// Pools in which something is sold otherwise than shared, or was.
async fn pools_apart(tx: &DatabaseTransaction) -> Result<BTreeSet<String>> {
    let apart = stock::Entity::find().select_only().column(stock::Column::Pool).distinct();
    let apart = apart.filter(stock::Column::Mode.is_not_null());
    Ok(apart.into_tuple::<String>().all(tx).await?.into_iter().collect())
}
