//! An adapter of the dressed-up mall that keeps the whole contract: the sample's, with tokens, kinds of listings,
//! relative writes, tickets, families and consent around it.

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uriba_sample::MALL as SAMPLE_MALL;
use uriba_sdk::{
    Account, AccountSheet, Applied, Call, Card, Catalogue, Class, Consent, Extras, Found, Hint, Mall, Notice, Order,
    Outcome, Page, Query, Readback, Reading, Refusal, RefusedWhy, Resolved, Result, Settings, Shelf, Span, Tickets,
    Update, Wakeup, Wire, Write,
    env::{HttpRequest, Method, Url},
    mall::{ListingKey, SettingsError},
    wire::Token,
};

use super::{
    bends::{Bend, is_bent},
    stage::{Backstage, CARD, RED, TOKEN, lock},
};

pub struct Dressed {
    plain: Box<dyn Mall>,
    wire: Wire,
    tokens: String,
    refresh: SecretString,
    /// `None` before the real mall, which nobody asks here.
    stage: Option<Arc<Backstage>>,
}

impl Dressed {
    pub fn open(settings: &Settings, wire: Wire) -> std::result::Result<Self, SettingsError> {
        let plain = (SAMPLE_MALL.open)(settings, wire.clone())?;
        let refresh = settings.credential("refresh")?.clone();
        let tokens = settings.auth_url.clone().unwrap_or_default();
        let stage = settings.base_url.as_deref().and_then(Backstage::at);
        Ok(Self { plain, wire, tokens, refresh, stage })
    }

    fn stage(&self) -> &Backstage {
        self.stage.as_ref().unwrap()
    }

    /// The call with a token. One that is refused is forgotten, so that the next call fetches another.
    async fn granted<T: Send>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.wire.token("access", self.fetch()).await?;
        match call.await {
            Err(mut error) if error.class == (Class::Auth { renewable: false }) => {
                self.wire.forget_token("access").await;
                error.class = Class::Auth { renewable: !is_bent(Bend::NeverRenews) };
                Err(error)
            }
            result => result,
        }
    }

    async fn fetch(&self) -> Result<Token> {
        let refresh = self.wire.in_force(TOKEN, "refresh", &self.refresh).await?;
        let body = json!({"refresh": refresh.expose_secret()}).to_string().into_bytes();
        let request = HttpRequest { body, ..HttpRequest::new(Method::POST, format!("{}/token", self.tokens)) };
        let answer = self.wire.call(Call::read(TOKEN, request)).await?;
        let fields: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let class = match (answer.status, fields["code"].as_str()) {
            (200, _) => Class::Malformed { what: "no token".into() },
            (401, _) => Class::Auth { renewable: false },
            (429, _) => Class::Throttled { retry_after: answer.retry_after() },
            (503, Some("closed")) => Class::Maintenance { until: None },
            (500..=599, _) => Class::Transient { applied: Applied::No },
            (status, _) => Class::Malformed { what: format!("HTTP {status}") },
        };
        let given = fields["access_token"].as_str().zip(fields["refresh_token"].as_str());
        let Some((access, fresh)) = given.filter(|_| answer.status == 200) else {
            let error = self.wire.error(TOKEN, class, "no token was given");
            return Err(uriba_sdk::MallError { status: Some(answer.status), ..error });
        };
        let kept = self.wire.replaced(TOKEN, "refresh", &self.refresh, &SecretString::from(fresh)).await;
        if !is_bent(Bend::UsesBeforeKeeping) {
            kept?;
        }
        Ok(Token { secret: SecretString::from(access), lives: std::time::Duration::from_secs(3_600) })
    }

    /// Orders with what the sample mall's format can't say.
    fn in_families(&self, orders: &mut [Order]) {
        for order in orders {
            order.family = self.stage().book.order(&order.id).and_then(|kept| kept.order.family);
        }
    }

    async fn figures(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        self.plain.extras().readback.unwrap().read(keys).await
    }

    /// Relative writes as comparisons with what is shown now.
    async fn compared(&self, updates: &[Update]) -> Result<Vec<std::result::Result<Update, Outcome>>> {
        let relative = updates.iter().filter(|update| matches!(update.write, Write::Relative(_)));
        let keys: Vec<_> = relative.map(|update| ListingKey { key: update.key.clone(), handle: None }).collect();
        let shown = match if keys.is_empty() { Ok(Vec::new()) } else { self.figures(&keys).await } {
            Err(_) if is_bent(Bend::WritesBlindly) => Vec::new(),
            shown => shown?,
        };
        let one = |update: &Update| {
            let Write::Relative(units) = update.write else { return Ok(update.clone()) };
            if is_bent(Bend::WritesBlindly) && shown.is_empty() {
                return Ok(Update { write: Write::Absolute(0), ..update.clone() });
            }
            let reading = shown.iter().find(|reading| reading.key == update.key);
            let figure = reading.and_then(|reading| reading.found).and_then(|found| found.quantity);
            let Some(from) = figure else { return Err(refused(RefusedWhy::NoSuchItem)) };
            let to = from + if is_bent(Bend::AddsTwice) { 2 * units } else { units };
            if to < 0 {
                return Err(refused(RefusedWhy::BelowZero));
            }
            Ok(Update { write: Write::CompareAndSet { from, to }, ..update.clone() })
        };
        Ok(updates.iter().map(one).collect())
    }

    /// Figures of coloured items are decided a little later.
    fn taken_for_later(&self, update: &Update, outcome: Outcome) -> Outcome {
        match (update.handle.as_deref(), update.write) {
            (Some(RED), Write::Absolute(_)) => {
                let mut tickets = lock(&self.stage().tickets);
                let ticket = format!("ticket-{}", tickets.len());
                tickets.insert(ticket.clone(), (outcome, self.wire.now() + SignedDuration::from_secs(2)));
                Outcome::Pending { ticket }
            }
            (_, Write::Relative(_)) if matches!(outcome, Outcome::Conflict { .. }) => refused(RefusedWhy::Busy),
            _ => outcome,
        }
    }
}

