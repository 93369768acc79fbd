//! Orders of a past span that somebody asked for: one request at a time, no faster than asked for, in no other hours, and
//! only when nothing newer is to be read. Where the polls take all of the mall's quota, that would be never: there one of
//! its requests goes after ten of them.

use std::time::Duration;

use jiff::Timestamp;
use uriba_sdk::{Found, Query, Span};

use super::{Again, Channel};
use crate::{
    domain::{
        health::{Lane, LaneState},
        pages::{self, Turned},
        time::later,
        windows::{self, Window},
    },
    store::{
        Result, Store,
        channels::{LaneName, lane},
        entity::backfill,
        instant,
        intake::Page,
        lease::Lease,
        micros,
        pages::page_name,
        polling::Progress,
    },
};

/// How often is looked whether somebody asks.
const GLANCE: Duration = Duration::from_secs(1);

/// What a request brought, and how far the backfill is by it; or why it can't go on.
enum Brought {
    Orders(Found, Box<backfill::Model>),
    Fault(String),
}

pub async fn step(store: &Store, here: &Channel, lease: &Lease) -> Result<Again> {
    let now = store.now();
    let Some(asked) = store.open_backfill(here.id()).await? else { return Ok(Again::At(later(now, GLANCE))) };
    let row = store.channel(here.id()).await?;
    let lane = lane(&row, LaneName::Orders);
    if let Some(until) = lane.until.filter(|until| *until > now) {
        fail_while_stopped(store, here, lease, &lane).await?;
        return Ok(Again::At(until));
    }
    here.before_probe(&lane);
    let operation = if asked.heads.is_empty() { here.orders.search } else { here.orders.by_id };
    let ready = here.line().wire.ready_at(operation).max(instant(asked.next_at));
    if ready > now {
        return Ok(Again::At(ready));
    }
    if windows::is_outlived(&here.orders, instant(asked.read_to), now) {
        let problem = format!("the mall no longer shows orders from {} on", instant(asked.read_to));
        store.fail_backfill(lease, &asked, &problem).await?;
        return Ok(Again::Now);
    }
    here.backfill_had_its_turn();
    match request(here, asked.clone(), now).await {
        Ok(Brought::Orders(found, after)) => {
            let page = Page { read_at: now, progress: Progress::Backfill(after), ..Page::of(&found) };
            let taken = store.take_in(lease, &here.intake, page).await?;
            let channel = here.id().to_owned();
            metrics::counter!("uriba_orders_ingested_total", "channel" => channel).increment(taken.orders as u64);
            here.went_well(store, lease, &row, LaneName::Orders).await?;
        }
        Ok(Brought::Fault(problem)) => store.fail_backfill(lease, &asked, &problem).await?,
        Err(error) => {
            let reaction = here.went_wrong(store, lease, &row, LaneName::Orders, &error, store.now()).await?;
            return Ok(reaction.lane.until.map_or(Again::Now, Again::At));
        }
    }
    Ok(Again::Now)
}

/// Whoever asked hears of a stopped lane instead of waiting for it.
pub(super) async fn fail_while_stopped(store: &Store, here: &Channel, lease: &Lease, lane: &Lane) -> Result<()> {
    if lane.state != LaneState::Tripped {
        return Ok(());
    }
    store.fail_peoples_backfills(lease, here.id(), lane.cause.as_deref().unwrap_or("the orders lane is stopped")).await
}

async fn request(here: &Channel, asked: backfill::Model, now: Timestamp) -> uriba_sdk::Result<Brought> {
    let line = here.line();
    let pause = Duration::from_secs(60) / u32::try_from(asked.per_minute.max(1)).unwrap_or(u32::MAX);
    let mut after = backfill::Model { next_at: micros(later(now, pause)), ..asked.clone() };
    let window = windows::of_the_past(&here.orders, instant(asked.read_to), instant(asked.until_at));
    if !asked.heads.is_empty() {
        let waiting: Vec<String> = asked.heads.lines().map(str::to_owned).collect();
        let (wanted, rest) = waiting.split_at(waiting.len().min(here.orders.by_id_max));
        let found = line.mall.by_id(wanted).await?;
        after.heads = rest.join("\n");
        finish(&mut after, window);
        return Ok(Brought::Orders(found, Box::new(after)));
    }
    let span = Span::Window { from: window.from, to: window.to };
    let page = line.mall.pull(&Query { span, open_only: false, token: asked.token.clone() }).await?;
    if let Some(read_to) = page.read_to.filter(|read_to| *read_to < window.to) {
        return Ok(Brought::Fault(format!("the mall says that its list is complete up to {read_to} only")));
    }
    if page.next.is_some() {
        let name = page_name(&page.orders, &page.heads);
        match pages::turned(asked.pages, asked.mark.as_deref(), name.as_deref()) {
            Turned::On(mark) => after.mark = mark,
            Turned::Endless(why) => return Ok(Brought::Fault(format!("a list of orders without an end: {why}"))),
        }
    }
    after.pages += 1;
    after.token = page.next;
    after.heads = page.heads.into_iter().map(|head| head.id).collect::<Vec<_>>().join("\n");
    finish(&mut after, window);
    let found = Found { orders: page.orders, unread: page.unread, ..Found::default() };
    Ok(Brought::Orders(found, Box::new(after)))
}

/// When nothing of the window is left, the next one begins where it ends.
fn finish(after: &mut backfill::Model, window: Window) {
    if after.heads.is_empty() && after.token.is_none() {
        after.read_to = micros(window.to);
        after.pages = 0;
        after.mark = None;
    }
}
