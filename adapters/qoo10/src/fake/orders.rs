//! The two lists and the look-up of one order.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uriba_sdk::fake::{Fault, Reply, Visit};

use super::{
    BOUNDS_EXCLUSIVE, CLAIMS_STAY_LISTED, LOOK_UP_BRINGS_CART, UNKNOWN_ORDER_REFUSED,
    desk::{BAD_DATE, Desk, Refused, TOO_LONG, bent, processing},
    shown::{self, Shown},
};
use crate::{jst, orders::State};

const SPAN_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);
const CLAIMS: [u8; 12] = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];

type Form = BTreeMap<String, String>;
type Pack = (String, Vec<String>);

pub fn search(desk: &Desk, visit: &Visit<'_>) -> Reply {
    let known = ["ShippingStatus", "SearchStartDate", "SearchEndDate", "SearchCondition"];
    desk.serve(visit, &known, |form| {
        // Without one the mall gives some statuses, and its guides disagree which.
        let status = form.get("ShippingStatus").and_then(|text| text.parse::<u8>().ok());
        let status = status.filter(|status| (1..=5).contains(status)).ok_or(processing("ShippingStatus"))?;
        let window = Window::of(desk, form, ["SearchStartDate", "SearchEndDate"])?;
        let when: fn(&Shown) -> Option<Timestamp> = match form.get("SearchCondition").map(String::as_str) {
            Some("1") => |shown| Some(shown.placed_at),
            Some("2") => |shown| shown.paid_at,
            Some("3") => |shown| shown.shipped_at,
            Some("4") => |shown| shown.delivered_at,
            _ => return Err(processing("SearchCondition")),
        };
        let listed = all(desk, visit).into_iter().filter(|(shown, _)| {
            let is_listed = match shown.state {
                State::Open => shown.claim.is_none() || desk.is(CLAIMS_STAY_LISTED),
                State::Shipped => true,
                State::Returned | State::Cancelled => false,
            };
            is_listed && shown.status == status && when(shown).is_some_and(|at| window.holds(at))
        });
        let said = if visit.has(&Fault::UnknownStatus) { "Z" } else { &status.to_string() };
        Ok(bent(listed.map(|(shown, pack)| shown.row(desk, said, &pack)).collect(), visit))
    })
}

pub fn claims(desk: &Desk, visit: &Visit<'_>) -> Reply {
    let known = ["ClaimStat", "search_Sdate", "search_Edate", "search_condition"];
    desk.serve(visit, &known, |form| {
        let wanted = match form.get("ClaimStat").map(|text| text.parse::<u8>()) {
            None => None,
            Some(Ok(claim)) if CLAIMS.contains(&claim) => Some(claim),
            Some(_) => return Err(processing("ClaimStat")),
        };
        let window = Window::of(desk, form, ["search_Sdate", "search_Edate"])?;
        let when: fn(&Shown) -> Option<Timestamp> = match form.get("search_condition").map(String::as_str) {
            Some("1") => |shown| Some(shown.placed_at),
            Some("2") => |shown| shown.claimed_at,
            Some("3") => |shown| shown.completed_at,
            _ => return Err(processing("search_condition")),
        };
        let listed = all(desk, visit).into_iter().filter(|(shown, _)| {
            let is_claimed = shown.claim.is_some_and(|claim| wanted.is_none_or(|wanted| wanted == claim));
            is_claimed && when(shown).is_some_and(|at| window.holds(at))
        });
        Ok(bent(listed.map(|(shown, pack)| shown.claim_row(desk, &pack)).collect(), visit))
    })
}

pub fn one(desk: &Desk, visit: &Visit<'_>) -> Reply {
    desk.serve(visit, &["OrderNo"], |form| {
        let id = form.get("OrderNo").filter(|id| !id.is_empty()).ok_or(processing("OrderNo"))?;
        let wanted =
            |shown: &Shown, pack: &Pack| shown.id == *id || (desk.is(LOOK_UP_BRINGS_CART) && pack.1.contains(id));
        let rows = all(desk, visit).into_iter().filter(|(shown, pack)| wanted(shown, pack)).map(|(shown, pack)| {
            let status = if visit.has(&Fault::UnknownStatus) { "Z".into() } else { shown::status(desk, shown.status) };
            shown.whole_row(desk, &status, &pack)
        });
        let rows: Vec<Value> = rows.collect();
        if rows.is_empty() && desk.is(UNKNOWN_ORDER_REFUSED) {
            return Err((-10_001, "Fail to find the order."));
        }
        Ok(bent(rows, visit))
    })
}

struct Window {
    from: Timestamp,
    to: Timestamp,
    is_open: bool,
}

impl Window {
    fn of(desk: &Desk, form: &Form, names: [&str; 2]) -> Result<Self, Refused> {
        let at = |name: &str| form.get(name).and_then(|text| jst::parse_compact(text)).ok_or(BAD_DATE);
        let (from, to) = (at(names[0])?, at(names[1])?);
        if from > to {
            return Err(BAD_DATE);
        }
        if to.duration_since(from) > SPAN_MAX {
            return Err(TOO_LONG);
        }
        Ok(Self { from, to, is_open: desk.is(BOUNDS_EXCLUSIVE) })
    }

    fn holds(&self, at: Timestamp) -> bool {
        if self.is_open { self.from < at && at < self.to } else { self.from <= at && at <= self.to }
    }
}

/// Orders that can be found by now, each with its cart: what was placed at the same instant.
fn all(desk: &Desk, visit: &Visit<'_>) -> Vec<(Shown, Pack)> {
    let stale = visit.has(&Fault::StaleRows);
    let orders: Vec<_> = desk.book.visible().iter().map(|found| Shown::of(found, stale)).collect();
    let mut carts: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
    for shown in &orders {
        carts.entry(shown.placed_at).or_default().push(shown.id.clone());
    }
    let pack = |shown: &Shown| {
        let cart = &carts[&shown.placed_at];
        (format!("9{}", &cart[0][1..]), cart.iter().filter(|id| **id != shown.id).cloned().collect())
    };
    orders.into_iter().map(|shown| (pack(&shown), shown)).map(|(pack, shown)| (shown, pack)).collect()
}
