//! `openapi.yaml` says what the types of [`crate::protocol`] write and read: every property, whether it may be left
//! out, whether it may be null.

use std::collections::BTreeSet;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Visitor, value::Error},
    forward_to_deserialize_any,
};
use serde_json::{Value, json};

use crate::protocol::*;

fn document() -> Value {
    serde_saphyr::from_str(include_str!("../openapi.yaml")).unwrap()
}

fn schema(document: &Value, name: &str) -> Value {
    let schema = document["components"]["schemas"][name].clone();
    assert!(schema.is_object(), "no schema {name}");
    schema
}

/// The names that a type asks for when it is read.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("only the names are of interest"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn names_of<'de, T: Deserialize<'de>>() -> BTreeSet<String> {
    let mut names: &[&str] = &[];
    assert!(T::deserialize(Names(&mut names)).is_err());
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn properties(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

fn required(schema: &Value) -> BTreeSet<String> {
    schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn may_be_null(property: &Value) -> bool {
    let has_null = |types: &Value| types.as_array().is_some_and(|types| types.contains(&json!("null")));
    has_null(&property["type"])
        || property["oneOf"].as_array().is_some_and(|ways| ways.iter().any(|way| way["type"] == "null"))
}

/// Every property with the value that some example has.
fn of_all_examples(schema: &Value) -> Value {
    let examples = schema["examples"].as_array().unwrap().iter().map(|example| example.as_object().unwrap().clone());
    Value::Object(examples.flatten().collect())
}

/// What is left of the example when a property is away or null, read as this type reads it.
fn holds(name: &str, names: BTreeSet<String>, reads: impl Fn(&Value) -> Result<(), String>, nulls: bool) {
    let schema = schema(&document(), name);
    let (properties, required, example) = (properties(&schema), required(&schema), &of_all_examples(&schema));
    assert_eq!(properties, names, "{name}: the properties");
    for example in schema["examples"].as_array().unwrap() {
        reads(example).unwrap_or_else(|error| panic!("{name}: {example} is not understood: {error}"));
    }
    let given: BTreeSet<_> = example.as_object().unwrap().keys().cloned().collect();
    assert_eq!(given, names, "{name}: an example of every property");
    for property in &properties {
        let mut without = example.clone();
        without.as_object_mut().unwrap().remove(property);
        assert_eq!(reads(&without).is_err(), required.contains(property), "{name} without {property}");
        if nulls {
            let mut with = example.clone();
            with[property] = Value::Null;
            let null = may_be_null(&schema["properties"][property]);
            assert_eq!(reads(&with).is_ok(), null, "{name}: {property} is null");
        }
    }
}

/// A part of an answer.
fn part<T: DeserializeOwned>(name: &str) {
    let reads = |value: &Value| serde_json::from_value::<T>(value.clone()).map(drop).map_err(|error| error.to_string());
    holds(name, names_of::<T>(), reads, true);
}

/// A whole answer, which holds `protocol` beside what its type reads.
macro_rules! answer {
    ($type:ty, $name:literal) => {{
        let mut names = names_of::<$type>();
        names.insert("protocol".into());
        let reads = |value: &Value| read::<$type>(value.to_string().as_bytes()).map(drop);
        holds($name, names, reads, true);
    }};
}

/// A question, or a part of one: what is read is also what is written, and null is never written.
fn question<T: DeserializeOwned + Serialize>(name: &str) {
    let reads = |value: &Value| {
        let read: T = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written, *value, "{name} is written as it was read");
        Ok(())
    };
    holds(name, names_of::<T>(), reads, false);
}

#[test]
fn questions_are_written_as_the_document_says() {
    question::<HelloQuestion>("HelloQuestion");
    question::<PullQuestion>("PullQuestion");
    question::<OrdersQuestion>("OrdersQuestion");
    question::<PushQuestion>("PushQuestion");
    question::<UpdateBody>("Update");
    question::<ResolveQuestion>("ResolveQuestion");
    question::<ReadQuestion>("ReadQuestion");
    question::<ItemBody>("Item");
    question::<TicketsQuestion>("TicketsQuestion");
    question::<CatalogueQuestion>("CatalogueQuestion");
}

#[test]
fn answers_are_read_as_the_document_says() {
    answer!(HelloAnswer, "HelloAnswer");
    answer!(PullAnswer<'_>, "PullAnswer");
    answer!(OrdersAnswer<'_>, "OrdersAnswer");
    answer!(PushAnswer, "PushAnswer");
    answer!(ResolveAnswer, "ResolveAnswer");
    answer!(ReadAnswer, "ReadAnswer");
    answer!(TicketsAnswer, "TicketsAnswer");
    answer!(CatalogueAnswer, "CatalogueAnswer");
    answer!(ErrorAnswer, "ErrorAnswer");
    part::<OrderBody>("Order");
    part::<FamilyBody>("Family");
    part::<LineBody>("Line");
    part::<UnreadBody>("Unread");
    part::<OutcomeBody>("Outcome");
    part::<TicketBody>("Ticket");
    part::<KeyBody>("Key");
    part::<ReadingBody>("Reading");
    part::<ListedBody>("Listed");
    part::<ErrorBody>("Error");
    part::<RefusedBody>("Refusal");
}

#[test]
fn every_schema_of_the_document_is_held_to_a_type() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let own = include_str!("openapi.rs");
    // `Protocol` is a number, and `Write` has three forms: each is held to its own test.
    let apart = ["Protocol", "Write"];
    let untold: Vec<_> = schemas.keys().filter(|name| !apart.contains(&name.as_str())).collect();
    for name in untold {
        assert!(own.contains(&format!("(\"{name}\")")) || own.contains(&format!(", \"{name}\")")), "{name}");
    }
    assert_eq!(schemas["Protocol"]["const"], PROTOCOL);
}

#[test]
fn the_three_forms_of_a_write_are_the_documents() {
    use uriba_sdk::Write;
    let forms = schema(&document(), "Write")["oneOf"].as_array().unwrap().clone();
    let writes = [Write::Absolute(7), Write::Relative(-2), Write::CompareAndSet { from: 5, to: 7 }];
    assert_eq!(forms.len(), writes.len());
    for (form, write) in forms.iter().zip(writes) {
        let written = serde_json::to_value(write).unwrap();
        let names: BTreeSet<_> = written.as_object().unwrap().keys().cloned().collect();
        assert_eq!((properties(form), required(form)), (names.clone(), names));
    }
    let pair = &forms[2]["properties"]["compare_and_set"];
    assert_eq!(properties(pair), required(pair));
    assert_eq!(properties(pair), ["from", "to"].map(String::from).into());
}

#[test]
fn each_question_has_its_answer_its_errors_and_the_token() {
    let document = document();
    assert_eq!(document["security"], json!([{"token": []}]));
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let paths = document["paths"].as_object().unwrap();
    let known = ["/hello", "/pull", "/orders", "/push", "/resolve", "/read", "/tickets", "/catalogue"];
    assert_eq!(paths.keys().map(String::as_str).collect::<BTreeSet<_>>(), known.into());
    for (path, item) in paths {
        assert_eq!(item.as_object().unwrap().keys().collect::<Vec<_>>(), ["post"], "{path}");
        let responses = item["post"]["responses"].as_object().unwrap();
        for status in ["200", "400", "401", "429", "500", "503"] {
            assert!(responses.contains_key(status), "{path} {status}");
        }
        assert_eq!(responses.contains_key("409"), path == "/push", "only a batch can be rejected");
        let stem = item["post"]["operationId"].as_str().unwrap();
        let name = format!("{}{}", stem[..1].to_uppercase(), &stem[1..]);
        let of = |body: &Value| body["content"]["application/json"]["schema"]["$ref"].clone();
        assert_eq!(of(&item["post"]["requestBody"]), format!("#/components/schemas/{name}Question"));
        assert_eq!(of(&responses["200"]), format!("#/components/schemas/{name}Answer"));
    }
}

#[test]
fn each_class_of_error_has_an_example_that_is_understood() {
    let document = document();
    let named = schema(&document, "Error")["properties"]["class"]["enum"].clone();
    let mut shown = BTreeSet::new();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let example = response["content"]["application/json"]["example"].to_string();
        let error = read::<ErrorAnswer>(example.as_bytes()).unwrap().error;
        assert_eq!(error.class, name.to_lowercase());
        shown.insert(json!(error.class).to_string());
    }
    let named: BTreeSet<_> = named.as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(shown, named);
}

#[test]
fn the_most_of_everything_is_the_cards() {
    let document = document();
    let most = |name: &str, property: &str| schema(&document, name)["properties"][property]["maxItems"].clone();
    assert_eq!(most("PushQuestion", "updates"), crate::card::UPDATES_MAX);
    for (name, property) in [
        ("OrdersQuestion", "ids"),
        ("ReadQuestion", "items"),
        ("ResolveQuestion", "keys"),
        ("TicketsQuestion", "tickets"),
    ] {
        assert_eq!(most(name, property), crate::card::ITEMS_MAX, "{name}");
    }
}
