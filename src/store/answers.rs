//! What was answered under a key that the caller chose, so that the same request sent twice is done once.
//!
//! A key is claimed before the work and answered after it. It does not promise that work and answer are one
//! act: after a crash between them the request runs again, so what it does must be idempotent by itself.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, SqlErr,
};

use super::{Result, Store, StoreError, entity::answer, instant, micros};
use crate::domain::time::later;

/// What the keys of HTTP requests begin with. Those of movements, which are booked once for ever, don't.
pub const API_KEYS: &str = "api/";
/// A claim older than this was left by a process that died.
const CLAIM: Duration = Duration::from_secs(120);
/// The status of a key that is claimed and not answered.
const CLAIMED: i64 = 0;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The caller may go on, and must [`Store::answer`] or [`Store::forget_answer`].
    First,
    /// The same was asked before, and answered so.
    Answered { status: u16, body: String },
    /// The same is being worked on.
    Busy,
    /// Something else was asked under this key.
    Other,
}

impl Store {
    pub async fn ask(&self, key: &str, digest: &str) -> Result<Asked> {
        let tx = self.begin().await?;
        let known = answer::Entity::find_by_id(key).one(&tx).await?;
        let now = self.now();
        if let Some(known) = known {
            if known.digest != digest {
                return Ok(Asked::Other);
            }
            if known.status != CLAIMED {
                let status = u16::try_from(known.status).unwrap_or(200);
                return Ok(Asked::Answered { status, body: known.body });
            }
            if later(instant(known.at), CLAIM) > now {
                return Ok(Asked::Busy);
            }
            let mut row = known.into_active_model();
            row.at = Set(micros(now));
            row.update(&tx).await?;
        } else {
            match insert(&tx, key, digest, CLAIMED, "", micros(now)).await {
                // Another instance was quicker by a moment.
                Err(StoreError::Database(error)) if is_taken(&error) => return Ok(Asked::Busy),
                inserted => inserted?,
            }
        }
        tx.commit().await?;
        Ok(Asked::First)
    }

    pub async fn answer(&self, key: &str, status: u16, body: String) -> Result<()> {
        let tx = self.begin().await?;
        let row = answer::ActiveModel {
            idempotency_key: Set(key.to_owned()),
            status: Set(status.into()),
            body: Set(body),
            ..Default::default()
        };
        row.update(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// The work failed in a way that trying again may cure: the key is free.
    pub async fn forget_answer(&self, key: &str) -> Result<()> {
        let tx = self.begin().await?;
        answer::Entity::delete_by_id(key).exec(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets at most so many of the answers that the API gave before `before`, and returns how many.
    pub(super) async fn forget_answers(&self, tx: &DatabaseTransaction, before: Timestamp, most: u64) -> Result<usize> {
        let old: Vec<String> = answer::Entity::find()
            .select_only()
            .column(answer::Column::IdempotencyKey)
            .filter(answer::Column::At.lt(micros(before)))
            .filter(answer::Column::IdempotencyKey.starts_with(API_KEYS))
            .order_by_asc(answer::Column::IdempotencyKey)
            .limit(most)
            .into_tuple()
            .all(tx)
            .await?;
        let gone = answer::Entity::delete_many().filter(answer::Column::IdempotencyKey.is_in(&old));
        gone.exec(tx).await?;
        Ok(old.len())
    }

    /// Within the transaction of the work itself: true when exactly this was done before under this key.
    pub(super) async fn done_before(&self, tx: &DatabaseTransaction, key: &str, digest: &str) -> Result<bool> {
        match answer::Entity::find_by_id(key).one(tx).await? {
            Some(known) if known.digest == digest => Ok(true),
            Some(_) => Err(StoreError::Invalid(format!("the key {key:?} was used for something else; choose another"))),
            None => match insert(tx, key, digest, 200, "", micros(self.now())).await {
                Err(StoreError::Database(error)) if is_taken(&error) => {
                    Err(StoreError::Refused(format!("{key:?} is being worked on; send it again in a moment")))
                }
                inserted => inserted.map(|()| false),
            },
        }
    }
}

fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

async fn insert(db: &impl ConnectionTrait, key: &str, digest: &str, status: i64, body: &str, at: i64) -> Result<()> {
    let row = answer::ActiveModel {
        idempotency_key: Set(key.to_owned()),
        digest: Set(digest.to_owned()),
        status: Set(status),
        body: Set(body.to_owned()),
        at: Set(at),
    };
    row.insert(db).await?;
    Ok(())
}
