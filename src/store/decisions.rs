//! Decisions about modes and shares, as rows: those in force, and the history of what each rested on.
//!
//! A decision is added to the history when it differs from the one before, or when sales have lowered a share since,
//! so that the history alone says with which shares, and with what withheld, the targets of any past instant were
//! made.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};

use super::{
    Result, Store, StoreError,
    balance::Weighed,
    entity::{balance_event, blind, share, stock},
    instant, micros,
    shares::{Blind, Share, Shares},
    stock::pieces,
};
use crate::domain::{
    exposure::{Listing, Mode, Why, balance::Because, mode::Wish},
    time::between,
};

/// A decision in force is said again when it is so old.
const SAID_AGAIN: Duration = Duration::from_secs(90 * 86_400);

/// What was decided, with what it rested on: the body of a row of the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Decision {
    #[serde(skip)]
    pub mode: Option<Mode>,
    pub why: String,
    pub sellable: i64,
    pub exposure: i64,
    pub bound: i64,
    pub unshared: i64,
    pub recalled: i64,
    pub listings: Vec<Decided>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Decided {
    /// Its id, as text.
    pub listing: String,
    #[serde(default)]
    pub channel: String,
    /// In listing units.
    pub ceiling: Option<i64>,
    pub before: Option<i64>,
    pub share: Option<i64>,
    pub because: String,
    pub orders_per_day: f64,
    /// What it may have sold unheard.
    #[serde(default)]
    pub blind: i64,
}

/// A decision that was just made, and what it is compared with.
pub(super) struct Fresh<'a> {
    pub weighed: &'a Weighed,
    pub shares: &'a Shares,
}

impl Fresh<'_> {
    fn word(&self) -> &'static str {
        self.weighed.decided.mode.word()
    }

    /// Nobody asks for anything but shared, and it was never anything else: the row stays silent about it.
    fn is_plain(&self) -> bool {
        self.weighed.wish == Wish::Shared && self.weighed.row.mode.is_none()
    }

    fn has_moved(&self) -> bool {
        !self.is_plain() && self.weighed.row.mode.as_deref() != Some(self.word())
    }

    /// Whether the shares of a decision, by what they were (`then`), are others now.
    fn shares_moved(&self, then: impl Fn(Share) -> i64) -> bool {
        let sku = self.weighed.row.sku_id;
        let before = |listing: &Listing<i64>| self.shares.share(listing.listing, sku).map(&then);
        let mut each = self.weighed.listings.iter().zip(&self.weighed.decided.shares);
        each.any(|(listing, share)| before(listing) != share.units)
    }

    /// The history is forgotten from its old end: what is still in force is said again before that.
    fn is_stale(&self, now: Timestamp) -> bool {
        let said =
            |listing: &Listing<i64>| self.shares.share(listing.listing, self.weighed.row.sku_id).map(|share| share.at);
        self.weighed.listings.iter().filter_map(said).any(|at| between(instant(at), now) > SAID_AGAIN)
    }

    fn blind_moved(&self) -> bool {
        let sku = self.weighed.row.sku_id;
        self.weighed.decided.shares.iter().any(|share| share.blind != self.shares.blind(share.listing, sku))
    }

    fn decision(&self) -> Decision {
        let each = self.weighed.listings.iter().zip(&self.weighed.decided.shares).zip(&self.weighed.channels);
        let each = each.map(|((listing, share), channel)| Decided {
            listing: listing.listing.to_string(),
            channel: channel.clone(),
            ceiling: listing.ceiling,
            before: listing.share,
            share: share.units,
            because: share.because.word(),
            orders_per_day: listing.forecast.orders_per_second() * 86_400.0,
            blind: share.blind,
        });
        Decision {
            mode: Some(self.weighed.decided.mode),
            why: self.weighed.decided.why.to_string(),
            sellable: self.weighed.of.sellable,
            exposure: self.weighed.decided.exposure,
            bound: self.weighed.decided.bound,
            unshared: self.weighed.decided.unshared,
            recalled: self.weighed.of.recalled,
            listings: each.collect(),
        }
    }
}

impl Store {
    /// Writes a decision down. Returns whether anything that targets rest on differs from what was in force.
    pub(super) async fn keep(&self, tx: &DatabaseTransaction, fresh: &Fresh<'_>) -> Result<bool> {
        let now = micros(self.now());
        let (row, decided) = (&fresh.weighed.row, &fresh.weighed.decided);
        // Where everything is shared whatever happens, time alone changes nothing.
        let again = (fresh.weighed.wish != Wish::Shared).then(|| micros(decided.reconsider_at));
        let mut update = stock::Entity::update_many()
            .col_expr(stock::Column::ReconsiderAt, Expr::value(again))
            .col_expr(stock::Column::Outside, Expr::value(matches!(decided.why, Why::Outside { .. })))
            .filter(stock::Column::SkuId.eq(row.sku_id))
            .filter(stock::Column::Pool.eq(&row.pool));
        if fresh.has_moved() {
            update = update
                .col_expr(stock::Column::Mode, Expr::value(fresh.word()))
                .col_expr(stock::Column::ModeSince, Expr::value(now));
        }
        update.exec(tx).await?;
        let (noted, blind) = (fresh.shares_moved(|share| share.noted), fresh.blind_moved());
        if !fresh.has_moved() && !noted && !blind && !fresh.is_stale(self.now()) {
            return Ok(false);
        }
        self.write_shares(tx, fresh, now).await?;
        if blind {
            self.write_blind(tx, fresh, now).await?;
        }
        let body = serde_json::to_string(&fresh.decision())
            .map_err(|error| StoreError::Invalid(format!("a decision can't be written down: {error}")))?;
        let event = balance_event::ActiveModel {
            id: Set(self.id()),
            sku_id: Set(row.sku_id),
            pool: Set(row.pool.clone()),
            at: Set(now),
            mode: Set(fresh.word().to_owned()),
            body: Set(body),
        };
        balance_event::Entity::insert(event).exec_without_returning(tx).await?;
        Ok(fresh.has_moved() || blind || fresh.shares_moved(|share| share.units))
    }

