//! One seller's account with one application: its book, its tokens, the second level of its quantities, and the
//! switches for what nobody is sure of.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use uriba_sdk::fake::{Book, Item};
use wiremock::Request;

use super::{
    CLIENT_ID,
    reply::{Refused, error},
};
use crate::card::CARD;

pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_secs(7_200);
pub const REFRESH_LIFE: SignedDuration = SignedDuration::from_secs(47_304_000);
/// Revisions of one listing on one calendar day.
pub const REVISIONS: u32 = 250;
/// Calls on one day for applications that eBay has not looked at, and as seen for others.
const CALLS: u64 = 5_000;
const CALLS_SEEN: [(&str, u64); 2] = [("inventory", 2_000_000), ("fulfillment", 100_000)];

/// Siblings of an item by which tests make odd listings.
pub const TRADING: &str = "made by the Trading API";
pub const UNLISTED: &str = "no published offer";
pub const AUCTION: &str = "units in an auction beside";
const ITEM_MORE: &str = "item level above what shows";
const OFFER_MORE: &str = "offer level above what shows";

pub const SWITCHES: &[&str] = &[
    "one_sku_per_call",
    "one_sku_per_call_by_entry",
    "one_entry_per_sku",
    "all_refused_is_400",
    "levels_fail_apart",
    "offer_level_overrules",
    "sales_leave_the_item_level",
    "sales_leave_the_offer_level",
    "unknown_id_fails_the_call",
    "unknown_sku_fails_the_read",
    "unknown_sku_is_400",
    "no_offers_is_an_empty_list",
    "out_of_stock_control_off",
    "partly_shipped_lines_say_not_started",
    "times_have_milliseconds",
    "renewal_rotates_the_refresh_token",
    "renewal_tells_the_end",
    "few_scopes",
    "few_calls",
];

#[derive(Clone, Copy)]
pub enum Switch {
    /// The method's description is right: a call with several SKUs is refused.
    OneSkuPerCall,
    /// … or only its first SKU is taken.
    OneSkuPerCallByEntry,
    /// The answer of a bulk write has entries of offers only, none of the items.
    OneEntryPerSku,
    AllRefusedIs400,
    /// What is refused by order of the test is refused at the offer, after the item was written.
    LevelsFailApart,
    /// An offer's figure overrules the item's, instead of the smaller one.
    OfferLevelOverrules,
    /// A sale lowers what shows, and not the item's figure (or the offer's).
    SalesLeaveTheItemLevel,
    SalesLeaveTheOfferLevel,
    UnknownIdFailsTheCall,
    UnknownSkuFailsTheRead,
    UnknownSkuIs400,
    NoOffersIsAnEmptyList,
    OutOfStockControlOff,
    PartlyShippedLinesSayNotStarted,
    TimesHaveMilliseconds,
    RenewalRotatesTheRefreshToken,
    RenewalTellsTheEnd,
    /// The seller consented to orders and stock alone.
    FewScopes,
    /// The application has the 5,000 calls a day that every new one has.
    FewCalls,
}

pub struct Shop {
    pub book: Book,
    pub name: String,
    on: Mutex<BTreeSet<&'static str>>,
    tokens: Mutex<HashMap<String, Granted>>,
    codes: Mutex<BTreeSet<String>>,
    revisions: Mutex<HashMap<(String, Date), u32>>,
    calls: Mutex<HashMap<&'static str, u64>>,
    rotation: AtomicU64,
    revoked: AtomicBool,
    issued: AtomicU64,
}

/// An access token: until when, and whether it is the application's own.
#[derive(Clone, Copy)]
struct Granted {
    until: Timestamp,
    application: bool,
}

impl Shop {
    pub fn new(book: Book, name: &str) -> Self {
        Self {
            book,
            name: name.to_owned(),
            on: Mutex::default(),
            tokens: Mutex::default(),
            codes: Mutex::default(),
            revisions: Mutex::default(),
            calls: Mutex::default(),
            rotation: AtomicU64::new(0),
            revoked: AtomicBool::new(false),
            issued: AtomicU64::new(0),
        }
    }

    pub fn seller(&self) -> String {
        format!("uriba_fake_{}", self.name)
    }

    pub fn client_secret(&self) -> String {
        format!("SBX-secret-of-{}", self.name)
    }

