//! What needs a person.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    problem::{Problem, in_query},
    request::{Asked, PageQuery, Sent},
};
use crate::{
    engine::braked::{Resolved, resolve as resolve_item},
    store::{
        StoreError,
        sheets::{AttentionSheet, Page},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(resolve))
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// One of the item's `actions`; nothing: it was seen.
    pub action: Option<String>,
}

/// Open items, newest first.
#[utoipa::path(get, path = "/v1/attention", operation_id = "list_attention", tag = "operation", params(PageQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<AttentionSheet>)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Json<Page<AttentionSheet>>, Problem> {
    Ok(Json(state.store.attention_sheets(&asked.paging()?).await.map_err(in_query)?))
}

/// Somebody has dealt with it: what the item forbade is allowed again. A brake takes `confirm` or `refuse`; what has
/// grown larger than its list is held again (409 `held-again`, with the new list).
#[utoipa::path(post, path = "/v1/attention/{id}/resolve", operation_id = "resolve_attention", tag = "operation", params(("id" = String, Path)),
    request_body = Resolve, security(("token" = ["operate"])),
    responses((status = 200, body = AttentionSheet), (status = 409, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn resolve(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    caller: Caller,
    Sent(asked): Sent<Resolve>,
) -> Result<Json<AttentionSheet>, Problem> {
    let number: i64 = id.parse().map_err(|_| Problem::missing("attention item", &id))?;
    let (brake, who) = (state.core.guard.brake, caller.who());
    let resolved = resolve_item(&state.store, brake, number, asked.action.as_deref(), &who);
    let resolved = resolved.await.map_err(|error| match error {
        StoreError::Invalid(detail) => Problem::invalid("action", detail),
        other => other.into(),
    })?;
    match resolved {
        Resolved::Closed(item) => Ok(Json(item.into())),
        Resolved::HeldAgain(held) => {
            let sheet = state.store.attention_sheet(held.attention).await?;
            let detail = "it would change more now than what was shown: look at the list and confirm it once more";
            let mut problem = Problem::new(StatusCode::CONFLICT, "held-again", "Held again", detail);
            if let Ok(serde_json::Value::Object(members)) = serde_json::to_value(sheet) {
                problem.more.extend(members);
            }
            Err(problem)
        }
    }
}
