//! Files from the core system, sent as they are.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    once::{Answer, once},
    problem::{FieldError, Problem, in_query},
    request::{Asked, PageQuery, whole},
};
use crate::{
    engine::import::{CoreFile, FILE_BYTES_MAX, FileKind, ImportReport, ImportState, Profile, import_file},
    store::{
        StoreError,
        sheets::{ImportSheet, Page},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(undo))
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// `book`, `sales`, `receipts`, `holdbacks`, `orders`, `bundles` or `listings`.
    kind: String,
    /// When the file was made. Left out: now, unless the same content was booked before.
    as_of: Option<Timestamp>,
    /// Says what would happen and which targets would change, and does nothing.
    #[serde(default)]
    dry_run: bool,
    /// Books the good rows of a file that has bad ones.
    #[serde(default)]
    skip_invalid: bool,
    /// One of `[profiles]`: how the file is written. Of orders also the mall whose console exported them: `rakuten`,
    /// `yahoo` or `aupay`.
    profile: Option<String>,
    /// Of orders: whose they are, where the file has no column `channel`. A console's export never has one.
    channel: Option<String>,
}

/// Files that were taken in, newest first.
#[utoipa::path(get, path = "/v1/stock/imports", operation_id = "list_imports", tag = "stock", params(PageQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<ImportSheet>)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Json<Page<ImportSheet>>, Problem> {
    Ok(Json(state.store.import_sheets(&asked.paging()?).await.map_err(in_query)?))
}

/// Takes a CSV in, whole or not at all, once. A refused file's 422 carries the same members.
#[utoipa::path(post, path = "/v1/stock/imports", operation_id = "import_file", tag = "stock", params(ImportQuery),
    request_body(content = String, content_type = "text/csv"), security(("token" = ["operate"])),
    responses((status = 200, body = ImportReport), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    Asked(asked): Asked<ImportQuery>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Response {
    // A permit before the body: what waits for its turn lies in the socket, not in memory.
    let Ok(permit) = state.files.clone().acquire_owned().await else {
        let detail = "the service is stopping";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail).into_response();
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let bytes = match whole(request.into_body(), FILE_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let content: [&[u8]; 3] = [b"imports", query.as_bytes(), &bytes.clone()];
    let (here, who) = (state.clone(), caller.who());
    let work = async move {
        // A caller who goes away must not stop a file half-way.
        let task = tokio::spawn(async move {
            let _permit = permit;
            take_in(&here, &asked, &bytes, &who).await
        });
        let broken =
            |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", "the import broke");
        task.await.map_err(broken)?
    };
    once(&state, &caller, &headers, &content, work).await
}

/// Takes a file's bookings back: opposite entries, linked, once. A second time is a conflict.
#[utoipa::path(post, path = "/v1/stock/imports/{id}/undo", operation_id = "undo_import", tag = "stock", params(("id" = String, Path)),
    security(("token" = ["operate"])),
    responses((status = 200, body = ImportSheet), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn undo(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Json<ImportSheet>, Problem> {
    let missing = || StoreError::Missing { kind: "import", name: id.clone() };
    let import = id.parse().map_err(|_| missing())?;
    let (store, who) = (state.store.clone(), caller.who());
    // A caller who goes away must not stop it half-way.
    let task = tokio::spawn(async move { store.undo_import(import, &who).await });
    let broken = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", "the undo broke");
    Ok(Json(task.await.map_err(broken)??))
}

async fn take_in(state: &ApiState, asked: &ImportQuery, bytes: &[u8], who: &str) -> Answer {
    let Some(kind) = FileKind::parse(&asked.kind) else {
        let known = FileKind::WORDS.join(", ");
        return Err(Problem::query("kind", format!("{:?} is not known here; there are: {known}", asked.kind)));
    };
    let profile = match &asked.profile {
        None => Profile::default(),
        Some(name) => {
            let known = state.core.profiles.get(name).cloned();
            known.ok_or_else(|| Problem::query("profile", format!("there is no profile {name:?}")))?
        }
    };
    if let Some(fault) = asked.channel.as_deref().and_then(|channel| state.core.terms.fault(kind, channel)) {
        return Err(Problem::query("channel", fault));
    }
    let file = CoreFile {
        kind,
        name: &format!("{} (by API)", asked.kind),
        bytes,
        as_of: asked.as_of,
        date: None,
        profile: &profile,
        channel: asked.channel.as_deref(),
        guard: &state.core.guard,
        dry_run: asked.dry_run,
        skip_invalid: asked.skip_invalid,
        create_skus: false,
        by: who,
        terms: &state.core.terms,
        progress: None,
    };
    let report = import_file(&state.store, &file).await.map_err(|error| match error {
        StoreError::Invalid(detail) => Problem::query("as_of", detail),
        other => other.into(),
    })?;
    if report.state == ImportState::Refused {
        return Err(refused(report));
    }
    Ok((StatusCode::OK, serde_json::to_value(report).expect("a report is always JSON")))
}

fn refused(report: ImportReport) -> Problem {
    let detail = match report.rows {
        0 => "the file can't be read; nothing was booked".to_owned(),
        rows => format!("{} of {rows} rows are wrong; nothing was booked", report.rejected_rows),
    };
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "rows-rejected", "Rows rejected", detail);
    problem.errors.extend(report.rejected.iter().map(|rejection| FieldError {
        field: rejection.column.clone().unwrap_or_else(|| "body".to_owned()),
        message: rejection.message.clone(),
        line: Some(rejection.line),
        column: None,
    }));
    let members = serde_json::to_value(report).expect("a report is always JSON");
    if let serde_json::Value::Object(members) = members {
        problem.more.extend(members);
    }
    problem
}
