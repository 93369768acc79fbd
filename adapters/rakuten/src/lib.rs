#![doc = include_str!("../README.md")]

mod account;
mod auth;
mod card;
mod catalogue;
#[cfg(feature = "fake")]
mod fake;
mod faults;
mod key;
mod orders;
mod search;
mod stock;
mod time;

use async_trait::async_trait;
use serde_json::Value;
use uriba_sdk::{
    Account, AccountSheet, Answer, Applied, Call, Card, Catalogue, Class, Extras, Found, Head, Mall, MallEntry,
    MallError, Outcome, Page, Query, Readback, Reading, Resolved, Result, Settings, Shelf, Update, Wire,
    env::HttpRequest,
    mall::{ListingKey, SettingsError},
};

pub use crate::card::CARD;
use crate::{
    auth::Access,
    card::{BY_ID_MAX, GET, LICENSE, LIST, PUSH, PUSH_MAX, READ, READ_MAX, SEARCH, SHOP},
    search::{Cut, Onward},
    stock::Records,
};

const BULK_GET: &str = "/es/2.1/inventories/bulk-get";
const BULK_UPSERT: &str = "/es/2.1/inventories/bulk-upsert";
/// The order functions' paths end in a slash, the inventory functions' don't (RMS reference).
const SEARCH_ORDER: &str = "/es/2.0/order/searchOrder/";
const GET_ORDER: &str = "/es/2.0/order/getOrder/";

pub static MALL: MallEntry = MallEntry {
    id: "rakuten",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    Ok(Box::new(Rakuten { access: Access::new(settings)?, wire }))
}

struct Rakuten {
    access: Access,
    wire: Wire,
}

#[async_trait]
impl Mall for Rakuten {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let odd = |what| self.wire.error(SEARCH, Class::Malformed { what }, "");
        let mut cut = Cut::of(query).map_err(odd)?;
        loop {
            let body = cut.request(query.open_only).map_err(odd)?;
            let answer = self.ask(SEARCH, SEARCH_ORDER, &body).await?;
            let hits = cut.read(&answer.body).map_err(|what| faults::misread(SEARCH, &answer, what))?;
            match cut.onward(&hits, query).map_err(odd)? {
                Onward::Instead(other) => cut = other,
                Onward::Then(next) => {
                    let (heads, unread) = (heads(hits.ids), hits.unread);
                    return Ok(Page { heads, unread, next: next.map(Cut::token), ..Page::default() });
                }
            }
        }
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        self.fits(GET, ids.len(), BY_ID_MAX)?;
        if ids.is_empty() {
            return Ok(Found::default());
        }
        let answer = self.ask(GET, GET_ORDER, &orders::request(ids)).await?;
        orders::read(&answer.body, ids).map_err(|what| faults::misread(GET, &answer, what))
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        self.fits(PUSH, updates.len(), PUSH_MAX)?;
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        let records = self.records(updates.iter().map(|update| update.key.as_str())).await.map_err(unwritten)?;
        let refused = stock::refused(updates, &records);
        if !refused.is_empty() {
            let message = "not sent: some entries can't be written";
            return Err(self.wire.error(PUSH, Class::Rejected { refused }, message));
        }
        let request = self.access.post(BULK_UPSERT, &stock::upsert(updates, &records));
        let answer = self.wire.call(Call::write(PUSH, request)).await?;
        match answer.status {
            204 => Ok(vec![Outcome::Applied { now: None }; updates.len()]),
            _ => Err(faults::failure(PUSH, &answer, updates)),
        }
    }

    fn before_push(&self) -> &'static [&'static str] {
        &[READ]
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let resolved = |given: &String| {
            let key = key::Key::parse(given).map(|key| ListingKey { key: key.to_string(), handle: None });
            Resolved { given: given.clone(), key }
        };
        Ok(keys.iter().map(resolved).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: Some(self), catalogue: Some(self), account: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Rakuten {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        self.fits(READ, keys.len(), READ_MAX)?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = || keys.iter().map(|key| key.key.as_str());
        let odd = |what| self.wire.error(READ, Class::Malformed { what }, "");
        stock::readings(&self.records(keys()).await?, keys()).map_err(odd)
    }
}

#[async_trait]
impl Catalogue for Rakuten {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let cursor = token.unwrap_or(catalogue::FIRST);
        let request = self.access.get(catalogue::SEARCH, &[("hits", catalogue::HITS), ("cursorMark", cursor)]);
        let answer = match self.fetch(LIST, request).await {
            // One client's word for a search that finds nothing.
            Err(error) if (error.status, error.code.as_deref()) == (Some(404), Some("GE0014")) => {
                return Ok(Shelf::default());
            }
            answer => answer?,
        };
        catalogue::shelf(&answer.body, cursor).map_err(|what| faults::misread(LIST, &answer, what))
    }
}

