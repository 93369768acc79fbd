//! `uriba adapter new`: the crate of a new adapter in a checkout of uriba, entered in the list of malls.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::template::{self, Names, capital};
use crate::{
    cli::{
        desk::Common,
        failure::{Done, Failure},
    },
    malls::{self, TEMPLATE},
};

const LENGTH_MAX: usize = 20;
const SHOWN_MAX: usize = 40;

#[derive(Args, Debug)]
pub struct New {
    /// The mall's word in configuration, paths and crates: small letters and digits
    #[arg(value_name = "NAME")]
    mall: String,
    /// What people call the mall, for example 楽天市場 [default: NAME with a capital letter]
    #[arg(long = "name", value_name = "TEXT")]
    shown: Option<String>,
    /// The checkout of uriba [default: the one around the working directory]
    #[arg(long, value_name = "PATH")]
    dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Made {
    mall: String,
    folder: String,
    /// New files.
    files: Vec<String>,
    /// Files that the new crate was entered in.
    entered: Vec<String>,
}

/// Nothing is written before everything is known to fit.
pub fn run(common: &Common, asked: New) -> Done {
    let shown = asked.shown.unwrap_or_else(|| capital(&asked.mall));
    plausible(&asked.mall, &shown)?;
    let start = asked.dir.map_or_else(std::env::current_dir, Ok)?;
    let checkout = checkout(&start)?;
    let folder = format!("adapters/{}", asked.mall);
    if checkout.join(&folder).exists() {
        return Err(Failure::Refused(format!("{folder} is there already, in {}", checkout.display())));
    }
    let old = malls::find(TEMPLATE).map_or(TEMPLATE, |mall| mall.card.name);
    let names = Names { old: (TEMPLATE, old), new: (&asked.mall, &shown) };
    let files = template_files(&checkout)?;
    unlike_a_type(&asked.mall, &files)?;
    let entered = entered(&checkout, &asked.mall)?;
    let made = template::expand(&files, &names);
    for (path, text) in &made {
        let path = checkout.join(&folder).join(path);
        path.parent().map(fs::create_dir_all).transpose()?;
        fs::write(path, text)?;
    }
    for (path, text) in &entered {
        fs::write(checkout.join(path), text)?;
    }
    let made = Made {
        files: made.keys().map(|path| format!("{folder}/{path}")).collect(),
        entered: entered.keys().map(|path| (*path).to_owned()).collect(),
        mall: asked.mall,
        folder,
    };
    common.printer().item(&made, words);
    Ok(())
}

fn words(made: &Made) -> String {
    let Made { mall, folder, files, entered } = made;
    let own: Vec<_> = files.iter().filter_map(|path| path.strip_prefix(&format!("{folder}/"))).collect();
    format!(
        "made     {folder}: {}\nentered  in {}\n\nNext, by docs/add-a-mall.md:\n  \
         cargo test -p uriba-{mall} --test conformance    # red where something is to be written\n  \
         grep -rn \"not written yet\" {folder}    # what that is",
        own.join(", "),
        entered.join(", ")
    )
}

fn plausible(mall: &str, shown: &str) -> Result<(), Failure> {
    let letters = mall.starts_with(|c: char| c.is_ascii_lowercase())
        && mall.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !letters || mall.len() > LENGTH_MAX {
        let rule = format!("a small letter, then small letters and digits, {LENGTH_MAX} at most");
        return Err(Failure::Usage(format!("{mall:?} can't be the name of an adapter: it is {rule}")));
    }
    let odd = |c: char| c.is_control() || matches!(c, '"' | '\\' | '{' | '}' | '<' | '>' | '|');
    if shown.trim().is_empty() || shown.chars().count() > SHOWN_MAX || shown.contains(odd) {
        let rule = format!("1 to {SHOWN_MAX} characters, none of \" \\ {{ }} < > |");
        return Err(Failure::Usage(format!("--name {shown:?} can't be written into sources: it has {rule}")));
    }
    Ok(())
}

/// Walks up to the workspace that has the template.
fn checkout(start: &Path) -> Result<PathBuf, Failure> {
    let start = fs::canonicalize(start).map_err(|error| Failure::Usage(format!("{}: {error}", start.display())))?;
    let is_checkout = |folder: &&Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.contains("[workspace]") && folder.join("adapters").join(TEMPLATE).join("Cargo.toml").is_file()
    };
    start.ancestors().find(is_checkout).map(Path::to_path_buf).ok_or_else(|| {
        Failure::Usage(format!(
            "{} is not in a checkout of uriba: no Cargo.toml above it is of a workspace with adapters/{TEMPLATE}; \
             run this in one, or name it with --dir",
            start.display()
        ))
    })
}

