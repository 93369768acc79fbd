//! Shopify: the Admin GraphQL API, version 2026-04 and later.
//!
//! One address and fixed documents ([`query`]); this file composes their variables, and pure functions read the
//! answers. Stock is written as `available`, with the figure that the hub believes to be shown: a sale that it has not
//! seen yet is a conflict instead of being written over. Requests are paid for in points, by what each answer says.

mod account;
mod auth;
mod card;
#[cfg(feature = "fake")]
pub mod fake;
mod faults;
mod graphql;
mod listing;
mod orders;
#[cfg(test)]
mod payloads;
mod query;
mod stock;
mod wakeup;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use serde_json::{Value, json, value::RawValue};
use uriba_sdk::{
    Account, AccountSheet, Answer, Applied, Call, Card, Catalogue, Class, Counter, Extras, Found, Mall, MallEntry,
    MallError, Outcome, Page, Query, Readback, Reading, Refusal, RefusedWhy, Resolved, Result, Settings, Shelf, Span,
    Update, Wakeup, Wire,
    env::{HeaderValue, HttpRequest, Method, Url},
    mall::{ListingKey, SettingsError},
};

use auth::Access;
pub use card::CARD;
use card::{
    ACCOUNT, FIND, LIST, LOCATIONS, LOOK_UP, ORDER, ORDERS_MAX, POINTS, PUSH, READ, READS_MAX, SEARCH, VERSION,
    VERSION_LEAST,
};
use listing::{LOCATION, Typed, Variants};
use stock::{Entry, Told};
use wakeup::Doorbell;

/// What `malls.rs` lists.
pub static MALL: MallEntry = MallEntry {
    id: "shopify",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

/// SKUs in one search, so that the query stays short.
const SKUS_AT_ONCE: usize = 25;
const VARIANTS_AT_ONCE: usize = 40;
/// A batch with faults is sent so often, each time without those that were at fault.
const ROUNDS: usize = 4;
/// No search for 25 SKUs and no order has more pages: whoever answers so goes round in circles.
const PAGES_MAX: usize = 40;

struct Shopify {
    wire: Wire,
    url: String,
    version: String,
    access: Access,
    /// The location whose stock is written, where the settings name it.
    location: Option<String>,
    doorbell: Option<Doorbell>,
}

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let wrong = |key: &str, message: &str| SettingsError { key: key.into(), message: message.into() };
    let option = |key: &str| settings.options.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    let shop = option("shop").and_then(shop_name);
    let shop =
        shop.ok_or_else(|| wrong("options.shop", "is required: the shop's name at myshopify.com, such as my-store"))?;
    let version = option("api_version").unwrap_or(VERSION);
    if !is_version(version) || version < VERSION_LEAST {
        return Err(wrong("options.api_version", "must be 2026-04 or newer, as YYYY-MM"));
    }
    let location = option("location").map(|text| {
        let message = "must be a location's id: gid://shopify/Location/…, or its number";
        listing::as_gid(LOCATION, text).ok_or_else(|| wrong("options.location", message))
    });
    let domain = format!("{shop}.myshopify.com");
    let base = settings.base_url.clone().unwrap_or_else(|| format!("https://{domain}"));
    let base = base.trim_end_matches('/');
    Url::parse(base).map_err(|_| wrong("base_url", "is not an address such as https://…"))?;
    let secret =
        settings.credentials.contains_key("client_secret").then(|| auth::credential(settings, "client_secret"));
    Ok(Box::new(Shopify {
        url: format!("{base}/admin/api/{version}/graphql.json"),
        version: version.to_owned(),
        access: Access::open(settings, base)?,
        location: location.transpose()?,
        doorbell: secret.transpose()?.map(|secret| Doorbell { secret, domain }),
        wire,
    }))
}

/// The name as people copy it: alone, with the domain, or as an address.
fn shop_name(text: &str) -> Option<String> {
    let text = text.trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    let name = text.strip_suffix(".myshopify.com").unwrap_or(&text);
    let legal = !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    legal.then(|| name.to_owned())
}

fn is_version(text: &str) -> bool {
    let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|c| c.is_ascii_digit());
    text.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}

