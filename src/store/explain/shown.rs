//! What a mall shows: the anchor, what was written and sold since, what it is being told, and the target that it
//! follows.

use std::collections::HashSet;

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{NAMED, Result, cut};
use crate::{
    domain::{
        explain::Term,
        publication::{Outstanding, WriteState},
        suspend::{Mode, State},
    },
    store::{
        entity::{channel, line_event, listing, mall_order, order_line, publication_event},
        instant, micros,
        publication_rows::Listed,
        sheets::Showing,
        stock::pieces,
    },
};

/// On what the figure rests.
struct Basis {
    anchor: i64,
    to: Timestamp,
    applied: i64,
    sold_since: i64,
}

pub(super) async fn now(
    tx: &DatabaseTransaction,
    listed: &Listed,
    sheet: &Showing,
    channel: &channel::Model,
    target: Term,
) -> Result<Term> {
    let belief = &listed.publication;
    let basis = belief.anchor.map(|look| Basis {
        anchor: look.value,
        to: look.to,
        applied: belief.applied,
        sold_since: belief.sold_since,
    });
    let known = match &basis {
        Some(basis) => Some(known(tx, &listed.listing, basis, None).await?),
        None => None,
    };
    let target = if target.whole() == belief.target {
        target
    } else {
        let stands = belief.target.map_or("none".to_owned(), |target| target.to_string());
        target.from(format!("{stands} stands until it is computed again"))
    };
    let told = told(belief.writes.last(), sheet, channel, target);
    Ok(shown(&listed.listing, known, told))
}

/// What is being said. The operator's switch stands before the target.
fn told(write: Option<&Outstanding>, sheet: &Showing, channel: &channel::Model, target: Term) -> Term {
    let off = matches!(State::parse(&channel.state), Some(State::Draining | State::Suspended));
    let is_zeroed = off && channel.suspend_mode.as_deref().and_then(Mode::parse) == Some(Mode::Zero);
    let wanted = if is_zeroed {
        let who = channel.suspended_by.as_deref().unwrap_or("the switch");
        let why = channel.suspend_reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        Term::replaced("target", target, Term::fact("suspended", 0, format!("{who} took {} off sale{why}", channel.id)))
    } else {
        target
    };
    let state = match &sheet.reason {
        Some(reason) => format!("{}: {reason}", sheet.state),
        None => sheet.state.clone(),
    };
    match write {
        None => Term::following("told", None, vec![wanted]).from(format!("nothing is under way; {state}")),
        Some(write) => {
            let answer = match write.state {
                WriteState::Unknown => "no answer yet",
                WriteState::Accepted => "accepted, not in effect yet",
            };
            Term::following("told", sheet.told, vec![wanted]).from(format!("{answer}; {state}")).at(write.sent_at)
        }
    }
}

/// The same from the events of that time.
pub(super) async fn past(tx: &DatabaseTransaction, row: &listing::Model, at: Timestamp, target: Term) -> Result<Term> {
    let anchor = newest(tx, row.id, at, &["anchor"]).await?;
    let basis = anchor.as_ref().and_then(|event| {
        Some(Basis {
            anchor: event.value?,
            to: instant(event.anchor_to?),
            applied: event.applied?,
            sold_since: event.sold_since?,
        })
    });
    let known = match (&basis, &anchor) {
        (Some(basis), Some(event)) => Some(known(tx, row, basis, Some((event.at, at))).await?),
        _ => None,
    };
    let figure = known.as_ref().and_then(Term::whole);
    let told = match newest(tx, row.id, at, &["told", "anchor", "refused", "not_sent"]).await? {
        Some(event) if event.what == "told" => {
            let is_change = event.detail.as_deref() == Some("relative");
            let value = event.value.map(|value| if is_change { figure.unwrap_or(0) + value } else { value });
            let how = event.detail.unwrap_or_default();
            Term::following("told", value, vec![target]).from(format!("{how}, no answer yet")).at(instant(event.at))
        }
        _ => Term::following("told", None, vec![target]).from("nothing was under way"),
    };
    Ok(shown(row, known, told))
}

fn shown(row: &listing::Model, known: Option<Term>, told: Term) -> Term {
    let name = format!("{} {}", row.channel, row.mall_key);
    let value = known.as_ref().and_then(Term::whole);
    let known = known.unwrap_or_else(|| Term::unknown("shown", "the mall has not been read yet"));
    Term::following("shown", value, vec![known, told]).from(name)
}

