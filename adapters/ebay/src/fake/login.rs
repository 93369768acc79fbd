//! The token endpoint: three grants, each with what it needs.

use std::collections::HashMap;

use serde_json::json;
use uriba_sdk::fake::{Reply, Visit};

use super::{
    reply::login_error,
    shop::{REFRESH_LIFE, Shop, Switch, TOKEN_LIFE},
};

pub fn token(shop: &Shop, visit: &Visit<'_>) -> Reply {
    let header = |name: &str| visit.request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header("content-type").starts_with("application/x-www-form-urlencoded") {
        return login_error(400, "invalid_request", "request is missing a required parameter or malformed.");
    }
    if header("authorization") != shop.basic() {
        return login_error(401, "invalid_client", "client authentication failed");
    }
    let form = form(&visit.request.body);
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut body = json!({ "expires_in": TOKEN_LIFE.as_secs() });
    match field("grant_type") {
        "client_credentials" if field("scope") == "https://api.ebay.com/oauth/api_scope" => {
            body["token_type"] = json!("Application Access Token");
            body["access_token"] = json!(shop.issue_token(true));
            return Reply::json(200, &body);
        }
        "client_credentials" => return login_error(400, "invalid_scope", "the requested scope is invalid"),
        "authorization_code" if field("redirect_uri") != shop.ru_name() => {
            return login_error(400, "invalid_request", "redirect_uri is not the one of the consent");
        }
        "authorization_code" if shop.redeem_code(field("code")) => {
            body["refresh_token"] = json!(shop.refresh_token());
            body["refresh_token_expires_in"] = json!(REFRESH_LIFE.as_secs());
        }
        "authorization_code" => return login_error(400, "invalid_grant", "the provided authorization code is invalid"),
        "refresh_token" if shop.is_revoked() || field("refresh_token") != shop.refresh_token() => {
            return login_error(400, "invalid_grant", "the provided authorization refresh token is invalid");
        }
        "refresh_token" => renewed(shop, &mut body),
        _ => return login_error(400, "unsupported_grant_type", "grant type in request is not supported"),
    }
    body["token_type"] = json!("User Access Token");
    body["access_token"] = json!(shop.issue_token(false));
    Reply::json(200, &body)
}

fn renewed(shop: &Shop, body: &mut serde_json::Value) {
    if shop.is_on(Switch::RenewalRotatesTheRefreshToken) {
        shop.rotate();
        body["refresh_token"] = json!(shop.refresh_token());
    }
    if shop.is_on(Switch::RenewalTellsTheEnd) {
        body["refresh_token_expires_in"] = json!(REFRESH_LIFE.as_secs());
    }
}

fn form(body: &[u8]) -> HashMap<String, String> {
    // The query parser of a URL is the form parser.
    let query = String::from_utf8_lossy(body);
    uriba_sdk::env::Url::parse(&format!("form:?{query}"))
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default()
}
