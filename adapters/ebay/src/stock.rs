//! Sell Inventory: the bulk write of quantities, and a pure reader of what became of each entry.
//!
//! Each write carries the same number twice, for the item and for each of its offers: whether eBay shows the smaller
//! one or lets the offer's overrule, it is that number. An HTTP 200 or 207 says nothing: each entry of the answer has a
//! status of its own, one for the item and one for each offer.

use serde::Deserialize;
use serde_json::json;
use uriba_sdk::{Class, MallError, Refusal, RefusedWhy, Write};

use crate::{card::QUANTITY_MAX, faults::Fault, orders::spoken};

pub const BULK: &str = "/sell/inventory/v1/bulk_update_price_quantity";

/// eBay has neither the record nor the SKU.
pub const NOT_FOUND: [&str; 3] = ["25702", "25710", "25713"];
const USER_ERROR: &str = "25002";
const SYSTEM_ERROR: &str = "25001";
const AUCTION_ALLOCATION: &str = "25759";

/// One SKU's write, with the offers that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place among the push's updates.
    pub index: usize,
    pub sku: String,
    pub quantity: i64,
    pub offers: Vec<String>,
    /// The offers are those that eBay named within this push.
    pub fresh: bool,
    /// It was refused beside others, perhaps because of them.
    pub again: bool,
}

/// What became of one SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Applied,
    Refused(Refusal),
    /// Refused with the code that also stands for "only one SKU per call".
    RefusedBesideOthers(Refusal),
    Unknown,
}

/// The figure to write, or why this write can't be put to eBay at all.
pub fn quantity(write: Write) -> Result<i64, Refusal> {
    match write {
        Write::Absolute(figure) if (0..=QUANTITY_MAX).contains(&figure) => Ok(figure),
        Write::Absolute(figure) => {
            Err(refusal(RefusedWhy::OutOfRange, None, format!("{figure} is not between 0 and {QUANTITY_MAX}")))
        }
        Write::Relative(_) | Write::CompareAndSet { .. } => {
            Err(refusal(RefusedWhy::Other, None, "eBay has absolute writes only".into()))
        }
    }
}

pub fn body(entries: &[Entry]) -> Vec<u8> {
    let request = |entry: &Entry| {
        let offer = |id: &String| json!({ "offerId": id, "availableQuantity": entry.quantity });
        json!({
            "sku": entry.sku,
            // Without the quantity in it this container would take away the one that is there.
            "shipToLocationAvailability": { "quantity": entry.quantity },
            "offers": entry.offers.iter().map(offer).collect::<Vec<_>>(),
        })
    };
    json!({ "requests": entries.iter().map(request).collect::<Vec<_>>() }).to_string().into_bytes()
}

/// Whether an answer tells entry by entry, whatever its HTTP status.
pub fn tells_by_entry(body: &[u8]) -> bool {
    serde_json::from_slice::<Responses>(body).is_ok_and(|body| !body.responses.is_empty())
}

/// One answer per entry, in order. `all_well`: the HTTP status says that nothing was refused.
pub fn told(body: &[u8], all_well: bool, entries: &[Entry]) -> Result<Vec<Told>, String> {
    let body: Responses = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    Ok(entries.iter().map(|entry| of_entry(entry, all_well, &body.responses, entries.len() > 1)).collect())
}

fn of_entry(entry: &Entry, all_well: bool, responses: &[Response], beside: bool) -> Told {
    let is_ours = |response: &&Response| match (&response.sku, &response.offer_id) {
        (Some(sku), _) => *sku == entry.sku,
        (None, Some(offer)) => entry.offers.contains(offer),
        (None, None) => false,
    };
    let ours: Vec<_> = responses.iter().filter(is_ours).collect();
    let named = |id: &String| ours.iter().any(|response| response.offer_id.as_ref() == Some(id));
    let good = ours.iter().filter(|response| response.is_good()).count();
    if ours.is_empty() || ours.iter().any(|response| response.is_doubtful()) {
        return Told::Unknown;
    }
    if good == ours.len() {
        // Of an offer that nobody speaks of we believe only an answer that is good as a whole.
        return if all_well || entry.offers.iter().all(named) { Told::Applied } else { Told::Unknown };
    }
    if good > 0 {
        // One level was written and the other was not: only the figure that shows can tell.
        return Told::Unknown;
    }
    let (refusal, user_error) = refused(&ours);
    match refusal.why {
        RefusedWhy::Other if user_error && beside => Told::RefusedBesideOthers(refusal),
        _ => Told::Refused(refusal),
    }
}

