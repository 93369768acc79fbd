//! Orders, as the malls stated them.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    problem::{Problem, in_query},
    request::{Asked, paging},
};
use crate::store::sheets::{OrderFilter, OrderSheet, Page};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrdersQuery {
    channel: Option<String>,
    /// `open`, `shipped`, `cancelled` or `unread`.
    state: Option<String>,
    sku: Option<String>,
    /// Items per answer, at most 1,000; 100 when not given.
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// Orders, newest first.
#[utoipa::path(get, path = "/v1/orders", operation_id = "list_orders", tag = "orders", params(OrdersQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<OrderSheet>), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<OrdersQuery>,
) -> Result<Json<Page<OrderSheet>>, Problem> {
    let paging = paging(asked.limit, asked.cursor)?;
    let filter = OrderFilter { channel: asked.channel, state: asked.state, sku: asked.sku };
    Ok(Json(state.store.order_sheets(&filter, &paging).await.map_err(in_query)?))
}

/// One order, by the mall's own id.
#[utoipa::path(get, path = "/v1/orders/{channel}/{order_id}", operation_id = "show_order", tag = "orders",
    params(("channel" = String, Path), ("order_id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, body = OrderSheet), (status = 404, body = Problem)))]
async fn show(
    State(state): State<ApiState>,
    Path((channel, order_id)): Path<(String, String)>,
) -> Result<Json<OrderSheet>, Problem> {
    Ok(Json(state.store.order_sheet(&channel, &order_id).await?))
}
