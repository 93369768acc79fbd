//! Single movements, as a person or another program states them: goods in, goods out, from here to there, a
//! count. Each is a fact: it is booked also where it leaves less than nothing, and then somebody is told.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    Result, Store, StoreError,
    attention::Call,
    entity::{location, sku, stock_balance},
    log::Entry as LogEntry,
    stock::{Count, Movement},
    token::hex,
};
use crate::domain::{
    ledger::{BINS, Entry, MAIN},
    spelling,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MoveKind {
    Receipt,
    Issue,
    Transfer,
    /// A count of the location with all its bins.
    Stocktake,
}

/// A movement as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Movement)]
pub struct Move {
    /// The caller's own: the same again is booked once.
    pub key: String,
    pub kind: MoveKind,
    pub sku: String,
    pub location: String,
    /// The main bin when not given.
    pub bin: Option<String>,
    /// Of a transfer; the same location when only a bin is given.
    pub to: Option<String>,
    pub to_bin: Option<String>,
    pub quantity: i64,
    /// Now, when not given.
    pub occurred_at: Option<Timestamp>,
    pub reason: Option<String>,
}

/// Clocks of other machines may be so much ahead.
const AHEAD_MAX: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

impl Store {
    /// Books it, in the log with who and why. Returns false when it was booked before under its key.
    pub async fn move_stock(&self, wanted: &Move, who: &str) -> Result<bool> {
        let tx = self.begin().await?;
        let occurred_at = self.occurred_at(wanted)?;
        let stock = self.sku(&tx, &wanted.sku).await?;
        let entries = entries(&tx, wanted).await?;
        let content = serde_json::to_vec(wanted).expect("texts and numbers are always JSON");
        let digest = hex(&Sha256::digest(content));
        let key = format!("move/{}", wanted.key);
        if self.done_before(&tx, &key, &digest).await? {
            return Ok(false);
        }
        if wanted.kind == MoveKind::Stocktake {
            let count = Count {
                key,
                sku_id: stock.id,
                location: entries[0].location.clone(),
                counted: wanted.quantity,
                as_of: occurred_at,
                source: format!("by {who}"),
                reason: wanted.reason.clone(),
                import_id: None,
            };
            self.count(&tx, vec![count]).await?;
        } else {
            let movement = Movement {
                key,
                kind: wanted.kind.word(),
                sku_id: stock.id,
                occurred_at,
                source: format!("by {who}"),
                reason: wanted.reason.clone(),
                import_id: None,
                entries: entries.clone(),
            };
            self.book(&tx, vec![movement]).await?;
            self.report_short(&tx, &stock, &entries, who).await?;
        }
        let subject = format!("sku/{}", stock.code);
        let why = wanted.reason.as_deref();
        let detail = Some(wanted.sentence());
        self.write_log(&tx, LogEntry { who, what: wanted.kind.deed(), subject: &subject, why, detail }).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(true)
    }

    fn occurred_at(&self, wanted: &Move) -> Result<Timestamp> {
        self.not_ahead("occurred_at", wanted.occurred_at.unwrap_or(self.now()))
    }

    /// The instant, if it has come; clocks of other machines may be a little ahead.
    pub(super) fn not_ahead(&self, field: &str, at: Timestamp) -> Result<Timestamp> {
        let now = self.now();
        if at > now.saturating_add(AHEAD_MAX).unwrap_or(Timestamp::MAX) {
            return Err(StoreError::Invalid(format!("{field}: {at} lies in the future: it is {now} here")));
        }
        Ok(at.min(now))
    }

    async fn report_short(
        &self,
        tx: &DatabaseTransaction,
        sku: &sku::Model,
        entries: &[Entry],
        who: &str,
    ) -> Result<()> {
        for entry in entries.iter().filter(|entry| entry.quantity < 0) {
            let place = (sku.id, entry.location.clone(), entry.bin.clone());
            let left = stock_balance::Entity::find_by_id(place).one(tx).await?.map_or(0, |row| row.quantity);
            if left >= 0 {
                continue;
            }
            let (code, location, bin) = (&sku.code, &entry.location, &entry.bin);
            let message = format!(
                "{location} would have {left} of {code} in its {bin} bin after what {who} took out: more was moved \
                 than the ledger has there; count it"
            );
            let subject = format!("{code}@{location}");
            let sku = Some(code.clone());
            self.raise(tx, Call { kind: "negative_location", subject, sku, message, ..Call::default() }).await?;
        }
        Ok(())
    }
}

impl MoveKind {
    pub const WORDS: [&'static str; 4] = ["receipt", "issue", "transfer", "stocktake"];

    pub fn word(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Issue => "issue",
            Self::Transfer => "transfer",
            Self::Stocktake => "stocktake",
        }
    }

    /// As the log calls it.
    fn deed(self) -> &'static str {
        match self {
            Self::Receipt => "stock.receive",
            Self::Issue => "stock.issue",
            Self::Transfer => "stock.transfer",
            Self::Stocktake => "stock.count",
        }
    }
}

