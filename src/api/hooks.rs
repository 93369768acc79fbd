//! Wake-ups from malls: a hint what to ask for, never a fact. Who sent it is told by the mall's own signature, which its
//! adapter checks, so no token is asked for.

use std::{fmt, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, Request, State},
    http::StatusCode,
};
use uriba_sdk::{Hint, Notice};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    problem::Problem,
    request::{JSON_BYTES_MAX, whole},
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(wake))
}

/// What a channel's mall said by a notification; `None`: no such channel, or its mall sends none.
type Read = dyn Fn(&str, &Notice<'_>) -> Option<Result<Hint, String>> + Send + Sync;

/// Who reads notifications.
#[derive(Clone)]
pub struct Hooks(Arc<Read>);

impl Hooks {
    pub fn new(read: impl Fn(&str, &Notice<'_>) -> Option<Result<Hint, String>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
}

impl Default for Hooks {
    /// Nobody does.
    fn default() -> Self {
        Self::new(|_, _| None)
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// A mall's notification, as the mall sends it: the hub looks for the orders that it names, or for new ones. Nothing
/// in it is believed.
#[utoipa::path(post, path = "/v1/hooks/{channel}", operation_id = "wake_channel", tag = "channels", params(("channel" = String, Path)), security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204), (status = 401, body = Problem, description = "the mall's signature does not fit"), (status = 404, body = Problem), (status = 413, body = Problem)))]
async fn wake(
    State(state): State<ApiState>,
    Path(channel): Path<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    let body: Bytes = whole(body, JSON_BYTES_MAX).await?;
    let read = (state.hooks.0)(&channel, &Notice { headers: &parts.headers, body: &body });
    let result = match &read {
        None => "unknown",
        Some(Err(_)) => "refused",
        Some(Ok(_)) => "taken",
    };
    // A made-up channel would make a label of anybody's choice.
    let label = if read.is_some() { channel.clone() } else { String::new() };
    metrics::counter!("uriba_wakeups_total", "channel" => label, "result" => result).increment(1);
    match read {
        None => {
            let detail = "no channel of this name takes notifications";
            Err(Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail))
        }
        Some(Err(why)) => {
            tracing::warn!(channel, why, "a notification was not believed");
            let detail = "the notification is not signed as its mall signs";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "not-believed", "Not believed", detail))
        }
        Some(Ok(hint)) => {
            state.store.take_hint(&channel, &hint).await?;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}
