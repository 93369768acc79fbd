//! Channels of which nobody hears or that can't be written: for how long, and what is withheld for it. Shares set by
//! hand, shares as the last decision had them, and how fast the catalogue sells.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, index, key, maybe_key, maybe_number, number, real, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

const CHANNEL: [&str; 4] = ["unheard_s", "stock_since", "absence", "absent_since"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(added("channel", maybe_number("unheard_s"))).await?;
        manager.alter_table(added("channel", maybe_number("stock_since"))).await?;
        manager.alter_table(added("channel", maybe_key("absence"))).await?;
        manager.alter_table(added("channel", maybe_number("absent_since"))).await?;
        manager.alter_table(added("listing", maybe_number("share"))).await?;
        manager.alter_table(added("share", maybe_number("noted"))).await?;
        manager.create_table(blind()).await?;
        manager.create_index(index("blind", &["sku_id", "pool"], false)).await?;
        manager.create_index(index("blind", &["channel"], false)).await?;
        manager.create_table(demand_prior()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["demand_prior", "blind"]).await?;
        for (table, columns) in [("share", &["noted"][..]), ("listing", &["share"]), ("channel", &CHANNEL)] {
            for column in columns {
                let dropped = Table::alter().table(Alias::new(table)).drop_column(Alias::new(*column)).to_owned();
                manager.alter_table(dropped).await?;
            }
        }
        Ok(())
    }
}

fn added(table: &'static str, mut column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).add_column(&mut column).to_owned()
}

/// In units of the SKU: what the channel may have sold of it unheard.
fn blind() -> TableCreateStatement {
    table(
        "blind",
        vec![number("listing_id"), number("sku_id"), key("pool"), key("channel"), number("units"), number("at")],
        &["listing_id", "sku_id"],
    )
}

/// One row: what all listings have sold, and in how much time in which they showed stock.
fn demand_prior() -> TableCreateStatement {
    table("demand_prior", vec![key("name"), real("orders"), real("shown_s"), real("units"), number("at")], &["name"])
}
