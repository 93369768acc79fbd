//! What came of a batch of requests, in as few statements as there are tables.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, EntityTrait, IntoActiveModel, Value};

use super::{Request, Result};
use crate::{
    domain::reservation::{Ask, Change, Part, Reservation, State, units},
    store::{
        Store, dialect,
        entity::{hold_event, reservation, reservation_part},
        micros,
        sheets::ReservationSheet,
    },
};

/// Rows as they will be, by the owner's id.
#[derive(Default)]
pub(super) struct Book {
    rows: HashMap<String, Row>,
    fresh: Vec<String>,
    parts: Vec<reservation_part::ActiveModel>,
    events: Vec<hold_event::ActiveModel>,
    /// What the batch adds to `held`.
    held: BTreeMap<(i64, String), i64>,
}

struct Row {
    model: reservation::Model,
    has_changed: bool,
}

impl Book {
    pub(super) fn know(&mut self, model: reservation::Model) {
        self.rows.insert(model.given_id.clone(), Row { model, has_changed: false });
    }

    pub(super) fn sheet(&self, id: &str) -> ReservationSheet {
        let row = self.rows.get(id).expect("what was granted has a row");
        ReservationSheet::of(&row.model)
    }

    pub(super) fn change(
        &mut self,
        store: &Store,
        request: &Request,
        change: Change,
        before: Option<&Reservation>,
        after: &Reservation,
        now: Timestamp,
    ) {
        let at = micros(now);
        let ended_at = if change == Change::Expire { micros(after.expires_at) } else { at };
        let reason = match &request.ask {
            Ask::Release { reason } => reason.clone(),
            _ => None,
        };
        if before.is_none() {
            let model = fresh(store.id(), &request.id, after, at);
            let part = |part: &Part| reservation_part::ActiveModel {
                reservation_id: Set(model.id),
                sku_id: Set(part.sku),
                quantity: Set(part.quantity),
            };
            self.parts.extend(after.parts.iter().map(part));
            self.fresh.push(request.id.clone());
            self.rows.insert(request.id.clone(), Row { model, has_changed: true });
        }
        let row = self.rows.get_mut(&request.id).expect("made above, or known before");
        row.has_changed = true;
        row.model.state = after.state.word().to_owned();
        row.model.order_id = after.order.clone();
        if after.state != State::Held {
            row.model.ended_at = Some(ended_at);
            row.model.reason = reason.clone();
        }
        self.events.push(hold_event::ActiveModel {
            id: Set(store.id()),
            reservation_id: Set(row.model.id),
            what: Set(after.state.word().to_owned()),
            reason: Set(reason),
            occurred_at: Set(if after.state == State::Held { at } else { ended_at }),
            recorded_at: Set(at),
        });
        let was_held = i64::from(before.is_some_and(|before| before.state == State::Held));
        let sign = i64::from(after.state == State::Held) - was_held;
        if sign != 0 {
            for part in &after.parts {
                *self.held.entry((part.sku, after.pool.clone())).or_default() += sign * part.quantity;
            }
        }
    }

    /// Returns whether there was anything to write.
    pub(super) async fn write(self, tx: &DatabaseTransaction, now: Timestamp) -> Result<bool> {
        let Self { mut rows, fresh, parts, events, held } = self;
        if events.is_empty() {
            return Ok(false);
        }
        // In the order of their making, so that they lie side by side.
        let fresh: Vec<_> = fresh.iter().filter_map(|id| rows.remove(id)).map(|row| whole(row.model)).collect();
        for piece in in_powers_of_two(&fresh) {
            reservation::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        for piece in in_powers_of_two(&parts) {
            reservation_part::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        for piece in in_powers_of_two(&events) {
            hold_event::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        let changed: Vec<Vec<Value>> =
            rows.into_values().filter(|row| row.has_changed).map(|row| ending(row.model)).collect();
        let columns = ["state", "ended_at", "order_id", "reason"];
        for piece in in_powers_of_two(&changed) {
            dialect::update_rows(tx, "reservation", "id", &columns, piece).await?;
        }
        let held: Vec<(i64, String, i64)> = held
            .into_iter()
            .filter(|(_, quantity)| *quantity != 0)
            .map(|((sku, pool), quantity)| (sku, pool, quantity))
            .collect();
        dialect::add_held(tx, &held).await?;
        let bumped: Vec<(i64, String)> = held.into_iter().map(|(sku, pool, _)| (sku, pool)).collect();
        dialect::bump_stock(tx, &bumped, false, micros(now)).await?;
        Ok(true)
    }
}

fn fresh(id: i64, given_id: &str, after: &Reservation, at: i64) -> reservation::Model {
    let wish = after.wish.as_ref();
    reservation::Model {
        id,
        given_id: given_id.to_owned(),
        channel: wish.map(|wish| wish.channel.clone()),
        pool: wish.map(|_| after.pool.clone()),
        holder: wish.and_then(|wish| wish.holder.clone()),
        state: after.state.word().to_owned(),
        lines: ReservationSheet::text_of(wish.map(|wish| wish.lines.as_slice()).unwrap_or_default()),
        units: units(&after.parts),
        ttl_s: wish.map_or(0, |wish| wish.ttl_s),
        created_at: at,
        expires_at: micros(after.expires_at),
        ended_at: None,
        order_id: None,
        reason: None,
    }
}

fn whole(model: reservation::Model) -> reservation::ActiveModel {
    use sea_orm::ActiveModelTrait;
    model.into_active_model().reset_all()
}

fn ending(model: reservation::Model) -> Vec<Value> {
    vec![model.id.into(), model.state.into(), model.ended_at.into(), model.order_id.into(), model.reason.into()]
}

/// Pieces whose lengths are powers of two: few different statements, each prepared once.
fn in_powers_of_two<T>(mut rows: &[T]) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    while !rows.is_empty() {
        let length = (1 << rows.len().ilog2()).min(PIECE_MAX);
        let (piece, rest) = rows.split_at(length);
        pieces.push(piece);
        rows = rest;
    }
    pieces
}

const PIECE_MAX: usize = 256;
