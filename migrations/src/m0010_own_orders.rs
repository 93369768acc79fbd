//! Own storefronts' orders, what each channel does with cancelled units, and the units that are to be looked at.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, id, index, key, maybe_number, number, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, "channel", key("on_cancel").default("restock")).await?;
        add(manager, "order_line", number("return_expected").default(0)).await?;
        add(manager, "order_line", number("received").default(0)).await?;
        manager.create_table(review()).await?;
        manager.create_index(index("review", &["sku_id"], false)).await?;
        manager.create_index(index("review", &["line_id"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["review"]).await?;
        for (table, column) in [("order_line", "received"), ("order_line", "return_expected"), ("channel", "on_cancel")]
        {
            let change = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(change).await?;
        }
        Ok(())
    }
}

/// The default is for the rows that are there.
async fn add(manager: &SchemaManager<'_>, table: &'static str, column: &mut ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned()).await
}

fn review() -> TableCreateStatement {
    table(
        "review",
        vec![
            id(),
            number("line_id"),
            number("sku_id"),
            key("location"),
            number("quantity"),
            number("since"),
            maybe_number("ended_at"),
        ],
        &[],
    )
}
