//! API tokens. Only a hash is stored; the token itself is seen once, by whoever creates it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};

use super::{Result, Store, StoreError, entity::token, log::Entry, micros};

/// So that secret scanners know one when they see it.
const PREFIX: &str = "urb_";

/// So long a token is believed without asking the database, which would cost a busy shop more than the
/// reservation itself: one that another process revokes is refused a second later.
const BELIEVED: Duration = Duration::from_secs(1);
/// Nobody hands out so many; beyond it the database is asked.
const KNOWN_MAX: usize = 1_000;

/// Tokens seen lately, by the digest of their secret, and when they were read.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<Digested, (Duration, Arc<token::Model>)>>);

type Digested = [u8; 32];

impl Known {
    fn all(&self) -> MutexGuard<'_, HashMap<Digested, (Duration, Arc<token::Model>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, digested: &Digested, now: Duration) -> Option<Arc<token::Model>> {
        let all = self.all();
        let (at, token) = all.get(digested)?;
        (now.saturating_sub(*at) < BELIEVED).then(|| token.clone())
    }

    fn keep(&self, digested: Digested, now: Duration, token: &Arc<token::Model>) {
        let mut all = self.all();
        if all.len() >= KNOWN_MAX {
            all.clear();
        }
        all.insert(digested, (now, token.clone()));
    }

    fn forget(&self) {
        self.all().clear();
    }
}

impl Store {
    /// Makes a token and returns it: 256 random bits, shown this once.
    pub async fn create_token(&self, name: &str, scopes: &[&str], who: &str) -> Result<String> {
        let mut bytes = [0; 32];
        self.env.fill(&mut bytes);
        let secret = format!("{PREFIX}{}", hex(&bytes));
        let tx = self.begin().await?;
        if let Some(known) = token::Entity::find_by_id(name).one(&tx).await? {
            if known.revoked_at.is_none() {
                return Err(StoreError::Refused(format!("a token named {name:?} exists already")));
            }
            known.into_active_model().delete(&tx).await?;
        }
        token::ActiveModel {
            name: Set(name.to_owned()),
            hash: Set(hash(&secret)),
            scopes: Set(scopes.join(" ")),
            created_at: Set(micros(self.now())),
            created_by: Set(who.to_owned()),
            revoked_at: Set(None),
            used_at: Set(None),
        }
        .insert(&tx)
        .await?;
        let detail = Some(scopes.join(" "));
        let subject = format!("token/{name}");
        self.write_log(&tx, Entry { who, what: "token.create", subject: &subject, why: None, detail }).await?;
        tx.commit().await?;
        Ok(secret)
    }

    pub async fn tokens(&self) -> Result<Vec<token::Model>> {
        Ok(token::Entity::find().order_by_asc(token::Column::Name).all(&self.reader).await?)
    }

    pub async fn revoke_token(&self, name: &str, who: &str) -> Result<()> {
        let tx = self.begin().await?;
        let missing = || StoreError::Missing { kind: "token", name: name.to_owned() };
        let known = token::Entity::find_by_id(name).one(&tx).await?.ok_or_else(missing)?;
        if known.revoked_at.is_none() {
            let mut row = known.into_active_model();
            row.revoked_at = Set(Some(micros(self.now())));
            row.update(&tx).await?;
            let subject = format!("token/{name}");
            self.write_log(&tx, Entry { who, what: "token.revoke", subject: &subject, why: None, detail: None })
                .await?;
        }
        tx.commit().await?;
        self.tokens.forget();
        Ok(())
    }

    /// The live token that this secret is, if any. Looked up by its hash, so the time it takes tells nothing
    /// about the secret.
    pub async fn token_by_secret(&self, secret: &str) -> Result<Option<Arc<token::Model>>> {
        if !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        let digested: Digested = Sha256::digest(secret.as_bytes()).into();
        let now = self.env.elapsed();
        if let Some(known) = self.tokens.fresh(&digested, now) {
            return Ok(Some(known));
        }
        let found = token::Entity::find()
            .filter(token::Column::Hash.eq(hex(&digested)))
            .filter(token::Column::RevokedAt.is_null())
            .one(&self.reader)
            .await?
            .map(Arc::new);
        if let Some(token) = &found {
            self.tokens.keep(digested, now, token);
        }
        Ok(found)
    }
}

/// A plain digest is enough: the secret has 256 random bits, so there is nothing to guess.
fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
