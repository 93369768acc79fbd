//! Where bent adapters depart from the good one: each in one thing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, tz::Offset};
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Applied, Card, Class, Extras, Found, Mall, Order, Outcome, Page, Query, RefusedWhy, Resolved, Result, Settings,
    Span, Update, Wire, Write,
    fake::Stage,
    mall::{ListingKey, SettingsError},
};

use super::{
    dressed::{Dressed, is_moody},
    stage::{Backstage, CARD, lock},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bend {
    // The whole of it.
    OpensWithoutKey,
    PanicsOnOddKeys,
    IgnoresCredentials,
    LeaksItsKey,
    PanicsOnNothing,
    CallsItMalformed,
    NeverRenews,
    RenewsTheDead,
    UsesBeforeKeeping,
    ReadsUnspoken,
    LiesWhenMoody,
    // Searches.
    LosesTheLastRow,
    ForgetsTheToken,
    RemembersPages,
    NarrowsTheWindow,
    IgnoresTheWindow,
    LeavesGaps,
    ShortensSpans,
    SearchesByPlacing,
    IgnoresOpenOnly,
    NeverRevises,
    LosesAMember,
    PromisesThePresent,
    HidesTheWait,
    GuessesEmptyPages,
    // Orders.
    DropsMissing,
    CallsTheKnownGone,
    CallsItMissingAndGone,
    FindsAnything,
    ReadsHalfTheIds,
    DropsRepeats,
    RevisesAlike,
    ForgetsCancels,
    ForgetsReturns,
    FreesEverything,
    HidesNeighbours,
    GuessesEmptyFinds,
    LosesTheUnpaid,
    ShiftsMidnight,
    // Writes.
    KeepsSpelling,
    ForgetsHandles,
    WritesOneLess,
    AddsTwice,
    HidesConflicts,
    ClampsSilently,
    OnlySaysSo,
    ErasesSiblings,
    DropsTheLastEntry,
    SendsHalfABatch,
    MixesUpOutcomes,
    WritesTheFirstMode,
    ClaimsApplied,
    DeniesDoubt,
    WritesBlindly,
    // Extras.
    HasNoTickets,
    NeverDecides,
    PendsAgain,
    DeniesDecided,
    GuessesTickets,
    ReadsBackwards,
    RemembersWrites,
    ReadsHalfTheKeys,
    SellsAllPastZero,
    DisownsAll,
    LimitsNothing,
    ListsTwice,
    ListsThePage,
    ForgetsTheJan,
    NamesAllAlike,
    EndsAStranger,
    HearsNothing,
    BelievesAnything,
    SearchesOnNonsense,
    LeaksIntoThePage,
    ForgetsTheState,
    GrantsAStranger,
    GrantsAnybody,
}

tokio::task_local! {
    pub static BEND: Option<Bend>;
}

pub fn is_bent(bend: Bend) -> bool {
    BEND.try_with(|bent| *bent == Some(bend)).unwrap_or(false)
}

pub struct Bent {
    pub good: Dressed,
    pub stage: Option<Arc<Backstage>>,
    pub key: String,
    pub wire: Wire,
    pub memory: Mutex<Memory>,
}

/// What an adapter may not rely on: it is gone after a restart.
#[derive(Default)]
pub struct Memory {
    pages: BTreeMap<String, String>,
    resolved: BTreeSet<String>,
    pub written: BTreeMap<String, i64>,
}

pub fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let stage = settings.base_url.as_deref().and_then(Backstage::at);
    let mut settings = settings.clone();
    if is_bent(Bend::OpensWithoutKey) {
        settings.credentials.entry("key".into()).or_insert_with(|| SecretString::from("anything"));
    }
    if let Some(stage) = stage.as_ref().filter(|_| is_bent(Bend::IgnoresCredentials)) {
        settings.credentials = lock(&stage.right).credentials.clone();
    }
    let key = settings.credential("key")?.expose_secret().to_owned();
    assert!(!is_bent(Bend::PanicsOnOddKeys) || !key.contains('\n'), "no key has two lines");
    let good = Dressed::open(&settings, wire.clone())?;
    Ok(Box::new(Bent { good, stage, key, wire, memory: Mutex::default() }))
}