/// The template's sources by their paths. What is in folders below `tests` is its own: bodies that its mall answers,
/// and what the kit is tested by.
fn template_files(checkout: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let root = checkout.join("adapters").join(TEMPLATE);
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.parent().is_some_and(|above| above.ends_with("tests")) {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "toml" || end == "md") {
                let own = path.strip_prefix(&root).map_err(Failure::failed)?;
                files.insert(own.to_string_lossy().replace('\\', "/"), fs::read_to_string(&path)?);
            }
        }
    }
    Ok(files)
}

/// The adapter's own type is called by its name, among those that the template imports.
fn unlike_a_type(mall: &str, files: &BTreeMap<String, String>) -> Result<(), Failure> {
    let own = capital(mall);
    let words = files.values().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    match words.into_iter().find(|word| *word == own) {
        None => Ok(()),
        Some(_) => Err(Failure::Usage(format!(
            "{mall:?} can't be the name of an adapter: its type would be called {own}, which is a word of the \
             template already"
        ))),
    }
}

/// The files that name every adapter, with one more.
fn entered(checkout: &Path, mall: &str) -> Result<BTreeMap<&'static str, String>, Failure> {
    let read = |path: &str| fs::read_to_string(checkout.join(path));
    let mut manifest = read("Cargo.toml")?;
    let taken =
        |word: &str| manifest.contains(&format!("uriba-{word} ")) || manifest.contains(&format!("uriba-{word}."));
    if taken(mall) {
        return Err(Failure::Refused(format!("Cargo.toml has a crate uriba-{mall} already")));
    }
    let is_adapter = |line: &str| line.contains("path = \"adapters/");
    manifest = after_the_last(
        &manifest,
        ("Cargo.toml", "[workspace.dependencies]"),
        is_adapter,
        &format!("uriba-{mall} = {{ path = \"adapters/{mall}\" }}"),
    )?;
    let has_folder = |line: &str| {
        let name = line.strip_prefix("uriba-").and_then(|line| line.strip_suffix(".workspace = true"));
        name.is_some_and(|name| checkout.join("adapters").join(name).is_dir())
    };
    let line = format!("uriba-{mall}.workspace = true");
    manifest = after_the_last(&manifest, ("Cargo.toml", "[dependencies]"), has_folder, &line)?;
    let fakes = format!("\"uriba-{TEMPLATE}/fake\"");
    let (own, place) = (format!("\"uriba-{mall}/fake\", {fakes}"), "the feature `demo`");
    manifest = instead_of(&manifest, "Cargo.toml", &fakes, &own, place)?;
    let lines = format!("    &uriba_{TEMPLATE}::MALL,\n");
    let own = format!("    &uriba_{mall}::MALL,\n{lines}");
    let list = instead_of(&read("src/malls.rs")?, "src/malls.rs", &lines, &own, "MALLS")?;
    Ok(BTreeMap::from([("Cargo.toml", manifest), ("src/malls.rs", list)]))
}

fn after_the_last(
    text: &str,
    (file, section): (&str, &str),
    is_like_it: impl Fn(&str) -> bool,
    added: &str,
) -> Result<String, Failure> {
    let mut within = "";
    let mut last = None;
    let mut lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if line.starts_with('[') {
            within = line;
        } else if within == section && is_like_it(line) {
            last = Some(index);
        }
    }
    let last = last.ok_or_else(|| out_of_shape(file, &format!("{section} has no adapter")))?;
    lines.insert(last + 1, added);
    Ok(lines.join("\n") + "\n")
}

fn instead_of(text: &str, file: &str, old: &str, new: &str, place: &str) -> Result<String, Failure> {
    if text.matches(old).count() != 1 {
        return Err(out_of_shape(file, &format!("{place} does not hold {:?} once", old.trim())));
    }
    Ok(text.replacen(old, new, 1))
}

fn out_of_shape(file: &str, what: &str) -> Failure {
    Failure::failed(format!("{file} is not as this uriba knows it ({what}); nothing was written"))
}
