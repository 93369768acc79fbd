//! getOrder: bodies → canonical orders.
//!
//! Lines live under packages, an order may have several, and there is no cancelled quantity. A line or package
//! that the shop deleted is still listed, with a flag; it is reported as ordered *and* cancelled, not left out,
//! although both release its units: only so an order that is first seen after the deletion tells that its units
//! had been taken off the mall's counter.

use serde_json::{Value, json, value::RawValue};
use uriba_sdk::{Found, FulfilledBy, Line, Order, Restored, Unread, wire::excerpt};

use crate::{key::Key, time};

/// The response version that was current on 2025-10-23; 7 brought SKUs, 1 and 2 are refused.
const VERSION: u32 = 10;
/// A hundred orders of the usual size are a fifth of this.
const BYTES_MAX: usize = 16 << 20;
/// One order beyond this is not read: a thousand lines fit.
const ORDER_BYTES_MAX: usize = 1 << 20;
/// Lines of one order that are worth naming when it can't be read.
const KEYS_MAX: usize = 500;

pub fn request(ids: &[String]) -> Value {
    json!({"orderNumberList": ids, "version": VERSION})
}

/// Reads the answer about the orders that were `asked` for.
pub fn read(body: &[u8], asked: &[String]) -> Result<Found, String> {
    if body.len() > BYTES_MAX {
        return Err(format!("an answer of {} bytes", body.len()));
    }
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| format!("not as documented: {error}"))?;
    let messages = body.messages.unwrap_or_default();
    let models = match body.orders {
        Some(models) => models,
        None if messages.iter().any(|message| message.is_about_an_order()) => Vec::new(),
        None => return Err("neither OrderModelList nor messages about the orders".into()),
    };
    let mut found = Found::default();
    for model in models {
        match order(model) {
            Ok(order) if found.orders.iter().any(|known| known.id == order.id) => {}
            Ok(order) => found.orders.push(order),
            Err(unread) if found.unread.iter().any(|known| known.order_id == unread.order_id) => {}
            Err(unread) => found.unread.push(*unread),
        }
    }
    for id in asked {
        let about = |other: &Option<String>| other.as_ref() == Some(id);
        if found.orders.iter().any(|order| order.id == *id) || found.unread.iter().any(|it| about(&it.order_id)) {
            continue;
        }
        match messages.iter().find(|message| about(&message.order_number)) {
            Some(message) if message.says_unobtainable() => found.missing.push(id.clone()),
            Some(message) => found.unread.push(unexplained(id, message.code())),
            None => found.unread.push(unexplained(id, "no message")),
        }
    }
    Ok(found)
}

#[derive(serde::Deserialize)]
struct Body<'a> {
    #[serde(rename = "MessageModelList", default)]
    messages: Option<Vec<Message>>,
    /// Each order is read by itself, so that an odd one doesn't hide its neighbours.
    #[serde(rename = "OrderModelList", default, borrow)]
    orders: Option<Vec<&'a RawValue>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_code: Option<String>,
    order_number: Option<String>,
}

impl Message {
    fn code(&self) -> &str {
        self.message_code.as_deref().unwrap_or("no code")
    }

    fn says_unobtainable(&self) -> bool {
        self.code() == "ORDER_EXT_API_GET_ORDER_INFO_102"
    }

    fn is_about_an_order(&self) -> bool {
        self.order_number.is_some() && self.says_unobtainable()
    }
}

/// Neither the order nor word that it can't be had: it may well exist, so it isn't called missing.
fn unexplained(id: &str, said: &str) -> Unread {
    let what = format!("the order is not in the answer, which says of it: {}", excerpt(said.as_bytes()));
    Unread { order_id: Some(id.to_owned()), mall_keys: Vec::new(), what, redacted: String::new() }
}

fn order(raw: &RawValue) -> Result<Order, Box<Unread>> {
    let raw = raw.get();
    let model = match serde_json::from_str::<Value>(raw) {
        Ok(model) if raw.len() <= ORDER_BYTES_MAX => model,
        Ok(model) => return Err(unread(&model, format!("an order of {} bytes", raw.len()))),
        Err(error) => return Err(unread(&Value::Null, format!("not as documented: {error}"))),
    };
    canonical(&model).map_err(|what| unread(&model, what))
}

fn canonical(model: &Value) -> Result<Order, String> {
    let id = text(&model["orderNumber"]).ok_or("orderNumber is missing")?;
    let placed_at = model["orderDatetime"].as_str().and_then(time::instant).ok_or("orderDatetime is not a time")?;
    let state = State::of(&model["orderProgress"]);
    let mut lines: Vec<Line> = Vec::new();
    for package in list(&model["PackageModelList"], "PackageModelList")? {
        for item in list(&package["ItemModelList"], "ItemModelList")? {
            let line = line(package, item, state)?;
            if lines.iter().any(|known| known.id == line.id) {
                return Err(format!("two lines with the id {}", line.id));
            }
            lines.push(line);
        }
    }
    if lines.is_empty() && state != State::Cancelled {
        return Err("the order has no lines".into());
    }
    let (family, revision, updated_at) = (None, None, None);
    Ok(Order { id, family, revision, placed_at, updated_at, fulfilled_by: FulfilledBy::Seller, lines })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Shipped,
    Cancelled,
}

