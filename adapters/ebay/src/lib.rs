//! eBay (Sell APIs): Fulfillment v1 for orders, Inventory v1 for stock, OAuth with a seller's refresh token.
//!
//! Orders are searched by their last change; those that are partly shipped come as heads, since only their shipments
//! tell what has left. Stock is written as an absolute figure at two levels at once, the item's and its offer's.
//! Only listings made by the Inventory API are within reach: those of the site and the Trading API are another world.

mod account;
mod auth;
mod card;
#[cfg(feature = "fake")]
mod fake;
mod faults;
mod items;
mod offers;
mod orders;
#[cfg(test)]
mod payloads;
mod push;
mod stock;
mod url;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Account, AccountSheet, Answer, Applied, Call, Card, Catalogue, Class, Consent, Extras, Found, Mall, MallEntry,
    MallError, Outcome, Page, Query, Readback, Reading, Resolved, Result, Settings, Shelf, Span, Update, Wire,
    env::{HeaderValue, HttpRequest, Method},
    mall::{ListingKey, SettingsError},
};

pub use card::CARD;
use card::{ITEMS, OFFERS, ORDER, PROGRAMS, PUSH, RATES, READ, SEARCH, SHIPMENTS, SINGLE, SKU_CHARS_MAX, SKUS, USER};
use offers::Standing;
use stock::{Entry, Told};

pub static MALL: MallEntry = MallEntry {
    id: "ebay",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

const PRODUCTION: &str = "https://api.ebay.com";
/// What is left of a day's calls is read so often: a pace that was set by it is good for about as long.
const PACE_EVERY: SignedDuration = SignedDuration::from_mins(30);
/// The order that was asked for by its id is not there.
const NO_SUCH_ORDER: &str = "32100";

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let base_url = settings.base_url.as_deref().unwrap_or(PRODUCTION).trim_end_matches('/').to_owned();
    let alone = match settings.options.get("batch_skus").map(|text| text.trim()) {
        None | Some("25") => false,
        Some("1") => true,
        Some(_) => {
            return Err(SettingsError { key: "options.batch_skus".into(), message: "is neither 25 nor 1".into() });
        }
    };
    let login = auth::Login::open(settings, &base_url)?;
    let batching = push::Batching::new(alone);
    Ok(Box::new(Ebay { wire, login, base_url, batching, paced_at: Mutex::default() }))
}

/// eBay has `api.`, `apiz.` and `auth.` hosts beside each other, in production and in the sandbox.
fn sister(host: &str, name: &str) -> String {
    host.replacen("://api.", &format!("://{name}."), 1)
}

struct Ebay {
    wire: Wire,
    login: auth::Login,
    base_url: String,
    batching: push::Batching,
    /// When eBay was last asked for what is left of the application's calls.
    paced_at: Mutex<Option<Timestamp>>,
}

