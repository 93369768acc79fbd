//! Stock and listings, both ways. Pure like [`crate::orders`].
//!
//! A listing is a variant of a product. People know it by its `skuCode`; the mall knows it by an id, which is also the
//! key of a variant without a code. The handle holds product and variant id.

use serde::Deserialize;
use serde_json::{Value, json};
use uriba_sdk::{
    AccountSheet, Class, Counter, Listed, Outcome, Refusal, RefusedWhy, Shelf, Update, Write, mall::ListingKey,
};

use crate::{
    card::QUANTITY_MAX,
    faults::Word,
    graphql::{Fault, VARIANTS_MAX},
    orders::PageEnd,
};

const KEY_CHARS_MAX: usize = 255;

/// What a person typed, without what surrounds it. The mall's codes are taken as they are, case included.
pub fn normal(given: &str) -> Result<String, String> {
    let key = given.trim();
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX || key.chars().any(char::is_control) {
        return Err(format!("a skuCode (or a variant id) has 1 to {KEY_CHARS_MAX} characters"));
    }
    Ok(key.to_owned())
}

/// The key of a variant: its code, or its id where it has none.
pub fn key_of(sku: Option<&str>, id: Option<&str>) -> Option<String> {
    [sku, id].into_iter().flatten().find_map(|text| normal(text).ok())
}

pub fn by_sku(key: &str) -> Value {
    json!({"skuCode": key})
}

pub fn by_id(id: &str) -> Value {
    json!({"id": id})
}

/// How a listing is addressed: by its id where that is known, since nobody promises that codes are unique.
pub fn address(key: &str, handle: Option<&str>) -> Value {
    handle.and_then(|handle| handle.rsplit_once('/')).map_or_else(|| by_sku(key), |(_, id)| by_id(id))
}

/// A variant as a look-up or a write shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    pub id: String,
    pub sku_code: Option<String>,
    pub stock_quantity: i64,
    pub product: Option<Parent>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Parent {
    pub id: String,
}

impl Variant {
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    pub fn listing(&self, typed: &str) -> ListingKey {
        let key = key_of(self.sku_code.as_deref(), Some(&self.id)).unwrap_or_else(|| typed.to_owned());
        let product = self.product.as_ref().map_or("", |product| product.id.as_str());
        ListingKey { key, handle: Some(format!("{product}/{}", self.id)) }
    }

    pub fn counter(&self) -> Counter {
        Counter { quantity: Some(self.stock_quantity), sells_past_zero: false, not_ours: false }
    }

    fn is_at(&self, by: &Value) -> bool {
        by["id"] == json!(self.id) || (!by["skuCode"].is_null() && by["skuCode"] == json!(self.sku_code))
    }
}

/// A write that can be sent, or the outcome of one that can't.
pub type Prepared = Result<(Value, i64), Outcome>;

/// Refuses before anything is sent what the card doesn't offer: `Rejected` says that nothing was written.
pub fn prepare(updates: &[Update]) -> Result<Vec<Prepared>, Class> {
    let one = |update: &Update| match update.write {
        Write::Absolute(figure) if (0..=QUANTITY_MAX).contains(&figure) => {
            Some(Ok((address(&update.key, update.handle.as_deref()), figure)))
        }
        Write::Absolute(figure) => {
            let message = format!("{figure} is not written: 0 to {QUANTITY_MAX} are");
            Some(Err(Outcome::Refused(Refusal { why: RefusedWhy::OutOfRange, code: None, message })))
        }
        Write::Relative(_) | Write::CompareAndSet { .. } => None,
    };
    let prepared: Option<Vec<_>> = updates.iter().map(one).collect();
    match prepared {
        Some(prepared) if prepared.len() <= VARIANTS_MAX => Ok(prepared),
        _ => Err(Class::Rejected { refused: Vec::new() }),
    }
}

