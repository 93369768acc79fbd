//! One row: where its columns are, and what it says.

use std::borrow::Cow;

use jiff::Timestamp;
use uriba_sdk::{Line, Restored};

use super::{
    Column, Fault, Flaw, Profile,
    cells::Record,
    profile::narrow,
    times::{instant, moment_after},
};

/// What a row is about: listings, orders and lines have no longer names.
const NAME_CHARS_MAX: usize = 190;
/// A header names so many columns in a message at most.
const NAMES_MAX: usize = 60;

/// Where the columns of a profile are in this file.
pub(super) struct Places {
    channel: Option<usize>,
    order_id: usize,
    line: Vec<usize>,
    mall_key: Vec<Option<usize>>,
    ordered: usize,
    cancelled: Option<usize>,
    shipped: Option<usize>,
    ordered_at: Vec<usize>,
    shipped_at: Option<usize>,
    updated_at: Option<usize>,
    statuses: Vec<Option<usize>>,
}

/// What the file calls the columns in which an order's rows may contradict each other.
#[derive(Default)]
pub(super) struct Names {
    pub ordered_at: Option<String>,
    pub mall_key: Option<String>,
    pub ordered: Option<String>,
}

/// A row that could be read.
pub(super) struct Good {
    pub at: u64,
    pub channel: Option<String>,
    pub order_id: String,
    pub placed_at: Timestamp,
    pub updated_at: Option<Timestamp>,
    /// Its lines are told apart by the file; otherwise `line.id` is the listing.
    pub numbered: bool,
    pub line: Line,
}

pub(super) enum Read {
    Good(Box<Good>),
    /// With an id that the row may have, if other rows have it too.
    Flawed(Flaw, Option<String>),
}

impl Places {
    pub fn find(header: &[Cow<'_, str>], profile: &Profile) -> Result<Self, Fault> {
        let find = |column: &Column| place(header, column);
        let maybe = |column: &Option<Column>| column.as_ref().map_or(Ok(None), find);
        let needed = |column: &Column| place(header, &Column { required: true, ..column.clone() });
        let must = |column: &Column| needed(column).map(|place| place.unwrap_or_default());
        let line: Vec<Option<usize>> = profile.line.iter().map(find).collect::<Result<_, _>>()?;
        let places = Self {
            channel: maybe(&profile.channel)?,
            order_id: must(&profile.order_id)?,
            // Half of what tells lines apart would make one of two.
            line: line.into_iter().collect::<Option<_>>().unwrap_or_default(),
            mall_key: profile.mall_key.iter().map(find).collect::<Result<_, _>>()?,
            ordered: must(&profile.ordered)?,
            cancelled: maybe(&profile.cancelled)?,
            shipped: maybe(&profile.shipped)?,
            ordered_at: profile.ordered_at.iter().map(must).collect::<Result<_, _>>()?,
            shipped_at: maybe(&profile.shipped_at)?,
            updated_at: maybe(&profile.updated_at)?,
            statuses: profile.statuses.iter().map(|status| find(&status.column)).collect::<Result<_, _>>()?,
        };
        let by_quantity = places.cancelled.is_some() && places.shipped.is_some();
        if !by_quantity && places.statuses.iter().all(Option::is_none) {
            let message = format!(
                "nothing says what was cancelled and what was shipped: there must be columns of both quantities, or \
                 one of a status; {}",
                named(header)
            );
            return Err(Fault::whole(message));
        }
        Ok(places)
    }

    pub fn names(&self, header: &[Cow<'_, str>]) -> Names {
        let name = |place: Option<usize>| place.and_then(|at| header.get(at)).map(ToString::to_string);
        Names {
            ordered_at: name(self.ordered_at.first().copied()),
            mall_key: name(self.mall_key.iter().flatten().next().copied()),
            ordered: name(Some(self.ordered)),
        }
    }
}

fn place(header: &[Cow<'_, str>], column: &Column) -> Result<Option<usize>, Fault> {
    let fault = |message| Fault { line: 1, column: Some(column.name.clone()), message };
    let mut found = header.iter().enumerate().filter(|(_, cell)| **cell == column.name).map(|(index, _)| index);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(fault(format!("two columns are named {:?}", column.name))),
        (None, _) if column.required => Err(fault(format!("there is no column {:?}; {}", column.name, named(header)))),
        (place, _) => Ok(place),
    }
}

fn named(header: &[Cow<'_, str>]) -> String {
    let short = |cell: &Cow<'_, str>| cell.chars().take(40).collect::<String>();
    let names: Vec<String> = header.iter().take(NAMES_MAX).map(short).collect();
    format!("the header names: {}", names.join(", "))
}

pub(super) fn read(record: &Record<'_>, header: &[Cow<'_, str>], places: &Places, profile: &Profile) -> Read {
    let row = Row { record };
    if record.cells.len() != header.len() {
        let message = format!("has {} cells where the header has {}", record.cells.len(), header.len());
        let id = row.cell(places.order_id).map(str::to_owned);
        // Only what stands before all others can't have slipped.
        let (certain, suspected) = if places.order_id == 0 { (id, None) } else { (None, id) };
        let flaw = Flaw { line: record.line, message, order_id: certain, ..Flaw::default() };
        return Read::Flawed(flaw, suspected);
    }
    let mut known = Flaw { line: record.line, ..Flaw::default() };
    match row.good(places, profile, &mut known) {
        Ok(good) => Read::Good(Box::new(good)),
        Err((column, message)) => {
            let column = column.and_then(|index| header.get(index)).map(ToString::to_string);
            Read::Flawed(Flaw { column, message, ..known }, None)
        }
    }
}

struct Row<'a> {
    record: &'a Record<'a>,
}

/// The column and what is odd in it. Never the cell itself.
type Odd = (Option<usize>, String);

impl Row<'_> {
    /// The cell, or `None` where nothing stands in it.
    fn cell(&self, place: usize) -> Option<&str> {
        self.record.cells.get(place).map(AsRef::as_ref).filter(|cell: &&str| !cell.is_empty())
    }

