//! The switch of several channels at once: all of them or none.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    channels::Suspend,
    once::{Answer, once},
    problem::{Problem, in_body},
    request::{Asked, Sent, Trial},
};
use crate::store::sheets::{ChannelSheet, Page, SwitchPreview, Throw};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Exactly one of `channels`, `mall` and `all` says which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspensions {
    pub channels: Option<Vec<String>>,
    pub mall: Option<String>,
    pub all: Option<bool>,
    /// `suspend` or `resume`.
    #[schema(example = "suspend")]
    pub action: String,
    pub mode: Option<String>,
    pub reason: Option<String>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub poll: Option<bool>,
}

/// Suspends or resumes several channels in one transaction; an unknown one means that nothing is done. With `dry_run`
/// it says what that would do now, channel by channel.
#[utoipa::path(post, path = "/v1/suspensions", operation_id = "switch_channels", tag = "channels", params(Trial),
    request_body = Suspensions, security(("token" = ["operate"])),
    responses((status = 202, body = Page<ChannelSheet>), (status = 200, body = Page<SwitchPreview>), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    Asked(trial): Asked<Trial>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<Suspensions>,
) -> Response {
    let content = serde_json::to_vec(&(trial.dry_run, &asked)).expect("words are always JSON");
    let work = switch(&state, &caller, asked, trial.dry_run);
    once(&state, &caller, &headers, &[b"suspensions", &content], work).await
}

async fn switch(state: &ApiState, caller: &Caller, asked: Suspensions, dry_run: bool) -> Answer {
    let ids = which(state, &asked).await?;
    let (store, who) = (&state.store, caller.who());
    match asked.action.as_str() {
        "suspend" => {
            let Suspensions { mode, reason, from, until, poll, .. } = asked;
            let wanted = Suspend { mode, reason, from, until, poll }.suspension(store)?;
            if dry_run {
                return tried(state, &ids, Throw::Suspend(wanted.mode)).await;
            }
            store.suspend(&ids, &wanted, &who).await.map_err(in_body("channels"))?;
        }
        "resume" => {
            let given = [
                ("mode", asked.mode.is_some()),
                ("from", asked.from.is_some()),
                ("until", asked.until.is_some()),
                ("poll", asked.poll.is_some()),
            ];
            if let Some((field, _)) = given.into_iter().find(|(_, given)| *given) {
                return Err(Problem::invalid(field, "has no meaning for `resume`"));
            }
            if dry_run {
                return tried(state, &ids, Throw::Resume).await;
            }
            store.resume(&ids, asked.reason.as_deref(), &who).await.map_err(in_body("channels"))?;
        }
        other => return Err(Problem::invalid("action", format!("{other:?} is not one of: suspend, resume"))),
    }
    let items = store.channel_sheets_of(&ids, &state.outlines).await?;
    let page = Page { items, next_cursor: None };
    Ok((StatusCode::ACCEPTED, serde_json::to_value(page).expect("a page is always JSON")))
}

async fn tried(state: &ApiState, ids: &[String], throw: Throw) -> Answer {
    let items = state.store.preview_switch(ids, throw, &state.outlines).await.map_err(in_body("channels"))?;
    let page = Page { items, next_cursor: None };
    Ok((StatusCode::OK, serde_json::to_value(page).expect("a page is always JSON")))
}

async fn which(state: &ApiState, asked: &Suspensions) -> Result<Vec<String>, Problem> {
    let known = state.store.channels().await?;
    match (&asked.channels, &asked.mall, asked.all) {
        (Some(ids), None, None) if !ids.is_empty() => {
            let mut ids = ids.clone();
            ids.sort();
            ids.dedup();
            Ok(ids)
        }
        (None, Some(mall), None) => {
            let ids: Vec<String> = known.into_iter().filter(|row| row.mall == *mall).map(|row| row.id).collect();
            let missing = || Problem::invalid("mall", format!("there is no channel of mall {mall:?}"));
            if ids.is_empty() { Err(missing()) } else { Ok(ids) }
        }
        (None, None, Some(true)) => Ok(known.into_iter().map(|row| row.id).collect()),
        _ => Err(Problem::invalid("channels", "say exactly one of: channels (at least one id), mall, all (true)")),
    }
}
