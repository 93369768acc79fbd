//! One request for orders, its facts and the window's progress in one transaction.

use uriba_sdk::{Class, Found, Query, Span};

use super::{Again, Channel, backfill};
use crate::{
    domain::{
        health::Lane,
        time::{earlier, later},
        windows,
    },
    store::{
        Result, Store,
        channels::{LaneName, lane},
        entity::{channel, poll_window},
        instant,
        intake::Page,
        lease::Lease,
        polling::{Progress, Work},
    },
};

pub async fn step(store: &Store, here: &Channel, lease: &Lease) -> Result<Again> {
    let now = store.now();
    let row = store.channel(here.id()).await?;
    let lane = lane(&row, LaneName::Orders);
    if !row.poll {
        if row.suspend_until.is_none() {
            store
                .fail_peoples_backfills(
                    lease,
                    here.id(),
                    "the channel is suspended, and its orders are not read meanwhile",
                )
                .await?;
        }
        return Ok(Again::At(later(now, here.plan.poll_interval)));
    }
    if let Some(until) = lane.until.filter(|until| *until > now) {
        backfill::fail_while_stopped(store, here, lease, &lane).await?;
        return Ok(Again::At(until));
    }
    let work = store.poll_work(&row, &here.orders).await?;
    let operation = match &work {
        Work::ById(_) => here.orders.by_id,
        Work::Page(_) => here.orders.search,
        Work::Idle { until } if *until > now => {
            return Ok(match backfill::step(store, here, lease).await? {
                Again::Now => Again::Now,
                Again::At(at) => Again::At(at.min(*until)),
            });
        }
        Work::Idle { .. } => {
            // Whether a lane flows again is for newer orders to find out.
            if here.owes_backfill()
                && lane == Lane::default()
                && backfill::step(store, here, lease).await? == Again::Now
            {
                return Ok(Again::Now);
            }
            // A window ends when its cycle begins: one that then waited for its quota would end that much too soon.
            let ready = here.line().wire.ready_at(here.orders.search);
            if ready > now {
                return Ok(Again::At(ready));
            }
            let (lookback, interval) = (here.plan.initial_lookback, here.plan.poll_interval);
            let present = earlier(now, here.behind());
            store.begin_cycle(lease, &row, &here.orders, present, lookback, interval).await?;
            here.polled();
            return Ok(Again::Now);
        }
    };
    // A list that is being turned goes on by what the mall gave for it.
    if let Work::Page(window) = &work
        && window.pages == 0
        && window.family.is_none()
        && windows::is_outlived(&here.orders, instant(window.from_at), earlier(now, here.behind()))
    {
        store.plan_anew(lease, here.id(), window).await?;
        return Ok(Again::Now);
    }
    here.before_probe(&lane);
    let ready = here.line().wire.ready_at(operation);
    if ready > now {
        return Ok(Again::At(ready));
    }
    request(store, here, lease, &row, work).await
}

async fn request(store: &Store, here: &Channel, lease: &Lease, row: &channel::Model, work: Work) -> Result<Again> {
    let read_at = store.now();
    let line = here.line();
    let asked = match work {
        Work::ById(ids) => line.mall.by_id(&ids).await.map(|found| (found, Progress::Heads(ids))),
        Work::Page(window) => line.mall.pull(&query(&window)).await.map(|page| {
            // Nothing is proven beyond the mall's own present.
            let present = Some(here.behind()).filter(|behind| !behind.is_zero()).map(|behind| earlier(read_at, behind));
            let (next, read_to) = (page.next, page.read_to.into_iter().chain(present).min());
            let found = Found { orders: page.orders, unread: page.unread, ..Found::default() };
            (found, Progress::Page { window: window.id, heads: page.heads, next, read_to })
        }),
        Work::Idle { .. } => return Ok(Again::Now),
    };
    let channel = here.id().to_owned();
    let result = if asked.is_ok() { "ok" } else { "failed" };
    metrics::counter!("uriba_poll_total", "channel" => channel.clone(), "result" => result).increment(1);
    match asked {
        Ok((found, progress)) => {
            let page = Page { read_at, progress, ..Page::of(&found) };
            let taken = store.take_in(lease, &here.intake, page).await?;
            if taken.concluded {
                here.count_drifts(&store.judge_waiting(lease, &here.outlet, store.now()).await?);
            }
            metrics::counter!("uriba_orders_ingested_total", "channel" => channel).increment(taken.orders as u64);
            if let Some(why) = taken.endless {
                let class = Class::Malformed { what: format!("a list of orders without an end: {why}") };
                let error = line.wire.error(here.orders.search, class, "");
                let reaction = here.went_wrong(store, lease, row, LaneName::Orders, &error, store.now()).await?;
                return Ok(reaction.lane.until.map_or(Again::Now, Again::At));
            }
            here.went_well(store, lease, row, LaneName::Orders).await?;
            if let Some(off) = line.wire.clock_off(here.orders.search) {
                store.note_clock(lease, here.id(), off.certain()).await?;
            }
            Ok(Again::Now)
        }
        Err(error) => {
            let reaction = here.went_wrong(store, lease, row, LaneName::Orders, &error, store.now()).await?;
            Ok(reaction.lane.until.map_or(Again::Now, Again::At))
        }
    }
}

fn query(window: &poll_window::Model) -> Query {
    let span = match &window.family {
        Some(family) => Span::Family(family.clone()),
        None => Span::Window { from: instant(window.from_at), to: instant(window.to_at) },
    };
    Query { span, open_only: window.open_only, token: window.token.clone() }
}
