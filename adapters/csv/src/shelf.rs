//! What the files of the orders' folder state by now, and how far that proves anything.
//!
//! A file is read once; what it states is kept by order, the newest file's word for each. Between two looks only
//! new and changed files are read, oldest first and not too many: how far the rest of a large folder reaches is
//! simply not proven yet. What is kept is what reading all files again would give.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp, civil::DateTime};
use uriba_sdk::{Order, Unread};

use crate::{
    folder::{self, Entry},
    reader::{self, Flaw, Profile, Sheet},
    settings::Config,
};

/// A larger file is no export of orders that anybody waits for.
pub const FILE_BYTES_MAX: u64 = 32 << 20;
/// What one look reads at most.
const BYTES_AT_ONCE: u64 = 96 << 20;
const FILES_AT_ONCE: usize = 200;
/// Older files than the newest so many are left alone.
const FILES_MAX: usize = 4_000;
/// A file from further ahead of the clock proves nothing.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);
/// A file that is half-written for so long stays so until somebody looks.
const HALF_FOR: SignedDuration = SignedDuration::from_mins(10);

/// When a file was made, when it was written last, and its name: the order in which files win.
type Age = (Timestamp, Timestamp, String);

#[derive(Default)]
pub struct Shelf {
    files: BTreeMap<String, File>,
    orders: HashMap<String, Kept>,
    by_time: BTreeSet<(Timestamp, String)>,
    /// Orders that nobody knows the time of.
    timeless: BTreeSet<String>,
    /// When the oldest file was made that is still to be read.
    unread_from: Option<Timestamp>,
}

struct File {
    entry: Entry,
    at: Timestamp,
    state: State,
}

enum State {
    /// The oldest order in it, and flaws of rows that can't be told whose they are.
    Read {
        oldest: Option<Timestamp>,
        flawed: bool,
        nameless: Vec<Unread>,
    },
    Faulty(String),
    Half(String),
}

struct Kept {
    age: Age,
    placed_at: Option<Timestamp>,
    what: What,
}

enum What {
    Order(Order),
    Odd(Unread),
}

/// Where a page ended.
pub type Place = (Timestamp, String);

#[derive(Default)]
pub struct Found {
    pub orders: Vec<Order>,
    pub unread: Vec<Unread>,
    pub missing: Vec<String>,
    pub next: Option<Place>,
}

impl Shelf {
    /// Looks into the folder and reads what is new there.
    pub async fn look(&mut self, config: &Config, now: Timestamp, operation: &'static str) -> std::io::Result<()> {
        let mut listed: Vec<(Timestamp, Entry)> = folder::list(&config.orders_folder, operation)
            .await?
            .into_iter()
            .filter_map(|entry| Some((made_at(&entry, config)?, entry)))
            .collect();
        listed.sort_by(|one, other| (one.0, &one.1.name).cmp(&(other.0, &other.1.name)));
        listed.drain(..listed.len().saturating_sub(FILES_MAX));
        self.forget_changed(&listed);
        self.unread_from = None;
        let (mut files, mut bytes) = (0, 0);
        for (at, entry) in listed {
            if self.files.contains_key(&entry.name) {
                continue;
            }
            // One that is too large is only told, not read.
            let weight = if entry.bytes > FILE_BYTES_MAX { 0 } else { entry.bytes };
            if files == FILES_AT_ONCE || (files > 0 && bytes + weight > BYTES_AT_ONCE) {
                self.unread_from = Some(at);
                break;
            }
            files += 1;
            bytes += weight;
            self.take_up(config, now, at, entry).await;
        }
        Ok(())
    }

    /// A changed file is a new one. Where one that had spoilt orders is gone or changed, what older files said of
    /// them counts again: everything is read anew.
    fn forget_changed(&mut self, listed: &[(Timestamp, Entry)]) {
        let there: HashMap<&str, &Entry> = listed.iter().map(|(_, entry)| (entry.name.as_str(), entry)).collect();
        let stands = |file: &File| there.get(file.entry.name.as_str()).is_some_and(|entry| **entry == file.entry);
        let spoilt = self.files.values().any(|file| file.has_flaws() && !stands(file));
        if spoilt {
            *self = Self::default();
        }
        // A half-written file is looked at again, for it may be only young.
        self.files.retain(|_, file| stands(file) && !matches!(file.state, State::Half(_)));
    }

    async fn take_up(&mut self, config: &Config, now: Timestamp, at: Timestamp, entry: Entry) {
        let name = entry.name.clone();
        let state = match early_judgement(config, now, at, &entry) {
            Some(state) => state,
            None => match folder::read(&config.orders_folder, &entry).await {
                // One file that can't be opened hides no other, and is tried again.
                Err(error) => State::Half(format!("{name} can't be read: {error}")),
                Ok(None) => State::Half(format!("{name} changed while it was read")),
                Ok(Some(bytes)) => match parse(bytes, &config.profile).await {
                    Err(fault) => State::Faulty(format!("{name}, {fault}")),
                    Ok(sheet) if config.needs_line_end && !sheet.is_whole => State::Half(format!(
                        "{name} does not end with a line end: half of it may be missing (if the mall's files always \
                         end so, set line_end = \"optional\")"
                    )),
                    Ok(sheet) => self.keep(config, (at, &entry), sheet),
                },
            },
        };
        self.files.insert(name, File { entry, at, state });
    }

