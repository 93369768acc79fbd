//! The ESA header: the two keys of RMS WEB SERVICE, in Base64, on every request. There is no token to renew.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uriba_sdk::{
    Settings,
    env::{HeaderValue, HttpRequest, Method},
    mall::SettingsError,
};

/// Host of RMS WEB SERVICE (RMS reference, every function's endpoint).
const BASE: &str = "https://api.rms.rakuten.co.jp";

pub struct Access {
    base: String,
    authorization: SecretString,
}

impl Access {
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        // A key copied with a blank or a line's end around it is refused by the mall.
        let part = |key| settings.credential(key).map(|secret| secret.expose_secret().trim());
        let pair = format!("{}:{}", part("service_secret")?, part("license_key")?);
        let authorization = format!("ESA {}", STANDARD.encode(pair)).into();
        let base = settings.base_url.as_deref().unwrap_or(BASE).trim_end_matches('/').to_owned();
        Ok(Self { base, authorization })
    }

    /// The charset is not decoration: without it the order functions answer 415.
    pub fn post(&self, path: &str, body: &Value) -> HttpRequest {
        let mut request = HttpRequest::new(Method::POST, format!("{}{path}", self.base));
        let authorization = self.authorization.expose_secret();
        let mut authorization = HeaderValue::from_str(authorization).expect("Base64 fits into a header");
        authorization.set_sensitive(true);
        request.headers.insert("authorization", authorization);
        request.headers.insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
        request.body = body.to_string().into_bytes();
        request
    }
}
