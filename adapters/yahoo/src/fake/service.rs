//! What the mall asks of a request before it looks at the content, and its words for refusing one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use rsa::{
    Pkcs1v15Encrypt, RsaPrivateKey,
    pkcs8::{EncodePublicKey, LineEnding},
};
use serde_json::json;
use uriba_sdk::{
    card::{days, hours, seconds},
    fake::{Book, Dialect, Reply},
};
use wiremock::Request;

use super::{
    ERRORS_IN_JSON, KEY_EXPIRED, MAINTENANCE_BY_CODE, REFRESH_TOKEN_ROTATES, THROTTLES_WITH_429, UNREGISTERED_IP,
};
use crate::{auth::Random, jst};

/// Two shops of one fake application share it, as two stores of one seller may.
pub const CLIENT_ID: &str = "client-of-the-fake";
pub const CLIENT_SECRET: &str = "secret-of-the-fake";
pub const KEY_VERSION: &str = "3";
/// How old a signature may be. Not documented; a few minutes of clock difference must be bearable.
const SIGNATURE_AGE_S: i64 = 300;

pub struct Service {
    pub book: Book,
    pub seller_id: String,
    pub refresh_token: String,
    key: RsaPrivateKey,
    state: Mutex<State>,
}

pub struct State {
    pub switches: BTreeSet<&'static str>,
    /// The consent was taken back: every token is dead.
    pub revoked: bool,
    consented_at: Timestamp,
    /// An order call came without a good signature: the session ends twelve hours after the consent.
    cut: bool,
    issued: Vec<(String, Timestamp)>,
    /// Refresh tokens that are good.
    refresh: Vec<String>,
    /// Codes of the consent page, each with the address that it was given to.
    codes: Vec<(String, String, Timestamp)>,
    serial: u64,
    /// The stock file that was ordered last, and when it is done.
    pub file: Option<(String, Timestamp)>,
    /// Figures written to codes that the store doesn't list (yet).
    pub unlisted: BTreeMap<String, i64>,
}

impl State {
    pub fn consent(&mut self, now: Timestamp) {
        self.revoked = false;
        self.cut = false;
        self.consented_at = now;
    }

    fn session_ends(&self) -> Timestamp {
        jst::later(self.consented_at, if self.cut { hours(12) } else { days(28) })
    }
}

/// Part of every order id, as the mall's are.
pub fn seller_id(shop: &str) -> String {
    format!("cha-{shop}")
}

