//! The past, so that it can be asked for: end-of-day snapshots of the ledger, what lowered provisional holds,
//! what the anchors were, and the indexes that find them.

use sea_orm_migration::prelude::*;

use crate::column::{append_only, drop_tables, id, index, key, maybe_number, number, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

const ANCHOR_COLUMNS: [&str; 3] = ["anchor_to", "applied", "sold_since"];

/// Lines that hold stock, which are few beside all that ever did. Both databases know partial indexes; the
/// builder's own condition would be bound as a parameter, and SQLite would never use the index.
const OPEN_LINES: &str = "CREATE INDEX ix_order_line_holding ON order_line (id) \
                          WHERE ordered - moved - cancelled - shipped <> 0";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(stock_snapshot()).await?;
        manager.create_table(provisional_event()).await?;
        manager.create_index(index("provisional_event", &["hold_id"], false)).await?;
        append_only(manager, "provisional_event").await?;
        for name in ANCHOR_COLUMNS {
            let column = &mut maybe_number(name);
            let altered = Table::alter().table(Alias::new("publication_event")).add_column(column).to_owned();
            manager.alter_table(altered).await?;
        }
        manager.create_index(index("stock_entry", &["sku_id", "recorded_at"], false)).await?;
        manager.create_index(index("publication_event", &["listing_id", "at"], false)).await?;
        manager.create_index(index("reservation_part", &["sku_id"], false)).await?;
        manager.drop_index(named("publication_event", "ix_publication_event_listing_id")).await?;
        manager.get_connection().execute_unprepared(OPEN_LINES).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(named("order_line", "ix_order_line_holding")).await?;
        manager.drop_index(named("reservation_part", "ix_reservation_part_sku_id")).await?;
        manager.create_index(index("publication_event", &["listing_id"], false)).await?;
        manager.drop_index(named("publication_event", "ix_publication_event_listing_id_at")).await?;
        manager.drop_index(named("stock_entry", "ix_stock_entry_sku_id_recorded_at")).await?;
        for name in ANCHOR_COLUMNS {
            let altered =
                Table::alter().table(Alias::new("publication_event")).drop_column(Alias::new(name)).to_owned();
            manager.alter_table(altered).await?;
        }
        drop_tables(manager, &["provisional_event", "stock_snapshot"]).await
    }
}

/// `at` is the last instant of a business day; `quantity` what lay there then as known now, `known` what was
/// in the books by then.
fn stock_snapshot() -> TableCreateStatement {
    table(
        "stock_snapshot",
        vec![number("sku_id"), key("location"), key("bin"), number("at"), number("quantity"), number("known")],
        &["sku_id", "location", "bin", "at"],
    )
}

fn provisional_event() -> TableCreateStatement {
    table("provisional_event", vec![id(), number("hold_id"), number("units"), number("recorded_at")], &[])
}

fn named(table: &'static str, index: &'static str) -> IndexDropStatement {
    Index::drop().table(Alias::new(table)).name(index).to_owned()
}
