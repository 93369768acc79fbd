//! getStock and setStock: keys, the forms that are sent, and the readers of their answers.

use std::collections::{HashMap, HashSet};

use uriba_sdk::{Counter, Outcome, Reading, Refusal, RefusedWhy, Resolved, Update, Write, mall::ListingKey};

use crate::{
    card::QUANTITY_MAX,
    xml::{self, Element},
};

/// Source: getStock, setStock: item and sub code have at most so many characters.
const CODE_MAX: usize = 99;

/// The normalised mall key. Whether the mall tells upper from lower case is not established. If it does, an
/// item with capitals reads back as missing before anything is written to it.
pub fn key(item: &str, sub: &str) -> String {
    let separator = if sub.is_empty() { "" } else { ":" };
    format!("{item}{separator}{sub}").to_ascii_lowercase()
}

/// Reads a person's spelling, of any case and width.
pub fn resolve(given: &str) -> Resolved {
    Resolved { given: given.to_owned(), key: listing_key(given) }
}

fn listing_key(given: &str) -> Result<ListingKey, String> {
    let narrow: String = given.trim().chars().map(narrow).collect();
    let mut codes = narrow.split(':');
    let item = code(codes.next().unwrap_or_default(), "item code")?;
    let sub = codes.next().map_or(Ok(""), |sub| code(sub, "sub code"))?;
    if codes.next().is_some() {
        return Err("a key is `item_code` or `item_code:sub_code`, with one colon at most".into());
    }
    Ok(ListingKey { key: key(item, sub), handle: None })
}

fn code<'a>(text: &'a str, what: &str) -> Result<&'a str, String> {
    if text.is_empty() || text.len() > CODE_MAX {
        return Err(format!("the {what} must have 1 to {CODE_MAX} characters"));
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(format!("the {what} may hold letters, digits and hyphens only"));
    }
    Ok(text)
}

/// Full-width forms as half-width ones.
fn narrow(c: char) -> char {
    match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

/// A push, sorted into what is sent and what is answered here.
pub struct Push<'a> {
    updates: &'a [Update],
    outcomes: Vec<Option<Outcome>>,
}

impl<'a> Push<'a> {
    pub fn new(updates: &'a [Update]) -> Self {
        let mut seen = HashSet::new();
        let outcomes = updates.iter().map(|update| {
            let refused = refused_here(update.write).or_else(|| {
                // The mall refuses a whole request for one code that is there twice.
                let again = !seen.insert(update.key.as_str());
                again.then(|| refusal(RefusedWhy::Busy, None, "already in this request: send it again"))
            });
            refused.map(Outcome::Refused)
        });
        Self { updates, outcomes: outcomes.collect() }
    }

    /// The values of `item_code` and `quantity`; `None` when nothing is left to send.
    pub fn form(&self) -> Option<(String, String)> {
        let sent: Vec<&Update> = self.sent().collect();
        let codes: Vec<&str> = sent.iter().map(|update| update.key.as_str()).collect();
        let quantities: Vec<String> = sent.iter().map(|update| quantity(update.write)).collect();
        (!sent.is_empty()).then(|| (codes.join(","), quantities.join(",")))
    }

    /// One outcome per update, from an answer to all that was sent.
    pub fn read(self, body: &[u8]) -> Result<Vec<Outcome>, String> {
        let results = results(body)?;
        Ok(self
            .settle(|update| results.get(&update.key).map_or(Outcome::Unknown, |result| outcome(result, update.write))))
    }

    /// One outcome per update, from an error that answers a request with a single code, if it is about that
    /// code and not about the request.
    pub fn read_single(&self, code: &str) -> Option<Outcome> {
        let mut sent = self.sent();
        let (Some(only), None) = (sent.next(), sent.next()) else { return None };
        let about_the_code = matches!(code, "ed-00004" | "ed-00005" | "ed-00006" | "ed-10001" | "ed-10002");
        about_the_code.then(|| failed(code, only.write))
    }

    /// Fills in the outcomes of what was sent.
    pub fn settle(self, outcome: impl Fn(&Update) -> Outcome) -> Vec<Outcome> {
        let pairs = self.outcomes.into_iter().zip(self.updates);
        pairs.map(|(known, update)| known.unwrap_or_else(|| outcome(update))).collect()
    }

