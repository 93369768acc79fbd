//! Indexes of `publication` that hold only the rows that somebody looks for: the few that wait, are due or are under way.
//! With every row in them each write moved an entry in the middle of each, and the cost of a step grew with the
//! catalogue.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::column::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "publication";

/// Columns of an index, and the rows that it holds. The conditions are written as queries write them: both databases
/// use a partial index only where they can see that nothing else is asked for.
const LEAN: [(&[&str], &str); 9] = [
    (&["channel", "waiting_to"], "waiting_to IS NOT NULL"),
    (&["channel", "read_due"], "read_due IS NOT NULL"),
    (&["channel", "unbooked_until"], "unbooked_until IS NOT NULL"),
    (&["channel", "look_at"], "look_at IS NOT NULL"),
    (&["channel", "rests_until"], "rests_until IS NOT NULL"),
    (&["channel", "urgency", "rank"], "queued = TRUE"),
    (&["channel", "wants_since"], "queued = TRUE"),
    (&["channel", "wants_since"], "wants = TRUE"),
    (&["channel", "read_at"], "checked = TRUE AND open_writes = 0"),
];

/// What they stand instead of.
const WHOLE: [&[&str]; 9] = [
    &["channel", "waiting_to"],
    &["channel", "read_due"],
    &["channel", "unbooked_until"],
    &["channel", "look_at"],
    &["channel", "rests_until"],
    &["channel", "queued", "urgency", "rank"],
    &["channel", "queued", "wants_since"],
    &["channel", "wants", "wants_since"],
    &["channel", "checked", "open_writes", "read_at"],
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // MySQL has no partial indexes.
        if manager.get_database_backend() == DatabaseBackend::MySql {
            return Ok(());
        }
        for columns in WHOLE {
            drop(manager, &format!("ix_{TABLE}_{}", columns.join("_"))).await?;
        }
        for (number, (columns, rows)) in LEAN.iter().enumerate() {
            let (name, columns) = (lean(number), columns.join(", "));
            let sql = format!("CREATE INDEX {name} ON {TABLE} ({columns}) WHERE {rows}");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DatabaseBackend::MySql {
            return Ok(());
        }
        for number in 0..LEAN.len() {
            drop(manager, &lean(number)).await?;
        }
        for columns in WHOLE {
            manager.create_index(index(TABLE, columns, false)).await?;
        }
        Ok(())
    }
}

/// Named by what it is for: the column that it is sorted by, and the rows that it holds.
fn lean(number: usize) -> String {
    let (columns, rows) = LEAN[number];
    let rows = rows.split(' ').next().unwrap_or_default();
    format!("ix_{TABLE}_{}_of_{rows}", columns[1..].join("_"))
}

async fn drop(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table(Alias::new(TABLE)).to_owned()).await
}
