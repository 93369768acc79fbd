//! Canonical orders → order models, and what of an order survives the way.
//!
//! The mall has no partly shipped status and no cancelled quantity. So an order is open with all of its
//! remaining units until none is left to ship, less units mean a cancel, and a line with nothing left is
//! flagged as deleted (with its package, when nothing is left of that).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use uriba_sdk::{
    FulfilledBy, Line, Order, Restored,
    fake::{BookOrder, Stage},
};

use crate::{key::Key, time};

/// A status that no reference knows.
const UNKNOWN: i64 = 950;

pub fn encode(found: &BookOrder, stale: bool, unknown: bool) -> Value {
    let order = found.before.as_deref().filter(|_| stale).unwrap_or(&found.order);
    let progress = if unknown { UNKNOWN } else { progress(order, found) };
    let mut baskets: BTreeMap<u64, Vec<&Line>> = BTreeMap::new();
    for line in &order.lines {
        baskets.entry(place(&order.id, &line.id).0).or_default().push(line);
    }
    let packages: Vec<Value> = baskets.iter().map(|(basket, lines)| package(order, *basket, lines)).collect();
    json!({
        "orderNumber": order.id,
        "orderProgress": progress,
        "subStatusId": null,
        "orderDatetime": time::written(order.placed_at.as_second()),
        "shopOrderCfmDatetime": null,
        "orderType": if found.stage == Stage::PreOrder { 6 } else { 1 },
        "rakutenConfirmFlag": i64::from(found.stage == Stage::Screening),
        "modifyFlag": i64::from(found.before.is_some()),
        "socialGiftFlag": 0,
        "remarks": "平日の夜に届けてください",
        "totalPrice": -9_999,
        "SettlementModel": {"settlementMethodCode": 1, "settlementMethod": "クレジットカード", "cardOwner": "MIHON HANAKO"},
        "OrdererModel": {"familyName": "見本", "firstName": "花子", "zipCode1": "100", "emailAddress": "hanako@example.jp"},
        "PackageModelList": packages,
        "ChangeReasonModelList": null,
    })
}

fn package(order: &Order, basket: u64, lines: &[&Line]) -> Value {
    let deleted = lines.iter().all(|line| is_deleted(order, line));
    let items: Vec<Value> = lines
        .iter()
        .map(|line| {
            let (manage_number, variant_id) = pair(line);
            let units = if is_deleted(order, line) || is_cancelled(order) { line.ordered } else { left(line) };
            json!({
                "itemDetailId": place(&order.id, &line.id).1,
                "itemName": "見本の品",
                "itemId": 10_000_001,
                "itemNumber": null,
                "manageNumber": manage_number,
                "price": 1_980,
                "units": units,
                "inventoryType": 2,
                "restoreInventoryFlag": match line.restored {
                    Restored::Unknown => 0,
                    Restored::Yes => 1,
                    Restored::No => 2,
                },
                "deleteItemFlag": i64::from(!deleted && is_deleted(order, line)),
                "SkuModelList": [{"variantId": variant_id, "merchantDefinedSkuId": null, "skuInfo": null}],
            })
        })
        .collect();
    let date = shipping_date(order, basket).map(|at| at.to_zoned(time::japan()).strftime("%Y-%m-%d").to_string());
    let parcels =
        json!([{"shippingDetailId": basket, "shippingNumber": null, "deliveryCompany": "1001", "shippingDate": date}]);
    json!({
        "basketId": basket,
        "packageDeleteFlag": i64::from(deleted),
        "SenderModel": {"familyName": "見本", "firstName": "太郎", "phoneNumber1": "03"},
        "ItemModelList": items,
        "ShippingModelList": if is_shipped(order) { parcels } else { json!([]) },
    })
}

pub fn progress(order: &Order, found: &BookOrder) -> i64 {
    match found.stage {
        _ if is_shipped(order) => [500, 600, 700][(found.number % 3) as usize],
        _ if is_cancelled(order) => 900,
        Stage::OnHold | Stage::PreOrder => 100,
        Stage::Unpaid | Stage::Screening => 200,
        Stage::Ready => 300,
        Stage::Requested if found.number.is_multiple_of(2) => 400,
        Stage::Requested => 800,
    }
}

/// The same order as the reader can see it.
pub fn expressible(order: Order) -> Order {
    let mut lines: Vec<Line> = order.lines.iter().map(|line| expressible_line(&order, line)).collect();
    // Lines are listed package by package.
    lines.sort_by_key(|line| place(&order.id, &line.id).0);
    let placed_at = Timestamp::from_second(order.placed_at.as_second()).unwrap_or(order.placed_at);
    let (family, revision, updated_at) = (None, None, None);
    Order { id: order.id, family, revision, placed_at, updated_at, fulfilled_by: FulfilledBy::Seller, lines }
}

fn expressible_line(order: &Order, line: &Line) -> Line {
    let (basket, detail) = place(&order.id, &line.id);
    let (ordered, cancelled, shipped) = match () {
        () if is_cancelled(order) || is_deleted(order, line) => (line.ordered, line.ordered, 0),
        () if is_shipped(order) => (left(line), 0, left(line)),
        () => (left(line), 0, 0),
    };
    let date = shipping_date(order, basket).map(|at| at.to_zoned(time::japan()).date().to_string());
    Line {
        id: format!("{basket}/{detail}"),
        mall_key: line.mall_key.as_deref().and_then(|key| Key::parse(key).ok()).map(|key| key.to_string()),
        ordered,
        cancelled,
        shipped,
        returned: 0,
        restored: match line.restored {
            Restored::No if !is_cancelled(order) => Restored::No,
            _ => Restored::Unknown,
        },
        shipped_at: date.filter(|_| shipped > 0).and_then(|date| time::end_of(&date)),
        original: None,
    }
}

fn is_shipped(order: &Order) -> bool {
    order.is_closed() && order.lines.iter().any(|line| line.shipped > 0)
}

fn is_cancelled(order: &Order) -> bool {
    order.is_closed() && !is_shipped(order)
}

/// Nothing of the line is left, of an order that goes on.
fn is_deleted(order: &Order, line: &Line) -> bool {
    !is_cancelled(order) && line.ordered > 0 && left(line) == 0
}

fn left(line: &Line) -> u32 {
    line.ordered.saturating_sub(line.cancelled)
}

/// The last moment at which something of the package left.
fn shipping_date(order: &Order, basket: u64) -> Option<Timestamp> {
    let here = order.lines.iter().filter(|line| place(&order.id, &line.id).0 == basket && line.shipped > 0);
    here.filter_map(|line| line.shipped_at).max()
}

fn pair(line: &Line) -> (String, String) {
    let key = line.mall_key.as_deref().and_then(|key| Key::parse(key).ok());
    key.map_or_else(|| ("gone".into(), String::new()), |key| (key.manage_number, key.variant_id))
}

/// The package and the number of a line. Every third line goes into a second package.
fn place(order: &str, line: &str) -> (u64, u64) {
    if let Some((basket, detail)) = line.split_once('/')
        && let (Ok(basket), Ok(detail)) = (basket.parse(), detail.parse())
    {
        return (basket, detail);
    }
    let detail = line.parse().unwrap_or_else(|_| number_for(line));
    (number_for(order) * 10 + 1 + u64::from(detail % 3 == 0), detail)
}

/// A number of at most nine digits that stands for a text.
fn number_for(text: &str) -> u64 {
    text.bytes().fold(5_381, |hash: u64, byte| (hash * 33 + u64::from(byte)) % 999_999_937)
}
