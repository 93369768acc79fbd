//! メルカリShops: GraphQL at one address, a budget of points per shop, absolute writes only.
//!
//! This file asks and decides; [`graphql`] holds the documents, [`orders`] and [`stock`] read answers, [`faults`]
//! names failures, [`wakeup`] says what a notification is worth.

mod card;
#[cfg(feature = "fake")]
pub mod fake;
mod faults;
mod graphql;
mod orders;
#[cfg(test)]
mod payloads;
mod stock;
mod wakeup;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::Value;
use uriba_sdk::{
    Account, AccountSheet, Answer, Applied, Call, Card, Catalogue, Class, Extras, Found, Mall, MallEntry, MallError,
    Outcome, Page, Query, Readback, Reading, Refusal, RefusedWhy, Resolved, Result, Settings, Shelf, Update, Wire,
    env::{HeaderMap, HeaderValue, HttpRequest, Method, Url},
    mall::{ListingKey, SettingsError},
};

pub use card::CARD;
use card::{ORDER, POINTS, VARIANT, WRITE};
use faults::Word;
use graphql::{LookedUp, Question, Told};
use stock::{Prepared, Variant};
use wakeup::Notices;

/// What `malls.rs` lists.
pub static MALL: MallEntry = MallEntry {
    id: "mercari",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

const ADDRESS: &str = "https://api.mercari-shops.com";
const PATH: &str = "v1/graphql";

struct Mercari {
    wire: Wire,
    url: String,
    /// What each request carries. Marked sensitive, so that no log shows the token.
    headers: HeaderMap,
    /// Orders in a page: fewer after one that took the mall too long.
    first: AtomicU32,
    /// The mall knows the batch as we write it. Once it has refused the document itself, figures go one by one.
    batches: AtomicBool,
}

/// Everything that can be wrong with the settings is found here, before the first request.
fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let wrong = |key: &str, message: &str| SettingsError { key: key.into(), message: message.into() };
    let base = settings.base_url.as_deref().unwrap_or(ADDRESS).trim_end_matches('/');
    let base = base.strip_suffix(&format!("/{PATH}")).unwrap_or(base);
    Url::parse(base).map_err(|_| wrong("base_url", "is not an address such as https://…"))?;
    let token = settings.credential("token")?.expose_secret().trim();
    let name = settings.credential("client_name")?.expose_secret().trim();
    if name.is_empty() || name.starts_with('/') {
        return Err(wrong("credentials.client_name", "is the API_CLIENT_NAME that the mall gave with the contract"));
    }
    // People may write the version too, as the mall's examples do.
    let agent = if name.contains('/') { name.to_owned() } else { format!("{name}/{}", env!("CARGO_PKG_VERSION")) };
    let mut headers = HeaderMap::new();
    for (header, key, text) in
        [("authorization", "token", format!("Bearer {token}")), ("user-agent", "client_name", agent)]
    {
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| wrong(&format!("credentials.{key}"), "has characters that no header can carry"))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let (first, batches) = (AtomicU32::new(graphql::PAGE), AtomicBool::new(true));
    Ok(Box::new(Mercari { wire, url: format!("{base}/{PATH}"), headers, first, batches }))
}

