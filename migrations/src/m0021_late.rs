//! Orders that a mall showed later than it is known to, and the lag that is reckoned with since.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, key, maybe_number, number, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(added(number("orders_seen").default(0).to_owned())).await?;
        manager.alter_table(added(maybe_number("lag"))).await?;
        let columns = vec![key("channel"), key("order_id"), number("number"), number("lag"), number("seen_at")];
        manager.create_table(table("late_order", columns, &["channel", "order_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["late_order"]).await?;
        for column in ["lag", "orders_seen"] {
            let dropped = Table::alter().table(Alias::new("channel")).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(dropped).await?;
        }
        Ok(())
    }
}

fn added(mut column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(Alias::new("channel")).add_column(&mut column).to_owned()
}
