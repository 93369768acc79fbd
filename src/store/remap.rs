//! Open orders that follow their listing to another SKU. A line is frozen to what it sold when it was first mapped;
//! somebody who mapped it wrongly says that it follows. What shipped stays booked where it was, so only what is
//! still to ship moves; a shipment that the mall takes back later comes back as what the line sells by then.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, sea_query::Expr,
};

use super::{
    Result, Store,
    bundles::{Component, exploded},
    entity::{line_event, line_part, listing, order_line, unread_line},
    micros,
    stock::pieces,
    unread::open_orders_of,
};

/// By SKU and pool.
type Held = BTreeMap<(i64, String), i64>;

impl Store {
    /// The SKUs that open lines of these listings hold, to be locked before any of them moves.
    pub(super) async fn skus_of_open_lines(
        &self,
        tx: &DatabaseTransaction,
        listings: &[&listing::Model],
    ) -> Result<BTreeSet<i64>> {
        let mut skus = BTreeSet::new();
        for row in listings {
            let lines = open_lines(tx, row.id).await?;
            skus.extend(parts_of(tx, &lines).await?.values().flatten().map(|part| part.sku_id));
            skus.extend(unread_lines(tx, row).await?.into_iter().filter_map(|line| line.sku_id));
        }
        Ok(skus)
    }

    /// Moves what the listing's open lines hold to the SKU and units that it has now. Returns whether any did.
    pub(super) async fn move_open_lines(&self, tx: &DatabaseTransaction, listing: &listing::Model) -> Result<bool> {
        let mut held = Held::new();
        let made_of = exploded(tx, &BTreeSet::from([listing.sku_id])).await?;
        let mut sold = made_of.get(&listing.sku_id).cloned().unwrap_or_default();
        sold.sort_by_key(|component| component.sku_id);
        let lines = open_lines(tx, listing.id).await?;
        let mut parts = parts_of(tx, &lines).await?;
        let now = micros(self.now());
        for line in lines {
            let mut before = parts.remove(&line.id).unwrap_or_default();
            before.sort_by_key(|part| part.sku_id);
            let part = |component: &Component| line_part::Model {
                line_id: line.id,
                sku_id: component.sku_id,
                quantity: component.quantity * listing.units,
            };
            let after: Vec<line_part::Model> = sold.iter().map(part).collect();
            let Some(pool) = line.pool.filter(|_| before != after) else { continue };
            let units = line.ordered - line.moved - line.cancelled - line.shipped;
            for part in before {
                *held.entry((part.sku_id, pool.clone())).or_default() -= units * part.quantity;
            }
            for part in &after {
                *held.entry((part.sku_id, pool.clone())).or_default() += units * part.quantity;
            }
            line_part::Entity::delete_many().filter(line_part::Column::LineId.eq(line.id)).exec(tx).await?;
            let after = after.into_iter().map(|part| part.into_active_model().reset_all());
            line_part::Entity::insert_many(after).exec_without_returning(tx).await?;
            line_event::ActiveModel {
                id: Set(self.id()),
                line_id: Set(line.id),
                what: Set("remapped".into()),
                units: Set(units),
                occurred_at: Set(now),
                recorded_at: Set(now),
            }
            .insert(tx)
            .await?;
        }
        self.move_unread_lines(tx, listing, &mut held).await?;
        let moved = !held.is_empty();
        self.hold_more(tx, &listing.channel, held).await?;
        Ok(moved)
    }

    async fn move_unread_lines(
        &self,
        tx: &DatabaseTransaction,
        listing: &listing::Model,
        held: &mut Held,
    ) -> Result<()> {
        for mut line in unread_lines(tx, listing).await? {
            let (Some(sku), Some(pool)) = (line.sku_id, line.pool.clone()) else { continue };
            // What is known of its order holds for it, or one sale does.
            let is_known = line.quantity == 0;
            let units = if is_known { 0 } else { listing.units };
            if (sku, line.quantity) == (listing.sku_id, units) {
                continue;
            }
            *held.entry((sku, pool.clone())).or_default() -= line.quantity;
            line.map(listing, &pool, is_known);
            *held.entry((listing.sku_id, pool)).or_default() += line.quantity;
            let unread = line.unread_id;
            unread_line::Entity::update(line.into_active_model().reset_all()).exec(tx).await?;
            self.stop_raises_of(tx, listing.sku_id, unread).await?;
            self.allow_raises_of(tx, sku, unread).await?;
        }
        Ok(())
    }
}

async fn open_lines(tx: &DatabaseTransaction, listing: i64) -> Result<Vec<order_line::Model>> {
    use order_line::Column;
    let gone = Expr::col(Column::Moved).add(Expr::col(Column::Cancelled)).add(Expr::col(Column::Shipped));
    let open = order_line::Entity::find()
        .filter(Column::ListingId.eq(listing))
        .filter(Expr::col(Column::Ordered).gt(gone))
        .order_by_asc(Column::Id);
    Ok(open.all(tx).await?)
}

async fn parts_of(
    tx: &DatabaseTransaction,
    lines: &[order_line::Model],
) -> Result<HashMap<i64, Vec<line_part::Model>>> {
    let mut found: HashMap<i64, Vec<line_part::Model>> = HashMap::new();
    for piece in pieces(&lines.iter().map(|line| line.id).collect()) {
        for row in line_part::Entity::find().filter(line_part::Column::LineId.is_in(piece)).all(tx).await? {
            found.entry(row.line_id).or_default().push(row);
        }
    }
    Ok(found)
}

/// Of orders that can't be read and that nobody has looked at.
async fn unread_lines(tx: &DatabaseTransaction, listing: &listing::Model) -> Result<Vec<unread_line::Model>> {
    let lines = unread_line::Entity::find()
        .filter(unread_line::Column::MallKey.eq(&listing.mall_key))
        .filter(unread_line::Column::SkuId.is_not_null())
        .filter(unread_line::Column::UnreadId.in_subquery(open_orders_of(&listing.channel)));
    Ok(lines.all(tx).await?)
}
