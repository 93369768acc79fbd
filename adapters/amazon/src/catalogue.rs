//! What the shop lists: searchListingsItems without identifiers, by date of creation.
//!
//! A search can be paged through to its 1,000th listing and no further. So the listings come oldest first, and after a
//! thousand of them another search goes on from the last one's second. What lay in that second is known by then and
//! left out.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uriba_sdk::{Listed, Shelf, wire::excerpt};

use crate::{card::READ_BATCH, stock::LISTINGS, url};

/// At most so many listings of one search can be had (listingsItems_2021-08-01.json).
const REACHABLE: usize = 1_000;

/// Where a listing of the shop goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The present search's beginning.
    after: Option<Timestamp>,
    /// Its page.
    page: Option<String>,
    /// How many listings it has shown.
    shown: usize,
    /// What was shown of the last second or two, with the second.
    recent: Vec<(String, i64)>,
}

impl Position {
    pub fn read(token: Option<&str>) -> Result<Self, String> {
        token.map_or(Ok(Self::default()), |token| {
            serde_json::from_str(token).map_err(|_| "not a page of the catalogue".into())
        })
    }

    pub fn path(&self, seller: &str, marketplace: &str) -> String {
        let (size, after) = (READ_BATCH.to_string(), self.after.map(|after| after.to_string()));
        let mut pairs = vec![
            ("marketplaceIds", marketplace),
            ("includedData", "summaries,attributes"),
            ("sortBy", "createdDate"),
            ("sortOrder", "ASC"),
            ("pageSize", &size),
        ];
        pairs.extend(after.as_deref().map(|after| ("createdAfter", after)));
        pairs.extend(self.page.as_deref().map(|page| ("pageToken", page)));
        format!("{LISTINGS}/{}?{}", url::encode(seller), url::pairs(&pairs))
    }

    /// What the page at this position holds, and the position after it.
    pub fn shelf(&self, body: &[u8], marketplace: &str) -> Result<Shelf, String> {
        let body: Body = serde_json::from_slice(body).map_err(|error| excerpt(error.to_string().as_bytes()))?;
        let mut next = Self { shown: self.shown + body.items.len(), ..self.clone() };
        let mut items = Vec::new();
        for item in body.items {
            let sku = item.sku.as_deref().map(str::trim).filter(|sku| !sku.is_empty());
            let sku = sku.ok_or("a listing without sku")?.to_owned();
            let summary = item.summaries.unwrap_or_default().into_iter();
            let summary = summary.into_iter().find(|summary| summary.marketplace_id.as_deref() == Some(marketplace));
            let created = summary.as_ref().and_then(|summary| summary.created_date);
            let known = next.recent.iter().any(|(known, _)| *known == sku);
            if let Some(created) = created.filter(|_| !known) {
                next.recent.push((sku.clone(), created.as_second()));
            }
            if !known {
                let title = summary.and_then(|summary| summary.item_name).filter(|title| !title.is_empty());
                items.push(Listed { key: sku, code: None, jan: jan(&item.attributes), title });
            }
        }
        next.page = body.pagination.and_then(|pagination| pagination.next_token).filter(|token| !token.is_empty());
        if next.page.is_some() && next.page == self.page {
            return Err("the page after this one is this one again".into());
        }
        let next = next.onward()?;
        let next = next.map(|next| serde_json::to_string(&next)).transpose();
        Ok(Shelf { items, next: next.map_err(|error| error.to_string())? })
    }

    fn onward(mut self) -> Result<Option<Self>, String> {
        let last = self.recent.iter().map(|(_, second)| *second).max();
        let since = last.map(|last| last - 1);
        self.recent.retain(|(_, second)| Some(*second) >= since);
        if self.shown < REACHABLE {
            return Ok(self.page.is_some().then_some(self));
        }
        // Whether a search begins with its first instant or after it, nobody says.
        let after = since.and_then(|since| Timestamp::from_second(since).ok());
        let after = after.ok_or("listings without createdDate, and more of them than one search shows")?;
        if self.after.is_some_and(|before| after.duration_since(before) < SignedDuration::from_secs(1)) {
            return Err(format!("{REACHABLE} listings were created within two seconds, and no search shows more"));
        }
        Ok(Some(Self { after: Some(after), page: None, shown: 0, recent: self.recent }))
    }
}

/// JAN, EAN, UPC or GTIN among the attributes, where the listing has one.
fn jan(attributes: &Value) -> Option<String> {
    let given = attributes["externally_assigned_product_identifier"].as_array()?;
    let numbers = given.iter().filter_map(|one| one["value"].as_str()).map(str::trim);
    let is_code = |text: &&str| (8..=14).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.into_iter().find(is_code).map(str::to_owned)
}

#[derive(Deserialize)]
struct Body {
    items: Vec<Item>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    sku: Option<String>,
    summaries: Option<Vec<Summary>>,
    #[serde(default)]
    attributes: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    marketplace_id: Option<String>,
    item_name: Option<String>,
    created_date: Option<Timestamp>,
}
