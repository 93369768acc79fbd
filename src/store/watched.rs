//! Folders in which files are expected, and what their absence forbids.

use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr,
};

use super::{
    Result, Store,
    attention::Call,
    entity::{stop_raise, watched_folder},
    instant, micros,
    queue::EVERYTHING,
};
use crate::domain::time::later;

impl Store {
    /// A file of the folder was taken in: raises may go on.
    pub async fn file_arrived(&self, folder: &str) -> Result<()> {
        let tx = self.begin().await?;
        let now = micros(self.now());
        match watched_folder::Entity::find_by_id(folder).one(&tx).await? {
            Some(row) => {
                let mut row = row.into_active_model();
                row.last_at = Set(now);
                row.update(&tx).await?;
            }
            None => self.watch_from_now(&tx, folder).await?,
        }
        let ended = stop_raise::Entity::update_many()
            .col_expr(stop_raise::Column::EndedAt, Expr::value(now))
            .filter(stop_raise::Column::Cause.eq(cause(folder)))
            .filter(stop_raise::Column::EndedAt.is_null())
            .exec(&tx)
            .await?;
        self.calm(&tx, "interval", folder).await?;
        tx.commit().await?;
        if ended.rows_affected > 0 {
            self.bells.targets.notify_waiters();
        }
        Ok(())
    }

    /// Whether a file was due and didn't come; then nothing is raised until one does.
    pub async fn file_overdue(&self, folder: &str, kind: &str, every: Duration) -> Result<bool> {
        let tx = self.begin().await?;
        let Some(row) = watched_folder::Entity::find_by_id(folder).one(&tx).await? else {
            self.watch_from_now(&tx, folder).await?;
            tx.commit().await?;
            return Ok(false);
        };
        let due = later(instant(row.last_at), every);
        if self.now() <= due {
            return Ok(false);
        }
        let open = stop_raise::Entity::find()
            .filter(stop_raise::Column::Cause.eq(cause(folder)))
            .filter(stop_raise::Column::EndedAt.is_null());
        if open.one(&tx).await?.is_none() {
            let (scope, since) = (EVERYTHING.to_owned(), micros(self.now()));
            let row = stop_raise::Model { id: self.id(), scope, cause: cause(folder), since, ended_at: None };
            row.into_active_model().reset_all().insert(&tx).await?;
            self.raise(&tx, missed(folder, kind, due)).await?;
            tx.commit().await?;
        }
        Ok(true)
    }

    async fn watch_from_now(&self, tx: &sea_orm::DatabaseTransaction, folder: &str) -> Result<()> {
        let now = micros(self.now());
        watched_folder::ActiveModel { folder: Set(folder.to_owned()), since: Set(now), last_at: Set(now) }
            .insert(tx)
            .await?;
        Ok(())
    }

    /// A file that could not be taken in lies aside: somebody should look at it.
    pub async fn report_file(&self, subject: &str, message: String) -> Result<()> {
        let tx = self.begin().await?;
        self.raise(&tx, Call { kind: "file", subject: subject.to_owned(), message, ..Call::default() }).await?;
        Ok(tx.commit().await?)
    }
}

fn cause(folder: &str) -> String {
    format!("interval/{folder}")
}

fn missed(folder: &str, kind: &str, due: Timestamp) -> Call {
    let message = format!(
        "no {kind} file came to {folder} although one was due by {due}: nothing is raised on any mall until one comes"
    );
    Call { kind: "interval", subject: folder.to_owned(), message, ..Call::default() }
}
