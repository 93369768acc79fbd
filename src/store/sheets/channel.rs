//! A channel with its switch, lanes, quotas and backlog.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use uriba_sdk::wire::{QuotaKey, Rate};
use utoipa::ToSchema;

use super::{Oldest, Outline, Outlines, Page, Paging};
use crate::{
    domain::{
        credential::Term,
        health::Lane,
        plan::backlog::{self, Flow, Waiting},
        publication::Urgency,
        suspend::{Mode, State},
        time::between,
    },
    store::{
        Result, Store, StoreError,
        channels::{LaneName, lane},
        credentials,
        dialect::holds,
        entity::{channel, credential, order_gap, publication, quota, schedule},
        gaps::open_gaps,
        instant, maybe_instant, micros,
        publication_belief::urgency_rank,
        publications::situation_of,
    },
};

/// One shop account on one mall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Channel)]
pub struct ChannelSheet {
    pub id: String,
    pub mall: String,
    pub name: String,
    /// `live` or `shadow`: in shadow everything runs and nothing is written to the mall.
    pub mode: String,
    /// The operator's switch: `active`, `draining`, `suspended` or `resuming`.
    pub state: String,
    /// `pending` until the channel's open orders of the look-back are read, then `done`.
    pub baseline: String,
    pub health: HealthSheet,
    /// `null` while the channel is active.
    pub suspend: Option<SuspendSheet>,
    /// All orders up to here are certainly read, but for the gaps of `coverage`.
    pub watermark: Option<Timestamp>,
    #[serde(default)]
    pub coverage: CoverageSheet,
    pub last_poll_at: Option<Timestamp>,
    pub last_push_at: Option<Timestamp>,
    /// Listings that wait to be written.
    pub backlog: u64,
    /// Of these, those that can't be written for now at any rate: a write of theirs is under way, raises are stopped,
    /// or their share has no room.
    pub resting: u64,
    /// How long the others take at the allowed rate, by batch sizes and caps per day too; `null` while nothing may be
    /// written.
    pub backlog_eta_s: Option<u64>,
    pub quotas: Vec<QuotaSheet>,
    /// The mall's keys that are in use, by name.
    #[serde(default)]
    pub credentials: Vec<CredentialSheet>,
    /// Since when the oldest of each kind has waited.
    #[serde(default)]
    pub oldest: Oldest,
    /// Switches that are due later.
    pub schedule: Vec<ScheduleSheet>,
}

/// Which span of order time the channel has read completely, but for its gaps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Coverage)]
pub struct CoverageSheet {
    /// `null` where nobody noted it: the channel was connected by an older version.
    pub from: Option<Timestamp>,
    /// The watermark.
    pub until: Option<Timestamp>,
    /// By what was seen of late orders, the mall shows an order within so long; `null`: within what its card says.
    #[serde(default)]
    pub lag_s: Option<u64>,
    /// Open ones, oldest first.
    pub gaps: Vec<GapSheet>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Gap)]
pub struct GapSheet {
    pub id: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// `reach`: the mall no longer shows orders of that time; `late`: it showed one of them later than it is known to,
    /// and they are being read again.
    pub cause: String,
    /// When it was noticed.
    pub since: Timestamp,
}

/// A key of the mall. Its value is nowhere here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Credential)]
pub struct CredentialSheet {
    /// As in `[channels.credentials]`.
    #[schema(example = "license_key")]
    pub name: String,
    /// When uriba first saw this value.
    pub since: Timestamp,
    /// When it ends at the latest, by what the mall says of its keys; `null` where it says nothing.
    pub expires_at: Option<Timestamp>,
}

/// The two lanes of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Lanes)]
pub struct HealthSheet {
    pub orders: LaneSheet,
    pub stock: LaneSheet,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Lane)]
pub struct LaneSheet {
    /// `flowing`, `waiting` (comes back by itself) or `tripped` (a person should look).
    pub state: String,
    pub until: Option<Timestamp>,
    pub cause: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Suspension)]
pub struct SuspendSheet {
    /// `zero` or `freeze`.
    pub mode: String,
    pub reason: Option<String>,
    pub by: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Listings that may still show something, or were not read since.
    pub remaining: u64,
    /// Listings that may still show something and that the mall refuses to change.
    pub set_aside: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Quota)]
pub struct QuotaSheet {
    /// As in `[channels.quotas]`.
    pub name: String,
    /// Who shares it: the channel, or all that use one credential.
    pub scope: String,
    pub per_second: f64,
    pub burst: u32,
    /// Requests that could leave now.
    pub available: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_today: Option<u32>,
    /// The mall named this instant: nothing leaves before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = DueSwitch)]
pub struct ScheduleSheet {
    pub id: String,
    pub action: String,
    pub at: Timestamp,
    pub until: Option<Timestamp>,
    pub by: String,
}

impl Store {
    pub async fn channel_sheets(&self, outlines: &Outlines, paging: &Paging) -> Result<Page<ChannelSheet>> {
        let tx = self.snapshot().await?;
        let mut query =
            channel::Entity::find().filter(channel::Column::Configured.eq(true)).order_by_asc(channel::Column::Id);
        if let Some([after]) = paging.after()? {
            query = query.filter(channel::Column::Id.gt(after));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.id.clone()]);
        Ok(Page { items: self.sheets_of(&tx, rows, outlines).await?, next_cursor })
    }

