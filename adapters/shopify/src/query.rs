//! Every document that is sent. Their sizes keep each below 1,000 points, what one query may cost, even by the older
//! rule by which a connection costs its `first` times a node.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

macro_rules! order_fields {
    () => {
        "id createdAt updatedAt cancelledAt displayFulfillmentStatus \
         lineItems(first: 10) { pageInfo { hasNextPage endCursor } nodes { id quantity currentQuantity \
         unfulfilledQuantity nonFulfillableQuantity variant { inventoryItem { id } } } }"
    };
}

pub const ORDERS: &str = concat!(
    "query Orders($search: String!, $after: String) { ",
    "orders(first: 25, after: $after, sortKey: UPDATED_AT, query: $search) { ",
    "pageInfo { hasNextPage endCursor } nodes { ",
    order_fields!(),
    " } } }"
);

pub const ORDERS_BY_ID: &str = concat!(
    "query OrdersById($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Order { ",
    order_fields!(),
    " } } }"
);

pub const MORE_LINES: &str = "query MoreLines($id: ID!, $after: String) { node(id: $id) { __typename ... on Order { \
     id updatedAt lineItems(first: 250, after: $after) { pageInfo { hasNextPage endCursor } nodes { id quantity \
     currentQuantity unfulfilledQuantity nonFulfillableQuantity variant { inventoryItem { id } } } } } } }";

pub const SET: &str = "mutation SetStock($input: InventorySetQuantitiesInput!, $key: String!) { \
     inventorySetQuantities(input: $input) @idempotent(key: $key) { \
     inventoryAdjustmentGroup { changes { name quantityAfterChange item { id } location { id } } } \
     userErrors { code field message } } }";

/// `available` alone: what is committed to open orders has left it already.
pub const LEVELS: &str = "query Levels($ids: [ID!]!, $location: ID!) { nodes(ids: $ids) { __typename \
     ... on InventoryItem { id tracked variants(first: 1) { nodes { inventoryPolicy requiresComponents } } \
     inventoryLevel(locationId: $location) { isActive quantities(names: [\"available\"]) { name quantity } } } } }";

pub const VARIANTS_BY_SKU: &str = "query VariantsBySku($search: String!, $after: String) { \
     productVariants(first: 250, after: $after, query: $search) { pageInfo { hasNextPage endCursor } \
     nodes { id sku inventoryItem { id } } } }";

pub const VARIANTS_BY_ID: &str = "query VariantsById($ids: [ID!]!) { nodes(ids: $ids) { __typename \
     ... on ProductVariant { id sku inventoryItem { id } } } }";

pub const CATALOGUE: &str = "query Catalogue($after: String) { productVariants(first: 100, after: $after) { \
     pageInfo { hasNextPage endCursor } nodes { sku barcode displayName inventoryItem { id } } } }";

pub const LOCATIONS: &str =
    "query Locations { locations(first: 50) { pageInfo { hasNextPage endCursor } nodes { id name isActive } } }";

pub const ACCOUNT: &str = "query Account { shop { name myshopifyDomain } \
     currentAppInstallation { accessScopes { handle } } }";

pub fn body(document: &str, variables: &Value) -> Vec<u8> {
    json!({"query": document, "variables": variables}).to_string().into_bytes()
}

/// Orders changed within the window. Shopify shows whole seconds, so the window is widened to whole ones.
pub fn changed_within(from: Timestamp, to: Timestamp) -> String {
    let after = to.saturating_add(SignedDuration::from_secs(1)).unwrap_or(to);
    format!("updated_at:>='{}' AND updated_at:<'{}'", second(from), second(after))
}

/// A quoted phrase for each, so that no character of a SKU is read as syntax.
pub fn any_sku<'a>(skus: impl Iterator<Item = &'a str>) -> String {
    let quoted = |sku: &str| format!("sku:\"{}\"", sku.replace('\\', "\\\\").replace('"', "\\\""));
    skus.map(quoted).collect::<Vec<_>>().join(" OR ")
}

pub fn second(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
