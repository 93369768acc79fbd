//! One instance on a SQLite database, kept by an operating-system file lock: a killed instance never blocks
//! its successor. On PostgreSQL any number of instances may run; leases keep them apart.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::failure::Failure;

/// Held until it is dropped.
pub struct InstanceLock {
    _file: File,
}

impl InstanceLock {
    /// Refused while another process has it; says which.
    pub fn take(database: &Path, what: &str, now: Timestamp) -> Result<Self, Failure> {
        let path = beside(database);
        let unusable = |error| Failure::failed(format!("the lock file {} can't be used: {error}", path.display()));
        let open = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path);
        let mut file = open.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder wrote its line after locking; until then it has no name.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
                let database = database.display();
                return Err(Failure::Refused(format!("{database} is in use by {holder}: stop it first")));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let line = format!("uriba {what} (process {}, since {now:.0})\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(line.as_bytes()))
            .map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

/// `uriba.db` → `uriba.db.lock`.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_is_refused_and_told_who_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("uriba.db");
        let now: Timestamp = "2026-11-24T01:02:03.456Z".parse().unwrap();
        let first = InstanceLock::take(&database, "serve", now).unwrap();
        let refused = InstanceLock::take(&database, "run-once", now).err().unwrap();
        assert_eq!(refused.code(), 3);
        let said = refused.to_string();
        let me = std::process::id();
        assert!(
            said.ends_with(&format!(
                "is in use by uriba serve (process {me}, since 2026-11-24T01:02:03Z): stop it first"
            )),
            "{said}"
        );
        drop(first);
        InstanceLock::take(&database, "run-once", now).unwrap();
    }
}
