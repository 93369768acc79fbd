//! Pools, locations, SKUs, channels with switch, lanes and schedule, leases and quotas.

use sea_orm_migration::prelude::*;

use crate::column::{
    drop_tables, flag, id, index, key, maybe_key, maybe_number, maybe_text, number, real, table, text,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(meta()).await?;
        manager.create_table(pool()).await?;
        manager.create_table(location()).await?;
        manager.create_index(index("location", &["pool"], false)).await?;
        manager.create_table(sku()).await?;
        manager.create_index(index("sku", &["code"], true)).await?;
        manager.create_table(channel()).await?;
        manager.create_table(schedule()).await?;
        manager.create_index(index("schedule", &["channel"], false)).await?;
        manager.create_table(lease()).await?;
        manager.create_table(quota()).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["quota", "lease", "schedule", "channel", "sku", "location", "pool", "meta"]).await
    }
}

fn meta() -> TableCreateStatement {
    table("meta", vec![key("name"), text("value")], &["name"])
}

fn pool() -> TableCreateStatement {
    table("pool", vec![key("id"), number("rank")], &["id"])
}

fn location() -> TableCreateStatement {
    table("location", vec![key("code"), maybe_key("pool"), number("rank"), number("created_at")], &["code"])
}

fn sku() -> TableCreateStatement {
    table("sku", vec![id(), key("code"), maybe_text("name"), maybe_text("jan"), number("created_at")], &[])
}

fn channel() -> TableCreateStatement {
    table(
        "channel",
        vec![
            key("id"),
            key("mall"),
            text("name"),
            key("pool"),
            key("mode"),
            key("state"),
            maybe_key("suspend_mode"),
            maybe_text("suspend_reason"),
            maybe_text("suspended_by"),
            maybe_number("suspended_at"),
            maybe_number("suspend_until"),
            flag("poll"),
            number("switch_version"),
            key("orders_lane"),
            maybe_number("orders_until"),
            maybe_text("orders_cause"),
            number("orders_failures"),
            key("stock_lane"),
            maybe_number("stock_until"),
            maybe_text("stock_cause"),
            number("stock_failures"),
            key("baseline"),
            maybe_number("watermark"),
            maybe_number("last_poll_at"),
            maybe_number("next_poll_at"),
            maybe_number("last_push_at"),
            flag("configured"),
            number("created_at"),
        ],
        &["id"],
    )
}

fn schedule() -> TableCreateStatement {
    table(
        "schedule",
        vec![
            id(),
            key("channel"),
            key("action"),
            maybe_key("mode"),
            maybe_text("reason"),
            number("at"),
            maybe_number("until"),
            flag("poll"),
            text("by"),
            maybe_number("done_at"),
        ],
        &[],
    )
}

fn lease() -> TableCreateStatement {
    table("lease", vec![key("name"), text("holder"), number("expires_at"), number("fence")], &["name"])
}

fn quota() -> TableCreateStatement {
    table(
        "quota",
        vec![
            key("scope"),
            key("name"),
            real("per_second"),
            number("burst"),
            number("available"),
            number("at"),
            maybe_number("not_before"),
            number("day"),
            number("used_today"),
        ],
        &["scope", "name"],
    )
}
