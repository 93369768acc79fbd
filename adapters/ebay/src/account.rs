//! Whose shop it is, what its programs make of a zero, and how many calls the application has left: pure readers.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    card::{FULFILLMENT, FULFILLMENT_PER_SECOND, INVENTORY, INVENTORY_PER_SECOND},
    orders::spoken,
};

/// On another host than everything else.
pub const USER: &str = "/commerce/identity/v1/user/";
pub const PROGRAMS: &str = "/sell/account/v1/program/get_opted_in_programs";
pub const RATES: &str = "/developer/analytics/v1_beta/rate_limit/?api_context=sell";

const OUT_OF_STOCK_CONTROL: &str = "OUT_OF_STOCK_CONTROL";

pub const ENDS_AT_ZERO: &str = "out-of-stock control is off: a figure of zero ENDS the listing. Switch it on in Seller \
                                Hub (Site preferences), or opt in to the program OUT_OF_STOCK_CONTROL";

/// The seller's user name, or the id that outlives a change of it.
pub fn seller(body: &[u8]) -> Result<String, String> {
    let body: User = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    let named = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
    named(body.username).or(named(body.user_id)).ok_or_else(|| "username is missing".into())
}

pub fn keeps_listings_at_zero(body: &[u8]) -> Result<bool, String> {
    let body: Programs = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    Ok(body.programs.iter().any(|program| program.program_type.as_deref() == Some(OUT_OF_STOCK_CONTROL)))
}

/// What is left of one API's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Of the card.
    pub quota: &'static str,
    pub limit: u64,
    pub remaining: u64,
    pub reset: Option<Timestamp>,
}

/// The scarcest number of each API that the adapter uses.
pub fn left(body: &[u8]) -> Result<Vec<Left>, String> {
    let body: Rates = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    let mut left: Vec<Left> = Vec::new();
    for api in body.rate_limits {
        let quota = match api.api_name.as_deref().map(str::to_lowercase).as_deref() {
            Some("inventory") => INVENTORY,
            Some("fulfillment") => FULFILLMENT,
            _ => continue,
        };
        let rates = api.resources.unwrap_or_default().into_iter().flat_map(|one| one.rates.unwrap_or_default());
        for rate in rates {
            let (Some(limit), Some(remaining)) = (rate.limit, rate.remaining) else { continue };
            let reset = rate.reset.as_str().and_then(|text| text.parse().ok());
            let one = Left { quota, limit, remaining, reset };
            match left.iter_mut().find(|known| known.quota == quota) {
                Some(known) if known.remaining <= remaining => {}
                Some(known) => *known = one,
                None => left.push(one),
            }
        }
    }
    Ok(left)
}

impl Left {
    /// The pace at which what is left lasts until it is renewed, at most the card's.
    pub fn per_second(&self, now: Timestamp) -> f64 {
        let card = if self.quota == INVENTORY { INVENTORY_PER_SECOND } else { FULFILLMENT_PER_SECOND };
        let day = SignedDuration::from_hours(24);
        let until = self.reset.map_or(day, |reset| reset.duration_since(now)).clamp(SignedDuration::from_secs(60), day);
        let lasting = self.remaining.max(1) as f64 / until.as_secs_f64();
        lasting.min(card)
    }

    pub fn told(&self) -> String {
        let until = self.reset.map_or_else(String::new, |reset| format!(", renewed at {reset}"));
        format!("{} of {} calls of the {} API are left{until}", self.remaining, self.limit, self.quota)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: Option<String>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct Programs {
    programs: Vec<Program>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Program {
    program_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rates {
    rate_limits: Vec<Api>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Api {
    api_name: Option<String>,
    resources: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
struct Resource {
    rates: Option<Vec<Rate>>,
}

#[derive(Deserialize)]
struct Rate {
    limit: Option<u64>,
    remaining: Option<u64>,
    #[serde(default)]
    reset: Value,
}
