//! The house rules that a machine can check: who may know whom, how long things may be, which words are not
//! ours. A violation is named with its file and line, and with the rule in words.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

#[path = "tidy/source.rs"]
mod source;

use source::{Source, files, read, rust_files};

/// Lines of a file, tests included.
const FILE_LINES_MAX: usize = 500;
/// Lines between a function's braces, tests included.
const FUNCTION_LINES_MAX: usize = 70;

/// The rooms of the root crate, from the ground up: which rooms a room may name, and the rule in words.
const FLOORS: &[(&str, &[&str], &str)] = &[
    ("domain", &[], "domain: sdk types only"),
    ("store", &["domain"], "store: domain, sdk types, sea-orm"),
    ("engine", &["domain", "store"], "engine: domain, store, sdk"),
    ("api", &["domain", "store", "engine"], "api: store (read, and the few commands), and what lies below it"),
    ("malls", &[], "malls: the adapter crates"),
    ("sim", &["domain", "store", "engine"], "sim: what moves the numbers, and malls of its own; no adapter, no api"),
];

/// Crates that a room may not name, with the reason.
const STRANGERS: &[(&str, &[&str], &str)] = &[
    (
        "src/domain/",
        &["tokio", "sea_orm", "sqlx", "async_trait", "rand", "reqwest", "axum", "tracing", "metrics"],
        "domain knows no async, no clock, no randomness, no row",
    ),
    ("src/store/", &["reqwest", "axum", "clap", "wiremock"], "store knows tables and nothing else of the outside"),
    ("src/engine/", &["sea_orm", "sqlx", "reqwest", "axum", "clap", "wiremock"], "engine knows no table and no socket"),
    ("src/api/", &["sea_orm", "sqlx", "reqwest", "clap"], "sea-orm is imported by store and migrations only"),
    ("src/cli/", &["sea_orm", "sqlx"], "sea-orm is imported by store and migrations only"),
    ("src/config", &["sea_orm", "sqlx"], "sea-orm is imported by store and migrations only"),
    ("src/demo/", &["sea_orm", "sqlx"], "sea-orm is imported by store and migrations only"),
    ("src/sim/", &["sea_orm", "sqlx", "reqwest"], "sea-orm is imported by store and migrations only; no socket here"),
    ("src/main.rs", &["sea_orm", "sqlx"], "sea-orm is imported by store and migrations only"),
    (
        "adapters/",
        &["tokio", "sea_orm", "sqlx", "reqwest", "governor", "rand", "wiremock"],
        "adapters: sdk only; they know no database, no retry, no clock, no socket",
    ),
    ("migrations/", &["uriba", "uriba_sdk"], "migrations have their own identifiers and never import an entity"),
];

/// What one file may name all the same, though its floor may not, with the reason.
const EXCEPTIONS: &[(&str, &[&str], &str)] = &[(
    "adapters/csv/src/folder.rs",
    &["tokio::fs", "tokio::io"],
    "this mall is a pair of folders: files are its wire",
)];

fn assert_none(rule: &str, violations: &[String]) {
    let list = violations.join("\n  ");
    assert!(violations.is_empty(), "{rule}\n{} violations:\n  {list}\n", violations.len());
}

fn production() -> impl Iterator<Item = Source> {
    rust_files().into_iter().filter(|source| !source.is_test())
}

/// `src/store/intake.rs` → `store`.
fn room(path: &str) -> Option<&str> {
    let room = path.strip_prefix("src/")?.split('/').next()?;
    Some(room.strip_suffix(".rs").unwrap_or(room))
}

#[test]
fn no_room_names_a_room_above_it() {
    let mut violations = Vec::new();
    for source in production() {
        let Some((room, below, rule)) = FLOORS.iter().find(|(name, ..)| room(&source.path) == Some(name)) else {
            continue;
        };
        for (line, path) in source.paths() {
            let Some(named) = path.strip_prefix("crate::").and_then(|path| path.split("::").next()) else { continue };
            if named != *room && !below.contains(&named) {
                violations.push(format!("{}:{line} names {path} ({rule})", source.path));
            }
        }
    }
    assert_none("each room names only rooms below it", &violations);
}

#[test]
fn no_room_climbs_out_through_super() {
    let mut violations = Vec::new();
    for source in production().filter(|source| source.path.starts_with("src/")) {
        let names_folder =
            ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| source.path.ends_with(&format!("/{name}")));
        let depth = source.path.matches('/').count() - usize::from(names_folder);
        // So many steps up still lie within the room.
        let within = depth.saturating_sub(1);
        for (line, path) in source.paths() {
            let steps = path.split("::").take_while(|part| *part == "super").count();
            if steps > 0 && steps > within {
                violations.push(format!("{}:{line} names {path}: say crate:: when leaving the room", source.path));
            }
        }
    }
    assert_none("imports from other rooms begin with crate::", &violations);
}

