//! Reservations: what may become of a hold, and who gets the last unit.
//!
//! A [`Desk`] is the state of things at one moment: the reservations that requests name, what each shelf still
//! has, what each holder holds. Requests are judged against it one after the other, in their order of arrival,
//! and each granted change alters it for the next. Nothing is ever added back: a hold ends, once, and its id
//! never holds again.

mod desk;
#[cfg(test)]
mod model;

use jiff::Timestamp;

pub use desk::{Desk, Shop, units};

/// Units of one thing that is sold, by its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub sku: String,
    pub quantity: i64,
}

/// Units of one SKU that is stocked: what lines come to when bundles are taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub sku: i64,
    pub quantity: i64,
}

/// What a reservation asks for. The same under the same id is the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub channel: String,
    /// By code, each once: see [`Wish::tidy`].
    pub lines: Vec<Line>,
    pub ttl_s: i64,
    /// Who is behind it, where the shop wants a ceiling per buyer.
    pub holder: Option<String>,
}

impl Wish {
    /// Lines by code, those of one code added up: in whatever order a cart names them, it is the same cart.
    pub fn tidy(mut lines: Vec<Line>) -> Vec<Line> {
        lines.sort_by(|a, b| a.sku.cmp(&b.sku));
        lines.dedup_by(|next, kept| {
            let same = next.sku == kept.sku;
            if same {
                kept.quantity = kept.quantity.saturating_add(next.quantity);
            }
            same
        });
        lines
    }
}

/// Where a reservation stands. Only `Held` takes units by itself; those of a confirmed one are its order's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Held,
    Confirmed,
    Released,
    Expired,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Held, Self::Confirmed, Self::Released, Self::Expired].into_iter().find(|state| state.word() == word)
    }
}

/// A reservation as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// `None`: a tombstone. Its release overtook it.
    pub wish: Option<Wish>,
    pub pool: String,
    pub parts: Vec<Part>,
    pub state: State,
    pub expires_at: Timestamp,
    pub order: Option<String>,
}

impl Reservation {
    /// Its time is over, whether or not somebody has come by to say so.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.state == State::Held && self.expires_at <= now
    }
}

/// What is asked of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Reserve(Wish),
    /// The checkout became this order.
    Confirm {
        order: String,
    },
    Release {
        reason: Option<String>,
    },
    /// Nobody asks but the clock.
    Expire,
}

/// The word on one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Changes(Change),
    /// It is so already; the answer is the one that was given then.
    Stands,
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its units are held from now on.
    Hold,
    /// Its units are its order's from now on; `late`: it had expired, and there was stock all the same.
    Confirm {
        late: bool,
    },
    Release,
    /// Nothing is held under this id, nor ever will be.
    Bury,
    Expire,
}

/// Why a request is not granted. Nothing of a refusal is kept, so the same request may succeed later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotEnough(Vec<Available>),
    /// The holder would hold more than anybody may.
    HolderLimit {
        holder: String,
        held: i64,
        most: i64,
    },
    OtherContent,
    /// The id has held before.
    Ended(State),
    /// It is an order already.
    Confirmed {
        order: String,
    },
    Unknown,
    NoSuchChannel(String),
    /// A mall's channel sells through its mall only.
    NoStorefront(String),
    /// Operations have taken the channel off sale.
    Suspended(String),
    /// The SKU is off sale everywhere, by itself or with something that it is made of.
    Stopped(String),
    NoSuchSku(String),
    /// The order's number is another order's.
    OrderTaken(String),
}

/// What a line could have had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    pub sku: String,
    pub quantity: i64,
    pub available: i64,
    /// Malls show so much that would be enough: it is asked back from them, and may be here soon.
    pub on_malls: bool,
}

#[cfg(test)]
mod tests;
