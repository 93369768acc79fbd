//! Bundles: which SKUs are made of which, as it was said and down to what is stocked.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, index, number, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(bundle_part()).await?;
        manager.create_index(index("bundle_part", &["component_id"], false)).await?;
        manager.create_table(bundle_unit()).await?;
        manager.create_index(index("bundle_unit", &["component_id"], false)).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["bundle_unit", "bundle_part"]).await
    }
}

fn bundle_unit() -> TableCreateStatement {
    table(
        "bundle_unit",
        vec![number("bundle_id"), number("component_id"), number("quantity")],
        &["bundle_id", "component_id"],
    )
}

fn bundle_part() -> TableCreateStatement {
    table(
        "bundle_part",
        vec![number("bundle_id"), number("component_id"), number("quantity")],
        &["bundle_id", "component_id"],
    )
}
