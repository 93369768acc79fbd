//! Who asks, and whether they may. Everything under `/v1` is closed unless its description says for whom.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    ApiState,
    problem::Problem,
    rules::{Rule, Rules},
};
use crate::store::entity::token;

/// What a token may be allowed to do.
pub const SCOPES: [&str; 4] = ["read", "operate", "reserve", "admin"];

/// The token that asked; in the log it is `token NAME`.
#[derive(Clone, Debug)]
pub struct Caller {
    pub name: String,
}

impl Caller {
    pub fn who(&self) -> String {
        format!("token {}", self.name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}

/// Lets a request through when its token has the scope that the operation's description names.
pub async fn guard(
    State((state, rules)): State<(ApiState, Arc<Rules>)>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(rule) = rules.of_operation(request.method(), path.as_str()) else {
        return no_such_method(request.method(), &rules.methods(path.as_str()));
    };
    if path.as_str().starts_with("/v1/") && !rule.open {
        match admit(&state, rule, request.headers()).await {
            Ok(caller) => drop(request.extensions_mut().insert(caller)),
            Err(answer) => return answer,
        }
        if let Err(problem) = known_query(rule, request.uri().query().unwrap_or_default()) {
            return problem.into_response();
        }
    }
    next.run(request).await
}

async fn admit(state: &ApiState, rule: &Rule, headers: &HeaderMap) -> Result<Caller, Response> {
    let refuse = |problem: Problem, challenge: &str| {
        let challenge = HeaderValue::from_str(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
        ([(header::WWW_AUTHENTICATE, challenge)], problem).into_response()
    };
    let Some(secret) = bearer(headers) else { return Err(refuse(nobody(), "Bearer")) };
    let known = state.store.token_by_secret(secret).await.map_err(|error| Problem::from(error).into_response())?;
    let Some(token) = known else {
        let detail = "the token is not known here, or was revoked";
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail);
        return Err(refuse(problem, "Bearer error=\"invalid_token\""));
    };
    if !rule.scopes.iter().any(|scope| allows(&token, scope)) {
        let needed = if rule.scopes.is_empty() { "admin".to_owned() } else { rule.scopes.join(" or ") };
        let detail = format!("the token {:?} has the scopes {}; this needs {needed}", token.name, token.scopes);
        let problem = Problem::new(StatusCode::FORBIDDEN, "insufficient-scope", "Insufficient scope", detail);
        let scope = rule.scopes.first().map_or("admin", String::as_str);
        return Err(refuse(problem, &format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")));
    }
    Ok(Caller { name: token.name.clone() })
}

fn no_such_method(method: &Method, known: &str) -> Response {
    let detail = format!("{method} is not possible here; there is: {known}");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail);
    let allow = HeaderValue::from_str(known).unwrap_or(HeaderValue::from_static("GET"));
    ([(header::ALLOW, allow)], problem).into_response()
}

fn nobody() -> Problem {
    let detail = "send `Authorization: Bearer TOKEN`; `uriba token create` makes one";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
}

/// `admin` may everything, and who may operate may read.
fn allows(token: &token::Model, scope: &str) -> bool {
    token.scopes.split_whitespace().any(|has| has == scope || has == "admin" || (has == "operate" && scope == "read"))
}

/// A misspelt parameter must not quietly mean "everything".
fn known_query(rule: &Rule, query: &str) -> Result<(), Problem> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        if !rule.query.contains(name) {
            let known: Vec<&str> = rule.query.iter().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Problem::query(name, format!("is no parameter here; there are: {known}")));
        }
    }
    Ok(())
}
