//! Changes of many numbers at once: weighed first, then made, or held until a person has seen the list.
//!
//! What is held is kept whole in the database, so it can be confirmed from the command line or over the API, by
//! another process and after a restart. At confirm it is weighed again: what has grown larger than what was shown is
//! held again. Orders, reservations, single movements and switches never come by here.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::import::{BookFile, Encoding, ImportReport, ImportState, Profile, import_book, preview_book};
use crate::{
    domain::{
        brake::{Brake, Tolls},
        bundle::Recipe,
        ledger::CountsShipments,
    },
    store::{
        Result, Store, StoreError,
        bundles::Packed,
        catalogue::{Mapped, Mapping},
        configuration::Configuration,
        entity::{attention, held_change},
        held::{Former, Held, ToHold, digest_of},
        preview::Changes,
    },
};

/// How a change is judged.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    pub brake: Brake,
    /// What a person was shown and has confirmed.
    confirmed: Option<Confirmed>,
}

#[derive(Clone, Debug)]
struct Confirmed {
    /// The row in which the change is held.
    id: i64,
    tolls: Tolls,
}

/// A change that was made, or waits.
#[derive(Clone, Debug, PartialEq)]
pub enum Put<T> {
    Done(T),
    Held(Held),
}

/// What became of an attention item.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    Closed(attention::Model),
    /// The change has grown since it was shown: it waits again, with the new list.
    HeldAgain(Held),
}

/// What became of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum InForce {
    Yes,
    Held(Held),
    /// A person refused it then: what was in force before stays.
    Refused(Timestamp),
}

/// A change, written down so that it can be made later.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    Listings { create_skus: bool, mappings: Vec<Mapping> },
    Bundles { recipes: BTreeMap<String, Recipe<String>> },
    Configuration(Configuration),
    Book(Book),
}

/// Everything that a book needs beside its bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Book {
    name: String,
    as_of: Option<Timestamp>,
    /// An IANA name.
    zone: Option<String>,
    encoding: Encoding,
    columns: BTreeMap<String, String>,
    counts: CountsShipments,
    skip_invalid: bool,
}

impl Guard {
    pub fn new(brake: Brake) -> Self {
        Self { brake, confirmed: None }
    }

    fn confirmed(brake: Brake, held: &held_change::Model) -> Self {
        let changes: Changes = serde_json::from_str(&held.changes).unwrap_or_default();
        Self { brake, confirmed: Some(Confirmed { id: held.id, tolls: changes.tolls }) }
    }

    fn stopped<'a>(&self, changes: &'a Changes) -> Vec<&'a str> {
        self.brake.stopped(&changes.tolls, self.confirmed.as_ref().map(|confirmed| &confirmed.tolls))
    }

    fn again(&self) -> Option<i64> {
        self.confirmed.as_ref().map(|confirmed| confirmed.id)
    }
}

/// Maps keys to SKUs, or changes their rules.
pub async fn put_listings(
    store: &Store,
    mappings: &[Mapping],
    create_skus: bool,
    guard: &Guard,
    who: &str,
) -> Result<Put<Vec<Mapped>>> {
    let (_, changes) = store.preview_listings(mappings, create_skus).await?;
    let channels = guard.stopped(&changes);
    if !channels.is_empty() {
        let request = json(&Request::Listings { create_skus, mappings: mappings.to_vec() });
        let what = match mappings {
            [one] => format!("the change of {} {}", one.channel, one.mall_key),
            many => format!("the change of {} listings", many.len()),
        };
        let digest = digest_of(&[request.as_bytes()]);
        let again = guard.again();
        let (kind, what, body, changes, channels) = ("listings", &what, &[][..], &changes, &channels);
        return store
            .hold(ToHold { kind, what, request, body, digest, changes, channels, by: who, again })
            .await
            .map(Put::Held);
    }
    let mut done = Vec::with_capacity(mappings.len());
    for piece in mappings.chunks(crate::store::ROWS_PER_STATEMENT) {
        done.extend(store.map_listings(piece, create_skus, who).await?);
    }
    Ok(Put::Done(done))
}

