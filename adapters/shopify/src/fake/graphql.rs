//! As much of GraphQL as the documents need: a query is parsed, answered with the fields that it asks for and no
//! others, refused for fields that don't exist, and priced.

use serde_json::{Map, Value};

#[derive(Debug, Default)]
pub struct Document {
    pub is_mutation: bool,
    pub name: String,
    pub fields: Vec<Field>,
}

#[derive(Debug, Default)]
pub struct Field {
    pub name: String,
    /// The arguments as they stand.
    pub arguments: String,
    pub directives: Vec<String>,
    /// `... on Type`.
    pub on: Option<String>,
    pub fields: Vec<Field>,
}

impl Document {
    pub fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let kind = parser.word()?;
        let name = parser.word()?;
        parser.parentheses();
        let fields = parser.selection()?;
        let is_mutation = kind == "mutation";
        (is_mutation || kind == "query").then_some(Self { is_mutation, name, fields })
    }

    /// What one query may cost at most: objects cost one, connections by how many they may hold. `ids` are those that
    /// `nodes` is asked for.
    pub fn cost(&self, ids: usize, size: fn(u32) -> u32) -> u32 {
        let base = if self.is_mutation { 9 } else { 0 };
        base + self.fields.iter().map(|field| field.cost(ids, size)).sum::<u32>()
    }
}

impl Field {
    /// `first` of a connection.
    pub fn first(&self) -> Option<u32> {
        let at = self.arguments.find("first:")? + "first:".len();
        let digits: String = self.arguments[at..].trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    fn cost(&self, ids: usize, size: fn(u32) -> u32) -> u32 {
        let within: u32 = self.fields.iter().map(|field| field.cost(0, size)).sum();
        match (self.first(), self.name.as_str()) {
            (Some(first), _) => {
                let nodes: u32 =
                    self.fields.iter().filter(|field| field.name == "nodes").map(|f| f.cost(0, size)).sum();
                2 + size(first) * nodes + (within - nodes)
            }
            (None, "nodes") if ids > 0 => u32::try_from(ids).unwrap_or(u32::MAX) * (1 + within),
            _ if self.fields.is_empty() => 0,
            // A fragment is part of the object that it is on.
            _ if self.on.is_some() => within,
            _ => 1 + within,
        }
    }
}

/// What was asked for of what there is, or the field that there isn't.
pub fn project(value: &Value, fields: &[Field]) -> Result<Value, String> {
    match value {
        Value::Array(items) => {
            Ok(Value::Array(items.iter().map(|item| project(item, fields)).collect::<Result<_, _>>()?))
        }
        Value::Object(object) => {
            let mut answer = Map::new();
            pick(object, fields, &mut answer)?;
            Ok(Value::Object(answer))
        }
        // A scalar has no fields, and of an object somebody must say which.
        other => Ok(other.clone()),
    }
}

fn pick(object: &Map<String, Value>, fields: &[Field], answer: &mut Map<String, Value>) -> Result<(), String> {
    for field in fields {
        if let Some(on) = &field.on {
            if object.get("__typename").and_then(Value::as_str) == Some(on) {
                pick(object, &field.fields, answer)?;
            }
            continue;
        }
        let Some(value) = object.get(&field.name) else { return Err(field.name.clone()) };
        let nested = value.as_array().map_or(value.is_object(), |items| items.iter().any(Value::is_object));
        if nested && field.fields.is_empty() {
            return Err(format!("{} without a selection", field.name));
        }
        answer.insert(field.name.clone(), project(value, &field.fields)?);
    }
    Ok(())
}

/// Objects in an answer: what it cost in the end.
pub fn objects(value: &Value) -> u32 {
    match value {
        Value::Array(items) => items.iter().map(objects).sum(),
        Value::Object(fields) => 1 + fields.values().map(objects).sum::<u32>(),
        _ => 0,
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }

    fn word(&mut self) -> Option<String> {
        self.skip();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip();
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Up to the bracket that closes the first one. No argument of the documents holds a bracket in a text.
    fn parentheses(&mut self) -> String {
        if !self.takes("(") {
            return String::new();
        }
        let end = self.rest.find(')').unwrap_or(self.rest.len());
        let inside = self.rest[..end].to_owned();
        self.rest = self.rest[end..].strip_prefix(')').unwrap_or_default();
        inside
    }

    fn selection(&mut self) -> Option<Vec<Field>> {
        if !self.takes("{") {
            return Some(Vec::new());
        }
        let mut fields = Vec::new();
        while !self.takes("}") {
            fields.push(self.field()?);
        }
        Some(fields)
    }

    fn field(&mut self) -> Option<Field> {
        if self.takes("...") {
            let on = (self.word()? == "on").then(|| self.word()).flatten()?;
            return Some(Field { on: Some(on), fields: self.selection()?, ..Field::default() });
        }
        let mut field = Field { name: self.word()?, arguments: self.parentheses(), ..Field::default() };
        while self.takes("@") {
            field.directives.push(format!("{}({})", self.word()?, self.parentheses()));
        }
        field.fields = self.selection()?;
        Some(field)
    }
}
