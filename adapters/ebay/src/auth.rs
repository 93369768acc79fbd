//! eBay's OAuth: the seller consents once on a page, and the refresh token that this gives buys access tokens of two
//! hours for a year and a half. Numbers about the application itself take a token of the application's own.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uriba_sdk::{
    Call, Class, Result, Settings, Wire,
    env::{HeaderValue, HttpRequest, Method},
    mall::SettingsError,
    wire::Token,
};

use crate::{
    card::TOKEN,
    faults,
    url::{self, decode},
};

const REFRESH_TOKEN: &str = "refresh_token";
pub const REFRESH_TOKEN_ENDS: &str = "refresh_token_ends";
const SCOPE: &str = "https://api.ebay.com/oauth/api_scope";
/// What the seller is asked for: the least that orders, stock, the account's name and its programs take.
const SCOPES: [&str; 4] =
    ["sell.fulfillment.readonly", "sell.inventory", "sell.account.readonly", "commerce.identity.readonly"];
/// Used where the answer doesn't say.
const LIFE: Duration = Duration::from_secs(7_200);

/// The vault's names of the two access tokens.
const ACCESS: &str = "access";
const APPLICATION: &str = "application";

pub struct Login {
    url: String,
    page: String,
    client_id: SecretString,
    client_secret: SecretString,
    refresh_token: Option<SecretString>,
    configured_end: Option<Timestamp>,
    /// By the last answer that named one.
    told_end: Mutex<Option<Timestamp>>,
    ru_name: Option<String>,
}

impl Login {
    pub fn open(settings: &Settings, base_url: &str) -> std::result::Result<Self, SettingsError> {
        let host = settings.auth_url.as_deref().unwrap_or(base_url).trim_end_matches('/');
        let ends = optional(settings, REFRESH_TOKEN_ENDS);
        let configured_end = ends.map(|text| text.expose_secret().parse()).transpose().map_err(|_| SettingsError {
            key: format!("credentials.{REFRESH_TOKEN_ENDS}"),
            message: "is not an instant such as 2028-05-20T00:00:00Z".into(),
        })?;
        Ok(Self {
            url: format!("{host}/identity/v1/oauth2/token"),
            page: format!("{}/oauth2/authorize", crate::sister(host, "auth")),
            client_id: required(settings, "client_id")?,
            client_secret: required(settings, "client_secret")?,
            refresh_token: optional(settings, REFRESH_TOKEN),
            configured_end,
            told_end: Mutex::default(),
            ru_name: settings.options.get("ru_name").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
        })
    }

    /// A token that speaks for the seller.
    pub async fn access_token(&self, wire: &Wire) -> Result<SecretString> {
        wire.token(ACCESS, self.refresh(wire)).await
    }

    /// A token that speaks for the application.
    pub async fn application_token(&self, wire: &Wire) -> Result<SecretString> {
        let grant = async {
            let granted = self.grant(wire, &[("grant_type", "client_credentials"), ("scope", SCOPE)]).await?;
            Ok(granted.token())
        };
        wire.token(APPLICATION, grant).await
    }

    /// eBay refused a token before its time.
    pub async fn forget(&self, wire: &Wire) {
        wire.forget_token(ACCESS).await;
        wire.forget_token(APPLICATION).await;
    }

    /// When the refresh token ends, as far as anybody has said.
    pub fn end(&self) -> Option<Timestamp> {
        let told = *self.told_end.lock().unwrap_or_else(PoisonError::into_inner);
        told.or(self.configured_end)
    }

    /// eBay takes its own name for the address to return to, which it keeps with the application.
    pub fn page(&self, redirect: &str, state: &str) -> std::result::Result<String, SettingsError> {
        let ru_name = self.ru_name(redirect).ok_or_else(|| SettingsError {
            key: "options.ru_name".into(),
            message: format!("is required: the RuName of the application whose accepted address is {redirect}"),
        })?;
        let scopes = SCOPES.map(|scope| format!("{SCOPE}/{scope}")).join(" ");
        let query = url::pairs(&[
            ("client_id", self.client_id.expose_secret()),
            ("response_type", "code"),
            ("redirect_uri", ru_name),
            ("scope", &scopes),
            ("state", state),
        ]);
        Ok(format!("{}?{query}", self.page))
    }

