//! Amazon (Selling Partner API): Orders 2026-01-01, Listings Items 2021-08-01, Feeds 2021-06-30 and Login with Amazon.
//!
//! Orders come whole in the pages of a search by update time; stock is written one SKU a request, or many in a feed, as
//! an absolute figure, and is on sale minutes after it was accepted. Only merchant-fulfilled stock is ours to write.

mod account;
mod auth;
mod bulk;
mod card;
mod catalogue;
#[cfg(feature = "fake")]
mod fake;
mod faults;
mod feeds;
mod orders;
#[cfg(test)]
mod payloads;
mod stock;
mod url;
mod wakeup;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Account, AccountSheet, Answer, Call, Card, Catalogue, Class, Extras, Found, Mall, MallEntry, MallError, Outcome,
    Page, Query, Readback, Reading, Resolved, Result, Settings, Shelf, Span, Update, Wakeup, Wire,
    env::{HeaderValue, HttpRequest, Method},
    mall::{ListingKey, SettingsError},
};

pub use card::CARD;
use card::{ACCOUNT, FEED, FEED_BATCH, FEED_PLACE, FEED_UPLOAD, JAPAN, LIST, ORDER, PUSH, READ, SEARCH};
use catalogue::Position;
use wakeup::Doorbell;

pub static MALL: MallEntry = MallEntry {
    id: "amazon",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

/// Japan, Australia and Singapore (developer-docs.amazon.com/sp-api/docs/sp-api-endpoints).
const FAR_EAST: &str = "https://sellingpartnerapi-fe.amazon.com";

const BEFORE_A_FEED: &[&str] = &[FEED_PLACE, FEED_UPLOAD];

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let base_url = settings.base_url.as_deref().unwrap_or(FAR_EAST).trim_end_matches('/').to_owned();
    let marketplace = match settings.credentials.get("marketplace_id") {
        Some(_) => setting(settings, "marketplace_id")?.expose_secret().to_owned(),
        None => JAPAN.to_owned(),
    };
    let seller = setting(settings, "seller_id")?.expose_secret().to_owned();
    let login = auth::Login::open(settings)?;
    let doorbell = Doorbell::open(settings, &seller)?;
    Ok(Box::new(Amazon { wire, login, base_url, seller, marketplace, doorbell }))
}

/// A required credential, without the blanks that files end with.
fn setting(settings: &Settings, key: &str) -> std::result::Result<SecretString, SettingsError> {
    let text = settings.credential(key)?.expose_secret().trim();
    if text.is_empty() {
        return Err(SettingsError { key: format!("credentials.{key}"), message: "is empty".into() });
    }
    Ok(text.into())
}

struct Amazon {
    wire: Wire,
    login: auth::Login,
    base_url: String,
    seller: String,
    marketplace: String,
    doorbell: Option<Doorbell>,
}

#[async_trait]
impl Mall for Amazon {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let Span::Window { from, to } = &query.span else {
            let what = "Amazon splits no orders, so none can be searched by family".to_owned();
            return Err(self.wire.error(SEARCH, Class::Malformed { what }, ""));
        };
        let path = orders::search(*from, *to, query.open_only, query.token.as_deref(), &self.marketplace);
        let answer = self.read(SEARCH, path).await?;
        let page = orders::page(&answer.body, *to).map_err(|what| self.malformed(SEARCH, &answer, what))?;
        // A token that is not honoured gives the first page for ever (models issue 2297).
        if page.next.is_some() && page.next == query.token {
            return Err(self.malformed(SEARCH, &answer, "the page after this one is this one again".into()));
        }
        Ok(page)
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut found = Found::default();
        for id in ids {
            if !orders::is_order_id(id) {
                found.missing.push(id.clone());
                continue;
            }
            let answer = match self.read(ORDER, orders::by_id(id)).await {
                Err(error) if (error.operation, error.status) == (ORDER, Some(404)) => {
                    found.missing.push(id.clone());
                    continue;
                }
                answer => answer?,
            };
            match orders::single(&answer.body).map_err(|what| self.malformed(ORDER, &answer, what))? {
                Ok(order) if order.id == *id => found.orders.push(order),
                Ok(_) => return Err(self.malformed(ORDER, &answer, "an order that was not asked for".into())),
                Err(mut unread) => {
                    unread.order_id = Some(id.clone());
                    found.unread.push(*unread);
                }
            }
        }
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        match updates {
            [] => Ok(Vec::new()),
            [update] => Ok(vec![self.push_one(update).await?]),
            many if many.len() <= FEED_BATCH => self.feed(many).await,
            many => {
                let message = format!("{} updates in one push; {FEED_BATCH} are the most", many.len());
                Err(self.wire.error(FEED, Class::Rejected { refused: Vec::new() }, message))
            }
        }
    }

    fn before_push(&self) -> &'static [&'static str] {
        BEFORE_A_FEED
    }

    fn before(&self, operation: &str) -> &'static [&'static str] {
        if operation == FEED { BEFORE_A_FEED } else { &[] }
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        Ok(keys.iter().map(|given| Resolved { given: given.clone(), key: normalised(given) }).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            readback: Some(self),
            tickets: Some(self),
            catalogue: Some(self),
            account: Some(self),
            wakeup: self.doorbell.as_ref().map(|doorbell| doorbell as &dyn Wakeup),
            ..Extras::default()
        }
    }
}

