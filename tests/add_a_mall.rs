//! docs/add-a-mall.md, followed to the letter in a copy of this checkout: its commands are run, and what it says of the
//! kit's checks is compared with what the kit says. The page is the source; nothing of it is repeated here.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

const GUIDE: &str = include_str!("../docs/add-a-mall.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");
const PROGRAM: &str = env!("CARGO_BIN_EXE_uriba");

#[test]
fn the_guide_leads_from_its_reds_to_green() {
    let copy = Checkout::whole();
    let begin = command("uriba adapter new ");
    let made = copy.uriba(&begin[1..]);
    assert!(made.status.success(), "{begin:?}: {}", said(&made));
    let mall = begin[3].as_str();
    let holes = copy.holes(mall);
    assert!(holes.len() > 20, "{holes:?}");
    for (file, function) in &holes {
        assert!(copy.read(file).contains(&format!("fn {function}(")), "{file} has no {function} to write");
    }

    let mut red = reds();
    assert_eq!(copy.kit(mall).into_iter().collect::<BTreeSet<_>>(), names(&red), "red after the scaffold");
    for files in [&["key", "fake"][..], &["orders"], &["stock"], &["shop"], &["faults"]] {
        for file in files {
            copy.write_as_the_template_has_it(mall, file);
        }
        red.retain(|(_, file)| !files.contains(&file.as_str()));
        assert_eq!(copy.kit(mall).into_iter().collect::<BTreeSet<_>>(), names(&red), "red after {files:?}");
        for file in files {
            let left = if red.is_empty() { "none".to_owned() } else { red.len().to_string() };
            let hour = GUIDE.lines().find(|line| line.contains(&format!("[{file}.rs](#"))).unwrap();
            assert!(
                hour.split([' ', ',', ':']).any(|word| word == left),
                "{left} are red after {file}.rs, not: {hour}"
            );
        }
    }
    assert!(red.is_empty(), "no file makes these green: {red:?}");
}

#[test]
fn a_name_that_can_not_be_changes_nothing() {
    let copy = Checkout::of(&["Cargo.toml", "src/malls.rs", "adapters/sample"]);
    let before = copy.files();
    let wrong = ["Tanuki", "2nd", "ta-nuki", "", "self", "wire", "a2345678901234567890z"];
    let shown = ["--name=a\"b", "--name=", "--name={x}"];
    let asked = wrong.map(|name| vec![name]).into_iter().chain(shown.map(|shown| vec!["tanuki", shown]));
    for asked in asked {
        let ran = copy.uriba(["adapter", "new"].iter().chain(&asked));
        assert_eq!(ran.status.code(), Some(2), "{asked:?}: {}", said(&ran));
    }
    let taken = copy.uriba(["adapter", "new", "sample"]);
    assert_eq!(taken.status.code(), Some(3), "{}", said(&taken));
    let entered = copy.uriba(["adapter", "new", "rakuten"]);
    assert_eq!(entered.status.code(), Some(3), "its folder is gone, its line in Cargo.toml is not: {}", said(&entered));
    assert_eq!(copy.files(), before);
}

#[test]
fn an_adapter_begins_in_a_checkout_only_from_wherever_in_it() {
    let elsewhere = tempfile::tempdir().unwrap();
    let lost = Command::new(PROGRAM).args(["adapter", "new", "tanuki"]).current_dir(elsewhere.path()).output().unwrap();
    assert_eq!(lost.status.code(), Some(2));
    assert!(said(&lost).contains("is not in a checkout of uriba"), "{}", said(&lost));

    let copy = Checkout::of(&["Cargo.toml", "src/malls.rs", "adapters/sample"]);
    let within = copy.path("adapters/sample/src");
    let made = Command::new(PROGRAM).args(["adapter", "new", "tanuki", "--dir"]).arg(&within).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let list = copy.read("src/malls.rs");
    assert!(list.contains("    &uriba_tanuki::MALL,\n    &uriba_sample::MALL,\n"), "{list}");
    assert!(copy.read("adapters/tanuki/src/lib.rs").starts_with("//! Tanuki's adapter."));
    assert!(!copy.path("adapters/tanuki/tests/payloads").exists() && !copy.path("adapters/tanuki/tests/bent").exists());
    let sample = copy.files().into_iter().filter(|(path, _)| path.starts_with("adapters/sample"));
    assert!(sample.into_iter().all(|(path, text)| text == fs::read_to_string(Path::new(ROOT).join(path)).unwrap()));
}

