//! What is said when it is over.

use std::time::Duration;

use super::{
    chase::Chase, compare::Comparison, goods::GOODS, shoppers::Shoppers, street::Shop, traffic::Tally, view::span,
};

/// Differences beyond this many are only counted.
const NAMED_AT_MOST: usize = 40;

pub struct Report<'a> {
    pub shops: &'a [Shop],
    pub tallies: Vec<Tally>,
    pub shoppers: &'a Shoppers,
    pub chase: &'a Chase,
    /// Of the machine's time.
    pub traded: Duration,
    pub settled: Duration,
    /// `None`: interrupted before there was one.
    pub comparison: Option<&'a Comparison>,
}

impl Report<'_> {
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        match self.comparison {
            Some(_) => lines.push(format!("Traded for {}, settled in {}.", span(self.traded), span(self.settled))),
            None => lines.push(format!("Ended after {} of trading; nothing was compared.", span(self.traded))),
        }
        lines.push(self.people());
        for (shop, tally) in self.shops.iter().zip(&self.tallies) {
            lines.push(format!(
                "  {}: {} orders; {} requests, {} failed, {} throttled, {} above quota",
                shop.name(),
                shop.book().orders().len(),
                tally.requests,
                tally.failed,
                tally.throttled,
                shop.meters.violations().len()
            ));
        }
        lines.extend(self.pace());
        if let Some(comparison) = self.comparison {
            lines.extend(verdict(comparison));
        }
        lines.join("\n") + "\n"
    }

    fn people(&self) -> String {
        let shoppers = self.shoppers;
        format!(
            "Shoppers placed {} orders and {} found too little on show; {} were cancelled in full or in part, {} split; \
             {} units were shipped, {} delivered.",
            shoppers.placed.iter().sum::<u64>(),
            shoppers.turned_away,
            shoppers.cancelled,
            shoppers.split,
            shoppers.warehouse.shipped,
            shoppers.warehouse.delivered
        )
    }

    fn pace(&self) -> Option<String> {
        let mut times = self.chase.times.clone();
        times.sort_unstable();
        let at = |part: f64| times.get(((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1)));
        let (half, most) = (at(0.5)?, at(0.9)?);
        Some(format!(
            "The other malls had followed a sale after {} s in half of {} cases, {} s in nine of ten (the malls' time).",
            half.as_secs(),
            times.len(),
            most.as_secs()
        ))
    }
}

fn verdict(found: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for (good, units) in &found.oversold {
        lines.push(format!("  oversold at the end: {units} of {}", GOODS[*good].name));
    }
    for excused in &found.excused {
        lines.push(format!("  given up, as the hub says: {excused}"));
    }
    let (orders, order_lines, listings) = (found.orders, found.lines, found.listings);
    let compared = format!("Compared {orders} orders ({order_lines} lines), {} SKUs, {listings} listings", GOODS.len());
    let broken = sentences(found);
    if broken.is_empty() {
        lines.push(format!("{compared}: the malls' books, the warehouse and the hub agree."));
        return lines;
    }
    lines.push(format!("{compared}: {} differences.", broken.len()));
    lines.extend(broken.iter().take(NAMED_AT_MOST).map(|difference| format!("  ✗ {difference}")));
    if broken.len() > NAMED_AT_MOST {
        lines.push(format!("  … and {} more", broken.len() - NAMED_AT_MOST));
    }
    lines
}

/// Everything that keeps the comparison from being clean.
pub fn sentences(found: &Comparison) -> Vec<String> {
    let restless = found.restless.iter().map(|what| format!("not settled: {what}"));
    found.differences.iter().cloned().chain(restless).collect()
}
