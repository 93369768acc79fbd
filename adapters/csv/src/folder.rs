//! All that this adapter does to files. Nothing else in it opens one.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use jiff::Timestamp;
use tokio::{fs, io::AsyncReadExt, io::AsyncWriteExt};

/// A folder with more entries is no folder for exports.
const ENTRIES_MAX: usize = 50_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub bytes: u64,
    pub modified: Timestamp,
}

/// The folder's files. Those whose name begins with a dot are being written, or are ours.
pub async fn list(folder: &Path, operation: &'static str) -> io::Result<Vec<Entry>> {
    #[cfg(feature = "fake")]
    if let Some(far) = far_side::of(folder) {
        far.before_listing(operation);
    }
    #[cfg(not(feature = "fake"))]
    let _ = operation;
    let mut reading = fs::read_dir(folder).await?;
    let (mut entries, mut seen) = (Vec::new(), 0);
    while let Some(entry) = reading.next_entry().await? {
        seen += 1;
        if seen > ENTRIES_MAX {
            return Err(io::Error::other(format!("holds more than {ENTRIES_MAX} entries")));
        }
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Gone since the folder was read: nothing to wonder at.
        let Ok(about) = fs::metadata(entry.path()).await else { continue };
        if name.starts_with('.') || !about.is_file() {
            continue;
        }
        let modified = Timestamp::try_from(about.modified()?).map_err(io::Error::other)?;
        entries.push(Entry { name, bytes: about.len(), modified });
    }
    Ok(entries)
}

/// The whole file, if it is as it was listed: one that has grown since is still being written.
pub async fn read(folder: &Path, entry: &Entry) -> io::Result<Option<Vec<u8>>> {
    let file = fs::File::open(folder.join(&entry.name)).await?;
    let mut bytes = Vec::new();
    file.take(entry.bytes + 1).read_to_end(&mut bytes).await?;
    let about = fs::metadata(folder.join(&entry.name)).await?;
    let same = Timestamp::try_from(about.modified()?).is_ok_and(|modified| modified == entry.modified);
    Ok((same && about.len() == entry.bytes && bytes.len() as u64 == entry.bytes).then_some(bytes))
}

/// A small file of ours; `None` where it doesn't exist.
pub async fn read_own(folder: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    match fs::read(folder.join(name)).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub async fn exists(folder: &Path, name: &str) -> io::Result<bool> {
    fs::try_exists(folder.join(name)).await
}

/// Puts a whole file there, or nothing: under another name first, on the disk before it gets its own. Whoever
/// looks for files never sees half of one. A file of that name is replaced.
pub async fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (parted, whole) = (folder.join(format!(".{name}.part")), folder.join(name));
    let written = put(&parted, bytes).await;
    let moved = match written {
        Ok(()) => fs::rename(&parted, &whole).await,
        Err(error) => Err(error),
    };
    if let Err(error) = moved {
        let _ = fs::remove_file(&parted).await;
        return Err(error);
    }
    // Makes the new name durable. Some file systems know no such thing of a folder; the file stands all the same.
    if let Ok(opened) = fs::File::open(folder).await {
        let _ = opened.sync_all().await;
    }
    #[cfg(feature = "fake")]
    if let Some(far) = far_side::of(folder) {
        far.after_writing(name);
    }
    Ok(())
}

async fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path).await?;
    file.write_all(bytes).await?;
    file.flush().await?;
    file.sync_all().await
}

/// Who fills the one folder and empties the other: a person with a browser, a transfer job, or a fake.
#[cfg(feature = "fake")]
pub(crate) mod far_side {
    use std::{
        collections::BTreeMap,
        path::{Path, PathBuf},
        sync::{Arc, Mutex, MutexGuard},
    };

    pub trait FarSide: Send + Sync {
        fn before_listing(&self, operation: &'static str);
        fn after_writing(&self, name: &str);
    }

    static FAR_SIDES: Mutex<BTreeMap<PathBuf, Arc<dyn FarSide>>> = Mutex::new(BTreeMap::new());

    pub fn join(folder: &Path, far: Arc<dyn FarSide>) {
        lock().insert(folder.to_owned(), far);
    }

    pub fn leave(folder: &Path) {
        lock().remove(folder);
    }

    pub fn of(folder: &Path) -> Option<Arc<dyn FarSide>> {
        lock().get(folder).cloned()
    }

    fn lock() -> MutexGuard<'static, BTreeMap<PathBuf, Arc<dyn FarSide>>> {
        FAR_SIDES.lock().expect("no panic happens under this lock")
    }
}
