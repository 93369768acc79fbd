//! The shop by itself: its items (ItemAPI 2.0), its name (ShopAPI 1.0) and the end of its key.

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use uriba_sdk::{
    Listed,
    fake::{Fault, Reply, Visit},
};

use super::{NOTHING_IS_404, Shop};
use crate::time;

const PAGE_MAX: usize = 100;
const TITLE: &str = "見本の品";

pub fn search(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let query: HashMap<String, String> = visit.request.url.query_pairs().into_owned().collect();
    let known = query.keys().all(|name| matches!(name.as_str(), "hits" | "cursorMark"));
    let hits = query.get("hits").map_or(Ok(10), |text| text.parse::<usize>());
    let (true, Ok(hits @ 1..=PAGE_MAX), Some(cursor)) = (known, hits, query.get("cursorMark")) else {
        return bad("hits");
    };
    let after = match cursor.as_str() {
        "*" => String::new(),
        cursor => match cursor.strip_prefix("AoE/+").and_then(|rest| rest.strip_suffix("==")) {
            Some(after) => after.to_owned(),
            None => return bad("cursorMark"),
        },
    };
    let mut items = BTreeMap::<String, Map<String, Value>>::new();
    for (key, _) in shop.book.items() {
        if let Some((item, variant)) = key.split_once('/') {
            items.entry(item.to_owned()).or_default().insert(variant.to_owned(), details(&key));
        }
    }
    if items.is_empty() && shop.on(NOTHING_IS_404) {
        return Reply::json(404, &json!({"errors": [{"code": "GE0014", "message": "Not Found"}]}));
    }
    let found = items.len();
    let page: Vec<_> = items.into_iter().filter(|(item, _)| *item > after).take(hits).collect();
    let next = page.last().map_or_else(|| cursor.clone(), |(item, _)| format!("AoE/+{item}=="));
    let rows = page.into_iter().map(|(item, variants)| {
        json!({"item": {
            "manageNumber": item, "itemNumber": null, "title": TITLE, "hideItem": false, "itemType": "NORMAL",
            "created": "2026-01-01T00:00:00+09:00", "updated": "2026-01-01T00:00:00+09:00", "variants": variants,
        }})
    });
    let mut rows: Vec<Value> = rows.collect();
    if visit.has(&Fault::ShuffleRows) {
        rows.reverse();
    }
    Reply::json(200, &json!({"numFound": found, "offset": 0, "nextCursorMark": next, "results": rows}))
}

fn details(key: &str) -> Value {
    let listed = listed(key);
    json!({
        "merchantDefinedSkuId": listed.code, "standardPrice": "980",
        "articleNumber": match listed.jan {
            Some(jan) => json!({"value": jan}),
            None => json!({"exemptionReason": 5}),
        },
    })
}

/// What the shop keeps of an item: a code of its own for each, and a JAN for those whose key has even length.
pub fn listed(key: &str) -> Listed {
    let sum = key.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte)));
    let jan = sum.is_multiple_of(2).then(|| format!("49{:011}", sum % 100_000_000_000));
    Listed { key: key.to_owned(), code: Some(format!("own-{}", sum % 1_000_000)), jan, title: Some(TITLE.to_owned()) }
}

pub fn shop_master(shop: &Shop, _visit: &Visit<'_>) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><shopBizApiResponse><resultCode>N000</resultCode><result>\
         <shopMaster><shopName>{}</shopName><url>{}</url><companyName>株式会社見本</companyName>\
         <presidentName>見本 花子</presidentName></shopMaster></result></shopBizApiResponse>",
        name(&shop.name),
        url(&shop.name)
    );
    Reply::xml(200, body)
}

pub fn name(shop: &str) -> String {
    format!("見本の店 {shop}")
}

pub fn url(shop: &str) -> String {
    format!("mihon-{shop}")
}

pub fn expiry_date(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let query: HashMap<String, String> = visit.request.url.query_pairs().into_owned().collect();
    if query.get("licenseKey") != Some(&shop.license) {
        return bad("licenseKey");
    }
    let end = shop.book.now().saturating_add(SignedDuration::from_hours(60 * 24)).unwrap_or(shop.book.now());
    let end = end.to_zoned(time::japan()).strftime("%Y-%m-%dT23:59:59").to_string();
    Reply::json(200, &json!({"expiryDate": end}))
}

fn bad(what: &str) -> Reply {
    Reply::json(400, &json!({"errors": [{"code": "GE0007", "message": what}]}))
}
