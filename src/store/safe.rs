//! Credentials that malls gave, sealed before they are stored: XChaCha20-Poly1305, with a key that never stands in the
//! database. A row that is moved to another channel or another name can't be opened there.

use std::{
    fmt,
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uriba_sdk::{Settings, wire::Safe};

use super::{Result, Store, entity::kept_secret, log::Entry, micros};

const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// Begins the name of a credential that the shop's owner granted, which stands in place of one in the configuration.
const GRANTED: &str = "granted:";

/// The key that seals: 32 bytes from outside of the database.
#[derive(Clone)]
pub struct SealingKey {
    cipher: XChaCha20Poly1305,
    id: String,
}

impl SealingKey {
    /// From base64, as in a file. The message never repeats the text.
    pub fn parse(text: &SecretString) -> std::result::Result<Self, &'static str> {
        let wrong = "must be 32 bytes in base64 (`openssl rand -base64 32` makes such a key)";
        let bytes = BASE64_STANDARD.decode(text.expose_secret().trim()).map_err(|_| wrong)?;
        if bytes.len() != KEY_BYTES {
            return Err(wrong);
        }
        let cipher = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| wrong)?;
        let digest = Sha256::new().chain_update("uriba sealing key").chain_update(&bytes).finalize();
        let id = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { cipher, id })
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

/// The safe of one database.
#[derive(Clone)]
pub struct StoreSafe {
    store: Store,
    key: Option<SealingKey>,
}

impl Store {
    /// `key`: of `[secrets]`; without one nothing is kept, and what was kept can't be opened.
    pub fn safe(&self, key: Option<SealingKey>) -> Arc<StoreSafe> {
        Arc::new(StoreSafe { store: self.clone(), key })
    }

    /// For the log: somebody had these granted.
    pub async fn note_grant(&self, channel: &str, keys: &[&str], who: &str) -> Result<()> {
        let (subject, detail) = (format!("channel/{channel}"), Some(keys.join(", ")));
        let entry = Entry { who, what: "channel.authorize", subject: &subject, why: None, detail };
        let tx = self.begin().await?;
        self.write_log(&tx, entry).await?;
        Ok(tx.commit().await?)
    }
}

impl StoreSafe {
    /// What the shop's owner granted for this credential of a channel, if anything.
    pub async fn granted(&self, channel: &str, key: &str) -> std::result::Result<Option<SecretString>, String> {
        self.get(channel, &format!("{GRANTED}{key}")).await
    }

    /// The shop's owner granted it: in force from the next look at the credentials on.
    pub async fn grant(&self, channel: &str, key: &str, secret: &SecretString) -> std::result::Result<(), String> {
        self.put(channel, &format!("{GRANTED}{key}"), secret).await
    }

    fn key(&self) -> std::result::Result<&SealingKey, String> {
        let none = "no key is configured to keep credentials with: make one (`openssl rand -base64 32 > secret.key`) and \
                    name it in uriba.toml: [secrets] key = { file = \"secret.key\" }";
        self.key.as_ref().ok_or_else(|| none.to_owned())
    }

    async fn row(&self, channel: &str, name: &str) -> Result<Option<kept_secret::Model>> {
        let row = kept_secret::Entity::find()
            .filter(kept_secret::Column::Channel.eq(channel))
            .filter(kept_secret::Column::Name.eq(name));
        Ok(row.one(self.store.reader()).await?)
    }

    async fn save(&self, row: kept_secret::Model) -> Result<()> {
        let fresh = kept_secret::ActiveModel {
            channel: Set(row.channel),
            name: Set(row.name),
            key_id: Set(row.key_id),
            sealed: Set(row.sealed),
            at: Set(row.at),
        };
        let newer = OnConflict::columns([kept_secret::Column::Channel, kept_secret::Column::Name])
            .update_columns([kept_secret::Column::KeyId, kept_secret::Column::Sealed, kept_secret::Column::At])
            .to_owned();
        let tx = self.store.begin().await?;
        kept_secret::Entity::insert(fresh).on_conflict(newer).exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }
}

/// What owners granted, as it was when last looked at.
pub struct Grants {
    safe: Arc<StoreSafe>,
    known: RwLock<Vec<(String, String, SecretString)>>,
}

impl Grants {
    pub fn new(safe: Arc<StoreSafe>) -> Self {
        Self { safe, known: RwLock::default() }
    }

    /// Looks again. What can't be opened is said in the log and left out: its channel says what it lacks.
    pub async fn look(&self) -> Result<()> {
        let rows = kept_secret::Entity::find().filter(kept_secret::Column::Name.starts_with(GRANTED));
        let mut known = Vec::new();
        for row in rows.all(self.safe.store.reader()).await? {
            let key = row.name.trim_start_matches(GRANTED).to_owned();
            match self.safe.granted(&row.channel, &key).await {
                Ok(Some(secret)) => known.push((row.channel, key, secret)),
                Ok(None) => {}
                Err(why) => tracing::warn!(channel = row.channel, key, why, "what was granted can't be used"),
            }
        }
        *self.known.write().expect("no panic happens under this lock") = known;
        Ok(())
    }

    /// Puts in what was granted where the configuration has nothing.
    pub fn fill(&self, settings: &mut Settings) {
        let known = self.known.read().expect("no panic happens under this lock");
        for (_, key, secret) in known.iter().filter(|(channel, ..)| *channel == settings.channel) {
            settings.credentials.entry(key.clone()).or_insert_with(|| secret.clone());
        }
    }
}

#[async_trait]
impl Safe for StoreSafe {
    async fn get(&self, channel: &str, name: &str) -> std::result::Result<Option<SecretString>, String> {
        let row = self.row(channel, name).await.map_err(|error| format!("a kept credential can't be read: {error}"))?;
        let Some(row) = row else { return Ok(None) };
        let key = self.key()?;
        if row.key_id != key.id {
            return Err(format!(
                "a credential of {channel} was kept with another key ({}, now {}): put that key back, or grant it again",
                row.key_id, key.id
            ));
        }
        let broken = || format!("a kept credential of {channel} is damaged: grant it again");
        let sealed = BASE64_STANDARD.decode(&row.sealed).map_err(|_| broken())?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(broken)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| broken())?;
        let place = place(channel, name, &key.id);
        let opened =
            key.cipher.decrypt(&nonce, Payload { msg: sealed, aad: place.as_bytes() }).map_err(|_| broken())?;
        String::from_utf8(opened).map(|text| Some(text.into())).map_err(|_| broken())
    }

    async fn put(&self, channel: &str, name: &str, secret: &SecretString) -> std::result::Result<(), String> {
        let key = self.key()?;
        let mut nonce = [0; NONCE_BYTES];
        self.store.env().fill(&mut nonce);
        let place = place(channel, name, &key.id);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: place.as_bytes() };
        let failed = "a credential can't be encrypted";
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| failed.to_owned())?;
        let sealed = BASE64_STANDARD.encode([nonce.as_slice(), &sealed].concat());
        let (channel, name) = (channel.to_owned(), name.to_owned());
        let row = kept_secret::Model { channel, name, key_id: key.id.clone(), sealed, at: micros(self.store.now()) };
        self.save(row).await.map_err(|error| format!("a credential can't be kept: {error}"))
    }
}

/// What the seal holds good for.
fn place(channel: &str, name: &str, key_id: &str) -> String {
    format!("uriba/{key_id}/{channel}/{name}")
}