    /// The code of the page's answer, for a refresh token and its end.
    pub async fn redeem(&self, wire: &Wire, code: &str, redirect: &str) -> Result<Vec<(&'static str, SecretString)>> {
        let ru_name = self.ru_name(redirect).unwrap_or(redirect);
        // Codes look like `v^1.1#i^1…`; copied from the browser's address they are still encoded.
        let plain = decode(code.trim()).unwrap_or_else(|| code.trim().to_owned());
        let form = [("grant_type", "authorization_code"), ("code", plain.as_str()), ("redirect_uri", ru_name)];
        let granted = self.grant(wire, &form).await?;
        let Some(refresh_token) = granted.refresh_token.filter(|token| !token.is_empty()) else {
            return Err(odd(wire, "a token answer without refresh_token"));
        };
        let mut credentials = vec![(REFRESH_TOKEN, refresh_token.into())];
        let end = granted.refresh_ends_at;
        credentials.extend(end.map(|end| (REFRESH_TOKEN_ENDS, SecretString::from(end.to_string()))));
        Ok(credentials)
    }

    fn ru_name<'a>(&'a self, redirect: &'a str) -> Option<&'a str> {
        self.ru_name.as_deref().or(Some(redirect).filter(|name| !name.is_empty() && !name.contains("://")))
    }

    async fn refresh(&self, wire: &Wire) -> Result<Token> {
        let Some(configured) = &self.refresh_token else {
            let message = "there is no refresh token: the shop's owner must consent (`uriba channel authorize`)";
            return Err(wire.error(TOKEN, Class::Auth { renewable: false }, message));
        };
        let in_force = wire.in_force(TOKEN, REFRESH_TOKEN, configured).await?;
        // Without a scope the token is good for all that the seller consented to.
        let form = [("grant_type", "refresh_token"), ("refresh_token", in_force.expose_secret())];
        let mut granted = self.grant(wire, &form).await?;
        if let Some(fresh) = granted.refresh_token.take().filter(|fresh| fresh != in_force.expose_secret()) {
            wire.replaced(TOKEN, REFRESH_TOKEN, configured, &fresh.into()).await?;
        }
        if granted.refresh_ends_at.is_some() {
            *self.told_end.lock().unwrap_or_else(PoisonError::into_inner) = granted.refresh_ends_at;
        }
        Ok(granted.token())
    }

    async fn grant(&self, wire: &Wire, form: &[(&str, &str)]) -> Result<Granted> {
        let mut request = HttpRequest::new(Method::POST, &self.url);
        let mime = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert("content-type", mime);
        let client = format!("{}:{}", self.client_id.expose_secret(), self.client_secret.expose_secret());
        let header = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(client)));
        let mut header = header.map_err(|_| odd(wire, "a client id that no header can hold"))?;
        header.set_sensitive(true);
        request.headers.insert("authorization", header);
        request.body = url::pairs(form).into_bytes();
        let answer = wire.call(Call::read(TOKEN, request)).await?;
        if answer.status != 200 {
            return Err(faults::token_refused(wire, &answer));
        }
        // The body may hold a token, so no excerpt of it goes into the error.
        match serde_json::from_slice::<Grant>(&answer.body) {
            Ok(Grant { access_token: Some(access_token), expires_in, refresh_token, refresh_token_expires_in })
                if !access_token.is_empty() =>
            {
                let lives = expires_in.map_or(LIFE, Duration::from_secs);
                let end = |seconds| answer.answered_at.checked_add(SignedDuration::from_secs(seconds)).ok();
                let refresh_ends_at = refresh_token_expires_in.and_then(end);
                Ok(Granted { access_token, lives, refresh_token, refresh_ends_at })
            }
            _ => Err(odd(wire, "a token answer without access_token")),
        }
    }
}

/// A required credential, without the blanks that files end with.
fn required(settings: &Settings, key: &str) -> std::result::Result<SecretString, SettingsError> {
    settings.credential(key)?;
    let empty = || SettingsError { key: format!("credentials.{key}"), message: "is empty".into() };
    optional(settings, key).ok_or_else(empty)
}

fn optional(settings: &Settings, key: &str) -> Option<SecretString> {
    let text = settings.credentials.get(key)?.expose_secret().trim();
    (!text.is_empty()).then(|| text.into())
}

fn odd(wire: &Wire, what: &str) -> uriba_sdk::MallError {
    let mut error = wire.error(TOKEN, Class::Malformed { what: what.to_owned() }, "");
    error.status = Some(200);
    error
}

struct Granted {
    access_token: String,
    lives: Duration,
    refresh_token: Option<String>,
    refresh_ends_at: Option<Timestamp>,
}

impl Granted {
    fn token(self) -> Token {
        Token { secret: self.access_token.into(), lives: self.lives }
    }
}

#[derive(Deserialize)]
struct Grant {
    access_token: Option<String>,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
    refresh_token_expires_in: Option<i64>,
}
