//! Stock writes: updates to the lines of a bulk call, and its answer to outcomes. Pure like [`crate::orders`].
//!
//! A bulk call says 0 when every line was done and -1 when some weren't, with a word on each that failed. How that
//! word looks is documented by the names of its parts only, so several forms are read; what they don't tell is
//! `Unknown`, never guessed.

use serde_json::{Map, Value, json};
use uriba_sdk::{Outcome, Refusal, RefusedWhy, Update, Write, wire::excerpt};

use crate::{
    card::QUANTITY_MAX,
    key::Handle,
    qapi::{self, Fields, Reply},
};

/// What is to be written to one listing, and which update it is.
#[derive(Clone, Debug)]
pub struct Line {
    pub index: usize,
    /// The seller's code, for telling lines apart in answers.
    pub code: String,
    pub handle: Handle,
    pub quantity: i64,
}

/// The figure to write, or why this update can't be written.
pub fn figure(update: &Update) -> Result<i64, Refusal> {
    match update.write {
        Write::Absolute(figure) if (0..=QUANTITY_MAX).contains(&figure) => Ok(figure),
        Write::Absolute(_) => Err(refusal(RefusedWhy::OutOfRange, "Qoo10 takes figures from 0 to 2147483647")),
        Write::Relative(_) | Write::CompareAndSet { .. } => {
            Err(refusal(RefusedWhy::Other, "stock of Qoo10 is written absolutely"))
        }
    }
}

/// Without a handle there is nothing to write to.
pub fn nameless() -> Refusal {
    let message = "the shop did not list it when its key was looked up; once it does, enter the mapping again";
    refusal(RefusedWhy::NoSuchItem, message)
}

fn refusal(why: RefusedWhy, message: &str) -> Refusal {
    Refusal { why, code: None, message: message.into() }
}

/// `ItemInfoJson`. A member that isn't there is one that nobody asked to change: nulls mean something else (an
/// `ExpireDate` of null prolongs the sale by a year), and `Price` and `TaxRate` are never sent.
pub fn lines_json(lines: &[Line], also: Option<(&str, Value)>) -> String {
    let lines = lines.iter().map(|line| {
        let mut fields = Map::new();
        fields.insert("ItemCode".into(), json!(line.handle.item));
        if let Some(choice) = &line.handle.option {
            fields.insert("OptionName".into(), json!(choice.name));
            fields.insert("OptionValue".into(), json!(choice.value));
            fields.insert("OptionCode".into(), json!(choice.code));
        }
        fields.insert("Qty".into(), json!(line.quantity));
        fields.extend(also.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(fields)
    });
    Value::Array(lines.collect()).to_string()
}

/// The form of the call for one option, which has no member for a price.
pub fn single(line: &Line) -> Vec<(&'static str, String)> {
    let mut fields = vec![("ItemCode", line.handle.item.clone()), ("Qty", line.quantity.to_string())];
    if let Some(choice) = &line.handle.option {
        fields.push(("OptionName", choice.name.clone()));
        fields.push(("OptionValue", choice.value.clone()));
        fields.push(("OptionCode", choice.code.clone()));
    }
    fields
}

/// The outcome of a call for one option.
pub fn outcome(reply: &Reply) -> Outcome {
    let why = match reply.code {
        0 => return Outcome::Applied { now: None },
        qapi::NOT_FOUND | qapi::NOT_ON_SALE => RefusedWhy::NoSuchItem,
        _ => RefusedWhy::Other,
    };
    Outcome::Refused(Refusal { why, code: Some(reply.code.to_string()), message: reply.message.clone() })
}

/// One outcome per line, in order.
pub fn outcomes(reply: &Reply, lines: &[Line]) -> Vec<Outcome> {
    if reply.code == 0 {
        return vec![Outcome::Applied { now: None }; lines.len()];
    }
    let said = said(&reply.object);
    let mut outcomes = vec![None; lines.len()];
    // What isn't named was done, as long as everything that failed could be told.
    let mut complete = said.iter().any(|word| word.is_good() == Some(false));
    for word in &said {
        match (word.lines(lines).as_slice(), word.is_good()) {
            ([only], Some(true)) => outcomes[*only] = Some(Outcome::Applied { now: None }),
            ([only], Some(false)) => outcomes[*only] = Some(Outcome::Refused(word.refusal())),
            ([], Some(true)) => {}
            ([], _) => complete = false,
            (unclear, _) => unclear.iter().for_each(|index| outcomes[*index] = Some(Outcome::Unknown)),
        }
    }
    let rest = if complete { Outcome::Applied { now: None } } else { Outcome::Unknown };
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| rest.clone())).collect()
}

