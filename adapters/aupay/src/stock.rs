//! searchStocks and updateStock: the rows of a list of stock, what is sent to write, and the reader of its answer.

use std::collections::{BTreeMap, HashMap, HashSet};

use uriba_sdk::{Counter, Outcome, Refusal, RefusedWhy, Update, Write, wire::excerpt};

use crate::{
    card::QUANTITY_MAX,
    envelope,
    faults::Words,
    keys::{self, Choice, Place},
    xml::{Element, element},
};

/// Rows asked for per page, the most that the mall is said to give.
pub const PAGE: usize = 500;
/// Items per page of the catalogue: as many as a client asks searchItemInfos for.
pub const CATALOGUE_PAGE: usize = 100;

const READ_NAMES: &[&str] = &[
    "result",
    "status",
    "searchResult",
    "maxCount",
    "resultStocks",
    "itemCode",
    "stockSegment",
    "stockCount",
    "choicesStocks",
    "choicesStockHorizontalCode",
    "choicesStockVerticalCode",
    "choicesStockCount",
];
const TITLE_NAMES: &[&str] = &["result", "status", "searchResult", "resultItems", "itemCode", "itemName"];
const WRITTEN_NAMES: &[&str] = &["result", "status", "updateResult", "itemCode", "error", "code", "message"];

/// One item of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub item: String,
    pub stock: Stock,
}

/// A figure that could not be read is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stock {
    Plain(Option<i64>),
    Choices(Vec<(Choice, Option<i64>)>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    pub rows: Vec<Row>,
    /// Rows of this page, those without a code among them.
    length: usize,
    /// `maxCount`: rows of all pages together.
    pub total: Option<usize>,
}

impl Shelf {
    /// Where the page after the one that began at `start` begins.
    pub fn next(&self, start: usize) -> Option<usize> {
        let end = start - 1 + self.length;
        let last = self.length == 0 || self.total.is_some_and(|total| end >= total);
        (!last).then_some(end + 1)
    }
}

/// A page of the list, or what the answer lacks.
pub fn read(body: &[u8]) -> Result<Shelf, String> {
    let root = envelope::well(body, READ_NAMES)?;
    let found = root.child("searchResult").ok_or("the answer holds no search result")?;
    let total = found.value("maxCount").and_then(|count| count.parse().ok());
    let rows = found.all("resultStocks").filter_map(|stated| {
        let item = stated.value("itemCode")?.to_owned();
        let choices: Vec<_> = stated.all("choicesStocks").map(choice).collect();
        let plain = choices.is_empty() && stated.value("stockSegment") != Some("2");
        let stock = if plain { Stock::Plain(figure(stated, "stockCount")) } else { Stock::Choices(choices) };
        Some(Row { item, stock })
    });
    Ok(Shelf { rows: rows.collect(), length: found.all("resultStocks").count(), total })
}

/// Titles by item code, from a page of searchItemInfos.
pub fn titles(body: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let root = envelope::well(body, TITLE_NAMES)?;
    let items = root.child("searchResult").into_iter().flat_map(|found| found.all("resultItems"));
    let titled =
        items.filter_map(|item| Some((item.value("itemCode")?.to_owned(), item.value("itemName")?.to_owned())));
    Ok(titled.collect())
}

fn choice(stated: &Element) -> (Choice, Option<i64>) {
    let code = |name| stated.value(name).unwrap_or_default().to_owned();
    let horizontal = code("choicesStockHorizontalCode");
    let vertical = code("choicesStockVerticalCode");
    (Choice { horizontal, vertical }, figure(stated, "choicesStockCount"))
}

fn figure(stated: &Element, name: &str) -> Option<i64> {
    stated.value(name)?.parse().ok()
}

/// What a row shows for a listing: nothing when it isn't there, an error when its figure can't be read.
pub fn counter(row: &Row, place: &Place) -> Result<Option<Counter>, String> {
    let figure = match (&row.stock, &place.choice) {
        (Stock::Plain(figure), None) => Some(*figure),
        (Stock::Choices(choices), Some(wanted)) => {
            choices.iter().find(|(choice, _)| choice.is(wanted)).map(|(_, figure)| *figure)
        }
        // A plain item that has choices now, or the other way round, is another listing.
        _ => None,
    };
    let Some(figure) = figure else { return Ok(None) };
    let quantity = figure.ok_or_else(|| format!("the figure of {} can't be read", place.key()))?;
    Ok(Some(Counter { quantity: Some(quantity), sells_past_zero: false, not_ours: false }))
}

/// Is this the row that was asked for? The search may also find codes that only contain what was asked for.
pub fn is_of(row: &Row, item: &str) -> bool {
    row.item == item || keys::normal(&row.item) == keys::normal(item)
}

/// A push, sorted into what is sent, by item, and what is answered here.
pub struct Push {
    outcomes: Vec<Option<Outcome>>,
    items: Vec<Item>,
}

/// One `stockUpdateItem`.
pub struct Item {
    code: String,
    /// Indices of the updates, with what each is about.
    writes: Vec<(usize, Option<Choice>, i64)>,
}

