//! Documents and what they cost, and an answer's envelope. Pure.
//!
//! Every document names its values as variables, so nothing has to be escaped into it. Several look-ups share one
//! document under aliases: a request costs at least a point however small it is.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    card::{LIST, ORDER, SEARCH, SHOP, VARIANT, WRITE, WRITE_ONE},
    faults::Word,
};

/// Orders in a page. A page is reckoned by what it may hold, so a larger one only costs more when little is new.
pub const PAGE: u32 = 50;
/// A page that took the mall too long is asked for again with half as many, down to this.
pub const PAGE_LEAST: u32 = 10;
/// Orders in one look-up.
pub const IDS_MAX: usize = 10;
/// The mall's limit for `updateProductVariants`, and ours for look-ups of variants.
pub const VARIANTS_MAX: usize = 20;
/// Products in a page of the catalogue.
pub const LISTED_MAX: u32 = 25;

/// `unshippedQuantity` is what counts; the others say where the rest went.
const ORDER_FIELDS: &str = "id status createdAt products { productId purchasedQuantity unshippedQuantity \
                            unshippedCanceledQuantity variant { id skuCode } }";
const VARIANT_FIELDS: &str = "id skuCode stockQuantity product { id }";
const WRITTEN_FIELDS: &str = "id skuCode stockQuantity";

/// One request: the operation by its name on the card, what is asked, and the points that it takes by our reckoning.
pub struct Question {
    pub operation: &'static str,
    pub writes: bool,
    pub document: String,
    pub variables: Value,
    pub points: u32,
}

impl Question {
    pub fn body(&self) -> Vec<u8> {
        json!({"query": self.document, "variables": self.variables}).to_string().into_bytes()
    }
}

/// A page of orders. `filter` holds the variables of the window and the page.
pub fn search(first: u32, filter: &Value) -> Question {
    let mut variables = filter.clone();
    variables["first"] = json!(first);
    let document = format!(
        "query {SEARCH}($first: Int!, $after: String, $statuses: [OrderTransactionStatusFilter!], \
         $orderedDateGte: DateTime, $orderedDateLt: DateTime) {{ {SEARCH}(first: $first, after: $after, \
         statuses: $statuses, orderedDateGte: $orderedDateGte, orderedDateLt: $orderedDateLt) \
         {{ edges {{ node {{ {ORDER_FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    Question { operation: SEARCH, writes: false, document, variables, points: points::page(first) }
}

pub fn orders(ids: &[&String]) -> Question {
    let ids: Vec<_> = ids.iter().map(|id| json!(id)).collect();
    let (document, variables) = aliased(ORDER, ("id", "ID!"), &ids, ORDER_FIELDS);
    Question { operation: ORDER, writes: false, document, variables, points: points::orders(ids.len()) }
}

/// `by`: how each variant is addressed.
pub fn variants(by: &[&Value]) -> Question {
    let by: Vec<_> = by.iter().map(|by| (*by).clone()).collect();
    let (document, variables) = aliased(VARIANT, ("by", "ProductVariantBy!"), &by, VARIANT_FIELDS);
    Question { operation: VARIANT, writes: false, document, variables, points: points::variants(by.len()) }
}

/// Figures of several variants. How the mall names these arguments was not seen; if it doesn't know them, it refuses
/// the document before it does anything, and [`write_one`] is used instead.
pub fn write(figures: &[(Value, i64)]) -> Question {
    let entry = |(by, figure): &(Value, i64)| json!({"by": by, "input": {"stockQuantity": figure}});
    let document = format!(
        "mutation {WRITE}($input: UpdateProductVariantsInput!) {{ {WRITE}(input: $input) \
         {{ productVariants {{ {WRITTEN_FIELDS} }} }} }}"
    );
    let variables = json!({"input": {"productVariants": figures.iter().map(entry).collect::<Vec<_>>()}});
    Question { operation: WRITE, writes: true, document, variables, points: points::written(figures.len()) }
}

pub fn write_one((by, figure): &(Value, i64)) -> Question {
    let document = format!(
        "mutation {WRITE_ONE}($by: ProductVariantBy!, $input: UpdateProductVariantInput!) \
         {{ {WRITE_ONE}(by: $by, input: $input) {{ productVariant {{ {WRITTEN_FIELDS} }} }} }}"
    );
    let variables = json!({"by": by, "input": {"stockQuantity": figure}});
    Question { operation: WRITE_ONE, writes: true, document, variables, points: points::written(1) }
}

pub fn list(after: Option<&str>) -> Question {
    let document = format!(
        "query {LIST}($first: Int!, $after: String) {{ {LIST}(first: $first, after: $after) \
         {{ edges {{ node {{ id name variants {{ id skuCode janCode name }} }} }} \
         pageInfo {{ hasNextPage endCursor }} }} }}"
    );
    let mut variables = json!({"first": LISTED_MAX});
    if let Some(after) = after {
        variables["after"] = json!(after);
    }
    Question { operation: LIST, writes: false, document, variables, points: points::listed(LISTED_MAX) }
}

pub fn shop() -> Question {
    let document = format!("query {SHOP} {{ {SHOP} {{ id name shopStatus }} }}");
    Question { operation: SHOP, writes: false, document, variables: json!({}), points: points::SHOP }
}

/// The same look-up of several things, each under its place: `n0`, `n1`, …
fn aliased(field: &str, (argument, kind): (&str, &str), values: &[Value], fields: &str) -> (String, Value) {
    let (mut declared, mut asked, mut variables) = (Vec::new(), Vec::new(), json!({}));
    for (n, value) in values.iter().enumerate() {
        declared.push(format!("${argument}{n}: {kind}"));
        asked.push(format!("n{n}: {field}({argument}: ${argument}{n}) {{ {fields} }}"));
        variables[format!("{argument}{n}")] = value.clone();
    }
    (format!("query {field}({}) {{ {} }}", declared.join(", "), asked.join(" ")), variables)
}

/// What a document takes: its complexity by the hundred, at least one point. The mall doesn't say how it counts.
/// We count a point of complexity for every field, a page by the rows that it may hold, and other lists as
/// [`points::LIST`] rows; an estimate that is too low would close the shop's budget for the rest of its hour.
pub mod points {
    pub const LIST: u32 = 5;
    /// `product { … }` and its lines.
    const ORDER: u32 = 3 + 1 + LIST * (4 + 3);
    const PAGE_INFO: u32 = 3;
    pub const SHOP: u32 = 1;

    pub const fn page(first: u32) -> u32 {
        of(1 + first * (2 + ORDER + PAGE_INFO))
    }

    pub const fn orders(count: usize) -> u32 {
        of(count as u32 * (1 + ORDER))
    }

    pub const fn variants(count: usize) -> u32 {
        of(count as u32 * (1 + 3 + 2))
    }

    pub const fn written(count: usize) -> u32 {
        let rows = if count as u32 > LIST { count as u32 } else { LIST };
        of(2 + 3 * rows)
    }

    pub const fn listed(first: u32) -> u32 {
        of(1 + first * (2 + 3 + LIST * 4 + PAGE_INFO))
    }

    const fn of(complexity: u32) -> u32 {
        let points = complexity.div_ceil(100);
        if points == 0 { 1 } else { points }
    }
}

/// An answer's envelope.
#[derive(Debug)]
pub struct Told {
    pub data: Option<Box<RawValue>>,
    pub errors: Vec<Fault>,
}

/// One entry of `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub word: Word,
    pub code: Option<String>,
    pub message: String,
    /// Response names, from the root; places in lists are left as numbers.
    pub path: Vec<String>,
}

