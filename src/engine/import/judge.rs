//! The first pass: everything that is wrong with a file, found without keeping a row of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    FileKind, Rejects,
    rows::{Item, Reader},
    sheet::Sheet,
};
use crate::store::{Result, Store, imports::PIECE};

/// What the first pass found.
pub(super) struct Judged {
    pub rows: u64,
    pub good: u64,
    /// Lines that read well and yet can't be believed: two of the same place, or of a place that nobody knows.
    pub bad: HashSet<u64>,
    /// The newest instant that a row says its figure to be of.
    pub newest: Option<Timestamp>,
}

pub(super) async fn judge(
    store: &Store,
    sheet: &Sheet<'_>,
    reader: &Reader<'_>,
    rejects: &mut Rejects,
) -> Result<Judged> {
    let mut judged = Judged { rows: 0, good: 0, bad: HashSet::new(), newest: None };
    // A book makes what it names; whatever else a file names must be known, or it was mistyped.
    let locations = if reader.kind == FileKind::Book { None } else { Some(store.location_codes().await?) };
    let bundles = store.bundle_codes().await?;
    // Twelve bytes of a digest and four of the line: a million rows must not be held whole to find two alike.
    let mut places: Vec<u128> = Vec::with_capacity(sheet.lines());
    let mut walk = sheet.walk();
    let mut piece: Vec<Item> = Vec::with_capacity(PIECE);
    loop {
        let row = walk.next();
        let ended = row.is_none();
        if let Some(row) = row {
            judged.rows += 1;
            match row.and_then(|row| reader.item(&row)) {
                Ok(item) => piece.push(item),
                Err(flaw) => rejects.flaw(flaw),
            }
        }
        if piece.len() == PIECE || (ended && !piece.is_empty()) {
            let unknown = match &locations {
                None => BTreeMap::new(),
                Some(locations) => unknown(store, &piece, locations).await?,
            };
            for item in piece.drain(..) {
                let line = item.line();
                if let Some((column, message)) = unknown.get(&line) {
                    rejects.add(line, Some(column), message);
                    judged.bad.insert(line);
                    continue;
                }
                if bundles.contains(item.names().1) {
                    let message =
                        format!("{} is a bundle and has no stock of its own: count its components", item.names().1);
                    rejects.add(line, Some("sku"), message);
                    judged.bad.insert(line);
                    continue;
                }
                judged.good += 1;
                judged.newest = judged.newest.max(item.as_of());
                places.push(item.fingerprint() << 32 | u128::from(line & 0xffff_ffff));
            }
        }
        if ended {
            break;
        }
    }
    doubled(places, &mut judged, rejects, if reader.is_incremental() { "id" } else { "sku" });
    Ok(judged)
}

/// Of two figures for one place neither counts.
fn doubled(mut places: Vec<u128>, judged: &mut Judged, rejects: &mut Rejects, column: &str) {
    places.sort_unstable();
    let line = |place: u128| (place & 0xffff_ffff) as u64;
    for same in places.chunk_by(|a, b| a >> 32 == b >> 32).filter(|same| same.len() > 1) {
        for (index, place) in same.iter().enumerate() {
            let other = line(same[usize::from(index == 0)]);
            let (line, other) = (line(*place), if index == 0 { other } else { line(same[0]) });
            let what = if column == "id" { "has the same id" } else { "names the same location and SKU" };
            rejects.add(line, Some(column), format!("{what} as line {other}"));
            judged.bad.insert(line);
            judged.good -= 1;
        }
    }
}

/// Lines that name what nobody knows: the column, and why.
async fn unknown(
    store: &Store,
    piece: &[Item],
    locations: &BTreeSet<String>,
) -> Result<BTreeMap<u64, (&'static str, String)>> {
    let codes = piece.iter().map(|item| item.names().1.to_owned()).collect();
    let unknown = store.unknown_skus(&codes).await?;
    let judge = |item: &Item| {
        let (location, sku) = item.names();
        if !locations.contains(location) {
            return Some(("location", format!("there is no location {location:?}")));
        }
        unknown.contains(sku).then(|| ("sku", format!("there is no SKU {sku:?}")))
    };
    Ok(piece.iter().filter_map(|item| Some((item.line(), judge(item)?))).collect())
}

impl Item {
    pub(super) fn line(&self) -> u64 {
        match self {
            Self::Figure(row) => row.line,
            Self::Running(row) => row.line,
        }
    }

    fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Figure(row) => row.as_of,
            Self::Running(_) => None,
        }
    }

    /// Location and SKU.
    fn names(&self) -> (&str, &str) {
        match self {
            Self::Figure(row) => (&row.location, &row.sku),
            Self::Running(row) => (&row.location, &row.sku),
        }
    }

    /// What no two rows of a file may share, in 96 bits.
    fn fingerprint(&self) -> u128 {
        let (location, sku) = self.names();
        let digest = Sha256::new_with_prefix(location).chain_update([0]);
        let digest = match self {
            Self::Figure(_) => digest.chain_update(sku),
            Self::Running(row) => match &row.id {
                Some(id) => digest.chain_update(id),
                None => digest.chain_update(sku).chain_update([0]).chain_update(row.date.to_string()),
            },
        };
        let mut half = [0; 16];
        half[4..].copy_from_slice(&digest.finalize()[..12]);
        u128::from_be_bytes(half)
    }
}
