//! Webhooks.

use uriba_sdk::{Hint, Notice};
use uriba_shopify::fake;

use super::shop::Shop;

async fn read(shop: &str, topic: &str, body: &str) -> Result<Hint, String> {
    let notice = fake::webhook(shop, topic, body.as_bytes());
    let headers = notice.header_map();
    Shop::open().await.mall.extras().wakeup.unwrap().read(&Notice { headers: &headers, body: &notice.body })
}

#[tokio::test]
async fn a_notice_about_an_order_names_it() {
    let order = Ok(Hint::Orders(vec!["gid://shopify/Order/820982911".into()]));
    let named = r#"{"id":820982911,"admin_graphql_api_id":"gid://shopify/Order/820982911"}"#;
    for topic in ["orders/create", "orders/updated", "orders/cancelled"] {
        assert_eq!(read("a", topic, named).await, order);
    }
    assert_eq!(read("a", "orders/create", r#"{"id":820982911}"#).await, order);
    assert_eq!(read("a", "orders/edited", r#"{"order_edit":{"order_id":820982911}}"#).await, order);
    assert_eq!(read("a", "refunds/create", r#"{"id":5,"order_id":820982911}"#).await, order);
    assert_eq!(read("a", "orders/updated", r#"{"new":"shape"}"#).await, Ok(Hint::Search));
}

/// products/update doesn't come after a sale. inventory_levels/update does, after our own writes too, and the order
/// has a notice of its own.
#[tokio::test]
async fn notices_about_products_and_levels_wake_nobody() {
    let level = r#"{"inventory_item_id":271878346596884015,"location_id":24826418,"available":6}"#;
    assert_eq!(read("a", "inventory_levels/update", level).await, Ok(Hint::Nothing));
    assert_eq!(read("a", "products/update", r#"{"id":1}"#).await, Ok(Hint::Nothing));
    assert_eq!(read("a", "app/uninstalled", r#"{"id":1}"#).await, Ok(Hint::Nothing));
}

#[tokio::test]
async fn what_is_not_signed_over_these_very_bytes_is_not_believed() {
    let shop = Shop::open().await;
    let doorbell = shop.mall.extras().wakeup.unwrap();
    let good = shop.fake.notification("gid://shopify/Order/7").unwrap();
    let headers = good.header_map();
    let read = |headers: &uriba_sdk::env::HeaderMap, body: &[u8]| doorbell.read(&Notice { headers, body });
    assert_eq!(read(&headers, &good.body), Ok(Hint::Orders(vec!["gid://shopify/Order/7".into()])));
    assert_eq!(read(&headers, &good.body), read(&headers, &good.body), "a repeat says the same");
    let spaced = [good.body.as_slice(), b" "].concat();
    assert!(read(&headers, &spaced).unwrap_err().contains("signature"));
    let mut unsigned = headers.clone();
    unsigned.remove("x-shopify-hmac-sha256");
    assert!(read(&unsigned, &good.body).unwrap_err().contains("not signed"));
    let mut odd = headers.clone();
    odd.insert("x-shopify-hmac-sha256", "no base64!".parse().unwrap());
    assert!(read(&odd, &good.body).is_err());
    // One secret may serve several shops.
    let mut strange = headers;
    strange.insert("x-shopify-shop-domain", "other.myshopify.com".parse().unwrap());
    assert!(read(&strange, &good.body).unwrap_err().contains("another shop"));
}
