//! Quota states, so that a restart never spends what the last run spent already.

use std::collections::HashMap;

use async_trait::async_trait;
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};
use uriba_sdk::wire::{QuotaKey, QuotaShelf, QuotaState, Rate};

use super::{Result, Store, entity::quota, instant, maybe_instant, micros};

impl Store {
    /// What the last run left of each quota.
    pub async fn quotas(&self) -> Result<HashMap<QuotaKey, QuotaState>> {
        let rows = quota::Entity::find().all(&self.reader).await?;
        Ok(rows.into_iter().map(|row| (QuotaKey::new(&row.scope, &row.name), state(&row))).collect())
    }

    async fn save_quota(&self, key: &QuotaKey, state: &QuotaState) -> Result<()> {
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
            ])
            .to_owned();
        let tx = self.begin().await?;
        quota::Entity::insert(row).on_conflict(newer).exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl QuotaShelf for Store {
    async fn save(&self, key: &QuotaKey, state: &QuotaState) {
        if let Err(error) = self.save_quota(key, state).await {
            tracing::warn!(scope = key.scope, quota = key.name, %error, "the quota's state was not saved");
        }
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
    }
}