#[async_trait]
impl Mall for Mercari {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let filter = orders::filter(query).map_err(|class| self.wire.error(card::SEARCH, class, ""))?;
        let first = self.first.load(Ordering::Relaxed);
        let question = graphql::search(first, &filter);
        let (answer, told) = self.ask(&question).await?;
        // What went wrong within one order leaves that order unread; the rest of the page is good.
        if let Some(fault) = told.errors.iter().find(|fault| told.data.is_none() || fault.path.len() < 3) {
            if fault.word == Word::DeadlineExceeded {
                self.first.store((first / 2).max(graphql::PAGE_LEAST), Ordering::Relaxed);
            }
            return Err(self.failed(&question, &answer, fault));
        }
        let page = orders::page(told.data.as_deref().map_or("null", |data| data.get()));
        let page = page.map_err(|what| faults::unreadable(&self.wire, question.operation, &answer, what))?;
        self.first.store((first + first / 4).min(graphql::PAGE), Ordering::Relaxed);
        Ok(page)
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut found = Found::default();
        for ids in ids.chunks(graphql::IDS_MAX) {
            let asked: Vec<_> = ids.iter().collect();
            for (id, text) in ids.iter().zip(self.look_up(&asked, graphql::orders).await?) {
                match text.as_deref().map(orders::one) {
                    Some(Ok(order)) if order.id == *id => found.orders.push(order),
                    Some(Ok(_)) => {
                        let class = Class::Malformed { what: "another order than was asked for".into() };
                        return Err(self.wire.error(ORDER, class, ""));
                    }
                    Some(Err(mut unread)) => {
                        unread.order_id = Some(id.clone());
                        found.unread.push(*unread);
                    }
                    None => found.missing.push(id.clone()),
                }
            }
        }
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        let prepared = stock::prepare(updates).map_err(|class| self.wire.error(WRITE, class, "nothing was sent"))?;
        let figures: Vec<_> = prepared.iter().filter_map(|one| one.clone().ok()).collect();
        let mut outcomes = self.write(&figures).await?.into_iter();
        let outcome = |one: Prepared| match one {
            Ok(_) => outcomes.next().unwrap_or(Outcome::Unknown),
            Err(outcome) => outcome,
        };
        Ok(prepared.into_iter().map(outcome).collect())
    }

    /// A code or an id, as people know it; what the shop doesn't list (yet) keeps its spelling, without a handle.
    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let normal: Vec<_> = keys.iter().map(|given| stock::normal(given)).collect();
        let typed: Vec<_> = normal.iter().flatten().cloned().collect();
        let mut found = self.find(&typed).await?.into_iter();
        let resolved = |(given, normal): (&String, std::result::Result<String, String>)| {
            let listing = |key: String| match found.next().flatten() {
                Some(variant) => variant.listing(&key),
                None => ListingKey { key, handle: None },
            };
            Resolved { given: given.clone(), key: normal.map(listing) }
        };
        Ok(keys.iter().zip(normal).map(resolved).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            readback: Some(self),
            catalogue: Some(self),
            account: Some(self),
            wakeup: Some(&Notices),
            ..Extras::default()
        }
    }
}

#[async_trait]
impl Readback for Mercari {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let handles = keys.iter().filter(|key| key.handle.is_some());
        let by: Vec<_> = handles.map(|key| stock::address(&key.key, key.handle.as_deref())).collect();
        let mut known = self.variants(&by).await?.into_iter();
        let loose: Vec<_> = keys.iter().filter(|key| key.handle.is_none()).map(|key| key.key.clone()).collect();
        let mut sought = self.find(&loose).await?.into_iter();
        let reading = |key: &ListingKey| {
            let found = if key.handle.is_some() { known.next() } else { sought.next() };
            Reading { key: key.key.clone(), found: found.flatten().as_ref().map(Variant::counter) }
        };
        Ok(keys.iter().map(reading).collect())
    }
}

#[async_trait]
impl Catalogue for Mercari {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        self.ask_whole(&graphql::list(token), stock::shelf).await
    }
}

#[async_trait]
impl Account for Mercari {
    async fn account(&self) -> Result<AccountSheet> {
        self.ask_whole(&graphql::shop(), stock::account).await
    }
}

