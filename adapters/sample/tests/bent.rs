// scaffold:
//! Is the kit worth anything? Adapters with one fault each, put around the good one: each fault must be seen by
//! the check that is about it. A check that no bent adapter can fail might as well be absent.

use async_trait::async_trait;
use secrecy::ExposeSecret;
use uriba_sample::{CARD, MALL};
use uriba_sdk::{
    Applied, Card, Class, Extras, Found, Mall, MallEntry, Order, Outcome, Page, Query, Readback, Reading, Resolved,
    Result, Settings, Span, Update, Wire, Write,
    card::OperationCard,
    kit,
    mall::{ListingKey, SettingsError},
};

/// Where a bent adapter departs from the good one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bend {
    LosesTheLastRow,
    ForgetsTheToken,
    NarrowsTheWindow,
    IgnoresTheWindow,
    IgnoresOpenOnly,
    NeverRevises,
    ForgetsCancels,
    DropsMissing,
    GuessesEmptyPages,
    ClaimsApplied,
    SendsHalfABatch,
    WritesOneLess,
    HidesConflicts,
    DeniesDoubt,
    HidesTheWait,
    ReadsBackwards,
    KeepsSpelling,
    RenewsTheDead,
    LeaksItsKey,
    Panics,
}

const SEEN: [(Bend, &str); 20] = [
    (Bend::LosesTheLastRow, "each order is found exactly once over several pages"),
    (Bend::ForgetsTheToken, "each order is found exactly once over several pages"),
    (Bend::NarrowsTheWindow, "orders at a window's edges are found"),
    (Bend::IgnoresTheWindow, "orders at a window's edges are found"),
    (Bend::IgnoresOpenOnly, "a search for open orders misses none and leaves out closed ones"),
    (Bend::NeverRevises, "a revision grows with each change and only then"),
    (Bend::ForgetsCancels, "any order that the mall can express is read back the same"),
    (Bend::DropsMissing, "unknown ids are told missing, known ones beside them are read"),
    (Bend::GuessesEmptyPages, "nonsense is never understood"),
    (Bend::ClaimsApplied, "what a push says is what happened"),
    (Bend::SendsHalfABatch, "a batch over its maximum is refused, or split soundly"),
    (Bend::WritesOneLess, "absolute writes are right at their limits"),
    (Bend::HidesConflicts, "compare-and-set writes what is true and tells what isn't"),
    (Bend::DeniesDoubt, "a failed push says whether it may have been applied"),
    (Bend::HidesTheWait, "a failed search says what to do next"),
    (Bend::ReadsBackwards, "a read-back tells figures and missing items, in order"),
    (Bend::KeepsSpelling, "every spelling of a key resolves to that key"),
    (Bend::RenewsTheDead, "refused credentials ask for a person, until they are renewed"),
    (Bend::LeaksItsKey, "no secret is in any error, trace, setting or unread order"),
    (Bend::Panics, "a call about nothing is answered with nothing"),
];

tokio::task_local! {
    static BEND: Bend;
}

static BENT: MallEntry = MallEntry { id: MALL.id, card: &CARD, open, fake: MALL.fake };

#[tokio::test]
async fn each_bend_is_seen_by_the_check_that_is_about_it() {
    for (bend, check) in SEEN {
        let report = BEND.scope(bend, kit::run_only(&BENT, |name| name == check)).await;
        assert_eq!((report.checks.len(), report.failed()), (1, 1), "{bend:?} was not seen: {report}");
        assert!(std::panic::catch_unwind(|| report.assert_green()).is_err(), "{bend:?} passed as green");
    }
}

#[tokio::test]
async fn an_adapter_that_keeps_no_pace_is_seen() {
    const BURST: &str = "a burst of calls never exceeds a quota or a budget";
    let free = CARD.operations.iter().map(|operation| OperationCard::counted(operation.name, &[]));
    let operations: &'static [OperationCard] = Box::leak(free.collect());
    let card: &'static Card = Box::leak(Box::new(Card { operations, ..CARD.clone() }));
    let entry = Box::leak(Box::new(MallEntry { id: MALL.id, card, open: MALL.open, fake: MALL.fake }));
    let report = kit::run_only(entry, |name| name == BURST).await;
    assert_eq!(report.failed(), 1, "{report}");
    assert!(report.to_string().contains("too early"), "{report}");
}