#[test]
fn some_checks_are_run_and_the_result_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| Command::new(PROGRAM).args(arguments).current_dir(folder.path()).output().unwrap();
    let ran = run(&["adapter", "test", "sample", "--only", "Spelling of a key", "--result", "kept/result.json"]);
    assert!(ran.status.success(), "{}", said(&ran));
    let table = String::from_utf8(ran.stdout).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("VERDICT  CHECK                                         WHY"));
    assert_eq!(lines.next(), Some("passed   every spelling of a key resolves to that key"));
    assert!(table.contains("sample: 1 passed, 0 failed, 0 that the mall can't do"), "{table}");
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("kept/result.json")).unwrap()).unwrap();
    assert_eq!((&kept["mall"], &kept["version"]), (&"sample".into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!((&kept["suite"], &kept["checks"][0]["verdict"]), (&uriba_sdk::kit::SUITE.into(), &"passed".into()));
    assert_eq!(kept["checks"].as_array().unwrap().len(), 1);
    assert_eq!(run(&["adapter", "test", "sample", "--only", "no such check"]).status.code(), Some(2));
}

/// Adapters grow a little every day; the page needn't follow each line.
#[test]
fn the_guide_knows_how_large_adapters_are() {
    let command = GUIDE.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let counted = Command::new("sh").args(["-c", command]).current_dir(ROOT).output().unwrap();
    let counted = String::from_utf8(counted.stdout).unwrap();
    let counted = counted.lines().map(|line| line.split_once(' ').unwrap()).filter(|(name, _)| *name != "sdk");
    let told = rows("| adapter | lines |");
    assert_eq!(told.len(), counted.clone().count(), "one row for each adapter: {told:?}");
    for (name, lines) in counted {
        let lines: f64 = lines.trim().parse().unwrap();
        let row = told.iter().find(|row| row[0] == name);
        let told: f64 = row.unwrap_or_else(|| panic!("{name} has no row; it has {lines} lines"))[1].parse().unwrap();
        assert!((lines - told).abs() <= told / 5.0, "{name} has {lines} lines, not {told}");
    }
}

/// The words of the page's first command that begins so, without its comment.
fn command(begins: &str) -> Vec<String> {
    let line = GUIDE.lines().find(|line| line.starts_with(begins)).unwrap_or_else(|| panic!("no command {begins}"));
    line.split('#').next().unwrap().split_whitespace().map(str::to_owned).collect()
}

/// The cells of the table with this head.
fn rows(head: &str) -> Vec<Vec<String>> {
    let table = GUIDE.split_once(head).unwrap_or_else(|| panic!("no table {head}")).1;
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Each check that is red at first, with the file that makes it green.
fn reds() -> Vec<(String, String)> {
    let file = |function: &str| function.trim_matches('`').split("::").next().unwrap().to_owned();
    rows("| check | green with | what it is about |").iter().map(|row| (row[0].clone(), file(&row[1]))).collect()
}

fn names(red: &[(String, String)]) -> BTreeSet<String> {
    red.iter().map(|(check, _)| check.clone()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

struct Checkout {
    folder: TempDir,
}

impl Checkout {
    fn whole() -> Self {
        Self::of(&[""])
    }

    /// Outside of `target`: what cargo builds from files below that is not told from what it built there of another
    /// checkout.
    fn of(paths: &[&str]) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        paths.iter().for_each(|path| copy.take(&Path::new(ROOT).join(path), Path::new(path)));
        copy
    }

    /// Files keep their times: cargo then takes what was built of the checkout for built of the copy.
    fn take(&self, from: &Path, own: &Path) {
        let to = self.folder.path().join(own);
        if from.is_dir() {
            fs::create_dir_all(&to).unwrap();
            for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
                let name = entry.file_name();
                if !["target", ".git", "node_modules"].iter().any(|left_out| name == OsStr::new(left_out)) {
                    self.take(&entry.path(), &own.join(name));
                }
            }
        } else {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, &to).unwrap();
            let changed = fs::metadata(from).unwrap().modified().unwrap();
            fs::File::options().write(true).open(&to).unwrap().set_modified(changed).unwrap();
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Every file with its text.
    fn files(&self) -> Vec<(String, String)> {
        let (mut files, mut folders) = (Vec::new(), vec![self.folder.path().to_path_buf()]);
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let own = path.strip_prefix(self.folder.path()).unwrap().to_string_lossy().into_owned();
                    files.push((own.clone(), self.read(&own)));
                }
            }
        }
        files.sort();
        files
    }

    fn uriba(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        Command::new(PROGRAM).args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    /// `orders.rs` and `page` for each "not written yet: orders::page".
    fn holes(&self, mall: &str) -> Vec<(String, String)> {
        let mut holes = Vec::new();
        for (path, text) in
            self.files().into_iter().filter(|(path, _)| path.starts_with(&format!("adapters/{mall}/src")))
        {
            for hole in text.split("not written yet").skip(1) {
                let name: String =
                    hole.chars().skip_while(|c| !c.is_alphabetic()).take_while(|c| !"\"( ".contains(*c)).collect();
                if let Some((file, function)) = name.split_once("::") {
                    assert!(path.ends_with(&format!("/{file}.rs")), "{path} speaks of {name}");
                    holes.push((path.clone(), function.to_owned()));
                }
            }
        }
        holes
    }

    /// The engineer's afternoon, as far as a test can have one.
    fn write_as_the_template_has_it(&self, mall: &str, file: &str) {
        let capital = mall[..1].to_uppercase() + &mall[1..];
        let text = self.read(&format!("adapters/sample/src/{file}.rs"));
        let text = text.replace("Sample", &capital).replace("sample", mall);
        fs::write(self.path(&format!("adapters/{mall}/src/{file}.rs")), text).unwrap();
    }

    /// What is red, by the guide's own command. Beside it the hub's package is named, of which nothing is built: so
    /// crates have the features that they have in the hub, and those that were built with it are used.
    fn kit(&self, mall: &str) -> Vec<String> {
        let result = PathBuf::from(SCRATCH).join(format!("conformance/{mall}.json"));
        let _ = fs::remove_file(&result);
        let words = command("cargo test -p ");
        let target = Path::new(SCRATCH).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(&words[1..]).args(["-p", "uriba", "--offline", "--target-dir"]).arg(target);
        cargo.current_dir(self.folder.path());
        // Some build scripts are run again when these change, and all that needs them after that.
        for (name, _) in std::env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|own| name.to_string_lossy().starts_with(own))
            {
                cargo.env_remove(name);
            }
        }
        let ran = cargo.output().unwrap();
        let kept = fs::read_to_string(&result).unwrap_or_else(|error| panic!("{words:?}: {error}\n{}", said(&ran)));
        assert!(!said(&ran).contains("--> adapters/"), "the new adapter builds without a warning: {}", said(&ran));
        let kept: Value = serde_json::from_str(&kept).unwrap();
        let failed = kept["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == "failed");
        failed.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
    }
}
