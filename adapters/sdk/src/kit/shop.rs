//! One adapter, open before its own fresh fake, on a clock that moves only when told to.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use super::{Finding, Miss, ensure, failed, listings::Known, safekeeping::Watched, spy::Spy};
use crate::{
    card::Card,
    env::Env,
    error::{Class, Result},
    fake::{Answered, Book, BookOrder, FakeMall, FakeOptions, Fault, Item, ManualEnv, Meters, Times},
    mall::{Found, Head, ListingKey, Mall, MallEntry, Page, Query, Settings, Span, Unread},
    order::Order,
    stock::{Outcome, Reading, Update},
    wire::{Gates, Vault, Wire},
};

/// Waits for a quota that one call may need. A search that takes a token of 1/180 s needs one.
const WAITS_MAX: usize = 50;
/// No window of the kit has so many pages.
const PAGES_MAX: usize = 400;

pub(super) struct Shop {
    pub(super) entry: &'static MallEntry,
    pub(super) env: Arc<ManualEnv>,
    pub(super) spy: Arc<Spy>,
    pub(super) gates: Arc<Gates>,
    pub(super) meters: Arc<Meters>,
    pub(super) fake: Box<dyn FakeMall>,
    pub(super) settings: Settings,
    pub(super) mall: Box<dyn Mall>,
    /// What it has learned about the shop's items.
    pub(super) known: Known,
    /// Credentials that the mall replaced: they outlive every adapter that is opened here.
    pub(super) safe: Arc<Watched>,
    /// Requests that the fake has heard of since somebody last asked.
    heard: Arc<Mutex<Vec<Answered>>>,
    opened_at: Timestamp,
}

/// A call of the contract, under way.
pub(super) type Calling<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// All pages of a search.
#[derive(Default)]
pub(super) struct Haul {
    pub(super) heads: Vec<Head>,
    pub(super) orders: Vec<Order>,
    pub(super) unread: Vec<Unread>,
    pub(super) pages: usize,
}

impl Haul {
    /// Every id as often as it came.
    pub(super) fn ids(&self) -> Vec<String> {
        let heads = self.heads.iter().map(|head| head.id.clone());
        let orders = self.orders.iter().map(|order| order.id.clone());
        heads.chain(orders).chain(self.unread.iter().filter_map(|unread| unread.order_id.clone())).collect()
    }
}

impl Shop {
    pub(super) async fn open(entry: &'static MallEntry) -> std::result::Result<Self, Miss> {
        Self::on(entry, ManualEnv::new(7)).await
    }

    pub(super) async fn on(entry: &'static MallEntry, env: ManualEnv) -> std::result::Result<Self, Miss> {
        let (env, meters, gates) = (Arc::new(env), Arc::<Meters>::default(), Arc::new(Gates::fresh()));
        let spy = Arc::new(Spy::new(env.clone()));
        Self::named(entry, "a", env, spy, meters, gates).await
    }

    /// Another shop of the same mall, on the same clock, behind the same gates.
    pub(super) async fn sibling(&self, name: &str) -> std::result::Result<Self, Miss> {
        let (env, spy) = (self.env.clone(), self.spy.clone());
        Self::named(self.entry, name, env, spy, self.meters.clone(), self.gates.clone()).await
    }

    async fn named(
        entry: &'static MallEntry,
        name: &str,
        env: Arc<ManualEnv>,
        spy: Arc<Spy>,
        meters: Arc<Meters>,
        gates: Arc<Gates>,
    ) -> std::result::Result<Self, Miss> {
        let options = FakeOptions::new(env.clone(), meters.clone(), name);
        let fake = (entry.fake)(options).await;
        let settings = fake.settings(&format!("{}-{name}", entry.id));
        spy.learn(&settings);
        let heard = Arc::<Mutex<Vec<Answered>>>::default();
        let hears = heard.clone();
        fake.book().listen(move |answered| hears.lock().expect("no panic happens under this lock").push(answered));
        let safe = Arc::<Watched>::default();
        let mall = mall(entry, &settings, (&spy, &gates, &safe))
            .map_err(|error| failed("an adapter that opens with the fake's own settings", error.to_string()))?;
        let opened_at = env.now();
        Ok(Self {
            entry,
            env,
            spy,
            gates,
            meters,
            fake,
            settings,
            mall,
            known: Known::default(),
            safe,
            heard,
            opened_at,
        })
    }

    /// The same channel after a restart: no token is cached.
    pub(super) fn reopened(&self, settings: &Settings) -> std::result::Result<Box<dyn Mall>, String> {
        self.spy.learn(settings);
        mall(self.entry, settings, (&self.spy, &self.gates, &self.safe)).map_err(|error| error.to_string())
    }

