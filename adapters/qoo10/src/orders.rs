//! Orders, from rows to canonical values. Pure: no request, no clock.
//!
//! One row is one order: the mall gives every line of a cart an `OrderNo` of its own, ships it alone, cancels it as a
//! whole and looks it up alone. What a cart held together is in `PackNo`, which nothing here needs.
//!
//! The three methods spell the same fields differently, and only the look-up of one order has both the shipping and
//! the claim status; fields are therefore read by name in lower case. Names, addresses and prices are never read.

use jiff::Timestamp;
use serde_json::Value;
use uriba_sdk::{Found, FulfilledBy, Head, Line, Order, Page, Restored, Unread, wire::excerpt};

use crate::{
    jst, key,
    qapi::{self, Fields},
};

/// An order has one line, so the mall has no name for it.
const LINE: &str = "1";

/// What may be kept of a row that can't be read.
const IMPERSONAL: [&str; 18] = [
    "orderno",
    "packno",
    "shippingstatus",
    "claimstatus",
    "orderdate",
    "paymentdate",
    "shippingdate",
    "delivereddate",
    "estimatedshippingdate",
    "requestdate",
    "cancelrefunddate",
    "itemno",
    "itemcode",
    "selleritemcode",
    "optioncode",
    "orderqty",
    "nrpartrefundcnt",
    "availablesendtype",
];

/// How far an order got, as far as stock goes. Also the order in which it can get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Unpaid, to be shipped, or a cancel asked for and not decided.
    Open,
    Shipped,
    Returned,
    Cancelled,
}

/// A page of one shipping status. The status of its rows is the one that was asked for: whether a row holds the digit
/// or a caption isn't established.
pub fn page(object: Value, status: u8) -> Result<Page, String> {
    let mut page = Page::default();
    for row in qapi::rows(object)? {
        match Row::of(row).and_then(|row| row.order(shipping_state(&status.to_string()))) {
            Ok(order) => page.orders.push(order),
            Err(unread) => page.unread.push(*unread),
        }
    }
    Ok(page)
}

/// A page of claims. They don't name the option, so the orders have to be looked up: those that are new, and those
/// whose claim is newer than what is known. Of open orders only the undecided claims.
pub fn claims(object: Value, open_only: bool) -> Result<Page, String> {
    let mut page = Page::default();
    for row in qapi::rows(object)? {
        let row = match Row::of(row) {
            Ok(row) => row,
            Err(unread) => {
                page.unread.push(*unread);
                continue;
            }
        };
        // A claim that nobody knows tells nothing about what is left to ship.
        let state = row.claim().unwrap_or(State::Open);
        if !open_only || state == State::Open {
            let placed_at = row.placed_at();
            page.heads.push(Head { placed_at, revision: row.revision(state), id: row.id });
        }
    }
    Ok(page)
}

/// The answer to a look-up of one order.
pub fn found(object: Value, id: &str) -> Result<Found, String> {
    let mut found = Found::default();
    for row in qapi::rows(object)? {
        match Row::of(row) {
            // More of the cart than was asked for.
            Ok(row) if row.id != id => {}
            Ok(row) => {
                let state = row.state();
                match row.order(state) {
                    Ok(order) => found.orders = vec![order],
                    Err(unread) => found.unread = vec![*unread],
                }
            }
            Err(mut unread) => {
                unread.order_id.get_or_insert_with(|| id.to_owned());
                found.unread.push(*unread);
            }
        }
    }
    if found.orders.is_empty() && found.unread.is_empty() {
        found.missing.push(id.to_owned());
    }
    Ok(found)
}

/// The seller's id, as each row has it.
pub fn seller(object: Value) -> Result<Option<String>, String> {
    Ok(qapi::rows(object)?.into_iter().filter_map(Fields::of).find_map(|row| row.text("sellerid")))
}

/// A row that at least says which order it is.
struct Row {
    id: String,
    fields: Fields,
}

impl Row {
    fn of(row: Value) -> Result<Self, Box<Unread>> {
        let Some(fields) = Fields::of(row) else {
            let what = "a row is no object".into();
            return Err(Box::new(Unread { order_id: None, mall_keys: Vec::new(), what, redacted: String::new() }));
        };
        match fields.text("orderno") {
            Some(id) => Ok(Self { id, fields }),
            None => Err(odd(None, fields, "OrderNo is missing".into())),
        }
    }

