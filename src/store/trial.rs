//! A file tried out: everything that it would do happens in one transaction that is taken back.
//!
//! So the figures are those that the file would give, recomputation included, and nothing is worked out twice.
//! While a trial runs it holds what it touches; on SQLite that is the whole database, so a trial of a very
//! large file makes other writers wait.

use std::collections::{BTreeSet, HashMap};

use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Result, Store,
    catalogue::sku_codes,
    entity::stock_import,
    imports::{NewImport, Piece, Rows},
    recompute::Allowance,
};

/// Numbers that an answer names; the others are counted.
pub const CHANGES_MAX: usize = 1_000;

/// A number that a mall would show instead of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TargetChange)]
pub struct TargetChange {
    pub channel: String,
    pub mall_key: String,
    pub sku: String,
    /// `null`: no figure.
    pub now: Option<i64>,
    pub then: Option<i64>,
}

/// The numbers that would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TargetChanges)]
pub struct Changes {
    /// How many there are; `listings` names the first of them.
    pub total: u64,
    pub listings: Vec<TargetChange>,
}

/// A transaction that will be taken back.
pub struct Trial {
    tx: DatabaseTransaction,
}

impl Store {
    /// What was due before the file is computed first, so that only the file's own effects are seen.
    pub async fn begin_trial(&self, allowances: &HashMap<String, Allowance>) -> Result<Trial> {
        let tx = self.begin().await?;
        while self.recompute_due(&tx, allowances).await?.0.skus > 0 {}
        Ok(Trial { tx })
    }

    pub async fn try_import(&self, trial: &Trial, new: &NewImport<'_>) -> Result<stock_import::Model> {
        self.new_import(&trial.tx, new).await
    }

    pub async fn try_rows(&self, trial: &Trial, import: &stock_import::Model, rows: Rows<'_>) -> Result<Piece> {
        self.book_piece(&trial.tx, import, rows).await
    }

    /// Takes everything back. Returns what would have changed.
    pub async fn end_trial(
        &self,
        trial: Trial,
        import: &stock_import::Model,
        allowances: &HashMap<String, Allowance>,
    ) -> Result<Changes> {
        if import.kind == "sales" {
            self.relevel_open(Some(&trial.tx)).await?;
        }
        let mut changes = Changes::default();
        loop {
            let (done, changed) = self.recompute_due(&trial.tx, allowances).await?;
            if done.skus == 0 {
                break;
            }
            changes.total += changed.len() as u64;
            let room = CHANGES_MAX - changes.listings.len();
            let named: Vec<_> = changed.into_iter().take(room).collect();
            let skus: BTreeSet<i64> = named.iter().map(|change| change.listing.sku_id).collect();
            let codes = sku_codes(&trial.tx, &skus).await?;
            changes.listings.extend(named.into_iter().map(|change| TargetChange {
                sku: codes.get(&change.listing.sku_id).cloned().unwrap_or_default(),
                channel: change.listing.channel,
                mall_key: change.listing.mall_key,
                now: change.before,
                then: change.after,
            }));
        }
        trial.tx.rollback().await?;
        Ok(changes)
    }
}
