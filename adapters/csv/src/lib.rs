//! A mall without an API: order files are picked up from one folder, stock files are written for upload into another.
//!
//! Everything else is as for any channel: orders are found in windows by the time of placing, read again by id while
//! they are open, and figures are pushed absolutely. What an API would have told by itself follows from the files: how
//! far the orders are known ([`shelf`]), which of two statements is newer, whether a file is whole. [`folder`] is all
//! that opens files; [`reader`] turns bytes into orders and serves the closing of gaps of other malls as well.

mod card;
#[cfg(feature = "fake")]
pub mod fake;
mod folder;
#[cfg(test)]
mod payloads;
pub mod reader;
mod settings;
mod shelf;
mod stock;

use std::{collections::HashMap, io};

use async_trait::async_trait;
use futures_util::lock::Mutex;
use jiff::Timestamp;
use uriba_sdk::{
    Account, AccountSheet, Applied, Card, Class, Extras, Found, Mall, MallEntry, MallError, Outcome, Page, Query,
    Resolved, Result, Settings, Span, Update, Wire,
    mall::{ListingKey, SettingsError},
};

use card::{BY_ID, PAGE, PUSH, SEARCH};
use settings::Config;
use shelf::{Place, Shelf};
use stock::{MEMORY, Memory};

pub use card::CARD;

/// What `malls.rs` lists.
pub static MALL: MallEntry = MallEntry {
    id: "csv",
    card: &CARD,
    open,
    #[cfg(feature = "fake")]
    fake: fake::start,
};

/// Longer keys are no keys of a listing.
const KEY_CHARS_MAX: usize = 190;
/// Files of one second.
const FILES_MAX: u32 = 999;

struct Csv {
    wire: Wire,
    config: Config,
    /// One look at a time: two would read the same files, and the older one forget what the newer one has found.
    shelf: Mutex<Shelf>,
    /// One push at a time: the names of files and the memory of full ones follow from what is there.
    writing: Mutex<()>,
}

fn open(settings: &Settings, wire: Wire) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let config = Config::read(settings)?;
    Ok(Box::new(Csv { wire, config, shelf: Mutex::default(), writing: Mutex::default() }))
}

#[async_trait]
impl Mall for Csv {
    fn card(&self) -> &'static Card {
        &CARD
    }

    async fn pull(&self, query: &Query) -> Result<Page> {
        let Span::Window { from, to } = query.span else {
            let class = Class::Malformed { what: "files know no families of orders".into() };
            return Err(self.wire.error(SEARCH, class, ""));
        };
        // Where files tell no seconds, an order stands at the beginning of its minute.
        let from = reader::minute_of(from);
        let after = query.token.as_deref().map(|token| self.place(token)).transpose()?;
        let mut shelf = self.shelf.lock().await;
        self.look(&mut shelf, SEARCH).await?;
        let Some(read_to) = shelf.proven(from, &self.config) else {
            let odd: String = shelf.notes(self.wire.now()).join("; ");
            let message = format!("nothing is known of orders: {odd} in {}", self.config.orders_folder.display());
            return Err(self.wire.error(SEARCH, Class::Transient { applied: Applied::No }, message));
        };
        let found = shelf.page((from, to), after.as_ref(), PAGE, self.wire.now());
        let next = found.next.map(|(at, id)| format!("{}/{id}", at.as_microsecond()));
        Ok(Page { heads: Vec::new(), orders: found.orders, unread: found.unread, next, read_to: Some(read_to) })
    }

    async fn by_id(&self, ids: &[String]) -> Result<Found> {
        if ids.is_empty() {
            return Ok(Found::default());
        }
        let mut shelf = self.shelf.lock().await;
        self.look(&mut shelf, BY_ID).await?;
        let found = shelf.by_id(ids);
        if !found.missing.is_empty() && !shelf.is_through() {
            let message = "not all files of the folder have been read yet";
            return Err(self.wire.error(BY_ID, Class::Transient { applied: Applied::No }, message));
        }
        Ok(Found { orders: found.orders, unread: found.unread, missing: found.missing, ..Found::default() })
    }

    async fn push(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        let layout = &self.config.layout;
        let plan = stock::plan(updates, layout)
            .map_err(|class| self.wire.error(PUSH, class, "nothing was written: see batch and modes of the card"))?;
        if plan.rows.is_empty() {
            return Ok(plan.outcomes);
        }
        let _one_at_a_time = self.writing.lock().await;
        let now = self.wire.now();
        // Before anything is kept: a push that has to wait changes nothing.
        let name = self.free_name(now).await?;
        let (rows, applied) = match layout.is_full {
            false => (plan.rows, Applied::No),
            // What is kept now will be written with the next file at the latest.
            true => (self.all_rows(&plan.rows, now).await?, Applied::Unknown),
        };
        let class = |applied| Class::Transient { applied };
        let bytes = layout.encode(&rows).map_err(|what| self.wire.error(PUSH, class(applied), what))?;
        let written = folder::write(&self.config.stock_folder, &name, &bytes).await;
        written.map_err(|error| self.wire.error(PUSH, class(applied), self.about_stock(&error)))?;
        Ok(plan.outcomes)
    }

    /// The file's own spelling is the mall's. Nothing says whether a listing exists.
    async fn resolve(&self, keys: &[String]) -> Result<Vec<Resolved>> {
        let resolved = |given: &String| Resolved { given: given.clone(), key: self.key(given) };
        Ok(keys.iter().map(resolved).collect())
    }

    fn extras(&self) -> Extras<'_> {
        Extras { account: Some(self), ..Extras::default() }
    }
}

