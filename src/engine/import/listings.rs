//! What each channel sells, as a file: many mappings at once, all or none.

use std::collections::{BTreeSet, HashSet};

use super::{
    CoreFile, ImportReport, ImportState, Rejects, refused,
    sheet::{Flaw, Known, Row, Sheet},
};
use crate::{
    domain::{allocation::Cap, spelling},
    engine::braked::{Put, put_listings},
    store::{
        Result, Store,
        catalogue::{Mapped, Mapping, RULES},
        movements::QUANTITY_MAX,
    },
};

pub(super) const COLUMNS: [Known; 11] = [
    Known { name: "channel", required: true },
    Known { name: "mall_key", required: true },
    Known { name: "sku", required: true },
    Known { name: "units", required: false },
    Known { name: "buffer", required: false },
    Known { name: "fraction", required: false },
    Known { name: "min_show", required: false },
    Known { name: "cap", required: false },
    Known { name: "unlimited", required: false },
    Known { name: "priority", required: false },
    Known { name: "share", required: false },
];

/// Maps every row of the file. The same file again changes nothing.
pub(super) async fn take_in(store: &Store, file: &CoreFile<'_>, sheet: &Sheet<'_>) -> Result<ImportReport> {
    let mut rejects = Rejects::default();
    let (rows, mut mappings) = read(sheet, &mut rejects);
    let created = judge(store, file, &mut mappings, &mut rejects).await?;
    if rows == 0 {
        return Ok(refused(Flaw::whole("the file has no row below its header")));
    }
    let skips = file.skip_invalid && !mappings.is_empty();
    if rejects.total > 0 && !skips {
        return Ok(rejects.report(ImportState::Refused, rows));
    }
    let mappings: Vec<Mapping> = mappings.into_iter().map(|(_, mapping)| mapping).collect();
    let mut report = rejects.report(ImportState::Booked, rows);
    let done = if file.dry_run {
        let (would, changes) = store.preview_listings(&mappings, file.create_skus).await?;
        report.changes = Some(changes);
        would
    } else {
        match put_listings(store, &mappings, file.create_skus, file.guard, file.by).await? {
            Put::Done(done) => done,
            Put::Held(held, changes) => return Ok(report.held(held, changes)),
        }
    };
    report.unchanged = done.iter().filter(|mapped| **mapped == Mapped::Unchanged).count() as u64;
    report.booked = done.len() as u64 - report.unchanged;
    if report.booked == 0 {
        report.state = ImportState::Unchanged;
    }
    Ok(ImportReport { created, ..report })
}

/// What the words of a mapping alone show to be wrong: the field, and why.
pub fn fault(mapping: &Mapping) -> Option<(&'static str, String)> {
    for (field, text) in [("channel", &mapping.channel), ("mall_key", &mapping.mall_key), ("sku", &mapping.sku)] {
        if let Some(fault) = spelling::fault(text) {
            return Some((field, fault.to_owned()));
        }
    }
    let least = |field, number: Option<i64>, least: i64| {
        let wrong = number.filter(|number| !(least..=QUANTITY_MAX).contains(number))?;
        Some((field, format!("{wrong} is not between {least} and {QUANTITY_MAX}")))
    };
    let fraction = mapping.fraction.filter(|fraction| !(*fraction > 0.0 && *fraction <= 1.0));
    least("units", mapping.units, 1)
        .or(least("buffer", mapping.buffer, 0))
        .or(fraction.map(|fraction| ("fraction", format!("{fraction} is not above 0 and at most 1"))))
        .or(least("min_show", mapping.min_show, 0))
        .or(mapping.cap.as_ref().and_then(|cap| cap.fault(QUANTITY_MAX)).map(|fault| ("cap", fault)))
        .or(least("unlimited", mapping.unlimited, 0))
        .or(least("priority", mapping.priority, -QUANTITY_MAX))
        .or(least("share", mapping.share, 0))
}

type Lined = (u64, Mapping);

