//! Single movements: goods in, goods out, from here to there, a count.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    once::{Answer, once},
    problem::{Problem, in_body},
    request::Sent,
};
use crate::store::{StoreError, movements::Move};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Books a movement. The same `key` with the same content is booked once (then 200), with other content 422.
#[utoipa::path(post, path = "/v1/stock/movements", operation_id = "book_movement", tag = "stock", request_body = Move,
    security(("token" = ["operate"])),
    responses((status = 201, body = Move), (status = 200, body = Move), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<Move>,
) -> Response {
    let content = serde_json::to_vec(&asked).expect("words and numbers are always JSON");
    let work = book(&state, &caller, asked);
    once(&state, &caller, &headers, &[b"movements", &content], work).await
}

async fn book(state: &ApiState, caller: &Caller, asked: Move) -> Answer {
    if let Some((field, message)) = asked.fault() {
        return Err(Problem::invalid(field, message));
    }
    let booked = state.store.move_stock(&asked, &caller.who()).await.map_err(|error| match error {
        StoreError::Invalid(detail) => named(detail),
        other => in_body("sku")(other),
    })?;
    let status = if booked { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, serde_json::to_value(asked).expect("words and numbers are always JSON")))
}

/// The store's sentence begins with the field that it is about.
fn named(detail: String) -> Problem {
    match detail.split_once(": ") {
        Some((field @ ("location" | "to" | "occurred_at"), message)) => Problem::invalid(field, message),
        _ => Problem::invalid("key", detail),
    }
}