#[async_trait]
impl Mall for Ebay {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let odd = |what: String| self.wire.error(SEARCH, Class::Malformed { what }, "");
        let Span::Window { from, to } = &query.span else {
            return Err(odd("eBay splits no orders, so none can be searched by family".into()));
        };
        let search = orders::Search::new(*from, *to, query.open_only, query.token.as_deref(), self.wire.now());
        let search = search.map_err(odd)?;
        let answer = self.read(SEARCH, search.path()).await?;
        let page = search.page(&answer.body).map_err(|what| self.malformed(SEARCH, &answer, what))?;
        self.keep_pace().await;
        Ok(page)
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut found = Found::default();
        let (known, odd): (Vec<&str>, Vec<&str>) =
            ids.iter().map(String::as_str).partition(|id| orders::is_order_id(id));
        for ids in known.chunks(card::IDS) {
            self.look_up(ids, &mut found).await?;
        }
        found.missing.extend(odd.into_iter().map(str::to_owned));
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        push::push(self, updates).await
    }

    fn before_push(&self) -> &'static [&'static str] {
        &[OFFERS]
    }

    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let mut resolved = Vec::with_capacity(keys.len());
        for given in keys {
            let key = match normalised(given) {
                Ok(key) => {
                    let handle = self.standing(&key).await?.as_ref().and_then(offers::handle);
                    Ok(ListingKey { key, handle })
                }
                Err(why) => Err(why),
            };
            resolved.push(Resolved { given: given.clone(), key });
        }
        Ok(resolved)
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
impl Readback for Ebay {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        // eBay refuses a question that names a SKU twice.
        let skus: Vec<_> = keys.iter().map(|key| key.key.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
        let mut counters = HashMap::new();
        for skus in skus.chunks(SKUS) {
            for (sku, total) in self.totals(skus).await? {
                let found = self.offers(&sku).await?.unwrap_or_default();
                counters.insert(sku, items::counter(total, &found));
            }
        }
        Ok(keys.iter().map(|key| Reading { key: key.key.clone(), found: counters.get(&key.key).copied() }).collect())
    }
}

#[async_trait]
impl Catalogue for Ebay {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let page = token
            .map_or(Ok(0), str::parse::<usize>)
            .map_err(|_| self.wire.error(ITEMS, Class::Malformed { what: "not a page of the catalogue".into() }, ""))?;
        let answer = self.read(ITEMS, items::list(page)).await?;
        items::shelf(&answer.body, page).map_err(|what| self.malformed(ITEMS, &answer, what))
    }
}

#[async_trait]
impl Account for Ebay {
    async fn account(&self) -> Result<AccountSheet> {
        let mut sheet = AccountSheet::default();
        match self.permitted(self.read(USER, account::USER.into()).await)? {
            Some(answer) => {
                sheet.shop = account::seller(&answer.body).map_err(|what| self.malformed(USER, &answer, what))?;
            }
            None => {
                sheet.notes.push("the seller's name is not told: commerce.identity.readonly was not granted".into())
            }
        }
        match self.permitted(self.read(PROGRAMS, account::PROGRAMS.into()).await)? {
            Some(answer) => {
                let keeps = account::keeps_listings_at_zero(&answer.body);
                if !keeps.map_err(|what| self.malformed(PROGRAMS, &answer, what))? {
                    sheet.notes.push(account::ENDS_AT_ZERO.into());
                }
            }
            None => sheet.notes.push(
                "whether a figure of zero ends listings can't be seen: sell.account.readonly was not granted".into(),
            ),
        }
        match self.pace().await {
            Ok(told) => sheet.notes.extend(told),
            Err(error) => sheet.notes.push(format!("what is left of the application's calls can't be seen: {error}")),
        }
        match self.login.end() {
            Some(end) => sheet.ends.push(("refresh_token", end)),
            None => sheet
                .notes
                .push("eBay tells when the refresh token ends only as it is granted: about 18 months later".into()),
        }
        Ok(sheet)
    }
}

#[async_trait]
impl Consent for Ebay {
    fn page(&self, redirect: &str, state: &str) -> std::result::Result<String, SettingsError> {
        self.login.page(redirect, state)
    }

    async fn redeem(&self, code: &str, redirect: &str) -> Result<Vec<(&'static str, SecretString)>> {
        self.login.redeem(&self.wire, code, redirect).await
    }
}

impl Ebay {
    /// Up to 50 ids in one call. Should eBay refuse that because of one of them, each is asked for alone.
    async fn look_up(&self, ids: &[&str], found: &mut Found) -> Result<()> {
        let answer = match self.read(ORDER, orders::by_ids(ids)).await {
            Err(error) if is_missing(&error, ORDER) => return self.look_up_one_by_one(ids, found).await,
            answer => answer?,
        };
        let rows = orders::rows(&answer.body).map_err(|what| self.malformed(ORDER, &answer, what))?;
        let mut seen = BTreeSet::new();
        for row in rows {
            if let Some(id) = self.take(row, found).await? {
                seen.insert(id);
            }
        }
        let missing = ids.iter().filter(|id| !seen.contains(**id)).map(|id| (*id).to_owned());
        found.missing.extend(missing);
        Ok(())
    }

