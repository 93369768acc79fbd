//! Is the process there, and can it serve?

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiState, problem::Problem};
use crate::{engine::driver::chain, store::pending_migrations};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    pub status: String,
}

/// Liveness: the process answers.
#[utoipa::path(get, path = "/healthz", operation_id = "liveness", tag = "health", responses((status = 200, body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}

/// Readiness: the database answers and is up to date.
#[utoipa::path(get, path = "/readyz", operation_id = "readiness", tag = "health",
    responses((status = 200, body = Health), (status = 503, body = Problem)))]
async fn readyz(State(state): State<ApiState>) -> Result<Json<Health>, Problem> {
    let unready = |detail: String| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", detail);
    let pending = match tokio::time::timeout(PATIENCE, pending_migrations(&state.store)).await {
        Ok(Ok(pending)) => pending,
        Ok(Err(error)) => {
            tracing::warn!(error = %chain(&error), "not ready");
            return Err(unready("the database does not answer; the log of the service says how".into()));
        }
        Err(_) => return Err(unready(format!("the database has not answered within {} s", PATIENCE.as_secs()))),
    };
    if pending > 0 {
        return Err(unready(format!("{pending} migrations are missing: run `uriba db migrate`")));
    }
    Ok(Json(Health { status: "ready".to_owned() }))
}
