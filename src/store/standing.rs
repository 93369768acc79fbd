//! What time alone makes of channels: how long nobody has heard of one's orders, and how long one can't be written.
//!
//! Both are words on the channel's row, which decisions read, so that these stay functions of what is stored. They
//! change in few steps, and a step has only those SKUs looked at again for which it can mean something: of a channel
//! that falls silent those that sell fast enough to have sold a unit, of one that is heard of again those of which
//! something was withheld, of one that comes back those that were decided without it.

use std::time::Duration;

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, JoinType, QuerySelect,
    sea_query::{Expr, Query, SelectStatement},
};

use super::{
    Result, Store,
    balance::sells_of,
    channels::{LaneName, lane},
    demand::prior,
    entity::{blind, channel, demand, listing, stock},
    maybe_instant, micros,
    recompute::Allowance,
};
use crate::domain::{
    demand::{NEWS, Prior},
    exposure::{Absence, blind as silence, mode::Policy},
    time::between,
};

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
            Some(within) => sells_of(&fast_enough(&row.id, within, &prior(tx).await?)),
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

fn listings_of(channel: &str) -> SelectStatement {
    Query::select()
        .column((listing::Entity, listing::Column::SkuId))
        .from(listing::Entity)
        .and_where(Expr::col((listing::Entity, listing::Column::Channel)).eq(channel))
        .to_owned()
}

/// What of a channel may have sold at least once within the time.
fn fast_enough(channel: &str, within: Duration, prior: &Prior) -> SelectStatement {
    let rate = silence::least_rate(within, Policy::default().eps);
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