impl Push {
    pub fn new(updates: &[Update]) -> Self {
        let mut push = Self { outcomes: vec![None; updates.len()], items: Vec::new() };
        let mut at: HashMap<String, usize> = HashMap::new();
        let mut seen = HashSet::new();
        for (index, update) in updates.iter().enumerate() {
            let place = Place::of(&update.key, update.handle.as_deref());
            let figure = match figure_to_write(update.write) {
                Ok(figure) => figure,
                Err(refused) => {
                    push.outcomes[index] = Some(Outcome::Refused(refused));
                    continue;
                }
            };
            let item = *at.entry(keys::normal(&place.item)).or_insert(push.items.len());
            if item == push.items.len() {
                push.items.push(Item { code: place.item.clone(), writes: Vec::new() });
            }
            let item = &mut push.items[item];
            let mixed = item.writes.iter().any(|(_, choice, _)| choice.is_some() != place.choice.is_some());
            if mixed || item.code != place.item || !seen.insert(place.key()) {
                push.outcomes[index] = Some(busy(None, "already in this request: send it again"));
                continue;
            }
            item.writes.push((index, place.choice, figure));
        }
        push
    }

    /// The items in requests of so many.
    pub fn requests(&self, most: usize) -> impl Iterator<Item = &[Item]> {
        self.items.chunks(most.max(1))
    }

    pub fn settled(self, outcomes: BTreeMap<usize, Outcome>) -> Vec<Outcome> {
        let one = |(index, known): (usize, Option<Outcome>)| {
            known.unwrap_or_else(|| outcomes.get(&index).cloned().unwrap_or(Outcome::Unknown))
        };
        self.outcomes.into_iter().enumerate().map(one).collect()
    }
}

/// The body that writes these items.
pub fn request(items: &[Item], shop_id: &str) -> String {
    let mut body = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><request>");
    body.push_str(&element("shopId", shop_id));
    for item in items {
        body.push_str("<stockUpdateItem>");
        body.push_str(&element("itemCode", &item.code));
        let choices = item.writes.iter().any(|(_, choice, _)| choice.is_some());
        body.push_str(&element("stockSegment", if choices { "2" } else { "1" }));
        for (_, choice, figure) in &item.writes {
            match choice {
                None => body.push_str(&element("stockCount", &figure.to_string())),
                Some(choice) => body.push_str(&format!(
                    "<choicesStocks>{}{}{}</choicesStocks>",
                    element("choicesStockHorizontalCode", &choice.horizontal),
                    element("choicesStockVerticalCode", &choice.vertical),
                    element("choicesStockCount", &figure.to_string())
                )),
            }
        }
        body.push_str("</stockUpdateItem>");
    }
    body + "</request>"
}

/// What became of each update of these items, from an answer about all of them. The status says 1 as soon as one item
/// failed; each item that has no error of its own was written all the same.
pub fn written(body: &[u8], items: &[Item]) -> Result<BTreeMap<usize, Outcome>, String> {
    let (well, root) = envelope::open(body, WRITTEN_NAMES)?;
    let result = root.child("result").into_iter();
    let told: Vec<&Element> = root.all("updateResult").chain(result.flat_map(|r| r.all("updateResult"))).collect();
    if told.is_empty() {
        let refused = "the mall refused the request, for a reason that is not known here";
        return Err(if well { "the answer tells of no item".into() } else { refused.to_owned() });
    }
    let mut outcomes = BTreeMap::new();
    for item in items {
        let code = keys::normal(&item.code);
        let own = told.iter().filter(|told| told.value("itemCode").is_some_and(|found| keys::normal(found) == code));
        let own: Vec<&Element> = own.copied().collect();
        let outcome = outcome(&own, item.writes.len());
        outcomes.extend(item.writes.iter().map(|(index, ..)| (*index, outcome.clone())));
    }
    Ok(outcomes)
}

/// An error is about the item. Whether the other choices of an item are written when one is refused, nobody knows.
fn outcome(told: &[&Element], writes: usize) -> Outcome {
    let Some(failed) = told.iter().find(|told| told.child("error").is_some()) else {
        return if told.is_empty() { Outcome::Unknown } else { Outcome::Applied { now: None } };
    };
    if writes > 1 {
        return Outcome::Unknown;
    }
    let words = Words::of(failed);
    let message = excerpt(words.message.as_bytes());
    Outcome::Refused(Refusal { why: RefusedWhy::Other, code: words.code(), message })
}

/// For what was not written because something else went wrong first.
pub fn busy(code: Option<String>, message: &str) -> Outcome {
    Outcome::Refused(Refusal { why: RefusedWhy::Busy, code, message: message.to_owned() })
}

/// The updates of these items, each with the same outcome.
pub fn all(items: &[Item], outcome: &Outcome) -> BTreeMap<usize, Outcome> {
    items.iter().flat_map(|item| &item.writes).map(|(index, ..)| (*index, outcome.clone())).collect()
}

fn figure_to_write(write: Write) -> Result<i64, Refusal> {
    let refusal = |why, message: &str| Refusal { why, code: None, message: message.to_owned() };
    match write {
        Write::Absolute(figure) if (0..=QUANTITY_MAX).contains(&figure) => Ok(figure),
        Write::Absolute(_) => Err(refusal(RefusedWhy::OutOfRange, "the mall takes 0 to 999")),
        Write::Relative(_) | Write::CompareAndSet { .. } => {
            Err(refusal(RefusedWhy::Other, "the mall has only absolute writes"))
        }
    }
}