    fn sent(&self) -> impl Iterator<Item = &'a Update> {
        self.updates.iter().zip(&self.outcomes).filter(|(_, outcome)| outcome.is_none()).map(|(update, _)| update)
    }
}

fn refused_here(write: Write) -> Option<Refusal> {
    match write {
        // A sign means relative, so a figure below zero can't be written.
        Write::Absolute(figure) if !(0..=QUANTITY_MAX).contains(&figure) => {
            Some(refusal(RefusedWhy::OutOfRange, None, "the mall takes 0 to 999,999,999"))
        }
        Write::Relative(change) if !(-QUANTITY_MAX..=QUANTITY_MAX).contains(&change) => {
            Some(refusal(RefusedWhy::OutOfRange, None, "the mall takes changes up to 999,999,999"))
        }
        Write::CompareAndSet { .. } => Some(refusal(RefusedWhy::Other, None, "the mall has no compare-and-set")),
        Write::Absolute(_) | Write::Relative(_) => None,
    }
}

fn quantity(write: Write) -> String {
    match write {
        Write::Absolute(figure) => figure.to_string(),
        Write::Relative(change) => format!("{change:+}"),
        // Refused before anything is sent.
        Write::CompareAndSet { to, .. } => to.to_string(),
    }
}

fn outcome(result: &Element, write: Write) -> Outcome {
    match (result.value("ErrorCode"), result.value("Quantity").map(str::parse::<i64>)) {
        (Some(code), _) => failed(code, write),
        (None, Some(Ok(now))) => Outcome::Applied { now: Some(now) },
        // An item that is there is answered with its figure, so this may be none, or one without a limit. For a
        // change that matters.
        (None, None) if matches!(write, Write::Relative(_)) => Outcome::Unknown,
        (None, None) => Outcome::Applied { now: None },
        (None, Some(Err(_))) => Outcome::Unknown,
    }
}

/// Items with an `ErrorCode` were not updated, but for `ed-10002`.
fn failed(code: &str, write: Write) -> Outcome {
    let lowers = matches!(write, Write::Relative(change) if change < 0);
    let (why, message) = match code {
        "ed-10002" => return Outcome::Applied { now: None },
        "ed-00001" | "ed-00002" | "ed-00006" | "st-02999" => (RefusedWhy::Busy, "the mall could not write it now"),
        // A value that is in range and still invalid can only have led below zero.
        "ed-00005" | "st-02104" if lowers => (RefusedWhy::BelowZero, "the mall shows less than was to be taken away"),
        "ed-00005" | "st-02104" => (RefusedWhy::OutOfRange, "the mall calls the figure invalid"),
        _ => (RefusedWhy::Other, "the mall did not write it"),
    };
    let code: String = code.chars().filter(|c| !c.is_control()).take(32).collect();
    Outcome::Refused(refusal(why, Some(code), message))
}

fn refusal(why: RefusedWhy, code: Option<String>, message: &str) -> Refusal {
    Refusal { why, code, message: message.into() }
}

/// One reading per key, from an answer to all of them.
pub fn read(body: &[u8], keys: &[ListingKey]) -> Result<Vec<Reading>, String> {
    let results = results(body)?;
    keys.iter()
        .map(|listing| {
            let exists = results.get(&listing.key).filter(|result| result.value("Status") == Some("1"));
            let found = exists.map(counter).transpose()?;
            Ok(Reading { key: listing.key.clone(), found })
        })
        .collect()
}

fn counter(result: &Element) -> Result<Counter, String> {
    let quantity = result.child("Quantity").ok_or("an item without Quantity")?.text();
    let quantity = match quantity {
        "" => None,
        text => Some(text.parse().map_err(|_| "an odd Quantity".to_owned())?),
    };
    let sells_past_zero = matches!(result.value("AllowOverdraft"), Some("1" | "true"));
    Ok(Counter { quantity, sells_past_zero, not_ours: false })
}

/// The results by normalised key.
fn results(body: &[u8]) -> Result<HashMap<String, Element>, String> {
    let root = xml::parse(body)?;
    if root.name != "ResultSet" {
        return Err("the answer is no ResultSet".into());
    }
    let results = root.children.into_iter().filter(|child| child.name == "Result");
    let named = results.filter_map(|result| {
        let key = key(result.value("ItemCode")?, result.value("SubCode").unwrap_or_default());
        Some((key, result))
    });
    Ok(named.collect())
}
