//! A storefront of the seller's own whose stock counter is in DynamoDB.
//!
//! The storefront decrements the counter at checkout and writes a row about it in the same transaction; this adapter
//! reads the rows as orders and adds to the counter what the hub finds that it should show more or less. [`layout`]
//! names the tables, [`orders`] and [`search`] read the rows, [`stock`] writes and reads the counter, [`auth`] signs,
//! [`faults`] names failures, [`tables`] knows the tables themselves. DynamoDB is spoken to over the hub's own HTTP,
//! so that its requests are paced, dead-lined and redacted like those to any mall.

mod auth;
mod card;
#[cfg(feature = "fake")]
pub mod fake;
mod faults;
mod layout;
mod orders;
#[cfg(test)]
mod payloads;
mod search;
mod stock;
mod tables;
mod value;

use async_trait::async_trait;
use serde_json::{Value, json};
use uriba_sdk::{
    Account, AccountSheet, Answer, Applied, Call, Card, Catalogue, Class, Extras, Found, Mall, MallEntry, MallError,
    Outcome, Page, Query, Readback, Reading, Resolved, Result, Settings, Shelf, Update, Wire,
    env::{HttpRequest, Method, Url},
    mall::{ListingKey, SettingsError},
};

use auth::Signer;
pub use card::CARD;
use card::{LIST, ORDERS, PUSH, READ, SEARCH, TABLES};
use layout::Layout;
use value::Row;

/// What `malls.rs` lists.
pub static MALL: MallEntry = MallEntry {
    id: "dynamodb",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

const API: &str = "DynamoDB_20120810";
/// A batch comes back in parts while the table is short of capacity, and a page may be a search through parts that are
/// empty. After so many requests the rest is left for later.
const PARTS_MAX: usize = 20;

struct Dynamo {
    wire: Wire,
    url: String,
    signer: Signer,
    layout: Layout,
}

/// Everything that can be wrong with the settings is found here, before the first request.
fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let layout = Layout::of(settings)?;
    let signer = Signer::of(settings, &layout.region)?;
    let default = format!("https://dynamodb.{}.amazonaws.com", layout.region);
    let base = settings.base_url.as_deref().unwrap_or(&default).trim_end_matches('/');
    let wrong = SettingsError { key: "base_url".into(), message: "is not an address such as https://…".into() };
    Url::parse(base).ok().filter(|url| url.has_host()).ok_or(wrong)?;
    Ok(Box::new(Dynamo { wire, url: format!("{base}/"), signer, layout }))
}

#[async_trait]
impl Mall for Dynamo {
    fn card(&self) -> &'static Card {
        &CARD
    }

    /// A page is the next rows that there are: days (and their parts) without any are passed over.
    async fn pull(&self, query: &Query) -> Result<Page> {
        let (mut query, mut parts) = (query.clone(), 0);
        loop {
            let asked = search::page_of(&self.layout, &query).map_err(|class| self.wire.error(SEARCH, class, ""))?;
            let answer = self.ask(SEARCH, "Query", &asked.body).await?;
            let page = search::page(&self.layout, asked, &answer.body);
            let page = page.map_err(|what| self.unreadable(SEARCH, &answer, what))?;
            let is_empty = page.orders.is_empty() && page.unread.is_empty();
            parts += 1;
            if !is_empty || page.next.is_none() || parts == PARTS_MAX {
                return Ok(page);
            }
            query.token = page.next;
        }
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let (table, projection) = (&self.layout.delta_table, orders::projection(&self.layout));
        let keys = search::keys(&self.layout.names.order, ids.iter().map(String::as_str));
        let rows = self.rows(ORDERS, table, keys, &projection).await?;
        search::found(&self.layout, ids, &rows).map_err(|what| self.odd(ORDERS, what))
    }

    /// One request after the other. What was applied before one fails stays told as applied; what comes after it is
    /// not sent.
    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        let writes = stock::writes(&self.layout, updates);
        let writes = writes.map_err(|class| self.wire.error(PUSH, class, "nothing was sent"))?;
        let (mut outcomes, mut sent) = (Vec::with_capacity(updates.len()), false);
        for (update, write) in updates.iter().zip(writes) {
            let body = match write {
                Ok(body) => body,
                Err(refusal) => {
                    outcomes.push(Outcome::Refused(refusal));
                    continue;
                }
            };
            match self.update(update, &body).await {
                Ok(outcome) => outcomes.push(outcome),
                // Nothing has been written yet: the whole push is what this one is.
                Err(error) if !sent => return Err(error),
                Err(error) => {
                    outcomes.push(after(&error));
                    break;
                }
            }
            sent = true;
        }
        outcomes.resize(updates.len(), stock::busy(None, "not sent, since the write before it failed"));
        Ok(outcomes)
    }

    /// The key is the item's own, so no request is needed.
    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let resolved = |given: &String| Resolved {
            given: given.clone(),
            key: stock::normal(given).map(|key| ListingKey { key, handle: None }),
        };
        Ok(keys.iter().map(resolved).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras { readback: Some(self), catalogue: Some(self), account: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Readback for Dynamo {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let (table, projection) = (&self.layout.stock_table, stock::projection(&self.layout));
        let wanted = search::keys(&self.layout.names.item, keys.iter().map(|key| key.key.as_str()));
        let rows = self.rows(READ, table, wanted, &projection).await?;
        stock::readings(&self.layout, keys, &rows).map_err(|what| self.odd(READ, what))
    }
}

#[async_trait]
impl Catalogue for Dynamo {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let body = tables::shelf_of(&self.layout, token).map_err(|what| self.odd(LIST, what))?;
        let answer = self.ask(LIST, "Scan", &body).await?;
        tables::shelf(&self.layout, &answer.body).map_err(|what| self.unreadable(LIST, &answer, what))
    }
}

