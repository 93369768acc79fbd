//! Invariant 2: unshipped against order lines.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr, ExprTrait, IntoIden, Query, SelectStatement, SimpleExpr},
};

use super::{Check, FINDINGS_MAX, Finding, Range, Result, ledger::codes};
use crate::store::entity::{line_part, listing, mall_order, order_line, unread_line, unread_order, unshipped as held};

pub(super) async fn unshipped(tx: &DatabaseTransaction) -> Result<Check> {
    let mut check = Check::new(Some(2), "unshipped is the sum over order lines");
    let tables = [held::Entity.into_iden(), line_part::Entity.into_iden(), unread_line::Entity.into_iden()];
    let mut after = i64::MIN;
    while let Some(range) = Range::next(tx, after, &tables).await? {
        after = range.to;
        let codes = codes(tx, range).await?;
        let rows = held::Entity::find().filter(range.holds(held::Column::SkuId.into_expr())).all(tx).await?;
        check.saw(rows.len());
        let mut kept: BTreeMap<_, i64> =
            rows.into_iter().map(|row| ((row.sku_id, row.channel, row.pool), row.quantity)).collect();
        let mut sums = line_sums(tx, range).await?;
        for (key, units) in unread_sums(tx, range).await? {
            *sums.entry(key).or_default() += units;
        }
        for (key, quantity) in &kept {
            sums.entry(key.clone()).or_insert(if *quantity == 0 { continue } else { 0 });
        }
        for (key, sum) in sums {
            let quantity = kept.remove(&key).unwrap_or(0);
            if quantity != sum {
                let (sku, channel, pool) = key;
                check.found(|| Finding {
                    subject: format!("{} on {channel} in pool {pool}", codes.of(sku)),
                    found: format!("unshipped is {quantity}"),
                    expected: format!("its order lines hold {sum}"),
                });
            }
        }
    }
    Ok(check)
}

/// Lines that contradict themselves, or that count for nothing although their item is mapped.
pub(super) async fn lines(tx: &DatabaseTransaction) -> Result<Check> {
    use order_line::Column;
    let mut check = Check::new(Some(2), "each order line can be, and counts once");
    check.saw(usize::try_from(order_line_count(tx).await?).unwrap_or(usize::MAX));
    let column = |column| Expr::col((order_line::Entity, column));
    let too_much =
        column(Column::Moved).add(column(Column::Cancelled)).add(column(Column::Shipped)).gt(column(Column::Ordered));
    let absurd = Condition::any()
        .add(column(Column::Cancelled).lt(0))
        .add(column(Column::Shipped).lt(0))
        .add(column(Column::Moved).lt(0))
        .add(too_much);
    for (order, line) in named(tx, with_order().cond_where(absurd)).await? {
        check.found(|| Finding {
            subject: format!("order {order}, line {line}"),
            found: "more is moved, cancelled and shipped than was ordered".into(),
            expected: "none of them can be negative or exceed it".into(),
        });
    }
    let mapped = Query::select()
        .expr(Expr::val(1))
        .from(listing::Entity)
        .and_where(
            Expr::col((listing::Entity, listing::Column::Channel))
                .equals((mall_order::Entity, mall_order::Column::Channel)),
        )
        .and_where(Expr::col((listing::Entity, listing::Column::MallKey)).equals((order_line::Entity, Column::MallKey)))
        .to_owned();
    let forgotten = Condition::all()
        .add(column(Column::ListingId).is_null())
        .add(Expr::col((mall_order::Entity, mall_order::Column::FulfilledBy)).eq("seller"))
        .add(Expr::exists(mapped));
    let mut silent = named(tx, with_order().cond_where(forgotten)).await?;
    silent.extend(named(tx, &forgotten_unread()).await?);
    for (order, line) in silent {
        check.found(|| Finding {
            subject: format!("order {order}, line {line}"),
            found: "it holds no stock".into(),
            expected: "its item is mapped to a SKU".into(),
        });
    }
    Ok(check)
}

/// Items of unread orders that are mapped, and held by nothing.
fn forgotten_unread() -> SelectStatement {
    use unread_line::Column;
    let (line, order, listing) = (unread_line::Entity, unread_order::Entity, listing::Entity);
    let same_item = Expr::col((listing, listing::Column::Channel))
        .equals((order, unread_order::Column::Channel))
        .and(Expr::col((listing, listing::Column::MallKey)).equals((line, Column::MallKey)));
    let order_id = Expr::col((order, unread_order::Column::OrderId)).if_null("(no id)");
    Query::select()
        .column((order, unread_order::Column::Channel))
        .expr_as(order_id, "order_id")
        .expr_as(Expr::col((line, Column::MallKey)), "line")
        .from(line)
        .inner_join(order, Expr::col((order, unread_order::Column::Id)).equals((line, Column::UnreadId)))
        .inner_join(listing, same_item)
        .and_where(Expr::col((order, unread_order::Column::EndedAt)).is_null())
        .and_where(Expr::col((line, Column::SkuId)).is_null())
        .limit(FINDINGS_MAX as u64)
        .to_owned()
}

