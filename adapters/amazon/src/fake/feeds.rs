//! Feeds 2021-06-30 over the book: a place for a document, the document, the feed, its states by the clock, its report.
//!
//! What becomes of a feed is decided when it is made, for the instants at which it will happen: the book acts by itself
//! then, whether or not anybody asks. The storage stands behind another path of the same server, and knows nobody: only
//! the signature in the address counts, and only for five minutes.

use std::{collections::HashMap, io::Write};

use flate2::{Compression, write::GzEncoder};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uriba_sdk::fake::{Fault, Reply, Visit};
use wiremock::Request;

use super::{
    listings::{Change, issue},
    orders::pairs,
    reply::{Refused, error, invalid_input, ok},
    shop::{Shop, Switch},
};
use crate::card::{FEED, FEED_PLACE, FEED_REPORT, FEED_STATE, JAPAN};

/// What Amazon takes (schemas/feeds/listings-feed-schema-v2.json, as of May 2025).
const MESSAGES_MAX: usize = 25_000;
const ADDRESS_LIVES: SignedDuration = SignedDuration::from_mins(5);
/// Refused since July 2025: such a feed ends FATAL.
const LEGACY: &str = "POST_INVENTORY_AVAILABILITY_DATA";

type Answered = Result<Reply, Refused>;

/// Documents and feeds of one account.
#[derive(Default)]
pub struct Feeds {
    documents: HashMap<String, Document>,
    feeds: HashMap<String, Feed>,
}

struct Document {
    mime: String,
    body: Option<Vec<u8>>,
    signature: String,
    until: Timestamp,
    packed: bool,
}

struct Feed {
    kind: String,
    created_at: Timestamp,
    begins_at: Timestamp,
    ends_at: Timestamp,
    end: &'static str,
    report: Option<String>,
}

pub fn place(shop: &Shop, visit: &Visit<'_>) -> Reply {
    placed(shop, visit.request).unwrap_or_else(|refused| refused.0)
}

pub fn create(shop: &Shop, visit: &Visit<'_>) -> Reply {
    made(shop, visit).unwrap_or_else(|refused| refused.0)
}

pub fn state(shop: &Shop, visit: &Visit<'_>) -> Reply {
    told(shop, visit.request).unwrap_or_else(|refused| refused.0)
}

pub fn document(shop: &Shop, visit: &Visit<'_>) -> Reply {
    shown(shop, visit.request).unwrap_or_else(|refused| refused.0)
}

fn placed(shop: &Shop, request: &Request) -> Answered {
    shop.admit(request)?;
    let body = object(request)?;
    let mime = match (body.len(), body.get("contentType").and_then(Value::as_str)) {
        (1, Some(mime)) if !mime.is_empty() => mime.to_owned(),
        _ => return Err(invalid_input("contentType is required")),
    };
    let id = format!("amzn1.tortuga.4.fe.{:08x}-{}", shop.next(), shop.name);
    let (signature, until) = address(shop);
    let url = url(shop, &id, &signature);
    let document = Document { mime, body: None, signature, until, packed: false };
    shop.feeds().documents.insert(id.clone(), document);
    Ok(status(201, ok(FEED_PLACE, &json!({ "feedDocumentId": id, "url": url }))))
}

/// A storage that is not Amazon's API: its refusals are XML, and repeat what was signed.
pub fn upload(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let request = visit.request;
    let now = shop.book.now();
    let mut feeds = shop.feeds();
    let Some(document) = feeds.documents.get_mut(&named(request)) else { return not_signed("no such key") };
    let signed = signature(request).is_some_and(|signature| signature == document.signature);
    if !signed || now >= document.until || document.body.is_some() {
        return not_signed(&document.signature);
    }
    // The content type is part of what was signed; a token of the API has no business here.
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("content-type") != document.mime || !header("x-amz-access-token").is_empty() {
        return not_signed(&document.signature);
    }
    document.body = Some(request.body.clone());
    Reply::empty(200)
}

pub fn download(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let now = shop.book.now();
    let feeds = shop.feeds();
    let Some(document) = feeds.documents.get(&named(visit.request)) else { return not_signed("no such key") };
    let signed = signature(visit.request).is_some_and(|signature| signature == document.signature);
    let known = visit.request.headers.get("x-amz-access-token").is_some();
    match &document.body {
        Some(body) if signed && !known && now < document.until => {
            Reply { status: 200, headers: Vec::new(), mime: "application/octet-stream", body: body.clone() }
        }
        _ => not_signed(&document.signature),
    }
}

fn not_signed(signature: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SignatureDoesNotMatch</Code>\
         <SignatureProvided>{signature}</SignatureProvided></Error>"
    );
    Reply::xml(403, body)
}