impl Service {
    pub fn new(book: Book, shop: &str) -> Self {
        let (seller_id, refresh_token) = (seller_id(shop), format!("refresh-token-of-shop-{shop}"));
        let state = State {
            refresh: vec![refresh_token.clone()],
            codes: Vec::new(),
            file: None,
            switches: BTreeSet::new(),
            revoked: false,
            consented_at: book.now(),
            cut: false,
            issued: Vec::new(),
            serial: 0,
            unlisted: BTreeMap::new(),
        };
        Self { book, seller_id, refresh_token, key: key_of(shop), state: Mutex::new(state) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }

    pub fn is(&self, switch: &str) -> bool {
        self.state().switches.contains(switch)
    }

    pub fn public_pem(&self) -> String {
        self.key.to_public_key().to_public_key_pem(LineEnding::LF).expect("a key that was just made")
    }

    /// The token endpoint.
    pub fn issue(&self, request: &Request) -> Reply {
        let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
        if header(request, "authorization") != basic {
            return Reply::json(
                401,
                &json!({"error": "invalid_client", "error_description": "client is not authorized"}),
            );
        }
        let Some(form) = form(request) else {
            return Reply::json(400, &json!({"error": "invalid_request"}));
        };
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        match field("grant_type") {
            "refresh_token" => self.refreshed(field("refresh_token")),
            "authorization_code" => self.consented(field("code"), field("redirect_uri")),
            _ => Reply::json(400, &json!({"error": "unsupported_grant_type"})),
        }
    }

    fn refreshed(&self, given: &str) -> Reply {
        let rotates = self.is(REFRESH_TOKEN_ROTATES);
        let now = self.book.now();
        let mut state = self.state();
        let dead = state.revoked || now >= state.session_ends();
        let Some(at) = state.refresh.iter().position(|good| good == given).filter(|_| !dead) else {
            return dead_grant();
        };
        let mut body = self.granted(&mut state, now);
        if rotates {
            // The one before lives until its successor is used.
            state.refresh.truncate(at + 1);
            state.refresh.drain(..at);
            let fresh = format!("refresh-token-{}-{}", state.serial, self.seller_id);
            state.refresh.push(fresh.clone());
            body["refresh_token"] = json!(fresh);
        }
        Reply::json(200, &body)
    }

    /// A code is good once, for ten minutes, and for the address that it was sent to.
    fn consented(&self, code: &str, redirect: &str) -> Reply {
        let now = self.book.now();
        let mut state = self.state();
        let known = |(given, to, until): &(String, String, Timestamp)| given == code && to == redirect && now < *until;
        let Some(at) = state.codes.iter().position(known) else { return dead_grant() };
        state.codes.remove(at);
        state.consent(now);
        let mut body = self.granted(&mut state, now);
        let fresh = format!("refresh-token-{}-{}", state.serial, self.seller_id);
        state.refresh.push(fresh.clone());
        (body["refresh_token"], body["id_token"]) = (json!(fresh), json!("e30.e30.c2ln"));
        Reply::json(200, &body)
    }

    fn granted(&self, state: &mut State, now: Timestamp) -> serde_json::Value {
        state.serial += 1;
        let token = format!("access-token-{}-{}", state.serial, self.seller_id);
        state.issued.push((token.clone(), jst::later(now, seconds(3_600))));
        json!({"access_token": token, "token_type": "Bearer", "expires_in": 3_600})
    }

    /// The owner agrees on the page, which sends them back with this.
    pub fn agree(&self, redirect: &str) -> String {
        let until = jst::later(self.book.now(), seconds(600));
        let mut state = self.state();
        state.serial += 1;
        let code = format!("code+{}/of={}", state.serial, self.seller_id);
        state.codes.push((code.clone(), redirect.to_owned(), until));
        code
    }

    /// What every API asks for.
    pub fn admit(&self, request: &Request) -> Result<(), Reply> {
        let now = self.book.now();
        let state = self.state();
        let bearer = header(request, "authorization").strip_prefix("Bearer ");
        let valid =
            bearer.is_some_and(|bearer| state.issued.iter().any(|(token, until)| token == bearer && now < *until));
        let (revoked, over) = (state.revoked, state.cut && now >= state.session_ends());
        drop(state);
        if !valid || revoked {
            return Err(self.unauthorized());
        }
        if over {
            let message = "AccessToken has been expired. This API session is shorter than another API.";
            return Err(self.error(401, "px-04102", message));
        }
        Ok(())
    }

    /// What order APIs ask for beside that; gives the value of `X-SWS-Authorize-Status`.
    pub fn admit_to_orders(&self, request: &Request) -> Result<&'static str, Reply> {
        self.admit(request)?;
        if self.is(UNREGISTERED_IP) {
            return Err(self.error(403, "px-04306", "The IP address is not registered for using this API."));
        }
        if request.method.as_str() == "POST" && !header(request, "content-type").starts_with("application/xml") {
            return Err(self.error(400, "od90101", "Request Parameter Error : Content-Type"));
        }
        if self.is_signed(request) && !self.is(KEY_EXPIRED) {
            return Ok("authorized");
        }
        self.state().cut = true;
        Ok("signature-unacceptable")
    }