#[async_trait]
impl Account for Dynamo {
    async fn account(&self) -> Result<AccountSheet> {
        let (stock, deltas) = (&self.layout.stock_table, &self.layout.delta_table);
        Ok(tables::sheet(&self.layout, &self.table(stock).await?, &self.table(deltas).await?))
    }
}

impl Dynamo {
    async fn update(&self, update: &Update, body: &Value) -> Result<Outcome> {
        let answer = self.send(PUSH, "UpdateItem", body, true).await?;
        match (answer.status, faults::code(&answer.body).as_deref()) {
            (200, _) => stock::written(&self.layout, &answer.body).map_err(|what| self.unreadable(PUSH, &answer, what)),
            (400, Some("ConditionalCheckFailedException")) => Ok(stock::unmet(&self.layout, update, &answer.body)),
            // A checkout of this item is under way. It is the shopper who goes first.
            (400, Some(code @ "TransactionConflictException")) => {
                Ok(stock::busy(Some(code.to_owned()), "a checkout holds this item"))
            }
            _ => Err(faults::refusal(&self.wire, PUSH, true, &answer)),
        }
    }

    async fn table(&self, name: &str) -> Result<tables::Table> {
        let answer = self.ask(TABLES, "DescribeTable", &json!({"TableName": name})).await?;
        tables::table(&answer.body).map_err(|what| self.unreadable(TABLES, &answer, what))
    }

    /// Rows by key, consistent, in as many requests as DynamoDB needs for them.
    async fn rows(
        &self,
        operation: &'static str,
        table: &str,
        keys: Vec<Row>,
        projection: &(String, Value),
    ) -> Result<Vec<Row>> {
        let (mut rows, mut left, mut parts) = (Vec::new(), keys, 0);
        while !left.is_empty() {
            if parts == PARTS_MAX {
                let message = format!("{} rows were left unread every time", left.len());
                return Err(self.wire.error(operation, Class::Throttled { retry_after: None }, message));
            }
            let most = left.len().min(card::KEYS_MAX);
            let body = search::batch_of(table, &left[..most], projection);
            let answer = self.ask(operation, "BatchGetItem", &body).await?;
            let batch = search::batch(table, &answer.body).map_err(|what| self.unreadable(operation, &answer, what))?;
            if let Some(strange) = batch.left.iter().find(|key| !left[..most].contains(key)) {
                return Err(self.unreadable(operation, &answer, format!("{} was not asked for", json!(strange))));
            }
            left.drain(..most);
            left.splice(..0, batch.left);
            rows.extend(batch.rows);
            parts += 1;
        }
        Ok(rows)
    }

    async fn ask(&self, operation: &'static str, action: &str, body: &Value) -> Result<Answer> {
        let answer = self.send(operation, action, body, false).await?;
        match answer.status {
            200 => Ok(answer),
            _ => Err(faults::refusal(&self.wire, operation, false, &answer)),
        }
    }

    /// Signs, sends, and gives back whatever is answered, if it arrived whole.
    async fn send(&self, operation: &'static str, action: &str, body: &Value, writes: bool) -> Result<Answer> {
        let body = body.to_string().into_bytes();
        let headers = self.signer.headers(&self.url, &format!("{API}.{action}"), &body, self.wire.now());
        let headers = headers.map_err(|what| {
            let class = Class::Transient { applied: Applied::No };
            self.wire.error(operation, class, format!("not sent, it can't be signed: {what}"))
        })?;
        let request = HttpRequest { headers, body, ..HttpRequest::new(Method::POST, &self.url) };
        let answer = self.wire.call(Call { operation, writes, request }).await?;
        if answer.status == 200 && !faults::is_whole(&answer) {
            return Err(self.unreadable(operation, &answer, "the answer is not what its checksum says".into()));
        }
        Ok(answer)
    }

    fn unreadable(&self, operation: &'static str, answer: &Answer, what: String) -> MallError {
        faults::unreadable(&self.wire, operation, answer, what)
    }

    fn odd(&self, operation: &'static str, what: String) -> MallError {
        self.wire.error(operation, Class::Malformed { what }, "")
    }
}

/// What a failed request means for its update, when others have been written before it.
fn after(error: &MallError) -> Outcome {
    match error.class {
        Class::Transient { applied: Applied::Unknown } | Class::Malformed { .. } => Outcome::Unknown,
        _ => stock::busy(error.code.clone(), &format!("not written ({})", error.class.word())),
    }
}
