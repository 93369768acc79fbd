//! Known order + seen order → what changes.
//!
//! Only quantities hold stock: unshipped = ordered − moved − cancelled − shipped. Facts arrive late, twice and
//! out of order; three rules keep them true:
//!
//! * With a revision the newer state wins. Without one, the read whose *request* started later wins.
//! * Without a revision, a state that gives units back must be seen by a second read before it counts; what
//!   takes units counts at once.
//! * On malls that split orders, a smaller quantity may have moved to a sibling: it is *shrunk*, and
//!   [`super::family`] decides.

use jiff::Timestamp;
use uriba_sdk::{Line, Order, Restored};

/// An order as the database has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownOrder {
    pub revision: Option<i64>,
    /// When the request that brought this state started.
    pub read_at: Timestamp,
    pub lines: Vec<KnownLine>,
}

/// A line as the database has it, in listing units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownLine {
    pub line: String,
    pub mall_key: Option<String>,
    /// The most that was ever stated as ordered.
    pub ordered: u32,
    pub cancelled: u32,
    pub shipped: u32,
    /// Came back, as the mall says or as was received here.
    pub returned: u32,
    /// Cancelled after they had shipped.
    pub return_expected: u32,
    /// Came back to us, with a receipt.
    pub received: u32,
    /// Units that other members of the family hold now.
    pub moved: u32,
    /// Units missing from this member whose whereabouts aren't settled (`moved` included).
    pub shrunk: u32,
    /// Units given back by one read so far, and when that read started.
    pub pending: Option<(u32, Timestamp)>,
}

impl KnownLine {
    pub fn unshipped(&self) -> i64 {
        i64::from(self.ordered) - i64::from(self.moved) - i64::from(self.cancelled) - i64::from(self.shipped)
    }

    /// Units of which it is known that they come or came back.
    pub fn announced(&self) -> u32 {
        self.return_expected.max(self.returned).max(self.received)
    }

    /// Goods that are still on their way back. Stock comes back with them, not before.
    pub fn expected_back(&self) -> u32 {
        self.announced() - self.received
    }
}

/// How this mall states orders.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The mall splits orders.
    pub families: bool,
    /// Above this a line's quantity is not believed.
    pub units_max: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Older than what is known: nothing changes.
    Stale,
    /// The line states a quantity that nobody orders.
    Absurd {
        line: String,
        units: u32,
    },
    Lines(Vec<LineChange>),
}

/// One line after intake, and the differences that other rooms act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    pub now: KnownLine,
    pub is_new: bool,
    /// Change of unshipped.
    pub unshipped: i64,
    /// Units by which this order lowered the mall's counter when it was placed (first sight only).
    pub sold: u32,
    /// Units added to the order after it was placed.
    pub rise: u32,
    /// Units newly cancelled, which the mall may have put back on its counter.
    pub back: u32,
    pub restored: Restored,
    /// Units newly shipped; negative when the mall took a shipment back.
    pub shipped: i64,
    pub shipped_at: Option<Timestamp>,
    /// Units newly cancelled after they had shipped: expected back as goods.
    pub return_expected: u32,
    /// Units that newly came back by the mall's word.
    pub returned: u32,
    /// Units that newly came back to us.
    pub received: u32,
}

impl LineChange {
    /// How two states of a line differ, where nothing was sold.
    pub fn between(known: &KnownLine, now: KnownLine, restored: Restored) -> Self {
        Self {
            is_new: false,
            unshipped: now.unshipped() - known.unshipped(),
            sold: 0,
            rise: now.ordered.saturating_sub(known.ordered),
            back: now.cancelled.saturating_sub(known.cancelled),
            restored,
            shipped: i64::from(now.shipped) - i64::from(known.shipped),
            shipped_at: None,
            return_expected: now.return_expected.saturating_sub(known.return_expected),
            returned: now.returned.saturating_sub(known.returned),
            received: now.received.saturating_sub(known.received),
            now,
        }
    }

    /// Nothing that anyone would act on or want to read in a history.
    pub fn is_quiet(&self) -> bool {
        !self.is_new
            && self.unshipped == 0
            && self.rise == 0
            && self.back == 0
            && self.shipped == 0
            && self.return_expected == 0
            && self.returned == 0
            && self.received == 0
    }
}

/// What an order that can't be read holds of an item that it names, where one sale takes `units` of the SKU: one
/// sale at least, unless what is known of the order holds it already.
pub fn least_held(units: i64, is_known: bool) -> i64 {
    if is_known { 0 } else { units }
}

