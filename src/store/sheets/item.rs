//! What shops list, beside what is mapped, and what it is likely to be.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging};
use crate::{
    domain::spelling,
    store::{
        ROWS_PER_STATEMENT, Result, Store,
        catalogue::sku_codes,
        entity::{listing, mall_item, sku},
        instant,
    },
};

/// Something that a shop lists, and what sells it here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = MallItem)]
pub struct ItemSheet {
    pub channel: String,
    pub mall_key: String,
    /// The seller's own code on the mall.
    pub code: Option<String>,
    pub jan: Option<String>,
    pub title: Option<String>,
    /// The SKU that it is mapped to; `null`: nobody mapped it.
    pub sku: Option<String>,
    /// The SKU that it is likely to be, where it is mapped to none.
    pub suggestion: Option<Suggestion>,
    pub seen_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suggestion {
    pub sku: String,
    /// `code`: the mall's code, or its key, is the SKU's code; `jan`: both have the same JAN.
    pub by: String,
}

impl Store {
    /// What shops list, by channel and key.
    pub async fn item_sheets(&self, channel: Option<&str>, paging: &Paging) -> Result<Page<ItemSheet>> {
        use mall_item::Column;
        let tx = self.snapshot().await?;
        let mut query = mall_item::Entity::find().order_by_asc(Column::Channel).order_by_asc(Column::MallKey);
        if let Some(channel) = channel {
            query = query.filter(Column::Channel.eq(channel));
        }
        if let Some([channel, mall_key]) = paging.after()? {
            let further = Column::Channel.eq(&channel).and(Column::MallKey.gt(mall_key));
            query = query.filter(Column::Channel.gt(channel).or(further));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.channel.clone(), row.mall_key.clone()]);
        let mapped = mapped(&tx, &rows).await?;
        let suggestions = suggestions(&tx, &rows).await?;
        let items = rows
            .into_iter()
            .zip(suggestions)
            .map(|(row, suggestion)| {
                let sku = mapped.get(&(row.channel.clone(), row.mall_key.clone())).cloned();
                ItemSheet {
                    suggestion: suggestion.filter(|_| sku.is_none()),
                    sku,
                    seen_at: instant(row.seen_at),
                    channel: row.channel,
                    mall_key: row.mall_key,
                    code: row.code,
                    jan: row.jan,
                    title: row.title,
                }
            })
            .collect();
        Ok(Page { items, next_cursor })
    }
}

/// By channel and key, the SKU that it is mapped to.
async fn mapped(db: &DatabaseTransaction, items: &[mall_item::Model]) -> Result<HashMap<(String, String), String>> {
    let mut found = HashMap::new();
    for piece in items.chunks(ROWS_PER_STATEMENT) {
        let channels: BTreeSet<&str> = piece.iter().map(|row| row.channel.as_str()).collect();
        let rows: Vec<(String, String, i64)> = listing::Entity::find()
            .select_only()
            .columns([listing::Column::Channel, listing::Column::MallKey, listing::Column::SkuId])
            .filter(listing::Column::Channel.is_in(channels))
            .filter(listing::Column::MallKey.is_in(piece.iter().map(|row| row.mall_key.as_str())))
            .into_tuple()
            .all(db)
            .await?;
        let codes = sku_codes(db, &rows.iter().map(|row| row.2).collect()).await?;
        found.extend(
            rows.into_iter().filter_map(|(channel, key, sku)| Some(((channel, key), codes.get(&sku)?.clone()))),
        );
    }
    Ok(found)
}

/// The same for keys of channels, whether or not their shops' lists name them.
pub(super) async fn suggestions_for(
    db: &DatabaseTransaction,
    keys: Vec<(String, String)>,
) -> Result<Vec<Option<Suggestion>>> {
    let mut known = HashMap::new();
    for piece in keys.chunks(ROWS_PER_STATEMENT) {
        let rows = mall_item::Entity::find()
            .filter(mall_item::Column::MallKey.is_in(piece.iter().map(|(_, mall_key)| mall_key.as_str())));
        known.extend(rows.all(db).await?.into_iter().map(|row| ((row.channel.clone(), row.mall_key.clone()), row)));
    }
    let item = |key: (String, String)| {
        let (channel, mall_key) = key.clone();
        let blank = mall_item::Model { channel, mall_key, code: None, jan: None, title: None, seen_at: 0 };
        known.remove(&key).unwrap_or(blank)
    };
    suggestions(db, &keys.into_iter().map(item).collect::<Vec<_>>()).await
}

/// The SKU that each is likely to be. A JAN that several SKUs have says nothing.
async fn suggestions(db: &impl ConnectionTrait, items: &[mall_item::Model]) -> Result<Vec<Option<Suggestion>>> {
    let mut suggested = Vec::with_capacity(items.len());
    for piece in items.chunks(ROWS_PER_STATEMENT / 2) {
        let names: BTreeSet<String> = piece.iter().flat_map(names).collect();
        let jans: BTreeSet<&str> = piece.iter().filter_map(|row| row.jan.as_deref()).collect();
        let either = Condition::any().add(sku::Column::Code.is_in(&names)).add(sku::Column::Jan.is_in(jans));
        let skus = sku::Entity::find().filter(either).all(db).await?;
        suggested.extend(piece.iter().map(|row| suggestion(row, &skus)));
    }
    Ok(suggested)
}

/// What may be its SKU's code, the likeliest first.
fn names(row: &mall_item::Model) -> Vec<String> {
    let own = row.code.iter().chain([&row.mall_key]);
    own.map(|text| spelling::code(text).into_owned()).collect()
}

fn suggestion(row: &mall_item::Model, skus: &[sku::Model]) -> Option<Suggestion> {
    let by_code = names(row).into_iter().find_map(|name| skus.iter().find(|sku| sku.code == name));
    let suggest = |sku: &sku::Model, by: &str| Suggestion { sku: sku.code.clone(), by: by.to_owned() };
    if let Some(sku) = by_code {
        return Some(suggest(sku, "code"));
    }
    let jan = row.jan.as_ref()?;
    let mut same = skus.iter().filter(|sku| sku.jan.as_ref() == Some(jan));
    let first = same.next()?;
    same.next().is_none().then(|| suggest(first, "jan"))
}
