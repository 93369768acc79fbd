//! How far back the past is kept: what is older than the horizon may be forgotten. Until there is one, histories
//! and the log refuse to lose anything, as the ledger does for ever.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::column::{drop_tables, drop_trigger, forgettable, key, number, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Tables that grow only, with the column that says when a row was written.
const HISTORIES: [(&str, &str); 3] = [("line_event", "recorded_at"), ("publication_event", "at"), ("log", "at")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(retention()).await?;
        let db = manager.get_connection();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            db.execute_unprepared(BEYOND_HORIZON).await?;
        }
        for (name, at) in HISTORIES {
            forgettable(manager, name, at).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let is_postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        for (name, _) in HISTORIES {
            drop_trigger(manager, name).await?;
            let create = if is_postgres {
                format!(
                    "CREATE TRIGGER {name}_del BEFORE DELETE ON {name} FOR EACH ROW \
                     EXECUTE FUNCTION uriba_append_only()"
                )
            } else {
                format!(
                    "CREATE TRIGGER {name}_del BEFORE DELETE ON {name} \
                     BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
                )
            };
            db.execute_unprepared(&create).await?;
        }
        if is_postgres {
            db.execute_unprepared("DROP FUNCTION uriba_beyond_horizon()").await?;
        }
        drop_tables(manager, &["retention"]).await
    }
}

const BEYOND_HORIZON: &str = "CREATE FUNCTION uriba_beyond_horizon() RETURNS trigger LANGUAGE plpgsql AS $$ \
     DECLARE written BIGINT := (to_jsonb(OLD) ->> TG_ARGV[0])::BIGINT; \
     BEGIN \
       IF written >= COALESCE((SELECT horizon FROM retention WHERE name = 'history'), written) THEN \
         RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; \
       END IF; \
       RETURN OLD; \
     END $$";

fn retention() -> TableCreateStatement {
    table("retention", vec![key("name"), number("horizon")], &["name"])
}
