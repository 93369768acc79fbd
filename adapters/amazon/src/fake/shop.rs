//! One selling account: its book, its tokens, and the switches for what nobody is sure of.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uriba_sdk::fake::Book;
use wiremock::Request;

use super::reply::{Refused, denied};

/// An access token's life (connecting-to-the-selling-partner-api).
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_secs(3_600);

pub const SWITCHES: &[&str] = &[
    "unknown_sku_is_404",
    "unknown_sku_is_accepted",
    "omits_quantity_fulfilled",
    "partial_cancel_keeps_ordered",
    "fba_takes_a_second_entry",
    "effective_at_once",
    "effective_after_an_hour",
];

#[derive(Clone, Copy)]
pub enum Switch {
    /// A patch of an unknown SKU is answered with 404 instead of `INVALID`.
    UnknownSkuIs404,
    /// … or accepted, and nothing comes of it (models issue 2797).
    UnknownSkuIsAccepted,
    OmitsQuantityFulfilled,
    /// A partly cancelled line keeps its `quantityOrdered` instead of shrinking, to zero if need be.
    PartialCancelKeepsOrdered,
    /// An FBA listing accepts a merchant's quantity as a second entry (models issue 2061) instead of refusing.
    FbaTakesASecondEntry,
    EffectiveAtOnce,
    EffectiveAfterAnHour,
}

pub struct Shop {
    pub book: Book,
    pub name: String,
    on: Mutex<BTreeSet<&'static str>>,
    tokens: Mutex<HashMap<String, Timestamp>>,
    pages: Mutex<HashMap<String, PageToken>>,
    revoked: AtomicBool,
    issued: AtomicU64,
}

/// What a page token stands for: the parameters it was given for, the last row before it, and when.
#[derive(Clone)]
pub struct PageToken {
    pub parameters: Vec<(String, String)>,
    pub after: (i64, String),
    pub issued_at: Timestamp,
}

impl Shop {
    pub fn new(book: Book, name: &str) -> Self {
        Self {
            book,
            name: name.to_owned(),
            on: Mutex::default(),
            tokens: Mutex::default(),
            pages: Mutex::default(),
            revoked: AtomicBool::new(false),
            issued: AtomicU64::new(0),
        }
    }

    pub fn seller(&self) -> String {
        format!("A1FAKE{}", self.name.to_uppercase())
    }

    pub fn client_secret(&self) -> String {
        format!("amzn1.oa2-cs.v1.secret-of-{}", self.name)
    }

    pub fn refresh_token(&self) -> String {
        format!("Atzr|refresh+{}/==", self.name)
    }

    pub fn is_on(&self, switch: Switch) -> bool {
        lock(&self.on).contains(SWITCHES[switch as usize])
    }

    pub fn turn(&self, name: &str, on: bool) {
        let Some(name) = SWITCHES.iter().find(|known| **known == name) else { return };
        let mut switches = lock(&self.on);
        if on {
            switches.insert(name)
        } else {
            switches.remove(name)
        };
    }

    /// From acceptance to effect.
    pub fn effect_delay(&self) -> Duration {
        match () {
            () if self.is_on(Switch::EffectiveAtOnce) => Duration::ZERO,
            () if self.is_on(Switch::EffectiveAfterAnHour) => Duration::from_secs(3_600),
            () => Duration::from_secs(240),
        }
    }

    pub fn revoke(&self, revoked: bool) {
        self.revoked.store(revoked, Ordering::Relaxed);
        lock(&self.tokens).clear();
    }

    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }

    pub fn issue_token(&self) -> String {
        let token = format!("Atza|{}-{}", self.name, self.next());
        let until = self.book.now().saturating_add(TOKEN_LIFE).unwrap_or(Timestamp::MAX);
        lock(&self.tokens).insert(token.clone(), until);
        token
    }

    /// Keeps what a further page needs, under a token that breaks wherever it is not encoded.
    pub fn issue_page(&self, parameters: Vec<(String, String)>, after: (i64, String)) -> String {
        let token = format!("{}/pg+{:08x}==", self.name, self.next());
        let issued_at = self.book.now();
        lock(&self.pages).insert(token.clone(), PageToken { parameters, after, issued_at });
        token
    }

    pub fn page(&self, token: &str) -> Option<PageToken> {
        lock(&self.pages).get(token).cloned()
    }

    /// Lets a request with a living token and a user agent in.
    pub fn admit(&self, request: &Request) -> Result<(), Refused> {
        if request.headers.get("user-agent").is_none() {
            return Err(denied("A user-agent header is required.").into());
        }
        let token = request.headers.get("x-amz-access-token").and_then(|value| value.to_str().ok());
        let Some(token) = token else { return Err(denied("Access token is missing in the request header.").into()) };
        match lock(&self.tokens).get(token) {
            Some(until) if self.book.now() < *until => Ok(()),
            Some(_) => Err(denied("The access token you provided is expired.").into()),
            None => Err(denied("The access token you provided is revoked, malformed or invalid.").into()),
        }
    }

    pub fn next(&self) -> u64 {
        self.issued.fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no panic happens under this lock")
}
