//! How much risk a pool's SKUs may take.

use sea_orm_migration::prelude::*;

use crate::column::maybe_real;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = maybe_real("epsilon");
        manager.alter_table(Table::alter().table(Alias::new("pool")).add_column(&mut column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dropped = Table::alter().table(Alias::new("pool")).drop_column(Alias::new("epsilon")).to_owned();
        manager.alter_table(dropped).await
    }
}