/// The first reason that is given, and whether it is the one for anything that a user may have done wrong.
fn refused(responses: &[&Response]) -> (Refusal, bool) {
    let faults = responses.iter().flat_map(|response| response.errors.iter().flatten());
    let Some(fault) = faults.clone().find(|fault| fault.code().is_some()).or(faults.clone().next()) else {
        let status = responses.first().and_then(|response| response.status_code).unwrap_or_default();
        return (refusal(why(status, None, ""), None, format!("refused with status {status} and no reason")), false);
    };
    let (code, words) = (fault.code(), fault.words());
    let status = responses.first().and_then(|response| response.status_code).unwrap_or_default();
    let user_error = code.as_deref() == Some(USER_ERROR);
    let why = why(status, code.as_deref(), &words);
    let message = match why {
        RefusedWhy::NoSuchItem => no_such_item(&words),
        RefusedWhy::Busy if is_revision_cap(&words) => {
            format!("this listing was revised as often as eBay allows in a day (250 times): {words}")
        }
        RefusedWhy::NotOurs => format!("an auction holds units of this SKU, end it first: {words}"),
        _ => words,
    };
    (refusal(why, code, message), user_error)
}

fn why(status: i64, code: Option<&str>, words: &str) -> RefusedWhy {
    match code {
        _ if status == 429 || is_revision_cap(words) => RefusedWhy::Busy,
        Some(code) if NOT_FOUND.contains(&code) => RefusedWhy::NoSuchItem,
        Some(AUCTION_ALLOCATION) => RefusedWhy::NotOurs,
        None if status == 404 => RefusedWhy::NoSuchItem,
        _ => RefusedWhy::Other,
    }
}

/// eBay documents the cap of 250 revisions a day and no code for it.
fn is_revision_cap(words: &str) -> bool {
    let words = words.to_lowercase();
    let speaks_of = |some: &[&str]| some.iter().any(|word| words.contains(word));
    speaks_of(&["revis"]) && speaks_of(&["exceed", "maximum", "limit", "too many", "250", "calendar day"])
}

pub fn no_such_item(words: &str) -> String {
    let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
    format!(
        "eBay's Inventory API knows no such SKU{words}. If it sells, its listing was made on the site or through the \
         Trading API: migrate it in eBay's bulkMigrateListing, or keep it out of this channel"
    )
}

/// A request for one SKU that was turned away as a whole: the refusal is its outcome.
pub fn turned_away(error: &MallError) -> Option<Refusal> {
    let (status, code) = (error.status?, error.code.as_deref());
    // Who is not let in was not refused an item.
    if matches!(error.class, Class::Auth { .. }) {
        return None;
    }
    // Without eBay's own code it came from something in between.
    if !matches!(status, 400 | 404) || code.is_none() || code == Some(SYSTEM_ERROR) {
        return None;
    }
    let why = why(i64::from(status), code, &error.message);
    let message = match why {
        RefusedWhy::NoSuchItem => no_such_item(&error.message),
        _ => error.message.clone(),
    };
    Some(refusal(why, error.code.clone(), message))
}

pub fn refusal(why: RefusedWhy, code: Option<String>, message: String) -> Refusal {
    Refusal { why, code, message }
}

#[derive(Deserialize)]
struct Responses {
    responses: Vec<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    sku: Option<String>,
    offer_id: Option<String>,
    status_code: Option<i64>,
    errors: Option<Vec<Fault>>,
}

impl Response {
    fn is_good(&self) -> bool {
        self.status_code == Some(200) && self.errors.as_ref().is_none_or(Vec::is_empty)
    }

    /// No status, one of the server's own troubles, or a success with errors.
    fn is_doubtful(&self) -> bool {
        let codes = |fault: &Fault| fault.code().as_deref() == Some(SYSTEM_ERROR);
        let refused = self.status_code.is_some_and(|status| (400..500).contains(&status));
        (!refused && !self.is_good()) || self.errors.iter().flatten().any(codes)
    }
}
