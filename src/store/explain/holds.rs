//! Holds: checkouts in progress, and units that a mall no longer shows and that no order explains yet.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
    sea_query::{Expr, Query},
};

use super::{NAMED, Result, When, cut};
use crate::{
    domain::{explain::Term, reservation::State},
    store::{
        entity::{
            bundle_unit, held, hold_event, listing, provisional_event, provisional_hold, reservation, reservation_part,
        },
        instant, micros,
        stock::pieces,
    },
};

/// Reservations that hold the SKU, in SKU units.
pub(super) async fn held(tx: &DatabaseTransaction, pool: &str, sku_id: i64, when: When) -> Result<Term> {
    let mut query = reservation::Entity::find()
        .select_only()
        .columns([reservation::Column::GivenId, reservation::Column::Channel])
        .columns([reservation::Column::CreatedAt, reservation::Column::ExpiresAt])
        .column(reservation_part::Column::Quantity)
        .join_rev(JoinType::InnerJoin, parts_of_reservations())
        .filter(reservation_part::Column::SkuId.eq(sku_id))
        .filter(reservation::Column::Pool.eq(pool))
        .order_by_desc(reservation::Column::Id);
    query = match when {
        When::Now => query.filter(reservation::Column::State.eq(State::Held.word())).limit(NAMED as u64 + 1),
        When::At(at) => {
            let ended = Query::select()
                .expr(Expr::val(1))
                .from(hold_event::Entity)
                .and_where(
                    Expr::col((hold_event::Entity, hold_event::Column::ReservationId))
                        .equals((reservation::Entity, reservation::Column::Id)),
                )
                .and_where(Expr::col((hold_event::Entity, hold_event::Column::What)).ne(State::Held.word()))
                .and_where(Expr::col((hold_event::Entity, hold_event::Column::RecordedAt)).lte(micros(at)))
                .to_owned();
            query.filter(reservation::Column::CreatedAt.lte(micros(at))).filter(Expr::exists(ended).not())
        }
    };
    let rows: Vec<(String, Option<String>, i64, i64, i64)> = query.into_tuple().all(tx).await?;
    let total = match when {
        When::Now => {
            let row = held::Entity::find_by_id((sku_id, pool.to_owned())).one(tx).await?;
            row.map_or(0, |row| row.quantity)
        }
        When::At(_) => rows.iter().map(|row| row.4).sum(),
    };
    let more = (rows.len() > NAMED).then(|| "earlier reservations".to_owned());
    let named = rows.into_iter().take(NAMED).map(|(id, channel, since, until, units)| {
        let source = format!("reservation {id} on {}, until {}", channel.unwrap_or_default(), instant(until));
        Term::fact("reservation", units, source).at(instant(since))
    });
    Ok(Term::sum("held", cut(named.collect(), total, more)))
}

fn parts_of_reservations() -> RelationDef {
    reservation_part::Entity::belongs_to(reservation::Entity)
        .from(reservation_part::Column::ReservationId)
        .to(reservation::Column::Id)
        .into()
}

/// Units that readings showed as sold, those of bundles that it is part of among them.
pub(super) async fn provisional(tx: &DatabaseTransaction, pool: &str, sku_id: i64, when: When) -> Result<Term> {
    let bundles = bundle_unit::Entity::find().filter(bundle_unit::Column::ComponentId.eq(sku_id)).all(tx).await?;
    let mut each: BTreeMap<i64, i64> = bundles.into_iter().map(|row| (row.bundle_id, row.quantity)).collect();
    each.insert(sku_id, 1);
    let open = match when {
        When::Now => Condition::all().add(provisional_hold::Column::EndedAt.is_null()),
        When::At(at) => {
            let later = Condition::any()
                .add(provisional_hold::Column::EndedAt.is_null())
                .add(provisional_hold::Column::EndedAt.gt(micros(at)));
            Condition::all().add(provisional_hold::Column::RecordedAt.lte(micros(at))).add(later)
        }
    };
    let rows = provisional_hold::Entity::find()
        .filter(provisional_hold::Column::SkuId.is_in(each.keys().copied()))
        .filter(provisional_hold::Column::Pool.eq(pool))
        .filter(open)
        .order_by_desc(provisional_hold::Column::Id)
        .all(tx)
        .await?;
    let remaining = remaining(tx, &rows, when).await?;
    let keys = mall_keys(tx, &rows).await?;
    let term = |row: &provisional_hold::Model| {
        let units = remaining.get(&row.id).copied().unwrap_or(0) * each.get(&row.sku_id).copied().unwrap_or(1);
        let key = keys.get(&row.listing_id).map_or("", String::as_str);
        let source = format!("{} shows less of {key} than known, and no order says why yet", row.channel);
        Term::fact("missing", units, source).at(instant(row.at))
    };
    Ok(Term::sum("provisional", rows.iter().map(term).collect()))
}

/// What orders had not explained of each hold.
async fn remaining(
    tx: &DatabaseTransaction,
    rows: &[provisional_hold::Model],
    when: When,
) -> Result<HashMap<i64, i64>> {
    let When::At(at) = when else { return Ok(rows.iter().map(|row| (row.id, row.remaining)).collect()) };
    let mut remaining: HashMap<i64, i64> = rows.iter().map(|row| (row.id, row.units)).collect();
    for piece in pieces(&rows.iter().map(|row| row.id).collect()) {
        let explained = provisional_event::Entity::find()
            .filter(provisional_event::Column::HoldId.is_in(piece))
            .filter(provisional_event::Column::RecordedAt.lte(micros(at)));
        for event in explained.all(tx).await? {
            *remaining.entry(event.hold_id).or_default() -= event.units;
        }
    }
    Ok(remaining)
}

async fn mall_keys(tx: &DatabaseTransaction, rows: &[provisional_hold::Model]) -> Result<HashMap<i64, String>> {
    let mut keys = HashMap::new();
    for piece in pieces(&rows.iter().map(|row| row.listing_id).collect()) {
        let found = listing::Entity::find().filter(listing::Column::Id.is_in(piece)).all(tx).await?;
        keys.extend(found.into_iter().map(|row| (row.id, row.mall_key)));
    }
    Ok(keys)
}
