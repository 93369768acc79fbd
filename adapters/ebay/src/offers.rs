//! The offers of a SKU: the second of the two levels at which eBay keeps a quantity, and what a listing's handle is
//! made of.
//!
//! A handle names the published fixed-price offers, and whether there are none because the SKU is in an auction. It is
//! read from eBay and never typed. A SKU without a published offer has no handle, so that every write looks for one
//! that was published meanwhile.

use serde::Deserialize;

use crate::{orders::spoken, url};

/// The handle of a SKU that is only in auctions.
const AUCTION: &str = "auction";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub id: String,
    pub auction: bool,
    /// On sale, or waiting for stock with out-of-stock control.
    pub published: bool,
    pub available: Option<i64>,
}

/// What a SKU's offers make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In these fixed-price offers.
    Offered(Vec<String>),
    /// Only in an auction: never written.
    Auction,
    /// There are offers or were, and none is published.
    Unlisted,
}

pub fn path(sku: &str) -> String {
    format!("/sell/inventory/v1/offer?{}", url::pairs(&[("sku", sku)]))
}

pub fn read(body: &[u8]) -> Result<Vec<Offer>, String> {
    let body: Offers = serde_json::from_slice(body).map_err(|error| spoken(&error))?;
    body.offers.into_iter().map(offer).collect()
}

fn offer(offer: WireOffer) -> Result<Offer, String> {
    if offer.available_quantity.is_some_and(i64::is_negative) {
        return Err("a negative availableQuantity".into());
    }
    let ended =
        matches!(offer.listing.and_then(|listing| listing.listing_status).as_deref(), Some("ENDED" | "EBAY_ENDED"));
    Ok(Offer {
        id: offer.offer_id.filter(|id| is_id(id)).ok_or("offerId is missing")?,
        auction: offer.format.as_deref() == Some("AUCTION"),
        published: !ended && offer.status.as_deref() != Some("UNPUBLISHED"),
        available: offer.available_quantity,
    })
}

fn is_id(id: &str) -> bool {
    (1..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub fn on_sale(offers: &[Offer]) -> impl Iterator<Item = &Offer> {
    offers.iter().filter(|offer| offer.published && !offer.auction)
}

pub fn standing(offers: &[Offer]) -> Standing {
    let ids: Vec<_> = on_sale(offers).map(|offer| offer.id.clone()).collect();
    match ids.is_empty() {
        false => Standing::Offered(ids),
        true if offers.iter().any(|offer| offer.published) => Standing::Auction,
        true => Standing::Unlisted,
    }
}

pub fn handle(standing: &Standing) -> Option<String> {
    match standing {
        Standing::Offered(ids) => Some(ids.join(",")),
        Standing::Auction => Some(AUCTION.to_owned()),
        Standing::Unlisted => None,
    }
}

/// What a handle says; `None` where it says nothing, and eBay has to be asked.
pub fn of_handle(handle: Option<&str>) -> Option<Standing> {
    match handle? {
        AUCTION => Some(Standing::Auction),
        ids => {
            let ids: Vec<_> = ids.split(',').map(str::to_owned).collect();
            ids.iter().all(|id| is_id(id)).then_some(Standing::Offered(ids))
        }
    }
}

#[derive(Deserialize)]
struct Offers {
    offers: Vec<WireOffer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOffer {
    offer_id: Option<String>,
    format: Option<String>,
    status: Option<String>,
    available_quantity: Option<i64>,
    listing: Option<Listing>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    listing_status: Option<String>,
}
