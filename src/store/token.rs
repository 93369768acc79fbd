//! API tokens. Only a hash is stored; the token itself is seen once, by whoever creates it.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};

use super::{Result, Store, StoreError, entity::token, log::Entry, micros};

/// So that secret scanners know one when they see it.
const PREFIX: &str = "urb_";

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
        Ok(tx.commit().await?)
    }

    /// The live token that this secret is, if any. Looked up by its hash, so the time it takes tells nothing
    /// about the secret.
    pub async fn token_by_secret(&self, secret: &str) -> Result<Option<token::Model>> {
        if !secret.starts_with(PREFIX) {
            return Ok(None);
        }
        Ok(token::Entity::find()
            .filter(token::Column::Hash.eq(hash(secret)))
            .filter(token::Column::RevokedAt.is_null())
            .one(&self.reader)
            .await?)
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
