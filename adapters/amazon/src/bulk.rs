//! Many writes at once: a feed, and the tickets for what becomes of it.
//!
//! Of the three requests that a feed takes only the last one writes. Whatever goes wrong before it leaves an unused
//! document behind and nothing else.

use std::collections::HashMap;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use uriba_sdk::{
    Applied, Call, Class, MallError, Outcome, Result, Tickets, Update,
    env::{HeaderValue, HttpRequest, Method},
};

use crate::{
    Amazon,
    card::{FEED, FEED_DOWNLOAD, FEED_PLACE, FEED_REPORT, FEED_STATE, FEED_UPLOAD},
    faults,
    feeds::{self, Batch, Place, State, Ticket, Verdict},
};

impl Amazon {
    /// Every outcome but a refusal of our own is `Pending`.
    pub async fn feed(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        let batch = Batch::of(updates);
        let Some(document) = batch.document(&self.seller) else { return Ok(batch.taken("")) };
        let place =
            self.place(self.post(feeds::DOCUMENTS, feeds::place_body()), FEED_PLACE).await.map_err(unwritten)?;
        self.upload(&place, document).await.map_err(unwritten)?;
        let body = feeds::feed_body(&place.document, &self.marketplace);
        let answer = self.send(Call::write(FEED, self.post(feeds::FEEDS, body))).await;
        let answer = answer.map_err(|error| {
            // Amazon itself says that it made none of this; without its code the 400 came from something in between.
            let refused = error.status == Some(400) && error.code.is_some();
            if refused { unwritten(error) } else { error }
        })?;
        let feed = feeds::created(&answer.body).map_err(|what| self.unquoted(FEED, &answer, &what))?;
        Ok(batch.taken(&feed))
    }

    fn post(&self, path: &str, body: Vec<u8>) -> HttpRequest {
        let mut request = HttpRequest::new(Method::POST, self.base_url.clone() + path);
        request.headers.insert("content-type", HeaderValue::from_static("application/json"));
        request.body = body;
        request
    }

    async fn place(&self, request: HttpRequest, operation: &'static str) -> Result<Place> {
        let answer = self.send(Call::read(operation, request)).await?;
        let place = feeds::place(&answer.body).map_err(|what| self.unquoted(operation, &answer, what))?;
        // What is sent over an open line must have been asked for over one, as in tests.
        if place.url.expose_secret().starts_with("https://") || self.base_url.starts_with("http://") {
            return Ok(place);
        }
        Err(self.unquoted(operation, &answer, "an address that is not encrypted"))
    }

    /// To another host, which knows us by the address alone.
    async fn upload(&self, place: &Place, document: Vec<u8>) -> Result<()> {
        let mut request = HttpRequest::new(Method::PUT, place.url.expose_secret());
        request.headers.insert("content-type", HeaderValue::from_static(feeds::MIME));
        request.body = document;
        let answer = self.wire.call(Call::read(FEED_UPLOAD, request)).await?;
        match answer.status {
            200 | 201 | 204 => Ok(()),
            _ => Err(faults::storage(&self.wire, FEED_UPLOAD, &answer)),
        }
    }

    async fn verdict(&self, feed: &str) -> Result<Verdict> {
        let answer = match self.read(FEED_STATE, feeds::state_path(feed)).await {
            // Amazon forgets feeds after 90 days, and never knew one that somebody made up.
            Err(error) if error.operation == FEED_STATE && matches!(error.status, Some(400 | 404)) => {
                return Ok(Verdict::Unknown);
            }
            answer => answer?,
        };
        let state = feeds::state(&answer.body, feed).map_err(|what| self.unquoted(FEED_STATE, &answer, &what))?;
        let (fatal, document) = match state {
            State::Open => return Ok(Verdict::Open),
            State::Cancelled => return Ok(Verdict::Cancelled),
            State::Ended { report: None, .. } => return Ok(Verdict::Unknown),
            State::Ended { fatal, report: Some(document) } => (fatal, document),
        };
        let request = HttpRequest::new(Method::GET, self.base_url.clone() + &feeds::document_path(&document));
        let place = self.place(request, FEED_REPORT).await?;
        let request = HttpRequest::new(Method::GET, place.url.expose_secret());
        let answer = self.wire.call(Call::read(FEED_DOWNLOAD, request)).await?;
        if answer.status != 200 {
            return Err(faults::storage(&self.wire, FEED_DOWNLOAD, &answer));
        }
        match feeds::unpacked(answer.body.clone()).and_then(|body| feeds::report(&body, feed, fatal)) {
            Ok(report) => Ok(Verdict::Report(report)),
            // An aborted feed's report may have any form (Feeds API use case guide).
            Err(_) if fatal => Ok(Verdict::Unknown),
            Err(what) => Err(self.unquoted(FEED_DOWNLOAD, &answer, &what)),
        }
    }
}

#[async_trait]
impl Tickets for Amazon {
    /// Each feed is asked for once, however many of its messages are. A feed that can't be asked about now keeps
    /// nobody from what is known of the others: reports are rare goods.
    async fn redeem(&self, tickets: &[String]) -> Result<Vec<Option<Outcome>>> {
        let read: Vec<_> = tickets.iter().map(|ticket| Ticket::read(ticket)).collect();
        let (mut verdicts, mut failed) = (HashMap::new(), None);
        for ticket in read.iter().flatten() {
            if verdicts.contains_key(ticket.feed) {
                continue;
            }
            let verdict = self.verdict(ticket.feed).await.unwrap_or_else(|error| {
                failed.get_or_insert(error);
                Verdict::Open
            });
            verdicts.insert(ticket.feed, verdict);
        }
        let outcome = |ticket: Option<Ticket<'_>>| match ticket {
            Some(ticket) => verdicts.get(ticket.feed).and_then(|verdict| verdict.of(ticket)),
            // None of ours: whatever it stood for, nobody can say what became of it.
            None => Some(Outcome::Unknown),
        };
        let outcomes: Vec<_> = read.into_iter().map(outcome).collect();
        match failed {
            Some(error) if outcomes.iter().all(Option::is_none) => Err(error),
            _ => Ok(outcomes),
        }
    }
}

/// What was not understood on the way to a feed must not look as if the feed might be there.
fn unwritten(mut error: MallError) -> MallError {
    if let Class::Malformed { what } = &error.class {
        error.message = format!("no feed was made: {what}");
        error.class = Class::Transient { applied: Applied::No };
    }
    error
}
