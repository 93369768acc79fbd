//! Orders of the book, in the protocol's words.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uriba_sdk::{
    FulfilledBy, Line, Order, Restored,
    fake::{BookOrder, Fault, Visit},
};

use super::{Answered, Program, at_most, good, malformed, question};
use crate::{
    card::{CARD, ITEMS_MAX},
    protocol::{OrdersQuestion, PullQuestion},
};

const PAGE: usize = 50;

pub fn pull(program: &Program, visit: &Visit<'_>) -> Answered {
    let asked: PullQuestion = question(visit)?;
    let mut found = program.book.visible();
    let read_to = match (asked.from, asked.to, &asked.family) {
        (Some(from), Some(to), None) => {
            legal(program.book.now(), from, to)?;
            found.retain(|found| (from..=to).contains(&changed(program, found)));
            let lag = SignedDuration::try_from(CARD.orders.visibility_lag).unwrap_or_default();
            Some(to.min(program.book.now() - lag))
        }
        (None, None, Some(family)) => {
            found.retain(|found| {
                found.order.id == *family || found.order.family.as_ref().is_some_and(|told| told.id == *family)
            });
            None
        }
        _ => return Err(malformed("either from and to, or family")),
    };
    found.retain(|found| !asked.open_only || !found.order.is_closed());
    found.sort_by_key(|found| place(program, found));
    // The token names the last order of the page before, so that a change in between moves nothing.
    if let Some(page) = asked.page {
        found.retain(|found| place(program, found) > page);
    }
    let next = (found.len() > PAGE).then(|| place(program, &found[PAGE - 1]));
    found.truncate(PAGE);
    let mut body = json!({"orders": rows(program, &found, visit)});
    if let Some(next) = next {
        body["next"] = json!(next);
    }
    if let Some(read_to) = read_to.filter(|_| !program.has(&program.bare)) {
        body["read_to"] = json!(read_to);
    }
    good(body)
}

/// A day, and the parts of seconds at both ends.
fn legal(now: Timestamp, from: Timestamp, to: Timestamp) -> Result<(), uriba_sdk::fake::Reply> {
    let second = SignedDuration::from_secs(1);
    let most = |length| SignedDuration::try_from(length).unwrap_or_default() + second * 2;
    let span = to.duration_since(from);
    let whole = from.subsec_nanosecond() == 0 && to.subsec_nanosecond() == 0;
    let fits = !span.is_negative() && span <= most(CARD.orders.span_max);
    if whole && fits && now.duration_since(from) <= most(CARD.orders.reach) {
        return Ok(());
    }
    Err(malformed("a window is of whole seconds, a day long and 90 days back at most"))
}

pub fn by_id(program: &Program, visit: &Visit<'_>) -> Answered {
    let asked: OrdersQuestion = question(visit)?;
    at_most(ITEMS_MAX, &asked.ids)?;
    let visible = program.book.visible();
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for id in asked.ids {
        match visible.iter().find(|found| found.order.id == id) {
            Some(order) => found.push(order.clone()),
            None => absent.push(id),
        }
    }
    let mut body = json!({"orders": rows(program, &found, visit)});
    if !absent.is_empty() || !program.has(&program.bare) {
        let word = if program.has(&program.deletes_cancelled) { "gone" } else { "missing" };
        body[word] = json!(absent);
    }
    good(body)
}

fn rows(program: &Program, found: &[BookOrder], visit: &Visit<'_>) -> Vec<Value> {
    let mut rows: Vec<_> = found.iter().map(|found| row(program, found, visit)).collect();
    match visit.fault {
        Some(Fault::DuplicateRows) => rows = rows.into_iter().flat_map(|row| [row.clone(), row]).collect(),
        Some(Fault::ShuffleRows) => rows.reverse(),
        _ => {}
    }
    rows
}

fn row(program: &Program, found: &BookOrder, visit: &Visit<'_>) -> Value {
    let stale = found.before.as_deref().filter(|_| visit.has(&Fault::StaleRows));
    let order = stale.unwrap_or(&found.order);
    let odd = visit.has(&Fault::UnknownStatus);
    let lines = order.lines.iter().map(|line| line_row(program, line, odd));
    let mut row = json!({
        "id": order.id,
        "placed_at": program.kept(order.placed_at),
        "lines": lines.collect::<Vec<_>>(),
    });
    if program.has(&program.bare) {
        return row;
    }
    // Fields of the program's own are nothing to the hub.
    row["gift"] = json!({"wrapped": true, "words": "いつもありがとう"});
    row["revision"] = json!(order.revision);
    row["updated_at"] = json!(order.updated_at.map(|at| program.kept(at)));
    let by_mall = order.fulfilled_by == FulfilledBy::Mall;
    row["fulfilled_by"] = json!(if odd {
        "robots"
    } else if by_mall {
        "mall"
    } else {
        "seller"
    });
    row["family"] = json!(order.family);
    row
}

fn line_row(program: &Program, line: &Line, odd: bool) -> Value {
    let mut row = json!({"id": line.id, "ordered": line.ordered});
    let bare = program.has(&program.bare);
    for (name, units) in [("cancelled", line.cancelled), ("shipped", line.shipped), ("returned", line.returned)] {
        if units > 0 || !bare {
            row[name] = json!(units);
        }
    }
    if line.mall_key.is_some() || !bare {
        row["key"] = json!(line.mall_key);
    }
    if !bare {
        row["restored"] = if odd { json!("perhaps") } else { json!(line.restored) };
        row["shipped_at"] = json!(line.shipped_at.map(|at| program.kept(at)));
        row["original"] = json!(line.original);
    }
    row
}

/// What is left of an order when nothing is said that need not be said.
pub fn bare(mut order: Order) -> Order {
    (order.family, order.revision, order.updated_at, order.fulfilled_by) = (None, None, None, FulfilledBy::Seller);
    for line in &mut order.lines {
        (line.restored, line.shipped_at, line.original) = (Restored::Unknown, None, None);
    }
    order
}

fn changed(program: &Program, found: &BookOrder) -> Timestamp {
    program.kept(found.order.updated_at.unwrap_or(found.order.placed_at))
}

/// Where an order stands among all.
fn place(program: &Program, found: &BookOrder) -> String {
    format!("{:020}/{}", changed(program, found).as_nanosecond(), found.order.id)
}
