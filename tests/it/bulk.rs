//! A mall's way for many listings at once: taken when it is sooner done, and believed only by what the mall says at last.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use uriba_sdk::{
    Card, Extras, Found, Mall, MallEntry, Outcome, Page, Query, Resolved, Result, Settings, Tickets, Update, Wire,
    Write,
    card::{Batch, BelowZero, OperationCard, QuotaCard, Scope, WriteMode, WriteWay, minutes},
    mall::{ListingKey, Readback, SettingsError},
    stock::Reading,
};

use crate::street::{self, PUSH, READ, SEARCH, Street};

const FEED: &str = "stock.feed";
const TAKES: Duration = minutes(10);

const fn way(operation: &'static str, batch_max: usize) -> WriteWay {
    let (mode, batch, below_zero) = (WriteMode::Absolute, Batch::PerItem, BelowZero::NotApplicable);
    WriteWay { operation, kind: "", mode, batch_max, batch, below_zero }
}

/// The street's mall, with a slower way beside the one that takes a listing at a time.
static CARD: Card = Card {
    writes: &[way(PUSH, 1), way(FEED, 5_000)],
    operations: &[
        OperationCard::counted(SEARCH, &[SEARCH]),
        OperationCard::counted(PUSH, &[PUSH]),
        OperationCard::counted(READ, &[READ]),
        OperationCard { takes: TAKES, ..OperationCard::counted(FEED, &[]) },
    ],
    quotas: &[quota(SEARCH, 5), quota(PUSH, 20), quota(READ, 60)],
    ..PLAIN
};

const PLAIN: Card = street::PLAIN;

/// One request in three seconds, so many of them at once after a rest.
const fn quota(name: &'static str, burst: u32) -> QuotaCard {
    QuotaCard { name, per_second: 0.3, burst, per_day: None, scope: Scope::Channel }
}

static MALL: MallEntry = MallEntry { id: "bulk", card: &CARD, open, fake: |_| Box::pin(std::future::pending()) };

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    Ok(Box::new(Slow { plain: street::open(settings, wire.clone())?, wire }))
}

/// Its tickets say when they are carried out, and what is then written.
struct Slow {
    plain: Box<dyn Mall>,
    wire: Wire,
}

#[async_trait]
impl Mall for Slow {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        self.plain.pull(query).await
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        self.plain.by_id(ids).await
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.len() == 1 {
            return self.plain.push(updates).await;
        }
        let due = self.wire.now() + SignedDuration::try_from(TAKES).unwrap();
        let ticket = |update: &Update| match update.write {
            Write::Absolute(figure) => format!("{due} {} {figure}", update.key),
            other => panic!("{other:?} is no way of this mall"),
        };
        Ok(updates.iter().map(|update| Outcome::Pending { ticket: ticket(update) }).collect())
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        self.plain.resolve(keys).await
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: Some(self), tickets: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Slow {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        self.plain.extras().readback.unwrap().read(keys).await
    }
}

#[async_trait]
impl Tickets for Slow {
    async fn redeem(&self, tickets: &[String]) -> Result<Vec<Option<Outcome>>> {
        let mut told = Vec::new();
        for ticket in tickets {
            let parts: Vec<&str> = ticket.split(' ').collect();
            let [due, key, figure] = parts[..] else { panic!("{ticket:?} is no ticket of this mall") };
            if due.parse::<Timestamp>().unwrap() > self.wire.now() {
                told.push(None);
                continue;
            }
            let write = Write::Absolute(figure.parse().unwrap());
            let update = Update { key: key.into(), handle: None, write };
            told.push(self.plain.push(&[update]).await?.into_iter().next());
        }
        Ok(told)
    }
}

/// What was told in single requests; how many tickets wait.
async fn state(street: &Street) -> (usize, usize) {
    let rows = street.store.due_tickets("one", Timestamp::MAX).await.unwrap();
    (street.told().len(), rows.len())
}

#[tokio::test]
async fn many_listings_go_by_ticket_and_are_believed_when_the_mall_says_so() {
    let street = Street::open(&["one"], |plan| plan.mall = &MALL).await;
    street.list_many(260, 10).await;
    street.engine.run_once(None, None).await.unwrap();
    let mut tickets = 0;
    for _ in 0..20 {
        street.run_for(minutes(1)).await;
        tickets = tickets.max(state(&street).await.1);
    }
    assert!(tickets > 100, "{tickets} tickets, where single requests would take a quarter of an hour");
    street.run_for(minutes(60)).await;
    let shown = (0..260).filter(|n| street.counter("one", &n.to_string()) == 10).count();
    assert_eq!((shown, state(&street).await.1), (260, 0), "all of it is decided");
    street.stock("7", 4).await;
    street.run_for(minutes(2)).await;
    assert_eq!((street.counter("one", "7"), state(&street).await.1), (4, 0), "one change waits for nobody's ticket");
}
