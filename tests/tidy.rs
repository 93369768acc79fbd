//! The house keeps its shape: floors, lengths and words, read from the files themselves.

use std::{
    fs,
    path::{Path, PathBuf},
};

const LINES_PER_FILE: usize = 500;
const LINES_PER_FUNCTION: usize = 70;

/// A file with its path from the repository's root.
struct Source {
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut found);
    }
    assert!(!found.is_empty(), "no file below {folders:?}");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
}

fn everything() -> Vec<Source> {
    sources(&["src", "adapters", "migrations", "tests", "benches"])
}

fn assert_none(what: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{what}\n{}", offences.join("\n"));
}

/// Lines of code, without comments.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.text.lines().enumerate().map(|(n, line)| (n + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Offences of all files below `folder`: lines that hold one of the words.
fn naming(folder: &str, words: &[&str], spared: &[&str]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources(&["src"]).iter().filter(|source| source.path.starts_with(folder)) {
        if spared.iter().any(|spared| source.path.starts_with(spared)) {
            continue;
        }
        for (n, line) in code(source) {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                offences.push(format!("{}:{n}: {word}", source.path));
            }
        }
    }
    offences
}

#[test]
fn the_domain_knows_only_the_sdks_types() {
    let words =
        ["crate::store", "crate::engine", "crate::api", "crate::cli", "crate::config", "sea_orm", "tokio", "async "];
    assert_none("domain: sdk types only; no async, no clock, no row", naming("src/domain", &words, &[]));
}

#[test]
fn the_store_names_nothing_above_it() {
    let words = ["crate::engine", "crate::api", "crate::cli", "crate::config", "crate::malls", "crate::demo"];
    assert_none("store: domain, sdk types, sea-orm", naming("src/store", &words, &[]));
}

#[test]
fn the_engine_names_nothing_above_it_and_no_table() {
    let words = ["crate::api", "crate::cli", "crate::config", "crate::malls", "crate::demo", "sea_orm"];
    assert_none("engine: domain, store, sdk", naming("src/engine", &words, &[]));
}

#[test]
fn the_api_names_nothing_above_it_and_no_table() {
    let words = ["crate::cli", "crate::config", "crate::malls", "crate::demo", "sea_orm"];
    assert_none("api: store (read, and the few commands)", naming("src/api", &words, &[]));
}

#[test]
fn only_the_store_speaks_to_the_database() {
    let spared = ["src/store"];
    assert_none("only store/ knows tables", naming("src", &["sea_orm", "sqlx::"], &spared));
}

#[test]
fn only_the_dialect_holds_sql() {
    let words = ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "from_sql_and_values", "execute_unprepared"];
    assert_none("SQL by hand stands in store/dialect.rs alone", naming("src", &words, &["src/store/dialect.rs"]));
}

#[test]
fn one_file_names_the_malls() {
    let words =
        ["uriba_rakuten", "uriba_yahoo", "uriba_amazon", "uriba_sample", "\"rakuten\"", "\"yahoo\"", "\"amazon\""];
    let spared = ["src/malls.rs", "src/config/tests", "src/config/tests.rs"];
    assert_none("malls.rs is the only file that names one", naming("src", &words, &spared));
}

