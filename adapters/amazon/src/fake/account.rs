//! getMarketplaceParticipations.

use serde_json::json;
use uriba_sdk::fake::{Reply, Visit};

use super::{
    reply::{denied, ok},
    shop::{Shop, Switch},
};
use crate::card::{ACCOUNT, JAPAN};

pub fn participations(shop: &Shop, visit: &Visit<'_>) -> Reply {
    if let Err(refused) = shop.admit(visit.request) {
        return refused.0;
    }
    if shop.is_on(Switch::NoRoleForTheAccount) {
        return denied("");
    }
    let entry = |id: &str, country: &str, sells: bool| {
        json!({
            "marketplace": {
                "id": id, "name": format!("Amazon {country}"), "countryCode": country, "defaultCurrencyCode": "JPY",
                "defaultLanguageCode": "ja_JP", "domainName": "www.amazon.co.jp",
            },
            "participation": { "isParticipating": sells, "hasSuspendedListings": false },
            "storeName": shop.store(),
        })
    };
    // Accounts of the Far East take part in several marketplaces, or could.
    let payload = json!([entry("A39IBJ37TRP1C6", "AU", false), entry(JAPAN, "JP", true)]);
    ok(ACCOUNT, &json!({ "payload": payload }))
}
