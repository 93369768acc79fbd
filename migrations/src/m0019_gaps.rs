//! Credentials and since when each is known.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, flag, key, maybe_number, number, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(credential()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["credential"]).await
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
