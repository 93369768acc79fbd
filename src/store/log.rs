//! Who did what, when and why. Append-only.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, QuerySelect};

use super::{Result, Store, entity::log, micros};

/// One line for the log, written in the transaction of what it tells.
pub struct Entry<'a> {
    pub who: &'a str,
    pub what: &'a str,
    pub subject: &'a str,
    pub why: Option<&'a str>,
    pub detail: Option<String>,
}

impl Store {
    pub async fn write_log(&self, db: &impl ConnectionTrait, entry: Entry<'_>) -> Result<()> {
        log::ActiveModel {
            id: Set(self.id()),
            at: Set(micros(self.now())),
            who: Set(entry.who.to_owned()),
            what: Set(entry.what.to_owned()),
            subject: Set(entry.subject.to_owned()),
            why: Set(entry.why.map(str::to_owned)),
            detail: Set(entry.detail),
        }
        .insert(db)
        .await?;
        Ok(())
    }

    /// Newest first, older than `before`.
    pub async fn log(&self, before: Option<i64>, limit: u64) -> Result<Vec<log::Model>> {
        use sea_orm::{ColumnTrait, QueryFilter};
        let mut query = log::Entity::find().order_by_desc(log::Column::Id).limit(limit);
        if let Some(before) = before {
            query = query.filter(log::Column::Id.lt(before));
        }
        Ok(query.all(&self.reader).await?)
    }
}