fn refused(why: RefusedWhy) -> Outcome {
    Outcome::Refused(Refusal { why, code: None, message: "nothing was sent".into() })
}

#[async_trait]
impl Mall for Dressed {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        if let Span::Family(family) = &query.span {
            let members = self.stage().book.orders().into_iter().map(|kept| kept.order);
            let members = members.filter(|order| order.family.as_ref().is_some_and(|found| found.id == *family));
            let ids: Vec<_> = members.map(|order| order.id).collect();
            return Ok(Page { orders: self.by_id(&ids).await?.orders, ..Page::default() });
        }
        let mut page = self.granted(self.plain.pull(query)).await?;
        self.in_families(&mut page.orders);
        let lag = SignedDuration::try_from(CARD.orders.visibility_lag).unwrap();
        page.read_to = Some(self.wire.now() - lag);
        Ok(page)
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        let mut found = self.granted(self.plain.by_id(ids)).await?;
        self.in_families(&mut found.orders);
        Ok(found)
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.len() > CARD.writes[0].batch_max {
            return Err(self.wire.error("stock.push", Class::Rejected { refused: Vec::new() }, "nothing was sent"));
        }
        let compared = self.granted(self.compared(updates)).await?;
        let sent: Vec<_> = compared.iter().flatten().cloned().collect();
        let mut told = self.granted(self.plain.push(&sent)).await?.into_iter();
        let outcome = |(update, compared): (&Update, std::result::Result<Update, Outcome>)| match compared {
            Ok(_) => self.taken_for_later(update, told.next().unwrap_or(Outcome::Unknown)),
            Err(refused) => refused,
        };
        Ok(updates.iter().zip(compared).map(outcome).collect())
    }

    fn before_push(&self) -> &'static [&'static str] {
        if is_bent(Bend::ReadsUnspoken) { &[] } else { &["stock.read"] }
    }

    /// Asks the mall, and gives coloured items a handle.
    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let mut resolved = self.plain.resolve(keys).await?;
        let known: Vec<_> = resolved.iter().filter_map(|answer| answer.key.clone().ok()).collect();
        for keys in known.chunks(100) {
            self.granted(self.figures(keys)).await?;
        }
        for listing in resolved.iter_mut().filter_map(|answer| answer.key.as_mut().ok()) {
            listing.handle = listing.key.contains('/').then(|| RED.to_owned());
        }
        Ok(resolved)
    }

    fn extras(&self) -> Extras<'_> {
        Extras {
            readback: Some(self),
            tickets: Some(self),
            catalogue: Some(self),
            account: Some(self),
            wakeup: Some(self),
            consent: Some(self),
        }
    }
}

#[async_trait]
impl Readback for Dressed {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        self.granted(self.figures(keys)).await
    }
}

#[async_trait]
impl Tickets for Dressed {
    async fn redeem(&self, tickets: &[String]) -> Result<Vec<Option<Outcome>>> {
        self.account().await?;
        let (known, now) = (lock(&self.stage().tickets), self.wire.now());
        let answer = |ticket: &String| match known.get(ticket) {
            Some((outcome, decided_at)) => Ok((now >= *decided_at).then(|| outcome.clone())),
            None => {
                let class = Class::Malformed { what: "no such ticket".into() };
                Err(self.wire.error("shop.get", class, ""))
            }
        };
        tickets.iter().map(answer).collect()
    }
}

#[async_trait]
impl Catalogue for Dressed {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        self.granted(self.plain.extras().catalogue.unwrap().list(token)).await
    }
}

#[async_trait]
impl Account for Dressed {
    async fn account(&self) -> Result<AccountSheet> {
        self.granted(self.plain.extras().account.unwrap().account()).await
    }
}

impl Wakeup for Dressed {
    fn read(&self, notice: &Notice<'_>) -> std::result::Result<Hint, String> {
        self.plain.extras().wakeup.unwrap().read(notice)
    }
}

#[async_trait]
impl Consent for Dressed {
    fn page(&self, redirect: &str, state: &str) -> std::result::Result<String, SettingsError> {
        let page = Url::parse_with_params(
            "https://sample-mall.example/consent",
            [("app", "app-4711"), ("redirect", redirect), ("state", state)],
        );
        Ok(page.unwrap().to_string())
    }

    async fn redeem(&self, code: &str, _redirect: &str) -> Result<Vec<(&'static str, SecretString)>> {
        self.account().await?;
        if !lock(&self.stage().codes).remove(code) {
            return Err(self.wire.error("shop.get", Class::Auth { renewable: false }, "no such code"));
        }
        Ok(vec![("key", lock(&self.stage().right).credentials["key"].clone())])
    }
}

/// Whether the fake's switch is on.
pub fn is_moody(stage: &Option<Arc<Backstage>>) -> bool {
    stage.as_ref().is_some_and(|stage| stage.is_switched.load(Ordering::Relaxed))
}
