//! What stands before the numbers and rules of a SKU: that somebody has stopped it, and the sale plan that it follows.
//!
//! Loaded once for everything that is computed together, with what is around it: a bundle is stopped with its parts.
//! While nothing is stopped and no plan is in force this costs two small statements.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use sea_orm::ConnectionTrait;

use super::{
    Result, bundles,
    entity::listing,
    plans::{any_holding, held_by_skus},
    recompute::Allowance,
    rules::overrides,
    stops::{any_stopped, stopped_among},
};
use crate::domain::{allocation::Rules, sale::Plan};

pub(super) struct Decrees {
    /// Rules with dates, and plans, are those of this instant.
    pub at: Timestamp,
    stopped: BTreeSet<i64>,
    plans: HashMap<i64, Arc<Plan>>,
}

impl Decrees {
    pub async fn load(db: &impl ConnectionTrait, skus: &BTreeSet<i64>, now: Timestamp) -> Result<Self> {
        let mut found = Self { at: now, stopped: BTreeSet::new(), plans: HashMap::new() };
        let (any_stop, any_plan) = (any_stopped(db).await?, any_holding(db, now).await?);
        if any_stop || any_plan {
            let around = bundles::touched(db, skus).await?;
            found.stopped = stopped_among(db, &around, None).await?.into_keys().collect();
            found.plans = held_by_skus(db, &around, now).await?;
        }
        Ok(found)
    }

    /// With what is known of others.
    pub fn and(mut self, others: Self) -> Self {
        self.stopped.extend(others.stopped);
        self.plans.extend(others.plans);
        self
    }

    pub fn is_stopped(&self, sku: i64) -> bool {
        self.stopped.contains(&sku)
    }

    pub fn plan(&self, sku: i64) -> Option<&Plan> {
        self.plans.get(&sku).map(AsRef::as_ref)
    }

    /// The channel's rules, before them the listing's own, and before those the plan's.
    pub fn rules(&self, allowance: &Allowance, row: &listing::Model) -> Rules {
        let rules = allowance.rules.with(&overrides(row));
        match self.plan(row.sku_id) {
            Some(plan) => rules.with(&plan.overrides()),
            None => rules,
        }
    }
}