async fn order_line_count(tx: &DatabaseTransaction) -> Result<i64> {
    let count = Query::select()
        .expr_as(Expr::col(order_line::Column::Id).count(), "figure")
        .from(order_line::Entity)
        .to_owned();
    let row = tx.query_one(&count).await?;
    Ok(row.map(|row| row.try_get("", "figure")).transpose()?.unwrap_or(0))
}

/// What the lines hold, in SKU units: by SKU, channel and pool.
async fn line_sums(tx: &DatabaseTransaction, range: Range) -> Result<BTreeMap<(i64, String, String), i64>> {
    use order_line::Column;
    let line = |column| Expr::col((order_line::Entity, column));
    let (part, order) = (line_part::Entity, mall_order::Entity);
    let held: SimpleExpr = line(Column::Ordered)
        .sub(line(Column::Moved))
        .sub(line(Column::Cancelled))
        .sub(line(Column::Shipped))
        .mul(Expr::col((part, line_part::Column::Quantity)));
    let sums = Query::select()
        .column((part, line_part::Column::SkuId))
        .column((order, mall_order::Column::Channel))
        .column((order_line::Entity, Column::Pool))
        .expr_as(held.sum().cast_as("BIGINT"), "figure")
        .from(part)
        .inner_join(order_line::Entity, line(Column::Id).equals((part, line_part::Column::LineId)))
        .inner_join(order, Expr::col((order, mall_order::Column::Id)).equals((order_line::Entity, Column::OrderRef)))
        .and_where(range.holds(Expr::col((part, line_part::Column::SkuId))))
        .add_group_by([
            Expr::col((part, line_part::Column::SkuId)),
            Expr::col((order, mall_order::Column::Channel)),
            line(Column::Pool),
        ])
        .to_owned();
    let mut found = BTreeMap::new();
    for row in tx.query_all(&sums).await? {
        let pool: Option<String> = row.try_get("", "pool")?;
        let key = (row.try_get("", "sku_id")?, row.try_get("", "channel")?, pool.unwrap_or_default());
        found.insert(key, row.try_get("", "figure")?);
    }
    Ok(found)
}

/// What orders hold that can't be read, and that nobody has looked at.
async fn unread_sums(tx: &DatabaseTransaction, range: Range) -> Result<BTreeMap<(i64, String, String), i64>> {
    use unread_line::Column;
    let (line, order) = (unread_line::Entity, unread_order::Entity);
    let sums = Query::select()
        .columns([(line, Column::SkuId), (line, Column::Pool)])
        .column((order, unread_order::Column::Channel))
        .expr_as(Expr::col((line, Column::Quantity)).sum().cast_as("BIGINT"), "figure")
        .from(line)
        .inner_join(order, Expr::col((order, unread_order::Column::Id)).equals((line, Column::UnreadId)))
        .and_where(Expr::col((order, unread_order::Column::EndedAt)).is_null())
        .and_where(range.holds(Expr::col((line, Column::SkuId))))
        .group_by_columns([(line, Column::SkuId), (line, Column::Pool)])
        .group_by_col((order, unread_order::Column::Channel))
        .to_owned();
    let mut found = BTreeMap::new();
    for row in tx.query_all(&sums).await? {
        let pool: Option<String> = row.try_get("", "pool")?;
        let key = (row.try_get("", "sku_id")?, row.try_get("", "channel")?, pool.unwrap_or_default());
        found.insert(key, row.try_get("", "figure")?);
    }
    Ok(found)
}

fn with_order() -> SelectStatement {
    let order = mall_order::Entity;
    Query::select()
        .column((order, mall_order::Column::Channel))
        .column((order, mall_order::Column::OrderId))
        .column((order_line::Entity, order_line::Column::Line))
        .from(order_line::Entity)
        .inner_join(
            order,
            Expr::col((order, mall_order::Column::Id)).equals((order_line::Entity, order_line::Column::OrderRef)),
        )
        .limit(FINDINGS_MAX as u64)
        .to_owned()
}

async fn named(tx: &DatabaseTransaction, query: &SelectStatement) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for row in tx.query_all(query).await? {
        let (channel, order): (String, String) = (row.try_get("", "channel")?, row.try_get("", "order_id")?);
        found.push((format!("{channel}/{order}"), row.try_get("", "line")?));
    }
    Ok(found)
}
