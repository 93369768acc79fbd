//! A bounded reader of the mall's XML: bytes → a small tree of the elements that somebody asks for.
//!
//! Order and presence of elements vary, so a tree that is asked by name suits this mall better than fixed types. What
//! is not asked for is never kept: an order's names and addresses don't even reach the tree. Depth and number of
//! elements are limited, and only the five predefined entities and character references are resolved.

use quick_xml::{
    Reader,
    escape::{escape, resolve_xml_entity},
    events::{BytesRef, Event},
};

const DEPTH_MAX: usize = 32;
/// A page of 500 orders has some 60,000 elements, many of them about people.
const ELEMENTS_MAX: usize = 1_000_000;
/// A page of 500 items with a hundred choices each.
const KEPT_MAX: usize = 300_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child, unless it is absent or empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(Element::text).filter(|text| !text.is_empty())
    }

    /// Its text without the white space around it.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// The tree again, without what looks like a secret or a mail address.
    pub fn redacted(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        out.push_str(&format!("<{}>", self.name));
        if self.children.is_empty() {
            out.push_str(&escape(uriba_sdk::wire::excerpt(self.text().as_bytes())));
        }
        for child in &self.children {
            child.write(out);
        }
        out.push_str(&format!("</{}>", self.name));
    }
}

/// `<name>value</name>`.
pub fn element(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>", escape(value))
}

/// The root element with those below it that are named in `names`, or what is wrong with the body.
pub fn parse(body: &[u8], names: &[&str]) -> Result<Element, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut tree = Tree { names, ..Tree::default() };
    loop {
        match reader.read_event().map_err(|error| format!("the answer is not XML: {error}"))? {
            Event::Start(start) => tree.open(start.name().as_ref())?,
            Event::Empty(empty) => {
                tree.open(empty.name().as_ref())?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(words) => tree.append(&words.xml10_content()),
            Event::CData(words) => tree.append(&words.xml10_content()),
            Event::GeneralRef(reference) => tree.append(&resolved(&reference)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !tree.path.is_empty() {
        return Err("the answer ends in the middle".into());
    }
    tree.root.ok_or_else(|| "the answer is not XML".into())
}

#[derive(Default)]
struct Tree<'a> {
    names: &'a [&'a str],
    /// Elements that have begun; `None` for those that are left out.
    path: Vec<Option<Element>>,
    elements: usize,
    kept: usize,
    root: Option<Element>,
}

impl Tree<'_> {
    fn open(&mut self, name: &str) -> Result<(), String> {
        self.elements += 1;
        let wanted = match self.path.last() {
            None => true,
            Some(parent) => parent.is_some() && self.names.contains(&name),
        };
        self.kept += usize::from(wanted);
        if self.path.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX || self.kept > KEPT_MAX {
            return Err("the answer is deeper or larger than any the mall sends".into());
        }
        self.path.push(wanted.then(|| Element { name: name.to_owned(), ..Element::default() }));
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let ended = self.path.pop().ok_or("an element ends that never began")?;
        let Some(element) = ended else { return Ok(()) };
        match self.path.last_mut() {
            Some(Some(parent)) => parent.children.push(element),
            Some(None) => {}
            None if self.root.is_some() => return Err("the answer has two roots".into()),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn append(&mut self, words: &str) {
        if let Some(Some(element)) = self.path.last_mut() {
            element.text.push_str(words);
        }
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    resolve_xml_entity(reference).map(str::to_owned).ok_or_else(|| "the answer has an unknown entity".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_sections_and_empty_elements_are_read() {
        let body = "\u{feff}<?xml version='1.0'?><a><b>x &amp; &#x3042;</b><c/><d><![CDATA[<e>5</e>]]></d></a>";
        let tree = parse(body.as_bytes(), &["b", "c", "d", "e"]).unwrap();
        assert_eq!(tree.value("b"), Some("x & あ"));
        assert_eq!(tree.value("c"), None);
        assert!(tree.child("c").is_some());
        assert_eq!(tree.value("d"), Some("<e>5</e>"), "what looks like an element in a section is text");
    }

    #[test]
    fn what_nobody_asks_for_is_never_kept() {
        let body = "<o><id>1</id><ordererName>花子</ordererName><sender><id>2</id></sender><i><id>3 a@b.c</id></i></o>";
        let tree = parse(body.as_bytes(), &["i", "id"]).unwrap();
        assert_eq!(tree.redacted(), "<o><id>1</id><i><id>3 … </id></i></o>");
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
        let kept = format!("<a>{}</a>", "<k/>".repeat(KEPT_MAX));
        let bomb = "<!DOCTYPE a [<!ENTITY x \"xxxxxxxx\">]><a>&x;</a>";
        let bodies = [&deep, &wide, &kept, bomb, "<a><b></a>", "<a>", "</a>", "<a/><a/>", "", "no", "<a>&</a>"];
        for body in bodies {
            assert!(parse(body.as_bytes(), &["k"]).is_err(), "{:.40}", body);
        }
        assert!(parse(b"<a>\xff\xfe</a>", &[]).is_err());
    }
}
