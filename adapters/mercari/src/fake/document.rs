//! As much of GraphQL as the mall's clients use: one operation, variables for all values, selections. Whatever isn't of
//! the schema is refused as the mall refuses it, and what a document costs is measured by its complexity.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Types and their fields; a list is written `[T]`, a scalar `-`.
const SCHEMA: [(&str, &[(&str, &str)]); 15] = [
    (
        "Query",
        &[
            ("orderTransactions", "OrderTransactionConnection"),
            ("orderTransaction", "OrderTransaction"),
            ("productVariant", "ProductVariant"),
            ("products", "ProductConnection"),
            ("shop", "Shop"),
        ],
    ),
    (
        "Mutation",
        &[
            ("updateProductVariants", "UpdateProductVariantsPayload"),
            ("updateProductVariant", "UpdateProductVariantPayload"),
        ],
    ),
    ("OrderTransactionConnection", &[("edges", "[OrderTransactionEdge]"), ("pageInfo", "PageInfo")]),
    ("OrderTransactionEdge", &[("cursor", "-"), ("node", "OrderTransaction")]),
    (
        "OrderTransaction",
        &[
            ("id", "-"),
            ("status", "-"),
            ("createdAt", "-"),
            ("paidAt", "-"),
            ("completedAt", "-"),
            ("totalPrice", "-"),
            ("products", "[OrderProduct]"),
        ],
    ),
    (
        "OrderProduct",
        &[
            ("productId", "-"),
            ("name", "-"),
            ("purchasedQuantity", "-"),
            ("unshippedQuantity", "-"),
            ("shippedCanceledQuantity", "-"),
            ("unshippedCanceledQuantity", "-"),
            ("unitPrice", "-"),
            ("variant", "OrderVariant"),
        ],
    ),
    ("OrderVariant", &[("id", "-"), ("skuCode", "-"), ("janCode", "-"), ("name", "-")]),
    ("ProductConnection", &[("edges", "[ProductEdge]"), ("pageInfo", "PageInfo")]),
    ("ProductEdge", &[("cursor", "-"), ("node", "Product")]),
    ("Product", &[("id", "-"), ("name", "-"), ("status", "-"), ("variants", "[ProductVariant]")]),
    (
        "ProductVariant",
        &[
            ("id", "-"),
            ("skuCode", "-"),
            ("janCode", "-"),
            ("name", "-"),
            ("stockQuantity", "-"),
            ("product", "Product"),
        ],
    ),
    ("PageInfo", &[("hasNextPage", "-"), ("endCursor", "-")]),
    ("UpdateProductVariantsPayload", &[("productVariants", "[ProductVariant]")]),
    ("UpdateProductVariantPayload", &[("productVariant", "ProductVariant")]),
    ("Shop", &[("id", "-"), ("name", "-"), ("shopStatus", "-"), ("businessKind", "-")]),
];

/// Arguments of root fields with their types, `!` where they are required.
const ARGUMENTS: [(&str, &[(&str, &str)]); 7] = [
    (
        "orderTransactions",
        &[
            ("first", "Int!"),
            ("after", "String"),
            ("statuses", "[OrderTransactionStatusFilter!]"),
            ("orderedDateGte", "DateTime"),
            ("orderedDateLt", "DateTime"),
        ],
    ),
    ("orderTransaction", &[("id", "ID!")]),
    ("productVariant", &[("by", "ProductVariantBy!")]),
    ("products", &[("first", "Int!"), ("after", "String")]),
    ("shop", &[]),
    ("updateProductVariants", &[("input", "UpdateProductVariantsInput!")]),
    ("updateProductVariant", &[("by", "ProductVariantBy!"), ("input", "UpdateProductVariantInput!")]),
];

pub struct Operation {
    /// `Query` or `Mutation`.
    pub root: &'static str,
    variables: BTreeMap<String, String>,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub alias: String,
    pub name: String,
    /// Argument and the variable that it is given.
    arguments: BTreeMap<String, String>,
    fields: Vec<Field>,
}

/// A root field and the values of its arguments.
pub type Given<'a> = (&'a Field, Map<String, Value>);

impl Operation {
    pub fn parse(document: &str) -> Option<Self> {
        let mut reader = Reader { tokens: tokens(document)?, at: 0 };
        let root = match reader.next()?.as_str() {
            "query" => "Query",
            "mutation" => "Mutation",
            _ => return None,
        };
        reader.name();
        let mut variables = BTreeMap::new();
        if reader.takes("(") {
            while !reader.takes(")") {
                reader.wants("$")?;
                let name = reader.name()?;
                reader.wants(":")?;
                variables.insert(name, reader.kind()?);
                reader.takes(",");
            }
        }
        let fields = reader.fields()?;
        (reader.at == reader.tokens.len()).then_some(Self { root, variables, fields })
    }

