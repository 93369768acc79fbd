//! au PAY マーケット (once Wowma!), by its WMshopAPI.
//!
//! Orders are found by day of order, whole, in pages by offset; there is no search for what changed, so days are read
//! again and open orders one by one. Stock is written absolutely, many items a request and several choices an item,
//! and each item has its own outcome. This file opens the mall and sends; what is sent and what answers mean is in
//! [`search`], [`orders`], [`stock`], [`keys`] and [`faults`], as pure functions.

mod card;
mod envelope;
#[cfg(feature = "fake")]
mod fake;
mod faults;
mod jst;
mod keys;
mod orders;
#[cfg(test)]
mod payloads;
mod search;
mod stock;
mod xml;

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Answer, Applied, Call, Card, Catalogue, Class, Extras, Found, Listed, Mall, MallEntry, MallError, Outcome, Page,
    Query, Readback, Reading, Resolved, Result, Settings, Shelf, Span, Update, Wire,
    card::days,
    env::{HeaderValue, HttpRequest},
    mall::{ListingKey, SettingsError},
};

pub use card::CARD;
use faults::{Context, fault};
use keys::{Directory, Place};
use orders::Rows;
use search::{Step, pair, query};

pub static MALL: MallEntry = MallEntry {
    id: "aupay",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

const BASE_URL: &str = "https://api.manager.wowma.jp";
const FORM: &str = "application/x-www-form-urlencoded";
const XML: &str = "application/xml; charset=utf-8";
/// How far back an order is looked for that is asked for by its id. A client searches spans of years.
const LOOKED_FOR: std::time::Duration = days(400);
/// A shop with more pages of stock than this is not read.
const SHELVES_MAX: usize = 400;

const SEARCH: Context = Context { operation: "orders.search", writes: false };
const GET: Context = Context { operation: "orders.get", writes: false };
const PUSH: Context = Context { operation: "stock.push", writes: true };
const ITEMS: Context = Context { operation: "items.read", writes: false };
const READ: Context = Context { operation: "stock.read", writes: false };

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let base = settings.base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/');
    let shop_id = settings.credential("shop_id")?.expose_secret().trim().to_owned();
    if shop_id.is_empty() || shop_id.len() > 18 || !shop_id.chars().all(|c| c.is_ascii_digit()) {
        return Err(wrong("credentials.shop_id", "is the shop's number (店舗ID), in figures"));
    }
    Ok(Box::new(AuPay {
        wire,
        services: format!("{base}/wmshopapi"),
        shop_id,
        api_key: settings.credential("api_key")?.clone(),
        items_max: items_max(settings)?,
        own_statuses: own_statuses(settings),
    }))
}

fn items_max(settings: &Settings) -> std::result::Result<usize, SettingsError> {
    let Some(text) = settings.options.get("push_items_max") else { return Ok(card::ITEMS_MAX) };
    let figure = text.trim().parse().ok().filter(|figure| (1..=card::ITEMS_MAX).contains(figure));
    figure.ok_or_else(|| wrong("options.push_items_max", "must be 1 to 50"))
}

/// `None`: nobody says which statuses the shop has made for itself.
fn own_statuses(settings: &Settings) -> Option<Vec<String>> {
    let text = settings.options.get("own_statuses")?;
    let names = text.split([',', '、', '，']).map(str::trim).filter(|name| !name.is_empty() && *name != "none");
    Some(names.map(str::to_owned).collect())
}

fn wrong(key: &str, message: &str) -> SettingsError {
    SettingsError { key: key.into(), message: message.into() }
}

struct AuPay {
    wire: Wire,
    services: String,
    shop_id: String,
    api_key: SecretString,
    items_max: usize,
    own_statuses: Option<Vec<String>>,
}

