//! `Idempotency-Key`: the same request sent twice is done once, and answered alike.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{ApiState, auth::Caller, problem::Problem};
use crate::store::{
    answers::{API_KEYS, Asked},
    token::hex,
};

const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEY_MAX: usize = 255;

pub type Answer = Result<(StatusCode, Value), Problem>;

/// Runs `work` unless this caller has sent the same under the same key before. `content`: everything that
/// makes two requests the same.
pub async fn once(
    state: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    content: &[&[u8]],
    work: impl Future<Output = Answer>,
) -> Response {
    match keyed(state, caller, headers, content, work).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(
    state: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    content: &[&[u8]],
    work: impl Future<Output = Answer>,
) -> Result<Response, Problem> {
    let Some(key) = key(headers)? else {
        let (status, body) = work.await?;
        return Ok(respond(status, body.to_string()));
    };
    let key = format!("{API_KEYS}{}", of_caller(caller, key));
    match state.store.ask(&key, &digest(content)).await? {
        Asked::First => {}
        Asked::Answered { status, body } => {
            let mut response = respond(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            return Ok(response);
        }
        Asked::Busy => {
            let detail = "the same request is being worked on; ask again in a moment";
            return Err(Problem::new(StatusCode::CONFLICT, "in-progress", "In progress", detail));
        }
        Asked::Other => {
            let detail = "this Idempotency-Key was used for another request; choose another";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "Key reused", detail));
        }
    }
    let (status, body) = match work.await {
        Ok((status, body)) => (status, body.to_string()),
        Err(problem) if problem.status().is_server_error() => {
            state.store.forget_answer(&key).await?;
            return Err(problem);
        }
        Err(problem) => {
            let body = serde_json::to_string(&problem).expect("a problem is always JSON");
            (problem.status(), body)
        }
    };
    state.store.answer(&key, status.as_u16(), body.clone()).await?;
    Ok(respond(status, body))
}

/// The request's key as the work itself may use it, for what must not be done twice even when the process dies
/// between the work and the answer.
pub fn key_of(caller: &Caller, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    Ok(key(headers)?.map(|key| of_caller(caller, key)))
}

/// Keys are the caller's own: two of them may choose the same.
fn of_caller(caller: &Caller, key: &str) -> String {
    digest(&[caller.name.as_bytes(), key.as_bytes()])
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let fine = |key: &&str| (1..=KEY_MAX).contains(&key.len());
    let wrong = || {
        let detail = format!("Idempotency-Key must be 1 to {KEY_MAX} visible characters");
        Problem::new(StatusCode::BAD_REQUEST, "bad-header", "Bad header", detail)
    };
    value.to_str().ok().filter(fine).map(Some).ok_or_else(wrong)
}

fn digest(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())
}

fn respond(status: StatusCode, body: String) -> Response {
    let kind = if status.is_client_error() { "application/problem+json" } else { "application/json" };
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}
