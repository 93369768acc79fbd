//! The ledger: events, entries, balances, counts; the stock row per SKU and pool; imports.

use sea_orm_migration::prelude::*;

use crate::column::{append_only, drop_tables, flag, id, index, key, maybe_number, maybe_text, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(stock_event()).await?;
        manager.create_index(index("stock_event", &["idempotency_key"], true)).await?;
        manager.create_index(index("stock_event", &["import_id"], false)).await?;
        manager.create_table(stock_entry()).await?;
        manager.create_index(index("stock_entry", &["sku_id", "location", "occurred_at"], false)).await?;
        manager.create_index(index("stock_entry", &["event_id"], false)).await?;
        manager.create_table(stock_balance()).await?;
        manager.create_table(stock_count()).await?;
        manager.create_table(stock()).await?;
        manager.create_index(index("stock", &["due", "pool"], false)).await?;
        manager.create_table(stock_import()).await?;
        manager.create_index(index("stock_import", &["digest"], false)).await?;
        append_only(manager, "stock_event").await?;
        append_only(manager, "stock_entry").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["stock_import", "stock", "stock_count", "stock_balance", "stock_entry", "stock_event"])
            .await
    }
}

fn stock_event() -> TableCreateStatement {
    table(
        "stock_event",
        vec![
            id(),
            key("idempotency_key"),
            key("kind"),
            number("occurred_at"),
            number("recorded_at"),
            text("source"),
            maybe_text("reason"),
            maybe_number("reverses"),
            maybe_number("import_id"),
        ],
        &[],
    )
}

fn stock_entry() -> TableCreateStatement {
    table(
        "stock_entry",
        vec![
            id(),
            number("event_id"),
            number("sku_id"),
            key("location"),
            key("bin"),
            number("quantity"),
            number("occurred_at"),
            number("recorded_at"),
        ],
        &[],
    )
}

fn stock_balance() -> TableCreateStatement {
    table(
        "stock_balance",
        vec![number("sku_id"), key("location"), key("bin"), number("quantity")],
        &["sku_id", "location", "bin"],
    )
}

fn stock_count() -> TableCreateStatement {
    table(
        "stock_count",
        vec![number("sku_id"), key("location"), number("counted_at"), number("quantity"), number("event_id")],
        &["sku_id", "location"],
    )
}

fn stock() -> TableCreateStatement {
    table(
        "stock",
        vec![
            number("sku_id"),
            key("pool"),
            number("version"),
            number("computed"),
            flag("due"),
            flag("stocked"),
            number("changed_at"),
        ],
        &["sku_id", "pool"],
    )
}

fn stock_import() -> TableCreateStatement {
    table(
        "stock_import",
        vec![
            id(),
            key("kind"),
            text("file"),
            key("digest"),
            number("as_of"),
            key("state"),
            number("rows"),
            number("booked"),
            number("unchanged"),
            number("created"),
            number("at"),
            text("by"),
        ],
        &[],
    )
}
