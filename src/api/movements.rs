//! Single movements: goods in, goods out, from here to there, a count.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    problem::{Problem, in_body},
    request::Sent,
};
use crate::store::{StoreError, movements::Move};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Books a movement. The same `key` with the same content is booked once (then 200), with other content 422.
#[utoipa::path(post, path = "/v1/stock/movements", tag = "stock", request_body = Move,
    security(("token" = ["operate"])),
    responses((status = 201, body = Move), (status = 200, body = Move), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Sent(asked): Sent<Move>,
) -> Result<(StatusCode, Json<Move>), Problem> {
    if let Some((field, message)) = asked.fault() {
        return Err(Problem::invalid(field, message));
    }
    let booked = state.store.move_stock(&asked, &caller.who()).await.map_err(|error| match error {
        StoreError::Invalid(detail) => named(detail),
        other => in_body("sku")(other),
    })?;
    Ok((if booked { StatusCode::CREATED } else { StatusCode::OK }, Json(asked)))
}

/// The store's sentence begins with the field that it is about.
fn named(detail: String) -> Problem {
    match detail.split_once(": ") {
        Some((field @ ("location" | "to" | "occurred_at"), message)) => Problem::invalid(field, message),
        _ => Problem::invalid("key", detail),
    }
}