#[test]
fn nobody_imports_a_crate_that_is_not_of_its_floor() {
    let mut violations = Vec::new();
    for source in production() {
        // The sdk is the outside that adapters get, and a fake is a mall.
        let is_outside = source.path.starts_with("adapters/sdk/") || source.path.contains("/src/fake");
        let rules = STRANGERS.iter().filter(|(folder, ..)| source.path.starts_with(folder));
        let exceptions = EXCEPTIONS.iter().filter(|(file, ..)| source.path == *file);
        let excepted: Vec<&str> = exceptions.flat_map(|(_, modules, _)| *modules).copied().collect();
        for (_, strangers, rule) in rules.filter(|_| !is_outside) {
            for (line, path) in source.paths() {
                let root = path.split("::").next().unwrap_or_default();
                let is_excepted = excepted.iter().any(|module| lies_in(&path, module));
                if strangers.contains(&root) && !is_excepted {
                    violations.push(format!("{}:{line} names {path} ({rule})", source.path));
                }
            }
        }
    }
    assert_none("each floor knows only what it needs", &violations);
}

/// `tokio::fs` and `tokio::fs::File` lie in `tokio::fs`, `tokio::fsync` does not.
fn lies_in(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn adapters_know_the_sdk_and_never_each_other() {
    let mut violations = Vec::new();
    for source in rust_files().into_iter().filter(|source| source.path.starts_with("adapters/")) {
        let own = source.path.split('/').nth(1).unwrap_or_default();
        for (line, path) in source.paths() {
            let root = path.split("::").next().unwrap_or_default();
            let Some(named) = root.strip_prefix("uriba") else { continue };
            let named = named.trim_start_matches('_');
            let allowed = named == own || (named == "sdk" && own != "sdk");
            if !allowed {
                violations.push(format!("{}:{line} names {root} (adapters: sdk only, never each other)", source.path));
            }
        }
    }
    for manifest in files().into_iter().filter(|path| path.starts_with("adapters/") && path.ends_with("Cargo.toml")) {
        let own = manifest.split('/').nth(1).unwrap_or_default();
        let ours = read(&manifest);
        let ours = ours.lines().filter_map(|line| line.strip_prefix("uriba-")?.split(['.', ' ', '=']).next());
        let strangers = ours.filter(|name| *name != own && *name != "sdk");
        violations.extend(strangers.map(|name| format!("{manifest} depends on uriba-{name} (adapters: sdk only)")));
    }
    assert_none("an adapter can be lifted out of the house with nothing but the sdk", &violations);
}

/// Ids that are also the only word for something else, with what that is. Their malls are named by the crate's name
/// or by the id in quotes, all others by the mere word.
const ORDINARY_IDS: &[(&str, &str)] = &[("csv", "a format of files, and the crate that reads it")];

fn names_mall(line: &str, id: &str) -> bool {
    if ORDINARY_IDS.iter().all(|(ordinary, _)| *ordinary != id) {
        return line.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case(id));
    }
    let unescaped = line.replace('\\', "");
    let crate_name = format!("uriba_{id}");
    let mut identifiers = unescaped.split(|c: char| !c.is_alphanumeric() && c != '_');
    identifiers.any(|identifier| identifier == crate_name) || unescaped.contains(&format!("\"{id}\""))
}

#[test]
fn a_mall_with_an_ordinary_id_is_still_seen() {
    for named in ["&uriba_csv::MALL", r#"mall == "csv""#, r#""mall = \"csv\"""#, "// RAKUTEN", "uriba_rakuten::MALL"] {
        assert!(["csv", "rakuten"].iter().any(|id| names_mall(named, id)), "{named}");
    }
    for other in ["csv::Reader", "the mall's own CSV", r#""text/csv""#, "asked.csv", "uriba_csvs", r#""book.csv""#] {
        assert!(!names_mall(other, "csv"), "{other}");
    }
}