/// Compares a state read by a request started at `read_at` with what is known.
pub fn compare(known: Option<&KnownOrder>, seen: &Order, read_at: Timestamp, manner: Manner) -> Seen {
    if known.is_some_and(|known| is_stale(known, seen.revision, read_at)) {
        return Seen::Stale;
    }
    if let Some(line) = seen.lines.iter().find(|line| line.ordered > manner.units_max) {
        return Seen::Absurd { line: line.id.clone(), units: line.ordered };
    }
    let context = Context {
        read_at,
        manner,
        sure: seen.revision.is_some(),
        open: !seen.is_closed(),
        child: seen.family.as_ref().is_some_and(|family| !family.original),
    };
    let known_lines = known.map_or(&[][..], |known| &known.lines);
    let mut changes: Vec<LineChange> = seen
        .lines
        .iter()
        .map(|line| match known_lines.iter().find(|known| known.line == line.id) {
            Some(known) => context.changed(known, line),
            None => context.appeared(line),
        })
        .collect();
    for gone in known_lines.iter().filter(|known| !seen.lines.iter().any(|line| line.id == known.line)) {
        changes.push(context.changed(gone, &absent(gone)));
    }
    Seen::Lines(changes)
}

fn is_stale(known: &KnownOrder, revision: Option<i64>, read_at: Timestamp) -> bool {
    match (known.revision, revision) {
        (Some(known_revision), Some(seen)) if seen != known_revision => seen < known_revision,
        _ => read_at < known.read_at,
    }
}

/// A line that the mall no longer lists: nothing of it is ordered any more, but what shipped has shipped.
fn absent(known: &KnownLine) -> Line {
    Line {
        id: known.line.clone(),
        mall_key: known.mall_key.clone(),
        ordered: known.shipped,
        cancelled: 0,
        shipped: known.shipped,
        returned: known.returned,
        restored: Restored::Unknown,
        shipped_at: None,
        original: None,
    }
}

#[derive(Clone, Copy)]
struct Context {
    read_at: Timestamp,
    manner: Manner,
    /// The mall numbers its states, so a smaller one can be believed at once.
    sure: bool,
    open: bool,
    child: bool,
}

impl Context {
    fn appeared(&self, line: &Line) -> LineChange {
        let original = line.original.unwrap_or(0).max(line.ordered);
        let ordered = if self.child || !self.manner.families { line.ordered } else { original };
        let empty =
            KnownLine { line: line.id.clone(), mall_key: line.mall_key.clone(), ordered, ..KnownLine::default() };
        // Nothing of it is held yet, so nothing is given back: its first state needs no second read.
        let mut change = Self { sure: true, ..*self }.changed(&empty, line);
        change.is_new = true;
        change.unshipped = change.now.unshipped();
        // What was cut off from another order lowered the counter when that one was placed.
        change.sold = if self.child { 0 } else { ordered };
        change
    }

    fn changed(&self, known: &KnownLine, line: &Line) -> LineChange {
        let mut now = known.clone();
        now.mall_key = line.mall_key.clone().or(now.mall_key);
        now.ordered = known.ordered.max(line.ordered);
        now.returned = known.returned.max(line.returned);

        let shipped = line.shipped.min(now.ordered);
        let took_back = shipped < known.shipped;
        now.shipped = if took_back && !self.open { known.shipped } else { shipped };

        let missing = now.ordered - line.ordered;
        now.shrunk = if self.manner.families { missing } else { 0 };
        now.moved = known.moved.min(now.shrunk);
        let stated = line.cancelled + if self.manner.families { self.released(known, missing) } else { missing };
        let room = now.ordered - now.moved.min(now.ordered);
        let room = room.saturating_sub(now.shipped);
        let cancelled = stated.min(room);
        if took_back && !self.open {
            // The mall says it again with every read.
            now.return_expected = known.return_expected.max(known.shipped - shipped);
        }

        let back = cancelled.saturating_sub(known.cancelled);
        let confirmed = self.sure || known.pending.is_some_and(|(_, first)| first < self.read_at);
        let believed = match known.pending {
            _ if back == 0 || self.sure => back,
            Some((units, _)) if confirmed => back.min(units),
            _ => 0,
        };
        now.cancelled = if back == 0 { cancelled } else { known.cancelled + believed };
        now.pending = (believed < back).then_some((back - believed, self.read_at));

        let mut change = LineChange::between(known, now, line.restored);
        change.shipped_at = line.shipped_at;
        if self.child {
            change.rise = 0;
        }
        change
    }

    /// Of the units missing from a family member, those that a search has already released stay released.
    fn released(&self, known: &KnownLine, missing: u32) -> u32 {
        known.cancelled.min(missing.saturating_sub(known.moved))
    }
}