    async fn look_up_one_by_one(&self, ids: &[&str], found: &mut Found) -> Result<()> {
        for id in ids {
            let answer = match self.read(SINGLE, orders::single(id)).await {
                Err(error) if is_missing(&error, SINGLE) => {
                    found.missing.push((*id).to_owned());
                    continue;
                }
                answer => answer?,
            };
            let row = orders::row(&answer.body).map_err(|what| self.malformed(SINGLE, &answer, what))?;
            self.take(row, found).await?;
        }
        Ok(())
    }

    /// One order of an answer, with its shipments where only they tell what has left. Gives its id.
    async fn take(&self, row: &serde_json::value::RawValue, found: &mut Found) -> Result<Option<String>> {
        let half = match orders::read(row) {
            Ok(half) => half,
            Err(what) => {
                let unread = orders::unread(row, what);
                let id = unread.order_id.clone();
                found.unread.push(unread);
                return Ok(id);
            }
        };
        let id = half.id().to_owned();
        let shipped = if half.is_partly_shipped() { self.shipped(&id).await? } else { HashMap::new() };
        match half.canonical(&shipped) {
            Ok(order) => found.orders.push(order),
            Err(what) => found.unread.push(orders::unread(row, what)),
        }
        Ok(Some(id))
    }

    async fn shipped(&self, id: &str) -> Result<HashMap<String, u32>> {
        let answer = self.read(SHIPMENTS, orders::shipments(id)).await?;
        orders::shipped(&answer.body).map_err(|what| self.malformed(SHIPMENTS, &answer, what))
    }

    async fn write(&self, entries: &[Entry]) -> Result<Vec<Told>> {
        let answer = self.send(Call::write(PUSH, self.post(stock::BULK, stock::body(entries)))).await?;
        let told = stock::told(&answer.body, answer.status == 200, entries);
        told.map_err(|what| self.malformed(PUSH, &answer, what))
    }

    /// The item's own figure of each SKU that eBay has.
    async fn totals(&self, skus: &[&str]) -> Result<HashMap<String, i64>> {
        let mut known = HashMap::new();
        let mut waiting = vec![skus.to_vec()];
        while let Some(skus) = waiting.pop() {
            let answer = match self.send(Call::read(READ, self.post(items::BULK, items::body(&skus)))).await {
                Err(error) if is_missing(&error, READ) => {
                    // One unknown SKU may spoil the question for all.
                    if skus.len() > 1 {
                        waiting.extend(skus.into_iter().map(|sku| vec![sku]));
                    }
                    continue;
                }
                answer => answer?,
            };
            let totals = items::totals(&answer.body, &skus).map_err(|what| self.malformed(READ, &answer, what))?;
            if let Some(what) = totals.failed {
                return Err(self.wire.error(READ, Class::Transient { applied: Applied::No }, what));
            }
            known.extend(totals.known);
        }
        Ok(known)
    }

    /// `None`: eBay has no such SKU, or has never had an offer of it.
    async fn offers(&self, sku: &str) -> Result<Option<Vec<offers::Offer>>> {
        match self.read(OFFERS, offers::path(sku)).await {
            Err(error) if is_missing(&error, OFFERS) => Ok(None),
            Err(error) => Err(error),
            Ok(answer) => {
                let found = offers::read(&answer.body).map_err(|what| self.malformed(OFFERS, &answer, what))?;
                Ok((!found.is_empty()).then_some(found))
            }
        }
    }

    async fn standing(&self, sku: &str) -> Result<Option<Standing>> {
        Ok(self.offers(sku).await?.map(|found| offers::standing(&found)))
    }

