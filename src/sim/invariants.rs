//! What must hold. The database's own invariants are those that `uriba verify` proves, and they hold at every
//! moment. At rest the hub is held against the world as it truly is: what lies in the warehouse, what the malls'
//! customers ordered, what each mall sells.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Ground, promises,
    report::Violation,
    seller::{Listing, Seller},
};
use crate::{
    domain::{exposure::Mode, publication::Standing},
    store::{
        Result,
        recompute::Allowance,
        sheets::{ListingFilter, OrderFilter, OrderSheet, Outlines, Paging, Showing},
        verify::{CheckState, VerifyReport},
    },
};

pub struct Judge {
    pub allowances: HashMap<String, Allowance>,
    pub outlines: Outlines,
}

impl Judge {
    /// What the database alone proves, at any moment; and what the malls saw that they must not see.
    pub async fn look(&self, ground: &Ground, seller: &Seller) -> Result<VerifyReport> {
        for mall in ground.malls().values_mut() {
            for breach in std::mem::take(&mut mall.breaches) {
                ground.broken(Violation::of(6, format!("{}: {breach}", mall.id)));
            }
        }
        let report = seller.store.verify(&self.allowances).await?;
        for check in report.checks.iter().filter(|check| check.state == CheckState::Broken) {
            let findings: Vec<String> = check
                .findings
                .iter()
                .map(|finding| format!("{}: {}, but {}", finding.subject, finding.found, finding.expected))
                .collect();
            let what = format!("{}: {}", check.name, findings.join("; "));
            ground.broken(Violation { invariant: check.invariant, what });
        }
        Ok(report)
    }

    /// What is not yet as it must be at rest; nothing: the world is at rest, and right.
    pub async fn unrest(&self, ground: &Ground, seller: &Seller) -> Result<Vec<Violation>> {
        let report = self.look(ground, seller).await?;
        let waits = report.checks.iter().flat_map(|check| check.waits.iter().map(|wait| (check.invariant, wait)));
        let mut unrest: Vec<Violation> =
            waits.map(|(invariant, wait)| Violation { invariant, what: format!("never at rest: {wait}") }).collect();
        let apart = self.compare_stock(ground, seller, &mut unrest).await?;
        self.compare_orders(ground, seller, &mut unrest).await?;
        self.compare_listings(ground, seller, &apart, &mut unrest).await?;
        unrest.extend(promises::unkept(ground, seller).await?);
        Ok(unrest)
    }

    /// Returns the SKUs of which every listing has a part of its own.
    async fn compare_stock(
        &self,
        ground: &Ground,
        seller: &Seller,
        unrest: &mut Vec<Violation>,
    ) -> Result<BTreeSet<String>> {
        let mut apart = BTreeSet::new();
        for sku in seller.skus() {
            let sheet = seller.store.sku_sheet(&sku, &self.outlines).await?;
            let Some(pool) = sheet.pools.first() else {
                unrest.push(Violation::new(format!("{sku} has no stock row")));
                continue;
            };
            let pairs = [
                (1, "on hand", pool.on_hand.unwrap_or_default(), seller.on_hand(&sku)),
                (2, "unshipped", pool.unshipped, seller.unshipped(&sku)),
                (3, "held", pool.held, seller.held(&sku)),
            ];
            for (invariant, word, hub, truth) in pairs.into_iter().filter(|(.., hub, truth)| hub != truth) {
                unrest.push(Violation::of(invariant, format!("{sku}: the hub says {hub} {word}, in truth {truth}")));
            }
            unrest.extend(promises::of_sku(ground, seller, &sheet, pool));
            if pool.exposure.mode == Mode::Escrow.word() {
                unrest.extend(sold_apart(ground, seller, &sku));
                apart.insert(sku);
            }
        }
        Ok(apart)
    }

    /// Every order of every mall, line by line.
    async fn compare_orders(&self, ground: &Ground, seller: &Seller, unrest: &mut Vec<Violation>) -> Result<()> {
        let known = self.orders(seller).await?;
        for mall in ground.malls().values() {
            for order in mall.orders() {
                let Some(sheet) = known.get(&(mall.id.clone(), order.id.clone())) else {
                    unrest.push(Violation::of(2, format!("{} {} is not known to the hub", mall.id, order.id)));
                    continue;
                };
                let truth: i64 = order.lines.iter().map(|line| i64::from(line.unshipped())).sum();
                if sheet.unshipped != truth {
                    let what = format!("{} {}: {} unshipped, in truth {truth}", mall.id, order.id, sheet.unshipped);
                    unrest.push(Violation::of(2, what));
                }
            }
        }
        Ok(())
    }

