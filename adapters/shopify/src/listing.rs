//! What the shop lists, and how a listing is named.
//!
//! The key is the inventory item: it has exactly the stock that is written, every order names it, and it stays the same
//! when a SKU is renamed. People type the SKU, which in Shopify may be empty and may be there twice.

use std::collections::BTreeMap;

use serde::Deserialize;
use uriba_sdk::{Listed, Shelf, mall::ListingKey};

use crate::graphql::{self, Connection, Ref};

pub const ITEM: &str = "InventoryItem";
pub const VARIANT: &str = "ProductVariant";
pub const LOCATION: &str = "Location";
pub const ORDER: &str = "Order";

/// Our own bound, well above what people type.
const SKU_CHARS_MAX: usize = 255;
/// Twins named in a message.
const TWINS_SHOWN: usize = 3;

/// Shopify's name of a thing: `gid://shopify/Order/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gid<'a> {
    pub kind: &'a str,
    pub number: &'a str,
}

impl<'a> Gid<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let (kind, number) = text.strip_prefix("gid://shopify/")?.split_once('/')?;
        // Shopify's ids are 64 bits; a longer number would fail the whole request.
        let is_id = number.parse::<u64>().is_ok() && number.bytes().all(|digit| digit.is_ascii_digit());
        (is_id && kind.bytes().all(|letter| letter.is_ascii_alphabetic())).then_some(Self { kind, number })
    }
}

pub fn gid(kind: &str, number: &str) -> String {
    format!("gid://shopify/{kind}/{number}")
}

/// An id as people copy it: whole, or only its number.
pub fn as_gid(kind: &str, text: &str) -> Option<String> {
    let text = text.trim();
    match Gid::parse(text) {
        Some(found) => (found.kind == kind).then(|| text.to_owned()),
        None => {
            let found = gid(kind, text);
            Gid::parse(&found).is_some().then_some(found)
        }
    }
}

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Item(String),
    Variant(String),
    Sku(String),
}

/// A number alone is a SKU: many shops use their JAN codes.
pub fn typed(given: &str) -> Result<Typed, String> {
    let text = given.trim();
    if text.is_empty() {
        return Err("a SKU is needed, or the gid of a variant or inventory item".into());
    }
    if text.chars().count() > SKU_CHARS_MAX {
        return Err(format!("a SKU of more than {SKU_CHARS_MAX} characters is none of Shopify's"));
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a control character".into());
    }
    match Gid::parse(text) {
        Some(found) if found.kind == ITEM => Ok(Typed::Item(text.to_owned())),
        Some(found) if found.kind == VARIANT => Ok(Typed::Variant(text.to_owned())),
        _ if text.starts_with("gid://") => {
            Err("it is no gid of a variant (gid://shopify/ProductVariant/…) or an inventory item".into())
        }
        None | Some(_) => Ok(Typed::Sku(text.to_owned())),
    }
}

/// A variant as a look-up answers it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    pub id: Option<String>,
    pub sku: Option<String>,
    pub inventory_item: Option<Ref>,
}

#[derive(Default)]
pub struct Variants(Vec<Variant>);

impl Variants {
    /// Takes in a page of a search, and says where the next one begins.
    pub fn take(&mut self, data: &str) -> Result<Option<String>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            product_variants: Connection<Variant>,
        }
        let Wire { product_variants: page } = graphql::parse(data)?;
        let next = page.page_end.next()?;
        self.0.extend(page.nodes);
        Ok(next)
    }

    /// Takes in variants that were asked for by id; a node of something else has nothing to say.
    pub fn take_nodes(&mut self, data: &str) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Wire {
            nodes: Vec<Option<Variant>>,
        }
        let wire: Wire = graphql::parse(data)?;
        self.0.extend(wire.nodes.into_iter().flatten());
        Ok(())
    }

    pub fn item_of(&self, typed: &Typed) -> Result<String, String> {
        match typed {
            Typed::Item(item) => Ok(item.clone()),
            Typed::Variant(id) => {
                let found = self.0.iter().find(|variant| variant.id.as_ref() == Some(id));
                let item = found.and_then(|variant| variant.inventory_item.as_ref());
                item.map(|item| item.id.clone()).ok_or_else(|| "the shop has no such variant".into())
            }
            Typed::Sku(sku) => self.item_with(sku),
        }
    }

    /// Shopify's search doesn't tell capitals from small letters. Whoever typed them wrong means the only one.
    fn item_with(&self, sku: &str) -> Result<String, String> {
        let with = |fits: &dyn Fn(&str) -> bool| -> Vec<String> {
            let fitting = self.0.iter().filter(|variant| variant.sku.as_deref().is_some_and(|sku| fits(sku.trim())));
            let mut items: Vec<_> =
                fitting.filter_map(|variant| variant.inventory_item.as_ref()).map(|item| item.id.clone()).collect();
            items.sort();
            items.dedup();
            items
        };
        let exact = with(&|other| other == sku);
        let items = if exact.is_empty() { with(&|other| other.to_lowercase() == sku.to_lowercase()) } else { exact };
        match items.as_slice() {
            [item] => Ok(item.clone()),
            [] => Err(format!("no variant has the SKU {sku} (a new one is found after some seconds)")),
            twins => Err(format!(
                "{} variants have the SKU {sku}: give each a SKU of its own in Shopify, or map {}",
                twins.len(),
                twins[..twins.len().min(TWINS_SHOWN)].join(" and ")
            )),
        }
    }
}