impl Move {
    pub fn sentence(&self) -> String {
        let bin = |bin: &Option<String>| bin.as_ref().map_or(String::new(), |bin| format!("/{bin}"));
        let from = format!("{}{}", self.location, bin(&self.bin));
        match self.kind {
            MoveKind::Receipt => format!("{} into {from}", self.quantity),
            MoveKind::Issue => format!("{} out of {from}", self.quantity),
            MoveKind::Transfer => {
                let to = self.to.as_ref().unwrap_or(&self.location);
                format!("{} from {from} to {to}{}", self.quantity, bin(&self.to_bin))
            }
            MoveKind::Stocktake => format!("counted {} at {from}", self.quantity),
        }
    }

    /// What the words alone show to be wrong: the field, and what to do.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let faulty = |field, text: &str| spelling::fault(text).map(|fault| (field, fault.to_owned()));
        if let Some(found) =
            faulty("key", &self.key).or(faulty("sku", &self.sku)).or(faulty("location", &self.location))
        {
            return Some(found);
        }
        if self.key.len() > KEY_MAX {
            return Some(("key", format!("is longer than {KEY_MAX} bytes")));
        }
        let least = i64::from(self.kind != MoveKind::Stocktake);
        if !(least..=QUANTITY_MAX).contains(&self.quantity) {
            return Some(("quantity", format!("must be between {least} and {QUANTITY_MAX}")));
        }
        for (field, bin) in [("bin", &self.bin), ("to_bin", &self.to_bin)] {
            if let Some(bin) = bin.as_deref().filter(|bin| !BINS.contains(bin)) {
                return Some((field, format!("{bin:?} is no bin; there are: {}", BINS.join(", "))));
            }
        }
        if self.kind == MoveKind::Stocktake && self.bin.is_some() {
            return Some(("bin", "a count covers the location with all its bins: leave it out".into()));
        }
        let moves = self.to.is_some() || self.to_bin.is_some();
        if moves != (self.kind == MoveKind::Transfer) {
            let what = if moves { "only a transfer has a destination" } else { "a transfer needs `to` or `to_bin`" };
            return Some(("to", what.into()));
        }
        let stays = self.to.as_ref().is_none_or(|to| *to == self.location)
            && self.to_bin.as_deref().unwrap_or(MAIN) == self.bin.as_deref().unwrap_or(MAIN);
        (moves && stays).then(|| ("to", "is where the units lie already".into()))
    }
}

/// Leaves room for our prefix in an indexed column.
const KEY_MAX: usize = 150;
/// Far above any shop's stock, far below what sums could overflow with.
pub const QUANTITY_MAX: i64 = 1_000_000_000;

async fn entries(tx: &DatabaseTransaction, wanted: &Move) -> Result<Vec<Entry>> {
    if let Some((field, fault)) = wanted.fault() {
        return Err(StoreError::Invalid(format!("{field}: {fault}")));
    }
    let place = |location: String, bin: &Option<String>, quantity| Entry {
        location,
        bin: bin.clone().unwrap_or_else(|| MAIN.to_owned()),
        quantity,
    };
    let from = known_location(tx, "location", &wanted.location).await?;
    Ok(match wanted.kind {
        MoveKind::Receipt | MoveKind::Stocktake => vec![place(from, &wanted.bin, wanted.quantity)],
        MoveKind::Issue => vec![place(from, &wanted.bin, -wanted.quantity)],
        MoveKind::Transfer => {
            let to = known_location(tx, "to", wanted.to.as_ref().unwrap_or(&wanted.location)).await?;
            vec![place(from, &wanted.bin, -wanted.quantity), place(to, &wanted.to_bin, wanted.quantity)]
        }
    })
}

/// A location by its stored spelling; a typing mistake must not found a new shop.
pub(super) async fn known_location(tx: &DatabaseTransaction, field: &str, given: &str) -> Result<String> {
    let code = spelling::code(given);
    if let Some(row) = location::Entity::find().filter(location::Column::Code.eq(code.as_ref())).one(tx).await? {
        return Ok(row.code);
    }
    let known = location::Entity::find().order_by_asc(location::Column::Rank).all(tx).await?;
    let names: Vec<&str> = known.iter().take(20).map(|row| row.code.as_str()).collect();
    let names = if names.is_empty() { "none yet: name them in [pools]".to_owned() } else { names.join(", ") };
    Err(StoreError::Invalid(format!("{field}: there is no location {given:?}; known are {names}")))
}
