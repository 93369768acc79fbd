//! Files from the core system beyond books: figures per business date, shipments that the core learns of by its
//! sales files, folders that are watched; and what each count said, so that an undone one can be fallen back from.

use sea_orm_migration::prelude::*;

use crate::column::{append_only, drop_tables, id, index, key, maybe_key, maybe_number, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut counted = maybe_number("counted");
        manager.alter_table(event_table().add_column(&mut counted).to_owned()).await?;
        // Few events are the opposite of another one.
        let of_few = "CREATE INDEX ix_stock_event_reverses ON stock_event (reverses) WHERE reverses IS NOT NULL";
        manager.get_connection().execute_unprepared(of_few).await?;
        manager.create_table(core_file()).await?;
        manager.create_index(index("core_file", &["kind", "location", "business_date"], false)).await?;
        manager.create_table(core_figure()).await?;
        manager.create_index(index("core_figure", &["kind", "sku_id", "business_date"], false)).await?;
        manager.create_index(index("core_figure", &["row_key"], true)).await?;
        manager.create_table(core_shipment()).await?;
        manager.create_index(index("core_shipment", &["idempotency_key"], true)).await?;
        manager.create_index(index("core_shipment", &["sku_id", "business_date"], false)).await?;
        append_only(manager, "core_shipment").await?;
        manager.create_table(not_in_core()).await?;
        manager.create_table(watched_folder()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["watched_folder", "not_in_core", "core_shipment", "core_figure", "core_file"]).await?;
        let of_few = Index::drop().name("ix_stock_event_reverses").table(Alias::new("stock_event")).to_owned();
        manager.drop_index(of_few).await?;
        manager.alter_table(event_table().drop_column(Alias::new("counted")).to_owned()).await
    }
}

fn event_table() -> TableAlterStatement {
    Table::alter().table(Alias::new("stock_event")).to_owned()
}

fn core_file() -> TableCreateStatement {
    table(
        "core_file",
        vec![number("import_id"), key("kind"), key("location"), number("business_date"), number("as_of")],
        &["import_id", "location", "business_date"],
    )
}

fn core_figure() -> TableCreateStatement {
    table(
        "core_figure",
        vec![
            number("import_id"),
            number("line"),
            key("kind"),
            number("sku_id"),
            key("location"),
            number("business_date"),
            number("as_of"),
            number("rise"),
            maybe_key("row_key"),
        ],
        &["import_id", "line"],
    )
}

fn core_shipment() -> TableCreateStatement {
    table(
        "core_shipment",
        vec![
            id(),
            key("idempotency_key"),
            number("sku_id"),
            key("pool"),
            number("business_date"),
            number("occurred_at"),
            number("recorded_at"),
            number("units"),
            text("source"),
        ],
        &[],
    )
}

fn not_in_core() -> TableCreateStatement {
    table(
        "not_in_core",
        vec![number("sku_id"), key("pool"), number("business_date"), number("own"), number("in_core")],
        &["sku_id", "pool", "business_date"],
    )
}

fn watched_folder() -> TableCreateStatement {
    table("watched_folder", vec![key("folder"), number("since"), number("last_at")], &["folder"])
}