    fn good(&self, places: &Places, profile: &Profile, known: &mut Flaw) -> Result<Good, Odd> {
        known.channel = places.channel.and_then(|place| self.cell(place)).map(str::to_owned);
        let order_id = self.name(places.order_id)?;
        known.order_id = Some(order_id.clone());
        let parts: Vec<&str> =
            places.mall_key.iter().map(|place| place.and_then(|at| self.cell(at)).unwrap_or("")).collect();
        let mall_key = profile.key.key(&parts);
        let first = places.mall_key.iter().flatten().next().copied();
        if mall_key.as_ref().is_some_and(|key| !is_name(key)) {
            return Err((first, "is no key of a listing".into()));
        }
        if profile.needs_key && mall_key.is_none() {
            return Err((first, "is empty".into()));
        }
        known.mall_keys.extend(mall_key.clone());
        let placed_at = self.placed_at(places, profile)?;
        known.placed_at = Some(placed_at);
        let at = |place: usize, read: fn(&str, &jiff::tz::TimeZone) -> Result<Timestamp, &'static str>| {
            let read = |cell| read(cell, &profile.zone).map_err(|why| (Some(place), why.to_owned()));
            self.cell(place).map(read).transpose()
        };
        let shipped_at = places.shipped_at.map_or(Ok(None), |place| at(place, moment_after))?;
        let updated_at = places.updated_at.map_or(Ok(None), |place| at(place, instant))?;
        let numbered = !places.line.is_empty();
        let ids: Vec<String> = places.line.iter().map(|place| self.name(*place)).collect::<Result<_, _>>()?;
        let (ordered, cancelled, shipped) = self.quantities(places, profile)?;
        let line = Line {
            id: if numbered { ids.join("/") } else { mall_key.clone().unwrap_or_else(|| "-".into()) },
            mall_key,
            ordered,
            cancelled,
            shipped,
            returned: 0,
            // A file never says whether the mall's own counter rose again.
            restored: Restored::Unknown,
            shipped_at: shipped_at.filter(|_| shipped > 0),
            original: None,
        };
        Ok(Good {
            at: self.record.line,
            channel: known.channel.clone(),
            order_id,
            placed_at,
            updated_at,
            numbered,
            line,
        })
    }

    fn placed_at(&self, places: &Places, profile: &Profile) -> Result<Timestamp, Odd> {
        let first = places.ordered_at.first().copied();
        let cells: Vec<&str> = places
            .ordered_at
            .iter()
            .map(|place| self.cell(*place).ok_or_else(|| (Some(*place), "is empty".to_owned())))
            .collect::<Result<_, _>>()?;
        instant(&cells.join(" "), &profile.zone).map_err(|why| (first, why.to_owned()))
    }

    /// Ordered, cancelled, shipped. A status speaks for what no quantity says.
    fn quantities(&self, places: &Places, profile: &Profile) -> Result<(u32, u32, u32), Odd> {
        let ordered = self.units(places.ordered)?.ok_or((Some(places.ordered), "is empty".to_owned()))?;
        let stated = |place: Option<usize>| place.map_or(Ok(None), |place| self.units(place));
        let (cancelled, shipped) = (stated(places.cancelled)?, stated(places.shipped)?);
        let left = |taken: Option<u32>| ordered.saturating_sub(taken.unwrap_or(0));
        let (by_word_cancelled, by_word_shipped) = match self.state(places, profile) {
            State::Cancelled => (left(shipped), 0),
            State::Shipped => (0, left(cancelled)),
            State::Open => (0, 0),
        };
        let (cancelled, shipped) = (cancelled.unwrap_or(by_word_cancelled), shipped.unwrap_or(by_word_shipped));
        if u64::from(cancelled) + u64::from(shipped) > u64::from(ordered) {
            let what = format!("{cancelled} cancelled and {shipped} shipped are more than the {ordered} ordered");
            return Err((Some(places.ordered), what));
        }
        Ok((ordered, cancelled, shipped))
    }

    fn state(&self, places: &Places, profile: &Profile) -> State {
        for (status, place) in profile.statuses.iter().zip(&places.statuses) {
            let Some(word) = place.and_then(|place| self.cell(place)) else { continue };
            let is = |words: &[String]| words.iter().any(|known| known == word);
            if is(&status.cancelled) {
                return State::Cancelled;
            }
            if is(&status.shipped) {
                return State::Shipped;
            }
        }
        State::Open
    }

    fn units(&self, place: usize) -> Result<Option<u32>, Odd> {
        let Some(cell) = self.cell(place) else { return Ok(None) };
        let digits: String = cell.chars().map(narrow).collect();
        let units = ungrouped(&digits).and_then(|digits| digits.parse::<u32>().ok());
        units.map(Some).ok_or_else(|| (Some(place), "is no number of units".to_owned()))
    }

    fn name(&self, place: usize) -> Result<String, Odd> {
        let name = self.cell(place).ok_or_else(|| (Some(place), "is empty".to_owned()))?;
        if is_name(name) { Ok(name.to_owned()) } else { Err((Some(place), "is no code or number".to_owned())) }
    }
}

enum State {
    Open,
    Cancelled,
    Shipped,
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= NAME_CHARS_MAX && !text.contains(char::is_control)
}

/// Digits alone, or in groups of three with commas, as Excel shows thousands.
fn ungrouped(digits: &str) -> Option<String> {
    let mut groups = digits.split(',');
    let first = groups.next().filter(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))?;
    let mut plain = first.to_owned();
    for group in groups {
        if first.len() > 3 || group.len() != 3 || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        plain.push_str(group);
    }
    Some(plain)
}
