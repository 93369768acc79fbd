//! Reading the orders of a past span on request.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    once::{Answer, once},
    problem::{Problem, in_query},
    request::{Asked, Sent, paging},
};
use crate::{
    domain::{quiet::QuietHours, windows::Window},
    store::{
        backfills::{NewBackfill, PER_MINUTE},
        sheets::{BackfillSheet, Page},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(create)).routes(routes!(show))
}

/// Which orders are to be read, and how slowly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedBackfill {
    /// The oldest orders to read.
    pub from: Timestamp,
    /// The newest orders to read; within what the mall shows.
    pub until: Timestamp,
    /// At most so many requests a minute, 1 to 600; 10 when not given.
    pub per_minute: Option<u32>,
    /// Only in these hours of each day, in the configured zone; left out: at every hour.
    #[schema(example = "01:00-06:00")]
    pub quiet: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BackfillsQuery {
    /// Only of this channel.
    channel: Option<String>,
    /// Items per answer, at most 1,000; 100 when not given.
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// Spans of past orders that are or were read, newest first.
#[utoipa::path(get, path = "/v1/backfills", operation_id = "list_backfills", tag = "orders", params(BackfillsQuery),
    security(("token" = ["read"])),
    responses((status = 200, body = Page<BackfillSheet>), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<BackfillsQuery>,
) -> Result<Json<Page<BackfillSheet>>, Problem> {
    let paging = paging(asked.limit, asked.cursor)?;
    Ok(Json(state.store.backfill_sheets(asked.channel.as_deref(), &paging).await.map_err(in_query)?))
}

/// Asks for the orders of a past span. They are read by whoever runs the channel, after newer ones and within its quotas:
/// look at the backfill until it is no longer `open`. One of the same span that failed goes on where it stopped.
#[utoipa::path(post, path = "/v1/channels/{id}/backfills", operation_id = "create_backfill", tag = "orders",
    params(("id" = String, Path)), request_body = AskedBackfill, security(("token" = ["operate"])),
    responses((status = 202, body = BackfillSheet), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<AskedBackfill>,
) -> Response {
    let content = serde_json::to_vec(&asked).expect("words are always JSON");
    let work = ask(&state, &caller, &id, asked);
    once(&state, &caller, &headers, &[b"backfills", id.as_bytes(), &content], work).await
}

/// How far a backfill is.
#[utoipa::path(get, path = "/v1/backfills/{id}", operation_id = "show_backfill", tag = "orders", params(("id" = String, Path)),
    security(("token" = ["read"])), responses((status = 200, body = BackfillSheet), (status = 404, body = Problem)))]
async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<BackfillSheet>, Problem> {
    let number = id.parse().map_err(|_| Problem::missing("backfill", &id))?;
    Ok(Json(state.store.backfill_sheet(number).await?))
}

async fn ask(state: &ApiState, caller: &Caller, channel: &str, asked: AskedBackfill) -> Answer {
    let store = &state.store;
    store.channel(channel).await?;
    let outline = state.outlines.get(channel).ok_or_else(|| {
        Problem::unprocessable(format!("{channel} is no channel of a mall: there is nothing to read"))
    })?;
    let quiet = asked.quiet.as_deref().map(QuietHours::parse).transpose();
    let wanted = NewBackfill {
        channel: channel.to_owned(),
        span: Window { from: asked.from, to: asked.until, open_only: false },
        per_minute: asked.per_minute.unwrap_or(PER_MINUTE),
        quiet: quiet.map_err(|fault| Problem::invalid("quiet", fault))?,
    };
    if let Some((field, fault)) = wanted.fault(&outline.orders, store.now()) {
        return Err(Problem::invalid(field, fault));
    }
    let id = store.ask_backfill(&wanted, &caller.who()).await?;
    let sheet = store.backfill_sheet(id).await?;
    Ok((StatusCode::ACCEPTED, serde_json::to_value(sheet).expect("a sheet is always JSON")))
}