impl Mercari {
    /// Writes what it can as one batch. A batch that the mall refuses for one of its entries is written again one by
    /// one, since which entry it was, and what became of the others, is not documented; figures are absolute, so
    /// saying one twice does no harm.
    async fn write(&self, figures: &[(Value, i64)]) -> Result<Vec<Outcome>> {
        if figures.is_empty() {
            return Ok(Vec::new());
        }
        if !self.batches.load(Ordering::Relaxed) {
            return self.write_each(figures, Outcome::Refused(unsent())).await;
        }
        let question = graphql::write(figures);
        let (answer, told) = match self.ask(&question).await {
            Err(error) if faults::is_unknown_document(&error) => return self.write_without_batches(figures).await,
            told => told?,
        };
        if let Some(fault) = told.errors.iter().find(|fault| !is_about_an_entry(fault.word)) {
            return match fault.word {
                Word::InvalidDocument => self.write_without_batches(figures).await,
                // The whole shop is closed to writes.
                Word::PermissionDenied => Ok(vec![stock::refused(fault).unwrap_or(Outcome::Unknown); figures.len()]),
                _ => Err(self.failed(&question, &answer, fault)),
            };
        }
        let data = told.data.as_deref().map_or("{}", |data| data.get());
        let shown = match stock::written(data, figures) {
            Ok(shown) if !told.errors.is_empty() || shown.iter().all(Option::is_some) => shown,
            Ok(_) => {
                let what = "a batch without errors whose answer leaves some out".to_owned();
                return Err(faults::unreadable(&self.wire, WRITE, &answer, what));
            }
            Err(what) => return Err(faults::unreadable(&self.wire, WRITE, &answer, what)),
        };
        let again: Vec<_> =
            figures.iter().zip(&shown).filter(|(_, now)| now.is_none()).map(|(figure, _)| figure.clone()).collect();
        let mut rest = match again.is_empty() {
            true => Vec::new(),
            false => self.write_each(&again, Outcome::Unknown).await?,
        }
        .into_iter();
        let outcome = |now: Option<i64>| match now {
            Some(now) => Outcome::Applied { now: Some(now) },
            None => rest.next().unwrap_or(Outcome::Unknown),
        };
        Ok(shown.into_iter().map(outcome).collect())
    }

    async fn write_without_batches(&self, figures: &[(Value, i64)]) -> Result<Vec<Outcome>> {
        self.batches.store(false, Ordering::Relaxed);
        self.write_each(figures, Outcome::Refused(unsent())).await
    }