#[async_trait]
impl Mall for Shopify {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let Span::Window { from, to } = &query.span else {
            let what = "Shopify splits no orders, so none can be searched by family".to_owned();
            return Err(self.wire.error(SEARCH, Class::Malformed { what }, ""));
        };
        let variables = json!({"search": query::changed_within(*from, *to), "after": query.token});
        self.read(SEARCH, query::ORDERS, &variables, |data| orders::page(data, *from)).await
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut found = Found::default();
        // One id that isn't any would fail the whole request.
        let (known, strange): (Vec<_>, Vec<_>) = ids.iter().partition(|id| orders::is_order_id(id));
        found.missing.extend(strange.into_iter().cloned());
        for ids in known.chunks(ORDERS_MAX) {
            let read = |data: &str| orders::found(data, ids);
            for order in self.read(ORDER, query::ORDERS_BY_ID, &json!({"ids": ids}), read).await? {
                match order {
                    Ok(order) => match self.whole(order).await?.finish() {
                        Ok(order) => found.orders.push(order),
                        Err(odd) => found.unread.push(odd),
                    },
                    Err(odd) => found.unread.push(odd),
                }
            }
        }
        let told = |id: &String| {
            found.orders.iter().any(|order| order.id == *id)
                || found.unread.iter().any(|odd| odd.order_id.as_ref() == Some(id))
        };
        let missing: Vec<_> = known.into_iter().filter(|id| !told(id)).cloned().collect();
        found.missing.extend(missing);
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        if !stock::is_offered(updates) {
            let message = "nothing was sent: at most 250 entries, and none relative";
            return Err(self.wire.error(PUSH, Class::Rejected { refused: Vec::new() }, message));
        }
        let entries = self.entries(updates).await?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; updates.len()];
        for (outcome, entry) in outcomes.iter_mut().zip(&entries) {
            if entry.is_none() {
                *outcome = Some(refused(RefusedWhy::NoSuchItem, "its key names no inventory item of Shopify's"));
            }
        }
        for _ in 0..ROUNDS {
            let left: Vec<_> = (0..updates.len()).filter(|n| outcomes[*n].is_none()).collect();
            if left.is_empty() {
                break;
            }
            // Until one round has written, nothing is written at all: an error is then true of every update.
            self.round(&entries, &left, &mut outcomes).await?;
        }
        let busy = || refused(RefusedWhy::Busy, "not written: other entries of its batch kept being refused");
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(busy)).collect())
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let typed: Vec<_> = keys.iter().map(|given| listing::typed(given)).collect();
        if typed.iter().all(std::result::Result::is_err) {
            let told = |(given, typed): (&String, std::result::Result<Typed, String>)| {
                let why = typed.err().unwrap_or_default();
                Resolved { given: given.clone(), key: Err(why) }
            };
            return Ok(keys.iter().zip(typed).map(told).collect());
        }
        let location = self.location(FIND).await?;
        let variants = self.variants(typed.iter().flatten()).await?;
        let resolved = |(given, typed): (&String, std::result::Result<Typed, String>)| Resolved {
            given: given.clone(),
            key: typed.and_then(|typed| variants.item_of(&typed)).map(|item| listing::resolved(item, &location)),
        };
        Ok(keys.iter().zip(typed).map(resolved).collect())
    }

    fn extras(&self) -> Extras<'_> {
        let wakeup = self.doorbell.as_ref().map(|doorbell| doorbell as &dyn Wakeup);
        Extras { readback: Some(self), catalogue: Some(self), account: Some(self), wakeup, ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Shopify {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let named = keys.iter().map(|key| (key.key.as_str(), key.handle.as_deref()));
        let addresses = self.addresses(READ, named).await?;
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (item, location) in addresses.iter().flatten() {
            places.entry(location.clone()).or_default().push(item.clone());
        }
        let mut counters: HashMap<(String, String), Counter> = HashMap::new();
        for (location, items) in places {
            let found = self.counters(&items, &location).await?;
            counters.extend(found.into_iter().map(|(item, counter)| ((item, location.clone()), counter)));
        }
        let reading = |(key, address): (&ListingKey, Option<(String, String)>)| Reading {
            key: key.key.clone(),
            found: address.and_then(|address| counters.get(&address).copied()),
        };
        Ok(keys.iter().zip(addresses).map(reading).collect())
    }
}

#[async_trait]
impl Catalogue for Shopify {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        self.read(LIST, query::CATALOGUE, &json!({"after": token}), listing::shelf).await
    }
}

