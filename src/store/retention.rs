//! What is forgotten, and when. A sweep is small: one piece of each table in one transaction, another at the
//! next call while there is more, and then none for a while. When it is due again stands in the database, so
//! that neither a restart nor a second instance sweeps more often.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, EntityTrait, sea_query::OnConflict};

use super::{ROWS_PER_STATEMENT, Result, Store, entity::meta, instant, micros};
use crate::domain::time::{earlier, later};

/// Rows age by the day; nobody misses the minutes.
const EVERY: Duration = Duration::from_secs(600);
/// How long an answer of the API is given again. A caller that tries for longer has given up.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Its row of `meta`.
const SWEPT_AT: &str = "swept_at";

impl Store {
    /// Forgets a piece of what has had its time, if a sweep is due. Returns how many rows that were.
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.now();
        if self.swept_at().await?.is_some_and(|at| later(at, EVERY) > now) {
            return Ok(0);
        }
        let tx = self.begin().await?;
        let most = ROWS_PER_STATEMENT as u64;
        let forgotten = self.forget_answers(&tx, earlier(now, ANSWERS_KEPT), most).await?;
        if forgotten < ROWS_PER_STATEMENT {
            note_sweep(&tx, now).await?;
        }
        tx.commit().await?;
        Ok(forgotten)
    }

    async fn swept_at(&self) -> Result<Option<Timestamp>> {
        let row = meta::Entity::find_by_id(SWEPT_AT).one(self.reader()).await?;
        Ok(row.and_then(|row| row.value.parse().ok()).map(instant))
    }
}

async fn note_sweep(tx: &DatabaseTransaction, now: Timestamp) -> Result<()> {
    let row = meta::ActiveModel { name: Set(SWEPT_AT.into()), value: Set(micros(now).to_string()) };
    let newer = OnConflict::column(meta::Column::Name).update_column(meta::Column::Value).to_owned();
    meta::Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}
