//! Quotas: however hard an adapter is driven, the mall counts no request too early.

use std::sync::Arc;

use super::{
    Finding, Planned, Shop, check,
    duty::{Bench, Told, words},
    ensure,
};

/// Calls of an operation beyond its largest burst: so many must wait.
const BEYOND: u32 = 8;
/// No burst is tried further than this.
const CALLS_MAX: u32 = 60;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("a burst of calls never exceeds a quota", burst),
        check("two shops that share a quota never exceed it together", shared),
    ]
}

/// The shops call in turn: with a clock that jumps, a request on its way would otherwise arrive hours late.
async fn drive(shops: &[&Shop]) -> Finding {
    let benches = shops.iter().map(|shop| Bench::new(shop)).collect::<Result<Vec<_>, _>>()?;
    for (duty, operation) in Bench::duties(shops[0]) {
        for _ in 0..calls(shops[0], operation) {
            for (shop, bench) in shops.iter().zip(&benches) {
                let result = bench.perform(shop, duty).await?;
                let violations = shop.meters.violations();
                ensure(violations.is_empty(), || violations.join("\n"))?;
                ensure(matches!(result, Ok(Told::Fine)), || format!("{duty:?} in a burst: {}", words(&result)))?;
            }
        }
    }
    Ok(())
}

fn calls(shop: &Shop, operation: &str) -> u32 {
    let card = shop.card();
    let names = card.operation(operation).map_or(&[][..], |operation| operation.quotas);
    let bursts = card.quotas.iter().filter(|quota| names.contains(&quota.name)).map(|quota| quota.burst);
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
