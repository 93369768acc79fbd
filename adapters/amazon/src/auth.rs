//! Login with Amazon: the seller's refresh token buys an access token that lives an hour.
//!
//! Every answer repeats the refresh token. Should it be another one, the old one may be dead from then on, so the new
//! one is kept for good before anything of the answer is used.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uriba_sdk::{
    Call, Class, Result, Settings, Wire,
    env::{HeaderValue, HttpRequest, Method},
    mall::SettingsError,
    wire::Token,
};

use crate::{card::TOKEN, faults, setting, url};

const HOST: &str = "https://api.amazon.com";
/// The vault's name of the access token.
const ACCESS: &str = "access";
const REFRESH: &str = "refresh_token";
/// Used where the answer doesn't say (developer-docs.amazon.com/sp-api/docs/connecting-to-the-selling-partner-api).
const LIFE: Duration = Duration::from_secs(3_600);

pub struct Login {
    url: String,
    client_id: SecretString,
    client_secret: SecretString,
    refresh_token: SecretString,
}

impl Login {
    pub fn open(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        let host = settings.auth_url.as_deref().unwrap_or(HOST).trim_end_matches('/');
        Ok(Self {
            url: format!("{host}/auth/o2/token"),
            client_id: setting(settings, "client_id")?,
            client_secret: setting(settings, "client_secret")?,
            refresh_token: setting(settings, REFRESH)?,
        })
    }

    pub async fn access_token(&self, wire: &Wire) -> Result<SecretString> {
        wire.token(ACCESS, self.refresh(wire)).await
    }

    /// Amazon refused the token before its hour was over.
    pub async fn forget(&self, wire: &Wire) {
        wire.forget_token(ACCESS).await;
    }

    async fn refresh(&self, wire: &Wire) -> Result<Token> {
        let in_force = wire.in_force(TOKEN, REFRESH, &self.refresh_token).await?;
        let mut request = HttpRequest::new(Method::POST, &self.url);
        let mime = HeaderValue::from_static("application/x-www-form-urlencoded;charset=UTF-8");
        request.headers.insert("content-type", mime);
        request.body = url::pairs(&[
            ("grant_type", "refresh_token"),
            (REFRESH, in_force.expose_secret()),
            ("client_id", self.client_id.expose_secret()),
            ("client_secret", self.client_secret.expose_secret()),
        ])
        .into_bytes();
        let answer = wire.call(Call::read(TOKEN, request)).await?;
        if answer.status != 200 {
            return Err(faults::token_refused(wire, &answer));
        }
        let granted = serde_json::from_slice::<Granted>(&answer.body).unwrap_or_default();
        if let Some(fresh) = granted.refresh_token.map(SecretString::from) {
            let text = fresh.expose_secret();
            if !text.trim().is_empty() && text != in_force.expose_secret() {
                wire.replaced(TOKEN, REFRESH, &self.refresh_token, &fresh).await?;
            }
        }
        // The body may hold a token, so no excerpt of it goes into the error.
        match granted.access_token.filter(|token| !token.is_empty()) {
            Some(token) => {
                Ok(Token { secret: token.into(), lives: granted.expires_in.map_or(LIFE, Duration::from_secs) })
            }
            None => {
                let what = "a token answer without access_token".to_owned();
                let mut error = wire.error(TOKEN, Class::Malformed { what }, "");
                error.status = Some(200);
                Err(error)
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct Granted {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}