    fn is_signed(&self, request: &Request) -> bool {
        let Ok(encrypted) = STANDARD.decode(header(request, "x-sws-signature")) else { return false };
        let Ok(plain) = self.key.decrypt(Pkcs1v15Encrypt, &encrypted) else { return false };
        let plain = String::from_utf8(plain).unwrap_or_default();
        let Some((seller_id, sent_at)) = plain.split_once(':') else { return false };
        let age =
            sent_at.parse::<i64>().map(|sent_at| self.book.now().as_second().saturating_sub(sent_at).saturating_abs());
        header(request, "x-sws-signature-version") == KEY_VERSION
            && seller_id == self.seller_id
            && age.is_ok_and(|age| age <= SIGNATURE_AGE_S)
    }

    pub fn error(&self, status: u16, code: &str, message: &str) -> Reply {
        if self.is(ERRORS_IN_JSON) {
            return Reply::json(status, &json!({"Error": {"Message": [message], "Code": [code]}}));
        }
        let code = if code.is_empty() { String::new() } else { format!("<Code>{code}</Code>") };
        let body = format!("<?xml version='1.0' encoding='utf-8'?><Error><Message>{message}</Message>{code}</Error>");
        Reply::xml(status, body)
    }

    fn unauthorized(&self) -> Reply {
        let challenge = "Bearer realm=\"yahooapis.jp\", error=\"invalid_token\", error_description=\"expired token\"";
        let body = format!("<Error><Message>Please provide valid credentials. {}</Message></Error>", challenge);
        Reply::xml(401, body).with_header("WWW-Authenticate", challenge)
    }
}

fn dead_grant() -> Reply {
    Reply::json(400, &json!({"error": "invalid_grant", "error_description": "expired or revoked", "error_code": 4101}))
}

/// How this mall words what every mall has to say.
pub struct Words(pub Arc<Service>);

impl Dialect for Words {
    fn throttled(&self, operation: &str, retry_after: Option<u64>) -> Reply {
        let reply = match operation {
            "auth.token" => Reply::json(429, &json!({"error": "temporarily_unavailable"})),
            _ if self.0.is(THROTTLES_WITH_429) => self.0.error(429, "", "Too Many Requests"),
            _ => self.0.error(403, "", "Your Request was Forbidden"),
        };
        match retry_after {
            Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
            None => reply,
        }
    }

    fn maintenance(&self, _operation: &str) -> Reply {
        if self.0.is(MAINTENANCE_BY_CODE) {
            return self.0.error(400, "ed-00002", "Under maintenance");
        }
        self.0.error(503, "503", "API_MAINTENANCE")
    }

    fn expired(&self, operation: &str) -> Reply {
        match operation {
            "auth.token" => Reply::json(400, &json!({"error": "invalid_grant"})),
            _ => self.0.unauthorized(),
        }
    }

    fn broken(&self, _operation: &str, status: u16) -> Reply {
        self.0.error(status, &status.to_string(), "Internal Error")
    }
}

pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The fields of a form as a server reads them: a bare `+` is a space. `None` when it isn't a form.
pub fn form(request: &Request) -> Option<BTreeMap<String, String>> {
    if !header(request, "content-type").starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let body = std::str::from_utf8(&request.body).ok()?;
    body.split('&')
        .map(|pair| pair.split_once('=').and_then(|(name, value)| Some((decoded(name)?, decoded(value)?))))
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A key pair for tests only, too short for anything else: made once per shop and process from a fixed seed.
fn key_of(shop: &str) -> RsaPrivateKey {
    static KEYS: OnceLock<Mutex<BTreeMap<String, RsaPrivateKey>>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().expect("no panic happens under this lock");
    let key = keys.entry(shop.to_owned()).or_insert_with(|| {
        let seed = shop.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut bytes = StdRng::seed_from_u64(seed);
        RsaPrivateKey::new(&mut Random(|into| bytes.fill_bytes(into)), 1_024).expect("a size that the crate makes")
    });
    key.clone()
}