#[async_trait]
impl Mall for AuPay {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let Span::Window { from, to } = &query.span else {
            return Err(self.not_understood(SEARCH, "the mall splits no orders"));
        };
        let step = query.token.as_deref().map_or(Some(Step::begin()), Step::from_token);
        let step = step.ok_or_else(|| self.not_understood(SEARCH, "a page token of somebody else's"))?;
        let own = self.own_statuses.as_deref().filter(|_| query.open_only);
        let mut rows = self.search(SEARCH, "searchTradeInfoListProc", step.conditions(*from, *to, own)).await?;
        if step.is_contradicted_by(&rows) {
            return Err(self.not_understood(SEARCH, "the answer counts orders and holds none"));
        }
        let next = step.next(&rows).map(|next| next.token());
        rows.without(step.known());
        if query.open_only {
            rows.orders.retain(|order| !order.is_closed());
        }
        Ok(Page { orders: rows.orders, unread: rows.unread, next, ..Page::default() })
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut found = Found::default();
        for id in ids {
            match self.order(id).await? {
                Some(rows) => {
                    found.orders.extend(rows.orders);
                    found.unread.extend(rows.unread);
                }
                None => found.missing.push(id.clone()),
            }
        }
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.len() > card::ITEMS_MAX {
            let message = "more updates than one push may carry";
            return Err(self.wire.error(PUSH.operation, Class::Rejected { refused: Vec::new() }, message));
        }
        let push = stock::Push::new(updates);
        let mut outcomes = BTreeMap::new();
        let mut failed = None;
        for items in push.requests(self.items_max) {
            let told = match failed {
                None => self.write(items).await,
                Some(_) => Ok(stock::all(items, &stock::busy(None, "not sent: a part before it failed"))),
            };
            match told {
                Ok(told) => outcomes.extend(told),
                // Nothing was sent before it: the whole push failed.
                Err(error) if outcomes.is_empty() => return Err(error),
                Err(error) => {
                    outcomes.extend(stock::all(items, &in_part(&error)));
                    failed = Some(error);
                }
            }
        }
        Ok(push.settled(outcomes))
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let mut directory = Directory::default();
        if keys.iter().any(|key| keys::spelled(key).is_ok()) {
            let mut start = Some(1);
            for _ in 0..SHELVES_MAX {
                let Some(from) = start else { break };
                let shelf = self.shelf(from, stock::PAGE, None).await?;
                shelf.rows.iter().for_each(|row| directory.add(row));
                start = shelf.next(from);
            }
            if start.is_some() {
                return Err(self.not_understood(READ, "the list of stock does not end"));
            }
        }
        Ok(keys.iter().map(|given| directory.resolve(given)).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: Some(self), catalogue: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for AuPay {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let places: Vec<Place> = keys.iter().map(|key| Place::of(&key.key, key.handle.as_deref())).collect();
        let mut rows: BTreeMap<&str, Option<stock::Row>> = BTreeMap::new();
        for place in &places {
            if !rows.contains_key(place.item.as_str()) {
                rows.insert(&place.item, self.row(&place.item).await?);
            }
        }
        let reading = |(key, place): (&ListingKey, &Place)| {
            let row = rows.get(place.item.as_str()).and_then(Option::as_ref);
            let found = row.map_or(Ok(None), |row| stock::counter(row, place));
            let found = found.map_err(|what| self.not_understood(READ, &what))?;
            Ok(Reading { key: key.key.clone(), found })
        };
        keys.iter().zip(&places).map(reading).collect()
    }
}

#[async_trait]
impl Catalogue for AuPay {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let start = token.map_or(Some(1), |token| token.parse().ok().filter(|start| (1..1_000_000).contains(start)));
        let start = start.ok_or_else(|| self.not_understood(READ, "a page token of somebody else's"))?;
        let shelf = self.shelf(start, stock::CATALOGUE_PAGE, None).await?;
        let titles = if shelf.rows.is_empty() { BTreeMap::new() } else { self.titles(start).await? };
        let places = shelf.rows.iter().flat_map(stock::Row::places);
        let items = places.map(|place| Listed {
            title: titles.get(&place.item).cloned(),
            key: place.key(),
            ..Listed::default()
        });
        Ok(Shelf { items: items.collect(), next: shelf.next(start).map(|next| next.to_string()) })
    }
}

impl AuPay {
    /// The order, or nothing when the shop has none of this id.
    async fn order(&self, id: &str) -> Result<Option<Rows>> {
        let refused = match self.search(GET, "searchTradeInfoProc", vec![pair("orderId", id)]).await {
            Ok(rows) if rows.ids == [id] => return Ok(Some(rows)),
            Ok(rows) if rows.len() == 0 => self.not_understood(GET, "the mall lists the order and does not give it"),
            Ok(_) => return Err(self.not_understood(GET, "the answer holds another order than was asked for")),
            // How an unknown id is answered is not documented, so an answer that nothing explains may be that.
            Err(error) if is_unexplained(&error) => error,
            Err(error) => return Err(error),
        };
        if self.exists(id).await? { Err(refused) } else { Ok(None) }
    }

    /// The list has the last word on what there is.
    async fn exists(&self, id: &str) -> Result<bool> {
        let now = self.wire.now();
        let mut conditions = Step::begin().conditions(jst::earlier(now, LOOKED_FOR), now, None);
        conditions.push(pair("orderId", id));
        let rows = self.search(SEARCH, "searchTradeInfoListProc", conditions).await?;
        Ok(rows.ids.iter().any(|found| found == id))
    }

