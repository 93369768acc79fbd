//! Changes that wait for a person's word: kept whole, so that they can be made later, by another process, after a
//! restart. Once confirmed or refused only the fact remains; what was in it is removed.

use jiff::Timestamp;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};

use super::{
    Result, Store, StoreError,
    attention::Call,
    entity::{attention, held_change},
    instant,
    log::Entry,
    micros,
    preview::{Changes, TargetChange},
    token::hex,
};

/// A change to be held.
pub struct ToHold<'a> {
    pub kind: &'static str,
    /// What it would do, as a sentence's subject: `book.csv`.
    pub what: &'a str,
    /// Everything but the file that it takes to make the change later.
    pub request: String,
    pub body: &'a [u8],
    /// Tells the same change from another one.
    pub digest: String,
    pub changes: &'a Changes,
    /// The channels for which it weighs too much.
    pub channels: &'a [&'a str],
    pub by: &'a str,
    /// The row in which it is held already.
    pub again: Option<i64>,
}

/// A change that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The item to confirm or refuse.
    pub attention: i64,
    pub message: String,
}

/// What became of a change that was held once.
#[derive(Clone, Debug, PartialEq)]
pub enum Former {
    Held(Held),
    /// To be made at the next occasion, if it is no larger than what was shown.
    Confirmed(held_change::Model),
    Refused(Timestamp),
}

pub fn digest_of(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())
}

impl Store {
    pub async fn hold(&self, wanted: ToHold<'_>) -> Result<Held> {
        let tx = self.begin().await?;
        let open = match wanted.again {
            Some(id) => held_change::Entity::find_by_id(id).one(&tx).await?,
            None => newest(&tx, wanted.kind, &wanted.digest).await?.filter(|row| row.state == "held"),
        };
        let changes = serde_json::to_string(wanted.changes).expect("changes are always JSON");
        let id = match &open {
            Some(row) => {
                let mut active = held_change::ActiveModel { id: Set(row.id), ..Default::default() };
                active.changes = Set(changes);
                active.update(&tx).await?;
                row.id
            }
            None => {
                let row = held_change::ActiveModel {
                    id: Set(self.id()),
                    kind: Set(wanted.kind.to_owned()),
                    digest: Set(wanted.digest.clone()),
                    state: Set("held".to_owned()),
                    at: Set(micros(self.now())),
                    by: Set(wanted.by.to_owned()),
                    request: Set(wanted.request.clone()),
                    body: Set(wanted.body.to_vec()),
                    changes: Set(changes),
                    ended_at: Set(None),
                };
                row.insert(&tx).await?.id
            }
        };
        let message = sentence(&wanted);
        let channel = match wanted.channels {
            [one] => Some((*one).to_owned()),
            _ => None,
        };
        let call = Call { kind: "brake", subject: subject(id), channel, message: message.clone(), ..Call::default() };
        self.raise(&tx, call).await?;
        let item = item_of(&tx, id).await?;
        let missing = || StoreError::Missing { kind: "held change", name: id.to_string() };
        let attention = item.ok_or_else(missing)?.id;
        tx.commit().await?;
        Ok(Held { attention, message })
    }

    /// What became of this very change when it was wanted before.
    pub async fn former(&self, kind: &str, digest: &str) -> Result<Option<Former>> {
        let Some(row) = newest(self.reader(), kind, digest).await? else { return Ok(None) };
        Ok(match row.state.as_str() {
            "held" => self.attention_of(row.id).await?.map(Former::Held),
            "confirmed" => Some(Former::Confirmed(row)),
            "refused" => row.ended_at.map(|at| Former::Refused(instant(at))),
            _ => None,
        })
    }

    /// The open item that asks about a held change.
    pub async fn attention_of(&self, held: i64) -> Result<Option<Held>> {
        let item = item_of(self.reader(), held).await?;
        Ok(item.map(|item| Held { attention: item.id, message: item.message }))
    }

    /// The change that an attention item of kind `brake` asks about.
    pub async fn held_by(&self, item: &attention::Model) -> Result<held_change::Model> {
        let missing = || StoreError::Missing { kind: "held change", name: item.subject.clone() };
        let id = id_in(&item.subject).ok_or_else(missing)?;
        held_change::Entity::find_by_id(id).one(self.reader()).await?.ok_or_else(missing)
    }

