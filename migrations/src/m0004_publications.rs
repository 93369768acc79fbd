//! Listings, what each ought to show, is told and shows, and the writes that are open.

use sea_orm_migration::prelude::*;

use crate::column::{
    append_only, drop_tables, flag, id, index, key, maybe_key, maybe_number, maybe_real, maybe_text, number, table,
    text,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(listing()).await?;
        manager.create_index(index("listing", &["channel", "mall_key"], true)).await?;
        manager.create_index(index("listing", &["sku_id"], false)).await?;
        manager.create_index(index("listing", &["channel", "state"], false)).await?;
        manager.create_table(publication()).await?;
        manager.create_index(index("publication", &["channel", "wants", "urgency", "at_risk"], false)).await?;
        manager.create_index(index("publication", &["channel", "read_due"], false)).await?;
        manager.create_index(index("publication", &["channel", "read_at"], false)).await?;
        manager.create_index(index("publication", &["channel", "waiting_to"], false)).await?;
        manager.create_index(index("publication", &["channel", "lit"], false)).await?;
        manager.create_table(listing_write()).await?;
        manager.create_index(index("listing_write", &["listing_id"], false)).await?;
        manager.create_index(index("listing_write", &["channel"], false)).await?;
        manager.create_table(publication_event()).await?;
        manager.create_index(index("publication_event", &["listing_id"], false)).await?;
        manager.create_table(provisional_hold()).await?;
        manager.create_index(index("provisional_hold", &["listing_id", "ended_at"], false)).await?;
        manager.create_index(index("provisional_hold", &["sku_id", "pool", "ended_at"], false)).await?;
        manager.create_index(index("provisional_hold", &["channel", "ended_at"], false)).await?;
        manager.create_table(stop_raise()).await?;
        manager.create_index(index("stop_raise", &["scope", "ended_at"], false)).await?;
        append_only(manager, "publication_event").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(
            manager,
            &["stop_raise", "provisional_hold", "publication_event", "listing_write", "publication", "listing"],
        )
        .await
    }
}

fn listing() -> TableCreateStatement {
    table(
        "listing",
        vec![
            id(),
            key("channel"),
            key("mall_key"),
            text("given_key"),
            number("sku_id"),
            number("units"),
            maybe_text("handle"),
            key("state"),
            maybe_text("problem"),
            flag("sells_past_zero"),
            flag("not_ours"),
            maybe_number("buffer"),
            maybe_real("fraction"),
            maybe_number("min_show"),
            maybe_number("cap"),
            maybe_number("unlimited"),
            number("priority"),
            number("created_at"),
        ],
        &[],
    )
}

fn publication() -> TableCreateStatement {
    table(
        "publication",
        vec![
            number("listing_id"),
            key("channel"),
            maybe_number("target"),
            number("target_version"),
            maybe_number("target_at"),
            maybe_number("anchor"),
            maybe_number("anchor_from"),
            maybe_number("anchor_to"),
            number("applied"),
            number("sold_since"),
            number("slack_down"),
            number("slack_up"),
            maybe_number("surplus"),
            maybe_number("surplus_at"),
            maybe_number("waiting"),
            maybe_number("waiting_from"),
            maybe_number("waiting_to"),
            flag("checked"),
            flag("absolute_next"),
            maybe_number("correction"),
            maybe_number("corrected_at"),
            number("corrections"),
            maybe_number("kept"),
            maybe_number("set_aside_until"),
            number("refusals"),
            maybe_text("refusal"),
            maybe_number("shown"),
            maybe_number("told"),
            number("open_writes"),
            flag("wants"),
            flag("lit"),
            number("urgency"),
            number("at_risk"),
            maybe_number("wants_since"),
            maybe_number("ready_at"),
            maybe_number("read_due"),
            maybe_number("read_at"),
            maybe_number("pushed_at"),
        ],
        &["listing_id"],
    )
}

fn listing_write() -> TableCreateStatement {
    table(
        "listing_write",
        vec![
            id(),
            number("listing_id"),
            key("channel"),
            key("operation"),
            number("value"),
            maybe_number("expected"),
            number("sent_at"),
            number("horizon"),
            key("state"),
            text("claim"),
        ],
        &[],
    )
}

fn publication_event() -> TableCreateStatement {
    table(
        "publication_event",
        vec![id(), number("listing_id"), key("what"), maybe_number("value"), maybe_text("detail"), number("at")],
        &[],
    )
}

fn provisional_hold() -> TableCreateStatement {
    table(
        "provisional_hold",
        vec![
            id(),
            number("listing_id"),
            key("channel"),
            number("sku_id"),
            key("pool"),
            number("units"),
            number("remaining"),
            number("since"),
            number("at"),
            number("recorded_at"),
            maybe_number("ended_at"),
            maybe_key("cause"),
        ],
        &[],
    )
}

fn stop_raise() -> TableCreateStatement {
    table("stop_raise", vec![id(), key("scope"), key("cause"), number("since"), maybe_number("ended_at")], &[])
}
