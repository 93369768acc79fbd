//! Reading the malls back on request, and what has waited for longest.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    once::once,
    problem::{Problem, in_body},
    request::Sent,
};
use crate::store::{
    audits::LISTINGS,
    sheets::{Ages, AuditSheet},
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(show)).routes(routes!(ages))
}

/// What is to be read back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedAudit {
    /// Every channel, when not given.
    pub channel: Option<String>,
    /// The most listings of each channel, riskiest and longest unread first; 500 when not given, 100,000 at most.
    pub limit: Option<u64>,
}

/// Asks for what the malls show now. The listings are read by whoever runs the channels, within their quotas: look at
/// the audit until it is no longer `open`.
#[utoipa::path(post, path = "/v1/audits", operation_id = "create_audit", tag = "listings", request_body = AskedAudit,
    security(("token" = ["operate"])),
    responses((status = 202, body = AuditSheet), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<AskedAudit>,
) -> Response {
    let content = serde_json::to_vec(&asked).expect("words are always JSON");
    let work = async {
        let (channel, limit) = (asked.channel.as_deref(), asked.limit.unwrap_or(LISTINGS));
        let id = state.store.ask_audit(channel, limit, &caller.who()).await.map_err(in_body("channel"))?;
        let sheet = state.store.audit_sheet(id).await?;
        Ok((StatusCode::ACCEPTED, serde_json::to_value(sheet).expect("a sheet is always JSON")))
    };
    once(&state, &caller, &headers, &[b"audits", &content], work).await
}

/// How far an audit is, and what it has found.
#[utoipa::path(get, path = "/v1/audits/{id}", operation_id = "show_audit", tag = "listings", params(("id" = String, Path)),
    security(("token" = ["read"])), responses((status = 200, body = AuditSheet), (status = 404, body = Problem)))]
async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<AuditSheet>, Problem> {
    let request = id.parse().map_err(|_| Problem::missing("audit", &id))?;
    Ok(Json(state.store.audit_sheet(request).await?))
}

/// What has waited for longest in the whole hub, and on which channel.
#[utoipa::path(get, path = "/v1/ages", operation_id = "show_ages", tag = "operation", security(("token" = ["read"])),
    responses((status = 200, body = Ages)))]
async fn ages(State(state): State<ApiState>) -> Result<Json<Ages>, Problem> {
    Ok(Json(state.store.ages().await?))
}
