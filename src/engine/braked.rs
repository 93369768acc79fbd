//! Changes of many numbers at once: weighed first, then made, or held until a person has seen the list.
//!
//! What is held is kept whole in the database, so it can be confirmed from the command line or over the API, by
//! another process and after a restart. At confirm it is weighed again: what has grown larger than what was shown is
//! held again. Orders, reservations, single movements and switches never come by here.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::import::{CoreFile, FileKind, ImportState, Profile, Terms, import_file};
use crate::{
    domain::{
        brake::{Brake, Tolls},
        bundle::Recipe,
    },
    store::{
        Result, Store, StoreError,
        bundles::Packed,
        catalogue::{Mapped, Mapping},
        configuration::Configuration,
        entity::{attention, held_change},
        held::{Former, Held, ToHold, digest_of},
        plans::NewPlan,
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
    Held(Held, Changes),
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
    Plan(NewPlan),
    Configuration(Configuration),
    File(Kept),
}

/// Everything that a file needs beside its bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    kind: FileKind,
    name: String,
    as_of: Option<Timestamp>,
    date: Option<Date>,
    profile: Profile,
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
        let (kind, what, body, by) = ("listings", &what, &[][..], who);
        let to_hold = ToHold { kind, what, request, body, digest, changes: &changes, channels: &channels, by, again };
        let held = store.hold(to_hold).await?;
        return Ok(Put::Held(held, changes));
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
    let (kind, what, body, by, again) = ("bundles", &what, &[][..], who, guard.again());
    let to_hold = ToHold { kind, what, request, body, digest, changes: &changes, channels: &channels, by, again };
    let held = store.hold(to_hold).await?;
    Ok(Put::Held(held, changes))
}

/// Makes a sale plan. It is weighed by what it would do if it began now; its beginning is not weighed again, nor its
/// end, which gives back what it took.
pub async fn put_plan(store: &Store, wanted: &NewPlan, guard: &Guard, who: &str) -> Result<Put<Changes>> {
    let changes = store.preview_plan(wanted).await?;
    let channels = guard.stopped(&changes);
    if channels.is_empty() {
        store.create_plan(wanted, who).await?;
        return Ok(Put::Done(changes));
    }
    let request = json(&Request::Plan(wanted.clone()));
    let digest = digest_of(&[request.as_bytes()]);
    let what = format!("plan {:?}", wanted.name);
    let (kind, what, body, by, again) = ("plan", &what, &[][..], who, guard.again());
    let to_hold = ToHold { kind, what, request, body, digest, changes: &changes, channels: &channels, by, again };
    let held = store.hold(to_hold).await?;
    Ok(Put::Held(held, changes))
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
    let modes = store.changed_modes(wanted).await?;
    let what = match modes.is_empty() {
        true => "the changed configuration".to_owned(),
        false => format!("the changed configuration ({})", modes.join(", ")),
    };
    let what = what.as_str();
    let (kind, body, changes, channels, again) = ("configuration", &[][..], &changes, &channels, guard.again());
    store.hold(ToHold { kind, what, request, body, digest, changes, channels, by: who, again }).await.map(Some)
}

async fn configure(store: &Store, wanted: &Configuration) -> Result<()> {
    store.set_core(&wanted.core).await?;
    store.configure(&wanted.pools, &wanted.channels, &wanted.body).await
}

/// Holds a file whose changes weigh too much, whole.
pub(super) async fn hold_file(
    store: &Store,
    file: &CoreFile<'_>,
    as_of: Option<Timestamp>,
    changes: &Changes,
) -> Result<Option<Held>> {
    let channels = file.guard.stopped(changes);
    if channels.is_empty() {
        return Ok(None);
    }
    let kind = file.kind.word();
    let digest = digest_of(&[kind.as_bytes(), file.bytes, format!("{:?} {:?}", file.as_of, file.date).as_bytes()]);
    let request = json(&Request::File(Kept {
        kind: file.kind,
        name: file.name.to_owned(),
        // Its figures are of the time at which it was given, whenever somebody confirms it.
        as_of: Some(as_of.unwrap_or(store.now())),
        date: file.date,
        profile: file.profile.clone(),
        skip_invalid: file.skip_invalid,
    }));
    let (what, body, by, again) = (file.name, file.bytes, file.by, file.guard.again());
    let to_hold = ToHold { kind, what, request, body, digest, changes, channels: &channels, by, again };
    store.hold(to_hold).await.map(Some)
}

/// A person has dealt with an item. What a brake holds is made, or dropped.
pub async fn resolve(store: &Store, brake: Brake, id: i64, action: Option<&str>, who: &str) -> Result<Resolved> {
    let item = store.attention_item(id).await?;
    if item.kind != "brake" || item.resolved_at.is_some() {
        return store.resolve_attention(id, action, who).await.map(Resolved::Closed);
    }
    match action {
        Some("refuse") => store.close_held(id, "refused", "refuse", who).await.map(Resolved::Closed),
        Some("confirm") => Box::pin(confirm(store, brake, &item, who)).await,
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
        Request::Plan(wanted) => put_plan(store, &wanted, &guard, who).await?.held(),
        Request::Bundles { recipes } => pack(store, &recipes, &guard, who).await?.held(),
        Request::Configuration(wanted) => {
            // The running service's channels draw on the pools that it was started with.
            if store.is_served().await? && store.moves_channels(&wanted).await? {
                let closed = store.close_held(item.id, "confirmed", "confirm", who).await?;
                return Ok(Resolved::Closed(closed));
            }
            try_in_force(store, &wanted, row.digest.clone(), &guard, who).await?
        }
        Request::File(kept) => confirm_file(store, &kept, &row, &guard, who).await?,
    };
    match held {
        Some(held) => Ok(Resolved::HeldAgain(held)),
        None => store.close_held(item.id, "done", "confirm", who).await.map(Resolved::Closed),
    }
}

async fn confirm_file(
    store: &Store,
    kept: &Kept,
    row: &held_change::Model,
    guard: &Guard,
    who: &str,
) -> Result<Option<Held>> {
    let file = CoreFile {
        kind: kept.kind,
        name: &kept.name,
        bytes: &row.body,
        as_of: kept.as_of,
        date: kept.date,
        profile: &kept.profile,
        channel: None,
        guard,
        dry_run: false,
        skip_invalid: kept.skip_invalid,
        create_skus: false,
        by: who,
        terms: &Terms::default(),
        progress: None,
    };
    let report = import_file(store, &file).await?;
    match report.state {
        ImportState::Booked | ImportState::Unchanged => Ok(None),
        ImportState::Held => {
            let former = store.attention_of(row.id).await?;
            let missing = || StoreError::Missing { kind: "held change", name: row.id.to_string() };
            former.map(Some).ok_or_else(missing)
        }
        ImportState::Refused => Err(StoreError::Refused(format!(
            "{} can't be booked any more: {}",
            kept.name,
            report.rejected.first().map_or("its rows are wrong", |row| &row.message)
        ))),
    }
}

impl<T> Put<T> {
    fn held(self) -> Option<Held> {
        match self {
            Self::Done(_) => None,
            Self::Held(held, _) => Some(held),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a request has text keys only")
}
