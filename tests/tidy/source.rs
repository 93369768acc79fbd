//! Source files as the house rules see them: what is code, what is comment, which paths are named, how long
//! the functions are.

use std::path::{Path, PathBuf};

pub struct Source {
    /// From the root of the repository, with `/`.
    pub path: String,
    pub text: String,
    /// The text without comments and without what stands between quotes; lines stay where they are.
    pub code: String,
}

/// A function's name, the line it begins on, and the lines of its body.
pub struct Function {
    pub name: String,
    pub line: usize,
    pub length: usize,
}

/// Every Rust file of the repository.
pub fn rust_files() -> Vec<Source> {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| {
        let text = read(&path);
        let code = code(&text);
        Source { path, text, code }
    })
    .collect()
}

/// Every file that people write.
pub fn files() -> Vec<String> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort();
    found
}

pub fn read(path: &str) -> String {
    std::fs::read(root().join(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap_or_default();
        // In a worktree `.git` is a file, and knows its machine.
        if matches!(name.as_str(), "target" | ".git" | "node_modules") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), found);
        } else {
            let path = entry.path();
            found.push(path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"));
        }
    }
}

impl Source {
    /// Tests may unwrap, and may stand on any floor.
    pub fn is_test(&self) -> bool {
        let in_folder = self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "examples"));
        in_folder || self.path.ends_with("/tests.rs") || self.is_declared_for_tests()
    }

    /// `#[cfg(test)] mod name;` in the file above.
    fn is_declared_for_tests(&self) -> bool {
        let path = Path::new(&self.path);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().unwrap_or(Path::new(""));
        let above = ["mod.rs", "lib.rs", "main.rs"].map(|file| folder.join(file));
        above.iter().map(|file| read(&file.to_string_lossy())).any(|text| {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            lines.windows(2).any(|pair| pair[0] == "#[cfg(test)]" && pair[1] == format!("mod {name};"))
        })
    }

    /// The code before a test module at the file's end.
    pub fn production(&self) -> &str {
        self.code.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// Paths that are imported, and others that begin at the crate's root or at a crate of ours; with lines.
    pub fn paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("use ") {
            let before = self.code[..at].trim_end();
            let begins = before.is_empty() || before.ends_with([';', '}', '{', ']', ')']) || before.ends_with("pub");
            if begins && let Some(tree) = self.code[at + 4..].split(';').next() {
                let tree: String = tree.chars().filter(|c| !c.is_whitespace()).collect();
                expand("", &tree, &mut |path| found.push((self.line(at), path)));
            }
        }
        for start in ["crate::", "uriba_", "uriba::"] {
            for (at, _) in self.code.match_indices(start) {
                if self.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                    continue;
                }
                let path: String = self.code[at..].chars().take_while(|c| is_part(*c) || *c == ':').collect();
                // What ends so is the beginning of an import, which was taken apart above.
                if !path.ends_with("::") {
                    found.push((self.line(at), path));
                }
            }
        }
        found
    }

    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("fn ") {
            if self.code[..at].ends_with(is_part) {
                continue;
            }
            let name: String = self.code[at + 3..].chars().take_while(|c| is_part(*c)).collect();
            if let Some(length) = body(&self.code[at..]).filter(|_| !name.is_empty()) {
                found.push(Function { name, line: self.line(at), length });
            }
        }
        found
    }

    /// Names that are declared after one of the words (`fn`, `struct`, …), with their lines.
    pub fn declared(&self, words: &[&str]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for word in words {
            for (at, _) in self.code.match_indices(&format!("{word} ")) {
                if !self.code[..at].ends_with(is_part) {
                    let name = self.code[at + word.len() + 1..].chars().take_while(|c| is_part(*c)).collect();
                    found.push((self.line(at), name));
                }
            }
        }
        found
    }

    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `a::{b, c::{d, e}}` → `a::b`, `a::c::d`, `a::c::e`.
fn expand(before: &str, tree: &str, tell: &mut impl FnMut(String)) {
    let Some((head, rest)) = tree.split_once('{') else {
        return tell(format!("{before}{tree}"));
    };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut from) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if from < at {
                    expand(&format!("{before}{head}"), &inner[from..at], tell);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// How many lines the body of the function at the start of `code` has; `None` for a mere signature.
fn body(code: &str) -> Option<usize> {
    let (mut brackets, mut braces, mut lines) = (0, 0, 0);
    for c in code.chars() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(if lines == 0 { 1 } else { lines - 1 });
                }
            }
            '\n' if braces > 0 => lines += 1,
            _ => {}
        }
    }
    None
}

/// Blanks out comments, and everything between quotes.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => line_end(&chars, at),
            ('/', Some('*')) => comment_end(&chars, at),
            ('"', _) => quote_end(&chars, at),
            ('r', Some('"' | '#')) if !code.ends_with(is_part) || code.ends_with('b') => raw_end(&chars, at),
            ('\'', _) => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| at + length)
}

fn comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) if depth == 1 => return at + 2,
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn quote_end(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `r"…"` and `r#"…"#`; a raw identifier (`r#type`) is no text.
fn raw_end(chars: &[char], start: usize) -> usize {
    let fences = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + fences;
    if chars.get(open) != Some(&'"') {
        return start;
    }
    let closes =
        |at: usize| chars[at] == '"' && chars[at + 1..].iter().take(fences).filter(|c| **c == '#').count() == fences;
    (open + 1..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |at| at + 1 + fences)
}

/// `'x'` and `'\n'`; a lifetime is no text.
fn char_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => chars[at + 3..].iter().position(|c| *c == '\'').map_or(at, |length| at + 4 + length),
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}
