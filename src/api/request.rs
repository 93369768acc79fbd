//! Bodies and queries, read strictly: what can't be meant is refused with its place, never passed over.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;
use utoipa::IntoParams;

use super::problem::{FieldError, Problem};
use crate::store::sheets::Paging;

/// A thousand listings with every rule set come to a quarter of it.
pub const JSON_BYTES_MAX: usize = 1 << 20;

/// A JSON body. Nothing at all is read as `{}`.
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let bytes = whole(request.into_body(), JSON_BYTES_MAX).await?;
        let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { Bytes::from_static(b"{}") } else { bytes };
        Ok(Self(parse(&bytes)?))
    }
}

/// The body's bytes, if there are not too many.
pub async fn whole(body: Body, most: usize) -> Result<Bytes, Problem> {
    to_bytes(body, most).await.map_err(|error| {
        let limited =
            std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("length limit"));
        if limited {
            let detail = format!("the body is larger than {most} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "broken-body", "Broken body", "the body ended before its end")
        }
    })
}

/// JSON, or a problem that names line and column, and the field where one is meant.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut text);
    let parsed = parsed.map_err(|error| (error.path().to_string(), error.into_inner()));
    let ended = |value| text.end().map(|()| value).map_err(|error| (".".to_owned(), error));
    parsed.and_then(ended).map_err(|(path, error)| {
        let (line, column) = (error.line() as u64, error.column() as u64);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        let syntax = !matches!(error.classify(), Category::Data);
        let mut problem = if syntax {
            let detail = format!("the body is not JSON: line {line}, column {column}: {message}");
            Problem::new(StatusCode::BAD_REQUEST, "not-json", "Not JSON", detail)
        } else {
            Problem::unprocessable(format!("the body does not fit: line {line}, column {column}: {message}"))
        };
        let field = if syntax { "body".to_owned() } else { field(&path, &message) };
        problem.errors.push(FieldError { field, message, line: Some(line), column: Some(column) });
        problem
    })
}

/// Where it is: serde's path, with the name that only its sentence has when a field is missing.
fn field(path: &str, message: &str) -> String {
    let missing = message.starts_with("missing field").then(|| message.split('`').nth(1)).flatten();
    match (path, missing) {
        (".", Some(name)) => name.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
        (".", None) => "body".to_owned(),
        (path, None) => path.to_owned(),
    }
}

/// Query parameters.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(asked) = Query::<T>::from_request_parts(parts, state).await.map_err(|error| {
            let text = error.body_text();
            let text = text.split_once(": ").map_or(text.as_str(), |(_, said)| said);
            match text.split_once(": ") {
                Some((name, message)) => Problem::query(name, message),
                None => Problem::query(&field(".", text), text),
            }
        })?;
        Ok(Self(asked))
    }
}

/// What every list takes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items per answer, at most 1,000; 100 when not given.
    pub limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    pub cursor: Option<String>,
}

/// For requests that can be tried first.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Trial {
    /// Says what would happen, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
}

pub fn paging(limit: Option<u64>, cursor: Option<String>) -> Result<Paging, Problem> {
    match limit.filter(|limit| !(1..=Paging::LIMIT_MAX).contains(limit)) {
        Some(limit) => Err(Problem::query("limit", format!("{limit} is not between 1 and {}", Paging::LIMIT_MAX))),
        None => Ok(Paging::new(limit, cursor)),
    }
}

impl PageQuery {
    pub fn paging(self) -> Result<Paging, Problem> {
        paging(self.limit, self.cursor)
    }
}
