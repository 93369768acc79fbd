//! Quotas and budgets: however hard an adapter is driven, the mall counts no request too early.

use std::sync::Arc;

use super::{
    Finding, Planned, Shop, check,
    duty::{Bench, ensure_fine},
};

/// Calls of an operation beyond its largest burst: so many must wait.
const BEYOND: u32 = 8;
/// No burst is tried further than this.
const CALLS_MAX: u32 = 60;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "a burst of calls never exceeds a quota or a budget",
            "`QuotaCard`, `Wire::call`, `Wire::spent`: every request is paced, and what it cost is told afterwards",
            burst,
        ),
        check(
            "two shops that share a quota never exceed it together",
            "`Scope::Credential`: all channels of the mall with the same credential take from one bucket",
            shared,
        ),
    ]
}

/// The shops call in turn: with a clock that jumps, a request on its way would otherwise arrive hours late.
async fn drive(shops: &[&Shop]) -> Finding {
    let mut benches = Vec::new();
    for shop in shops {
        benches.push(Bench::of_requests(shop).await?);
    }
    for (duty, operation) in benches[0].duties.clone() {
        for _ in 0..calls(shops[0], operation) {
            for (shop, bench) in shops.iter().zip(&benches) {
                let result = bench.perform(shop, duty).await?;
                shop.within_quotas()?;
                ensure_fine(&result, format!("{duty:?} in a burst"))?;
            }
        }
    }
    Ok(())
}

fn calls(shop: &Shop, operation: &str) -> u32 {
    let card = shop.card();
    let Some(operation) = card.operation(operation) else { return 0 };
    let counted = operation.quotas.iter().map(|name| (*name, 1));
    let takes = counted.chain(operation.costs.iter().copied());
    let bursts = takes.filter_map(|(name, points)| {
        let quota = card.quotas.iter().find(|quota| quota.name == name)?;
        Some(quota.burst / points.max(1))
    });
    (bursts.max().unwrap_or(0) + BEYOND).min(CALLS_MAX)
}

async fn burst(shop: Arc<Shop>) -> Finding {
    drive(&[&shop]).await?;
    // A rest fills every bucket; the burst after it is the largest.
    shop.env.advance(std::time::Duration::from_secs(86_400));
    drive(&[&shop]).await
}

async fn shared(shop: Arc<Shop>) -> Finding {
    let other = shop.sibling("b").await?;
    drive(&[&shop, &other]).await?;
    shop.env.advance(std::time::Duration::from_secs(86_400));
    drive(&[&other, &shop]).await
}
