//! What happens by itself at a set time: switches, the ends of suspensions, sale plans.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    problem::{Problem, in_query},
    request::{Asked, PageQuery},
};
use crate::store::sheets::{DueSheet, Page};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(cancel))
}

/// What is due, soonest first.
#[utoipa::path(get, path = "/v1/schedule", operation_id = "list_schedule", tag = "channels", params(PageQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<DueSheet>), (status = 400, body = Problem)))]
async fn list(State(state): State<ApiState>, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<DueSheet>>, Problem> {
    Ok(Json(state.store.due_sheets(&asked.paging()?).await.map_err(in_query)?))
}

/// Takes back what is not due yet: a switch, the end of a suspension, a plan that has not begun.
#[utoipa::path(delete, path = "/v1/schedule/{id}", operation_id = "cancel_scheduled_switch", tag = "channels", params(("id" = String, Path)),
    security(("token" = ["operate"])),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn cancel(State(state): State<ApiState>, Path(id): Path<String>, caller: Caller) -> Result<StatusCode, Problem> {
    state.store.unschedule(&id, &caller.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}