    /// The arguments of each root field with their values; `Err` names what the schema doesn't have.
    pub fn checked(&self, values: &Map<String, Value>) -> Result<Vec<Given<'_>>, String> {
        if let Some(stray) = values.keys().find(|name| !self.variables.contains_key(*name)) {
            return Err(format!("Variable \"${stray}\" is not declared"));
        }
        let of = |field| Ok((field, self.arguments_of(field, values)?));
        for field in &self.fields {
            check(self.root, field)?;
        }
        self.fields.iter().map(of).collect()
    }

    fn arguments_of(&self, field: &Field, values: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        let known = ARGUMENTS.iter().find(|(name, _)| *name == field.name).map_or(&[][..], |(_, known)| known);
        let mut given = Map::new();
        for (argument, variable) in &field.arguments {
            let kind = known.iter().find(|(name, _)| name == argument).map(|(_, kind)| *kind);
            let kind = kind.ok_or_else(|| format!("Unknown argument \"{argument}\" on field \"{}\"", field.name))?;
            let declared = self.variables.get(variable).ok_or_else(|| format!("Variable \"${variable}\""))?;
            if declared.trim_end_matches('!') != kind.trim_end_matches('!') {
                return Err(format!("Variable \"${variable}\" of type \"{declared}\" used as \"{kind}\""));
            }
            if let Some(value) = values.get(variable).filter(|value| !value.is_null()) {
                let fits = fits(kind.trim_end_matches('!'), value);
                fits.then(|| given.insert(argument.clone(), value.clone()))
                    .ok_or_else(|| format!("Variable \"${variable}\" got an invalid value"))?;
            }
        }
        match known.iter().find(|(name, kind)| kind.ends_with('!') && !given.contains_key(*name)) {
            Some((name, _)) => Err(format!("argument \"{name}\" of \"{}\" is required", field.name)),
            None => Ok(given),
        }
    }

    /// Complexity by the hundred, at least a point. Pages count by the rows that they may hold, other lists as
    /// `list_rows` of them.
    pub fn points(&self, values: &Map<String, Value>, list_rows: u64) -> u32 {
        let total: u64 = self.fields.iter().map(|field| self.cost(self.root, field, values, list_rows)).sum();
        u32::try_from(total.div_ceil(100)).unwrap_or(u32::MAX).max(1)
    }

    fn cost(&self, on: &str, field: &Field, values: &Map<String, Value>, list_rows: u64) -> u64 {
        let kind = kind_of(on, &field.name).unwrap_or("-");
        let inner = kind.trim_matches(['[', ']']);
        let within: u64 = field.fields.iter().map(|field| self.cost(inner, field, values, list_rows)).sum();
        let first = field.arguments.get("first").and_then(|name| values.get(name)).and_then(Value::as_u64);
        let rows = match first {
            Some(first) => first,
            None if kind.starts_with('[') && field.name != "edges" => list_rows,
            None => 1,
        };
        1 + rows * within
    }
}

fn kind_of(on: &str, name: &str) -> Option<&'static str> {
    let (_, fields) = SCHEMA.iter().find(|(kind, _)| *kind == on)?;
    fields.iter().find(|(field, _)| *field == name).map(|(_, kind)| *kind)
}

fn check(on: &str, field: &Field) -> Result<(), String> {
    let kind =
        kind_of(on, &field.name).ok_or_else(|| format!("Cannot query field \"{}\" on type \"{on}\"", field.name))?;
    if (kind == "-") != field.fields.is_empty() {
        return Err(format!("Field \"{}\" of type \"{kind}\" and its selection", field.name));
    }
    field.fields.iter().try_for_each(|inner| check(kind.trim_matches(['[', ']']), inner))
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "ID" | "String" => value.is_string(),
        "DateTime" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "ProductVariantBy" => {
            let fields = value.as_object();
            fields.is_some_and(|fields| {
                fields.len() == 1
                    && fields.iter().all(|(name, value)| is_in(&["id", "skuCode"], name) && value.is_string())
            })
        }
        "UpdateProductVariantInput" => has_figure(value),
        "UpdateProductVariantsInput" => value["productVariants"].as_array().is_some_and(|entries| {
            entries.iter().all(|entry| fits("ProductVariantBy", &entry["by"]) && has_figure(&entry["input"]))
        }),
        "[OrderTransactionStatusFilter!]" => value.as_array().is_some_and(|names| {
            names.iter().all(|name| name.as_str().is_some_and(|name| is_in(&super::view::STATUSES, name)))
        }),
        _ => false,
    }
}

fn has_figure(value: &Value) -> bool {
    let fields = value.as_object();
    fields.is_some_and(|fields| fields.len() == 1 && fields.get("stockQuantity").is_some_and(|n| fits("Int", n)))
}

fn is_in(words: &[&str], word: &str) -> bool {
    words.contains(&word)
}

