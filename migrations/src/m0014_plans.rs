//! SKUs that were taken off sale everywhere, and sale plans: which SKUs follow other rules, from when until when. Rows
//! stay when a stop or a plan has ended, so that the past can be told.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, id, index, key, maybe_key, maybe_number, maybe_text, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(sku_stop()).await?;
        manager.create_index(index("sku_stop", &["sku_id"], false)).await?;
        manager.create_index(index("sku_stop", &["ended_at"], false)).await?;
        manager.create_table(sale_plan()).await?;
        manager.create_index(index("sale_plan", &["name"], false)).await?;
        manager.create_index(index("sale_plan", &["ends_at"], false)).await?;
        manager.create_table(sale_plan_sku()).await?;
        manager.create_index(index("sale_plan_sku", &["sku_id"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["sale_plan_sku", "sale_plan", "sku_stop"]).await
    }
}

fn sku_stop() -> TableCreateStatement {
    table(
        "sku_stop",
        vec![
            id(),
            number("sku_id"),
            number("since"),
            text("by"),
            maybe_text("reason"),
            maybe_number("ended_at"),
            maybe_text("ended_by"),
        ],
        &[],
    )
}

fn sale_plan() -> TableCreateStatement {
    table(
        "sale_plan",
        vec![
            id(),
            key("name"),
            number("begins_at"),
            number("ends_at"),
            maybe_key("exposure"),
            maybe_number("cap"),
            maybe_number("buffer"),
            number("created_at"),
            text("by"),
            maybe_number("deleted_at"),
            maybe_text("deleted_by"),
        ],
        &[],
    )
}

fn sale_plan_sku() -> TableCreateStatement {
    table("sale_plan_sku", vec![number("plan_id"), number("sku_id")], &["plan_id", "sku_id"])
}