/// The figures that an answer to a batch shows, in the order of the writes; `None` for one that it doesn't name.
pub fn written(data: &str, figures: &[(Value, i64)]) -> Result<Vec<Option<i64>>, String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "updateProductVariants")]
        answer: Option<Written>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Written {
        product_variants: Option<Vec<Option<Variant>>>,
    }
    let answer: Answer = serde_json::from_str(data).map_err(|error| error.to_string())?;
    let shown: Vec<_> =
        answer.answer.and_then(|written| written.product_variants).unwrap_or_default().into_iter().flatten().collect();
    let one = |(by, _): &(Value, i64)| shown.iter().find(|variant| variant.is_at(by)).map(|found| found.stock_quantity);
    Ok(figures.iter().map(one).collect())
}

pub fn written_one(data: &str) -> Result<i64, String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "updateProductVariant")]
        answer: Written,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Written {
        product_variant: Variant,
    }
    let answer: Answer = serde_json::from_str(data).map_err(|error| error.to_string())?;
    Ok(answer.answer.product_variant.stock_quantity)
}

/// The outcome of a write that was refused by itself. `None`: the error isn't about the variant.
pub fn refused(fault: &Fault) -> Option<Outcome> {
    let (why, message) = match fault.word {
        Word::NotFound => (RefusedWhy::NoSuchItem, "the shop has no such variant"),
        Word::PermissionDenied => (RefusedWhy::Other, "the mall allows it for products of a published shop only"),
        Word::InvalidArgument => (RefusedWhy::OutOfRange, "the mall doesn't take this figure"),
        Word::FailedPrecondition => (RefusedWhy::Other, "the mall doesn't take it in the variant's present state"),
        _ => return None,
    };
    let code = fault.code.as_ref().map(|code| uriba_sdk::wire::excerpt(code.as_bytes()));
    Some(Outcome::Refused(Refusal { why, code, message: message.into() }))
}

pub fn shelf(data: &str) -> Result<Shelf, String> {
    #[derive(Deserialize)]
    struct Answer {
        products: List,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct List {
        edges: Vec<Edge>,
        #[serde(rename = "pageInfo")]
        page_end: PageEnd,
    }
    #[derive(Deserialize)]
    struct Edge {
        node: Product,
    }
    #[derive(Deserialize)]
    struct Product {
        name: Option<String>,
        #[serde(default)]
        variants: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        id: Option<String>,
        sku_code: Option<String>,
        jan_code: Option<String>,
        name: Option<String>,
    }
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let answer: Answer = serde_json::from_str(data).map_err(|error| error.to_string())?;
    let mut items = Vec::new();
    for Edge { node } in answer.products.edges {
        let product = filled(node.name);
        for entry in node.variants {
            let Some(key) = key_of(entry.sku_code.as_deref(), entry.id.as_deref()) else { continue };
            let title = match (&product, filled(entry.name)) {
                (Some(product), Some(variant)) => Some(format!("{product} {variant}")),
                (product, variant) => product.clone().or(variant),
            };
            items.push(Listed { key, code: filled(entry.sku_code), jan: filled(entry.jan_code), title });
        }
    }
    Ok(Shelf { items, next: answer.products.page_end.next()? })
}

pub fn account(data: &str) -> Result<AccountSheet, String> {
    #[derive(Deserialize)]
    struct Answer {
        shop: Shop,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shop {
        id: String,
        name: Option<String>,
        shop_status: Option<String>,
    }
    let Answer { shop } = serde_json::from_str(data).map_err(|error| error.to_string())?;
    let mut notes = Vec::new();
    if let Some(status) = shop.shop_status.filter(|status| !status.starts_with("OPEN")) {
        let status = uriba_sdk::wire::excerpt(status.as_bytes());
        notes.push(format!("the shop's status is {status}: stock can be written only while the shop is published"));
    }
    let shop = shop.name.filter(|name| !name.trim().is_empty()).unwrap_or(shop.id);
    Ok(AccountSheet { shop, ends: Vec::new(), notes })
}
