//! Yahoo!ショッピング.
//!
//! Orders come in two steps: orderList gives heads with the time of the last update as revision, orderInfo one
//! whole order per call. Stock is written relatively or absolutely, up to 1,000 codes at once, item by item,
//! and the answer carries the new figures. This file opens the mall and sends; what is sent and what answers
//! mean is in [`search`], [`orders`], [`stock`], [`auth`] and [`faults`], as pure functions.

mod account;
mod auth;
mod card;
mod catalogue;
#[cfg(feature = "fake")]
mod fake;
mod faults;
mod jst;
mod orders;
#[cfg(test)]
mod payloads;
mod search;
mod stock;
mod xml;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Account, AccountSheet, Answer, Applied, Call, Card, Catalogue, Class, Consent, Extras, Found, Mall, MallEntry,
    MallError, Outcome, Page, Query, Readback, Reading, Resolved, Result, Settings, Shelf, Span, Update, Wire,
    env::HttpRequest,
    mall::{ListingKey, SettingsError},
};

use auth::Auth;
pub use card::CARD;
use faults::{Context, fault};
use search::{Condition, Rows, Step};

pub static MALL: MallEntry = MallEntry {
    id: "yahoo",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

const BASE_URL: &str = "https://circus.shopping.yahooapis.jp";
const XML: &str = "application/xml; charset=utf-8";

const SEARCH: Context = Context { operation: "orders.search", writes: false };
const GET: Context = Context { operation: "orders.get", writes: false };
const PUSH: Context = Context { operation: "stock.push", writes: true };
const READ: Context = Context { operation: "stock.read", writes: false };
const ORDER_FILE: Context = Context { operation: "catalogue.order", writes: false };
const FILE: Context = Context { operation: "catalogue.file", writes: false };
const ACCOUNT: Context = Context { operation: "account.read", writes: false };

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let base = settings.base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/');
    let services = format!("{base}/ShoppingWebService/V1");
    Ok(Box::new(Yahoo { wire, services, auth: Auth::open(settings)? }))
}

struct Yahoo {
    wire: Wire,
    services: String,
    auth: Auth,
}

#[async_trait]
impl Mall for Yahoo {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        match &query.span {
            Span::Window { from, to } => {
                let step = query.token.as_deref().map_or(Some(Step::begin(*from)), Step::from_token);
                let step = step.ok_or_else(|| self.not_understood(SEARCH, "a page token of somebody else's"))?;
                let rows = self.search(step, Condition::Placed { to: *to, open_only: query.open_only }).await?;
                let next = step.next(&rows).map(|next| next.token());
                Ok(Page { heads: rows.heads, unread: rows.unread, next, ..Page::default() })
            }
            Span::Family(id) => {
                let rows = self.family(id).await?;
                Ok(Page { heads: rows.heads, unread: rows.unread, ..Page::default() })
            }
        }
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut found = Found::default();
        for id in ids {
            match self.order(id).await? {
                orders::Reading::Order(order) => found.orders.push(order),
                orders::Reading::Unread(unread) => found.unread.push(unread),
                orders::Reading::Nothing => found.missing.push(id.clone()),
            }
        }
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.len() > card::CODES_MAX {
            let message = "more codes than the mall takes in one request";
            return Err(self.wire.error(PUSH.operation, Class::Rejected { refused: Vec::new() }, message));
        }
        let push = stock::Push::new(updates);
        let Some((codes, quantities)) = push.form() else {
            return Ok(push.settle(|_| Outcome::Unknown));
        };
        let form = [
            ("seller_id", self.auth.seller_id.as_str()),
            ("item_code", codes.as_str()),
            ("quantity", quantities.as_str()),
        ];
        let request = auth::form_post(format!("{}/setStock", self.services), &form);
        let answer = match self.send(PUSH, request).await? {
            Ok(answer) => answer,
            Err(error) => {
                let single = error.code.as_deref().and_then(|code| push.read_single(code));
                return single.map_or(Err(error), |outcome| Ok(push.settle(|_| outcome.clone())));
            }
        };
        push.read(&answer.body).map_err(|what| fault(&self.wire, PUSH, &answer, what))
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        Ok(keys.iter().map(|given| stock::resolve(given)).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            readback: Some(self),
            catalogue: Some(self),
            account: Some(self),
            consent: Some(self),
            ..Extras::default()
        }
    }
}

#[async_trait]
impl Readback for Yahoo {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let mut readings = Vec::with_capacity(keys.len());
        for keys in keys.chunks(card::CODES_MAX) {
            let codes = keys.iter().map(|listing| listing.key.as_str()).collect::<Vec<_>>().join(",");
            let form = [("seller_id", self.auth.seller_id.as_str()), ("item_code", codes.as_str())];
            let request = auth::form_post(format!("{}/getStock", self.services), &form);
            let answer = self.send(READ, request).await??;
            readings.extend(stock::read(&answer.body, keys).map_err(|what| fault(&self.wire, READ, &answer, what))?);
        }
        Ok(readings)
    }
}

