//! Orders out of a mall's own CSV, for a span that the mall's API no longer shows.
//!
//! What reads the rows is given from above ([`OrderReader`]): the engine knows no mall and none of their files. The
//! rows become canonical orders and take the way that polled ones take, so nothing counts twice: an order that was
//! polled since the file was made is newer, and stays. A file states orders whole: all lines of each.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use jiff::{Timestamp, tz::TimeZone};
use uriba_sdk::Order;

use super::{
    ImportReport, Profile, Rejects,
    file::{CoreFile, Good, Session},
    refused,
    sheet::Flaw,
};
use crate::{
    domain::spelling,
    store::{
        Result, Store, StoreError,
        imports::{PIECE, Rows},
        sheets::Rejection,
    },
};

/// A file and how its rows are to be read.
pub struct OrderFile<'a> {
    pub bytes: &'a [u8],
    pub profile: &'a Profile,
    /// Of times without an offset, where the profile doesn't know better.
    pub zone: &'a TimeZone,
    /// Rows need not say whose orders they are.
    pub has_channel: bool,
}

/// What a file of orders states.
pub struct OrderSheet {
    pub orders: Vec<StatedOrder>,
    pub flaws: Vec<Rejection>,
    /// Below the header.
    pub rows: u64,
}

pub struct StatedOrder {
    /// Whose order it is, where its rows say so.
    pub channel: Option<String>,
    pub order: Order,
    /// Of its first row.
    pub line: u64,
}

/// Reads a file of orders, or says why it can't be read at all.
pub type OrderReader = fn(&OrderFile<'_>) -> std::result::Result<OrderSheet, Rejection>;

/// Orders by channel and id. Gaps are counted in thousands of orders, so they are held whole.
pub(super) type Orders = BTreeMap<(String, String), Order>;

pub(super) async fn take_in(store: &Store, file: &CoreFile<'_>, zone: &TimeZone) -> Result<ImportReport> {
    let Some(read) = file.terms.order_files else {
        return Err(StoreError::Refused("files of orders are not taken in here".into()));
    };
    let asked = OrderFile { bytes: file.bytes, profile: file.profile, zone, has_channel: file.channel.is_some() };
    let sheet = match read(&asked) {
        Ok(sheet) => sheet,
        Err(Rejection { line, column, message }) => return Ok(refused(Flaw { line, column, message })),
    };
    let mut rejects = Rejects::default();
    for flaw in sheet.flaws {
        rejects.add(flaw.line, flaw.column.as_deref(), flaw.message);
    }
    let mut orders = Orders::new();
    let mut good = 0;
    for stated in sheet.orders {
        let lines = stated.order.lines.len() as u64;
        match add(stated, file, &mut orders) {
            Ok(()) => good += lines,
            Err(flaw) => rejects.flaw(flaw),
        }
    }
    // Half an order would look like one whose other lines were given back.
    let skips = CoreFile { skip_invalid: false, ..file.clone() };
    skips.take_in(store, rejects, (sheet.rows, good), file.as_of, &Good::Orders(file, orders)).await
}

pub(super) async fn book(file: &CoreFile<'_>, orders: &Orders, session: &mut Session<'_>) -> Result<()> {
    let mut by_channel: BTreeMap<&str, Vec<Order>> = BTreeMap::new();
    for ((channel, _), order) in orders {
        by_channel.entry(channel).or_default().push(order.clone());
    }
    let total: u64 = orders.values().map(|order| order.lines.len() as u64).sum();
    let mut done = 0;
    for (channel, orders) in by_channel {
        let Some(intake) = file.terms.intakes.get(channel) else { continue };
        for piece in orders.chunks(PIECE) {
            let lines = piece.iter().map(|order| order.lines.len() as u64).sum();
            session.book(Rows::Orders { intake, orders: piece, lines }).await?;
            done += lines;
            if let Some(progress) = file.progress {
                progress(done, total);
            }
        }
    }
    Ok(())
}

/// A list with an order at or before a gap's beginning and one at or after its end holds what lies between.
pub(super) async fn close_gaps(store: &Store, file: &CoreFile<'_>, orders: &Orders) -> Result<()> {
    let mut spans: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    for ((channel, _), order) in orders {
        let at = order.placed_at;
        let span = spans.entry(channel).or_insert((at, at));
        *span = (span.0.min(at), span.1.max(at));
    }
    for (channel, span) in spans {
        store.close_gaps(channel, span, file.by).await?;
    }
    Ok(())
}

/// Takes an order to the others, if it can be one of a channel that there is.
fn add(stated: StatedOrder, file: &CoreFile<'_>, orders: &mut Orders) -> std::result::Result<(), Flaw> {
    let line = stated.line;
    let name = |column: &str, text: &str| {
        let code = spelling::code(text).into_owned();
        match spelling::fault(&code) {
            Some(fault) => Err(Flaw::at(line, column, fault)),
            None => Ok(code),
        }
    };
    let channel = match (&stated.channel, file.channel) {
        (Some(channel), _) => name("channel", channel)?,
        (None, Some(channel)) => channel.to_owned(),
        (None, None) => return Err(Flaw::at(line, "channel", "is empty")),
    };
    if !file.terms.intakes.contains_key(&channel) {
        return Err(Flaw::at(line, "channel", format!("there is no channel {channel:?}")));
    }
    let mut order = stated.order;
    order.id = name("order_id", &order.id)?;
    let mut lines = BTreeSet::new();
    for stated in &mut order.lines {
        stated.id = name("line", &stated.id)?;
        if !lines.insert(stated.id.clone()) {
            return Err(Flaw::at(line, "line", format!("two lines of the order are {:?}", stated.id)));
        }
    }
    match orders.entry((channel, order.id.clone())) {
        Entry::Vacant(place) => {
            place.insert(order);
            Ok(())
        }
        // Rows with and without the channel, or two spellings of the number.
        Entry::Occupied(_) => Err(Flaw::at(line, "order_id", "is that of another order above")),
    }
}