    fn keep(&mut self, config: &Config, (at, entry): (Timestamp, &Entry), sheet: Sheet) -> State {
        let (name, modified) = (entry.name.as_str(), entry.modified);
        let ours = |channel: &Option<String>| channel.as_ref().is_none_or(|channel| *channel == config.channel);
        let age = (at, modified, name.to_owned());
        let mut oldest: Option<Timestamp> = None;
        let orders: Vec<_> = sheet.orders.into_iter().filter(|stated| ours(&stated.channel)).collect();
        for stated in orders {
            let placed_at = stated.order.placed_at;
            oldest = Some(oldest.map_or(placed_at, |oldest| oldest.min(placed_at)));
            self.put(stated.order.id.clone(), &age, Some(placed_at), What::Order(stated.order));
        }
        let flaws: Vec<_> = sheet.flaws.into_iter().filter(|flaw| ours(&flaw.channel)).collect();
        let (flawed, mut nameless) = (!flaws.is_empty(), Vec::new());
        for flaw in flaws {
            let placed_at = flaw.placed_at;
            let unread = unread(name, flaw);
            match unread.order_id.clone() {
                Some(id) => self.put(id, &age, placed_at, What::Odd(unread)),
                None => nameless.push(unread),
            }
        }
        State::Read { oldest, flawed, nameless }
    }

    /// The newest file's word stands; within one file, the first flaw of an order.
    fn put(&mut self, id: String, age: &Age, placed_at: Option<Timestamp>, what: What) {
        if let Some(known) = self.orders.get(&id) {
            if known.age >= *age {
                return;
            }
            match known.placed_at {
                Some(at) => self.by_time.remove(&(at, id.clone())),
                None => self.timeless.remove(&id),
            };
        }
        // A row without a time is still about an order of that time.
        let placed_at = placed_at.or_else(|| self.orders.get(&id).and_then(|known| known.placed_at));
        match placed_at {
            Some(at) => self.by_time.insert((at, id.clone())),
            None => self.timeless.insert(id.clone()),
        };
        self.orders.insert(id, Kept { age: age.clone(), placed_at, what });
    }

    /// Orders placed in `from ≤ t ≤ to`, beyond `after`; on the first page also whatever can't be told when it was.
    pub fn page(
        &self,
        (from, to): (Timestamp, Timestamp),
        after: Option<&Place>,
        most: usize,
        now: Timestamp,
    ) -> Found {
        let mut found = Found::default();
        let begin = match after {
            Some(place) => Bound::Excluded(place.clone()),
            None => {
                found.unread = self.adrift(from, now);
                Bound::Included((from, String::new()))
            }
        };
        let mut last: Option<&Place> = None;
        for (count, place) in self.by_time.range((begin, Bound::Unbounded)).enumerate() {
            if place.0 > to {
                break;
            }
            if count == most {
                found.next = last.cloned();
                break;
            }
            last = Some(place);
            self.tell(&place.1, &mut found);
        }
        found
    }

    pub fn by_id(&self, ids: &[String]) -> Found {
        let mut found = Found::default();
        ids.iter().for_each(|id| self.tell(id, &mut found));
        found
    }

    fn tell(&self, id: &str, found: &mut Found) {
        match self.orders.get(id).map(|kept| &kept.what) {
            Some(What::Order(order)) => found.orders.push(order.clone()),
            Some(What::Odd(unread)) => found.unread.push(unread.clone()),
            None => found.missing.push(id.to_owned()),
        }
    }

    /// What files made since `from` hold that nobody can tell the time of.
    fn adrift(&self, from: Timestamp, now: Timestamp) -> Vec<Unread> {
        let timeless = self.timeless.iter().filter_map(|id| self.orders.get(id));
        let odd = timeless.filter(|kept| kept.age.0 >= from).filter_map(|kept| match &kept.what {
            What::Odd(unread) => Some(unread.clone()),
            What::Order(_) => None,
        });
        let files = self.files.values().filter(|file| file.at >= from);
        odd.chain(files.flat_map(|file| file.complaints(now))).collect()
    }

    /// Up to when all orders are in these files. `None`: no file says anything yet.
    ///
    /// Each file is taken to go back to the one before it, so that one which can't be read ends what is proven; or,
    /// where it is said how far files go back, a file counts that begins where the others end.
    pub fn proven(&self, from: Timestamp, config: &Config) -> Option<Timestamp> {
        let mut read: Vec<(Timestamp, Option<Timestamp>)> = self.files.values().filter_map(File::read_at).collect();
        read.sort();
        read.first()?;
        let end = match config.covers {
            Some(days) => read.iter().fold(from, |reach, (at, oldest)| {
                let back = at.checked_sub(days).unwrap_or(Timestamp::MIN);
                let begin = oldest.map_or(back, |oldest| oldest.min(back));
                if begin <= reach { reach.max(*at) } else { reach }
            }),
            None => {
                let bad = self.files.values().filter(|file| file.read_at().is_none() && file.at >= from);
                let stop = bad.map(|file| file.at).chain(self.unread_from).min();
                let proves = |at: &Timestamp| stop.is_none_or(|stop| *at < stop);
                read.iter().map(|(at, _)| *at).rfind(proves).unwrap_or(from)
            }
        };
        Some(if end == from { from } else { end.checked_sub(config.export_lag).unwrap_or(from) })
    }