struct Bent {
    good: Box<dyn Mall>,
    bend: Bend,
    key: String,
}

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let key = settings.credential("key")?.expose_secret().to_owned();
    Ok(Box::new(Bent { good: (MALL.open)(settings, wire)?, bend: BEND.get(), key }))
}

impl Bent {
    fn bend_page(&self, page: &mut Page) {
        match self.bend {
            Bend::LosesTheLastRow if page.next.is_some() => drop(page.orders.pop()),
            Bend::ForgetsTheToken => page.next = None,
            Bend::NeverRevises => page.orders.iter_mut().for_each(|order| order.revision = Some(1)),
            _ => self.bend_orders(&mut page.orders),
        }
    }

    fn bend_orders(&self, orders: &mut [Order]) {
        if self.bend == Bend::ForgetsCancels {
            orders.iter_mut().flat_map(|order| &mut order.lines).for_each(|line| line.cancelled = 0);
        }
    }

    fn bend_query(&self, query: &mut Query) {
        let second = jiff::SignedDuration::from_secs(1);
        match (&mut query.span, self.bend) {
            (Span::Window { to, .. }, Bend::NarrowsTheWindow) => *to -= second,
            (Span::Window { from, .. }, Bend::IgnoresTheWindow) => *from -= second * 86_400 * 7,
            _ => {}
        }
        if self.bend == Bend::IgnoresOpenOnly {
            query.open_only = false;
        }
    }

    fn bend_error<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|mut error| {
            match (self.bend, &error.class) {
                (Bend::DeniesDoubt, Class::Transient { .. }) => error.class = Class::Transient { applied: Applied::No },
                (Bend::HidesTheWait, Class::Throttled { .. }) if error.status.is_some() => {
                    error.class = Class::Throttled { retry_after: None };
                }
                (Bend::RenewsTheDead, Class::Auth { .. }) => error.class = Class::Auth { renewable: true },
                (Bend::LeaksItsKey, _) => error.message.push_str(&self.key),
                _ => {}
            }
            error
        })
    }

    fn bend_updates<'a>(&self, updates: &'a [Update]) -> std::borrow::Cow<'a, [Update]> {
        let mut bent = updates.to_vec();
        match self.bend {
            Bend::SendsHalfABatch => bent.truncate(CARD.writes[0].batch_max),
            Bend::WritesOneLess => bent.iter_mut().for_each(|update| {
                if let Write::Absolute(figure) = &mut update.write {
                    *figure = (*figure - 1).max(0);
                }
            }),
            _ => return updates.into(),
        }
        bent.into()
    }
}

#[async_trait]
impl Mall for Bent {
    fn card(&self) -> &'static Card {
        self.good.card()
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let mut query = query.clone();
        self.bend_query(&mut query);
        match self.bend_error(self.good.pull(&query).await) {
            Err(error) if self.bend == Bend::GuessesEmptyPages && error.class.word() == "malformed" => {
                Ok(Page::default())
            }
            result => result.map(|mut page| {
                self.bend_page(&mut page);
                page
            }),
        }
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        assert!(self.bend != Bend::Panics || !ids.is_empty(), "an adapter may not panic");
        let mut found = self.bend_error(self.good.by_id(ids).await)?;
        self.bend_orders(&mut found.orders);
        if self.bend == Bend::DropsMissing {
            found.missing.clear();
        }
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        let outcomes = match self.bend_error(self.good.push(&self.bend_updates(updates)).await) {
            Err(_) if self.bend == Bend::ClaimsApplied => vec![Outcome::Applied { now: None }; updates.len()],
            result => result?,
        };
        let bent = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Conflict { .. } if self.bend == Bend::HidesConflicts => Outcome::Unknown,
            outcome => outcome,
        });
        let mut bent: Vec<_> = bent.collect();
        bent.resize(updates.len(), Outcome::Applied { now: None });
        Ok(bent)
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let mut resolved = self.good.resolve(keys).await?;
        if self.bend == Bend::KeepsSpelling {
            for answer in &mut resolved {
                answer.key = Ok(ListingKey { key: answer.given.clone(), handle: None });
            }
        }
        Ok(resolved)
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Bent {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let readback = self.good.extras().readback.expect("the good adapter reads back");
        let mut readings = self.bend_error(readback.read(keys).await)?;
        if self.bend == Bend::ReadsBackwards {
            readings.reverse();
        }
        Ok(readings)
    }
}
