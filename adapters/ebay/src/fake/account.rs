//! Who the seller is, which programs the account is in, and what the application has left of its calls.

use jiff::{SignedDuration, tz::TimeZone};
use serde_json::json;
use uriba_sdk::fake::{Reply, Visit};

use super::{
    reply::Refused,
    shop::{Shop, Switch},
};
use crate::card::CARD;

pub fn user(shop: &Shop, visit: &Visit<'_>) -> Reply {
    admitted(
        shop,
        visit,
        "identity",
        || json!({ "userId": format!("id-of-{}", shop.name), "username": shop.seller(), "accountType": "BUSINESS" }),
    )
}

pub fn programs(shop: &Shop, visit: &Visit<'_>) -> Reply {
    admitted(shop, visit, "account", || {
        let mut programs = vec![json!({ "programType": "SELLING_POLICY_MANAGEMENT" })];
        if !shop.is_on(Switch::OutOfStockControlOff) {
            programs.push(json!({ "programType": "OUT_OF_STOCK_CONTROL" }));
        }
        json!({ "programs": programs })
    })
}

pub fn rates(shop: &Shop, visit: &Visit<'_>) -> Reply {
    admitted(shop, visit, "analytics", || {
        let zone = TimeZone::get(CARD.zone).unwrap_or(TimeZone::UTC);
        let tomorrow = shop.book.now().saturating_add(SignedDuration::from_hours(24)).unwrap_or(shop.book.now());
        let reset = tomorrow.to_zoned(zone).start_of_day().map(|midnight| format!("{:.3}", midnight.timestamp()));
        let rates = ["inventory", "fulfillment"].map(|api| {
            let rate = json!({
                "limit": shop.limit(api), "remaining": shop.remaining(api), "reset": reset.clone().unwrap_or_default(),
                "timeWindow": 86_400,
            });
            json!({
                "apiContext": "sell", "apiName": api, "apiVersion": "v1",
                "resources": [{ "name": format!("sell.{api}"), "rates": [rate] }],
            })
        });
        json!({ "rateLimits": rates })
    })
}

fn admitted(shop: &Shop, visit: &Visit<'_>, api: &'static str, body: impl Fn() -> serde_json::Value) -> Reply {
    match shop.admit(visit.request, api) {
        Ok(()) => Reply::json(200, &body()),
        Err(Refused(reply)) => reply,
    }
}
