//! Orders out of a mall's own CSV, for a span that the mall's API no longer shows.
//!
//! The rows become canonical orders and take the way that polled ones take, so nothing counts twice: an order
//! that was polled since the file was made is newer, and stays. A file states orders whole: all lines of each.

use std::collections::{BTreeMap, btree_map::Entry};

use jiff::{Timestamp, tz::TimeZone};
use uriba_sdk::{FulfilledBy, Line, Order, Restored};

use super::{
    ImportReport, Rejects,
    file::{CoreFile, Good, Session},
    rows::{instant, name},
    sheet::{Flaw, Row, Sheet},
};
use crate::store::{
    Result, Store,
    imports::{PIECE, Rows},
};

/// Orders by channel and id. Gaps are counted in thousands of orders, so they are held whole.
pub(super) type Orders = BTreeMap<(String, String), Order>;

pub(super) async fn take_in(
    store: &Store,
    file: &CoreFile<'_>,
    sheet: &Sheet<'_>,
    zone: &TimeZone,
) -> Result<ImportReport> {
    let mut rejects = Rejects::default();
    let mut orders = Orders::new();
    let mut good = 0;
    let rows = sheet.rows(&mut rejects, |row, rejects| match add(row, file, zone, &mut orders) {
        Ok(()) => good += 1,
        Err(flaw) => rejects.flaw(flaw),
    });
    // Half an order would look like one whose other lines were given back.
    let skips = CoreFile { skip_invalid: false, ..file.clone() };
    skips.take_in(store, rejects, (rows, good), file.as_of, &Good::Orders(file, orders)).await
}

pub(super) async fn book(file: &CoreFile<'_>, orders: &Orders, session: &mut Session<'_>) -> Result<()> {
    let mut by_channel: BTreeMap<&str, Vec<Order>> = BTreeMap::new();
    for ((channel, _), order) in orders {
        by_channel.entry(channel).or_default().push(order.clone());
    }
    let total: u64 = orders.values().map(|order| order.lines.len() as u64).sum();
    let mut done = 0;
    for (channel, orders) in by_channel {
        let Some(intake) = file.terms.intakes.get(channel) else { continue };
        for piece in orders.chunks(PIECE) {
            let lines = piece.iter().map(|order| order.lines.len() as u64).sum();
            session.book(Rows::Orders { intake, orders: piece, lines }).await?;
            done += lines;
            if let Some(progress) = file.progress {
                progress(done, total);
            }
        }
    }
    Ok(())
}

/// A list with an order at or before a gap's beginning and one at or after its end holds what lies between.
pub(super) async fn close_gaps(store: &Store, file: &CoreFile<'_>, orders: &Orders) -> Result<()> {
    let mut spans: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    for ((channel, _), order) in orders {
        let at = order.placed_at;
        let span = spans.entry(channel).or_insert((at, at));
        *span = (span.0.min(at), span.1.max(at));
    }
    for (channel, span) in spans {
        store.close_gaps(channel, span, file.by).await?;
    }
    Ok(())
}

fn add(row: &Row<'_>, file: &CoreFile<'_>, zone: &TimeZone, orders: &mut Orders) -> std::result::Result<(), Flaw> {
    let (channel, id) = (name(row, "channel")?, name(row, "order_id")?);
    if !file.terms.intakes.contains_key(&channel) {
        return Err(Flaw::at(row.line, "channel", format!("there is no channel {channel:?}")));
    }
    let placed_at = instant(row.text("ordered_at")?, zone).map_err(|why| Flaw::at(row.line, "ordered_at", why))?;
    let line = line(row)?;
    match orders.entry((channel, id)) {
        Entry::Vacant(place) => {
            let id = place.key().1.clone();
            place.insert(order(id, placed_at, line));
        }
        Entry::Occupied(mut known) => {
            let order = known.get_mut();
            if order.placed_at != placed_at {
                return Err(Flaw::at(row.line, "ordered_at", "is not that of the order's other lines"));
            }
            if order.lines.iter().any(|known| known.id == line.id) {
                return Err(Flaw::at(row.line, "line", "was stated above already"));
            }
            order.lines.push(line);
        }
    }
    Ok(())
}

fn line(row: &Row<'_>) -> std::result::Result<Line, Flaw> {
    let units = |column: &str| {
        let number = row.number(column, 0, i64::from(u32::MAX))?.unwrap_or(0);
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    };
    let (ordered, cancelled, shipped) = (units("ordered")?, units("cancelled")?, units("shipped")?);
    if u64::from(cancelled) + u64::from(shipped) > u64::from(ordered) {
        let message = format!("{cancelled} cancelled and {shipped} shipped are more than the {ordered} ordered");
        return Err(Flaw::at(row.line, "ordered", message));
    }
    Ok(Line {
        id: name(row, "line")?,
        mall_key: Some(row.text("mall_key")?.to_owned()),
        ordered,
        cancelled,
        shipped,
        returned: 0,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    })
}

fn order(id: String, placed_at: Timestamp, line: Line) -> Order {
    Order {
        id,
        family: None,
        revision: None,
        placed_at,
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines: vec![line],
    }
}