/// Anchor, applied and sold since add up to the figure. `between`: only what was recorded in that span was
/// added to what the anchor knew of.
async fn known(
    tx: &DatabaseTransaction,
    row: &listing::Model,
    basis: &Basis,
    between: Option<(i64, Timestamp)>,
) -> Result<Term> {
    let read = format!("the mall showed {}", basis.anchor);
    let anchor = Term::fact("anchor", basis.anchor, read).at(basis.to);
    let applied = Term::fact("applied", basis.applied, "changes that the mall has confirmed since");
    let orders = orders_since(tx, row.id, basis.to, between.map(|(_, at)| at)).await?;
    let total = match between {
        None => basis.sold_since,
        Some((since, _)) => {
            let later: i64 = orders.iter().filter(|order| order.recorded_at > since).map(|order| order.units).sum();
            basis.sold_since + later
        }
    };
    let named = orders.iter().take(NAMED).map(|order| {
        Term::fact("order", order.units, format!("order {}/{}", row.channel, order.id)).at(instant(order.placed_at))
    });
    let left = orders.len().saturating_sub(NAMED);
    let more = (left > 0).then(|| format!("{left} earlier orders"));
    let sold = Term::sum("sold_since", cut(named.collect(), total, more));
    Ok(Term::sum("shown", vec![anchor, applied, sold.minus()]))
}

/// Units that an order took from the mall's counter.
struct Sold {
    id: String,
    placed_at: i64,
    units: i64,
    recorded_at: i64,
}

/// Orders that were placed after the anchor, newest first.
async fn orders_since(
    tx: &DatabaseTransaction,
    listing_id: i64,
    anchor: Timestamp,
    until: Option<Timestamp>,
) -> Result<Vec<Sold>> {
    let lines = order_line::Entity::find()
        .filter(order_line::Column::ListingId.eq(listing_id))
        .filter(order_line::Column::PlacedAt.gt(micros(anchor)))
        .filter(order_line::Column::Sold.gt(0))
        .order_by_desc(order_line::Column::PlacedAt)
        .all(tx)
        .await?;
    let (mut recorded, mut late) = (std::collections::HashMap::new(), HashSet::new());
    for piece in pieces(&lines.iter().map(|line| line.id).collect()) {
        let events = line_event::Entity::find().filter(line_event::Column::LineId.is_in(piece)).all(tx).await?;
        for event in events {
            let first = recorded.entry(event.line_id).or_insert(event.recorded_at);
            *first = std::cmp::min(*first, event.recorded_at);
            // What was mapped afterwards never lowered the belief.
            if event.what == "mapped" {
                late.insert(event.line_id);
            }
        }
    }
    let mut orders = std::collections::HashMap::new();
    for piece in pieces(&lines.iter().map(|line| line.order_ref).collect()) {
        let rows = mall_order::Entity::find()
            .select_only()
            .columns([mall_order::Column::Id, mall_order::Column::OrderId])
            .filter(mall_order::Column::Id.is_in(piece));
        orders.extend(rows.into_tuple::<(i64, String)>().all(tx).await?);
    }
    let sold = lines.into_iter().filter(|line| !late.contains(&line.id)).filter_map(|line| {
        let recorded_at = recorded.get(&line.id).copied()?;
        until.is_none_or(|until| recorded_at <= micros(until)).then(|| Sold {
            id: orders.get(&line.order_ref).cloned().unwrap_or_default(),
            placed_at: line.placed_at,
            units: line.sold,
            recorded_at,
        })
    });
    Ok(sold.collect())
}

/// The last event of these kinds that the listing had by then.
async fn newest(
    tx: &DatabaseTransaction,
    listing_id: i64,
    at: Timestamp,
    kinds: &[&str],
) -> Result<Option<publication_event::Model>> {
    Ok(publication_event::Entity::find()
        .filter(publication_event::Column::ListingId.eq(listing_id))
        .filter(publication_event::Column::At.lte(micros(at)))
        .filter(publication_event::Column::What.is_in(kinds.iter().copied()))
        .order_by_desc(publication_event::Column::At)
        .order_by_desc(publication_event::Column::Id)
        .one(tx)
        .await?)
}
