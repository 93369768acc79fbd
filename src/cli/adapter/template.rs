//! What a new adapter is made of: the files of the adapter that is the template, renamed, and with the bodies left
//! out that each mall needs its own of. The template says itself which those are, so that nothing here knows its
//! sources: comments of the form `// scaffold: text` (in the README `<!-- scaffold: text -->`).
//!
//! The template is the made-up mall that every test goes through. It can't rot as a file of its own would.

use std::collections::BTreeMap;

/// What the copy is called.
pub struct Names<'a> {
    /// The template's: `mall` in paths and crates, and as shown to people.
    pub old: (&'a str, &'a str),
    pub new: (&'a str, &'a str),
}

impl Names<'_> {
    /// Each spelling of the old name and what comes in its place, the longer first.
    fn pairs(&self) -> [(String, String); 4] {
        let ((old, old_shown), (new, new_shown)) = (self.old, self.new);
        [
            (old_shown.to_owned(), new_shown.to_owned()),
            (old_shown.to_lowercase().replace(' ', "-"), new.to_owned()),
            (capital(old), capital(new)),
            (old.to_owned(), new.to_owned()),
        ]
    }

    /// In one pass, so that a new name which contains an old one is left alone.
    pub fn rename(&self, text: &str) -> String {
        let pairs = self.pairs();
        let (mut renamed, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(first) = rest.chars().next() {
            let found = pairs.iter().find_map(|(old, new)| Some((rest.strip_prefix(old.as_str())?, new)));
            match found {
                Some((after, new)) => {
                    renamed.push_str(new);
                    rest = after;
                }
                None => {
                    renamed.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        renamed
    }
}

/// `tanuki` → `Tanuki`, the name of a type.
pub fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The copy of each file, by its path. One of which nothing is left is left out.
pub fn expand(files: &BTreeMap<String, String>, names: &Names<'_>) -> BTreeMap<String, String> {
    let expanded = files.iter().map(|(path, text)| {
        let text = if path.ends_with(".md") { sections(text) } else { blocks(text) };
        (path.clone(), names.rename(&text))
    });
    expanded.filter(|(_, text)| !text.trim().is_empty()).collect()
}

const INSTEAD: &str = "// scaffold:";

/// `// scaffold: text`, on one line or several, is put in the place of the rest of its block: every line from it on that
/// isn't indented less. The line after `// scaffold+` is in the copy only, the one with `// scaffold-` in the template
/// only.
fn blocks(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = indent(line);
        if let Some(added) = line.trim_start().strip_prefix("// scaffold+ ") {
            kept.push(format!("{}{added}", " ".repeat(indent)));
        } else if line.trim_start().starts_with("// scaffold-") {
            // A blank line on either side of a note is one too many.
            let alone = kept.last().is_none_or(String::is_empty);
            if alone && lines.peek().is_some_and(|next| next.is_empty()) {
                lines.next();
            }
        } else if let Some(first) = line.trim_start().strip_prefix(INSTEAD) {
            let mut instead = vec![first.trim()];
            while let Some(more) = lines.next_if(|next| next.trim_start().starts_with(INSTEAD)) {
                instead.push(more.trim_start()[INSTEAD.len()..].trim());
            }
            while lines.next_if(|next| next.is_empty() || self::indent(next) >= indent).is_some() {}
            kept.extend(instead.into_iter().filter(|text| !text.is_empty()).map(|text| " ".repeat(indent) + text));
        } else {
            kept.push(line.to_owned());
        }
    }
    joined(&kept)
}

/// `<!-- scaffold: text -->` is put in the place of the rest of its section.
fn sections(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(begun) = line.strip_prefix("<!-- scaffold: ") else {
            kept.push(line.to_owned());
            continue;
        };
        let mut said = begun.to_owned();
        while !said.ends_with("-->")
            && let Some(next) = lines.next()
        {
            said = said + "\n" + next;
        }
        kept.push(said.trim_end_matches("-->").trim_end().to_owned());
        while lines.next_if(|next| !next.starts_with('#')).is_some() {}
        if lines.peek().is_some() {
            kept.push(String::new());
        }
    }
    joined(&kept)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn joined(lines: &[String]) -> String {
    let text = lines.join("\n");
    if text.trim().is_empty() { String::new() } else { format!("{}\n", text.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = Names { old: ("acme", "Acme Mall"), new: ("tanuki", "たぬき acme") };

    fn copy(path: &str, text: &str) -> Option<String> {
        expand(&BTreeMap::from([(path.to_owned(), text.to_owned())]), &NAMES).remove(path)
    }

    #[test]
    fn a_body_is_replaced_up_to_the_end_of_its_block() {
        let template = "fn a() {\n    // scaffold: left();\n    // scaffold: right()\n    if b {\n        c();\n    }\n\n    d()\n}\n\nfn e() {}\n";
        assert_eq!(copy("a.rs", template).unwrap(), "fn a() {\n    left();\n    right()\n}\n\nfn e() {}\n");
    }

    #[test]
    fn what_is_only_the_made_up_malls_is_cut_off_a_files_end() {
        let template = "fn a() {}\n\n// scaffold:\nstruct Wire {\n    a: u8,\n}\n";
        assert_eq!(copy("a.rs", template).unwrap(), "fn a() {}\n");
        assert_eq!(copy("bent.rs", "// scaffold:\n//! All of it.\nfn a() {}\n"), None);
    }

    #[test]
    fn lines_are_for_the_copy_or_for_the_template_only() {
        let template =
            "//! Head.\n\n// scaffold- a note,\n// scaffold- and more.\n\n// scaffold+ #![expect(unused)]\n\nmod a;\n";
        assert_eq!(copy("lib.rs", template).unwrap(), "//! Head.\n\n#![expect(unused)]\n\nmod a;\n");
    }

    #[test]
    fn a_readme_keeps_its_headings() {
        let template = "# uriba-acme: Acme Mall\n\n<!-- scaffold: One\ntwo. -->\n\nThree.\n\n## Limits\n\n<!-- scaffold: None. \
                        -->\n\n| a |\n";
        let readme = "# uriba-tanuki: たぬき acme\n\nOne\ntwo.\n\n## Limits\n\nNone.\n";
        assert_eq!(copy("README.md", template).unwrap(), readme);
    }

    #[test]
    fn every_spelling_of_the_name_is_replaced_once() {
        let template = "uriba_acme::MALL \"acme\" AcmeFake https://acme-mall.example Acme Mall";
        let renamed = "uriba_tanuki::MALL \"tanuki\" TanukiFake https://tanuki.example たぬき acme";
        assert_eq!(NAMES.rename(template), renamed);
    }
}
