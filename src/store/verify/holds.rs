//! Invariant 3: what is held against live reservations, and ends that are final.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, IntoIden, Query, SelectStatement},
};

use super::{Check, FINDINGS_MAX, Finding, Range, Result, ledger::codes};
use crate::store::entity::{held, hold_event, reservation, reservation_part};

const HELD: &str = "held";

pub(super) async fn checks(tx: &DatabaseTransaction) -> Result<Vec<Check>> {
    Ok(vec![sums(tx).await?, ends(tx).await?])
}

async fn sums(tx: &DatabaseTransaction) -> Result<Check> {
    let mut check = Check::new(Some(3), "held is the sum over live reservations");
    let mut after = i64::MIN;
    while let Some(range) = Range::next(tx, after, &[held::Entity.into_iden()]).await? {
        after = range.to;
        let codes = codes(tx, range).await?;
        let rows = held::Entity::find().filter(range.holds(held::Column::SkuId.into_expr())).all(tx).await?;
        check.saw(rows.len());
        let mut sums = live_sums(tx, range).await?;
        for row in rows {
            let sum = sums.remove(&(row.sku_id, row.pool.clone())).unwrap_or(0);
            if sum != row.quantity {
                check.found(|| Finding {
                    subject: format!("{} in pool {}", codes.of(row.sku_id), row.pool),
                    found: format!("held is {}", row.quantity),
                    expected: format!("live reservations hold {sum}"),
                });
            }
        }
    }
    for row in tx.query_all(&forgotten()).await? {
        let (id, sku): (String, i64) = (row.try_get("", "given_id")?, row.try_get("", "sku_id")?);
        check.found(|| Finding {
            subject: format!("reservation {id}"),
            found: format!("nothing is held of SKU {sku}"),
            expected: "it is live and takes some".into(),
        });
    }
    Ok(check)
}

/// A reservation that holds although it has ended before.
async fn ends(tx: &DatabaseTransaction) -> Result<Check> {
    let mut check = Check::new(Some(3), "an ended reservation never holds again");
    let all = reservation::Entity::find().count(tx).await?;
    check.saw(usize::try_from(all).unwrap_or(usize::MAX));
    let ended = Query::select()
        .expr(Expr::val(1))
        .from(hold_event::Entity)
        .and_where(
            Expr::col((hold_event::Entity, hold_event::Column::ReservationId))
                .equals((reservation::Entity, reservation::Column::Id)),
        )
        .and_where(Expr::col((hold_event::Entity, hold_event::Column::What)).ne(HELD))
        .to_owned();
    let again = Query::select()
        .column((reservation::Entity, reservation::Column::GivenId))
        .from(reservation::Entity)
        .and_where(Expr::col((reservation::Entity, reservation::Column::State)).eq(HELD))
        .and_where(Expr::exists(ended))
        .limit(FINDINGS_MAX as u64)
        .to_owned();
    for row in tx.query_all(&again).await? {
        let id: String = row.try_get("", "given_id")?;
        check.found(|| Finding {
            subject: format!("reservation {id}"),
            found: "it holds".into(),
            expected: "its history says that it has ended".into(),
        });
    }
    Ok(check)
}

async fn live_sums(tx: &DatabaseTransaction, range: Range) -> Result<BTreeMap<(i64, String), i64>> {
    let part = |column| Expr::col((reservation_part::Entity, column));
    let sums = live()
        .column((reservation_part::Entity, reservation_part::Column::SkuId))
        .column((reservation::Entity, reservation::Column::Pool))
        .expr_as(part(reservation_part::Column::Quantity).sum().cast_as("BIGINT"), "units")
        .and_where(range.holds(part(reservation_part::Column::SkuId)))
        .group_by_col((reservation_part::Entity, reservation_part::Column::SkuId))
        .group_by_col((reservation::Entity, reservation::Column::Pool))
        .to_owned();
    let mut found = BTreeMap::new();
    for row in tx.query_all(&sums).await? {
        found.insert((row.try_get("", "sku_id")?, row.try_get("", "pool")?), row.try_get("", "units")?);
    }
    Ok(found)
}

/// Parts of live reservations that no running sum knows.
fn forgotten() -> SelectStatement {
    let kept = Query::select()
        .expr(Expr::val(1))
        .from(held::Entity)
        .and_where(
            Expr::col((held::Entity, held::Column::SkuId))
                .equals((reservation_part::Entity, reservation_part::Column::SkuId)),
        )
        .and_where(
            Expr::col((held::Entity, held::Column::Pool)).equals((reservation::Entity, reservation::Column::Pool)),
        )
        .to_owned();
    live()
        .column((reservation::Entity, reservation::Column::GivenId))
        .column((reservation_part::Entity, reservation_part::Column::SkuId))
        .and_where(Expr::exists(kept).not())
        .limit(FINDINGS_MAX as u64)
        .to_owned()
}

fn live() -> SelectStatement {
    Query::select()
        .from(reservation::Entity)
        .inner_join(
            reservation_part::Entity,
            Expr::col((reservation_part::Entity, reservation_part::Column::ReservationId))
                .equals((reservation::Entity, reservation::Column::Id)),
        )
        .and_where(Expr::col((reservation::Entity, reservation::Column::State)).eq(HELD))
        .to_owned()
}