impl Bent {
    pub fn bend_error<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|mut error| {
            match error.class {
                Class::Transient { .. } if is_bent(Bend::DeniesDoubt) => {
                    error.class = Class::Transient { applied: Applied::No };
                }
                Class::Transient { .. } if is_bent(Bend::CallsItMalformed) => {
                    error.class = Class::Malformed { what: "nothing came".into() };
                }
                Class::Throttled { .. } if is_bent(Bend::HidesTheWait) && error.status.is_some() => {
                    error.class = Class::Throttled { retry_after: None };
                }
                Class::Auth { .. } if is_bent(Bend::RenewsTheDead) => error.class = Class::Auth { renewable: true },
                _ if is_bent(Bend::LeaksItsKey) => error.message.push_str(&self.key),
                _ => {}
            }
            error
        })
    }

    fn bend_query(&self, query: &mut Query) {
        let second = SignedDuration::from_secs(1);
        if let Span::Window { from, to } = &mut query.span {
            if is_bent(Bend::NarrowsTheWindow) {
                *to -= second;
            }
            if is_bent(Bend::LeavesGaps) {
                *to = (*to - second * 10).max(*from);
            }
            if is_bent(Bend::IgnoresTheWindow) {
                *from -= second * 86_400 * 7;
            }
            if is_bent(Bend::ShortensSpans) {
                *from = (*from).max(*to - second * 86_400 * 30);
            }
        }
        query.open_only &= !is_bent(Bend::IgnoresOpenOnly);
        if is_bent(Bend::RemembersPages) {
            query.token = query.token.take().and_then(|token| lock(&self.memory).pages.remove(&token));
        }
    }

    fn bend_page(&self, query: &Query, page: &mut Page) {
        if let (Span::Window { from, .. }, true) = (&query.span, is_bent(Bend::SearchesByPlacing)) {
            page.orders.retain(|order| order.placed_at >= *from);
        }
        if matches!(query.span, Span::Family(_)) && is_bent(Bend::LosesAMember) {
            page.orders.pop();
        }
        if is_bent(Bend::LosesTheLastRow) && page.next.is_some() {
            page.orders.pop();
        }
        if is_bent(Bend::ForgetsTheToken) {
            page.next = None;
        }
        if is_bent(Bend::NeverRevises) {
            page.orders.iter_mut().for_each(|order| order.revision = Some(1));
        }
        if is_bent(Bend::PromisesThePresent) {
            page.read_to = Some(self.wire.now());
        }
        if let Some(next) = page.next.clone().filter(|_| is_bent(Bend::RemembersPages)) {
            let mut memory = lock(&self.memory);
            let name = format!("page-{}", memory.pages.len());
            memory.pages.insert(name.clone(), next);
            page.next = Some(name);
        }
    }

    fn bend_orders(&self, orders: &mut Vec<Order>) {
        if is_bent(Bend::DropsRepeats) {
            let ids: Vec<_> = orders.iter().map(|order| order.id.clone()).collect();
            orders.retain(|order| ids.iter().filter(|id| **id == order.id).count() == 1);
        }
        if is_bent(Bend::LosesTheUnpaid) {
            let book = &self.stage.as_ref().unwrap().book;
            orders.retain(|order| book.order(&order.id).is_none_or(|kept| kept.stage != Stage::Unpaid));
        }
        if is_bent(Bend::HidesNeighbours)
            && orders.iter().flat_map(|order| &order.lines).any(|line| line.ordered > 99_999)
        {
            orders.truncate(1);
        }
        for order in orders {
            order.revision = if is_bent(Bend::RevisesAlike) { Some(7) } else { order.revision };
            if is_bent(Bend::ShiftsMidnight) && is_midnight(order.placed_at) {
                order.placed_at -= SignedDuration::from_hours(24);
            }
            for line in &mut order.lines {
                if is_bent(Bend::ForgetsCancels) {
                    line.cancelled = 0;
                }
                if is_bent(Bend::FreesEverything) {
                    line.cancelled = line.ordered - line.shipped;
                }
                if is_bent(Bend::ForgetsReturns) {
                    line.returned = 0;
                }
            }
        }
    }

    fn bend_updates(&self, updates: &mut Vec<Update>) {
        if is_bent(Bend::SendsHalfABatch) {
            updates.truncate(CARD.writes[0].batch_max);
        }
        if is_bent(Bend::DropsTheLastEntry) && updates.len() == CARD.writes[0].batch_max {
            updates.pop();
        }
        if is_bent(Bend::WritesTheFirstMode)
            && let Some(first) = updates.first().map(|update| std::mem::discriminant(&update.write))
        {
            updates.retain(|update| std::mem::discriminant(&update.write) == first);
        }
        for update in updates {
            match &mut update.write {
                Write::Absolute(figure) if is_bent(Bend::WritesOneLess) => *figure = (*figure - 1).max(0),
                Write::Absolute(figure) if is_bent(Bend::ClampsSilently) => *figure = (*figure).clamp(0, 99_999),
                _ => {}
            }
        }
    }

    /// The book's own figures changed, or not, behind the adapter's back.
    fn bend_writes(&self, updates: &[Update]) -> Option<Vec<Outcome>> {
        let moody = is_bent(Bend::LiesWhenMoody) && is_moody(&self.stage);
        if is_bent(Bend::OnlySaysSo) || moody {
            return Some(vec![Outcome::Applied { now: None }; updates.len()]);
        }
        for update in updates {
            if is_bent(Bend::ErasesSiblings) {
                self.stage.as_ref()?.book.with_item(&update.key, |item| item.siblings.clear());
            }
            if let Write::Absolute(figure) | Write::CompareAndSet { to: figure, .. } = update.write {
                lock(&self.memory).written.insert(update.key.clone(), figure);
            }
        }
        let strange = |update: &Update| !lock(&self.memory).resolved.contains(&update.key);
        let forgotten = is_bent(Bend::ForgetsHandles) && updates.iter().any(strange);
        forgotten.then(|| vec![Outcome::Unknown; updates.len()])
    }

    fn bend_outcomes(&self, mut outcomes: Vec<Outcome>, updates: usize) -> Vec<Outcome> {
        for outcome in &mut outcomes {
            match outcome {
                Outcome::Conflict { .. } if is_bent(Bend::HidesConflicts) => *outcome = Outcome::Unknown,
                Outcome::Applied { now } if is_bent(Bend::ClampsSilently) => *now = None,
                _ => {}
            }
        }
        let unknown = |outcome: &Outcome| matches!(outcome, Outcome::Refused(no) if no.why == RefusedWhy::NoSuchItem);
        if is_bent(Bend::MixesUpOutcomes) && outcomes.iter().any(unknown) {
            outcomes.rotate_left(1);
        }
        outcomes.resize(updates, Outcome::Applied { now: None });
        outcomes
    }
}

