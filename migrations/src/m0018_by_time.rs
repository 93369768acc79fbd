//! Malls that nobody can read: what was written to them stands by time alone.

use sea_orm_migration::prelude::*;

use crate::column::flag;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = flag("by_time").default(false).to_owned();
        let added = Table::alter().table(Alias::new("publication")).add_column(&mut column).to_owned();
        manager.alter_table(added).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dropped = Table::alter().table(Alias::new("publication")).drop_column(Alias::new("by_time")).to_owned();
        manager.alter_table(dropped).await
    }
}
