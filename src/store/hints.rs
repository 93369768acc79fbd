//! What a mall's notification leads to: the next look at its orders comes sooner. However many notifications come, orders
//! are looked for no more often than [`PAUSE`], and only so many are asked for by name.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use uriba_sdk::Hint;

use super::{
    Result, Store,
    entity::{channel, poll_head},
    maybe_instant, micros,
};
use crate::domain::time::later;

/// Between two looks that notifications bring about.
const PAUSE: Duration = Duration::from_secs(5);
/// Orders that wait to be asked for by name. Beyond it a look for new ones finds them all.
const NAMED_MAX: u64 = 200;

impl Store {
    pub async fn take_hint(&self, channel: &str, hint: &Hint) -> Result<()> {
        let ids: &[String] = match hint {
            Hint::Nothing => return Ok(()),
            Hint::Search => &[],
            Hint::Orders(ids) => ids,
        };
        let tx = self.begin().await?;
        let Some(row) = channel::Entity::find_by_id(channel).lock_exclusive().one(&tx).await? else { return Ok(()) };
        let waiting = poll_head::Entity::find().filter(poll_head::Column::Channel.eq(channel)).count(&tx).await?;
        if row.baseline == "done" && waiting + (ids.len() as u64) <= NAMED_MAX {
            self.queue(&tx, channel, 0, ids.iter().map(|id| (id.clone(), None)).collect()).await?;
        }
        let now = self.now();
        let soonest = maybe_instant(row.last_poll_at).map_or(now, |at| later(at, PAUSE).max(now));
        if row.next_poll_at.is_none_or(|at| at > micros(soonest)) {
            let mut sooner = channel::ActiveModel { id: Set(row.id.clone()), ..Default::default() };
            sooner.next_poll_at = Set(Some(micros(soonest)));
            sooner.update(&tx).await?;
        }
        Ok(tx.commit().await?)
    }
}
