//! What the shop lists: pages of the mall's list of items, and the options of one item.

use serde_json::Value;
use uriba_sdk::{Listed, wire::excerpt};

use crate::{
    key::{self, Choice, Handle},
    qapi::{self, Fields},
};

/// Item states, those on sale first: waiting for approval, in preparation, suspended, restricted, not approved.
pub const STATES: [&str; 6] = ["S2", "S1", "S0", "S3", "S5", "S8"];
/// Of these the mall shows details, and these it lets be written.
pub const LIVE: usize = 2;
const AXES_MAX: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub number: String,
    /// The seller's own code, where there is one.
    pub code: Option<String>,
}

impl Item {
    /// What it goes by in keys and in orders.
    pub fn key_code(&self) -> &str {
        key::code(self.code.as_deref(), Some(&self.number)).unwrap_or_default()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct ItemPage {
    pub items: Vec<Item>,
    pub pages: i64,
}

pub fn page(object: Value) -> Result<ItemPage, String> {
    let Value::Object(mut object) = object else { return Err("the list of items is no object".into()) };
    let pages = object.get("TotalPages").and_then(qapi::number).ok_or("TotalPages is missing or odd")?;
    let rows = qapi::rows(object.remove("Items").unwrap_or_default())?;
    let items = rows
        .into_iter()
        .filter_map(Fields::of)
        .filter_map(|row| Some(Item { number: row.first(&["itemcode", "itemno"])?, code: row.text("sellercode") }));
    Ok(ItemPage { items: items.collect(), pages })
}

/// One combination of an item's options.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Axes joined as the mall takes them back.
    pub name: String,
    pub value: String,
    pub code: String,
    /// It costs more or less than its item, or how much isn't said.
    pub priced: bool,
    pub quantity: i64,
}

impl Variant {
    pub fn choice(&self) -> Choice {
        let (name, value, code) = (self.name.clone(), self.value.clone(), self.code.clone());
        Choice { name, value, code, priced: self.priced }
    }

    /// The mall finds an option by name and value; its code is the seller's and may change.
    pub fn is(&self, choice: &Choice) -> bool {
        self.name == choice.name && self.value == choice.value
    }
}

/// The options of one item; none: it has no options.
pub fn variants(object: Value) -> Result<Vec<Variant>, String> {
    qapi::rows(object)?.into_iter().map(variant).collect()
}

fn variant(row: Value) -> Result<Variant, String> {
    let fields = Fields::of(row).ok_or("an option is no object")?;
    let axis = |n: usize| Some((fields.text(&format!("name{n}"))?, fields.text(&format!("value{n}"))?));
    let (names, values): (Vec<_>, Vec<_>) = (1..=AXES_MAX).filter_map(axis).unzip();
    let quantity = fields.number("qty").ok_or_else(|| {
        let shown = fields.value("qty").map_or_else(|| "missing".into(), Value::to_string);
        format!("the figure of an option is odd: {}", excerpt(shown.as_bytes()))
    })?;
    Ok(Variant {
        name: names.join("||*"),
        value: values.join("||*"),
        code: fields.text("itemtypecode").unwrap_or_default(),
        priced: !fields.text("price").and_then(|text| text.parse().ok()).is_some_and(|price: f64| price == 0.0),
        quantity,
    })
}

/// What one item's page says of its stock, when it has no options.
pub fn figure(object: Value) -> Result<Option<i64>, String> {
    let Some(row) = qapi::rows(object)?.into_iter().next() else { return Ok(None) };
    let fields = Fields::of(row).ok_or("an item is no object")?;
    fields.number("itemqty").map(Some).ok_or_else(|| "ItemQty is missing or odd".into())
}

/// The option with this code. Case only counts where it has to.
pub fn find<'a>(variants: &'a [Variant], code: &str) -> Result<Option<&'a Variant>, String> {
    let with = |same: fn(&str, &str) -> bool| variants.iter().filter(move |variant| same(&variant.code, code));
    let exact: Vec<_> = with(|one, other| one == other).collect();
    let found = if exact.is_empty() { with(|one, other| one.eq_ignore_ascii_case(other)).collect() } else { exact };
    match found.as_slice() {
        [] => Ok(None),
        [variant] => Ok(Some(variant)),
        several => Err(format!(
            "{} options of this item have the code {code}: orders couldn't be told apart; give each its own in QSM",
            several.len()
        )),
    }
}

/// The handle of a key whose item is known.
pub fn handle(item: &Item, option: Option<&str>, variants: &[Variant]) -> Result<Option<Handle>, String> {
    let number = item.number.clone();
    match option {
        None if variants.is_empty() => Ok(Some(Handle { item: number, option: None })),
        None => {
            let codes: Vec<_> = variants.iter().map(|variant| variant.code.as_str()).take(5).collect();
            let example = key::join(item.key_code(), codes.first().copied().unwrap_or_default());
            Err(format!(
                "this item has options, and their figures count: name one of them, as {example} (codes: {})",
                codes.join(", ")
            ))
        }
        Some(code) => {
            let variant = find(variants, code)?;
            Ok(variant.map(|variant| Handle { item: number, option: Some(variant.choice()) }))
        }
    }
}

/// What can be mapped of one item. An option without a code of its own can't: orders wouldn't name it.
pub fn listed(item: &Item, variants: &[Variant]) -> Vec<Listed> {
    if variants.is_empty() {
        return vec![Listed { key: item.key_code().to_owned(), code: item.code.clone(), ..Listed::default() }];
    }
    let own = |code: &str| !code.is_empty() && variants.iter().filter(|other| other.code == code).count() == 1;
    let named = variants.iter().filter(|variant| own(&variant.code));
    named
        .map(|variant| {
            let (key, code) = (key::join(item.key_code(), &variant.code), Some(variant.code.clone()));
            Listed { key, code, ..Listed::default() }
        })
        .collect()
}
