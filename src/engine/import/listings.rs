//! What each channel sells, as a file: many mappings at once, all or none.

use std::collections::{BTreeSet, HashSet};

use super::{
    ImportReport, ImportState, Profile, Rejects,
    sheet::{Flaw, Known, Row, Sheet},
    text,
};
use crate::{
    domain::spelling,
    store::{
        Result, Store,
        catalogue::{Mapped, Mapping},
        imports::PIECE,
        movements::QUANTITY_MAX,
    },
};

const COLUMNS: [Known; 10] = [
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
];

/// A file of listings and how to take it in.
#[derive(Clone, Debug)]
pub struct ListingsFile<'a> {
    pub bytes: &'a [u8],
    pub profile: &'a Profile,
    /// A SKU that nobody knows is made instead of refused.
    pub create_skus: bool,
    pub dry_run: bool,
    pub skip_invalid: bool,
    pub by: &'a str,
}

/// Maps every row of the file. The same file again changes nothing.
pub async fn import_listings(store: &Store, file: &ListingsFile<'_>) -> Result<ImportReport> {
    let flawed = |flaw: Flaw| {
        let mut rejects = Rejects::default();
        rejects.add(flaw.line, flaw.column.as_deref(), flaw.message);
        rejects.report(ImportState::Refused, 0)
    };
    let text = match text::decode(file.bytes, file.profile.encoding) {
        Ok(text) => text,
        Err(flaw) => return Ok(flawed(flaw)),
    };
    let sheet = match Sheet::open(&text, file.profile, &COLUMNS) {
        Ok(sheet) => sheet,
        Err(flaw) => return Ok(flawed(flaw)),
    };
    let mut rejects = Rejects::default();
    let (rows, mut mappings) = read(&sheet, &mut rejects);
    let created = judge(store, file, &mut mappings, &mut rejects).await?;
    if rows == 0 {
        return Ok(flawed(Flaw::whole("the file has no row below its header")));
    }
    let skips = file.skip_invalid && !mappings.is_empty();
    if rejects.total > 0 && !skips {
        return Ok(rejects.report(ImportState::Refused, rows));
    }
    let mappings: Vec<Mapping> = mappings.into_iter().map(|(_, mapping)| mapping).collect();
    let mut report = rejects.report(ImportState::Booked, rows);
    if file.dry_run {
        return Ok(ImportReport { booked: mappings.len() as u64, created, ..report });
    }
    for piece in mappings.chunks(PIECE) {
        let done = store.map_listings(piece, file.create_skus, file.by).await?;
        let same = done.iter().filter(|mapped| **mapped == Mapped::Unchanged).count() as u64;
        report.unchanged += same;
        report.booked += done.len() as u64 - same;
    }
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
        .or(least("cap", mapping.cap, 0))
        .or(least("unlimited", mapping.unlimited, 0))
        .or(least("priority", mapping.priority, -QUANTITY_MAX))
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
        Err(flaw) => rejects.add(flaw.line, flaw.column.as_deref(), flaw.message),
    });
    (rows, mappings)
}

fn mapping(row: &Row<'_>) -> std::result::Result<Mapping, Flaw> {
    let number = |name| row.number(name, -QUANTITY_MAX, QUANTITY_MAX);
    let fraction = match row.cell("fraction") {
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
        cap: number("cap")?,
        unlimited: number("unlimited")?,
        priority: number("priority")?,
        open_orders: false,
    };
    match fault(&mapping) {
        Some((field, fault)) => Err(Flaw::at(row.line, field, fault)),
        None => Ok(mapping),
    }
}

/// Rejects what only the database shows to be wrong. Returns how many SKUs are new.
async fn judge(
    store: &Store,
    file: &ListingsFile<'_>,
    mappings: &mut Vec<Lined>,
    rejects: &mut Rejects,
) -> Result<u64> {
    let channels: HashSet<String> = store.channels().await?.into_iter().map(|row| row.id).collect();
    mappings.retain(|(line, mapping)| {
        let known = channels.contains(&mapping.channel);
        if !known {
            rejects.add(*line, Some("channel"), format!("there is no channel {:?}", mapping.channel));
        }
        known
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
