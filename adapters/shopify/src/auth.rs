//! Access: a token that lives a day, granted for a client id and its secret, or one that never changes.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uriba_sdk::{
    Call, Class, Result, Settings, Wire,
    env::{HeaderValue, HttpRequest, Method, Url},
    mall::SettingsError,
    wire::Token,
};

use crate::{card::TOKEN, faults};

/// The vault's name of the access token.
const ACCESS: &str = "access";
/// Used where the answer doesn't say: 24 hours less a second (shopify.dev, client credentials grant).
const LIFE: Duration = Duration::from_secs(86_399);

pub enum Access {
    /// `shpat_…` of a custom app made in the admin: works until somebody uninstalls the app.
    Fixed(SecretString),
    /// Asked for anew when it ends: there is no refresh token.
    Granted { url: String, client_id: SecretString, client_secret: SecretString },
}

impl Access {
    pub fn open(settings: &Settings, base: &str) -> std::result::Result<Self, SettingsError> {
        if settings.credentials.contains_key("access_token") {
            return Ok(Self::Fixed(credential(settings, "access_token")?));
        }
        if !settings.credentials.contains_key("client_id") {
            let message = "is required (with client_secret), or access_token instead";
            return Err(SettingsError { key: "credentials.client_id".into(), message: message.into() });
        }
        Ok(Self::Granted {
            url: format!("{base}/admin/oauth/access_token"),
            client_id: credential(settings, "client_id")?,
            client_secret: credential(settings, "client_secret")?,
        })
    }

    /// A refused token has a successor that can be fetched.
    pub fn renews(&self) -> bool {
        matches!(self, Self::Granted { .. })
    }

    pub async fn header(&self, wire: &Wire, operation: &'static str) -> Result<HeaderValue> {
        let token = match self {
            Self::Fixed(token) => token.clone(),
            Self::Granted { url, client_id, client_secret } => {
                wire.token(ACCESS, grant(wire, url, client_id, client_secret)).await?
            }
        };
        let mut header = HeaderValue::from_str(token.expose_secret()).map_err(|_| {
            let what = "an access token that no header can hold".to_owned();
            wire.error(operation, Class::Malformed { what }, "")
        })?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Shopify refused the token before its day was over.
    pub async fn forget(&self, wire: &Wire) {
        wire.forget_token(ACCESS).await;
    }
}

async fn grant(wire: &Wire, url: &str, client_id: &SecretString, client_secret: &SecretString) -> Result<Token> {
    let mut request = HttpRequest::new(Method::POST, url);
    request.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    request.headers.insert("accept", HeaderValue::from_static("application/json"));
    request.body = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", client_id.expose_secret()),
        ("client_secret", client_secret.expose_secret()),
    ]);
    let answer = wire.call(Call::read(TOKEN, request)).await?;
    if answer.status != 200 {
        return Err(faults::token_refused(wire, &answer));
    }
    // The body may hold a token, so no excerpt of it goes into the error.
    match serde_json::from_slice::<Granted>(&answer.body) {
        Ok(Granted { access_token: Some(token), expires_in }) if !token.is_empty() => {
            Ok(Token { secret: token.into(), lives: expires_in.map_or(LIFE, Duration::from_secs) })
        }
        _ => {
            let what = "a token answer without access_token".to_owned();
            let mut error = wire.error(TOKEN, Class::Malformed { what }, "");
            error.status = Some(200);
            Err(error)
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    expires_in: Option<u64>,
}

fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let url = Url::parse_with_params("http://form/", pairs).ok();
    url.and_then(|url| url.query().map(|query| query.as_bytes().to_vec())).unwrap_or_default()
}

/// A credential without the blanks that files end with.
pub fn credential(settings: &Settings, key: &str) -> std::result::Result<SecretString, SettingsError> {
    let text = settings.credential(key)?.expose_secret().trim();
    let wrong = |message: &str| SettingsError { key: format!("credentials.{key}"), message: message.into() };
    if text.is_empty() {
        return Err(wrong("is empty"));
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(wrong("has characters that no key of Shopify's has"));
    }
    Ok(text.into())
}
