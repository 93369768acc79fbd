//! Credentials that malls gave, encrypted; and what shops list, by their malls' word.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, index, key, maybe_number, maybe_text, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kept = vec![key("channel"), key("name"), key("key_id"), text("sealed"), number("at")];
        manager.create_table(table("kept_secret", kept, &["channel", "name"])).await?;
        let discovery = vec![
            key("channel"),
            key("state"),
            maybe_text("token"),
            number("pages"),
            number("items"),
            number("asked_at"),
            text("asked_by"),
            maybe_number("ended_at"),
            maybe_text("problem"),
        ];
        manager.create_table(table("discovery", discovery, &["channel"])).await?;
        let item = vec![
            key("channel"),
            key("mall_key"),
            maybe_text("code"),
            maybe_text("jan"),
            maybe_text("title"),
            number("seen_at"),
        ];
        manager.create_table(table("mall_item", item, &["channel", "mall_key"])).await?;
        manager.create_index(index("mall_item", &["channel", "seen_at"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["mall_item", "discovery", "kept_secret"]).await
    }
}
