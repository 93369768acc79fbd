//! 店舗帳簿在庫: what the core system has of each SKU at each location, as of an instant.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use sha2::{Digest, Sha256};

use super::{
    ImportReport, ImportState, Profile, Rejects,
    sheet::{Flaw, Known, Row, Sheet, Walk},
    text,
};
use crate::{
    domain::{ledger::CountsShipments, spelling},
    store::{
        Result, Store, StoreError,
        imports::{Figure, NewImport, PIECE},
        movements::QUANTITY_MAX,
        preview::{Changes, Preview},
        token::hex,
    },
};

const COLUMNS: [Known; 6] = [
    Known { name: "location", required: true },
    Known { name: "sku", required: true },
    Known { name: "quantity", required: true },
    Known { name: "name", required: false },
    Known { name: "jan", required: false },
    Known { name: "as_of", required: false },
];

/// A count of the future would swallow whatever moves until then.
const FUTURE: &str = "lies in the future: what moves until then would be lost";

/// A book file and how to take it in.
#[derive(Clone, Debug)]
pub struct BookFile<'a> {
    /// For the log and the ledger: where its figures came from.
    pub name: &'a str,
    pub bytes: &'a [u8],
    /// The instant of rows that don't say their own. `None`: now, unless this very content was booked before.
    pub as_of: Option<Timestamp>,
    /// For times without an offset.
    pub zone: &'a TimeZone,
    pub profile: &'a Profile,
    /// Without this word no figure of the core system can be understood.
    pub counts: Option<CountsShipments>,
    pub dry_run: bool,
    /// Books the good rows of a file that has bad ones.
    pub skip_invalid: bool,
    pub by: &'a str,
}

/// Takes a book in, whole or not at all, once.
pub async fn import_book(store: &Store, file: &BookFile<'_>) -> Result<ImportReport> {
    let Some(counts) = file.counts else {
        return Err(StoreError::Refused(
            "say in the configuration who counts the malls' shipments, [core] counts_shipments, before a book is \
             imported: without it a shipment may be subtracted twice, or never"
                .into(),
        ));
    };
    let now = store.now();
    if let Some(as_of) = file.as_of.filter(|as_of| *as_of > now) {
        return Err(StoreError::Invalid(format!("as of {as_of} {FUTURE}")));
    }
    let mut rejects = Rejects::default();
    let text = match text::decode(file.bytes, file.profile.encoding) {
        Ok(text) => text,
        Err(flaw) => return Ok(refused(flaw)),
    };
    let sheet = match Sheet::open(&text, file.profile, &COLUMNS) {
        Ok(sheet) => sheet,
        Err(flaw) => return Ok(refused(flaw)),
    };
    let bundles = store.bundle_codes().await?;
    let judged = judge(&sheet, file, now, &bundles, &mut rejects);
    if judged.rows == 0 {
        return Ok(refused(Flaw::whole("the file has no row below its header")));
    }
    let skips = file.skip_invalid && judged.good > 0;
    if rejects.total > 0 && !skips {
        return Ok(rejects.report(ImportState::Refused, judged.rows));
    }
    let digest = hex(&Sha256::digest(file.bytes));
    // Rows that say their own instants make the file's.
    let as_of = file.as_of.or(judged.newest);
    let known = store.known_import("book", &digest, as_of).await?;
    if let Some(known) = known.filter(|known| known.state == "booked") {
        let mut report = rejects.report(ImportState::Unchanged, judged.rows);
        report.id = Some(known.id.to_string());
        report.unchanged = judged.good;
        return Ok(report);
    }
    if file.dry_run {
        let created = store.unknown_names(&judged.skus, &judged.places).await? as u64;
        let report = rejects.report(ImportState::Booked, judged.rows);
        return Ok(ImportReport { booked: judged.good, created, as_of, ..report });
    }
    let new = NewImport { kind: "book", file: file.name, digest: &digest, as_of, rows: judged.rows, by: file.by };
    let begun = store.begin_import(&new).await?;
    book(store, &sheet, file, &judged, &begun.import, counts).await?;
    let done = store.finish_import(begun.import.id).await?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let report = rejects.report(ImportState::Booked, judged.rows);
    Ok(ImportReport {
        id: Some(done.id.to_string()),
        booked: count(done.booked),
        unchanged: count(done.unchanged),
        created: count(done.created),
        ..report
    })
}

