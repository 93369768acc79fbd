//! The review queue: units of orders that are looked at before they are sold again.
//!
//! Each row stands for some units of one SKU in the review bin of one location, and has one attention item.
//! Resolving it moves exactly those units, once: back to the main bin (`release`), or out of the ledger
//! (`write_off`). Without an action nothing moves: somebody has dealt with the goods by hand.

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr,
};

use super::{
    Result, Store, StoreError,
    attention::Call,
    catalogue::sku_code,
    entity::{attention, review, stock_balance},
    micros,
    stock::{Movement, lock_skus, main_bins, pool_locations},
};
use crate::domain::ledger::{self, Entry, MAIN, REVIEW};

/// Units of an order's line that somebody is to look at.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    pub line_id: i64,
    pub sku_id: i64,
    pub units: i64,
    /// `order own/1`.
    pub source: String,
    /// Why they are looked at: `cancelled`, `came back`.
    pub why: &'static str,
    pub at: Timestamp,
}

/// Where the goods of an order are, as far as somebody says.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// `None`: the pool's configured order decides.
    pub location: Option<String>,
    /// Where goods that came back are put.
    pub bin: String,
}

impl Store {
    /// Cancelled units move to the review bin: of the location that is named, or from the pool's in their order.
    /// Only what is there can be looked at; units that were ordered beyond the stock end with their cancel.
    pub(super) async fn set_aside(
        &self,
        tx: &DatabaseTransaction,
        aside: &Aside,
        pool: &str,
        place: &Place,
    ) -> Result<()> {
        let there = main_bins(tx, &[aside.sku_id].into()).await?;
        let locations = match &place.location {
            Some(one) => vec![one.clone()],
            None => pool_locations(tx, pool).await?,
        };
        let on_hand: Vec<(String, i64)> = locations
            .into_iter()
            .map(|code| {
                let quantity = there.get(&(aside.sku_id, code.clone())).copied().unwrap_or(0);
                (code, quantity)
            })
            .collect();
        for taken in ledger::set_aside(aside.units, &on_hand) {
            let (location, units) = (taken.location.clone(), -taken.quantity);
            let put = Entry { bin: REVIEW.into(), quantity: units, ..taken.clone() };
            let movement = Movement {
                key: format!("review/{}/{}", aside.line_id, self.id()),
                kind: "transfer",
                sku_id: aside.sku_id,
                occurred_at: aside.at,
                source: aside.source.clone(),
                reason: Some(format!("{}, to be looked at", aside.why)),
                import_id: None,
                entries: vec![taken, put],
            };
            self.book(tx, vec![movement]).await?;
            self.put_in_review(tx, &Aside { units, ..aside.clone() }, &location).await?;
        }
        Ok(())
    }

    /// Goods that came back lie where somebody put them, in the pool's first location when nobody says.
    pub(super) async fn take_back(
        &self,
        tx: &DatabaseTransaction,
        back: &Aside,
        pool: &str,
        place: &Place,
    ) -> Result<()> {
        let location = match &place.location {
            Some(location) => location.clone(),
            None => pool_locations(tx, pool).await?.swap_remove(0),
        };
        let movement = Movement {
            key: format!("return/{}/{}", back.line_id, self.id()),
            kind: "receipt",
            sku_id: back.sku_id,
            occurred_at: back.at,
            source: back.source.clone(),
            reason: Some(back.why.into()),
            import_id: None,
            entries: vec![Entry { location: location.clone(), bin: place.bin.clone(), quantity: back.units }],
        };
        let counts = self.core_rules(tx).await?.counts;
        self.book_of_orders(tx, counts, vec![movement]).await?;
        if place.bin == REVIEW { self.put_in_review(tx, back, &location).await } else { Ok(()) }
    }

    /// The units lie in the location's review bin: somebody is told.
    async fn put_in_review(&self, tx: &DatabaseTransaction, aside: &Aside, location: &str) -> Result<()> {
        let id = self.id();
        let row = review::Model {
            id,
            line_id: aside.line_id,
            sku_id: aside.sku_id,
            location: location.to_owned(),
            quantity: aside.units,
            since: micros(self.now()),
            ended_at: None,
        };
        row.into_active_model().reset_all().insert(tx).await?;
        let sku = sku_code(tx, aside.sku_id).await?;
        let order = aside.source.strip_prefix("order ").unwrap_or(&aside.source);
        let message = format!(
            "{} of {sku} lie in the review bin of {location} ({}, {}): look at them, then resolve with release (sell \
             them again) or write_off",
            aside.units, aside.source, aside.why
        );
        let call = Call {
            kind: "review",
            subject: format!("{SUBJECT}{id}"),
            channel: order.split_once('/').map(|(channel, _)| channel.to_owned()),
            sku: Some(sku),
            message,
            ..Call::default()
        };
        self.raise(tx, call).await
    }

    /// What a person has decided about units in review.
    pub(super) async fn end_review(
        &self,
        tx: &DatabaseTransaction,
        item: &attention::Model,
        action: Option<&str>,
        who: &str,
    ) -> Result<()> {
        let Some(id) = item.subject.strip_prefix(SUBJECT).and_then(|id| id.parse::<i64>().ok()) else { return Ok(()) };
        let Some(row) = review::Entity::find_by_id(id).one(tx).await? else { return Ok(()) };
        // Two people at the same moment: the second finds it ended, and changes nothing.
        let ended = review::Entity::update_many()
            .col_expr(review::Column::EndedAt, Expr::value(micros(self.now())))
            .filter(review::Column::Id.eq(id))
            .filter(review::Column::EndedAt.is_null())
            .exec(tx)
            .await?;
        if ended.rows_affected == 0 {
            return Err(StoreError::Refused(format!("{} was decided by somebody else this moment", item.id)));
        }
        let Some(action) = action else { return Ok(()) };
        lock_skus(tx, &[row.sku_id].into()).await?;
        let place = (row.sku_id, row.location.clone(), REVIEW.to_owned());
        let there = stock_balance::Entity::find_by_id(place).one(tx).await?.map_or(0, |row| row.quantity);
        if there < row.quantity {
            return Err(StoreError::Refused(format!(
                "only {there} of {} lie in the review bin of {}, not {}: somebody has moved them; resolve the item \
                 without an action, and count the place",
                item.sku.as_deref().unwrap_or_default(),
                row.location,
                row.quantity
            )));
        }
        let entry = |bin: &str, quantity| Entry { location: row.location.clone(), bin: bin.into(), quantity };
        let out = entry(REVIEW, -row.quantity);
        let (kind, reason, entries) = match action {
            "release" => ("transfer", "looked at, to be sold again", vec![out, entry(MAIN, row.quantity)]),
            _ => ("issue", "looked at and written off", vec![out]),
        };
        let movement = Movement {
            key: format!("review/{id}/{action}"),
            kind,
            sku_id: row.sku_id,
            occurred_at: self.now(),
            source: format!("by {who}"),
            reason: Some(reason.into()),
            import_id: None,
            entries,
        };
        self.book(tx, vec![movement]).await?;
        Ok(())
    }
}

/// Subjects of the items of this queue begin so.
const SUBJECT: &str = "review/";
