//! What people were promised at the desk: that what they ask for ends, that a stop and a plan are in force from their
//! beginning to their end, and that nothing of them stays when they are over. What must hold then is told from the
//! world's own word ([`super::decrees`]) and its own stock, not from the hub's rows.

use std::time::Duration;

use super::{
    Ground,
    report::Violation,
    seller::{Listing, Seller},
};
use crate::{
    domain::exposure::{Mode, mode::Wish},
    store::{
        Result,
        audits::{DONE, FAILED},
        sheets::{AuditSheet, PoolSheet, SkuSheet},
    },
};

/// What is to happen within so long is waited for.
const SOON: Duration = Duration::from_secs(86_400);

/// What was asked for and has not ended, or is still to begin or to end.
pub async fn unkept(ground: &Ground, seller: &Seller) -> Result<Vec<Violation>> {
    let turning = ground.decrees().turning(ground.clock.now(), SOON);
    let mut unkept: Vec<Violation> =
        turning.into_iter().map(|name| Violation::new(format!("{name} has still to begin or to end"))).collect();
    for id in seller.audits() {
        let sheet = seller.store.audit_sheet(id).await?;
        match fault_of_audit(&sheet) {
            Some(fault) => unkept.push(Violation::new(fault)),
            None => seller.has_seen(id),
        }
    }
    for id in seller.backfills() {
        let sheet = seller.store.backfill_sheet(id).await?;
        let name = format!("backfill {id} of {}", sheet.channel);
        if sheet.is_open() {
            unkept.push(Violation::new(format!("{name} is still open: it has read up to {}", sheet.read_to)));
        } else if sheet.state == DONE && sheet.read_to < sheet.until {
            unkept.push(Violation::new(format!("{name} is done and has read up to {} only", sheet.read_to)));
        } else if sheet.state == FAILED && sheet.problem.is_none() {
            unkept.push(Violation::new(format!("{name} has failed, and nobody says why")));
        } else {
            seller.has_seen(id);
        }
    }
    Ok(unkept)
}

fn fault_of_audit(sheet: &AuditSheet) -> Option<String> {
    sheet.channels.iter().find_map(|part| {
        let name = format!("audit {} of {}", sheet.id, part.channel);
        match part.state.as_str() {
            DONE if part.read == part.listings => None,
            DONE => Some(format!("{name} is done, and {} of {} listings are read", part.read, part.listings)),
            FAILED if part.problem.is_some() => None,
            FAILED => Some(format!("{name} has failed, and nobody says why")),
            _ => Some(format!("{name} is still open: {} of {} listings are read", part.read, part.listings)),
        }
    })
}

/// Whether the SKU is on sale, and how it is sold, as the seller has said last.
pub fn of_sku(ground: &Ground, seller: &Seller, sheet: &SkuSheet, pool: &PoolSheet) -> Vec<Violation> {
    let (sku, decrees) = (&sheet.code, ground.decrees());
    let mut found = Vec::new();
    let stopped = decrees.stopped().contains(sku);
    if sheet.stopped.is_some() != stopped {
        let word = |off: bool| if off { "off sale" } else { "on sale" };
        found.push(Violation::new(format!("{sku}: the hub says {}, in truth {}", word(!stopped), word(stopped))));
    }
    let plan = decrees.of_sku(sku, ground.clock.now());
    let wish = plan.and_then(|plan| plan.exposure).unwrap_or(seller.kind.exposure);
    if pool.exposure.wish != wish.word() {
        let what = format!("{sku} is to be sold {}, and the hub thinks {}", wish.word(), pool.exposure.wish);
        found.push(Violation::new(what));
    }
    // What a frozen mall goes on showing may leave nothing to share out.
    let of_sku = seller.listings.iter().filter(|listing| listing.takes(sku) > 0);
    let frozen = of_sku.into_iter().any(|listing| ground.switched_off(&listing.mall) == Some(false));
    let mode = match wish {
        Wish::Shared => Some(Mode::Shared),
        Wish::Escrow if !frozen => Some(Mode::Escrow),
        Wish::Escrow | Wish::Auto => None,
    };
    if let Some(mode) = mode.filter(|mode| mode.word() != pool.exposure.mode) {
        let what = format!("{sku} is to be sold {}, and is sold {}", mode.word(), pool.exposure.mode);
        found.push(Violation::new(what));
    }
    found
}

/// Pieces that the listing ought to sell at most; `own_part`: it sells a part of its own, which knows no buffer.
pub fn most(ground: &Ground, seller: &Seller, listing: &Listing, own_part: bool) -> i64 {
    let place = (listing.mall.clone(), listing.key.clone());
    let (stopped, plan) = {
        let decrees = ground.decrees();
        (decrees.off_since(&place).is_some(), decrees.of_listing(&place, ground.clock.now()).cloned())
    };
    if stopped {
        return 0;
    }
    let buffer = plan.as_ref().and_then(|plan| plan.buffer).filter(|_| !own_part).unwrap_or_default();
    let cap = plan.and_then(|plan| plan.cap).unwrap_or(i64::MAX);
    seller.sellable_as(listing, buffer).min(cap)
}