    /// Paces the quotas by what eBay says is left of the day, and tells it.
    async fn pace(&self) -> Result<Vec<String>> {
        let answer = self.read(RATES, account::RATES.into()).await?;
        let left = account::left(&answer.body).map_err(|what| self.malformed(RATES, &answer, what))?;
        for one in &left {
            self.wire.observed_rate(one.quota, one.per_second(self.wire.now()));
            self.wire.observed_level(one.quota, u32::try_from(one.remaining).unwrap_or(u32::MAX));
        }
        Ok(left.iter().map(account::Left::told).collect())
    }

    /// The same now and then beside the reading of orders. The quotas of the card go on where it fails.
    async fn keep_pace(&self) {
        let now = self.wire.now();
        {
            let mut paced_at = self.paced_at.lock().unwrap_or_else(PoisonError::into_inner);
            if paced_at.is_some_and(|at| now.duration_since(at) < PACE_EVERY) {
                return;
            }
            *paced_at = Some(now);
        }
        let _ = self.pace().await;
    }

    /// `None`: the seller's consent doesn't cover it.
    fn permitted(&self, answer: Result<Answer>) -> Result<Option<Answer>> {
        match answer {
            Err(error) if error.status == Some(403) && error.operation != card::TOKEN => Ok(None),
            answer => answer.map(Some),
        }
    }

    async fn read(&self, operation: &'static str, path: String) -> Result<Answer> {
        let host = if operation == USER { sister(&self.base_url, "apiz") } else { self.base_url.clone() };
        self.send(Call::read(operation, HttpRequest::new(Method::GET, host + &path))).await
    }

    fn post(&self, path: &str, body: Vec<u8>) -> HttpRequest {
        let mut request = HttpRequest::new(Method::POST, self.base_url.clone() + path);
        request.headers.insert("content-type", HeaderValue::from_static("application/json"));
        request.body = body;
        request
    }

    /// An answer that can be read, or what the refusal means.
    async fn send(&self, mut call: Call) -> Result<Answer> {
        let token = match call.operation {
            RATES => self.login.application_token(&self.wire).await?,
            _ => self.login.access_token(&self.wire).await?,
        };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
            let what = "an access token that no header can hold".to_owned();
            self.wire.error(call.operation, Class::Malformed { what }, "")
        })?;
        header.set_sensitive(true);
        call.request.headers.insert("authorization", header);
        let (operation, writes) = (call.operation, call.writes);
        let answer = self.wire.call(call).await?;
        let by_entry = operation == PUSH && answer.status == 400 && stock::tells_by_entry(&answer.body);
        if matches!(answer.status, 200 | 207) || by_entry {
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
}

/// "There is no such thing", in any of the ways that eBay is said to have. The token endpoint's 404 is none of them,
/// and an order is missing only by eBay's own word: a gateway's 404 would make orders disappear.
fn is_missing(error: &MallError, operation: &str) -> bool {
    let code = error.code.as_deref();
    let said = match operation {
        ORDER | SINGLE => code == Some(NO_SUCH_ORDER),
        _ => code.is_some_and(|code| stock::NOT_FOUND.contains(&code)) || error.status == Some(404),
    };
    error.operation == operation && matches!(error.status, Some(400 | 404)) && said
}

/// SKUs are the seller's own text: case counts, blanks around don't.
fn normalised(given: &str) -> std::result::Result<String, String> {
    let key = given.trim();
    if key.is_empty() {
        return Err("a SKU is needed, as in Seller Hub (custom label)".into());
    }
    if key.chars().count() > SKU_CHARS_MAX {
        return Err(format!("a SKU of more than {SKU_CHARS_MAX} characters is none of eBay's Inventory API"));
    }
    if key.chars().any(char::is_control) {
        return Err(format!("the SKU {key:?} holds a control character"));
    }
    Ok(key.to_owned())
}