    async fn search(&self, context: Context, path: &str, conditions: Vec<(String, String)>) -> Result<Rows> {
        let answer = self.get(context, path, conditions).await?;
        let rows = orders::read(&answer.body);
        rows.map_err(|what| fault(&self.wire, context, &answer, what))
    }

    /// A page of what the shop lists, or of the items whose code contains what is asked for.
    async fn shelf(&self, start: usize, rows: usize, item: Option<&str>) -> Result<stock::Shelf> {
        let mut conditions = vec![pair("totalCount", rows.to_string()), pair("startCount", start.to_string())];
        conditions.extend(item.map(|item| pair("itemCode", item)));
        let answer = self.get(READ, "searchStocks", conditions).await?;
        stock::read(&answer.body).map_err(|what| fault(&self.wire, READ, &answer, what))
    }

    /// Titles of a page of items, which may be in another order there. They only help people, so an answer that isn't
    /// understood is no reason to show nothing.
    async fn titles(&self, start: usize) -> Result<BTreeMap<String, String>> {
        let rows = stock::CATALOGUE_PAGE.to_string();
        let conditions = vec![pair("totalCount", rows), pair("startCount", start.to_string())];
        let answer = self.get(ITEMS, "searchItemInfos", conditions).await?;
        Ok(stock::titles(&answer.body).unwrap_or_default())
    }

    /// The row of one item. The code may be found within others' too.
    async fn row(&self, item: &str) -> Result<Option<stock::Row>> {
        let mut start = Some(1);
        let mut near = None;
        for _ in 0..SHELVES_MAX {
            let Some(from) = start else { break };
            let mut shelf = self.shelf(from, stock::PAGE, Some(item)).await?;
            start = shelf.next(from);
            if let Some(at) = shelf.rows.iter().position(|row| row.item == item) {
                return Ok(Some(shelf.rows.swap_remove(at)));
            }
            near = near.or_else(|| shelf.rows.into_iter().find(|row| stock::is_of(row, item)));
        }
        Ok(near)
    }

    async fn write(&self, items: &[stock::Item]) -> Result<BTreeMap<usize, Outcome>> {
        let body = stock::request(items, &self.shop_id);
        let mut request = HttpRequest::new("POST".parse().expect("a method"), format!("{}/updateStock", self.services));
        request.body = body.into_bytes();
        let answer = self.send(PUSH, request, XML).await?;
        stock::written(&answer.body, items).map_err(|what| fault(&self.wire, PUSH, &answer, what))
    }

    async fn get(&self, context: Context, path: &str, conditions: Vec<(String, String)>) -> Result<Answer> {
        let mut pairs = vec![pair("shopId", self.shop_id.as_str())];
        pairs.extend(conditions);
        let url = format!("{}/{path}?{}", self.services, query(&pairs));
        self.send(context, HttpRequest::new("GET".parse().expect("a method"), url), FORM).await
    }

    async fn send(&self, context: Context, mut request: HttpRequest, mime: &'static str) -> Result<Answer> {
        request.headers.insert("content-type", mime.parse().expect("a constant header value"));
        // A key with characters that no header can hold is sent as none, and refused as none.
        if let Ok(mut value) = format!("Bearer {}", self.api_key.expose_secret().trim()).parse::<HeaderValue>() {
            value.set_sensitive(true);
            request.headers.insert("authorization", value);
        }
        let call = Call { operation: context.operation, writes: context.writes, request };
        let answer = self.wire.call(call).await?;
        if answer.status == 200 {
            return Ok(answer);
        }
        Err(fault(&self.wire, context, &answer, format!("an answer with status {}", answer.status)))
    }

    fn not_understood(&self, context: Context, what: &str) -> MallError {
        self.wire.error(context.operation, Class::Malformed { what: what.to_owned() }, "")
    }
}

/// The mall answered, and neither gave an order nor any reason that a table names.
fn is_unexplained(error: &MallError) -> bool {
    matches!(error.class, Class::Malformed { .. }) && error.status == Some(200)
}

/// What a failure says about the updates of a later part of a push, after others were written.
fn in_part(error: &MallError) -> Outcome {
    match error.class {
        Class::Malformed { .. } | Class::Transient { applied: Applied::Unknown } => Outcome::Unknown,
        _ => stock::busy(error.code.clone(), "not written: a later part of the push failed"),
    }
}
