//! SKUs, and the ledger of each.

use axum::{
    Json,
    extract::{Path, State},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    problem::{Problem, in_query},
    request::{Asked, PageQuery},
};
use crate::store::{
    StoreError,
    sheets::{LedgerEntry, Page, SkuSheet},
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(ledger))
}

/// All SKUs, by code.
#[utoipa::path(get, path = "/v1/skus", operation_id = "list_skus", tag = "stock", params(PageQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<SkuSheet>)))]
async fn list(State(state): State<ApiState>, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<SkuSheet>>, Problem> {
    Ok(Json(state.store.sku_sheets(&state.outlines, &asked.paging()?).await.map_err(in_query)?))
}

/// One SKU: what there is of it, and what every channel makes of that.
#[utoipa::path(get, path = "/v1/skus/{code}", operation_id = "show_sku", tag = "stock", params(("code" = String, Path)),
    security(("token" = ["read"])), responses((status = 200, body = SkuSheet), (status = 404, body = Problem)))]
async fn show(State(state): State<ApiState>, Path(code): Path<String>) -> Result<Json<SkuSheet>, Problem> {
    Ok(Json(state.store.sku_sheet(&code, &state.outlines).await?))
}

/// The ledger of a SKU, newest entry first.
#[utoipa::path(get, path = "/v1/skus/{code}/ledger", operation_id = "list_ledger_entries", tag = "stock", params(("code" = String, Path), PageQuery),
    security(("token" = ["read"])), responses((status = 200, body = Page<LedgerEntry>), (status = 404, body = Problem)))]
async fn ledger(
    State(state): State<ApiState>,
    Path(code): Path<String>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Json<Page<LedgerEntry>>, Problem> {
    let found = state.store.ledger_entries(&code, &asked.paging()?).await;
    Ok(Json(found.map_err(|error| match error {
        missing @ StoreError::Missing { .. } => missing.into(),
        other => in_query(other),
    })?))
}
