//! The names of sale plans, each a row that whoever makes or ends a plan of that name locks; and the hours to which a
//! backfill keeps.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, key, maybe_key, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table("plan_name", vec![key("name")], &["name"])).await?;
        let quiet = Table::alter().table(Alias::new("backfill")).add_column(maybe_key("quiet")).to_owned();
        manager.alter_table(quiet).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let quiet = Table::alter().table(Alias::new("backfill")).drop_column(Alias::new("quiet")).to_owned();
        manager.alter_table(quiet).await?;
        drop_tables(manager, &["plan_name"]).await
    }
}