impl Told {
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
        let body: Body = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let errors: Vec<_> = body.errors.unwrap_or_default().into_iter().map(Fault::from).collect();
        if body.data.is_none() && errors.is_empty() {
            return Err("an answer with neither data nor errors".into());
        }
        Ok(Self { data: body.data, errors })
    }

    /// The data, when nothing went wrong.
    pub fn whole(&self) -> Option<&str> {
        self.data.as_deref().map(RawValue::get).filter(|_| self.errors.is_empty())
    }
}

#[derive(Deserialize)]
struct Body {
    data: Option<Box<RawValue>>,
    errors: Option<Vec<WireError>>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    path: Option<Vec<Value>>,
    #[serde(default)]
    extensions: Option<Value>,
}

impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        let code = error.extensions.as_ref().and_then(|found| found["code"].as_str()).map(str::to_owned);
        let message = error.message.unwrap_or_default();
        let step = |step: Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
        let path = error.path.unwrap_or_default().into_iter().map(step).collect();
        Self { word: Word::of(code.as_deref(), &message), code, message, path }
    }
}

/// What became of one of several look-ups that shared a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookedUp {
    Found(String),
    Missing,
    /// Another one's failure took the answer away.
    Untold,
}

/// Sorts an answer by alias. `Err`: it failed for another reason than that something doesn't exist, or isn't
/// understood (`None`).
pub fn sort(told: &Told, count: usize) -> Result<Vec<LookedUp>, Option<&Fault>> {
    if let Some(fault) = told.errors.iter().find(|fault| fault.word != Word::NotFound) {
        return Err(Some(fault));
    }
    let data = match &told.data {
        Some(data) => {
            let text = data.get();
            serde_json::from_str::<std::collections::BTreeMap<String, Option<&RawValue>>>(text).map_err(|_| None)?
        }
        None => std::collections::BTreeMap::new(),
    };
    let missing = |alias: &str| {
        let named = told.errors.iter().any(|fault| fault.path.first().is_some_and(|first| first == alias));
        // The only one asked for is the one that doesn't exist, also where the mall doesn't say which.
        named || (count == 1 && !told.errors.is_empty())
    };
    let one = |n: usize| {
        let alias = format!("n{n}");
        match data.get(&alias) {
            Some(Some(found)) => Ok(LookedUp::Found(found.get().to_owned())),
            _ if missing(&alias) => Ok(LookedUp::Missing),
            _ if told.errors.is_empty() => Err(None),
            _ => Ok(LookedUp::Untold),
        }
    };
    (0..count).map(one).collect()
}
