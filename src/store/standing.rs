//! What time alone makes of channels: how long nobody has heard of one's orders, and how long one can't be written.
//!
//! Both are words on the channel's row, which decisions read, so that these stay functions of what is stored. They
//! change in few steps, and a step has only those SKUs looked at again for which it can mean something: of a channel
//! that falls silent those that sell fast enough to have sold a unit, of one that is heard of again those of which
//! something was withheld, of one that comes back those that were decided without it.

use std::{collections::BTreeMap, time::Duration};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Query, SelectStatement},
};

use super::{
    Result, Store,
    attention::{Call, open_subjects},
    balance::sells_of,
    catalogue::sku_codes,
    channels::{LaneName, lane},
    demand::prior,
    entity::{blind, channel, demand, listing, pool, stock},
    maybe_instant, micros,
    recompute::Allowance,
};
use crate::domain::{
    demand::{NEWS, Prior},
    exposure::{Absence, blind as silence, mode::Policy},
    time::between,
};

/// The kind of attention item.
const OUTSIDE: &str = "outside";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// For how long nobody has heard of it, as it is counted.
    unheard: Option<Duration>,
    absence: Option<Absence>,
}

impl Seen {
    fn stored(row: &channel::Model) -> Self {
        let unheard = row.unheard_s.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        Self { unheard, absence: row.absence.as_deref().and_then(Absence::parse) }
    }
}

impl Store {
    /// Looks how each channel stands by now. Returns how many stand otherwise than before.
    pub async fn watch_channels(&self) -> Result<usize> {
        let mut changed = 0;
        for row in channel::Entity::find().all(self.reader()).await? {
            if self.stands(&row) == Seen::stored(&row) {
                continue;
            }
            let tx = self.begin().await?;
            if let Some(row) = channel::Entity::find_by_id(&row.id).lock_exclusive().one(&tx).await? {
                self.note_seen(&tx, &row).await?;
            }
            tx.commit().await?;
            changed += 1;
        }
        Ok(changed)
    }

    /// Says of which pools some SKUs are shared because malls that can't be written hold all that is left of them.
    pub async fn watch_outside(&self) -> Result<()> {
        let outside = || stock::Entity::find().filter(stock::Column::Outside.eq(true));
        let counts =
            outside().select_only().column(stock::Column::Pool).column_as(stock::Column::SkuId.count(), "skus");
        let counts: Vec<(String, i64)> = counts.group_by(stock::Column::Pool).into_tuple().all(self.reader()).await?;
        let counts: BTreeMap<String, i64> = counts.into_iter().collect();
        let known = open_subjects(self.reader(), OUTSIDE).await?;
        let gone: Vec<&String> = known.iter().filter(|pool| !counts.contains_key(*pool)).collect();
        if counts.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let tx = self.begin().await?;
        for pool in gone {
            self.calm(&tx, OUTSIDE, pool).await?;
        }
        for (pool, skus) in counts {
            let one =
                outside().filter(stock::Column::Pool.eq(&pool)).order_by_asc(stock::Column::SkuId).one(&tx).await?;
            let Some(one) = one else { continue };
            let code = sku_codes(&tx, &[one.sku_id].into()).await?.remove(&one.sku_id).unwrap_or_default();
            let all = if skus == 1 { format!("{code:?}") } else { format!("{code:?} and others, {skus} SKUs in all") };
            let message = format!(
                "pool {pool}: listings that can't be written hold all that is left in escrow of {all}; the other listings \
                 share it, and may sell it twice until those can be written"
            );
            self.raise(&tx, Call { kind: OUTSIDE, subject: pool, message, ..Call::default() }).await?;
        }
        Ok(tx.commit().await?)
    }

    fn stands(&self, row: &channel::Model) -> Seen {
        let nothing = Seen { unheard: None, absence: None };
        let allowance = row.rules.as_ref().and_then(|rules| serde_json::from_str::<Allowance>(rules).ok());
        let Some(Allowance { pace, .. }) = allowance.filter(|_| row.configured && row.baseline == "done") else {
            return nothing;
        };
        let Some(watermark) = maybe_instant(row.watermark) else { return nothing };
        let silent = between(watermark, self.now());
        let unheard = silence::counted(silent, pace.blind_after).map(|length| Duration::from_secs(length.as_secs()));
        let stuck = unheard.filter(|_| !pace.direct).map(|_| silent);
        let since = maybe_instant(row.stock_since);
        Seen { unheard, absence: Absence::of(&lane(row, LaneName::Stock), since, stuck, self.now()) }
    }

