//! The adapter of a simulated mall: a real one, over a real [`Wire`], in few words because the API is made for it.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use uriba_sdk::{
    Answer, Applied, Call, Card, Class, Counter, Extras, Found, Head, Mall, MallError, Outcome, Page, Query, Readback,
    Reading, Refusal, RefusedWhy, Resolved, Result, Settings, Span, Update, Wire,
    env::{HttpRequest, Method},
    mall::{ListingKey, SettingsError},
};

use super::letters::{BY_ID, Counters, Entry, Listed, PUSH, READ, SEARCH, Said, Search, Whole};

pub fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    Ok(Box::new(Adapter { address: format!("sim://{}", settings.channel), wire }))
}

struct Adapter {
    address: String,
    wire: Wire,
}

impl Adapter {
    async fn ask<T: DeserializeOwned>(&self, operation: &'static str, asked: &impl Serialize) -> Result<T> {
        let mut request = HttpRequest::new(Method::POST, format!("{}/{operation}", self.address));
        request.body = serde_json::to_vec(asked).expect("these types are always JSON");
        let writes = operation == PUSH;
        let call = if writes { Call::write(operation, request) } else { Call::read(operation, request) };
        let answer = self.wire.call(call).await?;
        if answer.status != 200 {
            return Err(self.failed(operation, writes, &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            let what = format!("the answer is no JSON: {error}");
            self.error(operation, &answer, Class::Malformed { what })
        })
    }

    fn failed(&self, operation: &'static str, writes: bool, answer: &Answer) -> MallError {
        let class = match answer.status {
            401 => Class::Auth { renewable: false },
            422 => match serde_json::from_slice::<Vec<(usize, Said)>>(&answer.body) {
                Ok(refused) => {
                    Class::Rejected { refused: refused.iter().map(|(n, said)| (*n, refusal(said))).collect() }
                }
                Err(error) => Class::Malformed { what: error.to_string() },
            },
            429 => Class::Throttled { retry_after: answer.retry_after() },
            503 => {
                let wait = answer.retry_after().unwrap_or(Duration::from_secs(60));
                Class::Maintenance { until: self.wire.now().checked_add(wait).ok() }
            }
            _ => Class::Transient { applied: if writes { Applied::Unknown } else { Applied::No } },
        };
        self.error(operation, answer, class)
    }

    fn error(&self, operation: &'static str, answer: &Answer, class: Class) -> MallError {
        MallError { status: Some(answer.status), ..self.wire.error(operation, class, "") }
    }
}

fn refusal(said: &Said) -> Refusal {
    let (why, message) = match said {
        Said::BelowZero => (RefusedWhy::BelowZero, "less than nothing"),
        Said::NoSuchItem => (RefusedWhy::NoSuchItem, "no such item"),
        Said::OutOfRange => (RefusedWhy::OutOfRange, "outside what an item can hold"),
        Said::Busy => (RefusedWhy::Busy, "the item is being worked on"),
        Said::Applied { .. } | Said::Conflict { .. } => (RefusedWhy::Other, "not refused"),
    };
    Refusal { why, code: None, message: message.to_owned() }
}

#[async_trait]
impl Mall for Adapter {
    fn card(&self) -> &'static Card {
        self.wire.card()
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let (from, to, family) = match &query.span {
            Span::Window { from, to } => (*from, *to, None),
            Span::Family(family) => (self.wire.now(), self.wire.now(), Some(family.clone())),
        };
        let asked = Search { from, to, family, open_only: query.open_only, token: query.token.clone() };
        let listed: Listed = self.ask(SEARCH, &asked).await?;
        let heads = listed.heads.into_iter();
        let heads =
            heads.map(|head| Head { id: head.id, placed_at: Some(head.placed_at), revision: head.revision }).collect();
        Ok(Page { heads, orders: listed.orders, next: listed.next, ..Page::default() })
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let whole: Whole = self.ask(BY_ID, &ids).await?;
        Ok(Found { orders: whole.orders, missing: whole.missing, ..Found::default() })
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        let entries: Vec<Entry> =
            updates.iter().map(|update| Entry { key: update.key.clone(), write: update.write }).collect();
        let said: Vec<Said> = self.ask(PUSH, &entries).await?;
        Ok(said
            .into_iter()
            .map(|said| match said {
                Said::Applied { now } => Outcome::Applied { now },
                Said::Conflict { shows } => Outcome::Conflict { shows },
                refused => Outcome::Refused(refusal(&refused)),
            })
            .collect())
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let key = |given: &String| Ok(ListingKey { key: given.clone(), handle: None });
        Ok(keys.iter().map(|given| Resolved { given: given.clone(), key: key(given) }).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: self.card().reads.as_ref().map(|_| self as &dyn Readback), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Adapter {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let asked: Vec<&String> = keys.iter().map(|key| &key.key).collect();
        let counters: Counters = self.ask(READ, &asked).await?;
        if counters.len() != keys.len() {
            let what = format!("{} figures for {} keys", counters.len(), keys.len());
            return Err(self.wire.error(READ, Class::Malformed { what }, ""));
        }
        let found = |quantity| Counter { quantity: Some(quantity), sells_past_zero: false, not_ours: false };
        let readings = keys.iter().zip(counters);
        Ok(readings.map(|(key, figure)| Reading { key: key.key.clone(), found: figure.map(found) }).collect())
    }
}
