//! What is listed: the list of items, one item, one item's options.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uriba_sdk::fake::{Item, Reply, Visit};

use super::{
    NOTHING_IS_NULL,
    article::Article,
    desk::{Desk, NO_ITEM, NOT_ON_SALE, Refused, processing},
};
use crate::items::{LIVE, STATES};

/// An item's state, where it isn't on sale.
pub const STATE: &str = "ItemStatus";
pub const PRICE: &str = "Price";
pub const SALE_END: &str = "ExpireDate";
const PAGE: usize = 500;

type Form = BTreeMap<String, String>;

pub fn list(desk: &Desk, visit: &Visit<'_>) -> Reply {
    desk.serve(visit, &["ItemStatus", "Page"], |form| {
        let state = form.get("ItemStatus").map_or("", String::as_str);
        if !STATES.contains(&state) {
            return Err(processing("ItemStatus"));
        }
        let page: usize = form.get("Page").map_or(Ok(1), |page| page.parse()).map_err(|_| processing("Page"))?;
        let kept = desk.book.items().into_iter().filter(|(_, item)| self::state(item) == state);
        let items: BTreeSet<(String, String)> =
            kept.map(|(key, _)| Article::of(&key)).map(|article| (article.number, article.seller)).collect();
        let rows: Vec<_> = items
            .iter()
            .skip(page.saturating_sub(1) * PAGE)
            .take(PAGE)
            .map(|(number, seller)| json!({"ItemCode": number, "SellerCode": seller, "ItemStatus": state}))
            .collect();
        let pages = items.len().div_ceil(PAGE);
        Ok(json!({"TotalItems": items.len(), "TotalPages": pages, "PresentPage": page, "Items": rows}))
    })
}

pub fn detail(desk: &Desk, visit: &Visit<'_>) -> Reply {
    desk.serve(visit, &["ItemCode", "SellerCode"], |form| {
        let Some(found) = found(desk, form)? else { return Ok(json!([])) };
        let (article, first) = &found[0];
        // With options it is the sum of what they have.
        let quantity: i64 = found.iter().map(|(_, item)| figure(item)).sum();
        Ok(json!([{
            "ItemCode": article.number,
            "SellerCode": article.seller,
            "ItemStatus": state(first),
            "ItemTitle": "湯呑み",
            "ItemPrice": "1200.0000",
            "ItemQty": quantity.to_string(),
            "ExpireDate": first.siblings.get(SALE_END).map_or("2027-10-31", String::as_str),
        }]))
    })
}

pub fn inventory(desk: &Desk, visit: &Visit<'_>) -> Reply {
    desk.serve(visit, &["ItemCode", "SellerCode"], |form| {
        let found = found(desk, form)?.unwrap_or_default();
        let options = found.iter().filter(|(article, _)| article.option.is_some());
        Ok(Value::Array(options.map(|(article, item)| option(article, item)).collect()))
    })
}

fn option(article: &Article, item: &Item) -> Value {
    let price = item.siblings.get(PRICE).map_or(article.price(), String::as_str);
    let mut row = json!({
        "Price": price.parse::<f64>().unwrap_or_default(),
        "Qty": figure(item),
        "ItemTypeCode": article.option,
    });
    let axes = article.axes();
    for n in 1..=5 {
        let (name, value) = axes.get(n - 1).cloned().unwrap_or_default();
        row[format!("Name{n}")] = json!(name);
        row[format!("Value{n}")] = json!(value);
    }
    row
}

/// Everything that the book has of an item: itself, or its options.
fn found(desk: &Desk, form: &Form) -> Result<Option<Vec<(Article, Item)>>, Refused> {
    let asked = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (number, seller) = (asked("ItemCode"), asked("SellerCode"));
    if number.is_empty() && seller.is_empty() {
        return Err(NO_ITEM);
    }
    let all = desk.book.items().into_iter().map(|(key, item)| (Article::of(&key), item));
    let found: Vec<_> = all.filter(|(article, _)| article.is_of(number, seller)).collect();
    match found.first() {
        None if desk.is(NOTHING_IS_NULL) => Ok(None),
        None => Err(NO_ITEM),
        Some((_, item)) if !STATES[..LIVE].contains(&state(item)) => Err(NOT_ON_SALE),
        Some(_) => Ok(Some(found)),
    }
}

fn state(item: &Item) -> &str {
    item.siblings.get(STATE).map_or(STATES[0], String::as_str)
}

/// What the interface shows is what was written, less what was bought since.
fn figure(item: &Item) -> i64 {
    item.keeps_at_most.map_or(item.submitted, |most| item.submitted.min(most)).max(0)
}