/// Listings are counted in tens of thousands, so they are held whole.
fn read(sheet: &Sheet<'_>, rejects: &mut Rejects) -> (u64, Vec<Lined>) {
    let mut mappings: Vec<Lined> = Vec::new();
    let mut seen = HashSet::new();
    let rows = sheet.rows(rejects, |row, rejects| match mapping(row) {
        Ok(mapping) => {
            if seen.insert((mapping.channel.clone(), mapping.mall_key.clone())) {
                mappings.push((row.line, mapping));
            } else {
                rejects.add(row.line, Some("mall_key"), format!("{:?} was mapped above already", mapping.mall_key));
            }
        }
        Err(flaw) => rejects.flaw(flaw),
    });
    (rows, mappings)
}

fn mapping(row: &Row<'_>) -> std::result::Result<Mapping, Flaw> {
    // A dash gives a rule back to the channel; an empty cell leaves it as it is.
    let cleared: BTreeSet<String> =
        RULES.into_iter().filter(|rule| row.cell(rule) == Some("-")).map(str::to_owned).collect();
    let kept = |name: &str| !cleared.contains(name);
    let number = |name| if kept(name) { row.number(name, -QUANTITY_MAX, QUANTITY_MAX) } else { Ok(None) };
    let fraction = match row.cell("fraction").filter(|_| kept("fraction")) {
        None => None,
        Some(cell) => Some(cell.parse().map_err(|_| Flaw::at(row.line, "fraction", format!("{cell:?} is no number")))?),
    };
    let mapping = Mapping {
        channel: row.text("channel")?.to_owned(),
        mall_key: row.text("mall_key")?.to_owned(),
        sku: spelling::code(row.text("sku")?).into_owned(),
        units: number("units")?,
        buffer: number("buffer")?,
        fraction,
        min_show: number("min_show")?,
        cap: row.cell("cap").filter(|_| kept("cap")).map(|cell| cap(row, cell)).transpose()?,
        unlimited: number("unlimited")?,
        priority: number("priority")?,
        share: number("share")?,
        cleared,
        open_orders: false,
    };
    match fault(&mapping) {
        Some((field, fault)) => Err(Flaw::at(row.line, field, fault)),
        None => Ok(mapping),
    }
}

/// A number, or a list with dates as the API takes it.
fn cap(row: &Row<'_>, cell: &str) -> std::result::Result<Cap, Flaw> {
    if !cell.starts_with('[') {
        return Ok(Cap::Always(row.number("cap", 0, QUANTITY_MAX)?.unwrap_or_default()));
    }
    let wrong = |error| {
        let message = format!(
            "{cell:?} is no list of caps ({error}): write [{{\"n\": 10, \"until\": \"2026-12-01T10:00:00+09:00\"}}, …], \
             each with n, from, until"
        );
        Flaw::at(row.line, "cap", message)
    };
    serde_json::from_str(cell).map(Cap::Dated).map_err(wrong)
}

/// Rejects what only the database shows to be wrong. Returns how many SKUs are new.
async fn judge(store: &Store, file: &CoreFile<'_>, mappings: &mut Vec<Lined>, rejects: &mut Rejects) -> Result<u64> {
    let shops = store.shops().await?;
    mappings.retain(|(line, mapping)| {
        let fault = shops.fault(&mapping.channel);
        let fine = fault.is_none();
        fault.into_iter().for_each(|fault| rejects.add(*line, Some("channel"), fault));
        fine
    });
    let codes: BTreeSet<String> = mappings.iter().map(|(_, mapping)| mapping.sku.clone()).collect();
    let unknown = store.unknown_skus(&codes).await?;
    if file.create_skus {
        return Ok(unknown.len() as u64);
    }
    mappings.retain(|(line, mapping)| {
        let known = !unknown.contains(&mapping.sku);
        if !known {
            let message = format!("there is no SKU {:?}: correct it, or let new SKUs be created", mapping.sku);
            rejects.add(*line, Some("sku"), message);
        }
        known
    });
    Ok(0)
}
