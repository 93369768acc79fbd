//! Orders of the seller's own storefront or till: facts that it states itself.
//!
//! They are kept in the same rows as the malls' orders, and go the same way as a page of those: what is sold
//! is a SKU by its code (`mall_key`), frozen into the line with what one unit of it takes. Whoever reads
//! orders, unshipped or the ledger need not know the difference.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::OnConflict,
};
use uriba_sdk::{FulfilledBy, Line, Order, Restored};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError,
    bundles::exploded,
    channels::{REVIEW, STOREFRONT, find},
    entity::{channel, mall_order, sku},
    intake::Intake,
    intake_apply::Draft,
    intake_load::Known,
    micros,
};
use crate::domain::{
    intake::{self, KnownOrder, Manner, Seen},
    spelling,
};

/// An order as the storefront states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnOrder {
    pub channel: String,
    /// The storefront's own.
    pub order_id: String,
    pub ordered_at: Timestamp,
    pub lines: Vec<OwnLine>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLine {
    pub sku: String,
    pub quantity: u32,
}

impl OwnOrder {
    /// What the words alone show to be wrong: the field, and what to do. `units_max`: a line of more is a slip.
    pub fn fault(&self, units_max: u32) -> Option<(String, String)> {
        if let Some(fault) = spelling::fault(&self.order_id) {
            return Some(("order_id".into(), fault.into()));
        }
        if self.lines.is_empty() {
            return Some(("lines".into(), "is empty: an order has a line at least".into()));
        }
        self.lines.iter().enumerate().find_map(|(index, line)| {
            let quantity = (!(1..=units_max).contains(&line.quantity))
                .then(|| ("quantity", format!("must be between 1 and {units_max} (limits.units_per_line)")));
            let sku = spelling::fault(&line.sku).map(|fault| ("sku", fault.to_owned()));
            let (field, message) = sku.or(quantity)?;
            Some((format!("lines[{index}].{field}"), message))
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    New,
    /// The same was recorded before; nothing changed.
    Same,
    /// Under this id there is another order; nothing changed.
    Different,
}

impl Store {
    /// Records an order that nobody reserved stock for.
    pub async fn post_order(&self, order: &OwnOrder) -> Result<Recorded> {
        self.not_ahead("ordered_at", order.ordered_at)?;
        let tx = self.begin().await?;
        let recorded = self.record_own_order(&tx, order).await?;
        if recorded == Recorded::New {
            tx.commit().await?;
            self.bells.facts.notify_waiters();
        }
        Ok(recorded)
    }

    /// Records an order inside the caller's transaction, beyond what there is too: it is a fact. The same lines
    /// again change nothing, whenever they are said to have been ordered. Lines of one SKU become one.
    pub(super) async fn record_own_order(&self, tx: &DatabaseTransaction, order: &OwnOrder) -> Result<Recorded> {
        let channel = storefront(tx, &order.channel).await?;
        let goods = goods(tx, &order.lines).await?;
        let asked = canonical(order);
        self.claim_id(tx, order).await?;
        let mut known = Known::load(tx, &channel.id, &[&asked]).await?;
        let (_, before) = known.order(&order.order_id).unwrap_or_default();
        if !before.lines.is_empty() {
            return Ok(if is_same(&before, &asked) { Recorded::Same } else { Recorded::Different });
        }
        known.made_of = exploded(tx, &goods.values().copied().collect()).await?;
        known.goods = goods;
        self.apply_own(tx, &channel, &known, &asked).await?;
        Ok(Recorded::New)
    }

    /// One order per id, also when it is posted twice at the same moment: the second waits here for the first.
    async fn claim_id(&self, tx: &DatabaseTransaction, order: &OwnOrder) -> Result<()> {
        let now = micros(self.now());
        let row = mall_order::Model {
            id: self.id(),
            channel: order.channel.clone(),
            order_id: order.order_id.clone(),
            family: None,
            child: false,
            revision: None,
            placed_at: micros(order.ordered_at),
            updated_at: None,
            read_at: now,
            seen_at: now,
            recorded_at: now,
            fulfilled_by: "seller".into(),
            open: true,
        };
        let taken =
            OnConflict::columns([mall_order::Column::Channel, mall_order::Column::OrderId]).do_nothing().to_owned();
        let claim = mall_order::Entity::insert(row.into_active_model().reset_all()).on_conflict(taken);
        claim.exec_without_returning(tx).await?;
        Ok(())
    }

    /// Writes what is different in the order's new state, as a page with this order would.
    async fn apply_own(
        &self,
        tx: &DatabaseTransaction,
        channel: &channel::Model,
        known: &Known,
        order: &Order,
    ) -> Result<()> {
        let manner = Manner { families: false, units_max: u32::MAX };
        let (id, pool) = (channel.id.clone(), channel.pool.clone());
        let intake = Intake { channel: id, pool, manner, orders: None, review: channel.on_cancel == REVIEW };
        let now = self.now();
        let before = known.order(&order.id).map(|(_, before)| before);
        let mut draft = Draft::new(self, &intake, now);
        if let Seen::Lines(changes) = intake::compare(before.as_ref(), order, now, manner) {
            draft.order(known, order, &changes);
        }
        draft.write(tx, known).await
    }
}

/// The storefront that this is, if it is one. No pool of it changes until the transaction ends.
async fn storefront(tx: &DatabaseTransaction, id: &str) -> Result<channel::Model> {
    find(tx, id).await?;
    let row = channel::Entity::find_by_id(id).lock_shared().one(tx).await?;
    let row = row.ok_or_else(|| StoreError::Missing { kind: "channel", name: id.to_owned() })?;
    if row.mall != STOREFRONT {
        return Err(StoreError::Refused(format!(
            "{id} is a shop on {}: its orders are read from there, and none is posted; `mall = \"{STOREFRONT}\"` makes a \
             channel for your own shop",
            row.mall
        )));
    }
    Ok(row)
}

/// The SKU behind each code.
async fn goods(tx: &DatabaseTransaction, lines: &[OwnLine]) -> Result<HashMap<String, i64>> {
    let codes: BTreeSet<_> = lines.iter().map(|line| spelling::code(&line.sku)).collect();
    let codes: Vec<_> = codes.iter().map(AsRef::as_ref).collect();
    let mut found = HashMap::new();
    for piece in codes.chunks(ROWS_PER_STATEMENT) {
        let rows = sku::Entity::find().filter(sku::Column::Code.is_in(piece.iter().copied())).all(tx).await?;
        found.extend(rows.into_iter().map(|row| (row.code, row.id)));
    }
    for (index, line) in lines.iter().enumerate() {
        if !found.contains_key(spelling::code(&line.sku).as_ref()) {
            return Err(StoreError::Invalid(format!("lines[{index}].sku: there is no SKU {:?}", line.sku)));
        }
    }
    Ok(found)
}

fn canonical(order: &OwnOrder) -> Order {
    let mut ordered: BTreeMap<String, u32> = BTreeMap::new();
    for line in &order.lines {
        let sum = ordered.entry(spelling::code(&line.sku).into_owned()).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    let line = |(code, ordered): (String, u32)| Line {
        id: code.clone(),
        mall_key: Some(code),
        ordered,
        cancelled: 0,
        shipped: 0,
        returned: 0,
        restored: Restored::No,
        shipped_at: None,
        original: None,
    };
    Order {
        id: order.order_id.clone(),
        family: None,
        revision: Some(1),
        placed_at: order.ordered_at,
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines: ordered.into_iter().map(line).collect(),
    }
}

fn is_same(known: &KnownOrder, asked: &Order) -> bool {
    let known: BTreeMap<&str, u32> = known.lines.iter().map(|line| (line.line.as_str(), line.ordered)).collect();
    let asked: BTreeMap<&str, u32> = asked.lines.iter().map(|line| (line.id.as_str(), line.ordered)).collect();
    known == asked
}
