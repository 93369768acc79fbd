//! Spans of order time of which orders may be unknown, and what they forbid.
//!
//! A gap is a row that stays when it is closed. While it is open nothing is raised on its channel, and an attention item
//! stands for it. It is closed by orders that come another way, or by a person.

use std::collections::HashMap;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, sea_query::Expr,
};

use super::{
    Result, Store,
    attention::Call,
    entity::{attention, channel, order_gap, poll_window, stop_raise},
    instant,
    lease::Lease,
    log::Entry,
    micros,
};
use crate::domain::windows::Window;

/// Why orders of a span may be unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The mall no longer shows orders of that time.
    Reach,
    /// An order of that time was shown later than the mall is known to take, as it is told here: others may be hidden.
    Late(String),
}

impl Cause {
    fn word(&self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Late(_) => "late",
        }
    }

    fn message(&self, channel: &str, gap: &order_gap::Model) -> String {
        let (from, until) = (instant(gap.from_at), instant(gap.until_at));
        match self {
            Self::Reach => format!(
                "{channel}: orders from {from} to {until} were not read, and the mall no longer shows them. Until that \
                 gap is closed nothing is raised on {channel}: import the mall's own CSV of that time (uriba stock \
                 import orders FILE), or resolve this item when nothing is missing"
            ),
            Self::Late(why) => format!(
                "{channel}: {why}. Orders from {from} to {until} are read again, and until that is done nothing is \
                 raised on {channel}"
            ),
        }
    }
}

impl Store {
    /// Orders of this span may be unknown. One that touches an open one of the same cause makes that longer. Returns the
    /// whole span.
    pub(super) async fn open_gap(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        span: Window,
        cause: Cause,
    ) -> Result<Window> {
        let touching = open(channel)
            .filter(order_gap::Column::Cause.eq(cause.word()))
            .filter(order_gap::Column::FromAt.lte(micros(span.to)))
            .filter(order_gap::Column::UntilAt.gte(micros(span.from)));
        let row = match touching.one(tx).await? {
            Some(row) => {
                let (from, until) = (row.from_at.min(micros(span.from)), row.until_at.max(micros(span.to)));
                let mut longer = row.into_active_model();
                (longer.from_at, longer.until_at) = (Set(from), Set(until));
                longer.update(tx).await?
            }
            None => self.new_gap(tx, channel, span, &cause).await?,
        };
        let message = cause.message(channel, &row);
        let (subject, channel) = (name(row.id), Some(channel.to_owned()));
        self.raise(tx, Call { kind: "gap", subject, channel, message, ..Call::default() }).await?;
        Ok(Window { from: instant(row.from_at), to: instant(row.until_at), ..span })
    }

    async fn new_gap(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        span: Window,
        cause: &Cause,
    ) -> Result<order_gap::Model> {
        let row = order_gap::Model {
            id: self.id(),
            channel: channel.to_owned(),
            from_at: micros(span.from),
            until_at: micros(span.to),
            cause: cause.word().to_owned(),
            since: micros(self.now()),
            closed_at: None,
            closed_by: None,
        };
        let (id, scope, cause) = (self.id(), format!("channel:{channel}"), name(row.id));
        let stop = stop_raise::Model { id, scope, cause, since: row.since, ended_at: None };
        stop.into_active_model().reset_all().insert(tx).await?;
        Ok(row.into_active_model().reset_all().insert(tx).await?)
    }

    /// Orders placed within this span are all known now, by another way: gaps of the channel that lie in it are closed.
    pub async fn close_gaps(&self, channel: &str, span: (Timestamp, Timestamp), who: &str) -> Result<()> {
        let tx = self.begin().await?;
        self.close_gaps_within(&tx, channel, span, who).await?;
        tx.commit().await?;
        self.bells.targets.notify_waiters();
        Ok(())
    }

    pub(super) async fn close_gaps_within(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        (from, until): (Timestamp, Timestamp),
        who: &str,
    ) -> Result<()> {
        let within = open(channel)
            .filter(order_gap::Column::FromAt.gte(micros(from)))
            .filter(order_gap::Column::UntilAt.lte(micros(until)));
        for row in within.all(tx).await? {
            self.calm(tx, "gap", &name(row.id)).await?;
            let subject = format!("channel/{channel}");
            let detail = Some(format!("orders from {} to {}", instant(row.from_at), instant(row.until_at)));
            self.close_gap(tx, row, who).await?;
            self.write_log(tx, Entry { who, what: "gap.close", subject: &subject, why: None, detail }).await?;
        }
        Ok(())
    }

    /// A person says that nothing is missing, or that it was seen to.
    pub(super) async fn close_gap_of(
        &self,
        tx: &DatabaseTransaction,
        item: &attention::Model,
        who: &str,
    ) -> Result<()> {
        let Some(id) = item.subject.strip_prefix("gap/").and_then(|id| id.parse::<i64>().ok()) else { return Ok(()) };
        match order_gap::Entity::find_by_id(id).one(tx).await?.filter(|row| row.closed_at.is_none()) {
            Some(row) => self.close_gap(tx, row, who).await,
            None => Ok(()),
        }
    }

    async fn close_gap(&self, tx: &DatabaseTransaction, row: order_gap::Model, who: &str) -> Result<()> {
        let now = micros(self.now());
        stop_raise::Entity::update_many()
            .col_expr(stop_raise::Column::EndedAt, Expr::value(now))
            .filter(stop_raise::Column::Cause.eq(name(row.id)))
            .filter(stop_raise::Column::EndedAt.is_null())
            .exec(tx)
            .await?;
        let mut closed = row.into_active_model();
        closed.closed_at = Set(Some(now));
        closed.closed_by = Set(Some(who.to_owned()));
        closed.update(tx).await?;
        Ok(())
    }

    /// A window waited for so long that the mall no longer shows where it begins: what is to be read is planned anew.
    pub async fn plan_anew(&self, lease: &Lease, channel: &str, outlived: &poll_window::Model) -> Result<()> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        // A baseline is read whole or begun again.
        let of_kind = poll_window::Entity::delete_many()
            .filter(poll_window::Column::Channel.eq(channel))
            .filter(poll_window::Column::Kind.eq(&outlived.kind));
        of_kind.exec(&tx).await?;
        let row = channel::ActiveModel {
            id: Set(channel.to_owned()),
            next_poll_at: Set(Some(micros(self.now()))),
            ..Default::default()
        };
        row.update(&tx).await?;
        Ok(tx.commit().await?)
    }
}

fn open(channel: &str) -> sea_orm::Select<order_gap::Entity> {
    order_gap::Entity::find()
        .filter(order_gap::Column::Channel.eq(channel))
        .filter(order_gap::Column::ClosedAt.is_null())
        .order_by_asc(order_gap::Column::FromAt)
}

/// As attention and `stop_raise` name it.
fn name(id: i64) -> String {
    format!("gap/{id}")
}

/// Those that are open, each channel's own, oldest first.
pub(super) async fn open_gaps(
    db: &impl ConnectionTrait,
    channels: &[&str],
) -> Result<HashMap<String, Vec<order_gap::Model>>> {
    let rows = order_gap::Entity::find()
        .filter(order_gap::Column::Channel.is_in(channels.iter().copied()))
        .filter(order_gap::Column::ClosedAt.is_null())
        .order_by_asc(order_gap::Column::FromAt);
    let mut found: HashMap<String, Vec<order_gap::Model>> = HashMap::new();
    for row in rows.all(db).await? {
        found.entry(row.channel.clone()).or_default().push(row);
    }
    Ok(found)
}