impl State {
    /// 500 発送済, 600 支払手続き中, 700 支払手続き済; 900 キャンセル確定 (a return after shipping too). All
    /// others, and any that nobody knows yet, hold stock.
    fn of(progress: &Value) -> Self {
        match progress.as_i64() {
            Some(500 | 600 | 700) => Self::Shipped,
            Some(900) => Self::Cancelled,
            _ => Self::Open,
        }
    }
}

fn line(package: &Value, item: &Value, state: State) -> Result<Line, String> {
    let part = |value: &Value, name: &str| text(value).ok_or_else(|| format!("a line without {name}"));
    let id = format!("{}/{}", part(&package["basketId"], "basketId")?, part(&item["itemDetailId"], "itemDetailId")?);
    let deleted = package["packageDeleteFlag"] == 1 || item["deleteItemFlag"] == 1;
    let ordered = match &item["units"] {
        // What a deleted line once said is of no account.
        Value::Null if deleted => 0,
        stated => stated
            .as_u64()
            .and_then(|units| u32::try_from(units).ok())
            .ok_or_else(|| format!("units of line {id}: {}", excerpt(stated.to_string().as_bytes())))?,
    };
    let cancelled = if deleted || state == State::Cancelled { ordered } else { 0 };
    let shipped = if state == State::Shipped { ordered - cancelled } else { 0 };
    Ok(Line {
        mall_key: mall_key(item).map_err(|what| format!("line {id} {what}"))?,
        id,
        ordered,
        cancelled,
        shipped,
        returned: 0,
        restored: restored(item, state),
        shipped_at: (shipped > 0).then(|| shipping_date(package)).flatten(),
        original: None,
    })
}

/// The flag is what the shop chose for *edits* of the line. Cancelling the order asks again (`cancelOrder` takes
/// an `inventoryRestoreType` of its own) and the answer is not in the order, so after a cancel the flag tells
/// nothing. "Linked" is a wish whose effect isn't reported; only "not linked" can be relied on.
fn restored(item: &Value, state: State) -> Restored {
    if state != State::Cancelled && item["restoreInventoryFlag"] == 2 { Restored::No } else { Restored::Unknown }
}

/// The latest parcel's date: by its end all units of the package had left.
fn shipping_date(package: &Value) -> Option<jiff::Timestamp> {
    let parcels = package["ShippingModelList"].as_array()?;
    parcels.iter().filter_map(|parcel| time::end_of(parcel["shippingDate"].as_str()?)).max()
}

/// `None` for an order from before the shop moved to the SKU model. Several SKUs on one line: nobody says how
/// the units are spread over them.
fn mall_key(item: &Value) -> Result<Option<String>, &'static str> {
    let mut keys = keys(item);
    let key = keys.next();
    match keys.find(|other| Some(other) != key.as_ref()) {
        Some(_) => Err("has several SKUs"),
        None => Ok(key),
    }
}

fn keys(item: &Value) -> impl Iterator<Item = String> {
    let manage_number = item["manageNumber"].as_str().filter(|number| !number.is_empty());
    let skus = item["SkuModelList"].as_array().into_iter().flatten();
    skus.filter_map(move |sku| {
        let variant_id = sku["variantId"].as_str().filter(|id| !id.is_empty())?;
        Some(Key::stated(manage_number?, variant_id).to_string())
    })
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], String> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(&[]),
        _ => Err(format!("{name} is not a list")),
    }
}

/// An id, which the mall writes as a number or as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn unread(model: &Value, what: String) -> Box<Unread> {
    let items = |package: &'_ Value| package["ItemModelList"].as_array().cloned().unwrap_or_default();
    let packages = model["PackageModelList"].as_array();
    let mut mall_keys: Vec<String> =
        packages.into_iter().flatten().flat_map(items).flat_map(|item| keys(&item).collect::<Vec<_>>()).collect();
    mall_keys.sort();
    mall_keys.dedup();
    mall_keys.truncate(KEYS_MAX);
    let redacted = kept(model).to_string();
    let redacted = if redacted.len() > ORDER_BYTES_MAX { String::new() } else { redacted };
    Box::new(Unread { order_id: text(&model["orderNumber"]), mall_keys, what, redacted })
}

/// What an order is read from, and nothing else: an order model has some two hundred fields, many about people.
const KEPT: [&str; 16] = [
    "orderNumber",
    "orderProgress",
    "orderDatetime",
    "PackageModelList",
    "basketId",
    "packageDeleteFlag",
    "ItemModelList",
    "itemDetailId",
    "manageNumber",
    "units",
    "restoreInventoryFlag",
    "deleteItemFlag",
    "SkuModelList",
    "variantId",
    "ShippingModelList",
    "shippingDate",
];

fn kept(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| KEPT.contains(&name.as_str()))
            .map(|(name, field)| (name.clone(), kept(field)))
            .collect(),
        Value::Array(items) => items.iter().map(kept).collect(),
        other => other.clone(),
    }
}