    async fn write_shares(&self, tx: &DatabaseTransaction, fresh: &Fresh<'_>, now: i64) -> Result<()> {
        let row = &fresh.weighed.row;
        let gone = share::Entity::delete_many();
        gone.filter(share::Column::SkuId.eq(row.sku_id)).filter(share::Column::Pool.eq(&row.pool)).exec(tx).await?;
        let rows = fresh.weighed.decided.shares.iter().filter_map(|decided| {
            let row = share::Model {
                listing_id: decided.listing,
                sku_id: row.sku_id,
                pool: row.pool.clone(),
                units: decided.units?,
                because: decided.because.word(),
                noted: decided.units,
                at: now,
            };
            Some(row.into_active_model().reset_all())
        });
        let rows: Vec<share::ActiveModel> = rows.collect();
        if !rows.is_empty() {
            share::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    async fn write_blind(&self, tx: &DatabaseTransaction, fresh: &Fresh<'_>, now: i64) -> Result<()> {
        let row = &fresh.weighed.row;
        let gone = blind::Entity::delete_many();
        gone.filter(blind::Column::SkuId.eq(row.sku_id)).filter(blind::Column::Pool.eq(&row.pool)).exec(tx).await?;
        let each =
            fresh.weighed.decided.shares.iter().zip(&fresh.weighed.channels).filter(|(share, _)| share.blind > 0);
        let rows = each.map(|(share, channel)| {
            let row = blind::Model {
                listing_id: share.listing,
                sku_id: row.sku_id,
                pool: row.pool.clone(),
                channel: channel.clone(),
                units: share.blind,
                at: now,
            };
            row.into_active_model().reset_all()
        });
        let rows: Vec<blind::ActiveModel> = rows.collect();
        if !rows.is_empty() {
            blind::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        Ok(())
    }
}

impl Decision {
    /// The listing's channel had not begun: its share is what it would be.
    pub fn is_plan_of(&self, listing: i64) -> bool {
        let of = self.listings.iter().find(|of| of.listing == listing.to_string());
        of.is_some_and(|of| of.because == Because::Shadow.word())
    }
}

/// The decision about a SKU that was in force at an instant; `None`: none was kept, so it was shared.
pub(super) async fn decision_at(
    db: &impl ConnectionTrait,
    pool: &str,
    sku: i64,
    at: Timestamp,
) -> Result<Option<Decision>> {
    let row = balance_event::Entity::find()
        .filter(balance_event::Column::SkuId.eq(sku))
        .filter(balance_event::Column::Pool.eq(pool))
        .filter(balance_event::Column::At.lte(micros(at)))
        .order_by_desc(balance_event::Column::At)
        .order_by_desc(balance_event::Column::Id)
        .one(db)
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The last decision about each of these SKUs, by SKU and pool.
pub(super) async fn last_decisions(
    db: &impl ConnectionTrait,
    skus: &BTreeSet<i64>,
) -> Result<HashMap<(i64, String), Decision>> {
    let mut found = HashMap::new();
    for piece in pieces(skus) {
        // Ids grow with time.
        let last = balance_event::Entity::find()
            .select_only()
            .expr_as(Expr::col(balance_event::Column::Id).max(), "id")
            .filter(balance_event::Column::SkuId.is_in(piece))
            .group_by(balance_event::Column::SkuId)
            .group_by(balance_event::Column::Pool);
        let last: Vec<i64> = last.into_tuple().all(db).await?;
        let rows = balance_event::Entity::find().filter(balance_event::Column::Id.is_in(last)).all(db).await?;
        for row in rows {
            found.insert((row.sku_id, row.pool.clone()), read(&row)?);
        }
    }
    Ok(found)
}

/// Shares, and what was withheld, as decisions had them.
pub(super) fn shares_of<'a>(decisions: impl IntoIterator<Item = (i64, &'a Decision)>) -> Shares {
    let mut shares = Shares::default();
    for (sku, decision) in decisions {
        for of in &decision.listings {
            let Ok(listing) = of.listing.parse() else { continue };
            if let Some(units) = of.share {
                shares.give(listing, sku, Share { units, noted: units, at: 0 });
            }
            if of.blind > 0 {
                shares.withhold(sku, Blind { listing, channel: of.channel.clone(), units: of.blind });
            }
        }
    }
    shares
}

fn read(row: &balance_event::Model) -> Result<Decision> {
    let broken = |error| StoreError::Invalid(format!("the decision {} can't be read: {error}", row.id));
    let decision: Decision = serde_json::from_str(&row.body).map_err(broken)?;
    Ok(Decision { mode: Mode::parse(&row.mode), ..decision })
}