/// Gives bundles their recipes.
pub async fn pack(
    store: &Store,
    recipes: &BTreeMap<String, Recipe<String>>,
    guard: &Guard,
    who: &str,
) -> Result<Put<Packed>> {
    let changes = store.preview_bundles(recipes).await?;
    let channels = guard.stopped(&changes);
    if channels.is_empty() {
        return store.pack(recipes, who).await.map(Put::Done);
    }
    let request = json(&Request::Bundles { recipes: recipes.clone() });
    let digest = digest_of(&[request.as_bytes()]);
    let what = format!("the recipes of {} bundles", recipes.len());
    let (kind, what, body, changes, channels, again) = ("bundles", &what, &[][..], &changes, &channels, guard.again());
    let held = ToHold { kind, what, request, body, digest, changes, channels, by: who, again };
    store.hold(held).await.map(Put::Held)
}

/// Puts a configuration in force: what `serve` and `run-once` do at their start.
pub async fn put_in_force(store: &Store, wanted: &Configuration, brake: Brake, who: &str) -> Result<InForce> {
    if store.recorded_configuration().await?.as_ref() == Some(&wanted.body) {
        return configure(store, wanted).await.map(|()| InForce::Yes);
    }
    let digest = digest_of(&[json(wanted).as_bytes()]);
    let guard = match store.former("configuration", &digest).await? {
        Some(Former::Refused(at)) if !store.was_configured_after(at).await? => {
            store.name_only(wanted).await?;
            return Ok(InForce::Refused(at));
        }
        Some(Former::Held(held)) => {
            store.name_only(wanted).await?;
            return Ok(InForce::Held(held));
        }
        Some(Former::Confirmed(row)) => Guard::confirmed(brake, &row),
        Some(Former::Refused(_)) | None => Guard::new(brake),
    };
    match try_in_force(store, wanted, digest, &guard, who).await? {
        Some(held) => {
            store.name_only(wanted).await?;
            Ok(InForce::Held(held))
        }
        None => {
            if let Some(id) = guard.again() {
                store.forget_held(id).await?;
            }
            Ok(InForce::Yes)
        }
    }
}

async fn try_in_force(
    store: &Store,
    wanted: &Configuration,
    digest: String,
    guard: &Guard,
    who: &str,
) -> Result<Option<Held>> {
    let changes = store.preview_configuration(wanted).await?;
    let channels = guard.stopped(&changes);
    if channels.is_empty() {
        configure(store, wanted).await?;
        return Ok(None);
    }
    let request = json(&Request::Configuration(wanted.clone()));
    let what = "the changed configuration";
    let (kind, body, changes, channels, again) = ("configuration", &[][..], &changes, &channels, guard.again());
    store.hold(ToHold { kind, what, request, body, digest, changes, channels, by: who, again }).await.map(Some)
}

async fn configure(store: &Store, wanted: &Configuration) -> Result<()> {
    store.configure(&wanted.pools, &wanted.channels, &wanted.body).await
}

/// Takes a book in. One that was begun goes on: it was weighed when it began.
pub async fn take_book(store: &Store, file: &BookFile<'_>, guard: &Guard) -> Result<ImportReport> {
    let trial = import_book(store, &BookFile { dry_run: true, ..file.clone() }).await?;
    if trial.state != ImportState::Booked {
        return Ok(trial);
    }
    let changes = match store.is_begun("book", file.bytes, file.as_of).await? {
        true => Changes::default(),
        false => preview_book(store, file).await?,
    };
    if file.dry_run {
        return Ok(trial.with(changes));
    }
    let channels = guard.stopped(&changes);
    if channels.is_empty() {
        return import_book(store, file).await;
    }
    let Some(counts) = file.counts else { return import_book(store, file).await };
    let digest = digest_of(&[b"book", file.bytes, format!("{:?}", file.as_of).as_bytes()]);
    let request = json(&Request::Book(Book {
        name: file.name.to_owned(),
        // Its figures are of the time at which it was given, whenever somebody confirms it.
        as_of: Some(file.as_of.or(trial.as_of).unwrap_or(store.now())),
        zone: file.zone.iana_name().map(str::to_owned),
        encoding: file.profile.encoding,
        columns: file.profile.columns.clone(),
        counts,
        skip_invalid: file.skip_invalid,
    }));
    let held = ToHold {
        kind: "book",
        what: file.name,
        request,
        body: file.bytes,
        digest,
        changes: &changes,
        channels: &channels,
        by: file.by,
        again: guard.again(),
    };
    let held = store.hold(held).await?;
    Ok(ImportReport {
        state: ImportState::Held,
        booked: 0,
        created: 0,
        attention: Some(held.attention.to_string()),
        ..trial.with(changes)
    })
}

