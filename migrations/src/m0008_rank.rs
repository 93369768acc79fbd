//! What waits to be written is found by one figure: of raises the priority counts before the units, of the rest the
//! units before the priority.

use sea_orm_migration::prelude::*;

use crate::column::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "publication";
const PRIORITY: &str = "(SELECT priority FROM listing WHERE listing.id = listing_id)";
const IS_LISTED: &str = "listing_id IN (SELECT id FROM listing)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rename = Table::alter().table(Alias::new(TABLE)).rename_column("at_risk", "rank").to_owned();
        swap(manager, "at_risk", rename, "rank").await?;
        let db = manager.get_connection();
        db.execute_unprepared(
            "UPDATE publication SET rank = CASE WHEN rank > 2147483647 THEN 2147483647 ELSE rank END WHERE wants",
        )
        .await?;
        db.execute_unprepared(&format!(
            "UPDATE publication SET rank = CASE WHEN urgency = 0 THEN {PRIORITY} * 4294967296 + rank \
                                           ELSE rank * 4294967296 + {PRIORITY} END WHERE wants AND {IS_LISTED}"
        ))
        .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared(&format!(
            "UPDATE publication SET rank = CASE WHEN urgency = 0 THEN rank - {PRIORITY} * 4294967296 \
                                           ELSE (rank - {PRIORITY}) / 4294967296 END WHERE wants AND {IS_LISTED}"
        ))
        .await?;
        let rename = Table::alter().table(Alias::new(TABLE)).rename_column("rank", "at_risk").to_owned();
        swap(manager, "rank", rename, "at_risk").await
    }
}

/// The index by which the steps find what is most urgent goes with the column.
async fn swap(
    manager: &SchemaManager<'_>,
    from: &str,
    rename: TableAlterStatement,
    to: &'static str,
) -> Result<(), DbErr> {
    let old = format!("ix_publication_channel_wants_urgency_{from}");
    manager.drop_index(Index::drop().name(old).table(Alias::new(TABLE)).to_owned()).await?;
    manager.alter_table(rename).await?;
    manager.create_index(index(TABLE, &["channel", "wants", "urgency", to], false)).await
}
