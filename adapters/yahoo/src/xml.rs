//! A bounded reader of the mall's XML: bytes → a small tree.
//!
//! The mall adds elements without notice and leaves empty ones out, so a tree that is asked by name suits it
//! better than fixed types. Depth and number of elements are limited, and only the five predefined entities
//! and character references are resolved: a hostile body costs neither stack nor memory.

use quick_xml::{
    Reader,
    escape::{escape, resolve_xml_entity},
    events::{BytesRef, Event},
};

const DEPTH_MAX: usize = 32;
/// A page of 1,000 orders has some 5,000 elements, an answer about 1,000 codes some 12,000.
const ELEMENTS_MAX: usize = 200_000;

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

    /// Its text without the white space around it.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// The text of a child, unless it is absent or empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(Element::text).filter(|text| !text.is_empty())
    }

    /// The first element of this name in this tree.
    pub fn find(&self, name: &str) -> Option<&Element> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }

    /// The tree again, without any element that is not in `names`: what may be kept of an order.
    pub fn only(&self, names: &[&str]) -> String {
        let mut out = String::new();
        self.write_only(names, &mut out);
        out
    }

    fn write_only(&self, names: &[&str], out: &mut String) {
        if !names.contains(&self.name.as_str()) {
            return;
        }
        out.push_str(&format!("<{}>", self.name));
        if self.children.is_empty() {
            out.push_str(&escape(uriba_sdk::wire::excerpt(self.text().as_bytes())));
        }
        for child in &self.children {
            child.write_only(names, out);
        }
        out.push_str(&format!("</{}>", self.name));
    }
}

/// The root element, or what is wrong with the body.
pub fn parse(body: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = Vec::new();
    let mut elements = 0_usize;
    let mut root = None;
    loop {
        match reader.read_event().map_err(|error| format!("the answer is not XML: {error}"))? {
            Event::Start(start) => {
                elements += 1;
                if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX || root.is_some() {
                    return Err("the answer is deeper or larger than any the mall sends".into());
                }
                open.push(named(start.name().as_ref()));
            }
            Event::Empty(empty) => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err("the answer is larger than any the mall sends".into());
                }
                close(named(empty.name().as_ref()), &mut open, &mut root)?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or("an element ends that never began")?;
                close(element, &mut open, &mut root)?;
            }
            Event::Text(words) => append(&mut open, &words.xml10_content()),
            Event::CData(words) => append(&mut open, &words.xml10_content()),
            Event::GeneralRef(reference) => append(&mut open, &resolved(&reference)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !open.is_empty() {
        return Err("the answer ends in the middle".into());
    }
    root.ok_or_else(|| "the answer is not XML".into())
}

fn named(name: &str) -> Element {
    Element { name: name.to_owned(), ..Element::default() }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), String> {
    match (open.last_mut(), &root) {
        (Some(parent), _) => parent.children.push(element),
        (None, None) => *root = Some(element),
        (None, Some(_)) => return Err("the answer has two roots".into()),
    }
    Ok(())
}

fn append(open: &mut [Element], words: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(words);
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
        let tree =
            parse("\u{feff}<?xml version='1.0'?><a><b>x &amp; &#x3042;</b><c/><d><![CDATA[<e>]]></d></a>".as_bytes());
        let tree = tree.unwrap();
        assert_eq!(tree.value("b"), Some("x & あ"));
        assert_eq!(tree.value("c"), None);
        assert!(tree.child("c").is_some());
        assert_eq!(tree.value("d"), Some("<e>"));
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX + 1));
        let bomb = "<!DOCTYPE a [<!ENTITY x \"xxxxxxxx\">]><a>&x;</a>";
        for body in [deep.as_str(), wide.as_str(), bomb, "<a><b></a>", "<a>", "</a>", "<a/><a/>", "", "no", "<a>&</a>"]
        {
            assert!(parse(body.as_bytes()).is_err(), "{:.40}", body);
        }
        assert!(parse(b"<a>\xff\xfe</a>").is_err());
    }

    #[test]
    fn only_named_elements_are_kept() {
        let tree = parse(b"<o><id>1</id><BillName>x</BillName><i><id>2 a@b.c</id></i></o>").unwrap();
        assert_eq!(tree.only(&["o", "i", "id"]), "<o><id>1</id><i><id>2 … </id></i></o>");
    }
}