/// The numbers that the good rows of a book would change.
pub async fn preview_book(store: &Store, file: &BookFile<'_>) -> Result<Changes> {
    let mut preview = Preview::default();
    let (Some(counts), Ok(text)) = (file.counts, text::decode(file.bytes, file.profile.encoding)) else {
        return store.weighed(preview).await;
    };
    let Ok(sheet) = Sheet::open(&text, file.profile, &COLUMNS) else { return store.weighed(preview).await };
    let now = store.now();
    let bundles = store.bundle_codes().await?;
    let judged = judge(&sheet, file, now, &bundles, &mut Rejects::default());
    let as_of = file.as_of.or(judged.newest).unwrap_or(now);
    let mut good = Good::over(&sheet, file, &judged, now);
    loop {
        let piece = good.piece();
        if piece.is_empty() {
            return store.weighed(preview).await;
        }
        store.preview_figures(&mut preview, &piece, as_of, counts).await?;
    }
}

fn refused(flaw: Flaw) -> ImportReport {
    let mut rejects = Rejects::default();
    rejects.add(flaw.line, flaw.column.as_deref(), flaw.message);
    rejects.report(ImportState::Refused, 0)
}

/// What the first pass found.
struct Judged {
    rows: u64,
    good: u64,
    /// Lines that name a place which another line names too, of which neither can be believed, and those that
    /// name a bundle.
    doubled: HashSet<u64>,
    newest: Option<Timestamp>,
    /// Of good rows, for a trial only.
    skus: BTreeSet<String>,
    places: BTreeSet<String>,
}

fn judge(
    sheet: &Sheet<'_>,
    file: &BookFile<'_>,
    now: Timestamp,
    bundles: &HashSet<String>,
    rejects: &mut Rejects,
) -> Judged {
    let mut judged = Judged {
        rows: 0,
        good: 0,
        doubled: HashSet::new(),
        newest: None,
        skus: BTreeSet::new(),
        places: BTreeSet::new(),
    };
    // Half a digest per row: a million rows must not be held whole to find two that are alike.
    let mut seen: HashMap<[u8; 16], u64> = HashMap::new();
    let mut good = 0;
    judged.rows = sheet.rows(rejects, |row, rejects| {
        let figure = match figure(row, file, now) {
            Ok(figure) => figure,
            Err(flaw) => return rejects.add(flaw.line, flaw.column.as_deref(), flaw.message),
        };
        if bundles.contains(&figure.sku) {
            judged.doubled.insert(row.line);
            let message = format!("{} is a bundle and has no stock of its own: count its components", figure.sku);
            return rejects.add(row.line, Some("sku"), message);
        }
        let place = fingerprint(&figure);
        if let Some(first) = seen.get(&place).copied() {
            if judged.doubled.insert(first) {
                good -= 1;
                rejects.add(first, Some("sku"), format!("names the same location and SKU as line {}", row.line));
            }
            judged.doubled.insert(row.line);
            rejects.add(row.line, Some("sku"), format!("names the same location and SKU as line {first}"));
            return;
        }
        seen.insert(place, row.line);
        good += 1;
        judged.newest = judged.newest.max(figure.as_of);
        if file.dry_run {
            judged.skus.insert(figure.sku);
            judged.places.insert(figure.location);
        }
    });
    judged.good = good;
    judged
}