/// A person has dealt with an item. What a brake holds is made, or dropped.
pub async fn resolve(store: &Store, brake: Brake, id: i64, action: Option<&str>, who: &str) -> Result<Resolved> {
    let item = store.attention_item(id).await?;
    if item.kind != "brake" || item.resolved_at.is_some() {
        return store.resolve_attention(id, action, who).await.map(Resolved::Closed);
    }
    match action {
        Some("refuse") => store.close_held(id, "refused", "refuse", who).await.map(Resolved::Closed),
        Some("confirm") => confirm(store, brake, &item, who).await,
        _ => Err(StoreError::Invalid("say what is to be done with it: confirm or refuse".into())),
    }
}

async fn confirm(store: &Store, brake: Brake, item: &attention::Model, who: &str) -> Result<Resolved> {
    let row = store.held_by(item).await?;
    let broken = |error| StoreError::Invalid(format!("what is held can't be read by this version: {error}"));
    let request: Request = serde_json::from_str(&row.request).map_err(broken)?;
    let guard = Guard::confirmed(brake, &row);
    let held = match request {
        Request::Listings { create_skus, mappings } => {
            put_listings(store, &mappings, create_skus, &guard, who).await?.held()
        }
        Request::Bundles { recipes } => pack(store, &recipes, &guard, who).await?.held(),
        Request::Configuration(wanted) => {
            // The running service's channels draw on the pools that it was started with.
            if store.is_served().await? && store.moves_channels(&wanted).await? {
                let closed = store.close_held(item.id, "confirmed", "confirm", who).await?;
                return Ok(Resolved::Closed(closed));
            }
            try_in_force(store, &wanted, row.digest.clone(), &guard, who).await?
        }
        Request::Book(book) => confirm_book(store, &book, &row, &guard, who).await?,
    };
    match held {
        Some(held) => Ok(Resolved::HeldAgain(held)),
        None => store.close_held(item.id, "done", "confirm", who).await.map(Resolved::Closed),
    }
}

async fn confirm_book(
    store: &Store,
    book: &Book,
    row: &held_change::Model,
    guard: &Guard,
    who: &str,
) -> Result<Option<Held>> {
    let zone = book.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let profile = Profile { encoding: book.encoding, columns: book.columns.clone() };
    let file = BookFile {
        name: &book.name,
        bytes: &row.body,
        as_of: book.as_of,
        zone: &zone,
        profile: &profile,
        counts: Some(book.counts),
        dry_run: false,
        skip_invalid: book.skip_invalid,
        by: who,
    };
    let report = take_book(store, &file, guard).await?;
    match report.state {
        ImportState::Booked | ImportState::Unchanged => Ok(None),
        ImportState::Held => {
            let former = store.attention_of(row.id).await?;
            let missing = || StoreError::Missing { kind: "held change", name: row.id.to_string() };
            former.map(Some).ok_or_else(missing)
        }
        ImportState::Refused => Err(StoreError::Refused(format!(
            "{} can't be booked any more: {}",
            book.name,
            report.rejected.first().map_or("its rows are wrong", |row| &row.message)
        ))),
    }
}

impl<T> Put<T> {
    fn held(self) -> Option<Held> {
        match self {
            Self::Done(_) => None,
            Self::Held(held) => Some(held),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a request has text keys only")
}