    /// Every file there is has been read, or found to be no use.
    pub fn is_through(&self) -> bool {
        self.unread_from.is_none()
    }

    /// Units of each listing in orders placed after an instant, with their instants.
    pub fn sold(&self, after: Timestamp) -> HashMap<&str, Vec<(Timestamp, i64)>> {
        let mut sold: HashMap<&str, Vec<(Timestamp, i64)>> = HashMap::new();
        for (at, id) in self.by_time.range((Bound::Excluded((after, char::MAX.to_string())), Bound::Unbounded)) {
            let Some(What::Order(order)) = self.orders.get(id).map(|kept| &kept.what) else { continue };
            for line in &order.lines {
                if let Some(key) = &line.mall_key {
                    sold.entry(key).or_default().push((*at, i64::from(line.ordered)));
                }
            }
        }
        sold
    }

    /// For people: what is wrong in the folder, and how new the newest file is.
    pub fn notes(&self, now: Timestamp) -> Vec<String> {
        let newest = self.files.values().filter_map(File::read_at).map(|(at, _)| at).max();
        let newest =
            newest.map_or("there is no order file yet".into(), |at| format!("the newest order file is of {at}"));
        let odd = self.files.values().flat_map(|file| file.complaints(now)).map(|unread| unread.what);
        std::iter::once(newest).chain(odd.take(20)).collect()
    }
}

impl File {
    fn read_at(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        match &self.state {
            State::Read { oldest, .. } => Some((self.at, *oldest)),
            State::Faulty(_) | State::Half(_) => None,
        }
    }

    fn has_flaws(&self) -> bool {
        matches!(self.state, State::Read { flawed: true, .. })
    }

    fn complaints(&self, now: Timestamp) -> Vec<Unread> {
        let whole = |what: &String| {
            vec![Unread { order_id: None, mall_keys: Vec::new(), what: what.clone(), redacted: String::new() }]
        };
        match &self.state {
            State::Read { nameless, .. } => nameless.clone(),
            State::Faulty(what) => whole(what),
            State::Half(what) if now.duration_since(self.entry.modified) > HALF_FOR => whole(what),
            State::Half(_) => Vec::new(),
        }
    }
}

/// `None`: it is no order file, and is left alone.
fn made_at(entry: &Entry, config: &Config) -> Option<Timestamp> {
    match &config.file_time {
        Some(pattern) => {
            let named = DateTime::strptime(pattern, &entry.name).ok()?;
            config.profile.zone.to_timestamp(named).ok()
        }
        None => {
            let extension = entry.name.rsplit_once('.')?.1.to_lowercase();
            matches!(extension.as_str(), "csv" | "tsv" | "txt").then_some(entry.modified)
        }
    }
}

/// What can be said of a file before it is opened.
fn early_judgement(config: &Config, now: Timestamp, at: Timestamp, entry: &Entry) -> Option<State> {
    let name = &entry.name;
    let ahead = at.max(entry.modified).duration_since(now);
    if ahead > AHEAD_MAX {
        return Some(State::Faulty(format!(
            "{name} is from the future: is this machine's clock right, and the other's?"
        )));
    }
    if entry.bytes > FILE_BYTES_MAX {
        return Some(State::Faulty(format!("{name} has {} bytes; {FILE_BYTES_MAX} are read at most", entry.bytes)));
    }
    let young = now.duration_since(entry.modified) < config.settled;
    young.then(|| State::Half(format!("{name} is still being written")))
}

/// Off the threads that others wait on: a large file takes a while.
async fn parse(bytes: Vec<u8>, profile: &Profile) -> Result<Sheet, reader::Fault> {
    let profile = Arc::new(profile.clone());
    let reading = tokio::task::spawn_blocking(move || reader::read(&bytes, &profile));
    let gone = |_| Err(reader::Fault { line: 1, column: None, message: "could not be read to its end".into() });
    reading.await.unwrap_or_else(gone)
}

fn unread(file: &str, flaw: Flaw) -> Unread {
    let column = flaw.column.as_ref().map(|column| format!(", {column}")).unwrap_or_default();
    let redacted = serde_json::json!({
        "file": file, "line": flaw.line, "order_id": flaw.order_id, "mall_keys": flaw.mall_keys,
        "ordered_at": flaw.placed_at,
    });
    Unread {
        what: format!("{file}, line {}{column}: {}", flaw.line, flaw.message),
        order_id: flaw.order_id,
        mall_keys: flaw.mall_keys,
        redacted: redacted.to_string(),
    }
}
