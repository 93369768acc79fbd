//! Who asks, and for what: the signature, the headers, and which operation a request is.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::Value;
use wiremock::Request;

use super::{DELTAS, Refused, STOCK, Shop};
use crate::{
    auth::{MIME, Signer},
    card::{LIST, ORDERS, PUSH, READ, SEARCH, TABLES},
};

/// A signature is good for so long before and after its time.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// All operations are at one address: the header says which, and for batches the table.
pub fn operation(request: &Request) -> &'static str {
    let body = || serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    match header(request, "x-amz-target").strip_prefix("DynamoDB_20120810.") {
        Some("Query") => SEARCH,
        Some("UpdateItem") => PUSH,
        Some("Scan") => LIST,
        Some("DescribeTable") => TABLES,
        Some("BatchGetItem") if body()["RequestItems"].get(STOCK).is_some() => READ,
        Some("BatchGetItem") if body()["RequestItems"].get(DELTAS).is_some() => ORDERS,
        _ => "",
    }
}

pub fn expired() -> Refused {
    Refused::new("ExpiredTokenException", "The security token included in the request is expired")
}

/// The body, if the request may be answered at all.
pub fn admit(shop: &Shop, request: &Request) -> Result<Value, Refused> {
    if header(request, "content-type") != MIME {
        return Err(Refused::new("SerializationException", "the content type is not DynamoDB's"));
    }
    let authorization = header(request, "authorization");
    if authorization.is_empty() {
        return Err(Refused::new("MissingAuthenticationTokenException", "Request is missing Authentication Token"));
    }
    let settings = shop.settings();
    let secret =
        |key: &str| settings.credentials.get(key).map(|secret| secrecy::ExposeSecret::expose_secret(secret).to_owned());
    let known = secret("access_key_id").unwrap_or_default();
    let id = authorization.split_once("Credential=").and_then(|(_, rest)| rest.split('/').next());
    if id != Some(known.as_str()) || Some(header(request, "x-amz-security-token").to_owned()) != secret("session_token")
    {
        let message = "The security token included in the request is invalid.";
        return Err(Refused::new("UnrecognizedClientException", message));
    }
    let Some(date) = date(header(request, "x-amz-date")) else {
        return Err(Refused::new("IncompleteSignatureException", "Date is missing"));
    };
    let unfit = || Refused::new("InvalidSignatureException", "The request signature we calculated does not match");
    if shop.book.now().duration_since(date).abs() > SKEW {
        return Err(Refused::new("InvalidSignatureException", "Signature expired"));
    }
    let signer = Signer::of(&settings, super::REGION).map_err(|_| unfit())?;
    let target = header(request, "x-amz-target");
    let url = format!("http://{}{}", header(request, "host"), request.url.path());
    let signed = signer.headers(&url, target, &request.body, date).map_err(|_| unfit())?;
    if signed.get("authorization").and_then(|value| value.to_str().ok()) != Some(authorization) {
        return Err(unfit());
    }
    if shop.locked_out.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(expired());
    }
    serde_json::from_slice(&request.body).map_err(|_| Refused::new("SerializationException", "not JSON"))
}

fn date(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
