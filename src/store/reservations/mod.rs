//! Reservations: many requests, one transaction.
//!
//! This is the hot path of a sale, so a batch reads each stock figure once, judges its requests one after the
//! other in memory ([`Desk`], in their order of arrival), and writes what came of all of them in a few
//! statements. What is held is a running sum beside the reservations (`held`), changed by increments in the
//! same transaction; the stock rows are bumped with it, so that recompute lowers the malls.
//!
//! On PostgreSQL several instances do so at once: the reservations, the SKUs and their stock rows are locked,
//! each kind in the order of its ids, before a figure is read.

mod load;
mod write;

pub(super) use load::{shops, sku_ids};

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Result, Store, StoreError, dialect,
    entity::{held, reservation, reservation_part},
    instant, micros,
    sheets::ReservationSheet,
    stock::pieces,
};
use crate::domain::reservation::{Ask, Change, Desk, Refusal, Verdict};

/// One request, for the reservation of this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: String,
    pub ask: Ask,
}

/// What is so now.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// `None`: it was so already.
    pub change: Option<Change>,
    pub reservation: ReservationSheet,
}

pub type Answer = std::result::Result<Granted, Refusal>;

/// A live hold of one SKU, for whoever asks where a figure comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub id: String,
    pub channel: String,
    pub holder: Option<String>,
    pub quantity: i64,
    pub since: Timestamp,
    pub expires_at: Timestamp,
}

/// Holds that end in one transaction because their time is over.
const EXPIRED_AT_ONCE: u64 = 500;
/// How often a request is tried against others that change the same rows at the same moment.
const TRIES: usize = 5;

impl Store {
    /// Answers requests in their order, all in one transaction, durable when this returns. `holder_units_max`:
    /// what one holder may hold; 0: no ceiling.
    ///
    /// Repeating a request is safe whatever came of the first try, so callers who lost an answer ask again.
    pub async fn reserve(&self, requests: &[Request], holder_units_max: i64) -> Result<Vec<Answer>> {
        match self.reserve_together(requests, holder_units_max).await {
            Err(StoreError::Database(error)) if dialect::is_conflict(&error) => {}
            answered => return answered,
        }
        // Another instance was at the same rows. One by one, each meets as few as possible, and none of them
        // takes the others along.
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.reserve_alone(request, holder_units_max).await?);
        }
        Ok(answers)
    }

    async fn reserve_alone(&self, request: &Request, holder_units_max: i64) -> Result<Answer> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.reserve_together(std::slice::from_ref(request), holder_units_max).await {
                Err(StoreError::Database(error)) if dialect::is_conflict(&error) && tries < TRIES => {}
                answered => return Ok(answered?.remove(0)),
            }
        }
    }

    async fn reserve_together(&self, requests: &[Request], holder_units_max: i64) -> Result<Vec<Answer>> {
        let tx = self.begin().await?;
        let now = self.now();
        let (mut desk, mut book) = load::desk(&tx, requests).await?;
        desk.holder_units_max = holder_units_max;
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.settle_request(&mut desk, &mut book, request, now));
        }
        let changed = book.write(&tx, now).await?;
        tx.commit().await?;
        if changed {
            self.bells.facts.notify_waiters();
        }
        Ok(answers)
    }

    fn settle_request(&self, desk: &mut Desk, book: &mut write::Book, request: &Request, now: Timestamp) -> Answer {
        let Request { id, ask } = request;
        let change = match desk.judge(id, ask, now) {
            Verdict::Refused(refusal) => return Err(refusal),
            Verdict::Stands => None,
            Verdict::Changes(change) => {
                let before = desk.reservations.get(id).cloned();
                desk.apply(id, ask, change, now);
                let after = desk.reservations.get(id).expect("what has changed is there");
                book.change(self, request, change, before.as_ref(), after, now);
                Some(change)
            }
        };
        Ok(Granted { change, reservation: book.sheet(id) })
    }

    pub async fn reservation(&self, id: &str) -> Result<ReservationSheet> {
        let row = reservation::Entity::find().filter(reservation::Column::GivenId.eq(id)).one(&self.reader).await?;
        let missing = || StoreError::Missing { kind: "reservation", name: id.to_owned() };
        Ok(ReservationSheet::of(&row.ok_or_else(missing)?))
    }

    /// Ends holds whose time is over, a piece of them; returns how many. A full piece means that there may be
    /// more.
    pub async fn expire_reservations(&self) -> Result<usize> {
        let due: Vec<String> = reservation::Entity::find()
            .select_only()
            .column(reservation::Column::GivenId)
            .filter(reservation::Column::State.eq("held"))
            .filter(reservation::Column::ExpiresAt.lte(micros(self.now())))
            .order_by_asc(reservation::Column::ExpiresAt)
            .limit(EXPIRED_AT_ONCE)
            .into_tuple()
            .all(&self.reader)
            .await?;
        if due.is_empty() {
            return Ok(0);
        }
        let requests: Vec<Request> = due.into_iter().map(|id| Request { id, ask: Ask::Expire }).collect();
        let answers = self.reserve(&requests, 0).await?;
        Ok(answers.iter().flatten().filter(|granted| granted.change == Some(Change::Expire)).count())
    }

    /// The live holds of a SKU in a pool, oldest first: what its `held` is made of.
    pub async fn hold_sources(&self, db: &impl ConnectionTrait, pool: &str, sku: i64) -> Result<Vec<Source>> {
        let rows = reservation_part::Entity::find()
            .filter(reservation_part::Column::SkuId.eq(sku))
            .filter(
                reservation_part::Column::ReservationId.in_subquery(
                    sea_orm::sea_query::Query::select()
                        .column(reservation::Column::Id)
                        .from(reservation::Entity)
                        .and_where(reservation::Column::State.eq("held"))
                        .and_where(reservation::Column::Pool.eq(pool))
                        .to_owned(),
                ),
            )
            .order_by_asc(reservation_part::Column::ReservationId)
            .all(db)
            .await?;
        let ids: BTreeSet<i64> = rows.iter().map(|row| row.reservation_id).collect();
        let mut of: HashMap<i64, reservation::Model> = HashMap::new();
        for piece in pieces(&ids) {
            let found = reservation::Entity::find().filter(reservation::Column::Id.is_in(piece)).all(db).await?;
            of.extend(found.into_iter().map(|row| (row.id, row)));
        }
        let source = |part: reservation_part::Model| {
            let row = of.remove(&part.reservation_id)?;
            Some(Source {
                id: row.given_id,
                channel: row.channel.unwrap_or_default(),
                holder: row.holder,
                quantity: part.quantity,
                since: instant(row.created_at),
                expires_at: instant(row.expires_at),
            })
        };
        Ok(rows.into_iter().filter_map(source).collect())
    }
}

/// Units held per SKU, in one pool.
pub(super) async fn held(tx: &DatabaseTransaction, pool: &str, skus: &BTreeSet<i64>) -> Result<HashMap<i64, i64>> {
    let mut found = HashMap::new();
    for piece in pieces(skus) {
        let rows = held::Entity::find().filter(held::Column::SkuId.is_in(piece)).filter(held::Column::Pool.eq(pool));
        found.extend(rows.all(tx).await?.into_iter().map(|row| (row.sku_id, row.quantity)));
    }
    Ok(found)
}