fn made(shop: &Shop, visit: &Visit<'_>) -> Answered {
    shop.admit(visit.request)?;
    let body = object(visit.request)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).ok_or_else(|| invalid_input(name));
    let (kind, input) = (text("feedType")?.to_owned(), text("inputFeedDocumentId")?);
    let markets = body.get("marketplaceIds").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !(1..=25).contains(&markets.len()) || markets.iter().any(|id| id.as_str() != Some(JAPAN)) {
        return Err(invalid_input("marketplaceIds"));
    }
    if kind != "JSON_LISTINGS_FEED" && kind != LEGACY {
        return Err(invalid_input("feedType is not valid"));
    }
    let uploaded = shop.feeds().documents.get(input).and_then(|document| document.body.clone());
    let uploaded = uploaded.ok_or_else(|| invalid_input("The document was not uploaded."))?;
    let now = shop.book.now();
    let (id, waits) = ((50_000_000_000 + shop.next()).to_string(), shop.queue());
    let later = |at: Timestamp, length| at.saturating_add(length).unwrap_or(Timestamp::MAX);
    let begins_at = later(now, waits);
    let ends_at = later(begins_at, SignedDuration::from_mins(2));
    let end = match () {
        () if shop.is_on(Switch::FeedIsCancelled) => "CANCELLED",
        () if kind == LEGACY || shop.is_on(Switch::FeedEndsFatal) => "FATAL",
        () => "DONE",
    };
    let report = match end {
        "CANCELLED" => None,
        // Of an aborted feed some were applied, and no report may exist.
        "FATAL" => {
            process(shop, visit, &id, &uploaded, ends_at, true);
            None
        }
        _ => Some(file(shop, &process(shop, visit, &id, &uploaded, ends_at, false))),
    };
    let feed = Feed { kind, created_at: now, begins_at, ends_at, end, report };
    shop.feeds().feeds.insert(id.clone(), feed);
    Ok(status(202, ok(FEED, &json!({ "feedId": id }))))
}

/// Applies what is good of a document at the instant at which the feed ends, and says what isn't.
fn process(shop: &Shop, visit: &Visit<'_>, id: &str, document: &[u8], at: Timestamp, half: bool) -> Value {
    let header = json!({ "sellerId": shop.seller(), "version": "2.0", "feedId": id });
    let report = |issues: Vec<Value>, processed: usize, invalid: usize| {
        json!({
            "header": header, "issues": issues,
            "summary": {
                "errors": issues.len(), "warnings": 0, "messagesProcessed": processed,
                "messagesAccepted": processed - invalid, "messagesInvalid": invalid,
            },
        })
    };
    let Some(messages) = messages(shop, document) else {
        // An issue about the feed has no message, and nothing is processed then.
        return report(
            vec![json!({ "code": "4000001", "severity": "ERROR", "message": "Invalid feed format." })],
            0,
            0,
        );
    };
    let mut messages = messages.as_slice();
    if half {
        messages = &messages[..messages.len() / 2];
    } else if shop.is_on(Switch::FeedReportLacksAMessage) {
        messages = &messages[..messages.len() - 1];
    }
    let mut issues = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let refused_here = n == 0 && visit.has(&Fault::Partial);
        let verdict = if refused_here {
            Err(issue("90000900", "The submission was refused by order of the test."))
        } else {
            verdict(shop, message)
        };
        match verdict {
            Ok(Some((change, quantity, fba))) if !visit.has(&Fault::Silent) => {
                change.apply(shop, &sku(message), quantity, fba, at);
            }
            Ok(_) => {}
            Err(mut issue) => {
                (issue["messageId"], issue["sku"]) = (message["messageId"].clone(), message["sku"].clone());
                issues.push(issue);
            }
        }
    }
    let invalid = issues.len();
    // A warning stops nothing.
    if let Some(first) = messages.first() {
        issues.push(json!({
            "messageId": first["messageId"], "sku": first["sku"], "code": "18027", "severity": "WARNING",
            "message": "The main image has text on it.",
        }));
    }
    report(issues, messages.len(), invalid)
}

/// The change that a message asks for; `None` where it is accepted and nothing comes of it.
fn verdict(shop: &Shop, message: &Value) -> Result<Option<(Change, i64, bool)>, Value> {
    if message["operationType"].as_str() != Some("PATCH") {
        return Err(issue("4000003", "This shop's feeds hold patches."));
    }
    let body: Map<String, Value> = ["productType", "patches"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), message.get(name)?.clone())))
        .collect();
    let change = Change::of(body).map_err(|_| issue("4000003", "The patch is invalid."))?;
    let quantity = change.verdict()?;
    match shop.book.item(&sku(message)) {
        None if shop.is_on(Switch::UnknownSkuIsAccepted) => Ok(None),
        None => Err(issue("13013", "This SKU does not exist in the catalog.")),
        Some(item) if item.not_ours && !shop.is_on(Switch::FbaTakesASecondEntry) => {
            Err(issue("90000900", "The listing is fulfilled by Amazon."))
        }
        Some(item) => Ok(Some((change, quantity, item.not_ours))),
    }
}

