//! Sidecar: malls whose adapter is a program in any language.
//!
//! The program speaks a small JSON protocol, which is the contract of an adapter over HTTP: `openapi.yaml` beside this
//! crate describes it, `docs/sidecar.md` tells how to write one, `examples/sidecar-python` is one. This crate is the
//! hub's side of it: [`protocol`] holds the bodies, [`orders`], [`stock`] and [`listings`] turn them into canonical
//! values and back, [`faults`] names failures, and [`card`] says what the hub may expect of any program.

mod card;
#[cfg(feature = "fake")]
pub mod fake;
mod faults;
mod listings;
#[cfg(test)]
mod openapi;
mod orders;
#[cfg(test)]
mod payloads;
mod protocol;
mod stock;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use uriba_sdk::{
    Account, AccountSheet, Call, Card, Catalogue, Class, Extras, Found, Mall, MallEntry, Outcome, Page, Query,
    Readback, Reading, Resolved, Result, Settings, Shelf, Tickets, Update, Wire,
    env::{HeaderMap, HeaderValue, HttpRequest, Method, Url},
    mall::{ListingKey, SettingsError},
};

pub use card::CARD;
use card::{CATALOGUE, HELLO, ITEMS_MAX, ORDERS, PULL, PUSH, READ, RESOLVE, TICKETS};
use protocol::{
    CatalogueQuestion, HelloQuestion, OrdersQuestion, PROTOCOL, ReadQuestion, ResolveQuestion, TicketsQuestion,
};

/// What `malls.rs` lists.
pub static MALL: MallEntry = MallEntry {
    id: "sidecar",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

/// Where a program is looked for when no address is given: beside the hub.
const ADDRESS: &str = "http://127.0.0.1:9000";
/// A token that a person could type is one that a program could guess.
const TOKEN_CHARS_MIN: usize = 16;

struct Sidecar {
    wire: Wire,
    base: String,
    token: SecretString,
    /// What each request carries. The token is marked sensitive, so that no log shows it.
    headers: HeaderMap,
}

/// Everything that can be wrong with the settings is found here, before the first request.
fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let wrong = |key: &str, message: &str| SettingsError { key: key.into(), message: message.into() };
    let base = settings.base_url.as_deref().unwrap_or(ADDRESS).trim_end_matches('/').to_owned();
    if !is_private(&base) {
        return Err(wrong("base_url", "is neither https://… nor http:// on this machine: the token would be read"));
    }
    let token = settings.credential("token")?.clone();
    if token.expose_secret().chars().count() < TOKEN_CHARS_MIN {
        return Err(wrong("credentials.token", "has fewer than 16 characters"));
    }
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| wrong("credentials.token", "has characters that no header can carry"))?;
    bearer.set_sensitive(true);
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([
        (uriba_sdk::env::HeaderName::from_static("authorization"), bearer),
        (uriba_sdk::env::HeaderName::from_static("content-type"), json),
    ]);
    Ok(Box::new(Sidecar { wire, base, token, headers }))
}

/// Nobody on the way can read what is sent there.
fn is_private(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    match url.scheme() {
        "https" => url.has_host(),
        "http" => here,
        _ => false,
    }
}

#[async_trait]
impl Mall for Sidecar {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let page = self.ask(Call::read, PULL, "pull", &orders::pull(query), orders::page).await?;
        Ok(if query.open_only { orders::open(page) } else { page })
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        if ids.is_empty() {
            return Ok(Found::default());
        }
        self.at_most(ORDERS, ids)?;
        let question = OrdersQuestion { protocol: PROTOCOL, ids: ids.to_vec() };
        self.ask(Call::read, ORDERS, "orders", &question, |body| orders::found(body, ids)).await
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let question = stock::push(updates).map_err(|class| self.wire.error(PUSH, class, "nothing was sent"))?;
        let outcomes = self.ask(Call::write, PUSH, "push", &question, |body| stock::outcomes(body, updates)).await;
        outcomes.map_err(|error| faults::sound(error, updates.len()))
    }

    /// Keys that can't be any program's are not sent.
    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let mut resolved = listings::judged(keys);
        for (indices, keys) in listings::parts(&resolved, ITEMS_MAX) {
            let question = ResolveQuestion { protocol: PROTOCOL, keys };
            let read = |body: &[u8]| listings::resolved(body, &question.keys);
            let answers = self.ask(Call::read, RESOLVE, "resolve", &question, read).await?;
            for (index, answer) in indices.into_iter().zip(answers) {
                resolved[index].key = answer;
            }
        }
        Ok(resolved)
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            readback: Some(self),
            tickets: Some(self),
            catalogue: Some(self),
            account: Some(self),
            ..Extras::default()
        }
    }
}

#[async_trait]
impl Readback for Sidecar {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.at_most(READ, keys)?;
        let question = ReadQuestion { protocol: PROTOCOL, items: keys.iter().map(listings::item).collect() };
        self.ask(Call::read, READ, "read", &question, |body| stock::readings(body, keys)).await
    }
}

#[async_trait]
impl Tickets for Sidecar {
    async fn redeem(&self, tickets: &[String]) -> Result<Vec<Option<Outcome>>> {
        let mut decided = Vec::with_capacity(tickets.len());
        for part in tickets.chunks(ITEMS_MAX) {
            let question = TicketsQuestion { protocol: PROTOCOL, tickets: part.to_vec() };
            decided
                .extend(self.ask(Call::read, TICKETS, "tickets", &question, |body| stock::decided(body, part)).await?);
        }
        Ok(decided)
    }
}

#[async_trait]
impl Catalogue for Sidecar {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let question = CatalogueQuestion { protocol: PROTOCOL, page: token.map(str::to_owned) };
        self.ask(Call::read, CATALOGUE, "catalogue", &question, listings::shelf).await
    }
}

#[async_trait]
impl Account for Sidecar {
    async fn account(&self) -> Result<AccountSheet> {
        self.ask(Call::read, HELLO, "hello", &HelloQuestion { protocol: PROTOCOL }, listings::sheet).await
    }
}

impl Sidecar {
    /// Sends, and reads a good answer. Everything else is an error that says what to do next.
    async fn ask<T>(
        &self,
        way: fn(&'static str, HttpRequest) -> Call,
        operation: &'static str,
        path: &str,
        question: &impl Serialize,
        read: impl FnOnce(&[u8]) -> std::result::Result<T, String>,
    ) -> Result<T> {
        let body = serde_json::to_vec(question)
            .map_err(|error| self.wire.error(operation, Class::Malformed { what: error.to_string() }, "not sent"))?;
        let request = HttpRequest::new(Method::POST, format!("{}/{path}", self.base));
        let call = way(operation, HttpRequest { headers: self.headers.clone(), body, ..request });
        let writes = call.writes;
        let mut answer = self.wire.call(call).await?;
        faults::hide(&mut answer.body, self.token.expose_secret());
        if answer.status != 200 {
            return Err(faults::refusal(&self.wire, operation, writes, &answer));
        }
        read(&answer.body).map_err(|what| faults::unreadable(&self.wire, operation, &answer, what))
    }

    fn at_most<T>(&self, operation: &'static str, asked: &[T]) -> Result<()> {
        if asked.len() <= ITEMS_MAX {
            return Ok(());
        }
        let what = format!("{} are asked for at once, {ITEMS_MAX} fit", asked.len());
        Err(self.wire.error(operation, Class::Malformed { what }, "not sent"))
    }
}