    pub async fn channel_sheet(&self, id: &str, outlines: &Outlines) -> Result<ChannelSheet> {
        let ids = [id.to_owned()];
        let mut sheets = self.channel_sheets_of(&ids, outlines).await?;
        sheets.pop().ok_or_else(|| StoreError::Missing { kind: "channel", name: id.to_owned() })
    }

    /// These channels, in this order; ids that are unknown are left out.
    pub async fn channel_sheets_of(&self, ids: &[String], outlines: &Outlines) -> Result<Vec<ChannelSheet>> {
        let tx = self.snapshot().await?;
        let mut rows = channel::Entity::find()
            .filter(channel::Column::Configured.eq(true))
            .filter(channel::Column::Id.is_in(ids.iter().map(String::as_str)))
            .all(&tx)
            .await?;
        rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
        self.sheets_of(&tx, rows, outlines).await
    }

    async fn sheets_of(
        &self,
        tx: &DatabaseTransaction,
        rows: Vec<channel::Model>,
        outlines: &Outlines,
    ) -> Result<Vec<ChannelSheet>> {
        let quotas = quota::Entity::find().all(tx).await?;
        let quotas: HashMap<QuotaKey, quota::Model> =
            quotas.into_iter().map(|row| (QuotaKey::new(&row.scope, &row.name), row)).collect();
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let due = schedule::Entity::find()
            .filter(schedule::Column::Channel.is_in(ids.iter().copied()))
            .filter(schedule::Column::DoneAt.is_null())
            .order_by_asc(schedule::Column::At)
            .all(tx)
            .await?;
        let mut credentials = credentials::of_channels(tx, &ids).await?;
        let mut gaps = open_gaps(tx, &ids).await?;
        let mut sheets = Vec::with_capacity(rows.len());
        for row in rows {
            let now = self.now();
            let outline = outlines.get(&row.id);
            let suspend = self.suspend_sheet(tx, &row).await?;
            let backlog = self.backlog(tx, &row.id, suspend.as_ref()).await?;
            let quotas: Vec<QuotaSheet> = outline
                .iter()
                .flat_map(|outline| &outline.quotas)
                .map(|(name, key, rate)| quota_sheet(name, key, rate, quotas.get(key), now))
                .collect();
            let schedule = due.iter().filter(|due| due.channel == row.id).map(ScheduleSheet::from).collect();
            let health =
                HealthSheet { orders: lane(&row, LaneName::Orders).into(), stock: lane(&row, LaneName::Stock).into() };
            let open = outline.filter(|_| may_write(&row, now));
            let wait = maybe_instant(row.stock_until).map_or(Duration::ZERO, |until| between(now, until));
            let oldest = self.oldest(tx, &row.id).await?;
            let credentials = credentials.remove(&row.id).unwrap_or_default();
            let coverage = CoverageSheet {
                from: maybe_instant(row.read_from),
                until: maybe_instant(row.watermark),
                lag_s: row.lag.map(|lag| u64::try_from(lag).unwrap_or(0).div_ceil(1_000_000)),
                gaps: gaps.remove(&row.id).unwrap_or_default().iter().map(GapSheet::from).collect(),
            };
            sheets.push(ChannelSheet {
                coverage,
                backlog_eta_s: open.map(|outline| backlog.eta_s(outline, &quotas, wait, now)),
                watermark: maybe_instant(row.watermark),
                last_poll_at: maybe_instant(row.last_poll_at),
                last_push_at: maybe_instant(row.last_push_at),
                id: row.id,
                mall: row.mall,
                name: row.name,
                mode: row.mode,
                state: row.state,
                baseline: row.baseline,
                health,
                suspend,
                backlog: backlog.zeros + backlog.others + backlog.resting,
                resting: backlog.resting,
                quotas,
                credentials: credentials.iter().map(CredentialSheet::from).collect(),
                oldest,
                schedule,
            });
        }
        Ok(sheets)
    }

    async fn suspend_sheet(&self, tx: &DatabaseTransaction, row: &channel::Model) -> Result<Option<SuspendSheet>> {
        let Some(mode) = row.suspend_mode.clone().filter(|_| row.state != State::Active.word()) else {
            return Ok(None);
        };
        let draining = match State::parse(&row.state) {
            Some(State::Draining | State::Suspended) if mode == Mode::Zero.word() => self.draining_on(tx, row).await?,
            _ => Default::default(),
        };
        Ok(Some(SuspendSheet {
            mode,
            reason: row.suspend_reason.clone(),
            by: row.suspended_by.clone(),
            since: maybe_instant(row.suspended_at),
            until: maybe_instant(row.suspend_until),
            remaining: draining.remaining,
            set_aside: draining.set_aside,
        }))
    }

