//! Shipped, not in core: units that left and that no sales figure of the core system holds, day by day.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter};

use super::{NAMED, Result, When, cut};
use crate::{
    domain::{business_day, explain::Term},
    store::{
        core_files::computed_levels_at,
        entity::{core_shipment, not_in_core},
        micros,
    },
};

/// In SKU units, positive.
pub(super) async fn term(tx: &DatabaseTransaction, pool: &str, sku_id: i64, when: When) -> Result<Term> {
    let mut days = match when {
        When::Now => {
            use not_in_core::Column;
            not_in_core::Entity::find()
                .filter(Column::SkuId.eq(sku_id))
                .filter(Column::Pool.eq(pool))
                .filter(Column::Own.into_expr().ne(Column::InCore.into_expr()))
                .all(tx)
                .await?
        }
        When::At(at) => {
            use core_shipment::Column;
            let shipped = core_shipment::Entity::find()
                .filter(Column::SkuId.eq(sku_id))
                .filter(Column::Pool.eq(pool))
                .filter(Column::RecordedAt.lte(micros(at)))
                .all(tx)
                .await?;
            let levels: BTreeSet<_> =
                shipped.into_iter().map(|row| (row.sku_id, row.pool, row.business_date)).collect();
            let found = computed_levels_at(tx, &levels, Some(at)).await?;
            found.into_iter().map(|(row, _)| row).filter(|row| row.own != row.in_core).collect()
        }
    };
    days.sort_by_key(|row| std::cmp::Reverse(row.business_date));
    let total = days.iter().map(|row| row.own - row.in_core).sum();
    let more = (days.len() > NAMED).then(|| format!("{} earlier days", days.len() - NAMED));
    let named = days.iter().take(NAMED).map(day).collect();
    Ok(Term::sum("shipped_not_in_core", cut(named, total, more)))
}

fn day(row: &not_in_core::Model) -> Term {
    let date = business_day::date(row.business_date).map_or_else(String::new, |date| date.to_string());
    let source = format!("{} shipped on {date}, {} of them in sales files", row.own, row.in_core);
    Term::fact("day", row.own - row.in_core, source)
}
