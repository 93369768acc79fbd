//! Attention, the log, API tokens, idempotent answers and the effective configuration.

use sea_orm_migration::prelude::*;

use crate::column::{
    append_only, drop_tables, id, index, key, maybe_key, maybe_number, maybe_text, number, table, text,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(attention()).await?;
        manager.create_index(index("attention", &["kind", "subject", "resolved_at"], false)).await?;
        manager.create_index(index("attention", &["resolved_at"], false)).await?;
        manager.create_table(log()).await?;
        manager.create_index(index("log", &["at"], false)).await?;
        manager.create_index(index("log", &["subject"], false)).await?;
        manager.create_table(token()).await?;
        manager.create_index(index("token", &["hash"], true)).await?;
        manager.create_table(answer()).await?;
        manager.create_index(index("answer", &["at"], false)).await?;
        manager.create_table(configuration()).await?;
        append_only(manager, "log").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["configuration", "answer", "token", "log", "attention"]).await
    }
}

fn attention() -> TableCreateStatement {
    table(
        "attention",
        vec![
            id(),
            key("kind"),
            key("subject"),
            maybe_key("channel"),
            maybe_key("sku"),
            maybe_key("mall_key"),
            text("message"),
            number("since"),
            number("seen_at"),
            maybe_number("resolved_at"),
            maybe_text("resolved_by"),
            maybe_text("action"),
        ],
        &[],
    )
}

fn log() -> TableCreateStatement {
    table(
        "log",
        vec![id(), number("at"), text("who"), key("what"), key("subject"), maybe_text("why"), maybe_text("detail")],
        &[],
    )
}

fn token() -> TableCreateStatement {
    table(
        "token",
        vec![
            key("name"),
            key("hash"),
            text("scopes"),
            number("created_at"),
            text("created_by"),
            maybe_number("revoked_at"),
            maybe_number("used_at"),
        ],
        &["name"],
    )
}

fn answer() -> TableCreateStatement {
    table(
        "answer",
        vec![key("idempotency_key"), key("digest"), number("status"), text("body"), number("at")],
        &["idempotency_key"],
    )
}

fn configuration() -> TableCreateStatement {
    table("configuration", vec![id(), number("at"), text("body")], &[])
}
