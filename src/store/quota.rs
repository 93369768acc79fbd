//! Quota states, so that nobody spends again what an earlier run, or another instance, has spent already. They
//! belong to whoever holds the lease of those who share them.

use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};
use uriba_sdk::wire::{QuotaKey, QuotaState, Rate};

use super::{Result, Store, entity::quota, instant, lease::Lease, maybe_instant, micros};

impl Store {
    /// What its last keeper left of each quota.
    pub async fn quotas(&self) -> Result<HashMap<QuotaKey, QuotaState>> {
        let rows = quota::Entity::find().all(&self.reader).await?;
        Ok(rows.into_iter().map(|row| (QuotaKey::new(&row.scope, &row.name), state(&row))).collect())
    }

    pub async fn save_quota(&self, lease: &Lease, key: &QuotaKey, state: &QuotaState) -> Result<()> {
        use quota::Column;
        let row = quota::ActiveModel {
            scope: Set(key.scope.clone()),
            name: Set(key.name.clone()),
            per_second: Set(state.rate.per_second),
            burst: Set(state.rate.burst.into()),
            available: Set(state.available.into()),
            at: Set(micros(state.at)),
            not_before: Set(state.not_before.map(micros)),
            day: Set(state.day),
            used_today: Set(state.used_today.into()),
            caution: Set(state.caution),
        };
        let newer = OnConflict::columns([Column::Scope, Column::Name])
            .update_columns([
                Column::PerSecond,
                Column::Burst,
                Column::Available,
                Column::At,
                Column::NotBefore,
                Column::Day,
                Column::UsedToday,
                Column::Caution,
            ])
            .to_owned();
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        quota::Entity::insert(row).on_conflict(newer).exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }
}

fn state(row: &quota::Model) -> QuotaState {
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    QuotaState {
        rate: Rate { per_second: row.per_second, burst: small(row.burst), per_day: None },
        available: small(row.available),
        at: instant(row.at),
        not_before: maybe_instant(row.not_before),
        day: row.day,
        used_today: small(row.used_today),
        caution: row.caution,
    }
}
