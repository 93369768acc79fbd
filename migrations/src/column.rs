//! Short words for the columns that every table is made of.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

pub fn key(name: &'static str) -> ColumnDef {
    required(ColumnDef::new(Alias::new(name)).string_len(190))
}

pub fn maybe_key(name: &'static str) -> ColumnDef {
    optional(ColumnDef::new(Alias::new(name)).string_len(190))
}

pub fn text(name: &'static str) -> ColumnDef {
    required(ColumnDef::new(Alias::new(name)).text())
}

pub fn maybe_text(name: &'static str) -> ColumnDef {
    optional(ColumnDef::new(Alias::new(name)).text())
}

pub fn number(name: &'static str) -> ColumnDef {
    required(ColumnDef::new(Alias::new(name)).big_integer())
}

pub fn maybe_number(name: &'static str) -> ColumnDef {
    optional(ColumnDef::new(Alias::new(name)).big_integer())
}

pub fn real(name: &'static str) -> ColumnDef {
    required(ColumnDef::new(Alias::new(name)).double())
}

pub fn maybe_real(name: &'static str) -> ColumnDef {
    optional(ColumnDef::new(Alias::new(name)).double())
}

pub fn flag(name: &'static str) -> ColumnDef {
    required(ColumnDef::new(Alias::new(name)).boolean())
}

/// Our own ids: they sort by time and are known before the insert.
pub fn id() -> ColumnDef {
    ColumnDef::new(Alias::new("id")).big_integer().not_null().primary_key().to_owned()
}

fn required(column: &mut ColumnDef) -> ColumnDef {
    column.not_null().to_owned()
}

fn optional(column: &mut ColumnDef) -> ColumnDef {
    column.null().to_owned()
}

pub fn table(name: &'static str, columns: Vec<ColumnDef>, primary: &[&'static str]) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(Alias::new(name));
    for mut column in columns {
        table.col(&mut column);
    }
    if !primary.is_empty() {
        let mut key = Index::create();
        for column in primary {
            key.col(Alias::new(*column));
        }
        table.primary_key(&mut key);
    }
    table.to_owned()
}

pub fn index(table: &'static str, columns: &[&'static str], unique: bool) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("ix_{table}_{}", columns.join("_"))).table(Alias::new(table));
    for column in columns {
        index.col(Alias::new(*column));
    }
    if unique {
        index.unique();
    }
    index.to_owned()
}

pub async fn drop_tables(manager: &SchemaManager<'_>, names: &[&'static str]) -> Result<(), DbErr> {
    for name in names {
        manager.drop_table(Table::drop().table(Alias::new(*name)).to_owned()).await?;
    }
    Ok(())
}

/// The database itself refuses to change or delete what was once recorded.
pub async fn append_only(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    for (verb, short) in [("UPDATE", "upd"), ("DELETE", "del")] {
        let message = format!("{name} is append-only");
        match manager.get_database_backend() {
            DatabaseBackend::Postgres => {
                db.execute_unprepared(
                    "CREATE OR REPLACE FUNCTION uriba_append_only() RETURNS trigger LANGUAGE plpgsql AS \
                     $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
                )
                .await?;
                db.execute_unprepared(&format!(
                    "CREATE TRIGGER {name}_{short} BEFORE {verb} ON {name} \
                     FOR EACH ROW EXECUTE FUNCTION uriba_append_only()"
                ))
                .await?;
            }
            DatabaseBackend::MySql => {
                db.execute_unprepared(&format!(
                    "CREATE TRIGGER {name}_{short} BEFORE {verb} ON {name} FOR EACH ROW \
                     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
                ))
                .await?;
            }
            _ => {
                db.execute_unprepared(&format!(
                    "CREATE TRIGGER {name}_{short} BEFORE {verb} ON {name} \
                     BEGIN SELECT RAISE(ABORT, '{message}'); END"
                ))
                .await?;
            }
        }
    }
    Ok(())
}

/// Of a table that is append-only, rows may be deleted that were written (`at`) before the horizon in `retention`.
pub async fn forgettable(manager: &SchemaManager<'_>, name: &str, at: &str) -> Result<(), DbErr> {
    drop_trigger(manager, name).await?;
    let create = if manager.get_database_backend() == DatabaseBackend::Postgres {
        format!(
            "CREATE TRIGGER {name}_del BEFORE DELETE ON {name} FOR EACH ROW \
             EXECUTE FUNCTION uriba_beyond_horizon('{at}')"
        )
    } else {
        format!(
            "CREATE TRIGGER {name}_del BEFORE DELETE ON {name} \
             WHEN OLD.{at} >= COALESCE((SELECT horizon FROM retention WHERE name = 'history'), OLD.{at}) \
             BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
        )
    };
    manager.get_connection().execute_unprepared(&create).await?;
    Ok(())
}

pub async fn drop_trigger(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    let on =
        if manager.get_database_backend() == DatabaseBackend::Postgres { format!(" ON {name}") } else { String::new() };
    manager.get_connection().execute_unprepared(&format!("DROP TRIGGER {name}_del{on}")).await?;
    Ok(())
}
