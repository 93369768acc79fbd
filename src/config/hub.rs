//! What concerns the hub as a whole: database, server, core system, pools, brakes, limits.

use std::{collections::BTreeMap, path::Path};

use jiff::{civil::Time, tz::TimeZone};
use secrecy::ExposeSecret;

use super::{
    Config,
    page::{Entry, Section},
    secret::{self, Source},
};
use crate::{
    domain::{exposure::mode::Wish, ledger::CountsShipments, spelling},
    store::channels::PoolSetup,
};

/// Nobody orders more of one thing on a mall; what says so was misread.
pub const UNITS_PER_LINE: u32 = 10_000;
/// More than a year, so that last year's sale can be explained before this year's.
pub const HISTORY_DAYS: u32 = 400;

/// URL schemes of the databases that are supported.
const DATABASES: [&str; 3] = ["sqlite://", "postgres://", "postgresql://"];

pub(super) fn read(root: &Section<'_>, config: &mut Config, folder: &Path) {
    table(root, "database", |section| {
        let url = section.key("url").and_then(|entry| database(&entry, folder));
        config.database = url.unwrap_or_else(|| config.database.clone());
    });
    table(root, "server", |section| {
        if let Some(entry) = section.key("listen") {
            match entry.text().map(str::parse) {
                Some(Ok(address)) => config.listen = address,
                Some(Err(_)) => {
                    entry.refuse("must be an address and a port, as in \"127.0.0.1:8480\" or \"[::]:8480\"")
                }
                None => {}
            }
        }
    });
    table(root, "secrets", |section| {
        config.sealing_key = section.key("key").and_then(|entry| secret::read(&entry, folder));
    });
    table(root, "core", |section| core(section, config));
    table(root, "limits", |section| {
        let whole = |name, least| section.key(name).and_then(|entry| entry.whole(least..=i64::from(u32::MAX)));
        let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        config.units_per_line = whole("units_per_line", 1).map_or(config.units_per_line, small);
        config.holder_units = whole("holder_units", 0).map_or(config.holder_units, small);
        config.history_days = whole("history_days", 1).map_or(config.history_days, small);
    });
    table(root, "brakes", |section| {
        let portion = section.key("portion").and_then(|entry| entry.positive(1.0));
        config.brake.portion = portion.unwrap_or(config.brake.portion);
        let least = section.key("at_least").and_then(|entry| entry.whole(1..=i64::from(u32::MAX)));
        config.brake.at_least = least.and_then(|n| u64::try_from(n).ok()).unwrap_or(config.brake.at_least);
    });
    config.pools = pools(root);
}

fn table(root: &Section<'_>, name: &'static str, read: impl FnOnce(&Section<'_>)) {
    if let Some(section) = root.key(name).and_then(|entry| entry.section()) {
        read(&section);
        section.close();
    }
}

fn database(entry: &Entry<'_>, folder: &Path) -> Option<secret::Secret> {
    let secret = secret::read_or_literal(entry, folder)?;
    if let Source::Literal(url) = &secret.source
        && !DATABASES.iter().any(|scheme| url.expose_secret().starts_with(scheme))
    {
        entry.refuse("must begin with sqlite:// or postgres://, as in \"sqlite:///var/lib/uriba/uriba.db\"");
        return None;
    }
    Some(secret)
}

fn core(section: &Section<'_>, config: &mut Config) {
    if let Some(entry) = section.key("zone") {
        match entry.text().map(TimeZone::get) {
            Some(Ok(zone)) => config.zone = zone,
            Some(Err(_)) => {
                entry.refuse("is not a time zone that this machine knows: write an IANA name, as in \"Asia/Tokyo\"")
            }
            None => {}
        }
    }
    if let Some(entry) = section.key("day_starts") {
        match entry.text().map(|text| Time::strptime("%H:%M", text)) {
            Some(Ok(time)) => config.day_starts = time,
            Some(Err(_)) => entry.refuse("must be a time of day, as in \"00:00\" or \"05:30\""),
            None => {}
        }
    }
    if let Some(entry) = section.key("counts_shipments") {
        config.counts_shipments = entry.choice(&CountsShipments::WORDS).and_then(CountsShipments::parse);
    }
}

fn pools(root: &Section<'_>) -> Vec<PoolSetup> {
    let Some(section) = root.key("pools").and_then(|entry| entry.section()) else { return Vec::new() };
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut pools = Vec::new();
    for (id, entry) in section.all() {
        if !is_id(id) {
            entry.refuse("a pool's name has 1 to 40 characters of a-z, 0-9 and -");
        }
        let Some(pool) = entry.section() else { continue };
        let places = pool.required("locations", "the places whose stock is sold from it");
        let mut locations = Vec::new();
        for place in places.as_ref().map(Entry::list).unwrap_or_default() {
            let Some(text) = place.text() else { continue };
            if let Some(fault) = spelling::fault(text) {
                place.refuse(format!("{text:?} {fault}"));
                continue;
            }
            let code = spelling::code(text).into_owned();
            match owners.insert(code.clone(), id) {
                None => locations.push(code),
                Some(owner) if owner == id => place.refuse(format!("{code:?} is named twice")),
                Some(owner) => {
                    place.refuse(format!("{code:?} is in pool {owner:?} already: a location is in one pool at most"))
                }
            }
        }
        if let Some(places) = places.filter(Entry::is_empty_list) {
            places.refuse("names no location, so there is nothing to sell");
        }
        let exposure = pool.key("exposure").and_then(|entry| entry.choice(&["shared", "escrow", "auto"]));
        let epsilon = pool.key("epsilon").and_then(|entry| entry.positive(1.0));
        pool.close();
        let exposure = Some(exposure.and_then(Wish::parse).unwrap_or_default());
        pools.push(PoolSetup { id: id.to_owned(), locations, exposure, epsilon });
    }
    pools
}

/// Names of channels and pools.
pub(super) fn is_id(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&text.len()) && text.chars().all(fine)
}
