//! How fast listings sell, kept by increments: a sale when it is taken in, a light when it goes on or off. And how
//! fast the catalogue sells on the whole, added up once a day.

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
    ROWS_PER_STATEMENT, Result, Store, dialect,
    entity::{demand, demand_prior, exposure_wish},
    instant, micros, plans,
    stock::pieces,
};
use crate::domain::{
    demand::{Demand, Prior, Tally},
    time::{between, earlier},
};

/// The name of the one row that sums up the catalogue.
const CATALOGUE: &str = "catalogue";
const DAY: Duration = Duration::from_secs(86_400);
/// Longer than any mode is kept after nobody asks for it any more.
const LEFT_WITHIN: Duration = DAY;

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
    if lessons.is_empty() {
        return Ok(());
    }
    let subjects = lessons.iter().map(|((_, subject), _)| *subject).collect();
    let mut known = taught(tx, &subjects).await?;
    for (subject, lesson) in lessons {
        // What has sold showed stock, whatever was known of it; the seller's own shop always shows what it has.
        let lit = matches!(lesson, Lesson::Sold(..));
        let demand = known.entry(subject.clone()).or_insert_with(|| Demand { lit, ..Demand::new(now) });
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

/// What is believed of whatever has sold nothing yet.
pub(super) async fn prior(db: &impl ConnectionTrait) -> Result<Prior> {
    let known = demand_prior::Entity::find_by_id(CATALOGUE).one(db).await?;
    let of = |row: demand_prior::Model| Prior::of(Tally { orders: row.orders, shown_s: row.shown_s }, row.units);
    Ok(known.map_or_else(Prior::default, of))
}

impl Store {
    /// Adds up what all listings have taught, once a day. Returns whether it was time.
    pub async fn learn_catalogue(&self) -> Result<bool> {
        let now = self.now();
        let known = demand_prior::Entity::find_by_id(CATALOGUE).one(self.reader()).await?;
        if known.is_some_and(|row| between(instant(row.at), now) < DAY) {
            return Ok(false);
        }
        let (orders, shown_s, units) = dialect::demand_sums(self.reader(), micros(now)).await?;
        let row = demand_prior::Model { name: CATALOGUE.into(), orders, shown_s, units, at: micros(now) };
        let tx = self.begin().await?;
        let newer = OnConflict::column(demand_prior::Column::Name)
            .update_columns([
                demand_prior::Column::Orders,
                demand_prior::Column::ShownS,
                demand_prior::Column::Units,
                demand_prior::Column::At,
            ])
            .to_owned();
        let row = row.into_active_model().reset_all();
        demand_prior::Entity::insert(row).on_conflict(newer).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(true)
    }
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
