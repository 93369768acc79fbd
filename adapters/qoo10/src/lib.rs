//! Qoo10 Japan, by QAPI.
//!
//! * [`walk`] takes a search through the shipping statuses, one call each, and the claims; [`orders`] reads the rows.
//! * Items without options, options, and options with an extra price are kinds of listings with a call each: [`key`]
//!   tells them apart and keeps what a write needs beside the key, [`stock`] composes the calls and reads what is
//!   answered.
//! * [`items`] reads what the shop lists, [`qapi`] the envelope around every answer, [`faults`] every failed one.
//!
//! This file opens the mall and sends; [`push`] and [`lookup`] hold the longer stories.

mod card;
#[cfg(feature = "fake")]
mod fake;
mod faults;
mod items;
mod jst;
mod key;
mod lookup;
mod orders;
#[cfg(test)]
mod payloads;
mod push;
mod qapi;
mod stock;
mod walk;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::Value;
use uriba_sdk::{
    Account, AccountSheet, Call, Card, Catalogue, Class, Extras, Found, Mall, MallEntry, Outcome, Page, Query,
    Readback, Reading, Resolved, Result, Settings, Shelf, Update, Wire,
    env::{HeaderMap, HeaderValue, Url},
    mall::{ListingKey, SettingsError},
};

pub use card::CARD;
use qapi::{Method, Reply};
use walk::{Step, Walk};

pub static MALL: MallEntry = MallEntry {
    id: "qoo10",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

const ADDRESS: &str = "https://api.qoo10.jp";
/// Every method here has this version.
const VERSION: &str = "1.0";

struct Qoo10 {
    wire: Wire,
    base: String,
    /// What each request carries. The key is marked sensitive, so that no log shows it.
    headers: HeaderMap,
    /// Sent along with each write of an item.
    sale_end: Option<String>,
}

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let wrong = |key: &str, message: &str| SettingsError { key: key.into(), message: message.into() };
    let base = settings.base_url.as_deref().unwrap_or(ADDRESS).trim_end_matches('/').to_owned();
    Url::parse(&base).map_err(|_| wrong("base_url", "is not an address such as https://…"))?;
    let mut key = HeaderValue::from_str(settings.credential("key")?.expose_secret().trim())
        .map_err(|_| wrong("credentials.key", "has characters that no header can carry"))?;
    key.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert("giosiscertificationkey", key);
    headers.insert("qapiversion", HeaderValue::from_static(VERSION));
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let sale_end = settings.options.get("sale_end").cloned();
    if sale_end.as_ref().is_some_and(|end| end.len() != 10 || end.parse::<jiff::civil::Date>().is_err()) {
        return Err(wrong("options.sale_end", "is a date such as 2030-12-31"));
    }
    Ok(Box::new(Qoo10 { wire, base, headers, sale_end }))
}

#[async_trait]
impl Mall for Qoo10 {
    fn card(&self) -> &'static Card {
        &CARD
    }

    /// A step that finds nothing is no page of its own: the walk goes on until something is found or it is over.
    async fn pull(&self, query: &Query) -> Result<Page> {
        let walk = Walk::of(query);
        let mut walk = walk.map_err(|what| self.wire.error("orders.search", Class::Malformed { what }, ""))?;
        let mut page = Page::default();
        while let Some(step) = walk.next() {
            page = match step {
                Step::Status(status) => {
                    let digit = status.to_string();
                    self.read(&qapi::SEARCH, &walk.status_form(&digit), |rows| orders::page(rows, status)).await?
                }
                Step::PlacedClaims | Step::CompletedClaims => {
                    let form = walk.claims_form(step);
                    self.read(&qapi::CLAIMS, &form, |rows| orders::claims(rows, query.open_only)).await?
                }
            };
            if page != Page::default() {
                break;
            }
        }
        page.next = walk.token();
        Ok(page)
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut all = Found::default();
        for id in ids {
            // Refused or not, an answer without this order says that there is none.
            let found = self.read(&qapi::ORDER, &[("OrderNo", id)], |rows| orders::found(rows, id)).await?;
            all.orders.extend(found.orders);
            all.unread.extend(found.unread);
            all.missing.extend(found.missing);
        }
        Ok(all)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        self.write(updates).await
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let named = self.name(keys).await?;
        let resolved = |(given, named): (&String, std::result::Result<lookup::Named, String>)| Resolved {
            given: given.clone(),
            key: named.map(|named| ListingKey { key: named.key, handle: named.handle.map(|handle| handle.text()) }),
        };
        Ok(keys.iter().zip(named).map(resolved).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: Some(self), catalogue: Some(self), account: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Qoo10 {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        self.figures(keys).await
    }
}

#[async_trait]
impl Catalogue for Qoo10 {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        self.shelf(token).await
    }
}

#[async_trait]
impl Account for Qoo10 {
    /// No method says whose key it is, but each order does.
    async fn account(&self) -> Result<AccountSheet> {
        let (from, to) = walk::recently(self.wire.now());
        for status in ["5", "4", "2", "3", "1"] {
            let form = [
                ("ShippingStatus", status),
                ("SearchStartDate", from.as_str()),
                ("SearchEndDate", to.as_str()),
                ("SearchCondition", "1"),
            ];
            if let Some(shop) = self.read(&qapi::SEARCH, &form, orders::seller).await? {
                return Ok(AccountSheet { shop, ..AccountSheet::default() });
            }
        }
        let note = "the key works; whose shop it is shows only in orders, and there is none of the last 60 days";
        Ok(AccountSheet { notes: vec![note.into()], ..AccountSheet::default() })
    }
}

impl Qoo10 {
    /// A good answer, read. Everything else is an error that says what to do next.
    async fn read<T>(
        &self,
        method: &'static Method,
        fields: &[(&str, &str)],
        read: impl FnOnce(Value) -> std::result::Result<T, String>,
    ) -> Result<T> {
        let reply = self.ask(method, fields).await?;
        read(reply.object).map_err(|what| self.wire.error(method.operation, Class::Malformed { what }, ""))
    }

    /// Code 0, or one that is an answer of this method.
    async fn ask(&self, method: &'static Method, fields: &[(&str, &str)]) -> Result<Reply> {
        let request = qapi::request(&self.base, &self.headers, method, fields);
        let answer = self.wire.call(Call { operation: method.operation, writes: method.writes, request }).await?;
        let reply = match answer.status {
            200 => qapi::reply(&answer.body),
            status => Err(format!("HTTP {status}")),
        };
        let reply = reply.map_err(|what| faults::unreadable(&self.wire, method, &answer, what))?;
        if reply.code == 0 || method.answers.contains(&reply.code) {
            return Ok(reply);
        }
        Err(faults::refused(&self.wire, method, &reply))
    }
}
