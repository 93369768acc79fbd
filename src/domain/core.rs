//! The core system's running figures, and when it has heard of what the hub shipped.
//!
//! A sales figure of a business date runs from 0 upward, file by file. What is booked is always the raw figure
//! less what was booked of that date before, so a file that comes twice books nothing, a lower figure takes
//! back, and a new date begins from 0 by itself.
//!
//! With `by_sales_file` the core learns of the malls' shipments as sales. Units that shipped are *not in core*
//! until a sales figure can hold them: a figure that stands still holds nothing new, so while the date runs only
//! what it rose by after a shipment counts. Once the core has gone past the date, its last figure has everything
//! that it will ever have.

use jiff::{Timestamp, civil::Date};

use super::business_day::BusinessDays;

/// What a raw figure adds to its business date, and when that occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rise {
    /// Negative: a correction.
    pub units: i64,
    pub occurred_at: Timestamp,
}

/// `booked`: what was booked of this date before (since the last book, where a book begins the figure anew).
pub fn rise(raw: i64, booked: i64, file_at: Timestamp, date: Date, days: &BusinessDays) -> Rise {
    Rise { units: raw - booked, occurred_at: file_at.min(days.last_moment(date)) }
}

/// A change of a sales figure, or units of the hub's own that shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Timestamp,
    pub units: i64,
}

/// Of the `shipped` units of one date, how many its `sales` hold. `over`: the core has gone past the date.
pub fn in_core(sales: &[Step], shipped: &[Step], over: bool) -> i64 {
    let sum = |steps: &[Step]| steps.iter().map(|step| step.units).sum::<i64>();
    let own = sum(shipped).max(0);
    if over {
        return own.min(sum(sales)).max(0);
    }
    let mut sales = sales.to_vec();
    sales.sort_by_key(|step| step.at);
    let (mut raw, mut held) = (0, 0);
    for step in sales {
        raw += step.units;
        let by_then: i64 = shipped.iter().filter(|own| own.at <= step.at).map(|own| own.units).sum();
        held += step.units.min(by_then - held).max(0);
        held = held.min(raw).max(0);
    }
    held.min(own)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-{time}+09:00").parse().unwrap()
    }

    fn step(time: &str, units: i64) -> Step {
        Step { at: at(&format!("20T{time}")), units }
    }

    #[test]
    fn a_rise_occurs_at_its_file_but_never_after_its_date() {
        let days = BusinessDays { zone: TimeZone::get("Asia/Tokyo").unwrap(), starts: jiff::civil::time(0, 0, 0, 0) };
        let date = jiff::civil::date(2026, 11, 20);
        let noon = Rise { units: 3, occurred_at: at("20T12:00") };
        assert_eq!(rise(5, 2, at("20T12:00"), date, &days), noon);
        let last = Rise { units: -1, occurred_at: at("20T23:59:59.999999") };
        assert_eq!(rise(4, 5, at("21T00:30"), date, &days), last);
    }

    #[test]
    fn a_figure_that_stands_still_holds_no_shipment() {
        let sold = step("14:55", 5);
        let own = [step("15:00", 2)];
        assert_eq!(in_core(&[sold], &own, false), 0);
        assert_eq!(in_core(&[sold, step("15:05", 0)], &own, false), 0);
        assert_eq!(in_core(&[sold, step("16:05", 2)], &own, false), 2);
        assert_eq!(in_core(&[sold, step("16:05", 1)], &own, false), 1);
    }

    #[test]
    fn a_sale_of_the_shop_is_not_taken_for_a_shipment_that_came_later() {
        let own = [step("15:00", 2), step("17:00", 1)];
        assert_eq!(in_core(&[step("16:00", 4)], &own, false), 2);
        assert_eq!(in_core(&[step("16:00", 4), step("18:00", 1)], &own, false), 3);
    }

    #[test]
    fn a_correction_takes_back_what_the_figure_no_longer_holds() {
        let own = [step("15:00", 2)];
        assert_eq!(in_core(&[step("16:00", 2), step("17:00", -1)], &own, false), 1);
    }

    #[test]
    fn a_date_that_is_over_holds_whatever_its_last_figure_can() {
        let dated = [step("23:59", 2)];
        assert_eq!(in_core(&[step("16:00", 7)], &dated, false), 0);
        assert_eq!(in_core(&[step("16:00", 7)], &dated, true), 2);
        assert_eq!(in_core(&[step("16:00", 1)], &dated, true), 1);
        assert_eq!(in_core(&[], &dated, true), 0);
    }

    #[test]
    fn a_shipment_that_was_taken_back_is_none() {
        let own = [step("15:00", 2), step("15:00", -2)];
        assert_eq!(in_core(&[step("16:00", 4)], &own, false), 0);
    }
}
