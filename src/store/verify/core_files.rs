//! Shipped, not in core: each level against the shipments and sales figures behind it.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, sea_query::IntoIden};

use super::{Check, Finding, Range, Result, ledger::codes};
use crate::store::{
    core_files::computed_levels,
    entity::{core_shipment, not_in_core},
};

pub(super) async fn levels(tx: &DatabaseTransaction) -> Result<Check> {
    let mut check = Check::new(None, "what the core lacks is what shipped, less its sales");
    let tables = [core_shipment::Entity.into_iden(), not_in_core::Entity.into_iden()];
    let mut after = i64::MIN;
    while let Some(range) = Range::next(tx, after, &tables).await? {
        after = range.to;
        let codes = codes(tx, range).await?;
        let kept = not_in_core::Entity::find()
            .filter(range.holds(not_in_core::Column::SkuId.into_expr()))
            .order_by_asc(not_in_core::Column::SkuId)
            .all(tx)
            .await?;
        let shipped =
            core_shipment::Entity::find().filter(range.holds(core_shipment::Column::SkuId.into_expr())).all(tx).await?;
        let mut levels: BTreeSet<_> =
            kept.iter().map(|row| (row.sku_id, row.pool.clone(), row.business_date)).collect();
        levels.extend(shipped.into_iter().map(|row| (row.sku_id, row.pool, row.business_date)));
        check.saw(levels.len());
        let computed = computed_levels(tx, &levels).await?;
        for (row, _) in computed.iter().filter(|(row, _)| !kept.contains(row)) {
            let same = |known: &&not_in_core::Model| {
                (known.sku_id, &known.pool, known.business_date) == (row.sku_id, &row.pool, row.business_date)
            };
            check.found(|| Finding {
                subject: format!("{} in pool {} on {}", codes.of(row.sku_id), row.pool, row.business_date),
                found: match kept.iter().find(same) {
                    Some(known) => format!("{} shipped and {} are in core", known.own, known.in_core),
                    None => "nothing is kept of it".into(),
                },
                expected: format!("{} shipped and {} are in core by the files", row.own, row.in_core),
            });
        }
    }
    Ok(check)
}
