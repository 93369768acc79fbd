//! Since when each credential of a channel is known, and of which ends people were told.
//!
//! A value is never kept: a digest of it, salted for this database, tells a new one from the one before. One that comes
//! back is as old as when it was first seen.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, sea_query::OnConflict,
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use uriba_sdk::{Settings, card::CredentialCard};

use super::{
    Result, Store,
    attention::Call,
    entity::{credential, meta},
    instant,
    lease::Lease,
    micros,
};
use crate::domain::credential::Term;

/// Under which `meta` keeps the salt.
const SALT: &str = "credential_salt";

impl Store {
    /// These are the channel's credentials now. What ends soon is brought to people's attention, each notice once; what
    /// was replaced no longer is.
    pub async fn note_credentials(&self, lease: &Lease, cards: &[CredentialCard], settings: &Settings) -> Result<()> {
        let (channel, now) = (&settings.channel, self.now());
        let salt = self.salt().await?;
        let known = in_use(&self.reader, &[channel]).await?;
        let mut wanted = Vec::new();
        for card in cards {
            let Some(value) = settings.credentials.get(card.key) else { continue };
            let digest = digest(&salt, [channel, card.key, value.expose_secret()]);
            wanted.push((card.key, digest, card.life.map(|life| life.as_secs().cast_signed())));
        }
        let is_noted = |row: &credential::Model| {
            let same = |(name, digest, life): &(&str, String, Option<i64>)| {
                row.name == *name && row.digest == *digest && row.life_s == *life
            };
            wanted.iter().any(same) && row.notice == notice(row, now)
        };
        // As nearly always.
        if known.len() == wanted.len() && known.iter().all(is_noted) {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        for row in known.iter().filter(|row| !wanted.iter().any(|(name, digest, _)| row.is(name, digest))) {
            self.replaced(&tx, row).await?;
        }
        for (name, digest, life_s) in wanted {
            self.note_credential(&tx, channel, name, digest, life_s).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn note_credential(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        name: &str,
        digest: String,
        life_s: Option<i64>,
    ) -> Result<()> {
        let now = self.now();
        let key = (channel.to_owned(), name.to_owned(), digest.clone());
        let known = credential::Entity::find_by_id(key).one(tx).await?;
        let first = credential::Model {
            channel: channel.to_owned(),
            name: name.to_owned(),
            digest,
            since: micros(now),
            life_s,
            notice: None,
            in_use: true,
        };
        let row = credential::Model { life_s, in_use: true, ..known.unwrap_or(first) };
        let due = notice(&row, now);
        if due != row.notice {
            let subject = subject(&row);
            match row.term().zip(due) {
                Some((term, days)) => {
                    let message = term.message(channel, name, days.cast_unsigned());
                    let channel = Some(channel.to_owned());
                    self.raise(tx, Call { kind: "credentials", subject, channel, message, ..Call::default() }).await?;
                }
                None => self.calm(tx, "credentials", &subject).await?,
            }
        }
        let row = credential::Model { notice: due, ..row }.into_active_model().reset_all();
        let newer =
            OnConflict::columns([credential::Column::Channel, credential::Column::Name, credential::Column::Digest]);
        let columns = [credential::Column::LifeS, credential::Column::Notice, credential::Column::InUse];
        let newer = newer.to_owned().update_columns(columns).to_owned();
        credential::Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
        Ok(())
    }

    async fn replaced(&self, tx: &DatabaseTransaction, row: &credential::Model) -> Result<()> {
        let mut old = row.clone().into_active_model().reset_all();
        old.in_use = Set(false);
        // Should it come back, people are told again.
        old.notice = Set(None);
        credential::Entity::update(old).exec(tx).await?;
        self.calm(tx, "credentials", &subject(row)).await
    }

    /// Made once for each database.
    async fn salt(&self) -> Result<String> {
        if let Some(row) = meta::Entity::find_by_id(SALT).one(&self.reader).await? {
            return Ok(row.value);
        }
        let tx = self.begin().await?;
        let fresh = format!("{:016x}{:016x}", self.env.random(), self.env.random());
        let row = meta::ActiveModel { name: Set(SALT.into()), value: Set(fresh.clone()) };
        // Another instance may be first.
        let kept = OnConflict::column(meta::Column::Name).update_column(meta::Column::Name).to_owned();
        meta::Entity::insert(row).on_conflict(kept).exec_without_returning(&tx).await?;
        let row = meta::Entity::find_by_id(SALT).one(&tx).await?;
        tx.commit().await?;
        Ok(row.map_or(fresh, |row| row.value))
    }
}

impl credential::Model {
    /// `None`: nobody knows how long it lives.
    pub(super) fn term(&self) -> Option<Term> {
        let life = u64::try_from(self.life_s?).ok()?;
        Some(Term { since: instant(self.since), life: Duration::from_secs(life) })
    }

    fn is(&self, name: &str, digest: &str) -> bool {
        self.name == name && self.digest == digest
    }
}

fn notice(row: &credential::Model, now: Timestamp) -> Option<i64> {
    Some(row.term()?.notice(now)?.cast_signed())
}

fn subject(row: &credential::Model) -> String {
    format!("{}/credential/{}", row.channel, row.name)
}

/// The credentials that these channels have now, by channel and name.
pub(super) async fn in_use(db: &impl ConnectionTrait, channels: &[&str]) -> Result<Vec<credential::Model>> {
    let rows = credential::Entity::find()
        .filter(credential::Column::Channel.is_in(channels.iter().copied()))
        .filter(credential::Column::InUse.eq(true))
        .order_by_asc(credential::Column::Channel)
        .order_by_asc(credential::Column::Name);
    Ok(rows.all(db).await?)
}

/// The same, each channel's own.
pub(super) async fn of_channels(
    db: &impl ConnectionTrait,
    channels: &[&str],
) -> Result<HashMap<String, Vec<credential::Model>>> {
    let mut found: HashMap<String, Vec<credential::Model>> = HashMap::new();
    for row in in_use(db, channels).await? {
        found.entry(row.channel.clone()).or_default().push(row);
    }
    Ok(found)
}

fn digest(salt: &str, parts: [&str; 3]) -> String {
    let mut digest = Sha256::new_with_prefix(salt);
    parts.iter().for_each(|part| digest.update(format!("{}:{part}", part.len())));
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
