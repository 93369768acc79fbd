//! Feeds API 2021-06-30, `JSON_LISTINGS_FEED`: many patches in one document, taken now and decided later. What is sent,
//! and pure readers of what comes back.
//!
//! A report names what failed and only counts what didn't. So a message that it doesn't name was accepted if, and only
//! if, the counts leave no room for doubt: everything that was sent was processed, and all that was invalid is named.
//! For that a ticket carries, beside its feed and its message, how many messages the feed had.

use std::{
    collections::{HashMap, HashSet},
    io::Read,
};

use flate2::read::GzDecoder;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{Outcome, Refusal, RefusedWhy, Update, env::BODY_BYTES_MAX, wire::excerpt};

use crate::{card::FEED_BATCH, stock, url};

pub const DOCUMENTS: &str = "/feeds/2021-06-30/documents";
pub const FEEDS: &str = "/feeds/2021-06-30/feeds";
/// Said when the place is asked for and again at the upload: the address is signed for it.
pub const MIME: &str = "application/json; charset=UTF-8";
const TYPE: &str = "JSON_LISTINGS_FEED";
/// Amazon's ids have ten to twenty characters.
const ID_CHARS_MAX: usize = 64;
/// Presigned addresses have one to two thousand.
const URL_CHARS_MAX: usize = 8_000;

pub fn state_path(feed: &str) -> String {
    format!("{FEEDS}/{}", url::encode(feed))
}

pub fn document_path(document: &str) -> String {
    format!("{DOCUMENTS}/{}", url::encode(document))
}

pub fn place_body() -> Vec<u8> {
    json!({ "contentType": MIME }).to_string().into_bytes()
}

pub fn feed_body(document: &str, marketplace: &str) -> Vec<u8> {
    let body = json!({ "feedType": TYPE, "marketplaceIds": [marketplace], "inputFeedDocumentId": document });
    body.to_string().into_bytes()
}

/// A push, sorted into what is sent and what is answered here.
pub struct Batch<'a> {
    outcomes: Vec<Option<Outcome>>,
    messages: Vec<(&'a str, i64)>,
}

impl<'a> Batch<'a> {
    pub fn of(updates: &'a [Update]) -> Self {
        let (mut seen, mut messages) = (HashSet::new(), Vec::new());
        let outcomes = updates.iter().map(|update| match stock::quantity(update.write) {
            Err(refusal) => Some(Outcome::Refused(refusal)),
            // Nothing says which of two messages for one SKU would be applied last.
            Ok(_) if !seen.insert(update.key.as_str()) => {
                let message = "already in this feed: send it again".to_owned();
                Some(Outcome::Refused(stock::refusal(RefusedWhy::Busy, None, message)))
            }
            Ok(quantity) => {
                messages.push((update.key.as_str(), quantity));
                None
            }
        });
        let outcomes = outcomes.collect();
        Self { outcomes, messages }
    }

    /// The document; `None` when nothing is left to send.
    pub fn document(&self, seller: &str) -> Option<Vec<u8>> {
        if self.messages.is_empty() {
            return None;
        }
        let message = |(n, (sku, quantity)): (usize, &(&str, i64))| {
            let mut message = stock::change(*quantity);
            message["messageId"] = json!(n + 1);
            message["sku"] = json!(sku);
            message["operationType"] = json!("PATCH");
            message
        };
        let messages: Vec<Value> = self.messages.iter().enumerate().map(message).collect();
        let header = json!({ "sellerId": seller, "version": "2.0", "issueLocale": "ja_JP" });
        Some(json!({ "header": header, "messages": messages }).to_string().into_bytes())
    }

    /// One outcome per update, when Amazon has taken the feed.
    pub fn taken(self, feed: &str) -> Vec<Outcome> {
        let of = self.messages.len();
        let mut sent = 0;
        let mut ticket = || {
            sent += 1;
            Outcome::Pending { ticket: format!("{feed}/{sent}/{of}") }
        };
        self.outcomes.into_iter().map(|known| known.unwrap_or_else(&mut ticket)).collect()
    }
}

/// Feed, message, and how many messages the feed had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    pub feed: &'a str,
    message: usize,
    of: usize,
}

impl<'a> Ticket<'a> {
    pub fn read(text: &'a str) -> Option<Self> {
        let (feed, numbers) = text.split_once('/')?;
        let (message, of) = numbers.split_once('/')?;
        let number = |text: &str| text.parse().ok().filter(|number| (1..=FEED_BATCH).contains(number));
        let (message, of) = (number(message)?, number(of)?);
        (is_id(feed) && message <= of).then_some(Self { feed, message, of })
    }
}

/// Where a document may be put or had from, for five minutes. The address is a key by itself.
pub struct Place {
    pub document: String,
    pub url: SecretString,
}

/// Says nothing of what it read: there is an address in it.
pub fn place(body: &[u8]) -> Result<Place, &'static str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        feed_document_id: Option<String>,
        url: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).map_err(|_| "an answer that is no feed document")?;
    let document = body.feed_document_id.filter(|id| !id.is_empty() && id.len() <= 4 * ID_CHARS_MAX);
    let url = body.url.filter(|url| url.len() <= URL_CHARS_MAX);
    let url = url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let (document, url) = document.zip(url).ok_or("a feed document without feedDocumentId or url")?;
    Ok(Place { document, url: url.into() })
}