fn is_midnight(instant: Timestamp) -> bool {
    let time = Offset::constant(9).to_datetime(instant).time();
    (time.hour(), time.minute(), time.second()) == (0, 0, 0)
}

fn is_malformed<T>(result: &Result<T>) -> bool {
    matches!(result, Err(error) if matches!(error.class, Class::Malformed { .. }))
}

#[async_trait]
impl Mall for Bent {
    fn card(&self) -> &'static Card {
        self.good.card()
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let mut bent = query.clone();
        self.bend_query(&mut bent);
        let result = self.bend_error(self.good.pull(&bent).await);
        if is_bent(Bend::GuessesEmptyPages) && is_malformed(&result) {
            return Ok(Page::default());
        }
        let mut page = result?;
        self.bend_page(query, &mut page);
        self.bend_orders(&mut page.orders);
        Ok(page)
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        assert!(!is_bent(Bend::PanicsOnNothing) || !ids.is_empty(), "an adapter may not panic");
        let mut asked = ids.to_vec();
        if is_bent(Bend::FindsAnything) && ids.iter().any(|id| id.contains("..")) {
            asked = vec!["S26-000001".into()];
        }
        if is_bent(Bend::ReadsHalfTheIds) {
            asked.truncate(49);
        }
        let result = self.bend_error(self.good.by_id(&asked).await);
        if is_bent(Bend::GuessesEmptyFinds) && is_malformed(&result) {
            return Ok(Found::default());
        }
        let mut found = result?;
        self.bend_orders(&mut found.orders);
        if is_bent(Bend::DropsMissing) {
            found.missing.clear();
        }
        if is_bent(Bend::CallsTheKnownGone) {
            found.gone.extend(found.orders.iter().map(|order| order.id.clone()));
        }
        if is_bent(Bend::CallsItMissingAndGone) {
            found.gone.clone_from(&found.missing);
        }
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if let Some(outcomes) = self.bend_writes(updates) {
            return Ok(outcomes);
        }
        let mut bent = updates.to_vec();
        self.bend_updates(&mut bent);
        match self.bend_error(self.good.push(&bent).await) {
            Err(_) if is_bent(Bend::ClaimsApplied) => Ok(vec![Outcome::Applied { now: None }; updates.len()]),
            result => Ok(self.bend_outcomes(result?, updates.len())),
        }
    }

    fn before_push(&self) -> &'static [&'static str] {
        self.good.before_push()
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let mut resolved = self.bend_error(self.good.resolve(keys).await)?;
        lock(&self.memory).resolved.extend(resolved.iter().filter_map(|answer| Some(answer.key.clone().ok()?.key)));
        if is_bent(Bend::KeepsSpelling) {
            for answer in &mut resolved {
                answer.key = Ok(ListingKey { key: answer.given.clone(), handle: None });
            }
        }
        Ok(resolved)
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            readback: Some(self),
            tickets: (!is_bent(Bend::HasNoTickets)).then_some(self as &dyn uriba_sdk::Tickets),
            catalogue: Some(self),
            account: Some(self),
            wakeup: Some(self),
            consent: Some(self),
        }
    }
}