    /// What waits to be written, and isn't set aside: the zeros that are left while draining, else the
    /// listings whose target is not what the mall shows.
    async fn backlog(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        suspend: Option<&SuspendSheet>,
    ) -> Result<Backlog> {
        use publication::Column;
        if let Some(suspend) = suspend.filter(|suspend| suspend.mode == Mode::Zero.word()) {
            return Ok(Backlog { zeros: suspend.remaining, ..Backlog::default() });
        }
        let now = micros(self.now());
        let awake = Condition::any().add(Column::SetAsideUntil.is_null()).add(Column::SetAsideUntil.lte(now));
        // Each by an index that holds nothing else.
        let of_channel = || publication::Entity::find().filter(Column::Channel.eq(channel));
        let resting = of_channel().filter(Column::RestsUntil.is_not_null()).filter(awake).count(tx).await?;
        let queued: Vec<(i64, i64)> = of_channel()
            .select_only()
            .column(Column::Urgency)
            .column_as(Column::ListingId.count(), "listings")
            .filter(holds(Column::Queued))
            .group_by(Column::Urgency)
            .into_tuple()
            .all(tx)
            .await?;
        let mut backlog = Backlog { resting, ..Backlog::default() };
        for (urgency, listings) in queued {
            let is_zero = urgency == urgency_rank(Some(Urgency::Zero));
            let of = if is_zero { &mut backlog.zeros } else { &mut backlog.others };
            *of += u64::try_from(listings).unwrap_or(0);
        }
        Ok(backlog)
    }
}

/// Writes that wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    pub zeros: u64,
    pub others: u64,
    pub resting: u64,
}

impl Backlog {
    pub fn requests(&self, outline: &Outline) -> u64 {
        let kind = |writes, batch_max| Waiting { writes, batch_max };
        if outline.zeros == outline.others {
            backlog::requests(&[kind(self.zeros + self.others, outline.others.items_max)])
        } else {
            backlog::requests(&[kind(self.zeros, outline.zeros.items_max), kind(self.others, outline.others.items_max)])
        }
    }

    /// Whole seconds until the last batch of it may leave.
    pub fn eta_s(&self, outline: &Outline, quotas: &[QuotaSheet], wait: Duration, now: Timestamp) -> u64 {
        let requests = self.requests(outline);
        if requests == 0 {
            return 0;
        }
        let of_push = quotas.iter().filter(|quota| outline.push_quotas.contains(&quota.name));
        let flows: Vec<Flow> = of_push
            .map(|quota| Flow {
                per_second: quota.per_second,
                available: quota.available,
                not_before: quota.waiting_until,
                per_day: quota.per_day.zip(quota.left_today).map(|(cap, left)| (cap, cap.saturating_sub(left))),
            })
            .collect();
        wait.max(backlog::time_to_send(requests, &flows, now)).as_secs_f64().ceil() as u64
    }
}

fn may_write(row: &channel::Model, now: Timestamp) -> bool {
    let situation = situation_of(row, now);
    situation.live && situation.switch != Some(Mode::Freeze)
}

fn quota_sheet(name: &str, key: &QuotaKey, rate: &Rate, row: Option<&quota::Model>, now: Timestamp) -> QuotaSheet {
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    let per_second = row.map_or(rate.per_second, |row| row.per_second);
    // A quota of which nothing is known begins with one token.
    let available = row.map_or(1.0, |row| {
        let passed = between(instant(row.at), now).as_secs_f64();
        row.available as f64 + passed * per_second
    });
    let today = now.as_second().div_euclid(86_400);
    let used = row.filter(|row| row.day == today).map_or(0, |row| small(row.used_today));
    let left_today = rate.per_day.map(|per_day| per_day.saturating_sub(used));
    let available = available.clamp(0.0, f64::from(rate.burst)) as u32;
    QuotaSheet {
        name: name.to_owned(),
        scope: key.scope.clone(),
        per_second,
        burst: rate.burst,
        available: available.min(left_today.unwrap_or(u32::MAX)),
        per_day: rate.per_day,
        left_today,
        waiting_until: row.and_then(|row| maybe_instant(row.not_before)).filter(|until| *until > now),
    }
}

impl From<Lane> for LaneSheet {
    fn from(lane: Lane) -> Self {
        Self { state: lane.state.word().to_owned(), until: lane.until, cause: lane.cause }
    }
}

impl From<&credential::Model> for CredentialSheet {
    fn from(row: &credential::Model) -> Self {
        let expires_at = row.term().map(Term::expires_at);
        Self { name: row.name.clone(), since: instant(row.since), expires_at }
    }
}

impl From<&order_gap::Model> for GapSheet {
    fn from(row: &order_gap::Model) -> Self {
        Self {
            id: row.id.to_string(),
            from: instant(row.from_at),
            until: instant(row.until_at),
            cause: row.cause.clone(),
            since: instant(row.since),
        }
    }
}

impl From<&schedule::Model> for ScheduleSheet {
    fn from(row: &schedule::Model) -> Self {
        Self {
            id: row.id.to_string(),
            action: row.action.clone(),
            at: instant(row.at),
            until: maybe_instant(row.until),
            by: row.by.clone(),
        }
    }
}
