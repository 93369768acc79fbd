//! Who did what, when and why.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    problem::{Problem, in_query},
    request::{Asked, PageQuery},
};
use crate::store::sheets::{LogSheet, Page};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// The log, newest line first.
#[utoipa::path(get, path = "/v1/log", operation_id = "list_log", tag = "operation", params(PageQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<LogSheet>)))]
async fn list(State(state): State<ApiState>, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<LogSheet>>, Problem> {
    Ok(Json(state.store.log_sheets(&asked.paging()?).await.map_err(in_query)?))
}
