//! Invariant 1: balances against entries, and entries against the newest counts.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr, ExprTrait, IntoIden, Query, SelectStatement},
};

use super::{Check, Finding, Range, Result};
use crate::store::{
    entity::{sku, stock_balance, stock_count, stock_entry, stock_event},
    instant,
    ledger_time::is_not_undone,
};

type Place = (i64, String);

pub(super) async fn checks(tx: &DatabaseTransaction) -> Result<Vec<Check>> {
    let mut balances = Check::new(Some(1), "each balance is the sum of its entries");
    let mut counts = Check::new(Some(1), "each balance is the newest count and what came after");
    let tables = [stock_balance::Entity.into_iden(), stock_entry::Entity.into_iden(), stock_count::Entity.into_iden()];
    let mut after = i64::MIN;
    while let Some(range) = Range::next(tx, after, &tables).await? {
        after = range.to;
        let codes = codes(tx, range).await?;
        let sums = entry_sums(tx, range).await?;
        check_balances(tx, range, &codes, &sums, &mut balances).await?;
        check_counts(tx, range, &codes, &sums, &mut counts).await?;
    }
    Ok(vec![balances, counts])
}

async fn check_balances(
    tx: &DatabaseTransaction,
    range: Range,
    codes: &Codes,
    sums: &BTreeMap<(i64, String, String), i64>,
    check: &mut Check,
) -> Result<()> {
    let rows =
        stock_balance::Entity::find().filter(range.holds(stock_balance::Column::SkuId.into_expr())).all(tx).await?;
    let mut balances: BTreeMap<_, i64> =
        rows.into_iter().map(|row| ((row.sku_id, row.location, row.bin), row.quantity)).collect();
    check.saw(balances.len());
    for (key, sum) in sums {
        let balance = balances.remove(key);
        if balance.unwrap_or(0) != *sum {
            let found = balance.map_or("there is no balance".to_owned(), |balance| format!("the balance is {balance}"));
            check.found(|| Finding {
                subject: format!("{} at {}/{}", codes.of(key.0), key.1, key.2),
                found,
                expected: format!("its entries sum to {sum}"),
            });
        }
    }
    for ((sku, location, bin), balance) in balances.into_iter().filter(|(_, balance)| *balance != 0) {
        check.found(|| Finding {
            subject: format!("{} at {location}/{bin}", codes.of(sku)),
            found: format!("the balance is {balance}"),
            expected: "it has no entries".into(),
        });
    }
    Ok(())
}

async fn check_counts(
    tx: &DatabaseTransaction,
    range: Range,
    codes: &Codes,
    sums: &BTreeMap<(i64, String, String), i64>,
    check: &mut Check,
) -> Result<()> {
    let rows = stock_count::Entity::find().filter(range.holds(stock_count::Column::SkuId.into_expr())).all(tx).await?;
    check.saw(rows.len());
    let later = figures(tx, &later_entries(range)).await?;
    let mut taken = figures(tx, &newest_stocktakes(range)).await?;
    let mut totals: HashMap<Place, i64> = HashMap::new();
    for ((sku, location, _), sum) in sums {
        *totals.entry((*sku, location.clone())).or_default() += sum;
    }
    for row in rows {
        let place = (row.sku_id, row.location.clone());
        let subject = || format!("{} at {}", codes.of(row.sku_id), row.location);
        let counted_at = instant(row.counted_at);
        let (total, after) = (totals.get(&place).copied().unwrap_or(0), later.get(&place).copied().unwrap_or(0));
        if total != row.quantity + after {
            check.found(|| Finding {
                subject: subject(),
                found: format!("the entries sum to {total}"),
                expected: format!("{} were counted at {counted_at}, and {after:+} came after", row.quantity),
            });
        }
        let newest = taken.remove(&place);
        if newest != Some(row.counted_at) {
            let newest =
                newest.map_or("no stocktake".to_owned(), |at| format!("the newest stocktake is of {}", instant(at)));
            check.found(|| Finding {
                subject: subject(),
                found: format!("the count is of {counted_at}"),
                expected: format!("the ledger has {newest}"),
            });
        }
    }
    for ((sku, location), at) in taken {
        check.found(|| Finding {
            subject: format!("{} at {location}", codes.of(sku)),
            found: "there is no count".into(),
            expected: format!("the newest stocktake is of {}", instant(at)),
        });
    }
    Ok(())
}