async fn book(
    store: &Store,
    sheet: &Sheet<'_>,
    file: &BookFile<'_>,
    judged: &Judged,
    import: &crate::store::entity::stock_import::Model,
    counts: CountsShipments,
) -> Result<()> {
    let mut good = Good::over(sheet, file, judged, store.now());
    loop {
        let piece = good.piece();
        if piece.is_empty() {
            return Ok(());
        }
        store.book_figures(import, &piece, counts).await?;
    }
}

/// The good rows of a book, piece by piece.
struct Good<'a, 'b> {
    walk: Walk<'a, 'b>,
    file: &'b BookFile<'b>,
    judged: &'b Judged,
    now: Timestamp,
}

impl<'a, 'b> Good<'a, 'b> {
    fn over(sheet: &'b Sheet<'a>, file: &'b BookFile<'b>, judged: &'b Judged, now: Timestamp) -> Self {
        Self { walk: sheet.walk(), file, judged, now }
    }

    /// At most [`PIECE`] of them; none at the end.
    fn piece(&mut self) -> Vec<Figure> {
        let mut piece = Vec::with_capacity(PIECE);
        while piece.len() < PIECE
            && let Some(row) = self.walk.next()
        {
            if !self.judged.doubled.contains(&row.line) {
                piece.extend(figure(&row, self.file, self.now).ok());
            }
        }
        piece
    }
}

fn figure(row: &Row<'_>, file: &BookFile<'_>, now: Timestamp) -> std::result::Result<Figure, Flaw> {
    let name = |column: &str| {
        let code = spelling::code(row.text(column)?).into_owned();
        match spelling::fault(&code) {
            Some(fault) => Err(Flaw::at(row.line, column, fault)),
            None => Ok(code),
        }
    };
    let quantity = row.number("quantity", 0, QUANTITY_MAX)?;
    let as_of = row.cell("as_of").map(|cell| instant(cell, file.zone)).transpose();
    let as_of = as_of.map_err(|message| Flaw::at(row.line, "as_of", message))?;
    if as_of.is_some_and(|as_of| as_of > now) {
        return Err(Flaw::at(row.line, "as_of", FUTURE));
    }
    let text = |column| row.cell(column).map(|cell| spelling::code(cell).into_owned());
    Ok(Figure {
        line: row.line,
        location: name("location")?,
        sku: name("sku")?,
        name: text("name"),
        jan: text("jan"),
        quantity: quantity.ok_or_else(|| Flaw::at(row.line, "quantity", "is empty"))?,
        as_of,
    })
}

/// An instant as people and core systems write it: with an offset, or in the configured zone.
pub fn instant(text: &str, zone: &TimeZone) -> std::result::Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let dashed = text.replace('/', "-");
    let has_time = dashed.contains(':');
    let civil = dashed.parse::<DateTime>().ok().filter(|_| has_time);
    let instant = civil.and_then(|civil| civil.to_zoned(zone.clone()).ok());
    let wrong = || format!("{text:?} is no instant: write it as 2026-11-20T15:30:00+09:00, or 2026-11-20 15:30");
    instant.map(|zoned| zoned.timestamp()).ok_or_else(wrong)
}

fn fingerprint(figure: &Figure) -> [u8; 16] {
    let digest = Sha256::new_with_prefix(&figure.location).chain_update([0]).chain_update(&figure.sku).finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_an_offset_or_in_the_zone_and_never_from_a_date_alone() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let half_past_three = "2026-11-20T06:30:00Z".parse::<Timestamp>().unwrap();
        for text in ["2026-11-20T15:30:00+09:00", "2026-11-20 15:30", "2026/11/20 15:30:00", "2026-11-20T06:30Z"] {
            assert_eq!(instant(text, &tokyo), Ok(half_past_three), "{text}");
        }
        for text in ["2026-11-20", "15:30", "yesterday"] {
            assert!(instant(text, &tokyo).is_err(), "{text}");
        }
    }
}
