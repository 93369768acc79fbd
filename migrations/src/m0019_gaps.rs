//! Credentials and since when each is known; which span of orders each channel has read, and the gaps in it;
//! spans of past orders that somebody asks for.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, flag, id, index, key, maybe_key, maybe_number, maybe_text, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let read_from = Table::alter().table(Alias::new("channel")).add_column(maybe_number("read_from")).to_owned();
        manager.alter_table(read_from).await?;
        manager.create_table(credential()).await?;
        manager.create_table(order_gap()).await?;
        manager.create_index(index("order_gap", &["channel"], false)).await?;
        manager.create_table(backfill()).await?;
        manager.create_index(index("backfill", &["channel"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["backfill", "order_gap", "credential"]).await?;
        let read_from = Table::alter().table(Alias::new("channel")).drop_column(Alias::new("read_from")).to_owned();
        manager.alter_table(read_from).await
    }
}

/// One row for each value that a credential ever had, by a salted digest of it.
fn credential() -> TableCreateStatement {
    table(
        "credential",
        vec![
            key("channel"),
            key("name"),
            key("digest"),
            number("since"),
            maybe_number("life_s"),
            maybe_number("notice"),
            flag("in_use"),
        ],
        &["channel", "name", "digest"],
    )
}

/// A span of order time of which orders may be unknown.
fn order_gap() -> TableCreateStatement {
    table(
        "order_gap",
        vec![
            id(),
            key("channel"),
            number("from_at"),
            number("until_at"),
            key("cause"),
            number("since"),
            maybe_number("closed_at"),
            maybe_text("closed_by"),
        ],
        &[],
    )
}

/// `heads`: ids of orders that a list named and that are still to be read, one in a line.
fn backfill() -> TableCreateStatement {
    table(
        "backfill",
        vec![
            id(),
            key("channel"),
            key("state"),
            number("from_at"),
            number("until_at"),
            number("read_to"),
            number("per_minute"),
            maybe_text("token"),
            number("pages"),
            maybe_key("mark"),
            text("heads"),
            number("requests"),
            number("orders"),
            number("next_at"),
            number("asked_at"),
            text("asked_by"),
            maybe_number("ended_at"),
            maybe_text("problem"),
        ],
        &[],
    )
}