async fn entry_sums(tx: &DatabaseTransaction, range: Range) -> Result<BTreeMap<(i64, String, String), i64>> {
    use stock_entry::Column;
    let sums = Query::select()
        .columns([Column::SkuId, Column::Location, Column::Bin])
        .expr_as(Expr::col(Column::Quantity).sum().cast_as("BIGINT"), "figure")
        .from(stock_entry::Entity)
        .and_where(range.holds(Expr::col(Column::SkuId)))
        .group_by_columns([Column::SkuId, Column::Location, Column::Bin])
        .to_owned();
    let mut found = BTreeMap::new();
    for row in tx.query_all(&sums).await? {
        let key = (row.try_get("", "sku_id")?, row.try_get("", "location")?, row.try_get("", "bin")?);
        found.insert(key, row.try_get("", "figure")?);
    }
    Ok(found)
}

/// What occurred after each place's count.
fn later_entries(range: Range) -> SelectStatement {
    use stock_count::Column as Count;
    use stock_entry::Column as Row;
    let (count, row) = (stock_count::Entity, stock_entry::Entity);
    let same_place = Condition::all()
        .add(Expr::col((count, Count::SkuId)).equals((row, Row::SkuId)))
        .add(Expr::col((count, Count::Location)).equals((row, Row::Location)))
        .add(Expr::col((row, Row::OccurredAt)).gt(Expr::col((count, Count::CountedAt))));
    let mut query = by_place(range, Expr::col((row, Row::Quantity)).sum().cast_as("BIGINT"));
    query.inner_join(count, same_place);
    query
}

/// When each place was last counted, by the ledger: what was undone doesn't count.
fn newest_stocktakes(range: Range) -> SelectStatement {
    use stock_entry::Column as Row;
    let event = stock_event::Entity;
    let mut query = by_place(range, Expr::col((stock_entry::Entity, Row::OccurredAt)).max());
    query
        .inner_join(event, Expr::col((event, stock_event::Column::Id)).equals((stock_entry::Entity, Row::EventId)))
        .and_where(Expr::col((event, stock_event::Column::Kind)).eq("stocktake"))
        .and_where(is_not_undone());
    query
}

fn by_place(range: Range, figure: impl Into<sea_orm::sea_query::SimpleExpr>) -> SelectStatement {
    use stock_entry::Column;
    let row = stock_entry::Entity;
    Query::select()
        .columns([(row, Column::SkuId), (row, Column::Location)])
        .expr_as(figure, "figure")
        .from(row)
        .and_where(range.holds(Expr::col((row, Column::SkuId))))
        .group_by_columns([(row, Column::SkuId), (row, Column::Location)])
        .to_owned()
}

async fn figures(tx: &DatabaseTransaction, query: &SelectStatement) -> Result<BTreeMap<Place, i64>> {
    let mut found = BTreeMap::new();
    for row in tx.query_all(query).await? {
        found.insert((row.try_get("", "sku_id")?, row.try_get("", "location")?), row.try_get("", "figure")?);
    }
    Ok(found)
}

/// SKU ids in words.
pub(super) struct Codes(HashMap<i64, String>);

impl Codes {
    pub(super) fn of(&self, sku: i64) -> String {
        self.0.get(&sku).cloned().unwrap_or_else(|| format!("unknown SKU {sku}"))
    }
}

pub(super) async fn codes(tx: &DatabaseTransaction, range: Range) -> Result<Codes> {
    let rows = sku::Entity::find().filter(range.holds(sku::Column::Id.into_expr())).all(tx).await?;
    Ok(Codes(rows.into_iter().map(|row| (row.id, row.code)).collect()))
}