    /// One request per figure. After one that fails as a whole the others are not sent: `otherwise` is what they come
    /// to, and what the failed one comes to where it can't have been applied.
    async fn write_each(&self, figures: &[(Value, i64)], otherwise: Outcome) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        for figure in figures {
            match self.write_one(figure).await {
                Ok(outcome) => outcomes.push(outcome),
                // Nothing was said so far, so the error says it all.
                Err(error) if outcomes.is_empty() && otherwise != Outcome::Unknown => return Err(error),
                Err(error) => {
                    outcomes.push(if is_in_doubt(&error) { Outcome::Unknown } else { otherwise.clone() });
                    outcomes.resize(figures.len(), otherwise);
                    break;
                }
            }
        }
        Ok(outcomes)
    }

    async fn write_one(&self, figure: &(Value, i64)) -> Result<Outcome> {
        let question = graphql::write_one(figure);
        let (answer, told) = self.ask(&question).await?;
        if let Some(fault) = told.errors.first() {
            return stock::refused(fault).ok_or_else(|| self.failed(&question, &answer, fault));
        }
        let now = stock::written_one(told.whole().unwrap_or("null"));
        let now = now.map_err(|what| faults::unreadable(&self.wire, question.operation, &answer, what))?;
        Ok(Outcome::Applied { now: Some(now) })
    }

    /// What people call so: a code first, and an id where no code is spelled so.
    async fn find(&self, typed: &[String]) -> Result<Vec<Option<Variant>>> {
        let by: Vec<_> = typed.iter().map(|key| stock::by_sku(key)).collect();
        let mut found = self.variants(&by).await?;
        let left: Vec<_> = (0..typed.len()).filter(|n| found[*n].is_none()).collect();
        let by: Vec<_> = left.iter().map(|n| stock::by_id(&typed[*n])).collect();
        for (n, variant) in left.into_iter().zip(self.variants(&by).await?) {
            found[n] = variant;
        }
        Ok(found)
    }

    async fn variants(&self, by: &[Value]) -> Result<Vec<Option<Variant>>> {
        let mut found = Vec::new();
        for by in by.chunks(graphql::VARIANTS_MAX) {
            let asked: Vec<_> = by.iter().collect();
            for text in self.look_up(&asked, graphql::variants).await? {
                let variant = text.as_deref().map(Variant::read).transpose();
                let unreadable = |what| self.wire.error(VARIANT, Class::Malformed { what }, "");
                found.push(variant.map_err(unreadable)?);
            }
        }
        Ok(found)
    }

    /// Several look-ups in one document; `None` for what the mall doesn't know. Where one that doesn't exist takes the
    /// whole answer away, the others are asked for again without it, and at last alone.
    async fn look_up<T: Sync + ?Sized>(
        &self,
        things: &[&T],
        question: impl Fn(&[&T]) -> Question + Send + Sync,
    ) -> Result<Vec<Option<String>>> {
        let mut found = vec![None; things.len()];
        let mut open: Vec<usize> = (0..things.len()).collect();
        let mut alone = false;
        while !open.is_empty() {
            let later = if alone { open.split_off(1) } else { Vec::new() };
            let asked: Vec<_> = open.iter().map(|n| things[*n]).collect();
            let question = question(&asked);
            let (answer, told) = self.ask(&question).await?;
            let sorted = graphql::sort(&told, asked.len()).map_err(|fault| match fault {
                Some(fault) => self.failed(&question, &answer, fault),
                None => {
                    let what = "a look-up without an answer to each of its questions".to_owned();
                    faults::unreadable(&self.wire, question.operation, &answer, what)
                }
            })?;
            let before = open.len();
            let mut untold = Vec::new();
            for (n, looked_up) in open.into_iter().zip(sorted) {
                match looked_up {
                    LookedUp::Found(text) => found[n] = Some(text),
                    LookedUp::Missing => {}
                    LookedUp::Untold => untold.push(n),
                }
            }
            // Alone, each is found or missing, so this ends.
            alone |= untold.len() == before;
            untold.extend(later);
            open = untold;
        }
        Ok(found)
    }

    /// For questions that fail as a whole.
    async fn ask_whole<T>(
        &self,
        question: &Question,
        read: impl FnOnce(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        let (answer, told) = self.ask(question).await?;
        match told.errors.first() {
            Some(fault) => Err(self.failed(question, &answer, fault)),
            None => read(told.whole().unwrap_or("null"))
                .map_err(|what| faults::unreadable(&self.wire, question.operation, &answer, what)),
        }
    }

    /// Sends, says what it took, and opens the envelope of a good answer.
    async fn ask(&self, question: &Question) -> Result<(Answer, Told)> {
        let headers = self.headers.clone();
        let request = HttpRequest { headers, body: question.body(), ..HttpRequest::new(Method::POST, &self.url) };
        let (operation, writes) = (question.operation, question.writes);
        let answer = self.wire.call(Call { operation, writes, request }).await?;
        if answer.status != 200 {
            return Err(faults::refusal(&self.wire, operation, writes, &answer));
        }
        self.wire.spent(operation, POINTS, question.points);
        // Not documented; where it is there, it also counts what other tools of the shop have spent.
        if let Some(left) = answer.header("x-ratelimit-remaining").and_then(|left| left.trim().parse().ok()) {
            self.wire.observed_level(POINTS, left);
        }
        match Told::read(&answer.body) {
            Ok(told) => Ok((answer, told)),
            Err(what) => Err(faults::unreadable(&self.wire, operation, &answer, what)),
        }
    }

    fn failed(&self, question: &Question, answer: &Answer, fault: &graphql::Fault) -> MallError {
        faults::told(&self.wire, question.operation, question.writes, answer, fault)
    }
}

/// An error that one entry of a batch may have caused.
fn is_about_an_entry(word: Word) -> bool {
    matches!(word, Word::NotFound | Word::InvalidArgument | Word::FailedPrecondition | Word::Other)
}

fn is_in_doubt(error: &MallError) -> bool {
    matches!(error.class, Class::Transient { applied: Applied::Unknown } | Class::Malformed { .. })
}

fn unsent() -> Refusal {
    let message = "not sent: the one before it failed".into();
    Refusal { why: RefusedWhy::Busy, code: None, message }
}
