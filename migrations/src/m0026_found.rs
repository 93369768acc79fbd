//! Indexes for what was found by going through whole tables, which costs nothing in a small catalogue and seconds in a
//! large one. Most hold only the rows that somebody looks for; the conditions are written as queries write them.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::column::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Name, table with columns, and the rows that it holds.
const MADE: [(&str, &str, &str); 8] = [
    ("ix_demand_subject", "demand (subject)", ""),
    ("ix_recall_sku_id", "recall (sku_id)", ""),
    ("ix_recall_until", "recall (until)", ""),
    ("ix_stock_sku_id_of_due", "stock (sku_id)", "due = TRUE"),
    ("ix_publication_surplus_at", "publication (channel, surplus_at)", "surplus_at IS NOT NULL"),
    // A claim opens a write and leaves this one alone, where one over listings without open writes moved.
    ("ix_publication_channel_read_at", "publication (channel, read_at)", ""),
    ("ix_order_line_mall_key_of_unmapped", "order_line (mall_key)", "listing_id IS NULL"),
    ("ix_listing_given_key_of_respelt", "listing (channel, given_key)", "given_key <> mall_key"),
];

/// Keys that begin so: PostgreSQL looks them up in an index that compares bytes.
const BEGIN: [(&str, &str); 2] = [
    ("ix_stock_event_key_begins", "stock_event (idempotency_key varchar_pattern_ops)"),
    ("ix_core_shipment_key_begins", "core_shipment (idempotency_key varchar_pattern_ops)"),
];

/// What two of them stand instead of.
const STOCK: &[&str] = &["due", "pool"];
const READ_AT: &str = "ix_publication_read_at_of_checked";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // MySQL has no partial indexes.
        if manager.get_database_backend() == DatabaseBackend::MySql {
            return Ok(());
        }
        for (name, on, rows) in MADE {
            let rows = if rows.is_empty() { String::new() } else { format!(" WHERE {rows}") };
            manager.get_connection().execute_unprepared(&format!("CREATE INDEX {name} ON {on}{rows}")).await?;
        }
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            for (name, on) in BEGIN {
                manager.get_connection().execute_unprepared(&format!("CREATE INDEX {name} ON {on}")).await?;
            }
        }
        drop(manager, "stock", &format!("ix_stock_{}", STOCK.join("_"))).await?;
        drop(manager, "publication", READ_AT).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::MySql {
            return Ok(());
        }
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            for (name, on) in BEGIN {
                drop(manager, on.split(' ').next().unwrap_or_default(), name).await?;
            }
        }
        for (name, on, _) in MADE {
            drop(manager, on.split(' ').next().unwrap_or_default(), name).await?;
        }
        manager.create_index(index("stock", STOCK, false)).await?;
        let read_at = format!(
            "CREATE INDEX {READ_AT} ON publication (channel, read_at) WHERE checked = TRUE AND open_writes = 0"
        );
        manager.get_connection().execute_unprepared(&read_at).await?;
        Ok(())
    }
}

async fn drop(manager: &SchemaManager<'_>, table: &str, name: &str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table(Alias::new(table)).to_owned()).await
}
