//! Whose turn it is: what waits to be written is queued, or rests until it is looked at again; how fast a listing
//! sells stands beside its wish; a channel counts its requests; quotas remember their caution, and a window
//! of orders one of its pages.

use sea_orm_migration::prelude::*;

use crate::column::{flag, index, maybe_key, maybe_number, number, real};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLE: &str = "publication";
const WANTS: [&str; 4] = ["channel", "wants", "urgency", "rank"];
const INDEXES: [&[&str]; 3] =
    [&["channel", "queued", "urgency", "rank"], &["channel", "queued", "wants_since"], &["channel", "rests_until"]];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut column in [maybe_number("pace"), maybe_number("rests_until"), flag("queued").default(false).to_owned()]
        {
            add(manager, TABLE, &mut column).await?;
        }
        add(manager, "channel", number("turn").default(0)).await?;
        add(manager, "quota", real("caution").default(1.0)).await?;
        add(manager, "poll_window", &mut maybe_key("mark")).await?;
        let db = manager.get_connection();
        db.execute_unprepared("UPDATE publication SET queued = (ready_at IS NULL), rests_until = ready_at WHERE wants")
            .await?;
        drop_index(manager, &WANTS).await?;
        for columns in INDEXES {
            manager.create_index(index(TABLE, columns, false)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for columns in INDEXES {
            drop_index(manager, columns).await?;
        }
        manager.create_index(index(TABLE, &WANTS, false)).await?;
        for (table, column) in [
            ("poll_window", "mark"),
            ("quota", "caution"),
            ("channel", "turn"),
            (TABLE, "queued"),
            (TABLE, "rests_until"),
            (TABLE, "pace"),
        ] {
            let dropped = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned();
            manager.alter_table(dropped).await?;
        }
        Ok(())
    }
}

async fn add(manager: &SchemaManager<'_>, table: &'static str, column: &mut ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned()).await
}

async fn drop_index(manager: &SchemaManager<'_>, columns: &[&str]) -> Result<(), DbErr> {
    let name = format!("ix_{TABLE}_{}", columns.join("_"));
    manager.drop_index(Index::drop().name(name).table(Alias::new(TABLE)).to_owned()).await
}