/// What an answer says of one line.
#[derive(Debug)]
struct Word {
    /// Everything that may name the line: item number, codes, option name and value.
    names: Vec<String>,
    code: Option<String>,
    message: String,
}

impl Word {
    /// The lines that this may be about.
    fn lines(&self, lines: &[Line]) -> Vec<usize> {
        let names = |name: &str| !name.is_empty() && self.names.iter().any(|said| said == name);
        let item = |line: &Line| names(&line.handle.item) || names(&line.code);
        let option = |line: &Line| {
            let choice = line.handle.option.as_ref();
            choice.is_some_and(|choice| names(&choice.code) || names(&choice.value))
        };
        let both = |line: &Line| item(line) && (line.handle.option.is_none() || option(line));
        let find = |fits: &dyn Fn(&Line) -> bool| -> Vec<usize> {
            lines.iter().enumerate().filter(|(_, line)| fits(line)).map(|(index, _)| index).collect()
        };
        // The most that the word says; less where it names no item, or none of its options.
        [find(&both), find(&option), find(&item)].into_iter().find(|found| !found.is_empty()).unwrap_or_default()
    }

    fn is_good(&self) -> Option<bool> {
        match self.code.as_deref() {
            Some(code) => Some(code == "0"),
            None if self.message.is_empty() => None,
            None => Some(self.message.eq_ignore_ascii_case("success")),
        }
    }

    fn refusal(&self) -> Refusal {
        let no_item = self.code.as_deref() == Some("-10001") || self.message.contains("-10001");
        let why = if no_item { RefusedWhy::NoSuchItem } else { RefusedWhy::Other };
        Refusal { why, code: self.code.clone(), message: self.message.clone() }
    }

    fn of(fields: &Fields) -> Self {
        let identity = ["itemcode", "itemno", "sellercode", "optioncode", "optionvalue"];
        Self {
            names: identity.iter().filter_map(|name| fields.text(name)).collect(),
            code: fields.first(&["resultcode", "result_cd", "code", "errorcode"]).map(|text| short(&text)),
            message: short(&fields.first(&["resultmsg", "errormsg", "message", "result"]).unwrap_or_default()),
        }
    }
}

fn said(object: &Value) -> Vec<Word> {
    match object {
        Value::Array(rows) => rows.iter().flat_map(said).collect(),
        Value::Object(fields) => match (fields.get("Keys"), fields.get("Values")) {
            (Some(Value::Array(keys)), Some(Value::Array(values))) => columns(keys, values),
            _ => Fields::of(object.clone()).iter().map(Word::of).collect(),
        },
        _ => Vec::new(),
    }
}

/// Keys and values side by side: either the fields of one line, or one line each.
fn columns(keys: &[Value], values: &[Value]) -> Vec<Word> {
    let is_field = |key: &Value| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case("ItemCode"));
    if keys.iter().any(is_field) {
        let fields = keys.iter().zip(values).filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone())));
        return Fields::of(Value::Object(fields.collect())).iter().map(Word::of).collect();
    }
    let word = |(key, value): (&Value, &Value)| {
        let names = match key {
            Value::String(text) => {
                [vec![text.clone()], text.split([',', '/', '|']).map(str::to_owned).collect()].concat()
            }
            other => vec![other.to_string()],
        };
        let code = qapi::number(value).map(|code| code.to_string());
        Word { names, code, message: short(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)) }
    };
    keys.iter().zip(values).map(word).collect()
}

fn short(text: &str) -> String {
    excerpt(text.as_bytes())
}
