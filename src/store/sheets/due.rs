//! What happens by itself at a set time: switches, the ends of suspensions, sale plans.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging, page::number};
use crate::store::{
    Result, Store,
    entity::{channel, schedule},
    instant, maybe_instant, micros, plans,
    switch::{of_plan, of_until},
};

/// What happens by itself at a set time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Due)]
pub struct DueSheet {
    /// To take it back. `null` for the end of a plan that is in force: delete the plan.
    pub id: Option<String>,
    /// `suspend`, `resume`, `plan_begin` or `plan_end`.
    pub action: String,
    pub at: Timestamp,
    /// When it ends by itself again.
    pub until: Option<Timestamp>,
    /// Of a switch.
    pub channel: Option<String>,
    /// Of a suspension: `zero` or `freeze`.
    pub mode: Option<String>,
    /// Of a plan: its name.
    pub plan: Option<String>,
    pub reason: Option<String>,
    pub by: Option<String>,
}

impl Store {
    /// What is due, soonest first.
    pub async fn due_sheets(&self, paging: &Paging) -> Result<Page<DueSheet>> {
        let tx = self.snapshot().await?;
        let now = micros(self.now());
        // By instant, then by what tells two of one instant apart.
        let mut due: BTreeMap<(i64, String), DueSheet> = BTreeMap::new();
        for row in schedule::Entity::find().filter(schedule::Column::DoneAt.is_null()).all(&tx).await? {
            due.insert((row.at, row.id.to_string()), switch_sheet(row));
        }
        let ends = channel::Entity::find().filter(channel::Column::SuspendUntil.is_not_null());
        for row in ends.filter(channel::Column::State.is_in(["draining", "suspended"])).all(&tx).await? {
            let id = of_until(&row.id);
            due.extend(row.suspend_until.map(|at| ((at, id.clone()), end_sheet(&id, at, &row))));
        }
        for row in plans::live(now).all(&tx).await? {
            let begun = row.begins_at <= now;
            let (at, action) = if begun { (row.ends_at, "plan_end") } else { (row.begins_at, "plan_begin") };
            let id = of_plan(&row.name);
            let sheet = DueSheet {
                id: (!begun).then(|| id.clone()),
                action: action.to_owned(),
                at: instant(at),
                until: (!begun).then(|| instant(row.ends_at)),
                channel: None,
                mode: None,
                plan: Some(row.name),
                reason: None,
                by: Some(row.by),
            };
            due.insert((at, id), sheet);
        }
        if let Some([at, id]) = paging.after()? {
            due = due.split_off(&(number(&at)?, format!("{id}\0")));
        }
        let (due, next_cursor) =
            paging.cut(due.into_iter().collect(), |((at, id), _)| vec![at.to_string(), id.clone()]);
        Ok(Page { items: due.into_iter().map(|(_, sheet)| sheet).collect(), next_cursor })
    }
}

fn switch_sheet(row: schedule::Model) -> DueSheet {
    DueSheet {
        id: Some(row.id.to_string()),
        action: row.action,
        at: instant(row.at),
        until: maybe_instant(row.until),
        channel: Some(row.channel),
        mode: row.mode,
        plan: None,
        reason: row.reason,
        by: Some(row.by),
    }
}

/// The end of a suspension that is in force.
fn end_sheet(id: &str, at: i64, row: &channel::Model) -> DueSheet {
    DueSheet {
        id: Some(id.to_owned()),
        action: "resume".to_owned(),
        at: instant(at),
        until: None,
        channel: Some(row.id.clone()),
        mode: None,
        plan: None,
        reason: row.suspend_reason.clone(),
        by: row.suspended_by.clone(),
    }
}