    fn order(self, state: State) -> Result<Order, Box<Unread>> {
        let Some(placed_at) = self.placed_at() else {
            return Err(self.odd("orderdate"));
        };
        let quantity = self.fields.value("orderqty").and_then(qapi::number);
        let Some(ordered) = quantity.and_then(|quantity| u32::try_from(quantity).ok()) else {
            return Err(self.odd("orderqty"));
        };
        let left = matches!(state, State::Shipped | State::Returned);
        let line = Line {
            id: LINE.into(),
            mall_key: mall_key(&self.fields),
            ordered,
            cancelled: if state == State::Cancelled { ordered } else { 0 },
            shipped: if left { ordered } else { 0 },
            returned: if state == State::Returned { ordered } else { 0 },
            // Whether the mall puts cancelled units back on its counter is documented nowhere; a reading will tell.
            restored: Restored::Unknown,
            shipped_at: self.time("shippingdate").filter(|_| left),
            original: None,
        };
        Ok(Order {
            family: None,
            revision: self.revision(state),
            placed_at,
            updated_at: self.moved_at(state),
            fulfilled_by: FulfilledBy::Seller,
            lines: vec![line],
            id: self.id,
        })
    }

    /// The claim decides where there is one: what is cancelled keeps the shipping status that it had.
    fn state(&self) -> State {
        match self.claim() {
            Some(State::Open) | None => shipping_state(&self.fields.text("shippingstatus").unwrap_or_default()),
            Some(claimed) => claimed,
        }
    }

    fn claim(&self) -> Option<State> {
        match status_number(&self.fields.text("claimstatus")?, &CLAIM_CAPTIONS)? {
            1 | 2 => Some(State::Open),
            3 | 16 => Some(State::Cancelled),
            6 => Some(State::Returned),
            // Returns and exchanges under way, and what never arrived: all of them after shipping.
            4 | 5 | 11..=15 => Some(State::Shipped),
            _ => None,
        }
    }

    /// The mall has no revision and no time of change. What it has are dates of the states that an order goes through,
    /// in one direction; state and date together grow with each change that matters to stock. Dates of claims that
    /// may be withdrawn are left out, so that a withdrawn one leaves nothing newer behind.
    fn revision(&self, state: State) -> Option<i64> {
        let seconds = self.moved_at(state)?.as_second();
        Some((i64::from(state as u8) << 40) + seconds)
    }

    fn moved_at(&self, state: State) -> Option<Timestamp> {
        let dates: &[&str] = match state {
            State::Open => &["orderdate", "paymentdate"],
            State::Shipped => &["orderdate", "paymentdate", "shippingdate", "delivereddate"],
            State::Returned | State::Cancelled => &["orderdate", "paymentdate", "shippingdate", "cancelrefunddate"],
        };
        dates.iter().filter_map(|name| self.time(name)).max()
    }

    fn placed_at(&self) -> Option<Timestamp> {
        self.time("orderdate")
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        jst::parse(&self.fields.text(name)?)
    }

    fn odd(self, name: &str) -> Box<Unread> {
        let what = match self.fields.value(name) {
            Some(value) => format!("{name} is odd: {}", excerpt(value.to_string().as_bytes())),
            None => format!("{name} is missing"),
        };
        odd(Some(self.id), self.fields, what)
    }
}

/// The key as [`crate::Qoo10`] resolves it. A missing option code on an item with options gives the item's key,
/// which nothing is mapped to.
fn mall_key(fields: &Fields) -> Option<String> {
    let (seller, number) = (fields.text("selleritemcode"), fields.first(&["itemno", "itemcode"]));
    let code = key::code(seller.as_deref(), number.as_deref())?;
    Some(key::join(code, &fields.text("optioncode").unwrap_or_default()))
}

/// What can still be said of an order that makes no sense, so that sales of its item can be held back.
fn odd(order_id: Option<String>, fields: Fields, what: String) -> Box<Unread> {
    let mall_keys = mall_key(&fields).into_iter().collect();
    Box::new(Unread { order_id, mall_keys, what, redacted: fields.only(&IMPERSONAL).to_string() })
}

const SHIPPING_CAPTIONS: [(&str, u8); 5] =
    [("配送待", 1), ("配送要請", 2), ("配送準備", 3), ("配送中", 4), ("配送完了", 5)];

const CLAIM_CAPTIONS: [(&str, u8); 12] = [
    ("取消要請", 1),
    ("取消中", 2),
    ("取消完了", 3),
    ("返品要請", 4),
    ("返品中", 5),
    ("返品完了", 6),
    ("交換申請", 11),
    ("交換承認", 12),
    ("再配送中", 13),
    ("未受取返金完了", 14),
    ("未受取一部返金", 15),
    ("未納注文取消", 16),
];

/// A status that nobody knows holds stock.
fn shipping_state(text: &str) -> State {
    match status_number(text, &SHIPPING_CAPTIONS) {
        Some(4 | 5) => State::Shipped,
        _ => State::Open,
    }
}

/// The number, or the caption's; captions also come with the number behind them in brackets.
fn status_number(text: &str, captions: &[(&str, u8)]) -> Option<u8> {
    let bracketed = text.rsplit_once(['(', '（']).map(|(_, rest)| rest.trim_end_matches([')', '）']));
    let number = text.parse().ok().or_else(|| bracketed.and_then(|text| text.parse().ok()));
    number.or_else(|| captions.iter().find(|(caption, _)| text.starts_with(caption)).map(|(_, number)| *number))
}