    /// The header by which the application proves itself to the token endpoint.
    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{}", self.client_secret())))
    }

    pub fn ru_name(&self) -> String {
        format!("Uriba-urfake-{}-xyz", self.name)
    }

    /// With the marks that eBay's tokens have, which break wherever they are not encoded.
    pub fn refresh_token(&self) -> String {
        format!("v^1.1#i^1#refresh-{}+{}==", self.name, self.rotation.load(Ordering::Relaxed))
    }

    pub fn rotate(&self) {
        self.rotation.fetch_add(1, Ordering::Relaxed);
    }

    pub fn issue_code(&self) -> String {
        let code = format!("v^1.1#i^1#code-{}&{}==", self.name, self.next());
        lock(&self.codes).insert(code.clone());
        code
    }

    /// Each code is good for one use.
    pub fn redeem_code(&self, code: &str) -> bool {
        lock(&self.codes).remove(code)
    }

    pub fn is_on(&self, switch: Switch) -> bool {
        lock(&self.on).contains(SWITCHES[switch as usize])
    }

    pub fn turn(&self, name: &str, on: bool) {
        let Some(name) = SWITCHES.iter().find(|known| **known == name) else { return };
        let mut switches = lock(&self.on);
        let _ = if on { switches.insert(name) } else { switches.remove(name) };
    }

    pub fn revoke(&self, revoked: bool) {
        self.revoked.store(revoked, Ordering::Relaxed);
        lock(&self.tokens).clear();
    }

    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }

    pub fn issue_token(&self, application: bool) -> String {
        let token = format!("v^1.1#i^1#access-{}-{}", self.name, self.next());
        let until = self.book.now().saturating_add(TOKEN_LIFE).unwrap_or(Timestamp::MAX);
        lock(&self.tokens).insert(token.clone(), Granted { until, application });
        token
    }

    /// Lets a request with a living token of the right kind in, and counts it.
    pub fn admit(&self, request: &Request, api: &'static str) -> Result<(), Refused> {
        *lock(&self.calls).entry(api).or_default() += 1;
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let found = header.strip_prefix("Bearer ").and_then(|token| lock(&self.tokens).get(token).copied());
        let Some(granted) = found.filter(|granted| self.book.now() < granted.until) else {
            return Err(error(401, 1001, "Invalid access token").into());
        };
        let lacks = self.is_on(Switch::FewScopes) && matches!(api, "identity" | "account");
        if granted.application != (api == "analytics") || lacks {
            return Err(error(403, 1100, "Access denied: insufficient permissions to fulfill the request").into());
        }
        Ok(())
    }

    pub fn limit(&self, api: &str) -> u64 {
        let seen = CALLS_SEEN.iter().find(|(name, _)| *name == api && !self.is_on(Switch::FewCalls));
        seen.map_or(CALLS, |(_, calls)| *calls)
    }

    pub fn remaining(&self, api: &str) -> u64 {
        self.limit(api).saturating_sub(lock(&self.calls).get(api).copied().unwrap_or_default())
    }

    pub fn next(&self) -> u64 {
        self.issued.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// An order's time as eBay states it: whole seconds in every published answer, three digits in the description.
    pub fn stated(&self, instant: Timestamp) -> Timestamp {
        let cut = match self.is_on(Switch::TimesHaveMilliseconds) {
            true => Timestamp::from_millisecond(instant.as_millisecond()),
            false => Timestamp::from_second(instant.as_second()),
        };
        cut.unwrap_or(instant)
    }

    /// A record of the Inventory API; a listing of the Trading API has none.
    pub fn record(&self, sku: &str) -> Option<Item> {
        self.book.item(sku).filter(|item| !item.siblings.contains_key(TRADING))
    }

    pub fn is_listed(item: &Item) -> bool {
        !item.siblings.contains_key(UNLISTED)
    }

    /// The item's figure and the fixed-price offer's.
    pub fn levels(&self, item: &Item) -> (i64, i64) {
        let level = |more: &str, untouched: bool| {
            if untouched { item.submitted } else { item.counter + number(item, more) }
        };
        (
            level(ITEM_MORE, self.is_on(Switch::SalesLeaveTheItemLevel)).max(0),
            level(OFFER_MORE, self.is_on(Switch::SalesLeaveTheOfferLevel)).max(0),
        )
    }

    /// Writes what is given of the two levels; what shows follows.
    pub fn write(&self, sku: &str, item_level: Option<i64>, offer_level: Option<i64>) {
        let Some(item) = self.book.item(sku) else { return };
        let (old_item, old_offer) = self.levels(&item);
        let (total, offered) = (item_level.unwrap_or(old_item), offer_level.unwrap_or(old_offer));
        let shown = if self.is_on(Switch::OfferLevelOverrules) { offered } else { total.min(offered) };
        self.book.set(sku, shown);
        self.book.with_item(sku, |item| {
            for (name, level) in [(ITEM_MORE, total), (OFFER_MORE, offered)] {
                match level - item.counter {
                    0 => item.siblings.remove(name),
                    more => item.siblings.insert(name.into(), more.to_string()),
                };
            }
            if shown == 0 && self.is_on(Switch::OutOfStockControlOff) {
                item.siblings.insert(UNLISTED.into(), "ended at zero".into());
            }
        });
    }

    /// Counts a revision of the SKU's listing, unless there were as many today as there may be.
    pub fn revise(&self, sku: &str) -> bool {
        let zone = TimeZone::get(CARD.zone).unwrap_or(TimeZone::UTC);
        let today = self.book.now().to_zoned(zone).date();
        let mut revisions = lock(&self.revisions);
        let count = revisions.entry((sku.to_owned(), today)).or_default();
        let may = *count < REVISIONS;
        *count += u32::from(may);
        may
    }

    /// The id of the SKU's fixed-price offer. That of its auction ends with another digit.
    pub fn offer_id(&self, sku: &str, auction: bool) -> String {
        let hash = format!("{}/{sku}", self.name)
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("8{:011}{}", hash % 100_000_000_000, u8::from(auction))
    }
}

/// A figure among an item's siblings.
pub fn number(item: &Item, name: &str) -> i64 {
    item.siblings.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no panic happens under this lock")
}