#[async_trait]
impl Account for Shopify {
    async fn account(&self) -> Result<AccountSheet> {
        let (answer, data) = self.send(ACCOUNT, false, query::ACCOUNT, &json!({})).await?;
        let sheet = account::sheet(data.get()).map_err(|what| faults::malformed(&self.wire, ACCOUNT, &answer, what));
        let mut sheet = sheet?;
        sheet.compare_versions(&self.version, answer.header("x-shopify-api-version"));
        if sheet.may("read_locations") {
            let active = self.read(LOCATIONS, query::LOCATIONS, &json!({}), listing::locations).await?;
            sheet.compare_locations(self.location.as_deref(), &active);
        }
        Ok(sheet.finish())
    }
}

impl Shopify {
    /// One request with all that is left. What was wrong gets its outcome; what was written gets it too.
    async fn round(&self, entries: &[Option<Entry>], left: &[usize], outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let sent: Vec<&Entry> = left.iter().filter_map(|n| entries[*n].as_ref()).collect();
        let mut random = [0; 16];
        self.wire.fill(&mut random);
        let variables = stock::variables(&sent, &stock::idempotency_key(random));
        let (answer, data) = self.send(PUSH, true, query::SET, &variables).await?;
        let told = stock::told(data.get(), &sent).map_err(|class| match class {
            Class::Malformed { what } => faults::malformed(&self.wire, PUSH, &answer, what),
            class => self.wire.error(PUSH, class, "the request as such was refused"),
        })?;
        let mut stale = Vec::new();
        for ((n, told), entry) in left.iter().zip(told).zip(sent) {
            match told {
                Told::Is(outcome) => outcomes[*n] = Some(outcome),
                Told::Stale => stale.push((*n, entry)),
                Told::Untouched => {}
            }
        }
        self.conflicts(&stale, outcomes).await;
        Ok(())
    }

    /// The refusal doesn't say what is shown, so it is read. That failing changes nothing of what was written.
    async fn conflicts(&self, stale: &[(usize, &Entry)], outcomes: &mut [Option<Outcome>]) {
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (_, entry) in stale {
            places.entry(&entry.location).or_default().push(entry.item.clone());
        }
        let mut shown = HashMap::new();
        for (location, items) in places {
            let counters = self.counters(&items, location).await.unwrap_or_default();
            shown.extend(counters.into_iter().map(|(item, counter)| ((location, item), counter)));
        }
        for (n, entry) in stale {
            let counter = shown.get(&(entry.location.as_str(), entry.item.clone()));
            outcomes[*n] = Some(match counter.and_then(|counter| counter.quantity) {
                Some(shows) => Outcome::Conflict { shows },
                None => {
                    refused(RefusedWhy::Busy, "another figure is shown than was expected, and it could not be read")
                }
            });
        }
    }

    async fn entries(&self, updates: &[Update]) -> Result<Vec<Option<Entry>>> {
        let named = updates.iter().map(|update| (update.key.as_str(), update.handle.as_deref()));
        let addresses = self.addresses(PUSH, named).await?;
        let entry = |(update, address): (&Update, Option<(String, String)>)| {
            address.and_then(|(item, location)| Entry::new(update, item, location))
        };
        Ok(updates.iter().zip(addresses).map(entry).collect())
    }

    async fn counters(&self, items: &[String], location: &str) -> Result<HashMap<String, Counter>> {
        let mut counters = HashMap::new();
        for items in items.chunks(READS_MAX) {
            let variables = json!({"ids": items, "location": location});
            counters.extend(self.read(READ, query::LEVELS, &variables, stock::counters).await?);
        }
        Ok(counters)
    }

    /// The order with all of its lines.
    async fn whole(&self, mut order: orders::Partial) -> Result<orders::Partial> {
        for _ in 0..PAGES_MAX {
            let Some(after) = order.next.clone() else { return Ok(order) };
            let variables = json!({"id": order.id(), "after": after});
            if !self.read(ORDER, query::MORE_LINES, &variables, |data| order.extend(data)).await? {
                let class = Class::Transient { applied: Applied::No };
                return Err(self.wire.error(ORDER, class, "the order changed while its lines were read"));
            }
        }
        let what = format!("an order whose lines have no end: {}", order.id());
        Err(self.wire.error(ORDER, Class::Malformed { what }, ""))
    }