/// The messages of a document that the schema allows.
fn messages(shop: &Shop, document: &[u8]) -> Option<Vec<Value>> {
    let body: Value = serde_json::from_slice(document).ok()?;
    let header = &body["header"];
    let messages = body["messages"].as_array()?;
    let mut seen = std::collections::HashSet::new();
    let numbered = messages.iter().all(|message| {
        let id = message["messageId"].as_u64().filter(|id| (1..=2_147_483_647).contains(id));
        id.is_some_and(|id| seen.insert(id)) && !sku(message).is_empty()
    });
    let fits = header["sellerId"].as_str() == Some(&shop.seller())
        && header["version"].as_str() == Some("2.0")
        && (1..=MESSAGES_MAX).contains(&messages.len())
        && numbered;
    fits.then(|| messages.clone())
}

fn sku(message: &Value) -> String {
    message["sku"].as_str().unwrap_or_default().to_owned()
}

/// Keeps a report as a document.
fn file(shop: &Shop, report: &Value) -> String {
    let id = format!("amzn1.tortuga.3.report.{:08x}", shop.next());
    let packed = !shop.is_on(Switch::FeedReportIsPlain);
    let plain = report.to_string().into_bytes();
    let body = if packed { gzip(&plain) } else { plain };
    let (signature, until) = (String::new(), Timestamp::MIN);
    let document = Document { mime: String::new(), body: Some(body), signature, until, packed };
    shop.feeds().documents.insert(id.clone(), document);
    id
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain).and_then(|()| packed.finish()).expect("writing to memory never fails")
}

fn told(shop: &Shop, request: &Request) -> Answered {
    shop.admit(request)?;
    let now = shop.book.now();
    let id = named(request);
    let feeds = shop.feeds();
    let feed = feeds.feeds.get(&id).ok_or_else(|| no_such("feed"))?;
    let (begun, ended) = (now >= feed.begins_at, now >= feed.ends_at);
    let status = match (begun, ended) {
        (true, _) if feed.end == "CANCELLED" => "CANCELLED",
        (_, true) => feed.end,
        (true, false) => "IN_PROGRESS",
        (false, false) => "IN_QUEUE",
    };
    let mut body = json!({
        "feedId": id, "feedType": feed.kind, "marketplaceIds": [JAPAN], "createdTime": feed.created_at.to_string(),
        "processingStatus": status,
    });
    if begun {
        body["processingStartTime"] = json!(feed.begins_at.to_string());
    }
    if let Some(report) = feed.report.as_ref().filter(|_| ended) {
        body["processingEndTime"] = json!(feed.ends_at.to_string());
        body["resultFeedDocumentId"] = json!(report);
    }
    Ok(ok(FEED_STATE, &body))
}

fn shown(shop: &Shop, request: &Request) -> Answered {
    shop.admit(request)?;
    let id = named(request);
    let (signature, until) = address(shop);
    let url = url(shop, &id, &signature);
    let mut feeds = shop.feeds();
    let document = feeds.documents.get_mut(&id).ok_or_else(|| no_such("document"))?;
    (document.signature, document.until) = (signature, until);
    let mut body = json!({ "feedDocumentId": id, "url": url });
    if document.packed {
        body["compressionAlgorithm"] = json!("GZIP");
    }
    Ok(ok(FEED_REPORT, &body))
}

fn no_such(what: &str) -> Refused {
    error(404, "NotFound", &format!("There is no such {what}."), "").into()
}

fn address(shop: &Shop) -> (String, Timestamp) {
    let until = shop.book.now().saturating_add(ADDRESS_LIVES).unwrap_or(Timestamp::MAX);
    (format!("presigned-signature-{:08x}-of-{}", shop.next(), shop.name), until)
}

fn url(shop: &Shop, document: &str, signature: &str) -> String {
    format!("{}/presigned/{document}?X-Amz-Expires=300&X-Amz-Signature={signature}", shop.storage())
}

fn named(request: &Request) -> String {
    request.url.path().rsplit('/').next().unwrap_or_default().to_owned()
}

fn signature(request: &Request) -> Option<String> {
    let query = pairs(request, &["X-Amz-Expires", "X-Amz-Signature"]).ok()?;
    query.get("X-Amz-Signature").cloned()
}

fn object(request: &Request) -> Result<Map<String, Value>, Refused> {
    let mime = request.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !mime.starts_with("application/json") {
        return Err(error(415, "UnsupportedMediaType", "The request's Content-Type is not supported.", "").into());
    }
    serde_json::from_slice(&request.body).map_err(|_| invalid_input("The request cannot be parsed."))
}

fn status(status: u16, reply: Reply) -> Reply {
    Reply { status, ..reply }
}
