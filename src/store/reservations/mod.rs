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

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};

use write::Book;

use super::{
    Result, Store, StoreError, dialect,
    entity::{held, recall, reservation, reservation_part},
    instant, micros,
    own_orders::{OwnLine, OwnOrder, Recorded},
    sheets::ReservationSheet,
    stock::pieces,
};
use crate::domain::{
    reservation::{Ask, Change, Desk, Line, Refusal, Reservation, Verdict},
    time::later,
};

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
/// A refused checkout has the malls asked for what it lacks so long; who still wants it by then asks again.
const RECALLED: Duration = Duration::from_secs(120);
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
        let (tx, mut desk, mut book) = loop {
            let tx = self.begin().await?;
            if let Some((desk, book)) = load::desk(self, &tx, requests).await? {
                break (tx, desk, book);
            }
            tx.rollback().await?;
        };
        let now = self.now();
        desk.holder_units_max = holder_units_max;
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.settle_request(&tx, &mut desk, &mut book, request, now).await?);
        }
        let mut changed = book.write(&tx, now).await?;
        changed |= self.recall(&tx, &desk, requests, &answers, now).await?;
        tx.commit().await?;
        if changed {
            self.bells.facts.notify_waiters();
        }
        Ok(answers)
    }

    /// What was refused although there is enough of it on the malls is asked back from them. Returns whether any is.
    async fn recall(
        &self,
        tx: &DatabaseTransaction,
        desk: &Desk,
        requests: &[Request],
        answers: &[Answer],
        now: Timestamp,
    ) -> Result<bool> {
        let mut wanted: HashMap<(&str, i64), (&str, i64)> = HashMap::new();
        for (request, answer) in requests.iter().zip(answers) {
            let (Ask::Reserve(wish), Err(Refusal::NotEnough(_))) = (&request.ask, answer) else { continue };
            let Some(shop) = desk.shops.get(&wish.channel) else { continue };
            for part in desk.to_recall(wish) {
                let most = wanted.entry((&wish.channel, part.sku)).or_insert((&shop.pool, 0));
                most.1 = most.1.max(part.quantity);
            }
        }
        if wanted.is_empty() {
            return Ok(false);
        }
        let until = micros(later(now, RECALLED));
        let bumps: Vec<(i64, String)> = wanted.iter().map(|((_, sku), (pool, _))| (*sku, (*pool).to_owned())).collect();
        let rows = wanted.into_iter().map(|((channel, sku), (pool, quantity))| recall::ActiveModel {
            channel: Set(channel.to_owned()),
            sku_id: Set(sku),
            pool: Set(pool.to_owned()),
            quantity: Set(quantity),
            until: Set(until),
        });
        let newer = OnConflict::columns([recall::Column::Channel, recall::Column::SkuId])
            .update_columns([recall::Column::Pool, recall::Column::Quantity, recall::Column::Until])
            .to_owned();
        recall::Entity::insert_many(rows).on_conflict(newer).exec_without_returning(tx).await?;
        dialect::bump_stock(tx, &bumps, false, micros(now)).await?;
        Ok(true)
    }

    async fn settle_request(
        &self,
        tx: &DatabaseTransaction,
        desk: &mut Desk,
        book: &mut Book,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer> {
        let Request { id, ask } = request;
        let change = match desk.judge(id, ask, now) {
            Verdict::Refused(refusal) => return Ok(Err(refusal)),
            Verdict::Stands => None,
            Verdict::Changes(change) => Some(change),
        };
        if let Some(change) = change {
            let before = desk.reservations.get(id).cloned();
            if let Some(refusal) = self.order_of(tx, before.as_ref(), ask, now).await? {
                return Ok(Err(refusal));
            }
            desk.apply(id, ask, change, now);
            let after = desk.reservations.get(id).expect("what has changed is there");
            book.change(self, request, change, before.as_ref(), after, now);
        }
        Ok(Ok(Granted { change, reservation: book.sheet(id) }))
    }

    /// A confirmed reservation becomes its order in the same transaction, unless the number is another's.
    async fn order_of(
        &self,
        tx: &DatabaseTransaction,
        known: Option<&Reservation>,
        ask: &Ask,
        now: Timestamp,
    ) -> Result<Option<Refusal>> {
        let (Ask::Confirm { order }, Some(wish)) = (ask, known.and_then(|known| known.wish.as_ref())) else {
            return Ok(None);
        };
        let line =
            |line: &Line| OwnLine { sku: line.sku.clone(), quantity: u32::try_from(line.quantity).unwrap_or(u32::MAX) };
        let own = OwnOrder {
            channel: wish.channel.clone(),
            order_id: order.clone(),
            ordered_at: now,
            lines: wish.lines.iter().map(line).collect(),
        };
        let recorded = self.record_own_order(tx, &own).await?;
        Ok((recorded == Recorded::Different).then(|| Refusal::OrderTaken(order.clone())))
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
