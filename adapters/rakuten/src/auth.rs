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
    license_key: SecretString,
    /// The shop's number, which every serviceSecret begins with (`SP400001_…`) and every order number too.
    number: Option<String>,
}

impl Access {
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        // A key copied with a blank or a line's end around it is refused by the mall.
        let part = |key| settings.credential(key).map(|secret| secret.expose_secret().trim());
        let pair = format!("{}:{}", part("service_secret")?, part("license_key")?);
        let authorization = format!("ESA {}", STANDARD.encode(pair)).into();
        let license_key = part("license_key")?.into();
        let number = part("service_secret")?.strip_prefix("SP").and_then(|rest| rest.split_once('_'));
        let number = number.map(|(number, _)| number.to_owned());
        let number = number.filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let base = settings.base_url.as_deref().unwrap_or(BASE).trim_end_matches('/').to_owned();
        Ok(Self { base, authorization, license_key, number })
    }

    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> HttpRequest {
        let pairs: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        self.request(Method::GET, &format!("{path}{query}"))
    }

    /// When the licenseKey ends. It is asked for by the key itself.
    pub fn expiry_date(&self) -> HttpRequest {
        self.get(
            "/es/1.0/license-management/license-key/expiry-date",
            &[("licenseKey", self.license_key.expose_secret())],
        )
    }

    /// The charset is not decoration: without it the order functions answer 415.
    pub fn post(&self, path: &str, body: &Value) -> HttpRequest {
        let mut request = self.request(Method::POST, path);
        request.headers.insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
        request.body = body.to_string().into_bytes();
        request
    }

    fn request(&self, method: Method, path: &str) -> HttpRequest {
        let mut request = HttpRequest::new(method, format!("{}{path}", self.base));
        let authorization = self.authorization.expose_secret();
        let mut authorization = HeaderValue::from_str(authorization).expect("Base64 fits into a header");
        authorization.set_sensitive(true);
        request.headers.insert("authorization", authorization);
        request
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}
