//! `uriba db`: the database's schema, copies of it, and putting one back.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use super::{
    desk::{Common, Desk},
    failure::{Done, Failure},
    lock::InstanceLock,
    print::counted,
};
use crate::{
    domain::suspend::Mode,
    store::{Backup, StoreError, attention::Call, is_new, migrate, pending_migrations, switch::Suspension},
};

/// What every SQLite file begins with (<https://www.sqlite.org/fileformat.html>).
const SQLITE: &[u8] = b"SQLite format 3\0";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the schema up to date
    Migrate,
    /// Which database it is, and whether its schema is up to date
    Status,
    /// Copy a SQLite database to a new file, also while it is in use
    Backup { file: PathBuf },
    /// Put a copy in the place of the SQLite database, and freeze every channel until a person looks
    Restore { file: PathBuf },
}

#[derive(Serialize)]
struct Status {
    database: String,
    schema: &'static str,
    pending: usize,
}

pub async fn run(common: &Common, command: Command) -> Done {
    match command {
        Command::Migrate => {
            let desk = common.desk_as_it_is().await?;
            let applied = migrate(&desk.store).await?;
            desk.print.done(&match applied {
                0 => "the schema is up to date already".to_owned(),
                n => format!("{} applied", counted(n as u64, "migration")),
            });
            Ok(())
        }
        Command::Status => status(&common.desk_as_it_is().await?).await,
        Command::Backup { file } => {
            let desk = common.desk_as_it_is().await?;
            Backup::write(&desk.store, &file).await?;
            desk.print.done(&format!("copied to {}", file.display()));
            Ok(())
        }
        Command::Restore { file } => restore(common, &file).await,
    }
}

async fn status(desk: &Desk) -> Done {
    let pending = pending_migrations(&desk.store).await?;
    let schema = match pending {
        0 => "current",
        _ if is_new(&desk.store).await? => "new",
        _ => "old",
    };
    let status = Status { database: desk.config.database_name(), schema, pending };
    desk.print.item(&status, |status| match status.schema {
        "current" => format!("{}: the schema is up to date", status.database),
        "new" => format!("{}: nothing in it yet", status.database),
        _ => format!("{}: {} missing: run `uriba db migrate`", status.database, counted(pending as u64, "migration")),
    });
    Ok(())
}

/// What the malls were told after the copy was made is unknown to it, so nothing is written before somebody
/// resumes each channel; orders are read meanwhile.
async fn restore(common: &Common, file: &Path) -> Done {
    let config = common.config()?;
    let url = config.database_url()?;
    let Some(database) = crate::store::sqlite_path(secrecy::ExposeSecret::expose_secret(&url)) else {
        return Err(Failure::Usage("a PostgreSQL database is restored with pg_restore".into()));
    };
    let now = uriba_sdk::Env::now(&uriba_sdk::SystemEnv::new());
    let _lock = InstanceLock::take(&database, "db restore", now)?;
    check_copy(file)?;
    Backup::restore(file, &database)
        .map_err(|error| Failure::failed(format!("{} can't be restored: {error}", file.display())))?;
    let desk = common.desk_as_it_is().await?;
    migrate(&desk.store).await?;
    let message =
        format!("the database was put back from {}; what happened since that copy is not in it", file.display());
    let frozen = freeze(&desk, &message).await?;
    desk.print.done(&format!(
        "restored from {}; {} suspended until somebody compares and resumes (`uriba channel resume ID`)",
        file.display(),
        counted(frozen as u64, "channel"),
    ));
    Ok(())
}

async fn freeze(desk: &Desk, message: &str) -> Result<usize, Failure> {
    let ids: Vec<String> = desk.store.channels().await?.into_iter().map(|row| row.id).collect();
    let wanted =
        Suspension { mode: Mode::Freeze, reason: Some(message.to_owned()), from: None, until: None, poll: true };
    desk.store.suspend(&ids, &wanted, &desk.who).await?;
    let tx = desk.store.begin().await?;
    let call = Call {
        kind: "restored",
        subject: desk.store.now().to_string(),
        message: format!("{message}: compare, then resume each channel"),
        ..Call::default()
    };
    desk.store.raise(&tx, call).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(ids.len())
}

/// A wrong file must not take the place of a good database.
fn check_copy(file: &Path) -> Done {
    let mut head = [0; SQLITE.len()];
    let read = std::fs::File::open(file).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
    match read {
        Ok(()) if head == SQLITE => Ok(()),
        Ok(()) => Err(Failure::failed(format!("{} is no SQLite database; nothing was changed", file.display()))),
        Err(error) => Err(Failure::failed(format!("{} can't be read: {error}; nothing was changed", file.display()))),
    }
}