#[test]
fn malls_are_named_in_one_file() {
    let malls: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/adapters"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "sdk")
        .collect();
    let mut violations = Vec::new();
    let hub = production().filter(|source| source.path.starts_with("src/") && source.path != "src/malls.rs");
    for source in hub.filter(|source| !source.path.starts_with("src/demo/")) {
        let bare: String = without_comments(&source);
        for (index, line) in bare.lines().enumerate() {
            let named = malls.iter().filter(|mall| names_mall(line, mall));
            violations.extend(named.map(|mall| format!("{}:{} names {mall}", source.path, index + 1)));
        }
    }
    assert_none("src/malls.rs is the only file of the hub that names a mall", &violations);
}

/// Code with its texts, up to a test module.
fn without_comments(source: &Source) -> String {
    let lines = source.text.lines().take(source.production().lines().count());
    lines.map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect::<Vec<_>>().join("\n")
}

#[test]
fn files_and_functions_fit_on_their_pages() {
    let mut violations = Vec::new();
    for source in rust_files() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            violations.push(format!("{} has {lines} lines, more than {FILE_LINES_MAX}", source.path));
        }
        let long = source.functions().into_iter().filter(|function| function.length > FUNCTION_LINES_MAX);
        violations.extend(long.map(|function| {
            let (name, length) = (function.name, function.length);
            format!("{}:{} {name} has {length} lines, more than {FUNCTION_LINES_MAX}", source.path, function.line)
        }));
    }
    assert_none("no file above 500 lines, no function above 70: split by meaning", &violations);
}

#[test]
fn names_say_what_a_thing_is() {
    let words = ["fn", "struct", "enum", "trait", "mod", "type", "const", "static"];
    let mut violations = Vec::new();
    for source in rust_files() {
        for (line, name) in source.declared(&words) {
            if let Some(bad) = empty_word(&name) {
                violations.push(format!("{}:{line} {name}: {bad:?} says nothing", source.path));
            }
        }
        for (line, name) in source.declared(&["fn"]) {
            if name.starts_with("get_") {
                violations.push(format!("{}:{line} {name}: the noun alone is enough", source.path));
            }
        }
        let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if let Some(bad) = empty_word(stem) {
            violations.push(format!("{}: {bad:?} says nothing", source.path));
        }
    }
    assert_none("nouns that survive in conversation", &violations);
}

fn empty_word(name: &str) -> Option<&'static str> {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            spaced.push('_');
        }
        spaced.extend(c.to_lowercase());
    }
    let empty = ["manager", "helper", "helpers", "util", "utils", "data", "info", "misc"];
    empty.into_iter().find(|word| spaced.split('_').any(|part| part == *word))
}

#[test]
fn nothing_is_left_for_later_and_nothing_is_waved_through() {
    let later = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let mut violations = Vec::new();
    for source in rust_files() {
        for (index, line) in source.text.lines().enumerate() {
            let at = format!("{}:{}", source.path, index + 1);
            let words = line.split(|c: char| !c.is_alphanumeric());
            violations.extend(words.filter(|word| later.contains(word)).map(|word| format!("{at} {word}")));
            let comment = line.trim_start().strip_prefix("//").unwrap_or_default();
            if ["----", "====", "****", "####", "____"].iter().any(|banner| comment.contains(banner)) {
                violations.push(format!("{at} a banner: split the file instead"));
            }
        }
        for (at, _) in source.code.match_indices(concat!("[all", "ow(")) {
            violations.push(format!("{}:{} use #[expect(…, reason = \"…\")]", source.path, source.line(at)));
        }
    }
    for source in production() {
        for (at, _) in source.production().match_indices(concat!(".unw", "rap()")) {
            violations.push(format!("{}:{} unwraps: use ? or expect(\"why\")", source.path, source.line(at)));
        }
    }
    assert_none("no notes to self, no silenced lints, no unwrap outside tests", &violations);
}

#[test]
fn nothing_here_knows_the_machine_it_was_written_on() {
    let folders = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut violations = Vec::new();
    for path in files() {
        let text = read(&path);
        for (index, line) in text.lines().enumerate() {
            if path != "Cargo.lock" && folders.iter().any(|folder| line.contains(folder)) {
                violations.push(format!("{path}:{} {}", index + 1, line.trim()));
            }
            let elsewhere = path == "Cargo.lock" && line.starts_with("source = ") && !line.contains(CRATES_IO);
            if elsewhere {
                violations.push(format!("{path}:{} {line}", index + 1));
            }
        }
        let mirrors = ["[source.", "[registries", "[registry"];
        if path.ends_with(".cargo/config.toml") && mirrors.iter().any(|mirror| text.contains(mirror)) {
            violations.push(format!("{path} names another registry"));
        }
    }
    assert_none("no paths of one machine, no registry but crates.io", &violations);
}

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
