//! How much risk a pool's SKUs may take, and which of them are shared because listings that can't be written hold all
//! that is left.

use sea_orm_migration::prelude::*;

use crate::column::{flag, index, maybe_real};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(added("pool", maybe_real("epsilon"))).await?;
        manager.alter_table(added("stock", flag("outside").default(false).to_owned())).await?;
        manager.create_index(index("stock", &["outside", "pool"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = "ix_stock_outside_pool";
        manager.drop_index(Index::drop().name(name).table(Alias::new("stock")).to_owned()).await?;
        for (table, column) in [("stock", "outside"), ("pool", "epsilon")] {
            let dropped = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(dropped).await?;
        }
        Ok(())
    }
}

fn added(table: &'static str, mut column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).add_column(&mut column).to_owned()
}
