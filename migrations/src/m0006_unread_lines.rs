//! What an order that can't be read holds, and how it ended.
//!
//! Of orders that were unread before, the lines are written when their mall names them again.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, index, key, maybe_key, maybe_number, number, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(unread_line()).await?;
        manager.create_index(index("unread_line", &["sku_id"], false)).await?;
        manager.create_index(index("unread_line", &["mall_key"], false)).await?;
        // SQLite adds one column at a time.
        for mut column in [maybe_key("ended_by"), maybe_number("asked_at")] {
            manager.alter_table(unread_order().add_column(&mut column).to_owned()).await?;
        }
        manager.create_index(index("unread_order", &["channel", "order_id"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let by_order =
            Index::drop().name("ix_unread_order_channel_order_id").table(Alias::new("unread_order")).to_owned();
        manager.drop_index(by_order).await?;
        for column in ["asked_at", "ended_by"] {
            manager.alter_table(unread_order().drop_column(Alias::new(column)).to_owned()).await?;
        }
        drop_tables(manager, &["unread_line"]).await
    }
}

fn unread_order() -> TableAlterStatement {
    Table::alter().table(Alias::new("unread_order")).to_owned()
}

fn unread_line() -> TableCreateStatement {
    table(
        "unread_line",
        vec![number("unread_id"), key("mall_key"), maybe_number("sku_id"), maybe_key("pool"), number("quantity")],
        &["unread_id", "mall_key"],
    )
}
