//! Orders, their lines and history, unshipped, and what was read of each channel.

use sea_orm_migration::prelude::*;

use crate::column::{
    append_only, drop_tables, flag, id, index, key, maybe_key, maybe_number, maybe_text, number, table, text,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(mall_order()).await?;
        manager.create_index(index("mall_order", &["channel", "order_id"], true)).await?;
        manager.create_index(index("mall_order", &["channel", "open", "read_at"], false)).await?;
        manager.create_index(index("mall_order", &["channel", "family"], false)).await?;
        manager.create_table(order_line()).await?;
        manager.create_index(index("order_line", &["order_ref", "line"], true)).await?;
        manager.create_index(index("order_line", &["listing_id", "placed_at"], false)).await?;
        manager.create_index(index("order_line", &["mall_key"], false)).await?;
        manager.create_table(line_part()).await?;
        manager.create_index(index("line_part", &["sku_id"], false)).await?;
        manager.create_table(line_event()).await?;
        manager.create_index(index("line_event", &["line_id"], false)).await?;
        manager.create_table(unshipped()).await?;
        manager.create_index(index("unshipped", &["sku_id", "pool"], false)).await?;
        manager.create_table(unread_order()).await?;
        manager.create_index(index("unread_order", &["channel", "ended_at"], false)).await?;
        manager.create_table(poll_window()).await?;
        manager.create_index(index("poll_window", &["channel", "state"], false)).await?;
        manager.create_table(poll_head()).await?;
        manager.create_index(index("poll_head", &["channel", "queued_at"], false)).await?;
        append_only(manager, "line_event").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(
            manager,
            &[
                "poll_head",
                "poll_window",
                "unread_order",
                "unshipped",
                "line_event",
                "line_part",
                "order_line",
                "mall_order",
            ],
        )
        .await
    }
}

fn mall_order() -> TableCreateStatement {
    table(
        "mall_order",
        vec![
            id(),
            key("channel"),
            key("order_id"),
            maybe_key("family"),
            flag("child"),
            maybe_number("revision"),
            number("placed_at"),
            maybe_number("updated_at"),
            number("read_at"),
            number("seen_at"),
            number("recorded_at"),
            key("fulfilled_by"),
            flag("open"),
        ],
        &[],
    )
}

fn order_line() -> TableCreateStatement {
    table(
        "order_line",
        vec![
            id(),
            number("order_ref"),
            key("line"),
            maybe_key("mall_key"),
            maybe_number("listing_id"),
            maybe_key("pool"),
            number("placed_at"),
            number("ordered"),
            number("cancelled"),
            number("shipped"),
            number("returned"),
            key("restored"),
            number("moved"),
            number("shrunk"),
            number("pending_back"),
            number("pending_at"),
            number("sold"),
        ],
        &[],
    )
}

fn line_part() -> TableCreateStatement {
    table("line_part", vec![number("line_id"), number("sku_id"), number("quantity")], &["line_id", "sku_id"])
}

fn line_event() -> TableCreateStatement {
    table(
        "line_event",
        vec![id(), number("line_id"), key("what"), number("units"), number("occurred_at"), number("recorded_at")],
        &[],
    )
}

fn unshipped() -> TableCreateStatement {
    table(
        "unshipped",
        vec![key("channel"), number("sku_id"), key("pool"), number("quantity")],
        &["channel", "sku_id", "pool"],
    )
}

fn unread_order() -> TableCreateStatement {
    table(
        "unread_order",
        vec![
            id(),
            key("channel"),
            maybe_key("order_id"),
            text("mall_keys"),
            text("what"),
            text("redacted"),
            number("since"),
            maybe_number("ended_at"),
        ],
        &[],
    )
}

fn poll_window() -> TableCreateStatement {
    table(
        "poll_window",
        vec![
            id(),
            key("channel"),
            key("kind"),
            number("from_at"),
            number("to_at"),
            flag("open_only"),
            maybe_key("family"),
            maybe_text("token"),
            number("pages"),
            maybe_number("asked_at"),
            maybe_number("read_to"),
            number("heads_left"),
            key("state"),
            number("created_at"),
        ],
        &[],
    )
}

fn poll_head() -> TableCreateStatement {
    table(
        "poll_head",
        vec![key("channel"), key("order_id"), number("window_id"), maybe_number("revision"), number("queued_at")],
        &["channel", "order_id"],
    )
}
