//! Watched folders: a core system drops files, and they are taken in.
//!
//! A file is taken when it is complete: its size and time stand still over two looks, or `NAME.done` lies
//! beside it. What was taken in moves to `processed/`, what is wrong with its rows to `rejected/`, what can't
//! be taken in at all to `failed/`, what a brake holds to `held/`, each below the folder; nothing is deleted or overwritten. A database that
//! is away leaves the file where it is. A crash between the booking and the move books nothing twice: the
//! file's content and instant are known.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{Timestamp, civil::Date, fmt::strtime::BrokenDownTime};
use tokio_util::sync::CancellationToken;

use super::{
    Engine,
    import::{CoreFile, FILE_BYTES_MAX, FileKind, ImportReport, ImportState, Profile, import_file},
};
use crate::store::{Result, StoreError, core_files::CoreRules};

/// Between two rounds over the folders.
pub const PACE: Duration = Duration::from_secs(5);
/// Between the two looks at a file that may still be written.
const STILL: Duration = Duration::from_secs(2);
const LEASE: &str = "imports";
/// After a crash others wait so long; two that read the same file would book it once all the same.
const LEASE_LENGTH: Duration = Duration::from_secs(600);
/// In the log.
const WHO: &str = "watched folder";

/// A folder in which files are expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub kind: FileKind,
    pub folder: PathBuf,
    pub profile: Profile,
    /// Of orders whose rows don't say whose they are.
    pub channel: Option<String>,
    pub as_of: AsOf,
    pub skip_invalid: bool,
    /// The longest time between two files that is in order.
    pub every: Option<Duration>,
}

/// Where a file says when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// In a column of each row; the file's time stands for the rest.
    Column,
    /// In its name, by a pattern of `strftime`. A name with a date alone says the business date.
    Name(String),
    /// Its time of modification.
    Modified,
}

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    path: PathBuf,
    bytes: u64,
    modified: Timestamp,
    done: bool,
}

/// One round over all folders, by one instance at a time. Returns how many files were taken in or put aside.
pub async fn step(engine: &Engine, stop: &CancellationToken) -> Result<usize> {
    if engine.watched.is_empty() || engine.store.take_lease(LEASE, &engine.holder, LEASE_LENGTH).await?.is_none() {
        return Ok(0);
    }
    let handled = round(engine, stop).await;
    engine.store.release_lease(LEASE, &engine.holder).await?;
    handled
}

async fn round(engine: &Engine, stop: &CancellationToken) -> Result<usize> {
    let mut handled = 0;
    for watched in &engine.watched {
        let folder = watched.folder.display().to_string();
        for file in complete(engine, watched).await? {
            if stop.is_cancelled() {
                return Ok(handled);
            }
            take(engine, watched, &folder, file).await?;
            handled += 1;
        }
        if let Some(every) = watched.every {
            engine.store.file_overdue(&folder, watched.kind.word(), every).await?;
        }
    }
    Ok(handled)
}

/// The folder's complete files, oldest first.
async fn complete(engine: &Engine, watched: &Watched) -> Result<Vec<Found>> {
    let first = look(engine, watched).await?;
    if first.is_empty() {
        return Ok(first);
    }
    engine.env.sleep(STILL).await;
    let second = look(engine, watched).await?;
    Ok(second.into_iter().filter(|file| file.done || first.contains(file)).collect())
}

async fn look(engine: &Engine, watched: &Watched) -> Result<Vec<Found>> {
    let folder = watched.folder.clone();
    let found = tokio::task::spawn_blocking(move || list(&folder)).await;
    match found.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked))) {
        Ok(files) => Ok(files),
        Err(error) => {
            let message = format!("the folder {} can't be read: {error}", watched.folder.display());
            engine.store.report_file(&watched.folder.display().to_string(), message).await?;
            Ok(Vec::new())
        }
    }
}

fn list(folder: &Path) -> std::io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // Written under another name first, or a word about another file.
        let passing = ["tmp", "part", "filepart", "done"].iter().any(|end| name.ends_with(&format!(".{end}")));
        let about = entry.metadata()?;
        if name.starts_with('.') || passing || !about.is_file() {
            continue;
        }
        let modified = Timestamp::try_from(about.modified()?).unwrap_or(Timestamp::MIN);
        let done = beside(&path, ".done").exists();
        found.push(Found { path, bytes: about.len(), modified, done });
    }
    found.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
    Ok(found)
}

