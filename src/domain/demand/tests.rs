use proptest::prelude::*;

use super::*;
use crate::domain::time::later;

const HOUR: Duration = Duration::from_secs(3_600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn stream(orders: f64, seconds: f64) -> Forecast {
    let part = |weight| Stream { weight, orders, seconds };
    Forecast {
        usual_per_second: orders / seconds,
        lately: Tally::default(),
        streams: [part(1.0), part(0.0)],
        units_per_order: 1.0,
        largest: 1,
    }
}

/// Orders one after the other, `every_s` seconds apart, of a listing that shows stock all the time.
fn sells(orders: i64, every_s: i64) -> Demand {
    let mut demand = Demand::new(at(0));
    demand.shows(true, at(0));
    for order in 1..=orders {
        demand.sold(1, at(order * every_s));
    }
    demand
}

#[test]
fn a_listing_without_a_past_sells_as_the_catalogue_does() {
    let forecast = Demand::new(at(0)).forecast(&Prior::default(), at(0));
    let a_month = forecast.orders_per_second() * 30.0 * 86_400.0;
    assert!((a_month - 0.5).abs() < 1e-9, "{a_month}");
}

#[test]
fn time_in_which_nothing_was_shown_teaches_nothing() {
    let mut demand = sells(24, 3_600);
    let before = demand.forecast(&Prior::default(), demand.at).streams[0];
    demand.shows(false, demand.at);
    let later = demand.forecast(&Prior::default(), at(48 * 3_600)).streams[0];
    let (before, later) = (before.orders / before.seconds, later.orders / later.seconds);
    assert!((later / before - 1.0).abs() < 0.15, "{before} {later}");
}

#[test]
fn a_listing_that_shows_stock_and_sells_nothing_is_believed_in_less_and_less() {
    let mut demand = Demand::new(at(0));
    demand.shows(true, at(0));
    let rate = |day: i64| demand.forecast(&Prior::default(), at(day * 86_400)).orders_per_second();
    assert!(rate(30) < 0.2 * rate(1), "{} {}", rate(1), rate(30));
}

#[test]
fn ten_orders_in_a_minute_are_a_sale_and_one_is_an_accident() {
    let calm = sells(48, 3_600);
    let usual = calm.forecast(&Prior::default(), calm.at).orders_per_second() * 3_600.0;
    assert!((0.5..0.9).contains(&usual), "{usual} an hour");

    let mut once = calm;
    once.sold(1, later(calm.at, Duration::from_secs(60)));
    let after_one = once.forecast(&Prior::default(), once.at).orders_per_second() * 3_600.0;
    assert!(after_one < 2.0 * usual, "{after_one} an hour after a second order");

    let mut sale = calm;
    for second in (6..=60).step_by(6) {
        sale.sold(1, later(calm.at, Duration::from_secs(second)));
    }
    let after_ten = sale.forecast(&Prior::default(), sale.at).orders_per_second() * 3_600.0;
    assert!(after_ten > 10.0 * usual, "{after_ten} an hour after ten in a minute");
}

#[test]
fn rates_unknown_at_the_start_are_known_after_a_minute() {
    let mut demand = Demand::new(at(0));
    demand.shows(true, at(0));
    (1..=60).for_each(|second| demand.sold(1, at(second)));
    let rate = demand.forecast(&Prior::default(), at(60)).orders_per_second();
    assert!((0.5..1.2).contains(&rate), "{rate} a second");
}

#[test]
fn a_sale_seen_on_one_mall_is_expected_of_those_that_are_silent() {
    let calm = sells(48, 3_600).forecast(&Prior::default(), at(48 * 3_600));
    let silent = calm.surging(100.0, Duration::from_secs(60));
    assert!((silent.orders_per_second() / calm.usual_per_second - 100.0).abs() < 1e-6);
    let heard = calm.surging(100.0, Duration::from_secs(10)).orders_per_second() / calm.usual_per_second;
    assert!(heard < 6.0, "heard of a moment ago, it sells {heard} times the usual");
    assert_eq!(calm.surging(1.0, HOUR), calm);
}

#[test]
fn one_unit_at_two_orders_a_month_is_hardly_sold_twice_in_ten_minutes() {
    // 1 − e^(−λt) with λ = 2 / 30 days, t = 600 s.
    let chance = Forecast::certain(2.0 / (30.0 * 86_400.0)).at_least(1, Duration::from_secs(600));
    assert!((chance - 0.000_462_856).abs() < 1e-8, "{chance}");
}

#[test]
fn nothing_seen_is_the_closed_form_of_the_negative_binomial() {
    // a = 2, b = 100 s, t = 50 s: p₀ = (1 + 1/2)^−2 = 4/9, p₁ = 2 · 1/3 · 4/9 = 8/27, p₂ = 3 · 1/9 · 4/9 = 4/27.
    let chances = stream(2.0, 100.0).chances(Duration::from_secs(50), 3);
    for (found, expected) in chances.iter().zip([4.0 / 9.0, 8.0 / 27.0, 4.0 / 27.0]) {
        assert!((found - expected).abs() < 1e-12, "{chances:?}");
    }
}

#[test]
fn orders_of_two_units_run_a_stock_down_sooner() {
    let single = stream(4.0, 3_600.0);
    let double = Forecast { units_per_order: 2.0, ..single };
    assert!(double.at_least(6, HOUR) > 2.0 * single.at_least(6, HOUR) - 0.5);
    assert!(double.at_least(6, HOUR) > single.at_least(6, HOUR));
}

#[test]
fn the_catalogues_average_is_the_prior_of_the_next_listing() {
    // 1,199 orders in 1,200 days, and one in the sixty of nothing known.
    let prior = Prior::of(Tally { orders: 1_199.0, shown_s: 1_140.0 * 86_400.0 }, 2_399.0);
    assert!((prior.shown_s / prior.orders / 86_400.0 - 1.0).abs() < 1e-9, "{prior:?}");
    assert_eq!(prior.orders, Prior::default().orders, "as vague as ever");
    assert_eq!(prior.units_per_order, 2.0);
}

#[test]
fn a_catalogue_of_which_little_is_known_is_believed_to_sell_as_any_other() {
    let days = |orders, days: f64| {
        let prior = Prior::of(Tally { orders, shown_s: days * 86_400.0 }, orders);
        prior.shown_s / prior.orders / 86_400.0
    };
    assert_eq!(days(0.0, 0.0), 60.0);
    assert_eq!(days(0.0, 60.0), 120.0, "an idle day of sixty listings makes none of them dead");
    assert_eq!(days(1.0, 0.0), 30.0);
}

#[test]
fn the_gamma_function_is_the_factorial() {
    for (x, expected) in [(1.0, 1.0_f64), (5.0, 24.0), (11.0, 3_628_800.0), (0.5, std::f64::consts::PI.sqrt())] {
        assert!((units::ln_gamma(x) - expected.ln()).abs() < 1e-8, "{x}");
    }
}

/// A fixed stream of draws: xorshift64*.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Shape 3 is a sum of three exponentials, so the whole story can be played: a rate, orders, their sizes.
    #[test]
    fn what_is_computed_is_what_happens(seed in 1_u64.., hours in 1_u32..6, mean in 1.0..3.0_f64, units in 1_i64..12) {
        let mut dice = Dice(seed);
        let (shape, seconds, within) = (3.0, 7_200.0, HOUR * hours);
        let plays = 20_000;
        let mut reached = 0;
        for _ in 0..plays {
            let rate = (0..3).map(|_| dice.exponential()).sum::<f64>() / seconds;
            let (mut clock, mut sold) = (dice.exponential() / rate, 0);
            while clock <= within.as_secs_f64() {
                sold += 1;
                while dice.uniform() > 1.0 / mean {
                    sold += 1;
                }
                clock += dice.exponential() / rate;
            }
            reached += i64::from(sold >= units);
        }
        let played = reached as f64 / f64::from(plays);
        let computed = Forecast { units_per_order: mean, ..stream(shape, seconds) }.at_least(units, within);
        prop_assert!((played - computed).abs() < 0.02, "played {played}, computed {computed}");
    }

    #[test]
    fn chances_never_exceed_one_and_more_is_less_likely(
        a in 0.1..50.0_f64, b in 1.0..1e7_f64, mean in 1.0..5.0_f64, seconds in 1_u64..1_000_000, units in 1_i64..300,
    ) {
        let forecast = Forecast { units_per_order: mean, ..stream(a, b) };
        let within = Duration::from_secs(seconds);
        let (this, next) = (forecast.at_least(units, within), forecast.at_least(units + 1, within));
        prop_assert!((0.0..=1.0).contains(&this));
        prop_assert!(units == units::UNITS_MAX || next <= this + 1e-9, "{this} {next}");
        let sum: f64 = forecast.chances(within, 200).iter().sum();
        prop_assert!(sum <= 1.0 + 1e-9);
    }

    #[test]
    fn two_listings_together_are_the_sum(a in 0.5..20.0_f64, seconds in 60.0..1e5_f64, units in 1_i64..60) {
        // Two gammas of one rate: shapes add only for one shared rate, so certain rates are compared.
        let (one, two) = (Forecast::certain(a / seconds), Forecast::certain(2.0 * a / seconds));
        let apart = units::at_least(&[(&one, HOUR), (&one, HOUR)], units);
        let together = two.at_least(units, HOUR);
        prop_assert!((apart - together).abs() < 1e-4, "{apart} {together}");
    }
}
