//! How the core system writes its files, and where it leaves them: `[profiles]` and `[[imports]]`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use super::{
    Config,
    order_files::{self, EXPORTS},
    page::{Entry, Section, hint},
};
use crate::{
    domain::ledger::{BINS, CountsShipments, MAIN},
    engine::{
        import::{Encoding, Figures, FileKind, Profile},
        watch::{AsOf, Watched},
    },
};

/// Below this a file that is a little late would be an alarm.
const EVERY_LEAST: Duration = Duration::from_secs(60);
/// Of all kinds of files.
const COLUMNS: [&str; 30] = [
    "as_of",
    "buffer",
    "bundle",
    "business_date",
    "cancelled",
    "cap",
    "channel",
    "component",
    "fraction",
    "id",
    "jan",
    "line",
    "location",
    "mall_key",
    "min_show",
    "name",
    "occurred_at",
    "order_id",
    "ordered",
    "ordered_at",
    "priority",
    "share",
    "quantity",
    "shipped",
    "shipped_at",
    "sku",
    "status",
    "units",
    "unlimited",
    "updated_at",
];

pub(super) fn profiles(root: &Section<'_>) -> BTreeMap<String, Profile> {
    let table = root.key("profiles").and_then(|entry| entry.section());
    let mut found = order_files::profiles();
    for (name, entry) in table.as_ref().map(Section::all).unwrap_or_default() {
        if let Some(section) = entry.section() {
            found.insert(name.to_owned(), profile(&section));
            section.close();
        }
    }
    found
}

fn profile(section: &Section<'_>) -> Profile {
    let fine = Profile::default();
    let choice = |key, words: &[&'static str]| section.key(key).and_then(|entry| entry.choice(words));
    let encoding = choice("encoding", &["auto", "utf-8", "cp932"]).and_then(Encoding::parse);
    let incremental = choice("figures", &["cumulative", "incremental"]) == Some("incremental");
    let includes = section.key("book_includes").map(|entry| bins(&entry));
    let export = choice("export", &EXPORTS).map(str::to_owned);
    let columns = columns(section);
    let words = |key| {
        let entry = section.key(key)?;
        if export.is_none() && !columns.contains_key("status") {
            entry.refuse("needs a status: columns = { status = \"…\" }, or the export of a mall");
        }
        Some(entry.list().iter().filter_map(|word| word.words()).map(str::to_owned).collect())
    };
    let (cancelled_words, shipped_words) = (words("cancelled_words"), words("shipped_words"));
    Profile {
        encoding: encoding.unwrap_or_default(),
        figures: if incremental { Figures::Incremental } else { Figures::Cumulative },
        book_resets_sales: section.key("book_resets_sales").and_then(|entry| entry.flag()).unwrap_or(false),
        book_includes: includes.unwrap_or(fine.book_includes),
        columns,
        export,
        cancelled_words,
        shipped_words,
    }
}

fn bins(entry: &Entry<'_>) -> Vec<String> {
    let aside: Vec<&'static str> = BINS.into_iter().filter(|bin| *bin != MAIN).collect();
    entry.list().iter().filter_map(|bin| bin.choice(&aside)).map(str::to_owned).collect()
}

fn columns(section: &Section<'_>) -> BTreeMap<String, String> {
    let table = section.key("columns").and_then(|entry| entry.section());
    let mut found = BTreeMap::new();
    for (key, entry) in table.as_ref().map(Section::all).unwrap_or_default() {
        if !COLUMNS.contains(&key) {
            entry.refuse(format!("is no column of any file{}", hint(key, &COLUMNS)));
        } else if let Some(text) = entry.words() {
            found.insert(key.to_owned(), text.to_owned());
        }
    }
    found
}

pub(super) fn imports(root: &Section<'_>, config: &Config, folder: &Path) -> Vec<Watched> {
    let mut found: Vec<Watched> = Vec::new();
    for entry in root.key("imports").map(|entry| entry.list()).unwrap_or_default() {
        let Some(section) = entry.section() else { continue };
        if let Some(watched) = watched(&section, config, folder) {
            if found.iter().any(|known| known.folder == watched.folder) {
                section.refuse(&format!("{} is watched already: one folder for each kind", watched.folder.display()));
            }
            found.push(watched);
        }
        section.close();
    }
    found
}

fn watched(section: &Section<'_>, config: &Config, folder: &Path) -> Option<Watched> {
    let kind = section.required("kind", "what the files are, as in \"sales\"");
    let kind = kind.as_ref().and_then(|entry| entry.choice(&FileKind::WORDS)).and_then(FileKind::parse);
    let place = section.required("folder", "where the files come").and_then(|entry| Some(folder.join(entry.words()?)));
    let profile = section.key("profile").and_then(|entry| named(&entry, config));
    let every = section.key("every").and_then(|entry| entry.duration(EVERY_LEAST));
    let skip_invalid = section.key("skip_invalid").and_then(|entry| entry.flag()).unwrap_or(false);
    let as_of =
        section.required("as_of", "how a file says when it was made: \"column\", \"name:PATTERN\" or \"mtime\"");
    let as_of = as_of.and_then(|entry| as_of_of(&entry));
    let unsaid = config.counts_shipments.is_none();
    if unsaid && matches!(kind, Some(FileKind::Book | FileKind::Sales)) {
        let words = CountsShipments::WORDS.join(", ");
        section.refuse(&format!("needs [core] counts_shipments, who counts the malls' shipments: one of {words}"));
    }
    let profile = profile.unwrap_or_default();
    let channel = channel(section, config, kind, &profile);
    Some(Watched { kind: kind?, folder: place?, profile, channel, as_of: as_of?, skip_invalid, every })
}

/// Whose orders come into a folder.
fn channel(section: &Section<'_>, config: &Config, kind: Option<FileKind>, profile: &Profile) -> Option<String> {
    let entry = section.key("channel");
    let is_orders = kind == Some(FileKind::Orders);
    if profile.export.is_some() && kind.is_some() {
        match (&entry, is_orders) {
            (_, false) => section.refuse("has the profile of a mall's export, which is for kind = \"orders\" only"),
            (None, true) => section.lacks("channel", "is required: a mall's export doesn't say whose orders it holds"),
            (Some(_), true) => {}
        }
    }
    let entry = entry?;
    let id = entry.text()?;
    if kind.is_some() && !is_orders {
        entry.refuse("is for kind = \"orders\" only");
    }
    let known: Vec<&str> =
        config.channels.iter().filter(|channel| channel.mall.is_some()).map(|channel| channel.id.as_str()).collect();
    if !known.contains(&id) {
        entry.refuse(format!("there is no channel {id:?} whose orders are read{}", hint(id, &known)));
    }
    Some(id.to_owned())
}

fn named(entry: &Entry<'_>, config: &Config) -> Option<Profile> {
    let name = entry.text()?;
    let found = config.profiles.get(name).cloned();
    if found.is_none() {
        let names: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
        entry.refuse(format!("there is no profile {name:?}{}", hint(name, &names)));
    }
    found
}

fn as_of_of(entry: &Entry<'_>) -> Option<AsOf> {
    match entry.text()? {
        "column" => Some(AsOf::Column),
        "mtime" => Some(AsOf::Modified),
        text => match text.strip_prefix("name:").filter(|pattern| pattern.contains('%')) {
            Some(pattern) => Some(AsOf::Name(pattern.to_owned())),
            None => {
                entry.refuse(format!(
                    "{text:?} is not known here; allowed: \"column\", \"mtime\", or a pattern of the files' names as in \
                     \"name:sales_%Y%m%d_%H%M.csv\""
                ));
                None
            }
        },
    }
}