    /// A person has spoken. `state`: `done`, `confirmed` (to be made at the next occasion) or `refused`.
    pub async fn close_held(&self, item: i64, state: &str, action: &str, who: &str) -> Result<attention::Model> {
        let tx = self.begin().await?;
        let missing = || StoreError::Missing { kind: "attention item", name: item.to_string() };
        let row = attention::Entity::find_by_id(item).one(&tx).await?.ok_or_else(missing)?;
        if row.resolved_at.is_some() {
            return Ok(row);
        }
        if let Some(id) = id_in(&row.subject) {
            self.end_held(&tx, id, state).await?;
        }
        let now = micros(self.now());
        let active = attention::ActiveModel {
            id: Set(item),
            resolved_at: Set(Some(now)),
            resolved_by: Set(Some(who.to_owned())),
            action: Set(Some(action.to_owned())),
            ..Default::default()
        };
        let row = active.update(&tx).await?;
        let subject = format!("attention/{item}");
        let detail = Some(row.message.clone());
        let entry = Entry { who, what: "attention.resolve", subject: &subject, why: Some(action), detail };
        self.write_log(&tx, entry).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// What was confirmed for later is made.
    pub async fn forget_held(&self, id: i64) -> Result<()> {
        let tx = self.begin().await?;
        self.end_held(&tx, id, "done").await?;
        Ok(tx.commit().await?)
    }

    async fn end_held(&self, db: &impl ConnectionTrait, id: i64, state: &str) -> Result<()> {
        let mut active = held_change::ActiveModel { id: Set(id), ..Default::default() };
        active.state = Set(state.to_owned());
        active.ended_at = Set(Some(micros(self.now())));
        if state != "confirmed" {
            active.body = Set(Vec::new());
            active.request = Set(String::new());
        }
        active.update(db).await?;
        Ok(())
    }

    /// The list that belongs to an item of kind `brake`.
    pub(super) async fn changes_behind(
        &self,
        db: &impl ConnectionTrait,
        item: &attention::Model,
    ) -> Result<Option<Changes>> {
        let Some(id) = id_in(&item.subject).filter(|_| item.kind == "brake") else { return Ok(None) };
        let row = held_change::Entity::find_by_id(id).one(db).await?;
        Ok(row.and_then(|row| serde_json::from_str(&row.changes).ok()))
    }
}

fn subject(id: i64) -> String {
    format!("held/{id}")
}

fn id_in(subject: &str) -> Option<i64> {
    subject.strip_prefix("held/")?.parse().ok()
}

async fn newest(db: &impl ConnectionTrait, kind: &str, digest: &str) -> Result<Option<held_change::Model>> {
    Ok(held_change::Entity::find()
        .filter(held_change::Column::Kind.eq(kind))
        .filter(held_change::Column::Digest.eq(digest))
        .order_by_desc(held_change::Column::Id)
        .one(db)
        .await?)
}

async fn item_of(db: &impl ConnectionTrait, id: i64) -> Result<Option<attention::Model>> {
    Ok(attention::Entity::find()
        .filter(attention::Column::Kind.eq("brake"))
        .filter(attention::Column::Subject.eq(subject(id)))
        .filter(attention::Column::ResolvedAt.is_null())
        .one(db)
        .await?)
}

fn sentence(wanted: &ToHold<'_>) -> String {
    let tolls = &wanted.changes.tolls;
    let said = wanted.channels.iter().filter_map(|channel| {
        let toll = tolls.get(*channel)?;
        let mut parts = Vec::new();
        if toll.emptied > 0 {
            parts.push(format!("take {} of {} listings of {channel} to 0", toll.emptied, toll.shows));
        }
        if toll.multiplied > 0 {
            parts.push(format!("multiply {} of {} listings of {channel}", toll.multiplied, toll.shows));
        }
        Some(parts.join(" and "))
    });
    let word = |figure: Option<i64>| figure.map_or_else(|| "none".to_owned(), |figure| figure.to_string());
    let named = |change: &&TargetChange| wanted.channels.contains(&change.channel.as_str());
    let few = wanted.changes.listings.iter().filter(named).take(3);
    let few: Vec<String> =
        few.map(|change| format!("{} {} → {}", change.mall_key, word(change.now), word(change.then))).collect();
    format!(
        "{} would {} ({}, …): nothing of it is done until you confirm or refuse it",
        wanted.what,
        said.collect::<Vec<_>>().join("; "),
        few.join(", ")
    )
}