    async fn variants(&self, typed: impl Iterator<Item = &Typed>) -> Result<Variants> {
        let (mut ids, mut skus) = (Vec::new(), Vec::new());
        for typed in typed {
            match typed {
                Typed::Item(_) => {}
                Typed::Variant(id) => ids.push(id.as_str()),
                Typed::Sku(sku) => skus.push(sku.as_str()),
            }
        }
        let mut variants = Variants::default();
        for ids in ids.chunks(VARIANTS_AT_ONCE) {
            let take = |data: &str| variants.take_nodes(data);
            self.read(LOOK_UP, query::VARIANTS_BY_ID, &json!({"ids": ids}), take).await?;
        }
        for skus in skus.chunks(SKUS_AT_ONCE) {
            let search = query::any_sku(skus.iter().copied());
            let mut after = None;
            for _ in 0..PAGES_MAX {
                let variables = json!({"search": search, "after": after});
                after = self.read(FIND, query::VARIANTS_BY_SKU, &variables, |data| variants.take(data)).await?;
                if after.is_none() {
                    break;
                }
            }
            if after.is_some() {
                let what = "a search for SKUs without an end".to_owned();
                return Err(self.wire.error(FIND, Class::Malformed { what }, ""));
            }
        }
        Ok(variants)
    }

    /// The inventory item and location of each listing; `None` where the key is none of ours.
    async fn addresses(
        &self,
        operation: &'static str,
        listings: impl Iterator<Item = (&str, Option<&str>)>,
    ) -> Result<Vec<Option<(String, String)>>> {
        let found: Vec<_> = listings.map(|(key, handle)| listing::address(key, handle)).collect();
        let needs_one = found.iter().flatten().any(|(_, location)| location.is_none());
        let default = if needs_one { self.location(operation).await? } else { String::new() };
        let located = |(item, location): (String, Option<String>)| (item, location.unwrap_or_else(|| default.clone()));
        Ok(found.into_iter().map(|found| found.map(located)).collect())
    }

    /// The location of the settings, or the shop's only one.
    async fn location(&self, operation: &'static str) -> Result<String> {
        if let Some(location) = &self.location {
            return Ok(location.clone());
        }
        let active = self.read(LOCATIONS, query::LOCATIONS, &json!({}), listing::locations).await?;
        listing::only_location(&active).map_err(|what| self.wire.error(operation, Class::Malformed { what }, ""))
    }

    async fn read<T>(
        &self,
        operation: &'static str,
        document: &'static str,
        variables: &Value,
        read: impl FnOnce(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        let (answer, data) = self.send(operation, false, document, variables).await?;
        read(data.get()).map_err(|what| faults::malformed(&self.wire, operation, &answer, what))
    }

    /// Data without errors, or what the errors mean.
    async fn send(
        &self,
        operation: &'static str,
        writes: bool,
        document: &'static str,
        variables: &Value,
    ) -> Result<(Answer, Box<RawValue>)> {
        let mut request = HttpRequest::new(Method::POST, &self.url);
        request.headers.insert("x-shopify-access-token", self.access.header(&self.wire, operation).await?);
        request.headers.insert("content-type", HeaderValue::from_static("application/json"));
        request.body = query::body(document, variables);
        let call = if writes { Call::write(operation, request) } else { Call::read(operation, request) };
        let answer = self.wire.call(call).await?;
        if answer.status != 200 {
            let error = faults::refused(&self.wire, operation, writes, self.access.renews(), &answer);
            return Err(self.noted(error).await);
        }
        let envelope = graphql::Envelope::read(&answer.body);
        let envelope = envelope.map_err(|what| faults::malformed(&self.wire, operation, &answer, what))?;
        if let Some(cost) = &envelope.cost {
            self.pay(operation, cost);
        }
        match envelope.data {
            Some(data) if envelope.errors.is_empty() => Ok((answer, data)),
            _ => Err(faults::told(&self.wire, operation, writes, &answer, &envelope)),
        }
    }

    /// Plans differ, so the mall's own word on its bucket is all that counts. A throttled query took nothing.
    fn pay(&self, operation: &'static str, cost: &graphql::Cost) {
        self.wire.observed_rate(POINTS, cost.restore_rate);
        self.wire.spent(operation, POINTS, cost.actual.unwrap_or(0.0).clamp(0.0, 1e6) as u32);
        self.wire.observed_level(POINTS, cost.available.clamp(0.0, 1e6) as u32);
    }

    async fn noted(&self, error: MallError) -> MallError {
        if error.class == (Class::Auth { renewable: true }) {
            self.access.forget(&self.wire).await;
        }
        error
    }
}

fn refused(why: RefusedWhy, message: &str) -> Outcome {
    Outcome::Refused(Refusal { why, code: None, message: message.into() })
}