#[test]
fn adapters_know_the_sdk_and_never_each_other() {
    let mut offences = Vec::new();
    for source in sources(&["adapters"]) {
        let own = source.path.split('/').nth(1).unwrap().to_owned();
        for (n, line) in code(&source) {
            let other = ["rakuten", "yahoo", "amazon", "sample"]
                .iter()
                .any(|mall| *mall != own && line.contains(&format!("uriba_{mall}")));
            let outside = ["sea_orm", "sqlx", "tokio::time", "std::env::var", "reqwest::Client"]
                .iter()
                .any(|word| own != "sdk" && source.path.contains("/src/") && line.contains(word));
            if other || outside || line.contains("uriba::") {
                offences.push(format!("{}:{n}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("adapters: sdk only, never each other", offences);
}

#[test]
fn migrations_never_import_an_entity() {
    let mut offences = Vec::new();
    for source in sources(&["migrations"]) {
        offences.extend(
            code(&source).filter(|(_, line)| line.contains("uriba::")).map(|(n, _)| format!("{}:{n}", source.path)),
        );
    }
    assert_none("migrations have identifiers of their own", offences);
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    let long = everything().into_iter().map(|source| (source.text.lines().count(), source.path));
    let long = long.filter(|(lines, _)| *lines > LINES_PER_FILE).map(|(lines, path)| format!("{path}: {lines} lines"));
    assert_none("split by meaning", long.collect());
}

#[test]
fn no_function_is_too_long_to_be_read_at_once() {
    let mut offences = Vec::new();
    for source in everything() {
        let mut begun: Option<(usize, usize, String)> = None;
        for (n, line) in source.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if let Some((start, _, name)) = begun
                .take_if(|(_, depth, _)| *depth == indent && line.trim_end() == format!("{}}}", " ".repeat(indent)))
            {
                if n - start + 1 > LINES_PER_FUNCTION {
                    offences.push(format!("{}:{}: {name} has {} lines", source.path, start + 1, n - start + 1));
                }
            } else if begun.is_none() && is_function(line) && !line.trim_end().ends_with([';', '}']) {
                begun = Some((n, indent, line.trim().chars().take(60).collect()));
            }
        }
    }
    assert_none("split by meaning", offences);
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = line
        .strip_prefix("pub(super) ")
        .or(line.strip_prefix("pub(crate) "))
        .or(line.strip_prefix("pub "))
        .unwrap_or(line);
    let line = line.strip_prefix("const ").unwrap_or(line);
    line.strip_prefix("async ").unwrap_or(line).starts_with("fn ")
}

#[test]
fn words_that_say_nothing_stay_outside() {
    let banned = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];
    let mut offences = Vec::new();
    for source in everything() {
        for (n, line) in source.text.lines().enumerate() {
            if let Some(word) = banned.iter().find(|word| line.contains(**word)) {
                offences.push(format!("{}:{}: {word}", source.path, n + 1));
            }
            let named = ["_manager", "_helper", "_util", "Manager", "Helper"].iter().any(|word| {
                let declares = ["fn ", "struct ", "enum ", "trait ", "mod "]
                    .iter()
                    .any(|kind| line.contains(&format!("{kind}{word}")));
                declares || (is_function(line) && line.split('(').next().is_some_and(|name| name.ends_with(word)))
            });
            if named || (is_function(line) && line.contains("fn get_")) {
                offences.push(format!("{}:{}: {}", source.path, n + 1, line.trim()));
            }
        }
    }
    assert_none("say what it is", offences);
}

#[test]
fn nothing_unwraps_outside_tests() {
    let mut offences = Vec::new();
    for source in sources(&["src", "adapters", "migrations"]) {
        let in_tests =
            source.path.contains("/tests") || source.path.contains("/kit/") || source.path.contains("payloads.rs");
        let production = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (n, line) in production.lines().enumerate().filter(|_| !in_tests) {
            if line.contains(".unwrap()") && !line.trim_start().starts_with("//") {
                offences.push(format!("{}:{}", source.path, n + 1));
            }
        }
    }
    assert_none("use ?, or expect(\"why it cannot happen\")", offences);
}

#[test]
fn no_path_of_anybodys_machine_stands_in_the_repository() {
    let banned = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("index.", "crates.io")];
    let mut offences = Vec::new();
    for source in everything() {
        for (n, line) in source.text.lines().enumerate() {
            if let Some(word) = banned.iter().find(|word| line.contains(**word)) {
                offences.push(format!("{}:{}: {word}", source.path, n + 1));
            }
        }
    }
    assert_none("the repository speaks of uriba alone", offences);
}
