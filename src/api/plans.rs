//! Sale plans: for a time some SKUs follow other rules, and are sold in another mode.

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
    request::{Asked, Sent, Trial, paging},
};
use crate::{
    domain::exposure::mode::Wish,
    engine::braked::{Put, put_plan},
    store::{
        StoreError,
        plans::NewPlan,
        sheets::{Page, PlanAnswer, PlanSheet},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, delete))
}

/// A plan to be made. At least one of `exposure`, `cap` and `buffer`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePlan {
    #[schema(example = "autumn-sale")]
    pub name: String,
    /// What has passed means now.
    pub from: Timestamp,
    pub until: Timestamp,
    /// 1 to 10,000 codes.
    pub skus: Vec<String>,
    /// `shared`, `escrow` or `auto`; left out: as SKU and pool want.
    pub exposure: Option<String>,
    /// The most that a listing shows, in listing units; left out: as its rules say.
    pub cap: Option<i64>,
    /// SKU units kept back; left out: as its rules say.
    pub buffer: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PlansQuery {
    /// Those that are over or deleted too.
    #[serde(default)]
    past: bool,
    /// Items per answer, at most 1,000; 100 when not given.
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

impl CreatePlan {
    fn wanted(self) -> Result<NewPlan, Problem> {
        let exposure = match self.exposure.as_deref() {
            None => None,
            Some(word) => Some(Wish::parse(word).ok_or_else(|| {
                let known = Wish::WORDS.join(", ");
                Problem::invalid("exposure", format!("{word:?} is not one of: {known}"))
            })?),
        };
        let Self { name, from, until, skus, cap, buffer, .. } = self;
        Ok(NewPlan { name, from, until, skus, exposure, cap, buffer })
    }
}

/// Plans that are scheduled or in force, newest first.
#[utoipa::path(get, path = "/v1/plans", operation_id = "list_plans", tag = "plans", params(PlansQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<PlanSheet>), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<PlansQuery>,
) -> Result<Json<Page<PlanSheet>>, Problem> {
    let paging = paging(asked.limit, asked.cursor)?;
    Ok(Json(state.store.plan_sheets(asked.past, &paging).await.map_err(in_query)?))
}

/// The newest plan of this name.
#[utoipa::path(get, path = "/v1/plans/{name}", operation_id = "show_plan", tag = "plans", params(("name" = String, Path)),
    security(("token" = ["read"])), responses((status = 200, body = PlanSheet), (status = 404, body = Problem)))]
async fn show(State(state): State<ApiState>, Path(name): Path<String>) -> Result<Json<PlanSheet>, Problem> {
    Ok(Json(state.store.plan_sheet(&name).await?))
}

/// Makes a plan (201). One that would empty or multiply too many listings is held until somebody confirms it (200,
/// `state: held`); with `dry_run` nothing is made (200, `state: trial`). A SKU follows one plan at a time (409).
#[utoipa::path(post, path = "/v1/plans", operation_id = "create_plan", tag = "plans", params(Trial), request_body = CreatePlan,
    security(("token" = ["operate"])),
    responses((status = 201, body = PlanAnswer), (status = 200, body = PlanAnswer), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    Asked(trial): Asked<Trial>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<CreatePlan>,
) -> Response {
    let content = serde_json::to_vec(&(trial.dry_run, &asked)).expect("words are always JSON");
    let work = make(&state, &caller, asked, trial.dry_run);
    once(&state, &caller, &headers, &[b"plans", &content], work).await
}

/// Ends a plan that is in force, or takes back one that is not yet. It stays in the history.
#[utoipa::path(delete, path = "/v1/plans/{name}", operation_id = "delete_plan", tag = "plans", params(("name" = String, Path)),
    security(("token" = ["operate"])),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    state.store.delete_plan(&name, &caller.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn make(state: &ApiState, caller: &Caller, asked: CreatePlan, dry_run: bool) -> Answer {
    let (store, who) = (&state.store, caller.who());
    let wanted = asked.wanted()?;
    if let Some((field, fault)) = wanted.fault(store.now()) {
        return Err(Problem::invalid(&field, fault));
    }
    let unmade = |state: &str| PlanSheet::unmade(&wanted, state, &who, store.now());
    let (status, answer) = if dry_run {
        let changes = store.preview_plan(&wanted).await.map_err(in_plan)?;
        (StatusCode::OK, PlanAnswer { plan: unmade("trial"), attention: None, changes })
    } else {
        match put_plan(store, &wanted, &state.core.guard, &who).await.map_err(in_plan)? {
            Put::Done(changes) => {
                let plan = store.plan_sheet(&wanted.name).await?;
                (StatusCode::CREATED, PlanAnswer { plan, attention: None, changes })
            }
            Put::Held(held, changes) => {
                let attention = Some(held.attention.to_string());
                (StatusCode::OK, PlanAnswer { plan: unmade("held"), attention, changes })
            }
        }
    };
    Ok((status, serde_json::to_value(answer).expect("an answer is always JSON")))
}

/// What the store finds wrong names its field first.
fn in_plan(error: StoreError) -> Problem {
    match error {
        StoreError::Invalid(detail) => match detail.split_once(": ") {
            Some((field, message)) => Problem::invalid(field, message),
            None => Problem::unprocessable(detail),
        },
        other => other.into(),
    }
}
