//! Login with Amazon's token endpoint.

use std::collections::HashMap;

use serde_json::json;
use uriba_sdk::fake::{Reply, Visit};

use super::{
    CLIENT_ID,
    reply::login_error,
    shop::{Shop, TOKEN_LIFE},
};

pub fn token(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let mime = visit.request.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !mime.starts_with("application/x-www-form-urlencoded") {
        return login_error(400, "invalid_request", "The Content-Type must be application/x-www-form-urlencoded");
    }
    let form = form(&visit.request.body);
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if field("grant_type") != "refresh_token" {
        return login_error(400, "unsupported_grant_type", "The authorization grant type is not supported");
    }
    if field("client_id") != CLIENT_ID || field("client_secret") != shop.client_secret() {
        return login_error(401, "invalid_client", "Client authentication failed");
    }
    let refreshed = shop.refreshed(field("refresh_token")).filter(|_| !shop.is_revoked());
    let Some(refresh_token) = refreshed else {
        return login_error(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token");
    };
    Reply::json(
        200,
        &json!({
            "access_token": shop.issue_token(),
            "token_type": "bearer",
            "expires_in": TOKEN_LIFE.as_secs(),
            "refresh_token": refresh_token,
        }),
    )
}

fn form(body: &[u8]) -> HashMap<String, String> {
    // The query parser of a URL is the form parser.
    let query = String::from_utf8_lossy(body);
    uriba_sdk::env::Url::parse(&format!("form:?{query}"))
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default()
}
