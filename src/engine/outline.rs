//! What reading a channel's rows needs to know of its configuration, without opening its adapter.

use std::sync::Arc;

use uriba_sdk::{
    Env, Wire,
    wire::{Gates, Vault},
};

use super::ChannelPlan;
use crate::store::sheets::{Outline, Outlines};

pub fn outlines(plans: &[ChannelPlan], env: &Arc<dyn Env>) -> Outlines {
    plans.iter().map(|plan| (plan.id.clone(), outline(plan, env.clone()))).collect()
}

/// The wire names the quotas' scopes and is dropped: nothing is sent.
fn outline(plan: &ChannelPlan, env: Arc<dyn Env>) -> Outline {
    let card = plan.mall.card;
    let wire = Wire::new(env, Arc::new(Gates::fresh()), Arc::new(Vault::default()), card, &plan.settings);
    for (name, rate) in &plan.quotas {
        wire.override_quota(name, *rate);
    }
    let quotas = wire.quotas().into_iter().map(|(name, key, state)| (name.to_owned(), key, state.rate)).collect();
    let mut outline = Outline::of(card, quotas);
    outline.orders.visibility_lag = plan.timing.visibility_lag.unwrap_or(outline.orders.visibility_lag);
    outline
}
