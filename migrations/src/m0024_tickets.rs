//! Tickets: writes that a mall took for later, and what to ask about them.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, index, key, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = vec![number("write_id"), key("channel"), text("ticket"), number("ask_at")];
        manager.create_table(table("write_ticket", columns, &["write_id"])).await?;
        manager.create_index(index("write_ticket", &["channel", "ask_at"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["write_ticket"]).await
    }
}
