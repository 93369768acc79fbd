//! Sample Mall's adapter.
//!
//! An adapter has four duties: find orders, read orders by id, write stock, and name listings. This file is
//! glue: it composes requests, hands them to [`Wire`], and hands the answers to pure functions. [`orders`] and
//! [`stock`] turn bytes into canonical values and back, [`mod@key`] gives each item its one spelling, [`faults`]
//! turns every failed answer into an error named by what the hub does next, [`card`] holds what the hub must know
//! beforehand. What only some malls can do (a list of what is for sale, notifications) are extras, here with their
//! readers in [`shop`]. A mall whose access tokens must be renewed has an `auth` module beside them; this one takes a
//! key that never changes.

// scaffold- This mall is made up. Its adapter is the template of `uriba adapter new`, which copies it and obeys comments:
// scaffold- `scaffold: …` puts what follows the colon in the place of the rest of the block that it stands in, so that
// scaffold- the bodies that each mall needs its own of are not written yet; a line after `scaffold+` is in the copy only,
// scaffold- and one after `scaffold-` here only. In the README they replace the rest of a section.

mod card;
#[cfg(feature = "fake")]
pub mod fake;
mod faults;
mod key;
mod orders;
#[cfg(test)]
mod payloads;
mod shop;
mod stock;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Account, AccountSheet, Call, Card, Catalogue, Extras, Found, Hint, Mall, MallEntry, Notice, Outcome, Page, Query,
    Readback, Reading, Resolved, Result, Settings, Shelf, Update, Wakeup, Wire,
    env::{HeaderMap, HeaderValue, HttpRequest, Method, Url},
    mall::{ListingKey, SettingsError},
};

pub use card::CARD;

/// What `malls.rs` lists.
pub static MALL: MallEntry = MallEntry {
    id: "sample",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

const ADDRESS: &str = "https://api.sample-mall.example";

struct Sample {
    wire: Wire,
    base: String,
    /// What each request carries. Marked sensitive, so that no log shows the key.
    headers: HeaderMap,
    /// Notifications are signed with it.
    key: SecretString,
}

/// Everything that can be wrong with the settings is found here, before the first request.
fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let wrong = |key: &str, message: &str| SettingsError { key: key.into(), message: message.into() };
    let base = settings.base_url.as_deref().unwrap_or(ADDRESS).trim_end_matches('/').to_owned();
    Url::parse(&base).map_err(|_| wrong("base_url", "is not an address such as https://…"))?;
    let mut headers = HeaderMap::new();
    for (header, key, scheme) in [("authorization", "key", "Bearer "), ("x-app", "app", "")] {
        let text = format!("{scheme}{}", settings.credential(key)?.expose_secret());
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| wrong(&format!("credentials.{key}"), "has characters that no header can carry"))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    Ok(Box::new(Sample { wire, base, headers, key: settings.credential("key")?.clone() }))
}

#[async_trait]
impl Mall for Sample {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let parameters = orders::search(query).map_err(|class| self.wire.error("orders.search", class, ""))?;
        let mut request = self.request(Method::GET, "v1/orders");
        request.url.push_str(&parameters);
        self.ask(Call::read("orders.search", request), orders::page).await
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let request = self.post("v1/orders/lookup", &orders::lookup(ids));
        self.ask(Call::read("orders.get", request), |body| orders::found(body, ids)).await
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        let writes =
            stock::writes(updates).map_err(|class| self.wire.error("stock.push", class, "nothing was sent"))?;
        let call = Call::write("stock.push", self.post("v1/stock", &writes));
        self.ask(call, |body| stock::outcomes(body, updates)).await
    }

    /// The mall knows an item by one word that is never written in capitals, so no request is needed.
    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let resolved = |given: &String| Resolved {
            given: given.clone(),
            key: key::normal(given).map(|key| ListingKey { key, handle: None }),
        };
        Ok(keys.iter().map(resolved).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            readback: Some(self),
            catalogue: Some(self),
            account: Some(self),
            wakeup: Some(self),
            ..Extras::default()
        }
    }
}

#[async_trait]
impl Readback for Sample {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let request = self.post("v1/stock/lookup", &stock::lookup(keys));
        self.ask(Call::read("stock.read", request), |body| stock::readings(body, keys)).await
    }
}

#[async_trait]
impl Catalogue for Sample {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let request = self.request(Method::GET, &format!("v1/items{}", shop::list(token)));
        let shelf = self.ask(Call::read("items.list", request), shop::shelf).await?;
        // Each item that was shown cost a point, an empty page one as well. After an error the reckoned price stands.
        let points = u32::try_from(shelf.items.len()).unwrap_or(u32::MAX).max(1);
        self.wire.spent("items.list", "points", points);
        Ok(shelf)
    }
}

#[async_trait]
impl Account for Sample {
    async fn account(&self) -> Result<AccountSheet> {
        self.ask(Call::read("shop.get", self.request(Method::GET, "v1/shop")), shop::account).await
    }
}

impl Wakeup for Sample {
    fn read(&self, notice: &Notice<'_>) -> std::result::Result<Hint, String> {
        shop::hint(notice, self.key.expose_secret().as_bytes())
    }
}

impl Sample {
    /// Sends, and reads a good answer. Everything else is an error that says what to do next.
    async fn ask<T>(&self, call: Call, read: impl FnOnce(&[u8]) -> std::result::Result<T, String>) -> Result<T> {
        let (operation, writes) = (call.operation, call.writes);
        let answer = self.wire.call(call).await?;
        if answer.status != 200 {
            return Err(faults::refusal(&self.wire, operation, writes, &answer));
        }
        read(&answer.body).map_err(|what| faults::unreadable(&self.wire, operation, &answer, what))
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> HttpRequest {
        HttpRequest { body: body.to_string().into_bytes(), ..self.request(Method::POST, path) }
    }

    fn request(&self, method: Method, path: &str) -> HttpRequest {
        HttpRequest { headers: self.headers.clone(), ..HttpRequest::new(method, format!("{}/{path}", self.base)) }
    }
}
