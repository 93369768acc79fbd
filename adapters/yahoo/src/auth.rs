//! The two proofs that the mall asks for: an access token (YConnect v2) with every call, and with order calls
//! a value encrypted with the store's public key.
//!
//! The value is called a signature and is none: it is `<seller id>:<unix seconds>` *encrypted* (RSA, PKCS#1
//! v1.5), so it differs on each call. Without a good one the mall still answers, but shortens the life of the
//! refresh token to twelve hours; so an answer that says the value was not accepted is an error here.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use rsa::{
    Pkcs1v15Encrypt, RsaPublicKey,
    pkcs1::DecodeRsaPublicKey,
    pkcs8::DecodePublicKey,
    rand_core::{self, CryptoRng, RngCore},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uriba_sdk::{
    Answer, Call, Class, Result, Settings, Wire,
    env::HttpRequest,
    mall::SettingsError,
    wire::{Token, excerpt},
};

use crate::faults::{self, Context};

const AUTH_URL: &str = "https://auth.login.yahoo.co.jp";
const FORM: &str = "application/x-www-form-urlencoded";
/// How the mall says that it accepted the signature (`…/help/#aboutapipublickey`).
const AUTHORIZE_STATUS: &str = "x-sws-authorize-status";
/// The name of the access token in the vault.
const TOKEN: &str = "access";
const REFRESH_TOKEN: &str = "refresh_token";
/// What the consent is for; the store's rights come with the Client ID.
const SCOPE: &str = "openid profile";
const CONTEXT: Context = Context { operation: faults::TOKEN_OPERATION, writes: false };

pub struct Auth {
    url: String,
    client_id: SecretString,
    client_secret: SecretString,
    refresh_token: Option<SecretString>,
    pub seller_id: String,
    key: RsaPublicKey,
    key_version: String,
}

impl Auth {
    pub fn open(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        let text = |key: &str| settings.credential(key).map(|secret| secret.expose_secret().trim().to_owned());
        let seller_id = text("seller_id")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if seller_id.is_empty() || !seller_id.chars().all(plain) {
            return Err(wrong("seller_id", "is not a store account: a-z, 0-9, - and _ only"));
        }
        let pem = text("public_key")?;
        let key = RsaPublicKey::from_public_key_pem(&pem)
            .or_else(|_| RsaPublicKey::from_pkcs1_pem(&pem))
            .map_err(|_| wrong("public_key", "is not an RSA public key in PEM form"))?;
        let key_version = text("public_key_version")?;
        if key_version.is_empty() || !key_version.chars().all(|c| c.is_ascii_digit()) {
            return Err(wrong("public_key_version", "is not a number"));
        }
        Ok(Self {
            url: settings.auth_url.as_deref().unwrap_or(AUTH_URL).trim_end_matches('/').to_owned(),
            client_id: settings.credential("client_id")?.clone(),
            client_secret: settings.credential("client_secret")?.clone(),
            refresh_token: settings.credentials.get(REFRESH_TOKEN).cloned(),
            seller_id,
            key,
            key_version,
        })
    }

    /// The page on which the store's owner consents.
    pub fn page(&self, redirect: &str, state: &str) -> String {
        let client_id = self.client_id.expose_secret();
        let query = encode(&[
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect),
            ("scope", SCOPE),
            // Whoever refuses is sent back too, instead of being left on the mall's page.
            ("bail", "1"),
            ("state", state),
        ]);
        format!("{}/yconnect/v2/authorization?{}", self.url, String::from_utf8_lossy(&query))
    }

    /// The code that the page gave, for a refresh token.
    pub async fn redeem(&self, wire: &Wire, code: &str, redirect: &str) -> Result<SecretString> {
        let form = [("grant_type", "authorization_code"), ("code", code.trim()), ("redirect_uri", redirect)];
        let answer = self.ask(wire, &form).await?;
        let granted = read_token(&answer.body).filter(|_| answer.status == 200).and_then(|granted| granted.refresh);
        granted.ok_or_else(|| faults::fault(wire, CONTEXT, &answer, "the answer holds no refresh token".into()))
    }

    /// The cached access token, or a fresh one.
    pub async fn token(&self, wire: &Wire) -> Result<SecretString> {
        wire.token(TOKEN, self.refresh(wire)).await
    }

    /// Forgets the token when the mall says that it is no good any more.
    pub async fn heed(&self, wire: &Wire, class: &Class) {
        if matches!(class, Class::Auth { renewable: true }) {
            wire.forget_token(TOKEN).await;
        }
    }

    /// Adds the two signature headers of order calls.
    pub fn sign(&self, wire: &Wire, context: Context, request: &mut HttpRequest) -> Result<()> {
        let plain = format!("{}:{}", self.seller_id, wire.now().as_second());
        let encrypted = self.key.encrypt(&mut Random(|bytes| wire.fill(bytes)), Pkcs1v15Encrypt, plain.as_bytes());
        let Ok(encrypted) = encrypted else {
            let message = "the public key is too short for the signature: enter the one from 暗号鍵管理";
            return Err(wire.error(context.operation, Class::Auth { renewable: false }, message));
        };
        let ascii = "base64 and digits are header text";
        request.headers.insert("x-sws-signature", STANDARD.encode(encrypted).parse().expect(ascii));
        request.headers.insert("x-sws-signature-version", self.key_version.parse().expect(ascii));
        Ok(())
    }

    async fn refresh(&self, wire: &Wire) -> Result<Token> {
        let Some(refresh_token) = &self.refresh_token else {
            let message = "there is no refresh token: the store owner must consent, and `refresh_token` goes into the channel's credentials";
            return Err(wire.error(CONTEXT.operation, Class::Auth { renewable: false }, message));
        };
        let in_force = wire.in_force(CONTEXT.operation, REFRESH_TOKEN, refresh_token).await?;
        let answer =
            self.ask(wire, &[("grant_type", REFRESH_TOKEN), (REFRESH_TOKEN, in_force.expose_secret())]).await?;
        let granted = read_token(&answer.body).filter(|_| answer.status == 200);
        let granted =
            granted.ok_or_else(|| faults::fault(wire, CONTEXT, &answer, "the answer holds no access token".into()))?;
        // The mall says that it never replaces it, one client that it does. Kept for good before anything else is used.
        if let Some(fresh) = granted.refresh.filter(|fresh| fresh.expose_secret() != in_force.expose_secret()) {
            wire.replaced(CONTEXT.operation, REFRESH_TOKEN, refresh_token, &fresh).await?;
        }
        Ok(granted.token)
    }

    async fn ask(&self, wire: &Wire, form: &[(&str, &str)]) -> Result<Answer> {
        let mut request = post(format!("{}/yconnect/v2/token", self.url), FORM, encode(form));
        let client = format!("{}:{}", self.client_id.expose_secret(), self.client_secret.expose_secret());
        authorize(&mut request, &format!("Basic {}", STANDARD.encode(client)));
        wire.call(Call::read(CONTEXT.operation, request)).await
    }
}