    async fn note_seen(&self, tx: &DatabaseTransaction, row: &channel::Model) -> Result<()> {
        let (before, now) = (Seen::stored(row), self.stands(row));
        let absent_since = match (before.absence, now.absence) {
            (None, Some(_)) => Some(micros(self.now())),
            (Some(_), Some(_)) => row.absent_since,
            (_, None) => None,
        };
        let noted = channel::ActiveModel {
            id: Set(row.id.clone()),
            unheard_s: Set(now.unheard.map(|length| i64::try_from(length.as_secs()).unwrap_or(i64::MAX))),
            absence: Set(now.absence.map(|absence| absence.word().to_owned())),
            absent_since: Set(absent_since),
            ..Default::default()
        };
        noted.update(tx).await?;
        tracing::info!(channel = row.id, unheard = ?now.unheard, absence = ?now.absence, "a channel stands otherwise");
        if before.unheard != now.unheard {
            self.hear(tx, row, now.unheard).await?;
        }
        if before.absence != now.absence {
            self.miss(tx, row, before.absence, now.absence).await?;
        }
        Ok(())
    }

    /// What is withheld for the channel's silence is looked at again.
    async fn hear(&self, tx: &DatabaseTransaction, row: &channel::Model, unheard: Option<Duration>) -> Result<()> {
        let skus = match unheard {
            None => {
                let withheld = Query::select()
                    .column(blind::Column::SkuId)
                    .from(blind::Entity)
                    .and_where(blind::Column::Channel.eq(&row.id))
                    .to_owned();
                stock::Column::SkuId.in_subquery(withheld)
            }
            Some(within) => {
                let eps = epsilon(tx, &row.pool).await?;
                sells_of(&fast_enough(&row.id, silence::least_rate(within, eps), &prior(tx).await?))
            }
        };
        let here = stock::Column::Pool.eq(&row.pool).and(stock::Column::Stocked.eq(true));
        self.reconsider_where(tx, here.and(skus)).await
    }

    /// The channel's listings can be moved again, or nobody waits for them any more.
    async fn miss(
        &self,
        tx: &DatabaseTransaction,
        row: &channel::Model,
        before: Option<Absence>,
        now: Option<Absence>,
    ) -> Result<()> {
        match (before, now) {
            // Those that are decided from now on see it; for the others nothing changes by it.
            (None, Some(Absence::Away)) => Ok(()),
            (Some(Absence::Away), None) => {
                let sold = listings_of(&row.id);
                let meanwhile = stock::Column::ChangedAt.gte(row.absent_since.unwrap_or_default());
                let decided = stock::Column::Mode.is_not_null().and(meanwhile);
                self.reconsider_where(tx, decided.and(sells_of(&sold))).await
            }
            _ => self.reconsider_channel(tx, &row.id).await,
        }
    }
}

/// The largest risk that the pool's SKUs may take.
pub(super) async fn epsilon(db: &impl ConnectionTrait, pool: &str) -> Result<f64> {
    let row = pool::Entity::find_by_id(pool).one(db).await?;
    Ok(row.and_then(|row| row.epsilon).unwrap_or(Policy::default().eps))
}

fn listings_of(channel: &str) -> SelectStatement {
    Query::select()
        .column((listing::Entity, listing::Column::SkuId))
        .from(listing::Entity)
        .and_where(Expr::col((listing::Entity, listing::Column::Channel)).eq(channel))
        .to_owned()
}

/// What of a channel sells at least so many a second.
fn fast_enough(channel: &str, rate: f64, prior: &Prior) -> SelectStatement {
    let mut sold = listings_of(channel);
    if prior.orders >= rate * prior.shown_s {
        return sold;
    }
    let of = |column| Expr::col((demand::Entity, column));
    let same = of(demand::Column::Channel).equals((listing::Entity, listing::Column::Channel));
    let same = same.and(of(demand::Column::Subject).equals((listing::Entity, listing::Column::Id)));
    let orders = of(demand::Column::UsualOrders).add(prior.orders);
    let seconds = of(demand::Column::UsualShownS).add(prior.shown_s);
    let fast = orders.gte(seconds.mul(rate)).or(of(demand::Column::LatelyOrders).gte(NEWS));
    sold.join(JoinType::InnerJoin, demand::Entity, same).and_where(fast);
    sold
}
