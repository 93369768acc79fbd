//! Sellable + rules → the target of each listing.

/// The seller's rules for one listing: the channel's, overridden by the listing's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// SKU units kept back.
    pub buffer: i64,
    /// Part of the rest that this listing may show, in (0, 1].
    pub fraction: f64,
    /// Show nothing at or below this many SKU units.
    pub min_show: i64,
    /// Show at most this many listing units.
    pub cap: Option<i64>,
    /// Sold without a limit: always show this many.
    pub unlimited: Option<i64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { buffer: 0, fraction: 1.0, min_show: 0, cap: None, unlimited: None }
    }
}

/// A listing's own rules: what is not set follows the channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    pub buffer: Option<i64>,
    pub fraction: Option<f64>,
    pub min_show: Option<i64>,
    pub cap: Option<i64>,
    pub unlimited: Option<i64>,
}

impl Rules {
    pub fn with(&self, own: &Overrides) -> Self {
        Self {
            buffer: own.buffer.unwrap_or(self.buffer),
            fraction: own.fraction.unwrap_or(self.fraction),
            min_show: own.min_show.unwrap_or(self.min_show),
            cap: own.cap.or(self.cap),
            unlimited: own.unlimited.or(self.unlimited),
        }
    }
}

/// What the listing ought to show. `sellable` in SKU units, the answer in listing units.
pub fn target(sellable: i64, units: i64, rules: &Rules, quantity_max: i64) -> i64 {
    if let Some(fixed) = rules.unlimited {
        return fixed.clamp(0, quantity_max);
    }
    let mut n = sellable - rules.buffer;
    if rules.fraction < 1.0 {
        n = (n as f64 * rules.fraction).floor() as i64;
    }
    shown(n, units, rules, quantity_max)
}

/// The same in escrow: the listing's share takes the place of what is sellable less buffer and fraction.
pub fn target_of_share(share: i64, units: i64, rules: &Rules, quantity_max: i64) -> i64 {
    match rules.unlimited {
        Some(fixed) => fixed.clamp(0, quantity_max),
        None => shown(share, units, rules, quantity_max),
    }
}

fn shown(n: i64, units: i64, rules: &Rules, quantity_max: i64) -> i64 {
    let mut n = n;
    if n <= rules.min_show {
        n = 0;
    }
    let t = n.div_euclid(units.max(1));
    t.min(rules.cap.unwrap_or(i64::MAX)).min(quantity_max).max(0)
}