/// What a listing is addressed by, kept with it: the inventory item and the location whose stock is written.
pub fn handle(item: &str, location: &str) -> String {
    let number = |gid: &str| gid.rsplit('/').next().unwrap_or_default().to_owned();
    format!("{}@{}", number(item), number(location))
}

/// The inventory item and, where the handle names it, the location.
pub fn address(key: &str, handle: Option<&str>) -> Option<(String, Option<String>)> {
    let kept = handle.and_then(|handle| handle.split_once('@'));
    match kept {
        Some((item, location)) => Some((as_gid(ITEM, item)?, Some(as_gid(LOCATION, location)?))),
        None => Some((as_gid(ITEM, key)?, None)),
    }
}

pub fn resolved(item: String, location: &str) -> ListingKey {
    ListingKey { handle: Some(handle(&item, location)), key: item }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub id: String,
    pub name: Option<String>,
    pub is_active: Option<bool>,
}

pub fn locations(data: &str) -> Result<Vec<Place>, String> {
    #[derive(Deserialize)]
    struct Wire {
        locations: Connection<Place>,
    }
    let wire: Wire = graphql::parse(data)?;
    Ok(wire.locations.nodes.into_iter().filter(|place| place.is_active != Some(false)).collect())
}

/// The only place where stock can be.
pub fn only_location(places: &[Place]) -> Result<String, String> {
    match places {
        [place] => Ok(place.id.clone()),
        [] => Err("the shop has no active location".into()),
        places => Err(format!(
            "the shop has {} locations: name the one whose stock is to be written in options.location ({})",
            places.len(),
            places.iter().map(|place| place.id.as_str()).collect::<Vec<_>>().join(", ")
        )),
    }
}

pub fn shelf(data: &str) -> Result<Shelf, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        product_variants: Connection<Sold>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sold {
        sku: Option<String>,
        barcode: Option<String>,
        display_name: Option<String>,
        inventory_item: Ref,
    }
    let Wire { product_variants: page } = graphql::parse(data)?;
    let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let listed = |sold: Sold| Listed {
        key: sold.inventory_item.id,
        code: filled(sold.sku),
        jan: filled(sold.barcode),
        title: filled(sold.display_name),
    };
    let next = page.page_end.next()?;
    // Variants that share an inventory item are one listing.
    let items: BTreeMap<_, _> = page.nodes.into_iter().map(listed).map(|item| (item.key.clone(), item)).collect();
    Ok(Shelf { items: items.into_values().collect(), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_sku_and_a_gid_is_a_gid() {
        assert_eq!(typed(" 4901234567894 "), Ok(Typed::Sku("4901234567894".into())));
        assert_eq!(typed("gid://shopify/InventoryItem/4"), Ok(Typed::Item("gid://shopify/InventoryItem/4".into())));
        let odd = ["gid://shopify/Order/4", "gid://shopify/InventoryItem/x", "", " ", "a\u{7}"];
        for odd in odd.into_iter().chain([format!("gid://shopify/InventoryItem/{}", "9".repeat(30)).as_str()]) {
            assert!(typed(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_handle_names_the_item_and_the_location() {
        let (item, location) = ("gid://shopify/InventoryItem/41", "gid://shopify/Location/9");
        assert_eq!(handle(item, location), "41@9");
        assert_eq!(address("x", Some("41@9")), Some((item.into(), Some(location.into()))));
        assert_eq!(address(item, None), Some((item.into(), None)));
        assert_eq!(address("TEA-1", None), None);
    }

    #[test]
    fn capitals_matter_only_where_two_skus_differ_by_them() {
        let variant = |sku: &str, item: &str| Variant {
            id: None,
            sku: Some(sku.into()),
            inventory_item: Some(Ref { id: item.into() }),
        };
        let one = Variants(vec![variant("Tea-1", "a")]);
        assert_eq!(one.item_of(&Typed::Sku("TEA-1".into())), Ok("a".into()));
        let two = Variants(vec![variant("Tea-1", "a"), variant("TEA-1", "b")]);
        assert_eq!(two.item_of(&Typed::Sku("TEA-1".into())), Ok("b".into()));
        assert!(two.item_of(&Typed::Sku("tea-1".into())).is_err());
    }
}