pub fn created(body: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        feed_id: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
    body.feed_id.filter(|id| is_id(id)).ok_or_else(|| "a feed without feedId".into())
}

/// What an id may consist of: it goes into tickets and paths.
fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= ID_CHARS_MAX && text.bytes().all(plain)
}

#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// In the queue, or being worked on.
    Open,
    /// Before anything of it was processed.
    Cancelled,
    /// `fatal`: aborted; some, none or all of it may have been applied.
    Ended { fatal: bool, report: Option<String> },
}

pub fn state(body: &[u8], feed: &str) -> Result<State, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        feed_id: Option<String>,
        processing_status: Option<String>,
        result_feed_document_id: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
    if body.feed_id.as_deref() != Some(feed) {
        return Err("another feed than was asked for".into());
    }
    let report = body.result_feed_document_id.filter(|id| !id.is_empty() && id.len() <= 4 * ID_CHARS_MAX);
    match body.processing_status.as_deref() {
        Some("IN_QUEUE" | "IN_PROGRESS") => Ok(State::Open),
        Some("CANCELLED") => Ok(State::Cancelled),
        Some("DONE") => Ok(State::Ended { fatal: false, report }),
        Some("FATAL") => Ok(State::Ended { fatal: true, report }),
        Some(status) => Err(format!("processing status {}", excerpt(status.as_bytes()))),
        None => Err("a feed without processingStatus".into()),
    }
}

/// What is known of a feed's messages.
pub enum Verdict {
    Open,
    Cancelled,
    /// Only the figures on sale can tell.
    Unknown,
    Report(Report),
}

impl Verdict {
    pub fn of(&self, ticket: Ticket<'_>) -> Option<Outcome> {
        match self {
            Self::Open => None,
            Self::Cancelled => {
                let message = "the feed was cancelled before it was processed".to_owned();
                Some(Outcome::Refused(stock::refusal(RefusedWhy::Busy, Some("CANCELLED".into()), message)))
            }
            Self::Unknown => Some(Outcome::Unknown),
            Self::Report(report) => Some(report.of(ticket)),
        }
    }
}

/// A processing report.
pub struct Report {
    /// By message.
    refused: HashMap<usize, Refusal>,
    /// Named with a severity that nobody knows.
    doubtful: HashSet<usize>,
    /// The first issue that is about the feed and no message.
    whole: Option<Refusal>,
    counts: Counts,
    fatal: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    messages_processed: usize,
    messages_accepted: usize,
    messages_invalid: usize,
}

impl Report {
    fn of(&self, ticket: Ticket<'_>) -> Outcome {
        let Counts { messages_processed: processed, messages_accepted: accepted, messages_invalid: invalid } =
            self.counts;
        if let Some(refusal) = self.refused.get(&ticket.message) {
            // With fewer invalid than named ones, some of these were accepted all the same.
            return if self.refused.len() <= invalid { Outcome::Refused(refusal.clone()) } else { Outcome::Unknown };
        }
        if let Some(refusal) = self.whole.as_ref().filter(|_| processed == 0 && accepted == 0) {
            return Outcome::Refused(refusal.clone());
        }
        let all_told = processed == ticket.of && invalid == self.refused.len() && accepted + invalid == processed;
        let certain = all_told && !self.fatal && !self.doubtful.contains(&ticket.message);
        if certain { Outcome::Applied { now: None } } else { Outcome::Unknown }
    }
}

pub fn report(body: &[u8], feed: &str, fatal: bool) -> Result<Report, String> {
    #[derive(Deserialize)]
    struct Body {
        header: Option<Header>,
        issues: Vec<Issue>,
        summary: Counts,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Header {
        feed_id: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Issue {
        message_id: Option<usize>,
        code: Option<String>,
        severity: Option<String>,
        message: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
    if body.header.and_then(|header| header.feed_id).is_some_and(|id| id != feed) {
        return Err("the report of another feed".into());
    }
    let (refused, doubtful) = (HashMap::new(), HashSet::new());
    let mut report = Report { refused, doubtful, whole: None, counts: body.summary, fatal };
    for issue in body.issues {
        let refusal = || stock::by_issue(issue.code.as_deref(), issue.message.as_deref().unwrap_or("no message"));
        match (issue.severity.as_deref(), issue.message_id) {
            (Some("WARNING" | "INFO"), _) => {}
            (Some("ERROR"), Some(message)) => {
                report.refused.entry(message).or_insert_with(refusal);
            }
            (Some("ERROR"), None) => {
                report.whole.get_or_insert_with(refusal);
            }
            (_, Some(message)) => {
                report.doubtful.insert(message);
            }
            (_, None) => {}
        }
    }
    Ok(report)
}

/// A document as it was before it was compressed, if it was. The bytes tell: a client may have unpacked it on its way.
pub fn unpacked(body: Vec<u8>) -> Result<Vec<u8>, String> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body);
    }
    let mut whole = Vec::new();
    let most = BODY_BYTES_MAX as u64;
    match GzDecoder::new(body.as_slice()).take(most + 1).read_to_end(&mut whole) {
        Ok(_) if whole.len() <= BODY_BYTES_MAX => Ok(whole),
        Ok(_) => Err(format!("a report of more than {BODY_BYTES_MAX} bytes")),
        Err(_) => Err("a report whose compression is broken".into()),
    }
}
