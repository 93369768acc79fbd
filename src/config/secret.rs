//! Values that don't stand in the file: it says where they are.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::{environment::variable, page::Entry, problem::Problem};

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub struct Secret {
    pub source: Source,
    line: Option<usize>,
}

#[derive(Clone, Debug)]
pub enum Source {
    /// Only where the file may say it outright: the database's address.
    Literal(SecretString),
    Env(String),
    File(PathBuf),
}

impl Secret {
    pub fn literal(text: &str) -> Self {
        Self { source: Source::Literal(text.into()), line: None }
    }

    /// What is wrong with its value.
    pub(super) fn problem(&self, key: &str, message: &str) -> Problem {
        Problem { line: self.line, key: key.to_owned(), message: message.to_owned() }
    }

    /// The value as it is now; what keeps it from being read goes to `missing`.
    pub fn read(&self, key: &str, missing: &mut Vec<Problem>) -> Option<SecretString> {
        let read = match &self.source {
            Source::Literal(text) => Ok(text.clone()),
            Source::Env(name) => variable(name)
                .map(SecretString::from)
                .ok_or_else(|| format!("the environment variable {name} is not set (or empty)")),
            Source::File(path) => of_file(path),
        };
        read.map_err(|message| missing.push(Problem { line: self.line, key: key.to_owned(), message })).ok()
    }
}

/// `{ env = "…" }` or `{ file = "…" }`; `None` after a report of what is wrong. What was written is never
/// repeated: it may be the secret.
pub(super) fn read(entry: &Entry<'_>, folder: &Path) -> Option<Secret> {
    if entry.is_text() {
        entry.refuse("a secret must not stand in this file: write { env = \"NAME\" } or { file = \"/path\" }");
        return None;
    }
    let section = entry.section()?;
    let (env, file) = (section.key("env"), section.key("file"));
    let source = match (env, file) {
        (Some(env), None) => env.words().map(|name| Source::Env(name.to_owned())),
        (None, Some(file)) => file.words().map(|path| Source::File(folder.join(path))),
        _ => {
            section.refuse("write either { env = \"NAME\" } or { file = \"/path\" }");
            None
        }
    };
    section.close();
    Some(Secret { source: source?, line: Some(entry.line()) })
}

/// The database's address may stand in the file as it is.
pub(super) fn read_or_literal(entry: &Entry<'_>, folder: &Path) -> Option<Secret> {
    if !entry.is_text() {
        return read(entry, folder);
    }
    let text = entry.words()?;
    Some(Secret { source: Source::Literal(text.into()), line: Some(entry.line()) })
}

/// Files end with a line break that belongs to no secret.
fn of_file(path: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(text.into())
}
