//! The rows of the delta table, from bytes to canonical orders. Pure: no request, no clock.
//!
//! A row states one checkout. Only the attributes named here are asked for, so that whatever the storefront keeps
//! beside them (names, addresses) never leaves DynamoDB. Each row is read by itself: one that makes no sense becomes
//! an [`Unread`] and its neighbours are still read.

use jiff::Timestamp;
use serde_json::{Value, json};
use uriba_sdk::{
    FulfilledBy, Line, Order, Restored, Unread,
    wire::{excerpt, redact_json},
};

use crate::{
    layout::Layout,
    stock::normal,
    value::{Row, flag_of, number_of, text_of, time_of, units_of},
};

/// Attributes with these names need no option: they are new with this hub.
pub const SHIPPED_AT: &str = "shipped_at";
pub const LINE_ID: &str = "line";
pub const LINE_CANCELLED: &str = "cancelled";
pub const LINE_SHIPPED: &str = "shipped";
pub const LINE_RETURNED: &str = "returned";
pub const LINE_PUT_BACK: &str = "put_back";

/// Fields of a request that ask for just what is read here. Every name is a placeholder, since many of them (`state`,
/// `day`) are words of DynamoDB's own.
pub fn projection(layout: &Layout) -> (String, Value) {
    let names = &layout.names;
    let asked = [&names.order, &names.placed, &names.updated, &names.state, &names.version, &names.lines];
    let mut unique: Vec<&str> = Vec::new();
    for name in asked.into_iter().map(String::as_str).chain([SHIPPED_AT]) {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    let marks: Vec<_> = (0..unique.len()).map(|n| format!("#a{n}")).collect();
    let named = marks.iter().zip(unique).map(|(mark, name)| (mark.clone(), json!(name))).collect();
    (marks.join(", "), Value::Object(named))
}

pub fn read_each(layout: &Layout, rows: &[Row]) -> (Vec<Order>, Vec<Unread>) {
    let (mut orders, mut unread) = (Vec::new(), Vec::new());
    for row in rows {
        match read(layout, row) {
            Ok(order) => orders.push(order),
            Err(what) => unread.push(odd(layout, row, what)),
        }
    }
    (orders, unread)
}

/// What became of the units that a line doesn't account for itself.
enum State {
    Open,
    Cancelled,
    Shipped(Option<Timestamp>),
}

fn read(layout: &Layout, row: &Row) -> Result<Order, String> {
    let names = &layout.names;
    let id = text_of(row, &names.order).filter(|id| !id.is_empty()).ok_or("the order's id is no text")?;
    let updated_at = time_of(row, &names.updated)?;
    let placed_at = time_of(row, &names.placed)?.or(updated_at).ok_or("neither time is there")?;
    let word = text_of(row, &names.state).unwrap_or_default();
    let named = |states: &[String]| states.iter().any(|state| state == word);
    // A state that nobody knows holds its units.
    let state = if named(&layout.cancelled_states) {
        State::Cancelled
    } else if named(&layout.shipped_states) {
        State::Shipped(time_of(row, SHIPPED_AT)?)
    } else {
        State::Open
    };
    let lines = row.get(&names.lines).and_then(|lines| lines.get("L")?.as_array());
    let lines = lines.ok_or_else(|| format!("{} is no list", names.lines))?;
    let mut read = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let fields = line.get("M").and_then(Value::as_object).ok_or_else(|| format!("line {} is no map", index + 1))?;
        let line = self::line(layout, fields, index, &state).map_err(|what| format!("line {}: {what}", index + 1))?;
        if read.iter().any(|known: &Line| known.id == line.id) {
            return Err(format!("line {} is there twice", excerpt(line.id.as_bytes())));
        }
        read.push(line);
    }
    Ok(Order {
        id: id.to_owned(),
        family: None,
        revision: number_of(row, &names.version)?,
        placed_at,
        updated_at,
        fulfilled_by: FulfilledBy::Seller,
        lines: read,
    })
}

fn line(layout: &Layout, fields: &Row, index: usize, state: &State) -> Result<Line, String> {
    let names = &layout.names;
    let ordered =
        units_of(fields, &names.line_quantity)?.ok_or_else(|| format!("{} is missing", names.line_quantity))?;
    let units = |name: &str| units_of(fields, name).map(Option::unwrap_or_default);
    let (mut cancelled, mut shipped) = (units(LINE_CANCELLED)?, units(LINE_SHIPPED)?);
    let mut shipped_at = time_of(fields, SHIPPED_AT)?;
    let accounted = u64::from(cancelled) + u64::from(shipped);
    let Some(rest) = u64::from(ordered).checked_sub(accounted).and_then(|rest| u32::try_from(rest).ok()) else {
        return Err(format!("{ordered} units, {cancelled} cancelled, {shipped} shipped"));
    };
    match state {
        State::Open => {}
        State::Cancelled => cancelled += rest,
        State::Shipped(at) => {
            shipped += rest;
            shipped_at = shipped_at.or(at.filter(|_| shipped > 0));
        }
    }
    Ok(Line {
        id: text_of(fields, LINE_ID).map_or_else(|| (index + 1).to_string(), str::to_owned),
        mall_key: text_of(fields, &names.line_item).and_then(|item| normal(item).ok()),
        ordered,
        cancelled,
        shipped,
        returned: units(LINE_RETURNED)?,
        // The transaction that cancels puts the units back on the counter, unless it says otherwise.
        restored: match (cancelled, flag_of(fields, LINE_PUT_BACK)) {
            (0, _) => Restored::Unknown,
            (_, Some(false)) => Restored::No,
            _ => Restored::Yes,
        },
        shipped_at,
        original: None,
    })
}

/// What can still be said of a row that makes no sense, so that sales of its items can be held back.
fn odd(layout: &Layout, row: &Row, what: String) -> Unread {
    let names = &layout.names;
    let lines = row.get(&names.lines).and_then(|lines| lines.get("L")?.as_array());
    let item = |line: &Value| text_of(line.get("M")?.as_object()?, &names.line_item).and_then(|item| normal(item).ok());
    let mut redacted = Value::Object(row.clone());
    redact_json(&mut redacted);
    Unread {
        order_id: text_of(row, &names.order).map(str::to_owned),
        mall_keys: lines.into_iter().flatten().filter_map(item).collect(),
        what,
        redacted: redacted.to_string(),
    }
}
