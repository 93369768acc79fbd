//! How many units an uncertain stream of orders makes in a given time.
//!
//! Poisson orders with a gamma rate are negative binomial: with shape *a*, rate *b* and time *t*, β = t/b,
//! p₀ = (1 + β)^−a and pₖ = β/(1+β) (1 + (a − 1)/k) pₖ₋₁. An order takes 1, 2, 3 … units with geometric
//! chances of the listing's mean, so that units are compound negative binomial, by Panjer's recursion (H. Panjer,
//! *Recursive Evaluation of a Family of Compound Distributions*, ASTIN Bulletin 12, 1981):
//!
//! > g(s) = Σⱼ (A + B j/s) f(j) g(s − j), A = β/(1+β), B = (a − 1) A, g(0) = p₀
//!
//! Sums of independent listings are convolved. What needs more than [`UNITS_MAX`] units is bounded by Cantelli's
//! inequality, P(X ≥ n) ≤ v / (v + (n − m)²), which errs on the side of caution.

use std::time::Duration;

use super::Forecast;

/// Distributions are computed up to here.
pub const UNITS_MAX: i64 = 256;

/// A gamma distribution of a rate, and how likely it is the one that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    pub weight: f64,
    /// The shape.
    pub orders: f64,
    /// The rate.
    pub seconds: f64,
}

/// The chances of 0, 1, … `below − 1` units within the time.
pub fn chances(stream: &Stream, within_s: f64, units_per_order: f64, below: usize) -> Vec<f64> {
    let mut g = vec![0.0; below];
    let Some(nothing) = g.first_mut() else { return g };
    let beta = within_s / stream.seconds;
    *nothing = (-stream.orders * beta.ln_1p()).exp();
    let a = beta / (1.0 + beta);
    let b = (stream.orders - 1.0) * a;
    // Geometric sizes: f(j) = p qʲ⁻¹. The two sums over j, with and without the factor j, need only their last
    // values: U(s) = Σ f(j) g(s − j) = p g(s − 1) + q U(s − 1), V(s) = Σ j f(j) g(s − j) = U(s) + q V(s − 1).
    let p = 1.0 / units_per_order;
    let (mut plain, mut weighted) = (0.0, 0.0);
    for s in 1..below {
        plain = p * g[s - 1] + (1.0 - p) * plain;
        weighted = plain + (1.0 - p) * weighted;
        g[s] = (a * plain + b * weighted / s as f64).max(0.0);
    }
    g
}

/// The chance that these listings together sell so many units or more, each within its own time.
pub fn at_least(listings: &[(&Forecast, Duration)], units: i64) -> f64 {
    if units <= 0 {
        return 1.0;
    }
    if units > UNITS_MAX {
        return cantelli(listings, units as f64);
    }
    let below = usize::try_from(units).unwrap_or_default();
    let mut sum = vec![0.0; below];
    sum[0] = 1.0;
    for (forecast, within) in listings {
        let chances = forecast.chances(*within, below);
        for s in (0..below).rev() {
            sum[s] = (0..=s).map(|sold| chances[sold] * sum[s - sold]).sum();
        }
    }
    (1.0 - sum.iter().sum::<f64>()).clamp(0.0, 1.0)
}

fn cantelli(listings: &[(&Forecast, Duration)], units: f64) -> f64 {
    let (mut mean, mut variance) = (0.0, 0.0);
    for (forecast, within) in listings {
        let m = forecast.units_per_order;
        let (mut first, mut second) = (0.0, 0.0);
        for stream in &forecast.streams {
            let beta = within.as_secs_f64() / stream.seconds;
            let orders = stream.orders * beta;
            // Var = E[N] Var[size] + Var[N] E[size]², a geometric size has the variance m² − m.
            let spread = orders * (m * m - m) + orders * (1.0 + beta) * m * m;
            first += stream.weight * orders * m;
            second += stream.weight * (spread + (orders * m).powi(2));
        }
        mean += first;
        variance += second - first * first;
    }
    if units <= mean { 1.0 } else { variance / (variance + (units - mean).powi(2)) }
}

/// ln Γ(x) for x > 0, to about 1e-8: Stirling's series (Abramowitz & Stegun 6.1.41), after shifting small x upward.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 8.0 {
        shift += x.ln();
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1_260.0 - square / 1_680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}
