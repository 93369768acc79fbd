//! Reservations, what they hold, and what became of them.

use sea_orm_migration::prelude::*;

use crate::column::{
    append_only, drop_tables, id, index, key, maybe_key, maybe_number, maybe_text, number, table, text,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(reservation()).await?;
        manager.create_index(index("reservation", &["given_id"], true)).await?;
        manager.create_index(index("reservation", &["state", "expires_at"], false)).await?;
        manager.create_index(index("reservation", &["holder", "state"], false)).await?;
        manager.create_table(reservation_part()).await?;
        manager.create_table(hold_event()).await?;
        manager.create_index(index("hold_event", &["reservation_id"], false)).await?;
        manager.create_table(held()).await?;
        append_only(manager, "hold_event").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["held", "hold_event", "reservation_part", "reservation"]).await
    }
}

fn reservation() -> TableCreateStatement {
    table(
        "reservation",
        vec![
            id(),
            key("given_id"),
            maybe_key("channel"),
            maybe_key("pool"),
            maybe_key("holder"),
            key("state"),
            text("lines"),
            number("units"),
            number("ttl_s"),
            number("created_at"),
            number("expires_at"),
            maybe_number("ended_at"),
            maybe_key("order_id"),
            maybe_text("reason"),
        ],
        &[],
    )
}

fn reservation_part() -> TableCreateStatement {
    table(
        "reservation_part",
        vec![number("reservation_id"), number("sku_id"), number("quantity")],
        &["reservation_id", "sku_id"],
    )
}

fn hold_event() -> TableCreateStatement {
    table(
        "hold_event",
        vec![
            id(),
            number("reservation_id"),
            key("what"),
            maybe_text("reason"),
            number("occurred_at"),
            number("recorded_at"),
        ],
        &[],
    )
}

fn held() -> TableCreateStatement {
    table("held", vec![number("sku_id"), key("pool"), number("quantity")], &["sku_id", "pool"])
}
