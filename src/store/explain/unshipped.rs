//! Unshipped: what each channel's orders hold, order by order.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::{NAMED, Result, When, cut};
use crate::{
    domain::explain::Term,
    store::{
        dialect_time::{HoldingLine, holding_lines, holding_lines_at},
        entity::unshipped,
        instant, micros,
    },
};

/// Lines that are looked at: enough to name the newest of every channel.
const LINES: u64 = 500;

/// In SKU units, positive.
pub(super) async fn term(tx: &DatabaseTransaction, pool: &str, sku_id: i64, when: When) -> Result<Term> {
    let (lines, totals) = match when {
        When::Now => {
            let rows = unshipped::Entity::find()
                .filter(unshipped::Column::SkuId.eq(sku_id))
                .filter(unshipped::Column::Pool.eq(pool))
                .all(tx)
                .await?;
            let totals: BTreeMap<String, i64> = rows.into_iter().map(|row| (row.channel, row.quantity)).collect();
            (holding_lines(tx, sku_id, pool, LINES).await?, totals)
        }
        When::At(at) => {
            let lines = holding_lines_at(tx, sku_id, pool, micros(at)).await?;
            let mut totals = BTreeMap::new();
            for line in &lines {
                *totals.entry(line.channel.clone()).or_default() += line.units;
            }
            (lines, totals)
        }
    };
    let mut by_channel: BTreeMap<String, Vec<&HoldingLine>> = BTreeMap::new();
    for line in &lines {
        by_channel.entry(line.channel.clone()).or_default().push(line);
    }
    let is_whole = (lines.len() as u64) < LINES || matches!(when, When::At(_));
    let mut terms = Vec::new();
    for (channel, total) in totals {
        let of_channel = by_channel.remove(&channel).unwrap_or_default();
        if total != 0 || !of_channel.is_empty() {
            terms.push(Term::sum("channel", orders(&of_channel, total, is_whole)).from(channel));
        }
    }
    Ok(Term::sum("unshipped", terms))
}

fn orders(lines: &[&HoldingLine], total: i64, is_whole: bool) -> Vec<Term> {
    let order = |line: &&HoldingLine| {
        let source = format!("order {}/{}", line.channel, line.order_id);
        Term::fact("order", line.units, source).at(instant(line.placed_at))
    };
    let named: Vec<Term> = lines.iter().take(NAMED).map(order).collect();
    let left = lines.len() - named.len();
    let more = (left > 0 || !is_whole)
        .then(|| if is_whole { format!("{left} earlier lines") } else { format!("{left} earlier lines and more") });
    cut(named, total, more)
}