    async fn orders(&self, seller: &Seller) -> Result<BTreeMap<(String, String), OrderSheet>> {
        let (mut known, mut cursor) = (BTreeMap::new(), None);
        loop {
            let paging = Paging::new(Some(Paging::LIMIT_MAX), cursor);
            let page = seller.store.order_sheets(&OrderFilter::default(), &paging).await?;
            let keyed = |order: OrderSheet| Some(((order.channel.clone(), order.order_id.clone()?), order));
            known.extend(page.items.into_iter().filter_map(keyed));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(known);
            }
        }
    }

    async fn compare_listings(
        &self,
        ground: &Ground,
        seller: &Seller,
        apart: &BTreeSet<String>,
        unrest: &mut Vec<Violation>,
    ) -> Result<()> {
        let paging = Paging::new(Some(Paging::LIMIT_MAX), None);
        let page = seller.store.listing_sheets(&ListingFilter::default(), &self.outlines, &paging).await?;
        for listing in &seller.listings {
            let sheet = page
                .items
                .iter()
                .map(|sheet| &sheet.showing)
                .find(|s| s.channel == listing.mall && s.mall_key == listing.key);
            let Some(sheet) = sheet else {
                unrest.push(Violation::new(format!("{} {} is not listed in the hub", listing.mall, listing.key)));
                continue;
            };
            let own_part = listing.parts.iter().any(|(sku, _)| apart.contains(sku));
            unrest.extend(compare(ground, seller, listing, sheet, own_part));
        }
        Ok(())
    }
}

/// In escrow the malls together never sell more than there is, however it is shared out. A frozen mall keeps what it
/// shows, which may be too much.
fn sold_apart(ground: &Ground, seller: &Seller, sku: &str) -> Option<Violation> {
    let of_sku: Vec<&Listing> = seller.listings.iter().filter(|listing| listing.takes(sku) > 0).collect();
    if of_sku.iter().any(|listing| ground.switched_off(&listing.mall) == Some(false)) {
        return None;
    }
    let counter = |listing: &&Listing| ground.with(&listing.mall, |mall| mall.counter(&listing.key)).flatten();
    let shown: i64 =
        of_sku.iter().map(|listing| counter(listing).unwrap_or_default().max(0) * listing.takes(sku)).sum();
    let sellable = seller.sellable(sku).max(0);
    let what =
        || Violation::of(11, format!("{sku} is in escrow; the malls sell {shown} of it together, {sellable} are left"));
    (shown > sellable).then(what)
}

/// `own_part`: it shows a part of what can be sold, not all of it.
fn compare(ground: &Ground, seller: &Seller, listing: &Listing, sheet: &Showing, own_part: bool) -> Option<Violation> {
    let name = format!("{} {}", listing.mall, listing.key);
    let (counter, still) = ground.with(&listing.mall, |mall| (mall.counter(&listing.key), mall.is_still()))?;
    if !still {
        return Some(Violation::of(10, format!("{name}: the mall has still to do what it was told")));
    }
    match ground.switched_off(&listing.mall) {
        Some(false) => return None,
        Some(true) => {
            let what = format!("{name} is switched off to zero and sells {counter:?}");
            return (counter.unwrap_or_default() > 0).then(|| Violation::of(5, what));
        }
        None => {}
    }
    let most = promises::most(ground, seller, listing, own_part);
    let wanted = if own_part { sheet.target.unwrap_or_default().min(most) } else { most };
    if counter.map(|counter| counter.max(0)) == Some(wanted) && sheet.target == Some(wanted) {
        return None;
    }
    let (target, shown) = (word(sheet.target), word(sheet.shown));
    let why = if sheet.state == Standing::InSync.word() { "says it is in sync" } else { &sheet.state };
    Some(Violation::of(
        10,
        format!(
            "{name} ought to sell {wanted} and sells {}; the hub's target is {target}, it believes {shown}, {why}{}",
            word(counter),
            sheet.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
        ),
    ))
}

fn word(figure: Option<i64>) -> String {
    figure.map_or("nothing known".to_owned(), |figure| figure.to_string())
}
