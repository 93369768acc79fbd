//! One selling account: its book, its tokens, and the switches for what nobody is sure of.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, MutexGuard, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uriba_sdk::fake::Book;
use wiremock::Request;

use super::{
    feeds::Feeds,
    reply::{Refused, denied},
};

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
    "feed_ends_fatal",
    "feed_is_cancelled",
    "feed_report_lacks_a_message",
    "feed_report_is_plain",
    "feed_waits_half_a_day",
    "created_after_is_inclusive",
    "refresh_token_rotates",
    "no_role_for_the_account",
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
    /// Feeds are aborted half-way, without a report.
    FeedEndsFatal,
    /// Somebody cancels feeds while they are in the queue.
    FeedIsCancelled,
    /// A report counts one message less than the feed had, which is not applied either.
    FeedReportLacksAMessage,
    /// Reports are not compressed.
    FeedReportIsPlain,
    /// Feeds stand behind others for twelve hours (models issue 4823).
    FeedWaitsHalfADay,
    /// `createdAfter` includes its instant.
    CreatedAfterIsInclusive,
    /// Each answer of the token endpoint gives another refresh token; the one before lives until the new one is used.
    RefreshTokenRotates,
    /// The application may not see the account.
    NoRoleForTheAccount,
}

pub struct Shop {
    pub book: Book,
    pub name: String,
    on: Mutex<BTreeSet<&'static str>>,
    tokens: Mutex<HashMap<String, Timestamp>>,
    pages: Mutex<HashMap<String, PageToken>>,
    revoked: AtomicBool,
    issued: AtomicU64,
    feeds: Mutex<Feeds>,
    storage: OnceLock<String>,
    /// Refresh tokens that are good: the one in use, and its successor until that is used.
    refresh: Mutex<Vec<String>>,
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
            feeds: Mutex::default(),
            storage: OnceLock::new(),
            refresh: Mutex::new(vec![first_refresh_token(name)]),
        }
    }

    pub fn seller(&self) -> String {
        format!("A1FAKE{}", self.name.to_uppercase())
    }

    pub fn client_secret(&self) -> String {
        format!("amzn1.oa2-cs.v1.secret-of-{}", self.name)
    }

    /// The refresh token that the seller was given once.
    pub fn refresh_token(&self) -> String {
        first_refresh_token(&self.name)
    }

    /// The refresh token that goes with an answer to this one; `None`: it is not good.
    pub fn refreshed(&self, token: &str) -> Option<String> {
        let mut good = lock(&self.refresh);
        let at = good.iter().position(|good| good == token)?;
        good.drain(..at);
        if !self.is_on(Switch::RefreshTokenRotates) {
            return Some(token.to_owned());
        }
        good.truncate(1);
        good.push(format!("Atzr|refresh+{}/{}==", self.name, self.next()));
        good.last().cloned()
    }

    pub fn hook_secret(&self) -> String {
        format!("hook-secret-shared-with-{}", self.name)
    }

    pub fn store(&self) -> String {
        format!("緑茶の店 {}", self.name)
    }

    pub fn feeds(&self) -> MutexGuard<'_, Feeds> {
        lock(&self.feeds)
    }

    /// Where the storage of feed documents answers.
    pub fn set_storage(&self, uri: String) {
        self.storage.get_or_init(|| uri);
    }

    pub fn storage(&self) -> &str {
        self.storage.get().map_or("", String::as_str)
    }

    /// How long a feed stands in the queue.
    pub fn queue(&self) -> SignedDuration {
        SignedDuration::from_mins(if self.is_on(Switch::FeedWaitsHalfADay) { 12 * 60 } else { 1 })
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

fn first_refresh_token(shop: &str) -> String {
    format!("Atzr|refresh+{shop}/==")
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no panic happens under this lock")
}
