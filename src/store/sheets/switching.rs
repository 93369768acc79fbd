//! What throwing the switch would do: how many listings would be written, in how many requests, and what it wouldn't
//! reach. Counted from the marks by which the steps find their work; nothing is changed.

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, Select, sea_query::Query,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ChannelSheet, Outlines, channel::Backlog};
use crate::{
    domain::{
        suspend::{self, Mode, State},
        time::between,
    },
    store::{
        Result, Store, StoreError,
        channels::STOREFRONT,
        dialect::holds,
        entity::{listing, publication},
        micros,
    },
};

/// What is asked of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throw {
    Suspend(Mode),
    Resume,
}

/// What a switch would do to a channel, as of now; listings are counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SwitchPreview)]
pub struct SwitchPreview {
    pub channel: String,
    /// The switch's state now, and what it would become.
    pub now: String,
    pub then: String,
    /// Listings that would be set to 0.
    pub to_zero: u64,
    /// Listings that would be written otherwise: raised, or lowered to something.
    pub to_target: u64,
    /// Requests that take, and how long at the allowed rate; `null` where nothing may be written.
    pub requests: u64,
    pub seconds: Option<u64>,
    pub left_alone: LeftAlone,
}

/// Listings that may show something and would go on showing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LeftAlone)]
pub struct LeftAlone {
    /// The channel is a shadow, to which nothing is written.
    pub shadow: u64,
    /// They would keep what they show.
    pub frozen: u64,
    /// Their mall refuses to change them; tried again from time to time.
    pub set_aside: u64,
    /// Fulfilled by the mall.
    pub not_ours: u64,
    /// Not found at the mall under their key.
    pub not_found: u64,
    /// Their key has not been looked up at the mall yet; whatever is due is done to them once it has.
    pub to_look_up: u64,
}

impl Store {
    /// For these channels, in this order; an unknown one refuses all.
    pub async fn preview_switch(
        &self,
        ids: &[String],
        throw: Throw,
        outlines: &Outlines,
    ) -> Result<Vec<SwitchPreview>> {
        let sheets = self.channel_sheets_of(ids, outlines).await?;
        if let Some(missing) = ids.iter().find(|id| !sheets.iter().any(|sheet| sheet.id == **id)) {
            return Err(StoreError::Missing { kind: "channel", name: missing.clone() });
        }
        let tx = self.snapshot().await?;
        let mut previews = Vec::with_capacity(sheets.len());
        for sheet in &sheets {
            previews.push(preview(&tx, sheet, throw, outlines, self.now()).await?);
        }
        Ok(previews)
    }
}

async fn preview(
    tx: &DatabaseTransaction,
    sheet: &ChannelSheet,
    throw: Throw,
    outlines: &Outlines,
    now: Timestamp,
) -> Result<SwitchPreview> {
    let state = State::parse(&sheet.state).unwrap_or(State::Active);
    let mode = sheet.suspend.as_ref().and_then(|suspend| Mode::parse(&suspend.mode));
    let (then, mode) = match throw {
        Throw::Suspend(wanted) => {
            suspend::suspend(state, mode, wanted).map_or((state, mode), |(to, mode)| (to, Some(mode)))
        }
        Throw::Resume => (suspend::resume(state).unwrap_or(state), None),
    };
    let mut found = SwitchPreview {
        channel: sheet.id.clone(),
        now: word(state, sheet.suspend.as_ref().and_then(|suspend| Mode::parse(&suspend.mode))),
        then: word(then, mode),
        to_zero: 0,
        to_target: 0,
        requests: 0,
        seconds: None,
        left_alone: LeftAlone::default(),
    };
    if sheet.mall == STOREFRONT {
        return Ok(found);
    }
    let counts = Counts { tx, channel: &sheet.id, now: micros(now) };
    let left = &mut found.left_alone;
    left.not_ours = counts.of(counts.listings(true, &["ready", "new", "invalid", "missing"])).await?;
    left.not_found = counts.of(counts.lit(&["invalid", "missing"])).await?;
    left.to_look_up = counts.of(counts.lit(&["new"])).await?;
    left.set_aside = counts.of(counts.lit(&["ready"]).filter(counts.asleep())).await?;
    let awake = counts.lit(&["ready"]).filter(counts.awake());
    let Some(outline) = outlines.get(&sheet.id) else { return Ok(found) };
    if sheet.mode != "live" {
        left.shadow = counts.of(awake).await?;
        return Ok(found);
    }
    let frozen = matches!(then, State::Draining | State::Suspended) && mode == Some(Mode::Freeze);
    if frozen {
        left.frozen = counts.of(awake).await?;
        return Ok(found);
    }
    let wanting = counts.listings(false, &["ready"]).filter(holds(publication::Column::Wants)).filter(counts.awake());
    if matches!(then, State::Draining | State::Suspended) {
        found.to_zero = counts.of(awake).await?;
    } else {
        found.to_zero = counts.of(wanting.clone().filter(publication::Column::Target.eq(0))).await?;
        found.to_target = counts.of(wanting).await? - found.to_zero;
    }
    let backlog = Backlog { zeros: found.to_zero, others: found.to_target, resting: 0 };
    let wait = sheet.health.stock.until.map_or_else(Default::default, |until| between(now, until));
    found.requests = backlog.requests(outline);
    found.seconds = Some(backlog.eta_s(outline, &sheet.quotas, wait, now));
    Ok(found)
}

/// `suspended (zero)`.
fn word(state: State, mode: Option<Mode>) -> String {
    match (state, mode) {
        (State::Draining | State::Suspended, Some(mode)) => format!("{} ({})", state.word(), mode.word()),
        _ => state.word().to_owned(),
    }
}

/// Counts a channel's listings.
struct Counts<'a> {
    tx: &'a DatabaseTransaction,
    channel: &'a str,
    now: i64,
}

impl Counts<'_> {
    async fn of(&self, rows: Select<publication::Entity>) -> Result<u64> {
        Ok(rows.count(self.tx).await?)
    }

    fn listings(&self, not_ours: bool, states: &[&str]) -> Select<publication::Entity> {
        let named = Query::select()
            .column(listing::Column::Id)
            .from(listing::Entity)
            .and_where(listing::Column::Channel.eq(self.channel))
            .and_where(listing::Column::NotOurs.eq(not_ours))
            .and_where(listing::Column::State.is_in(states.iter().copied()))
            .to_owned();
        publication::Entity::find()
            .filter(publication::Column::Channel.eq(self.channel))
            .filter(publication::Column::ListingId.in_subquery(named))
    }

    /// That may show something.
    fn lit(&self, states: &[&str]) -> Select<publication::Entity> {
        self.listings(false, states).filter(publication::Column::Lit.eq(true))
    }

    fn awake(&self) -> Condition {
        let until = publication::Column::SetAsideUntil;
        Condition::any().add(until.is_null()).add(until.lte(self.now))
    }

    fn asleep(&self) -> Condition {
        Condition::all().add(publication::Column::SetAsideUntil.gt(self.now))
    }
}
