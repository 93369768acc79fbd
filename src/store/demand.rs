//! How fast listings sell, kept by increments: a sale when it is taken in, a light when it goes on or off.
//!
//! Nothing is tallied while every pool is sold as shared, where nobody asks for it.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::OnConflict,
};

use super::{
    ROWS_PER_STATEMENT, Result,
    entity::{demand, exposure_wish},
    instant, micros, plans,
    stock::pieces,
};
use crate::domain::{
    demand::{Demand, Tally},
    time::earlier,
};

/// Longer than any mode is kept after nobody asks for it any more.
const LEFT_WITHIN: Duration = Duration::from_secs(86_400);

/// Something that says how fast a listing sells, or a SKU in the seller's own shop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lesson {
    /// One order of so many SKU units, placed then.
    Sold(i64, Timestamp),
    Shows(bool),
}

/// A listing of a channel, or a SKU of a storefront.
pub(super) type Subject = (String, i64);

/// Whether anything but `shared` is wanted anywhere, by a pool, a SKU or a sale plan that is not long over: what is to be
/// known when it begins is learned before, and its mode is left some time after it has ended.
pub(super) async fn matters(db: &impl ConnectionTrait, now: Timestamp) -> Result<bool> {
    let other = exposure_wish::Entity::find().filter(exposure_wish::Column::Mode.ne("shared"));
    Ok(other.one(db).await?.is_some() || plans::any_apart(db, earlier(now, LEFT_WITHIN)).await?)
}

pub(super) async fn learn(tx: &DatabaseTransaction, lessons: &[(Subject, Lesson)], now: Timestamp) -> Result<()> {
    if lessons.is_empty() || !matters(tx, now).await? {
        return Ok(());
    }
    let subjects = lessons.iter().map(|((_, subject), _)| *subject).collect();
    let mut known = taught(tx, &subjects).await?;
    for (subject, lesson) in lessons {
        let demand = known.entry(subject.clone()).or_insert_with(|| Demand::new(now));
        match lesson {
            Lesson::Sold(units, placed_at) => demand.sold(*units, *placed_at),
            Lesson::Shows(lit) => demand.shows(*lit, now),
        }
    }
    let named: BTreeSet<&Subject> = lessons.iter().map(|(subject, _)| subject).collect();
    let rows: Vec<_> = named.into_iter().filter_map(|subject| Some(row(subject, known.get(subject)?))).collect();
    let newer = OnConflict::columns([demand::Column::Channel, demand::Column::Subject])
        .update_columns([
            demand::Column::UsualOrders,
            demand::Column::UsualShownS,
            demand::Column::LatelyOrders,
            demand::Column::LatelyShownS,
            demand::Column::Units,
            demand::Column::Largest,
            demand::Column::At,
            demand::Column::Lit,
        ])
        .to_owned();
    for piece in rows.chunks(ROWS_PER_STATEMENT) {
        let rows = piece.iter().cloned().map(|row| row.into_active_model().reset_all());
        demand::Entity::insert_many(rows).on_conflict(newer.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// What is known of these subjects.
pub(super) async fn taught(db: &impl ConnectionTrait, subjects: &BTreeSet<i64>) -> Result<HashMap<Subject, Demand>> {
    let mut found = HashMap::new();
    for piece in pieces(subjects) {
        for row in demand::Entity::find().filter(demand::Column::Subject.is_in(piece)).all(db).await? {
            let known = Demand {
                usual: Tally { orders: row.usual_orders, shown_s: row.usual_shown_s },
                lately: Tally { orders: row.lately_orders, shown_s: row.lately_shown_s },
                units: row.units,
                largest: row.largest,
                at: instant(row.at),
                lit: row.lit,
            };
            found.insert((row.channel, row.subject), known);
        }
    }
    Ok(found)
}

fn row((channel, subject): &Subject, known: &Demand) -> demand::Model {
    demand::Model {
        channel: channel.clone(),
        subject: *subject,
        usual_orders: known.usual.orders,
        usual_shown_s: known.usual.shown_s,
        lately_orders: known.lately.orders,
        lately_shown_s: known.lately.shown_s,
        units: known.units,
        largest: known.largest,
        at: micros(known.at),
        lit: known.lit,
    }
}
