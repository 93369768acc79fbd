//! What lies on the operator's desk: attention, the log, imports, tokens.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging};
use crate::store::{
    Result, Store, attention,
    entity::{attention as item, log, stock_import, token},
    instant, maybe_instant,
    preview::Changes,
};

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AttentionItem)]
pub struct AttentionSheet {
    pub id: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mall_key: Option<String>,
    pub message: String,
    pub since: Timestamp,
    /// What `resolve` may be given as `action`, beside nothing at all (a brake needs one of them).
    pub actions: Vec<String>,
    /// Of a brake: the numbers that the held change would change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
}

/// Who did what, when and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogLine)]
pub struct LogSheet {
    pub id: String,
    pub at: Timestamp,
    pub who: String,
    pub what: String,
    pub subject: String,
    pub why: Option<String>,
    pub detail: Option<String>,
}

/// A file that was booked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportSheet {
    pub id: String,
    pub kind: String,
    pub file: String,
    pub as_of: Timestamp,
    /// `booking` until every row is in, then `booked`; `undoing` and `undone` when it was taken back.
    pub state: String,
    pub rows: u64,
    pub booked: u64,
    pub unchanged: u64,
    /// SKUs and locations that were new.
    pub created: u64,
    pub at: Timestamp,
    pub by: String,
}

/// A row that can't be booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rejection {
    /// In the file, the header being line 1.
    pub line: u64,
    pub column: Option<String>,
    pub message: String,
}

/// An API token, without its secret, which nobody has any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenSheet {
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Open items, newest first.
    pub async fn attention_sheets(&self, paging: &Paging) -> Result<Page<AttentionSheet>> {
        let tx = self.snapshot().await?;
        let mut query = item::Entity::find().filter(item::Column::ResolvedAt.is_null()).order_by_desc(item::Column::Id);
        if let Some(after) = paging.after_id()? {
            query = query.filter(item::Column::Id.lt(after));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.id.to_string()]);
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(self.attention_sheet_of(&tx, row).await?);
        }
        Ok(Page { items, next_cursor })
    }

    pub async fn attention_sheet(&self, id: i64) -> Result<AttentionSheet> {
        let tx = self.snapshot().await?;
        let row = self.attention_item(id).await?;
        self.attention_sheet_of(&tx, row).await
    }

    async fn attention_sheet_of(&self, tx: &DatabaseTransaction, row: item::Model) -> Result<AttentionSheet> {
        let changes = self.changes_behind(tx, &row).await?;
        Ok(AttentionSheet { changes, ..AttentionSheet::from(row) })
    }

    /// How many items of each kind are open.
    pub async fn attention_counts(&self) -> Result<Vec<(String, i64)>> {
        Ok(item::Entity::find()
            .select_only()
            .column(item::Column::Kind)
            .column_as(item::Column::Id.count(), "open")
            .filter(item::Column::ResolvedAt.is_null())
            .group_by(item::Column::Kind)
            .order_by_asc(item::Column::Kind)
            .into_tuple()
            .all(self.reader())
            .await?)
    }

    /// Newest first.
    pub async fn log_sheets(&self, paging: &Paging) -> Result<Page<LogSheet>> {
        let rows = self.log(paging.after_id()?, paging.fetch()).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.id.to_string()]);
        Ok(Page { items: rows.into_iter().map(LogSheet::from).collect(), next_cursor })
    }

    /// Newest first.
    pub async fn import_sheets(&self, paging: &Paging) -> Result<Page<ImportSheet>> {
        let mut query = stock_import::Entity::find().order_by_desc(stock_import::Column::Id);
        if let Some(after) = paging.after_id()? {
            query = query.filter(stock_import::Column::Id.lt(after));
        }
        let rows = query.limit(paging.fetch()).all(self.reader()).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.id.to_string()]);
        Ok(Page { items: rows.into_iter().map(ImportSheet::from).collect(), next_cursor })
    }

    /// By name; there are never many.
    pub async fn token_sheets(&self) -> Result<Page<TokenSheet>> {
        Ok(Page::whole(self.tokens().await?.into_iter().map(TokenSheet::from).collect()))
    }
}

impl From<item::Model> for AttentionSheet {
    fn from(row: item::Model) -> Self {
        Self {
            id: row.id.to_string(),
            actions: attention::actions(&row.kind).iter().map(ToString::to_string).collect(),
            changes: None,
            kind: row.kind,
            channel: row.channel,
            sku: row.sku,
            mall_key: row.mall_key,
            message: row.message,
            since: instant(row.since),
            resolved_at: maybe_instant(row.resolved_at),
            resolved_by: row.resolved_by,
        }
    }
}

impl From<log::Model> for LogSheet {
    fn from(row: log::Model) -> Self {
        Self {
            id: row.id.to_string(),
            at: instant(row.at),
            who: row.who,
            what: row.what,
            subject: row.subject,
            why: row.why,
            detail: row.detail,
        }
    }
}

impl From<stock_import::Model> for ImportSheet {
    fn from(row: stock_import::Model) -> Self {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Self {
            id: row.id.to_string(),
            kind: row.kind,
            file: row.file,
            as_of: instant(row.as_of),
            state: row.state,
            rows: count(row.rows),
            booked: count(row.booked),
            unchanged: count(row.unchanged),
            created: count(row.created),
            at: instant(row.at),
            by: row.by,
        }
    }
}

impl From<token::Model> for TokenSheet {
    fn from(row: token::Model) -> Self {
        Self {
            name: row.name,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            created_at: instant(row.created_at),
            created_by: row.created_by,
            revoked_at: maybe_instant(row.revoked_at),
        }
    }
}
