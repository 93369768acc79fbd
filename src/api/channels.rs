//! Channels, and the switch of one.

use axum::{
    Json,
    extract::{Path, State},
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
    once::{Answer, once},
    problem::{Problem, in_query},
    request::{Asked, PageQuery, Sent, Trial},
};
use crate::{
    domain::suspend::Mode,
    store::{
        Store,
        sheets::{ChannelSheet, Page, SwitchPreview, Throw},
        switch::Suspension,
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(mode))
}

/// What a suspension may say; everything can be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspend {
    /// `zero`: the mall is to show nothing; `freeze`: it keeps what it shows.
    #[schema(example = "zero")]
    pub mode: Option<String>,
    pub reason: Option<String>,
    /// Now, when not given.
    pub from: Option<Timestamp>,
    /// For ever, when not given.
    pub until: Option<Timestamp>,
    /// Go on reading orders, which hold stock; true when not given.
    pub poll: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMode {
    /// `live` or `shadow`.
    #[schema(example = "live")]
    pub mode: String,
}

impl Suspend {
    pub fn suspension(self, store: &Store) -> Result<Suspension, Problem> {
        let mode = match self.mode.as_deref() {
            None => Mode::Zero,
            Some(word) => Mode::parse(word)
                .ok_or_else(|| Problem::invalid("mode", format!("{word:?} is not one of: zero, freeze")))?,
        };
        let begins = self.from.unwrap_or(store.now()).max(store.now());
        if let Some(until) = self.until.filter(|until| *until <= begins) {
            return Err(Problem::invalid("until", format!("{until} is not after the beginning, {begins}")));
        }
        let poll = self.poll.unwrap_or(true);
        Ok(Suspension { mode, reason: self.reason, from: self.from, until: self.until, poll })
    }
}

/// All channels.
#[utoipa::path(get, path = "/v1/channels", operation_id = "list_channels", tag = "channels", params(PageQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<ChannelSheet>)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Json<Page<ChannelSheet>>, Problem> {
    Ok(Json(state.store.channel_sheets(&state.outlines, &asked.paging()?).await.map_err(in_query)?))
}

/// One channel.
#[utoipa::path(get, path = "/v1/channels/{id}", operation_id = "show_channel", tag = "channels", params(("id" = String, Path)),
    security(("token" = ["read"])), responses((status = 200, body = ChannelSheet), (status = 404, body = Problem)))]
async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<ChannelSheet>, Problem> {
    Ok(Json(state.store.channel_sheet(&id, &state.outlines).await?))
}

/// Stops a channel: at once, or at `from`. With `dry_run` it says what that would do now.
#[utoipa::path(post, path = "/v1/channels/{id}/suspend", operation_id = "suspend_channel", tag = "channels", params(("id" = String, Path), Trial),
    request_body = Suspend, security(("token" = ["operate"])),
    responses((status = 202, body = ChannelSheet), (status = 200, body = SwitchPreview), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn suspend(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Asked(trial): Asked<Trial>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<Suspend>,
) -> Response {
    let content = serde_json::to_vec(&(trial.dry_run, &asked)).expect("words are always JSON");
    let work = async {
        let wanted = asked.suspension(&state.store)?;
        if trial.dry_run {
            return tried(&state, &id, Throw::Suspend(wanted.mode)).await;
        }
        state.store.suspend(std::slice::from_ref(&id), &wanted, &caller.who()).await?;
        accepted(&state, &id).await
    };
    once(&state, &caller, &headers, &[b"suspend", id.as_bytes(), &content], work).await
}

/// Lets stock flow again, once the orders of the meantime are read. With `dry_run` it says what that would do now.
#[utoipa::path(post, path = "/v1/channels/{id}/resume", operation_id = "resume_channel", tag = "channels", params(("id" = String, Path), Trial),
    request_body = Resume, security(("token" = ["operate"])),
    responses((status = 202, body = ChannelSheet), (status = 200, body = SwitchPreview), (status = 404, body = Problem)))]
async fn resume(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Asked(trial): Asked<Trial>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<Resume>,
) -> Response {
    let content = serde_json::to_vec(&(trial.dry_run, &asked)).expect("words are always JSON");
    let work = async {
        if trial.dry_run {
            return tried(&state, &id, Throw::Resume).await;
        }
        state.store.resume(std::slice::from_ref(&id), asked.reason.as_deref(), &caller.who()).await?;
        accepted(&state, &id).await
    };
    once(&state, &caller, &headers, &[b"resume", id.as_bytes(), &content], work).await
}

/// Writes to the mall from now on, or no longer.
#[utoipa::path(post, path = "/v1/channels/{id}/mode", operation_id = "set_channel_mode", tag = "channels", params(("id" = String, Path)),
    request_body = SetMode, security(("token" = ["operate"])),
    responses((status = 202, body = ChannelSheet), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn mode(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    caller: Caller,
    Sent(asked): Sent<SetMode>,
) -> Result<(StatusCode, Json<ChannelSheet>), Problem> {
    let live = match asked.mode.as_str() {
        "live" => true,
        "shadow" => false,
        other => return Err(Problem::invalid("mode", format!("{other:?} is not one of: live, shadow"))),
    };
    state.store.set_mode(&id, live, &caller.who()).await?;
    Ok((StatusCode::ACCEPTED, Json(state.store.channel_sheet(&id, &state.outlines).await?)))
}

async fn tried(state: &ApiState, id: &str, throw: Throw) -> Answer {
    let ids = [id.to_owned()];
    let preview = state.store.preview_switch(&ids, throw, &state.outlines).await?.pop();
    Ok((StatusCode::OK, serde_json::to_value(preview).expect("a preview is always JSON")))
}

async fn accepted(state: &ApiState, id: &str) -> Answer {
    let sheet = state.store.channel_sheet(id, &state.outlines).await?;
    Ok((StatusCode::ACCEPTED, serde_json::to_value(sheet).expect("a sheet is always JSON")))
}
