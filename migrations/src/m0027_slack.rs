//! What a listing's slack has grown by since the oldest of its open writes left.

use sea_orm_migration::prelude::*;

use crate::column::number;

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: [&str; 2] = ["since_told_down", "since_told_up"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for name in COLUMNS {
            let column = number(name).default(0).to_owned();
            manager.alter_table(Table::alter().table(Alias::new("publication")).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            let dropped = Table::alter().table(Alias::new("publication")).drop_column(Alias::new(name)).to_owned();
            manager.alter_table(dropped).await?;
        }
        Ok(())
    }
}
