//! What the past is told from: snapshots against entries, order lines against their events.

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, sea_query::IntoIden};

use super::{Check, FINDINGS_MAX, Finding, Range, Result, ledger::codes};
use crate::store::{
    dialect_time::{self, WrongSnapshot},
    entity::{mall_order, stock_snapshot},
    instant,
};

/// Wrong snapshots that are counted in each range of SKUs; what is broken beyond that says nothing new.
const COUNTED_MAX: usize = 1_000;

pub(super) async fn snapshots(tx: &DatabaseTransaction) -> Result<Check> {
    let mut check = Check::new(Some(1), "each snapshot is the sum of the entries up to it");
    let tables = [stock_snapshot::Entity.into_iden()];
    let mut after = i64::MIN;
    while let Some(range) = Range::next(tx, after, &tables).await? {
        after = range.to;
        let codes = codes(tx, range).await?;
        let of_range = range.holds(stock_snapshot::Column::SkuId.into_expr());
        let rows = stock_snapshot::Entity::find().filter(of_range).count(tx).await?;
        check.saw(usize::try_from(rows).unwrap_or(usize::MAX));
        for wrong in dialect_time::wrong_snapshots(tx, range.after, range.to, COUNTED_MAX).await? {
            let WrongSnapshot { place: (sku, location, bin), at, was, known } = wrong;
            check.found(|| Finding {
                subject: format!("{} at {location}/{bin}, end of {}", codes.of(sku), instant(at)),
                found: format!("the snapshot has {} there and {} in the books", was.0, known.0),
                expected: format!("with the entries since the one before it is {} and {}", was.1, known.1),
            });
        }
    }
    Ok(check)
}

pub(super) async fn lines(tx: &DatabaseTransaction) -> Result<Check> {
    let mut check = Check::new(Some(2), "each open order's lines are the sums of their events");
    let rows = mall_order::Entity::find().filter(mall_order::Column::Open.eq(true)).count(tx).await?;
    check.saw(usize::try_from(rows).unwrap_or(usize::MAX));
    for (channel, order, line, held, told) in dialect_time::wrong_lines(tx, FINDINGS_MAX).await? {
        check.found(|| Finding {
            subject: format!("order {channel}/{order}, line {line}"),
            found: format!("it holds {held}"),
            expected: format!("its events come to {told}"),
        });
    }
    Ok(check)
}