    /// The same with the settings that are right.
    pub(super) fn restarted(&self) -> std::result::Result<Box<dyn Mall>, Miss> {
        self.reopened(&self.settings).map_err(|why| failed("an adapter that opens a second time", why))
    }

    /// Every request since the last question, by the fake's word.
    pub(super) fn heard(&self) -> Vec<Answered> {
        std::mem::take(&mut *self.heard.lock().expect("no panic happens under this lock"))
    }

    /// Shops of a check's own have meters of their own.
    pub(super) fn within_quotas(&self) -> Finding {
        let violations = self.meters.violations();
        ensure(violations.is_empty(), || ("no request above a quota, as the fake counts", violations.join("\n")))
    }

    pub(super) fn card(&self) -> &'static Card {
        self.entry.card
    }

    pub(super) fn book(&self) -> &Book {
        self.fake.book()
    }

    /// Lists the shop's `n`-th item.
    pub(super) fn list(&self, n: usize, figure: i64) -> String {
        self.list_as(n, figure, |_| ())
    }

    pub(super) fn list_as(&self, n: usize, figure: i64, change: impl FnOnce(&mut Item)) -> String {
        let key = self.fake.mall_key(n);
        let mut item = Item::new(figure);
        change(&mut item);
        self.book().list(&key, item);
        key
    }

    pub(super) fn figure(&self, key: &str) -> i64 {
        self.book().item(key).map_or(0, |item| item.counter)
    }

    pub(super) fn fault(&self, operation: &str, fault: Fault) {
        self.book().fault(operation, fault, Times::Next(1));
    }

    pub(super) fn place(&self, wanted: &[(&str, u32)]) -> std::result::Result<String, Miss> {
        self.book().place(wanted).map_err(|_| sold_out())
    }

    /// Lets time pass until searches can find all that has happened so far.
    pub(super) fn settle(&self) {
        let orders = &self.card().orders;
        self.env.advance(orders.visibility_lag + orders.edge + orders.precision.max(std::time::Duration::from_secs(1)));
    }

    /// Lets time pass until all writes so far are in effect.
    pub(super) fn take_effect(&self) {
        if let Some(lag) = self.card().times.effect_lag {
            self.env.advance(lag.max + std::time::Duration::from_secs(1));
        }
    }

    /// Lets time pass until no write that was ever sent can still land.
    pub(super) fn land(&self) {
        let slowest = self.card().operations.iter().map(|operation| operation.takes).max().unwrap_or_default();
        self.env.advance(self.card().times.late_apply + slowest * 4 + std::time::Duration::from_secs(5));
        self.take_effect();
    }

    pub(super) fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// The latest end that a window may have now.
    pub(super) fn edge(&self) -> Timestamp {
        self.env.now() - span_of(self.card().orders.edge)
    }

    /// The order as the fake keeps it.
    pub(super) fn kept(&self, id: &str) -> std::result::Result<BookOrder, Miss> {
        self.book().order(id).ok_or_else(|| failed("a fake that keeps its orders", format!("it lost {id}")))
    }

    /// The order as the mall can express it.
    pub(super) fn expected(&self, id: &str) -> std::result::Result<Order, Miss> {
        Ok(self.fake.expressible(self.kept(id)?.order))
    }

    /// Calls until our own quota lets the request out, moving the clock instead of waiting.
    pub(super) async fn patiently<'a, T>(&self, act: impl Fn() -> Calling<'a, T> + Send) -> Result<T> {
        let mut outcome = act().await;
        for _ in 0..WAITS_MAX {
            match &outcome {
                Err(error) if error.status.is_none() => match error.class {
                    Class::Throttled { retry_after: Some(wait) } => self.env.advance(wait),
                    _ => break,
                },
                _ => break,
            }
            outcome = act().await;
        }
        outcome
    }

    pub(super) async fn pull(&self, query: &Query) -> Result<Page> {
        self.patiently(|| self.mall.pull(query)).await
    }

    pub(super) async fn by_id(&self, ids: &[String]) -> Result<Found> {
        self.patiently(|| self.mall.by_id(ids)).await
    }

    pub(super) async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        self.patiently(|| self.mall.push(updates)).await
    }

    /// `None`: this mall has no read-back.
    pub(super) async fn read(&self, keys: &[ListingKey]) -> Option<Result<Vec<Reading>>> {
        let readback = self.mall.extras().readback?;
        Some(self.patiently(|| readback.read(keys)).await)
    }

    /// All pages of all windows from the shop's opening to where a search may end now.
    pub(super) async fn search(&self) -> std::result::Result<Haul, Miss> {
        let (mut all, mut from, end) = (Haul::default(), self.opened_at, self.edge());
        let span = span_of(self.card().orders.span_max);
        while from < end {
            let to = from.saturating_add(span).map_or(end, |to| to.min(end));
            let haul = self.pull_all(Span::Window { from, to }, false).await?;
            all.heads.extend(haul.heads);
            all.orders.extend(haul.orders);
            all.unread.extend(haul.unread);
            all.pages += haul.pages;
            from = to;
        }
        Ok(all)
    }

    pub(super) async fn pull_all(&self, span: Span, open_only: bool) -> std::result::Result<Haul, Miss> {
        let no_end = |seen: String| ("a last page, without a token", seen);
        let mut haul = Haul::default();
        let mut query = Query { span, open_only, token: None };
        loop {
            let page = self.pull(&query).await?;
            haul.pages += 1;
            haul.heads.extend(page.heads);
            haul.orders.extend(page.orders);
            haul.unread.extend(page.unread);
            let Some(next) = page.next else { return Ok(haul) };
            ensure(query.token.as_ref() != Some(&next), || {
                no_end(format!("the page after {next} is that page again"))
            })?;
            ensure(haul.pages < PAGES_MAX, || no_end(format!("{PAGES_MAX} pages and no end")))?;
            query.token = Some(next);
        }
    }

    /// Whole orders by id, in as many calls as the card asks for.
    pub(super) async fn find(&self, ids: &[String]) -> Result<Found> {
        let mut all = Found::default();
        for ids in ids.chunks(self.card().orders.by_id_max.max(1)) {
            let found = self.by_id(ids).await?;
            all.orders.extend(found.orders);
            all.unread.extend(found.unread);
            all.missing.extend(found.missing);
            all.gone.extend(found.gone);
        }
        Ok(all)
    }

    /// Fails unless each of these orders reads back as the mall can express it, by id, and by a search where
    /// pages carry orders. A search may leave out what the mall fulfils itself.
    pub(super) async fn reads_back(&self, ids: &[String]) -> Finding {
        let found = self.find(ids).await?;
        let known = || format!("{ids:?} are known and readable");
        let absent: Vec<_> = found.absent().collect();
        ensure(absent.is_empty(), || (known(), format!("missing or gone: {absent:?}")))?;
        ensure(found.unread.is_empty(), || (known(), format!("unread: {:?}", found.unread)))?;
        self.same(ids, &found.orders)?;
        if self.card().orders.pages_carry_orders {
            let haul = self.search().await?;
            ensure(haul.unread.is_empty(), || (known(), format!("unread in the search: {:?}", haul.unread)))?;
            let by_mall = |id: &&String| {
                self.expected(id).is_ok_and(|order| order.fulfilled_by == crate::order::FulfilledBy::Mall)
                    && !haul.orders.iter().any(|order| order.id == **id)
            };
            let sought: Vec<_> = ids.iter().filter(|id| !by_mall(id)).cloned().collect();
            self.same(&sought, &haul.orders)?;
        }
        Ok(())
    }

    /// Each of the ids is among the orders, and every copy of it is what the mall can express.
    pub(super) fn same(&self, ids: &[String], orders: &[Order]) -> Finding {
        for id in ids {
            let expected = in_line_order(self.expected(id)?);
            let mut copies = orders.iter().filter(|order| order.id == *id).peekable();
            ensure(copies.peek().is_some(), || (format!("{id} is among the orders"), "it was not found"))?;
            for copy in copies {
                let copy = in_line_order(copy.clone());
                ensure(copy == expected, || (format!("{expected:#?}"), format!("{copy:#?}")))?;
            }
        }
        Ok(())
    }
}

pub(super) fn span_of(length: std::time::Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX)
}

fn mall(
    entry: &'static MallEntry,
    settings: &Settings,
    (spy, gates, safe): (&Arc<Spy>, &Arc<Gates>, &Arc<Watched>),
) -> std::result::Result<Box<dyn Mall>, crate::mall::SettingsError> {
    let vault = Arc::new(Vault::new(safe.clone()));
    let wire = Wire::new(spy.clone(), gates.clone(), vault, entry.card, settings);
    (entry.open)(settings, wire)
}

/// Every check that buys lists enough.
pub(super) fn sold_out() -> Miss {
    failed("a fake that sells what the check has listed", "it is sold out")
}

fn in_line_order(mut order: Order) -> Order {
    order.lines.sort_by(|one, other| one.id.cmp(&other.id));
    order
}