#[async_trait]
impl Catalogue for Yahoo {
    /// The first page orders the file, and each of them asks whether it is done.
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let malformed = |what: String| self.wire.error(FILE.operation, Class::Malformed { what }, "");
        let asked = catalogue::asked(token).map_err(malformed)?;
        let query = [("seller_id", self.auth.seller_id.as_str()), ("type", catalogue::STOCK)];
        if asked == 0 {
            let request = auth::form_post(format!("{}/downloadRequest", self.services), &query);
            let answer = self.send(ORDER_FILE, request).await??;
            account::accepted(&answer.body).map_err(|what| fault(&self.wire, ORDER_FILE, &answer, what))?;
        }
        let request = auth::get(format!("{}/downloadSubmit", self.services), &query);
        let answer = match self.send(FILE, request).await? {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref() == Some(catalogue::NOT_YET) || error.status == Some(202) => {
                let message = "the mall has not written the stock file in a quarter of an hour";
                let class = Class::Transient { applied: Applied::No };
                return catalogue::later(asked).ok_or_else(|| self.wire.error(FILE.operation, class, message));
            }
            Err(error) => return Err(error),
        };
        catalogue::shelf(&answer.body).map_err(|what| fault(&self.wire, FILE, &answer, what))
    }
}

#[async_trait]
impl Account for Yahoo {
    async fn account(&self) -> Result<AccountSheet> {
        let seller_id = self.auth.seller_id.as_str();
        let request = auth::get(format!("{}/orderCount", self.services), &[("sellerId", seller_id)]);
        let answer = self.ask_signed(ACCOUNT, request).await?;
        account::sheet(&answer.body, seller_id).map_err(|what| fault(&self.wire, ACCOUNT, &answer, what))
    }
}

#[async_trait]
impl Consent for Yahoo {
    fn page(&self, redirect: &str, state: &str) -> std::result::Result<String, SettingsError> {
        Ok(self.auth.page(redirect, state))
    }

    async fn redeem(&self, code: &str, redirect: &str) -> Result<Vec<(&'static str, SecretString)>> {
        Ok(vec![("refresh_token", self.auth.redeem(&self.wire, code, redirect).await?)])
    }
}

impl Yahoo {
    async fn order(&self, id: &str) -> Result<orders::Reading> {
        let body = orders::request(id, &self.auth.seller_id);
        let reading = match self.ask_orders(GET, "orderInfo", body).await {
            Ok(answer) => orders::read(&answer.body, id).map_err(|what| fault(&self.wire, GET, &answer, what))?,
            Err(error) if may_be_missing(&error) => {
                return if self.exists(id).await? { Err(error) } else { Ok(orders::Reading::Nothing) };
            }
            Err(error) => return Err(error),
        };
        if reading == orders::Reading::Nothing && self.exists(id).await? {
            return Err(self.not_understood(GET, "the mall lists the order and does not give it"));
        }
        Ok(reading)
    }

    /// How orderInfo answers an id that it doesn't know is not documented, so the list has the last word.
    async fn exists(&self, id: &str) -> Result<bool> {
        let rows = self.search(Step::begin(self.wire.now()), Condition::Id(id)).await?;
        Ok(!rows.heads.is_empty())
    }

    async fn family(&self, id: &str) -> Result<Rows> {
        let now = self.wire.now();
        let mut all = self.search(Step::begin(now), Condition::Id(id)).await?;
        for (begin, condition) in search::kin(id, &all, now) {
            let mut step = Some(begin);
            while let Some(page) = step {
                let rows = self.search(page, condition).await?;
                step = page.next(&rows);
                all.add(rows);
            }
        }
        Ok(all)
    }

    async fn search(&self, step: Step, condition: Condition<'_>) -> Result<Rows> {
        let body = step.request(condition, &self.auth.seller_id);
        let answer = self.ask_orders(SEARCH, "orderList", body).await?;
        search::read(&answer.body).map_err(|what| fault(&self.wire, SEARCH, &answer, what))
    }

    fn not_understood(&self, context: Context, what: &str) -> MallError {
        self.wire.error(context.operation, Class::Malformed { what: what.to_owned() }, "")
    }

    async fn ask_orders(&self, context: Context, path: &str, body: String) -> Result<Answer> {
        self.ask_signed(context, auth::post(format!("{}/{path}", self.services), XML, body.into_bytes())).await
    }

    /// An order call: signed, and answered with success and an accepted signature.
    async fn ask_signed(&self, context: Context, mut request: HttpRequest) -> Result<Answer> {
        self.auth.sign(&self.wire, context, &mut request)?;
        let answer = self.send(context, request).await??;
        if let Some(status) = auth::refused_signature(&answer) {
            let message = format!("the mall did not accept the public key ({status}): enter a new one (暗号鍵管理)");
            return Err(self.wire.error(context.operation, Class::Auth { renewable: false }, message));
        }
        Ok(answer)
    }

    /// The inner error is the mall's own answer, the outer one anything before it.
    async fn send(&self, context: Context, mut request: HttpRequest) -> Result<std::result::Result<Answer, MallError>> {
        let token = self.auth.token(&self.wire).await?;
        auth::authorize(&mut request, &format!("Bearer {}", token.expose_secret()));
        let call = Call { operation: context.operation, writes: context.writes, request };
        let answer = self.wire.call(call).await?;
        if matches!(answer.status, 200 | 207) {
            return Ok(Ok(answer));
        }
        let error = fault(&self.wire, context, &answer, format!("an answer with status {}", answer.status));
        self.auth.heed(&self.wire, &error.class).await;
        Ok(Err(error))
    }
}

/// The order APIs refused the request for a reason that no table names: perhaps this id.
fn may_be_missing(error: &MallError) -> bool {
    let refused = matches!(error.class, Class::Malformed { .. }) && matches!(error.status, Some(400..=404));
    refused && error.code.as_deref().is_some_and(|code| code.starts_with("od"))
}
