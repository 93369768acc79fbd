//! Exposure: in which mode a SKU is sold, each listing's share of it, how fast each listing sells, and what refused
//! checkouts want back.

use sea_orm_migration::prelude::*;

use crate::column::{
    append_only, drop_tables, flag, forgettable, id, index, key, maybe_key, maybe_number, number, real, table, text,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const STOCK: [&str; 3] = ["mode", "mode_since", "reconsider_at"];
const PUBLICATION: [&str; 3] = ["unbooked", "unbooked_until", "unbooked_taken"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(added("stock", maybe_key("mode"))).await?;
        manager.alter_table(added("stock", maybe_number("mode_since"))).await?;
        manager.alter_table(added("stock", maybe_number("reconsider_at"))).await?;
        manager.create_index(index("stock", &["reconsider_at"], false)).await?;
        manager.alter_table(added("publication", maybe_number("unbooked"))).await?;
        manager.alter_table(added("publication", maybe_number("unbooked_until"))).await?;
        manager.alter_table(added("publication", flag("unbooked_taken").default(false).to_owned())).await?;
        manager.create_index(index("publication", &["channel", "unbooked_until"], false)).await?;
        manager.create_table(share()).await?;
        manager.create_index(index("share", &["sku_id", "pool"], false)).await?;
        manager.create_table(demand()).await?;
        manager.create_table(recall()).await?;
        manager.create_table(exposure_wish()).await?;
        manager.create_table(balance_event()).await?;
        manager.create_index(index("balance_event", &["sku_id", "at"], false)).await?;
        append_only(manager, "balance_event").await?;
        forgettable(manager, "balance_event", "at").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["balance_event", "exposure_wish", "recall", "demand", "share"]).await?;
        for (table, columns, indexed) in
            [("publication", PUBLICATION, "channel_unbooked_until"), ("stock", STOCK, "reconsider_at")]
        {
            let name = format!("ix_{table}_{indexed}");
            manager.drop_index(Index::drop().name(&name).table(Alias::new(table)).to_owned()).await?;
            for column in columns {
                let dropped = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned();
                manager.alter_table(dropped).await?;
            }
        }
        Ok(())
    }
}

fn added(table: &'static str, mut column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).add_column(&mut column).to_owned()
}

/// In units of the SKU: a bundle's listing has a share of each component.
fn share() -> TableCreateStatement {
    table(
        "share",
        vec![number("listing_id"), number("sku_id"), key("pool"), number("units"), key("because"), number("at")],
        &["listing_id", "sku_id"],
    )
}

/// `subject`: a listing, or a SKU that the seller's own shop sells.
fn demand() -> TableCreateStatement {
    table(
        "demand",
        vec![
            key("channel"),
            number("subject"),
            real("usual_orders"),
            real("usual_shown_s"),
            real("lately_orders"),
            real("lately_shown_s"),
            real("units"),
            real("largest"),
            number("at"),
            flag("lit"),
        ],
        &["channel", "subject"],
    )
}

fn recall() -> TableCreateStatement {
    table(
        "recall",
        vec![key("channel"), number("sku_id"), key("pool"), number("quantity"), number("until")],
        &["channel", "sku_id"],
    )
}

/// `scope`: `sku:ID`; what a pool wants stands in the configuration.
fn exposure_wish() -> TableCreateStatement {
    table("exposure_wish", vec![key("scope"), key("mode"), number("at"), text("who")], &["scope"])
}

fn balance_event() -> TableCreateStatement {
    table("balance_event", vec![id(), number("sku_id"), key("pool"), number("at"), key("mode"), text("body")], &[])
}