#[async_trait]
impl Account for Rakuten {
    async fn account(&self) -> Result<AccountSheet> {
        let mut sheet = AccountSheet::default();
        match self.fetch(SHOP, self.access.get(account::SHOP_MASTER, &[])).await {
            Ok(answer) => {
                sheet.shop = account::shop(&answer.body).map_err(|what| faults::unquoted(SHOP, &answer, what))?;
            }
            Err(error) if faults::is_off(&error) => {
                sheet.shop = self.access.number().map_or_else(|| "?".to_owned(), str::to_owned);
                sheet.notes.push(format!("the shop's name is not told: {}", faults::advice(SHOP, Some("ES04-01"))));
            }
            Err(error) => return Err(error),
        }
        match self.fetch(LICENSE, self.access.expiry_date()).await {
            Ok(answer) => {
                let end = account::end(&answer.body).map_err(|what| faults::unquoted(LICENSE, &answer, what))?;
                sheet.ends.push(("license_key", end));
            }
            Err(error) if faults::is_off(&error) => {
                let advice = faults::advice(LICENSE, Some("ES04-01"));
                sheet.notes.push(format!("the end of the licenseKey (90 days after its issue) is not told: {advice}"));
            }
            Err(error) => return Err(error),
        }
        Ok(sheet)
    }
}

impl Rakuten {
    async fn records(&self, keys: impl Iterator<Item = &str>) -> Result<Records> {
        let answer = self.ask(READ, BULK_GET, &stock::ask(keys)).await?;
        stock::read(&answer.body).map_err(|what| faults::misread(READ, &answer, what))
    }

    /// A reading function's answer, once it is a success.
    async fn ask(&self, operation: &'static str, path: &str, body: &Value) -> Result<Answer> {
        self.fetch(operation, self.access.post(path, body)).await
    }

    async fn fetch(&self, operation: &'static str, request: HttpRequest) -> Result<Answer> {
        let answer = self.wire.call(Call::read(operation, request)).await?;
        if answer.status == 200 { Ok(answer) } else { Err(faults::failure(operation, &answer, &[])) }
    }

    /// Batches above the mall's limit are our mistake; they are not sent.
    fn fits(&self, operation: &'static str, count: usize, most: usize) -> Result<()> {
        if count <= most {
            return Ok(());
        }
        let what = format!("{count} entries in one request; the mall takes {most}");
        Err(self.wire.error(operation, Class::Malformed { what }, "not sent"))
    }
}

/// The read before a write failed, so nothing was written. What it could not understand must not make the write
/// look as if it might have happened.
fn unwritten(mut error: MallError) -> MallError {
    if let Class::Malformed { what } = &error.class {
        error.message = format!("the read before the write was not understood: {what}");
        error.class = Class::Transient { applied: Applied::No };
    }
    error
}

fn heads(ids: Vec<String>) -> Vec<Head> {
    let mut seen = std::collections::HashSet::new();
    let first = ids.into_iter().filter(|id| seen.insert(id.clone()));
    first.map(|id| Head { id, placed_at: None, revision: None }).collect()
}
