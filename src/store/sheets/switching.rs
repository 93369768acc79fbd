//! What throwing the switch would do: how many listings would be written, in how many requests, and what it wouldn't
//! reach. Counted from the marks by which the steps find their work; nothing is changed.
//!
//! What is sold in shares is shared anew when a channel comes or goes. For that the figures are computed as if the switch
//! were thrown and had done its work, some hundred SKUs at a time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, sea_query::Query,
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
        ROWS_PER_STATEMENT, Result, Store, StoreError,
        balance::{Thrown, sells_of},
        bundles::touched,
        channels::{STOREFRONT, find},
        dialect::holds,
        entity::{channel, listing, publication, stock},
        micros,
        numbers::Supposed,
        preview::{Changes, Preview},
        publication_rows::Listed,
        stock::pieces,
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
    /// Of SKUs that are sold in shares: figures of this channel that would be others, as they are wanted first.
    #[serde(default)]
    pub changes: Changes,
    /// How many figures of channels that aren't switched would be others, too.
    #[serde(default)]
    pub elsewhere: u64,
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
        let mut supposed = Supposed::nothing(self.now());
        supposed.switches = sheets.iter().map(|sheet| (sheet.id.clone(), thrown(sheet, throw).done())).collect();
        let mut previews = Vec::with_capacity(sheets.len());
        for sheet in &sheets {
            let anew = self.shared_anew(&tx, sheet, &supposed).await?;
            let found = preview(&tx, sheet, throw, outlines, (&anew, supposed.at)).await?;
            let changes = self.weighed(anew.preview).await?;
            previews.push(SwitchPreview { changes, elsewhere: anew.elsewhere, ..found });
        }
        Ok(previews)
    }

    /// What of the channel's SKUs in shares would show something else.
    async fn shared_anew(&self, tx: &DatabaseTransaction, sheet: &ChannelSheet, supposed: &Supposed) -> Result<Anew> {
        let mut anew = Anew::default();
        let mut strangers = BTreeSet::new();
        let now = Supposed::nothing(supposed.at);
        let channel = find(tx, &sheet.id).await?;
        let mut after = i64::MIN;
        while let Some(rows) = page_in_shares(tx, &channel, &mut after).await? {
            let before = self.numbers_of(tx, rows.clone(), &now).await?;
            let mut then = self.numbers_of(tx, rows, supposed).await?;
            then.retain(|id, (_, figure)| before.get(id).is_none_or(|(_, before)| before != figure));
            let elsewhere = then.iter().filter(|(_, (row, _))| !supposed.switches.contains_key(&row.channel));
            strangers.extend(elsewhere.map(|(id, _)| *id));
            then.retain(|_, (row, _)| row.channel == sheet.id);
            anew.preview.compare(tx, &before, &then).await?;
            let ids: BTreeSet<i64> = then.keys().copied().collect();
            for mut listed in self.peek_listed(tx, &ids).await? {
                let was = listed.publication.target;
                listed.publication.target = then.get(&listed.id()).and_then(|(_, figure)| *figure);
                anew.own.insert(listed.id(), (was, listed));
            }
        }
        anew.elsewhere = strangers.len() as u64;
        Ok(anew)
    }
}

/// What shares would be others.
#[derive(Default)]
struct Anew {
    preview: Preview,
    /// Of the channel itself, as they would be, with what they are to show now.
    own: BTreeMap<i64, (Option<i64>, Listed)>,
    elsewhere: u64,
}

impl Anew {
    /// How the numbers of listings to be written differ from those that the marks say: to zero, and otherwise.
    fn differences(&self, now: i64) -> (i64, i64) {
        let mut found = (0, 0);
        let mut count = |target: Option<i64>, n: i64| {
            let of = if target == Some(0) { &mut found.0 } else { &mut found.1 };
            *of += n;
        };
        for (was, listed) in self.own.values() {
            let asleep = listed.row.set_aside_until.is_some_and(|until| until > now);
            if listed.listing.state != "ready" || listed.listing.not_ours || asleep {
                continue;
            }
            count(*was, -i64::from(listed.row.wants));
            count(listed.publication.target, i64::from(listed.publication.marks(false).wants.is_some()));
        }
        found
    }
}

/// The switch's state after a throw, and its mode where it is off.
#[derive(Clone, Copy)]
struct After {
    state: State,
    mode: Option<Mode>,
}

impl After {
    /// When it has done its work.
    fn done(self) -> Thrown {
        let off = matches!(self.state, State::Draining | State::Suspended);
        let state = if off { State::Suspended } else { State::Active };
        Thrown { state, zeroed: off && self.mode == Some(Mode::Zero) }
    }
}

fn thrown(sheet: &ChannelSheet, throw: Throw) -> After {
    let state = State::parse(&sheet.state).unwrap_or(State::Active);
    let mode = sheet.suspend.as_ref().and_then(|suspend| Mode::parse(&suspend.mode));
    match throw {
        Throw::Suspend(wanted) => suspend::suspend(state, mode, wanted)
            .map_or(After { state, mode }, |(state, mode)| After { state, mode: Some(mode) }),
        Throw::Resume => After { state: suspend::resume(state).unwrap_or(state), mode: None },
    }
}

/// Every listing that draws on what the channel sells in shares, some hundred SKUs at a time.
async fn page_in_shares(
    tx: &DatabaseTransaction,
    channel: &channel::Model,
    after: &mut i64,
) -> Result<Option<Vec<listing::Model>>> {
    let sold = Query::select()
        .column(listing::Column::SkuId)
        .from(listing::Entity)
        .and_where(listing::Column::Channel.eq(&channel.id))
        .to_owned();
    let skus = stock::Entity::find().select_only().column(stock::Column::SkuId).filter(sells_of(&sold));
    let skus = skus.filter(stock::Column::Pool.eq(&channel.pool)).filter(stock::Column::Mode.is_not_null());
    let skus = skus.filter(stock::Column::SkuId.gt(*after)).order_by_asc(stock::Column::SkuId);
    let skus: Vec<i64> = skus.limit(ROWS_PER_STATEMENT as u64).into_tuple().all(tx).await?;
    let Some(last) = skus.last() else { return Ok(None) };
    *after = *last;
    let mut rows = Vec::new();
    for piece in pieces(&touched(tx, &skus.into_iter().collect()).await?) {
        rows.extend(listing::Entity::find().filter(listing::Column::SkuId.is_in(piece)).all(tx).await?);
    }
    Ok(Some(rows))
}

async fn preview(
    tx: &DatabaseTransaction,
    sheet: &ChannelSheet,
    throw: Throw,
    outlines: &Outlines,
    (anew, now): (&Anew, Timestamp),
) -> Result<SwitchPreview> {
    let state = State::parse(&sheet.state).unwrap_or(State::Active);
    let After { state: then, mode } = thrown(sheet, throw);
    let mut found = SwitchPreview {
        channel: sheet.id.clone(),
        now: word(state, sheet.suspend.as_ref().and_then(|suspend| Mode::parse(&suspend.mode))),
        then: word(then, mode),
        to_zero: 0,
        to_target: 0,
        requests: 0,
        seconds: None,
        left_alone: LeftAlone::default(),
        changes: Changes::default(),
        elsewhere: 0,
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
        let (zeros, others) = anew.differences(micros(now));
        found.to_zero = found.to_zero.saturating_add_signed(zeros);
        found.to_target = found.to_target.saturating_add_signed(others);
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