#[async_trait]
impl Readback for Amazon {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let mut counters = std::collections::HashMap::new();
        for skus in stock::searches(keys.iter().map(|key| key.key.as_str())) {
            let answer = self.read(READ, stock::search(&self.seller, &skus, &self.marketplace)).await?;
            let found = stock::counters(&answer.body, &skus);
            counters.extend(found.map_err(|what| self.malformed(READ, &answer, what))?);
        }
        Ok(keys.iter().map(|key| Reading { key: key.key.clone(), found: counters.get(&key.key).copied() }).collect())
    }
}

#[async_trait]
impl Catalogue for Amazon {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let at = Position::read(token).map_err(|what| self.wire.error(LIST, Class::Malformed { what }, ""))?;
        let answer = self.read(LIST, at.path(&self.seller, &self.marketplace)).await?;
        at.shelf(&answer.body, &self.marketplace).map_err(|what| self.unquoted(LIST, &answer, &what))
    }
}

#[async_trait]
impl Account for Amazon {
    async fn account(&self) -> Result<AccountSheet> {
        let answer = match self.read(ACCOUNT, account::PARTICIPATIONS.into()).await {
            Err(error) if error.operation == ACCOUNT && error.class == (Class::Auth { renewable: false }) => {
                return Ok(account::without_role(&self.seller));
            }
            answer => answer?,
        };
        let sheet = account::sheet(&answer.body, &self.seller, &self.marketplace);
        sheet.map_err(|what| self.unquoted(ACCOUNT, &answer, &what))
    }
}

impl Amazon {
    async fn push_one(&self, update: &Update) -> Result<Outcome> {
        let quantity = match stock::quantity(update.write) {
            Ok(quantity) => quantity,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let path = stock::patch(&self.seller, &update.key, &self.marketplace);
        let mut request = HttpRequest::new(Method::PATCH, self.base_url.clone() + &path);
        request.headers.insert("content-type", HeaderValue::from_static("application/json"));
        request.body = stock::patch_body(quantity);
        match self.send(Call::write(PUSH, request)).await {
            Ok(answer) => stock::outcome(&answer.body).map_err(|what| self.malformed(PUSH, &answer, what)),
            Err(error) => stock::turned_away(error),
        }
    }

    async fn read(&self, operation: &'static str, path: String) -> Result<Answer> {
        let request = HttpRequest::new(Method::GET, self.base_url.clone() + &path);
        self.send(Call::read(operation, request)).await
    }

    /// An answer of success, or what the refusal means.
    async fn send(&self, mut call: Call) -> Result<Answer> {
        let token = self.login.access_token(&self.wire).await?;
        let mut header = HeaderValue::from_str(token.expose_secret()).map_err(|_| {
            let what = "an access token that no header can hold".to_owned();
            self.wire.error(call.operation, Class::Malformed { what }, "")
        })?;
        header.set_sensitive(true);
        call.request.headers.insert("x-amz-access-token", header);
        let (operation, writes) = (call.operation, call.writes);
        let answer = self.wire.call(call).await?;
        // Amazon moves limits by seller and season, and says so here. Each operation takes from one quota.
        let rate = answer.header("x-amzn-ratelimit-limit").and_then(|rate| rate.trim().parse().ok());
        let quota = CARD.operation(operation).and_then(|operation| operation.quotas.first());
        if let (Some(rate), Some(quota)) = (rate, quota) {
            self.wire.observed_rate(quota, rate);
        }
        // 201: a place for a document, 202: a feed.
        if matches!(answer.status, 200..=202) {
            return Ok(answer);
        }
        let error = faults::refused(&self.wire, operation, writes, &answer);
        if error.class == (Class::Auth { renewable: true }) {
            self.login.forget(&self.wire).await;
        }
        Err(error)
    }

    fn malformed(&self, operation: &'static str, answer: &Answer, what: String) -> MallError {
        faults::malformed(&self.wire, operation, answer, what)
    }

    fn unquoted(&self, operation: &'static str, answer: &Answer, what: &str) -> MallError {
        faults::unquoted(&self.wire, operation, answer, what)
    }
}

/// Our own bound, well above what Seller Central takes.
const SKU_CHARS_MAX: usize = 255;

/// SKUs are the seller's own text: case counts, blanks around don't.
fn normalised(given: &str) -> std::result::Result<ListingKey, String> {
    let key = given.trim();
    if key.is_empty() {
        return Err("a SKU is needed, as in Seller Central".into());
    }
    if key.chars().count() > SKU_CHARS_MAX {
        return Err(format!("a SKU of more than {SKU_CHARS_MAX} characters is none of Amazon's"));
    }
    if key.chars().any(char::is_control) {
        return Err(format!("the SKU {key:?} holds a control character"));
    }
    Ok(ListingKey { key: key.to_owned(), handle: None })
}
