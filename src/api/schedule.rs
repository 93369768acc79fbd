//! Switches that are due later, taken back.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiState, auth::Caller, problem::Problem};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(cancel))
}

/// Takes back a switch that is not due yet.
#[utoipa::path(delete, path = "/v1/schedule/{id}", operation_id = "cancel_scheduled_switch", tag = "channels", params(("id" = String, Path)),
    security(("token" = ["operate"])), responses((status = 204), (status = 404, body = Problem)))]
async fn cancel(State(state): State<ApiState>, Path(id): Path<String>, caller: Caller) -> Result<StatusCode, Problem> {
    let missing = || Problem::missing("scheduled switch", &id);
    let id: i64 = id.parse().map_err(|_| missing())?;
    state.store.cancel_schedule(id, &caller.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}
