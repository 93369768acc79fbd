//! SKUs, and the ledger of each.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    problem::{Problem, in_query},
    request::{Asked, PageQuery, Sent, paging},
};
use crate::{
    domain::{explain::Term, exposure::mode::Wish, time::kept_from},
    store::{
        StoreError,
        explain::Question,
        sheets::{HistoryLine, LedgerEntry, Page, SkuSheet, Span, StopSheet},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(ledger))
        .routes(routes!(explain))
        .routes(routes!(history))
        .routes(routes!(patch))
        .routes(routes!(stop))
        .routes(routes!(resume))
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
    Ok(Json(state.store.ledger_entries(&code, &asked.paging()?).await.map_err(in_list_of_sku)?))
}

/// What is wrong is the query, unless there is no such SKU.
fn in_list_of_sku(error: StoreError) -> Problem {
    match error {
        missing @ StoreError::Missing { .. } => missing.into(),
        other => in_query(other),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExplainQuery {
    /// The instant whose books are asked for; now, when not given.
    at: Option<Timestamp>,
    /// Only what this channel sells of it.
    channel: Option<String>,
}

/// Why the numbers of a SKU are what they are, down to the rows.
///
/// A heading `sku`, under it each pool's `sellable` and each listing's `shown`, which follows `told`, which
/// follows `target`. The terms of a `sum` carry their signs and add up to it.
#[utoipa::path(get, path = "/v1/skus/{code}/explain", operation_id = "explain_sku", tag = "stock", params(("code" = String, Path), ExplainQuery),
    security(("token" = ["read"])), responses((status = 200, body = Term), (status = 404, body = Problem)))]
async fn explain(
    State(state): State<ApiState>,
    Path(code): Path<String>,
    Asked(asked): Asked<ExplainQuery>,
) -> Result<Json<Term>, Problem> {
    let kept_from = kept_from(state.store.now(), state.core.history_days);
    let question = Question { sku: &code, channel: asked.channel.as_deref(), at: asked.at, kept_from: Some(kept_from) };
    Ok(Json(state.store.explain(&question, &state.outlines).await.map_err(in_list_of_sku)?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PatchSku {
    /// How it is to be sold: `shared` (every mall shows everything), `escrow` (each an exclusive share), `auto`, or
    /// `pool` (as its pool says). Left out: as before.
    exposure: Option<String>,
    /// Left out: as before.
    name: Option<String>,
}

/// Changes a SKU's name, or how it is sold. The numbers follow at the next computation.
#[utoipa::path(patch, path = "/v1/skus/{code}", operation_id = "patch_sku", tag = "stock", params(("code" = String, Path)),
    request_body = PatchSku, security(("token" = ["operate"])),
    responses((status = 200, body = SkuSheet), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn patch(
    State(state): State<ApiState>,
    Path(code): Path<String>,
    caller: Caller,
    Sent(asked): Sent<PatchSku>,
) -> Result<Json<SkuSheet>, Problem> {
    let exposure = match asked.exposure.as_deref() {
        None => None,
        Some("pool") => Some(None),
        Some(word) => Some(Some(Wish::parse(word).ok_or_else(|| {
            let known = Wish::WORDS.join(", ");
            Problem::invalid("exposure", format!("{word:?} is not known here; there are: {known}, pool"))
        })?)),
    };
    state.store.set_sku(&code, asked.name.as_deref(), exposure, &caller.who()).await?;
    Ok(Json(state.store.sku_sheet(&code, &state.outlines).await?))
}

/// A word on whether a SKU is sold.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StopSku {
    /// Why, for the log.
    reason: Option<String>,
}

/// Takes a SKU, and every bundle with it, off sale on every channel and in your own shop, until it is resumed.
///
/// Its zeros go out before everything else. `not_done` names listings that can't be set to 0 now.
#[utoipa::path(post, path = "/v1/skus/{code}/stop", operation_id = "stop_sku", tag = "stock", params(("code" = String, Path)),
    request_body = StopSku, security(("token" = ["operate"])),
    responses((status = 202, body = StopSheet), (status = 404, body = Problem)))]
async fn stop(
    State(state): State<ApiState>,
    Path(code): Path<String>,
    caller: Caller,
    Sent(asked): Sent<StopSku>,
) -> Result<(StatusCode, Json<StopSheet>), Problem> {
    state.store.stop_sku(&code, asked.reason.as_deref(), &caller.who()).await?;
    Ok((StatusCode::ACCEPTED, Json(state.store.stop_sheet(&code, &state.outlines).await?)))
}

/// Puts a stopped SKU back on sale: its numbers come back with the next computation.
#[utoipa::path(post, path = "/v1/skus/{code}/resume", operation_id = "resume_sku", tag = "stock", params(("code" = String, Path)),
    request_body = StopSku, security(("token" = ["operate"])),
    responses((status = 202, body = StopSheet), (status = 404, body = Problem)))]
async fn resume(
    State(state): State<ApiState>,
    Path(code): Path<String>,
    caller: Caller,
    Sent(asked): Sent<StopSku>,
) -> Result<(StatusCode, Json<StopSheet>), Problem> {
    state.store.resume_sku(&code, asked.reason.as_deref(), &caller.who()).await?;
    Ok((StatusCode::ACCEPTED, Json(state.store.stop_sheet(&code, &state.outlines).await?)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// What was recorded at this instant or later.
    from: Option<Timestamp>,
    /// What was recorded at this instant or earlier.
    to: Option<Timestamp>,
    /// Items per answer, at most 1,000; 100 when not given.
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// What happened to a SKU, oldest first: movements, orders, holds, what malls were told and showed, who changed what.
#[utoipa::path(get, path = "/v1/skus/{code}/history", operation_id = "list_sku_history", tag = "stock", params(("code" = String, Path), HistoryQuery),
    security(("token" = ["read"])), responses((status = 200, body = Page<HistoryLine>), (status = 404, body = Problem)))]
async fn history(
    State(state): State<ApiState>,
    Path(code): Path<String>,
    Asked(asked): Asked<HistoryQuery>,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let span = Span { from: asked.from, to: asked.to };
    let paging = paging(asked.limit, asked.cursor)?;
    Ok(Json(state.store.history(&code, span, &paging).await.map_err(in_list_of_sku)?))
}