/// Did the mall accept the signature? Says what it said when not. No word from it counts as yes.
pub fn refused_signature(answer: &Answer) -> Option<String> {
    let status = answer.header(AUTHORIZE_STATUS).filter(|status| *status != "authorized")?;
    Some(excerpt(status.as_bytes()))
}

pub fn post(url: String, mime: &'static str, body: Vec<u8>) -> HttpRequest {
    let mut request = HttpRequest::new("POST".parse().expect("a method"), url);
    request.headers.insert("content-type", mime.parse().expect("a constant header value"));
    request.body = body;
    request
}

pub fn get(url: String, query: &[(&str, &str)]) -> HttpRequest {
    let query = String::from_utf8_lossy(&encode(query)).into_owned();
    HttpRequest::new("GET".parse().expect("a method"), format!("{url}?{query}"))
}

pub fn authorize(request: &mut HttpRequest, value: &str) {
    // A token with characters that no header can hold is sent as none, and refused as none.
    if let Ok(value) = value.parse() {
        request.headers.insert("authorization", value);
    }
    if let Some(value) = request.headers.get_mut("authorization") {
        value.set_sensitive(true);
    }
}

pub fn form_post(url: String, form: &[(&str, &str)]) -> HttpRequest {
    post(url, FORM, encode(form))
}

/// Percent-encodes everything but unreserved characters: a bare `+` would arrive as a space.
fn encode(form: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in form {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                body.push(char::from(byte));
            } else {
                body.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    body.into_bytes()
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Seconds,
}

/// The lifetime comes as a number or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

struct Granted {
    token: Token,
    refresh: Option<SecretString>,
}

fn read_token(body: &[u8]) -> Option<Granted> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let seconds = match answer.expires_in {
        Seconds::Number(seconds) => seconds,
        Seconds::Text(text) => text.parse().ok()?,
    };
    let usable = !answer.access_token.is_empty() && seconds <= 86_400;
    let refresh = answer.refresh_token.filter(|token| !token.trim().is_empty()).map(SecretString::from);
    let token = Token { secret: answer.access_token.into(), lives: Duration::from_secs(seconds) };
    usable.then_some(Granted { token, refresh })
}

fn wrong(key: &str, message: &str) -> SettingsError {
    SettingsError { key: format!("credentials.{key}"), message: message.into() }
}

/// Lends any source of bytes to the `rsa` crate.
pub struct Random<F: FnMut(&mut [u8])>(pub F);

impl<F: FnMut(&mut [u8])> RngCore for Random<F> {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl<F: FnMut(&mut [u8])> CryptoRng for Random<F> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_signs_and_separators_apart() {
        let body = encode(&[("item_code", "tea-01,tea:red"), ("quantity", "+5,-3"), ("x", "あ b&c=")]);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            "item_code=tea-01%2Ctea%3Ared&quantity=%2B5%2C-3&x=%E3%81%82%20b%26c%3D"
        );
    }

    #[test]
    fn a_lifetime_may_be_a_number_or_text_and_must_be_sane() {
        let lives = |body: &str| read_token(body.as_bytes()).map(|granted| granted.token.lives.as_secs());
        assert_eq!(lives(r#"{"access_token":"t","expires_in":3600,"token_type":"Bearer"}"#), Some(3600));
        assert_eq!(lives(r#"{"access_token":"t","expires_in":"3600"}"#), Some(3600));
        for body in [
            r#"{"access_token":"","expires_in":3600}"#,
            r#"{"access_token":"t","expires_in":-1}"#,
            r#"{"access_token":"t","expires_in":99999999999}"#,
            r#"{"access_token":"t"}"#,
            r#"{"error":"invalid_grant"}"#,
            "",
        ] {
            assert_eq!(lives(body), None, "{body}");
        }
    }
}
