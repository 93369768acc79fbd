//! Whose shop it is: getMarketplaceParticipations, which names the store and tells whether it sells.

use serde::Deserialize;
use uriba_sdk::{AccountSheet, wire::excerpt};

pub const PARTICIPATIONS: &str = "/sellers/v1/marketplaceParticipations";

/// Amazon has no word about these, so a person must keep the dates.
const ENDS: &str = "Amazon does not tell when the client secret (180 days) and the seller's authorisation (a year) end";

pub fn sheet(body: &[u8], seller: &str, marketplace: &str) -> Result<AccountSheet, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
    let ours = body.payload.into_iter().find(|entry| entry.marketplace.id.as_deref() == Some(marketplace));
    let mut sheet = unnamed(seller);
    let Some(ours) = ours else {
        sheet.notes.push(format!("this account does not sell in marketplace {marketplace}: is marketplace_id right?"));
        return Ok(sheet);
    };
    if let Some(name) = ours.store_name.filter(|name| !name.trim().is_empty()) {
        sheet.shop = format!("{} ({seller})", name.trim());
    }
    let participation = ours.participation.unwrap_or_default();
    if participation.is_participating == Some(false) {
        sheet.notes.push("the account does not take part in this marketplace at present".into());
    }
    if participation.has_suspended_listings == Some(true) {
        sheet.notes.push("the listings are suspended (holiday settings, or by Amazon): nothing is sold".into());
    }
    Ok(sheet)
}

/// What can be said without the role that names the store.
pub fn without_role(seller: &str) -> AccountSheet {
    let mut sheet = unnamed(seller);
    sheet.notes.push("the store's name is not told: the application lacks the role Selling Partner Insights".into());
    sheet
}

fn unnamed(seller: &str) -> AccountSheet {
    AccountSheet { shop: seller.to_owned(), notes: vec![ENDS.to_owned()], ..AccountSheet::default() }
}

#[derive(Deserialize)]
struct Body {
    payload: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    marketplace: Marketplace,
    participation: Option<Participation>,
    store_name: Option<String>,
}

#[derive(Deserialize)]
struct Marketplace {
    id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Participation {
    is_participating: Option<bool>,
    has_suspended_listings: Option<bool>,
}
