//! The bodies of protocol 1, as `openapi.yaml` describes them. Questions are refused by the fake when they hold a field
//! that the protocol doesn't have; answers may hold anything beside what is read here.
//!
//! Words (`outcome`, `why`, `restored`, …) are texts and no enumerations: one that nobody knows yet must not break
//! what stands around it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uriba_sdk::Write;

/// Stands in every question and in every answer.
pub const PROTOCOL: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelloQuestion {
    pub protocol: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullQuestion {
    pub protocol: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Instead of a window: the id of an order that was split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    pub open_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersQuestion {
    pub protocol: u32,
    pub ids: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushQuestion {
    pub protocol: u32,
    pub updates: Vec<UpdateBody>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    pub write: Write,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveQuestion {
    pub protocol: u32,
    pub keys: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadQuestion {
    pub protocol: u32,
    pub items: Vec<ItemBody>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemBody {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketsQuestion {
    pub protocol: u32,
    pub tickets: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueQuestion {
    pub protocol: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct HelloAnswer {
    pub program: String,
    pub shop: String,
    #[serde(default)]
    pub notes: Vec<String>,
    pub token_ends: Option<Timestamp>,
}

/// Orders stay text until each is read by itself.
#[derive(Debug, Deserialize)]
pub struct PullAnswer<'a> {
    #[serde(borrow)]
    pub orders: Vec<&'a RawValue>,
    #[serde(default)]
    pub unread: Vec<UnreadBody>,
    pub next: Option<String>,
    pub read_to: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub struct OrdersAnswer<'a> {
    #[serde(borrow)]
    pub orders: Vec<&'a RawValue>,
    #[serde(default)]
    pub unread: Vec<UnreadBody>,
    #[serde(default)]
    pub missing: Vec<String>,
    #[serde(default)]
    pub gone: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct OrderBody {
    pub id: String,
    pub revision: Option<i64>,
    pub placed_at: Timestamp,
    pub updated_at: Option<Timestamp>,
    pub fulfilled_by: Option<String>,
    pub family: Option<FamilyBody>,
    pub lines: Vec<LineBody>,
}

#[derive(Debug, Deserialize)]
pub struct FamilyBody {
    pub id: String,
    #[serde(default)]
    pub original: bool,
}

/// `ordered` is all the quantity that a line must have. What else is absent means none.
#[derive(Debug, Deserialize)]
pub struct LineBody {
    pub id: String,
    pub key: Option<String>,
    pub ordered: u32,
    #[serde(default)]
    pub cancelled: u32,
    #[serde(default)]
    pub shipped: u32,
    #[serde(default)]
    pub returned: u32,
    pub restored: Option<String>,
    pub shipped_at: Option<Timestamp>,
    pub original: Option<u32>,
}

/// An order that the program could not read itself.
#[derive(Debug, Deserialize)]
pub struct UnreadBody {
    pub order_id: Option<String>,
    #[serde(default)]
    pub keys: Vec<String>,
    pub what: String,
}

#[derive(Debug, Deserialize)]
pub struct PushAnswer {
    pub outcomes: Vec<OutcomeBody>,
}

#[derive(Debug, Deserialize)]
pub struct OutcomeBody {
    pub key: String,
    pub outcome: String,
    pub now: Option<i64>,
    pub ticket: Option<String>,
    pub shows: Option<i64>,
    pub why: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct TicketsAnswer {
    pub tickets: Vec<TicketBody>,
}

#[derive(Debug, Deserialize)]
pub struct TicketBody {
    pub ticket: String,
    pub outcome: String,
    pub now: Option<i64>,
    pub shows: Option<i64>,
    pub why: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct ResolveAnswer {
    pub keys: Vec<KeyBody>,
}

#[derive(Debug, Deserialize)]
pub struct KeyBody {
    pub given: String,
    pub key: Option<String>,
    pub handle: Option<String>,
    pub write: Option<String>,
    pub problem: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct ReadAnswer {
    pub items: Vec<ReadingBody>,
}

#[derive(Debug, Deserialize)]
pub struct ReadingBody {
    pub key: String,
    pub quantity: Option<i64>,
    #[serde(default)]
    pub missing: bool,
    #[serde(default)]
    pub unlimited: bool,
    #[serde(default)]
    pub sells_past_zero: bool,
    #[serde(default)]
    pub not_ours: bool,
}

#[derive(Debug, Deserialize)]
pub struct CatalogueAnswer {
    pub items: Vec<ListedBody>,
    pub next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct ListedBody {
    pub key: String,
    pub code: Option<String>,
    pub jan: Option<String>,
    pub title: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct ErrorAnswer {
    pub error: ErrorBody,
}

#[derive(Debug, Deserialize)]
pub struct ErrorBody {
    pub class: String,
    pub message: Option<String>,
    pub code: Option<String>,
    /// Seconds.
    pub retry_after: Option<f64>,
    pub until: Option<String>,
    pub applied: Option<String>,
    #[serde(default)]
    pub refused: Vec<RefusedBody>,
}

#[derive(Debug, Deserialize)]
pub struct RefusedBody {
    pub index: usize,
    pub why: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
}

/// The body of an answer, if it is one of this protocol.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Version {
        protocol: u32,
    }
    let Version { protocol } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if protocol != PROTOCOL {
        return Err(format!("the program speaks protocol {protocol}, this adapter {PROTOCOL}"));
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}
