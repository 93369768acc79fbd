//! What goes wrong, as RFC 9457 has it: a stable `type` for programs, a sentence for people, and the fields
//! that are meant.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{engine::driver::chain, store::StoreError};

/// Part of the contract: a type never changes its meaning.
const TYPES: &str = "urn:uriba:problem:";

/// An answer of type `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Members of this type only.
    #[serde(flatten)]
    #[schema(ignore)]
    pub more: Box<Map<String, Value>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The body's field, a query parameter, or `body` for its shape.
    pub field: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPES}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            more: Box::default(),
        }
    }

    pub fn missing(what: &str, name: &str) -> Self {
        let detail = format!("there is no {what} {name:?}");
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The body is JSON, and asks for something that can't be.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::unprocessable(format!("{field}: {message}")).field(field, message)
    }

    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid request", detail)
    }

    pub fn query(parameter: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = format!("{parameter}: {message}");
        Self::new(StatusCode::BAD_REQUEST, "bad-query", "Bad query", detail).field(parameter, message)
    }

    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "refused", "Refused in this state", detail)
    }

    #[must_use]
    pub fn field(mut self, field: &str, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.to_owned(), message: message.into(), line: None, column: None });
        self
    }

    /// A member of this type only.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/problem+json");
        (self.status(), [(header::CONTENT_TYPE, kind)], Json(self)).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Missing { kind, name } => Self::missing(kind, name),
            StoreError::Refused(detail) => Self::refused(detail),
            StoreError::Invalid(detail) => Self::unprocessable(detail),
            // Another process's word on the matter: the caller may try again.
            StoreError::Superseded { .. } | StoreError::Unreachable(_) => {
                tracing::error!(error = %chain(error), "a request could not be served");
                let detail = "the database can't be used right now; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail)
            }
            StoreError::Database(_) => {
                tracing::error!(error = %chain(error), "a request could not be served");
                let detail = "the database failed; the log of the service says how";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
            }
        }
    }
}

/// The same for requests that name things in their body: what is missing there is an invalid body, not a
/// missing address.
pub fn in_body(field: &str) -> impl FnOnce(StoreError) -> Problem {
    move |error| match error {
        StoreError::Missing { kind, name } => Problem::invalid(field, format!("there is no {kind} {name:?}")),
        other => other.into(),
    }
}

/// For lists: what a store calls invalid there came from the address.
pub fn in_query(error: StoreError) -> Problem {
    match error {
        StoreError::Invalid(detail) => Problem::new(StatusCode::BAD_REQUEST, "bad-query", "Bad query", detail),
        StoreError::Missing { kind, name } => {
            Problem::query(&kind.to_lowercase(), format!("there is no {kind} {name:?}"))
        }
        other => other.into(),
    }
}
