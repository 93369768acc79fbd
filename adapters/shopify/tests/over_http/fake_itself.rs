//! The fake is as strict as the mall: what the adapter never does is refused all the same.

use serde_json::{Value, json};

use super::shop::Shop;

const SET: &str = "mutation SetStock($input: InventorySetQuantitiesInput!, $key: String!) { \
                   inventorySetQuantities(input: $input) @idempotent(key: $key) { \
                   inventoryAdjustmentGroup { changes { name quantityAfterChange } } userErrors { code field } } }";

fn variables(item: &str, quantity: i64, from: Option<Value>) -> Value {
    let mut entry = json!({
        "inventoryItemId": item, "locationId": "gid://shopify/Location/908", "quantity": quantity,
    });
    if let Some(from) = from {
        entry["changeFromQuantity"] = from;
    }
    json!({"key": "k-1", "input": {"name": "available", "reason": "correction", "quantities": [entry]}})
}

#[tokio::test]
async fn a_write_without_the_directive_or_the_comparison_is_an_error() {
    let shop = Shop::open().await;
    let key = shop.list(0, 9);
    let bare = SET.replace("@idempotent(key: $key) ", "");
    let answer = shop.raw(&bare, variables(&key, 3, Some(9.into()))).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("@idempotent"), "{answer}");
    let answer = shop.raw(SET, variables(&key, 3, None)).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("changeFromQuantity"), "{answer}");
    assert_eq!(shop.figure(&key), 9);
}

#[tokio::test]
async fn a_key_that_comes_again_is_answered_and_not_carried_out() {
    let shop = Shop::open().await;
    let key = shop.list(0, 9);
    let first = shop.raw(SET, variables(&key, 3, Some(Value::Null))).await;
    shop.fake.book().set(&key, 8);
    let again = shop.raw(SET, variables(&key, 3, Some(Value::Null))).await;
    assert_eq!((&first["data"], shop.figure(&key)), (&again["data"], 8));
    let other = shop.raw(SET, variables(&key, 4, Some(Value::Null))).await;
    let code = &other["data"]["inventorySetQuantities"]["userErrors"][0]["code"];
    assert_eq!((code.as_str(), shop.figure(&key)), (Some("IDEMPOTENCY_KEY_PARAMETER_MISMATCH"), 8));
}

#[tokio::test]
async fn the_same_item_twice_in_one_call_is_an_error() {
    let shop = Shop::open().await;
    let key = shop.list(0, 9);
    let mut twice = variables(&key, 3, Some(Value::Null));
    let entry = twice["input"]["quantities"][0].clone();
    twice["input"]["quantities"].as_array_mut().unwrap().push(entry);
    let answer = shop.raw(SET, twice).await;
    let error = &answer["data"]["inventorySetQuantities"]["userErrors"][0];
    assert_eq!(error["code"], "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR");
    assert_eq!((&error["field"][2], shop.figure(&key)), (&json!("1"), 9));
}

#[tokio::test]
async fn a_field_that_does_not_exist_is_an_error() {
    let shop = Shop::open().await;
    let answer = shop.raw("query Account { shop { nom } }", json!({})).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("'nom'"), "{answer}");
}