async fn take(engine: &Engine, watched: &Watched, folder: &str, file: Found) -> Result<()> {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let taken = match read(engine, watched, &name, &file).await {
        Ok((bytes, as_of, date)) => {
            let file = CoreFile {
                kind: watched.kind,
                name: &name,
                bytes: &bytes,
                as_of: Some(as_of),
                date,
                profile: &watched.profile,
                channel: watched.channel.as_deref(),
                guard: &engine.guard,
                dry_run: false,
                skip_invalid: watched.skip_invalid,
                create_skus: false,
                by: WHO,
                terms: &engine.terms,
                progress: None,
            };
            import_file(&engine.store, &file).await
        }
        Err(why) => Err(StoreError::Invalid(why)),
    };
    let (aside, report) = match taken {
        Ok(report) if report.state == ImportState::Refused => ("rejected", Some(rejections(&report))),
        // It is kept whole where somebody confirms it, which also says what became of it.
        Ok(report) if report.state == ImportState::Held => {
            tracing::warn!(folder, file = name, attention = report.attention, "a file is held until it is confirmed");
            engine.store.file_arrived(folder).await?;
            ("held", None)
        }
        Ok(report) => {
            tracing::info!(folder, file = name, rows = report.rows, booked = report.booked, "a file was taken in");
            engine.store.file_arrived(folder).await?;
            let left_out = (report.rejected_rows > 0).then(|| rejections(&report));
            ("processed", left_out)
        }
        Err(error @ (StoreError::Invalid(_) | StoreError::Refused(_) | StoreError::Missing { .. })) => {
            ("failed", Some(error.to_string()))
        }
        // The database is away, or somebody else's now: the file waits.
        Err(other) => return Err(other),
    };
    let place = match put_aside(&file, aside, report.as_deref()) {
        Ok(place) => place.display().to_string(),
        Err(error) => {
            let message = format!("{name} was read, and can't be moved to {aside}/: {error}");
            return engine.store.report_file(folder, message).await;
        }
    };
    if let Some(report) = report {
        let first = report.lines().next().unwrap_or_default();
        let what = if aside == "processed" { "rows of it were left out" } else { "nothing of it was taken in" };
        let message = format!("{} file {name}: {what}: {first}; see {place}.error.txt", watched.kind.word());
        engine.store.report_file(&format!("{folder}/{name}"), message).await?;
    }
    Ok(())
}

type Read = (Vec<u8>, Timestamp, Option<Date>);

async fn read(engine: &Engine, watched: &Watched, name: &str, file: &Found) -> std::result::Result<Read, String> {
    if file.bytes > FILE_BYTES_MAX as u64 {
        return Err(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    let rules = engine.store.core_rules(engine.store.reader()).await.map_err(|error| error.to_string())?;
    let (as_of, date) = match &watched.as_of {
        AsOf::Column | AsOf::Modified => (file.modified, None),
        AsOf::Name(pattern) => named(pattern, name, file.modified, &rules)?,
    };
    let path = file.path.clone();
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    let bytes = bytes.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
    // Clocks of other machines may be a little ahead; a file can't be younger than now.
    Ok((bytes.map_err(|error| format!("it can't be read: {error}"))?, as_of.min(engine.env.now()), date))
}

/// When the file was made, and the business date, by its name.
fn named(
    pattern: &str,
    name: &str,
    modified: Timestamp,
    rules: &CoreRules,
) -> std::result::Result<(Timestamp, Option<Date>), String> {
    let parsed = BrokenDownTime::parse(pattern, name);
    let parsed = parsed.map_err(|_| format!("its name is not of the pattern {pattern:?}"))?;
    let date = parsed.to_date().map_err(|error| format!("its name gives no date by {pattern:?}: {error}"))?;
    match parsed.to_datetime() {
        Ok(at) if parsed.hour().is_some() => {
            let zoned = at.to_zoned(rules.days.zone.clone()).map_err(|error| error.to_string())?;
            Ok((zoned.timestamp(), None))
        }
        _ => Ok((modified, Some(date))),
    }
}

fn rejections(report: &ImportReport) -> String {
    let rows = report.rejected.iter().map(|row| {
        let column = row.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
        format!("line {}: {column}{}", row.line, row.message)
    });
    let mut lines: Vec<String> = rows.collect();
    let untold = report.rejected_rows.saturating_sub(lines.len() as u64);
    if untold > 0 {
        lines.push(format!("and {untold} more"));
    }
    lines.join("\n")
}

/// Moves the file below its folder, under a name that is free there, with what is to be said about it.
fn put_aside(file: &Found, aside: &str, report: Option<&str>) -> std::io::Result<PathBuf> {
    let folder = file.path.parent().unwrap_or(Path::new(".")).join(aside);
    std::fs::create_dir_all(&folder)?;
    let name = file.path.file_name().unwrap_or_default();
    let numbered = |n: u32| if n == 1 { folder.join(name) } else { beside(&folder.join(name), &format!(".{n}")) };
    let free = (1..).map(numbered).find(|path| !path.exists() && !beside(path, ".error.txt").exists());
    let place = free.ok_or_else(|| std::io::Error::other("every name is taken"))?;
    if let Some(report) = report {
        std::fs::write(beside(&place, ".error.txt"), format!("{report}\n"))?;
    }
    std::fs::rename(&file.path, &place)?;
    let marker = beside(&file.path, ".done");
    if marker.exists() {
        std::fs::rename(marker, beside(&place, ".done"))?;
    }
    Ok(place)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
