//! What is known of a page's orders, in a handful of statements whatever the page's size.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use uriba_sdk::Order;

use super::{
    ROWS_PER_STATEMENT, Result,
    bundles::{Component, exploded},
    entity::{line_part, listing, mall_order, order_line, provisional_hold},
    instant,
    stock::pieces,
};
use crate::domain::intake::{KnownLine, KnownOrder};

#[derive(Default)]
pub(super) struct Known {
    orders: HashMap<String, mall_order::Model>,
    lines: HashMap<i64, Vec<order_line::Model>>,
    pub parts: HashMap<i64, Vec<line_part::Model>>,
    /// By mall key.
    pub listings: HashMap<String, listing::Model>,
    /// What one unit of each listed SKU takes.
    pub made_of: HashMap<i64, Vec<Component>>,
}

impl Known {
    pub async fn load(tx: &DatabaseTransaction, channel: &str, orders: &[&Order]) -> Result<Self> {
        let mut known = Self::default();
        let ids: Vec<&str> = orders.iter().map(|order| order.id.as_str()).collect();
        for piece in ids.chunks(ROWS_PER_STATEMENT) {
            let rows = mall_order::Entity::find()
                .filter(mall_order::Column::Channel.eq(channel))
                .filter(mall_order::Column::OrderId.is_in(piece.iter().copied()))
                .all(tx)
                .await?;
            known.orders.extend(rows.into_iter().map(|row| (row.order_id.clone(), row)));
        }
        let refs: BTreeSet<i64> = known.orders.values().map(|row| row.id).collect();
        let mut line_ids = BTreeSet::new();
        for piece in pieces(&refs) {
            for row in order_line::Entity::find().filter(order_line::Column::OrderRef.is_in(piece)).all(tx).await? {
                line_ids.insert(row.id);
                known.lines.entry(row.order_ref).or_default().push(row);
            }
        }
        known.load_parts(tx, &line_ids).await?;
        let keys: BTreeSet<&str> =
            orders.iter().flat_map(|order| &order.lines).filter_map(|line| line.mall_key.as_deref()).collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        for piece in keys.chunks(ROWS_PER_STATEMENT) {
            let rows = listing::Entity::find()
                .filter(listing::Column::Channel.eq(channel))
                .filter(listing::Column::MallKey.is_in(piece.iter().copied()))
                .all(tx)
                .await?;
            known.listings.extend(rows.into_iter().map(|row| (row.mall_key.clone(), row)));
        }
        let skus: BTreeSet<i64> = known.listings.values().map(|row| row.sku_id).collect();
        known.made_of = exploded(tx, &skus).await?;
        Ok(known)
    }

    pub async fn for_lines(tx: &DatabaseTransaction, lines: BTreeSet<i64>) -> Result<Self> {
        let mut known = Self::default();
        known.load_parts(tx, &lines).await?;
        Ok(known)
    }

    async fn load_parts(&mut self, tx: &DatabaseTransaction, lines: &BTreeSet<i64>) -> Result<()> {
        for piece in pieces(lines) {
            for row in line_part::Entity::find().filter(line_part::Column::LineId.is_in(piece)).all(tx).await? {
                self.parts.entry(row.line_id).or_default().push(row);
            }
        }
        Ok(())
    }

    pub fn order(&self, id: &str) -> Option<(i64, KnownOrder)> {
        let row = self.orders.get(id)?;
        let lines = self.lines.get(&row.id).map_or(&[][..], Vec::as_slice).iter().map(line).collect();
        Some((row.id, KnownOrder { revision: row.revision, read_at: instant(row.read_at), lines }))
    }

    pub fn order_row(&self, id: &str) -> Option<&mall_order::Model> {
        self.orders.get(id)
    }

    pub fn line_row(&self, order: i64, line: &str) -> Option<&order_line::Model> {
        self.lines.get(&order)?.iter().find(|row| row.line == line)
    }
}

/// Open holds by listing. Only while the listings are locked can no reading add to them.
pub(super) async fn open_holds(
    tx: &DatabaseTransaction,
    listings: &BTreeSet<i64>,
) -> Result<HashMap<i64, Vec<provisional_hold::Model>>> {
    let mut found: HashMap<i64, Vec<provisional_hold::Model>> = HashMap::new();
    for piece in pieces(listings) {
        let rows = provisional_hold::Entity::find()
            .filter(provisional_hold::Column::ListingId.is_in(piece))
            .filter(provisional_hold::Column::EndedAt.is_null())
            .all(tx)
            .await?;
        for row in rows {
            found.entry(row.listing_id).or_default().push(row);
        }
    }
    Ok(found)
}

fn line(row: &order_line::Model) -> KnownLine {
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    KnownLine {
        line: row.line.clone(),
        mall_key: row.mall_key.clone(),
        ordered: small(row.ordered),
        cancelled: small(row.cancelled),
        shipped: small(row.shipped),
        returned: small(row.returned),
        moved: small(row.moved),
        shrunk: small(row.shrunk),
        pending: (row.pending_back > 0).then(|| (small(row.pending_back), instant(row.pending_at))),
    }
}
