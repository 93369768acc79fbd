//! The invariants over one snapshot of the database. What is kept twice is computed again from what it was
//! made of; every difference is named with both figures, and nothing is repaired: a difference is a bug, and
//! a repair would hide it.
//!
//! Memory is bounded: tables are walked in ranges of keys, sums are made by the database, and of each check
//! only the first [`FINDINGS_MAX`] differences are kept (all are counted).

mod core_files;
mod holds;
mod ledger;
mod listings;
mod orders;
mod past;
mod shares;

use std::{collections::HashMap, fmt};

use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DynIden,
    sea_query::{Expr, ExprTrait, Query},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Result, Store, recompute::Allowance};

/// Differences that a check names one by one.
pub const FINDINGS_MAX: usize = 50;

/// SKUs or listings per range of keys.
const PAGE: u64 = 400;

/// What `verify` found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Verify report")]
pub struct VerifyReport {
    /// When the snapshot was taken.
    pub at: Timestamp,
    pub checks: Vec<CheckSheet>,
}

/// One invariant.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(title = "Check")]
pub struct CheckSheet {
    /// Its number in the list of invariants, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invariant: Option<u8>,
    pub name: String,
    pub state: CheckState,
    /// How many rows were compared.
    pub examined: u64,
    pub broken: u64,
    /// The first of the differences.
    pub findings: Vec<Finding>,
    /// What is under way, so that nothing can be said yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Checked,
    Broken,
    NotQuiescent,
}

/// A figure that is not what it ought to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(title = "Finding")]
pub struct Finding {
    /// SKU, place, channel or listing.
    pub subject: String,
    /// What stands there.
    pub found: String,
    /// What the rows behind it say.
    pub expected: String,
}

impl Store {
    /// Checks the invariants that the database alone can prove. Targets of channels without an allowance are
    /// not looked at, as by [`Store::recompute`].
    pub async fn verify(&self, allowances: &HashMap<String, Allowance>) -> Result<VerifyReport> {
        let tx = self.snapshot().await?;
        let at = self.now();
        let mut checks = ledger::checks(&tx).await?;
        checks.push(past::snapshots(&tx).await?);
        checks.push(core_files::levels(&tx).await?);
        checks.push(orders::unshipped(&tx).await?);
        checks.push(orders::lines(&tx).await?);
        checks.push(past::lines(&tx).await?);
        checks.extend(holds::checks(&tx).await?);
        checks.extend(listings::checks(self, &tx, allowances, at).await?);
        checks.extend(shares::checks(self, &tx).await?);
        tx.rollback().await?;
        Ok(VerifyReport { at, checks: checks.into_iter().map(Check::close).collect() })
    }
}

impl VerifyReport {
    pub fn is_broken(&self) -> bool {
        self.checks.iter().any(|check| check.state == CheckState::Broken)
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let number = check.invariant.map_or(String::new(), |number| number.to_string());
            let state = match check.state {
                CheckState::Checked => "checked",
                CheckState::Broken => "BROKEN",
                CheckState::NotQuiescent => "not quiescent",
            };
            writeln!(f, "{number:>2}  {:<58} {state:<14} {}", check.name, check.examined)?;
            for wait in &check.waits {
                writeln!(f, "      {wait}")?;
            }
            for finding in &check.findings {
                writeln!(f, "      {}: {}, but {}", finding.subject, finding.found, finding.expected)?;
            }
            let more = check.broken.saturating_sub(check.findings.len() as u64);
            if more > 0 {
                writeln!(f, "      and {more} more")?;
            }
        }
        Ok(())
    }
}

/// A check at work.
struct Check(CheckSheet);

impl Check {
    fn new(invariant: Option<u8>, name: &str) -> Self {
        Self(CheckSheet {
            invariant,
            name: name.to_owned(),
            state: CheckState::Checked,
            examined: 0,
            broken: 0,
            findings: Vec::new(),
            waits: Vec::new(),
        })
    }

    fn saw(&mut self, rows: usize) {
        self.0.examined += rows as u64;
    }

    fn found(&mut self, finding: impl FnOnce() -> Finding) {
        self.0.broken += 1;
        if self.0.findings.len() < FINDINGS_MAX {
            self.0.findings.push(finding());
        }
    }

    fn waits(&mut self, count: u64, what: &str) {
        if count > 0 {
            self.0.waits.push(format!("{count} {what}"));
        }
    }

    fn close(self) -> CheckSheet {
        let mut sheet = self.0;
        if !sheet.waits.is_empty() {
            sheet.state = CheckState::NotQuiescent;
            sheet.broken = 0;
            sheet.findings.clear();
        } else if sheet.broken > 0 {
            sheet.state = CheckState::Broken;
        }
        sheet
    }
}

/// SKU ids in `after < id ≤ to`.
#[derive(Clone, Copy)]
struct Range {
    after: i64,
    to: i64,
}

impl Range {
    /// The next few SKUs that any of the tables names; `None` at the end.
    async fn next(db: &DatabaseTransaction, after: i64, tables: &[DynIden]) -> Result<Option<Self>> {
        let (mut ends, mut cut) = (Vec::new(), Vec::new());
        for table in tables {
            let ids = Query::select()
                .distinct()
                .column("sku_id")
                .from(table.clone())
                .and_where(Expr::col("sku_id").gt(after))
                .order_by("sku_id", sea_orm::Order::Asc)
                .limit(PAGE)
                .to_owned();
            let rows = db.query_all(&ids).await?;
            let Some(last) = rows.last() else { continue };
            let last: i64 = last.try_get("", "sku_id")?;
            if rows.len() as u64 == PAGE {
                cut.push(last)
            } else {
                ends.push(last)
            };
        }
        // Beyond the end of a full page that table may have more.
        let to = cut.into_iter().min().or(ends.into_iter().max());
        Ok(to.map(|to| Self { after, to }))
    }

    fn holds(self, column: impl ExprTrait + Clone) -> sea_orm::sea_query::SimpleExpr {
        column.clone().gt(self.after).and(column.lte(self.to))
    }
}