#[async_trait]
impl Account for Csv {
    /// A folder knows no shop; what can be told is what is odd in it.
    async fn account(&self) -> Result<AccountSheet> {
        let mut shelf = self.shelf.lock().await;
        self.look(&mut shelf, SEARCH).await?;
        let shop = self.config.orders_folder.display().to_string();
        Ok(AccountSheet { shop, ends: Vec::new(), notes: shelf.notes(self.wire.now()) })
    }
}

impl Csv {
    async fn look(&self, shelf: &mut Shelf, operation: &'static str) -> Result<()> {
        let looked = shelf.look(&self.config, self.wire.now(), operation).await;
        looked.map_err(|error| {
            let message = format!("{}: {error}", self.config.orders_folder.display());
            self.wire.error(operation, Class::Transient { applied: Applied::No }, message)
        })
    }

    fn place(&self, token: &str) -> Result<Place> {
        let place = token.split_once('/').and_then(|(micros, id)| {
            let at = micros.parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok())?;
            Some((at, id.to_owned()))
        });
        let what = || Class::Malformed { what: "no such page".into() };
        place.ok_or_else(|| self.wire.error(SEARCH, what(), ""))
    }

    fn key(&self, given: &str) -> std::result::Result<ListingKey, String> {
        let key = self.config.profile.key.spelled(given).ok_or("a listing has a key of at least one letter")?;
        if key.chars().count() > KEY_CHARS_MAX || key.contains(char::is_control) {
            return Err(format!("a key has at most {KEY_CHARS_MAX} letters, digits and signs"));
        }
        Ok(ListingKey { key, handle: None })
    }

    async fn free_name(&self, now: Timestamp) -> Result<String> {
        let (layout, folder) = (&self.config.layout, &self.config.stock_folder);
        for n in 1..=FILES_MAX {
            let name = layout.file_name(now, n);
            match folder::exists(folder, &name).await {
                Ok(false) => return Ok(name),
                Ok(true) if layout.is_dated() => {}
                Ok(true) => return Err(self.unwritten(format!("{name} is still there: it was not uploaded yet"))),
                Err(error) => return Err(self.unwritten(self.about_stock(&error))),
            }
        }
        Err(self.unwritten(format!("{FILES_MAX} files of this second are there already")))
    }

    /// The whole state with these rows in it, kept before it is written: a file that repeats older figures of what
    /// an earlier file has changed would be worse than one that comes too early.
    async fn all_rows(&self, rows: &[(String, i64)], now: Timestamp) -> Result<Vec<(String, i64)>> {
        let folder = &self.config.stock_folder;
        let kept = folder::read_own(folder, MEMORY).await.map_err(|error| self.unwritten(self.about_stock(&error)))?;
        let odd =
            |what| self.unwritten(format!("{MEMORY} can't be read ({what}): put it right, or away to begin anew"));
        let mut memory = kept.map_or_else(|| Ok(Memory::default()), |bytes| Memory::parse(&bytes)).map_err(odd)?;
        memory.keep(rows, now);
        let bytes = serde_json::to_vec(&memory).map_err(|error| self.unwritten(error.to_string()))?;
        let mut shelf = self.shelf.lock().await;
        // Figures of before must not be repeated in ignorance of what was sold since.
        self.look(&mut shelf, SEARCH).await.map_err(|error| self.unwritten(error.message))?;
        let sold = memory.since().map_or_else(HashMap::new, |since| shelf.sold(since));
        let sold_since = |key: &str, at: Timestamp| {
            let sales = sold.get(key).map_or(&[][..], Vec::as_slice);
            sales.iter().filter(|(placed_at, _)| *placed_at > at).map(|(_, units)| units).sum()
        };
        let all = memory.rows(sold_since);
        folder::write(folder, MEMORY, &bytes).await.map_err(|error| self.unwritten(self.about_stock(&error)))?;
        Ok(all)
    }

    fn unwritten(&self, message: String) -> MallError {
        self.wire.error(PUSH, Class::Transient { applied: Applied::No }, message)
    }

    fn about_stock(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.config.stock_folder.display())
    }
}