impl Field {
    /// Of everything that there is, what was asked for.
    pub fn select(&self, whole: &Value) -> Value {
        match whole {
            Value::Array(rows) => rows.iter().map(|row| self.select(row)).collect(),
            Value::Object(all) => {
                let one =
                    |field: &Field| (field.alias.clone(), field.select(all.get(&field.name).unwrap_or(&Value::Null)));
                Value::Object(self.fields.iter().map(one).collect())
            }
            plain => plain.clone(),
        }
    }
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        Some(token)
    }

    fn takes(&mut self, token: &str) -> bool {
        let there = self.tokens.get(self.at).is_some_and(|found| found == token);
        self.at += usize::from(there);
        there
    }

    fn wants(&mut self, token: &str) -> Option<()> {
        self.takes(token).then_some(())
    }

    fn name(&mut self) -> Option<String> {
        let named = self.tokens.get(self.at).is_some_and(|token| token.starts_with(is_of_a_name));
        if named { self.next() } else { None }
    }

    fn kind(&mut self) -> Option<String> {
        let kind = match self.takes("[") {
            true => {
                let inner = self.kind()?;
                self.wants("]")?;
                format!("[{inner}]")
            }
            false => self.name()?,
        };
        Some(if self.takes("!") { format!("{kind}!") } else { kind })
    }

    fn fields(&mut self) -> Option<Vec<Field>> {
        self.wants("{")?;
        let mut fields = Vec::new();
        while !self.takes("}") {
            let first = self.name()?;
            let (alias, name) = if self.takes(":") { (first, self.name()?) } else { (first.clone(), first) };
            let mut arguments = BTreeMap::new();
            if self.takes("(") {
                while !self.takes(")") {
                    let argument = self.name()?;
                    self.wants(":")?;
                    self.wants("$")?;
                    arguments.insert(argument, self.name()?);
                    self.takes(",");
                }
            }
            let inner = self.tokens.get(self.at).is_some_and(|token| token == "{");
            let inner = if inner { self.fields()? } else { Vec::new() };
            fields.push(Field { alias, name, arguments, fields: inner });
        }
        (!fields.is_empty()).then_some(fields)
    }
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn tokens(text: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '!' | '$' | ',' => 1,
            _ if is_of_a_name(first) => rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len()),
            _ => return None,
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        graphql::{self, Question, points},
        stock,
    };

    fn asked() -> Vec<Question> {
        let ids: Vec<_> = (0..graphql::IDS_MAX).map(|n| format!("ot_{n}")).collect();
        let by: Vec<_> = (0..graphql::VARIANTS_MAX).map(|n| stock::by_sku(&format!("Cup{n}"))).collect();
        let figures: Vec<_> = by.iter().map(|by| (by.clone(), 3)).collect();
        let window = json!({"orderedDateGte": "2026-11-21T01:15:00Z", "orderedDateLt": "2026-11-21T01:20:01Z"});
        vec![
            graphql::search(graphql::PAGE, &window),
            graphql::search(graphql::PAGE_LEAST, &window),
            graphql::orders(&ids.iter().collect::<Vec<_>>()),
            graphql::orders(&[&ids[0]]),
            graphql::variants(&by.iter().collect::<Vec<_>>()),
            graphql::write(&figures),
            graphql::write(&figures[..1]),
            graphql::write_one(&figures[0]),
            graphql::list(Some("c1")),
            graphql::shop(),
        ]
    }

    #[test]
    fn what_we_reckon_is_never_less_than_what_the_mall_measures() {
        for question in asked() {
            let operation = Operation::parse(&question.document).unwrap();
            let values = question.variables.as_object().unwrap();
            operation.checked(values).unwrap();
            let (cheap, dear) = (operation.points(values, 1), operation.points(values, u64::from(points::LIST)));
            let told = format!("{}: {cheap} to {dear}, reckoned {}", question.operation, question.points);
            assert!(cheap <= dear && dear <= question.points && question.points <= dear + 1, "{told}");
        }
    }

    #[test]
    fn what_is_not_of_the_schema_is_refused() {
        let values = |value: Value| value.as_object().cloned().unwrap();
        let good = "query a($id: ID!) { orderTransaction(id: $id) { id } }";
        let id = values(json!({"id": "ot_a"}));
        assert!(Operation::parse(good).unwrap().checked(&id).is_ok());
        for (bad, values) in [
            (good, values(json!({}))),
            (good, values(json!({"id": 7}))),
            (good, values(json!({"id": "ot_a", "more": 1}))),
            ("query a($id: ID!) { order(id: $id) { id } }", id.clone()),
            ("query a($id: ID!) { orderTransaction(id: $id) { id buyer } }", id.clone()),
            ("query a($id: ID!) { orderTransaction(id: $id) { id products } }", id.clone()),
            ("query a($id: String!) { orderTransaction(id: $id) { id } }", id.clone()),
            ("query a($id: ID!) { orderTransaction(key: $id) { id } }", id),
        ] {
            assert!(Operation::parse(bad).unwrap().checked(&values).is_err(), "{bad} {values:?}");
        }
        for bad in
            ["", "{", "query { shop { id }", "query { shop { id } } }", "query { shop { } }", "drop { shop { id } }"]
        {
            assert!(Operation::parse(bad).is_none(), "{bad}");
        }
    }
}
