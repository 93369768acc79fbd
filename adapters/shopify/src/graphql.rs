//! What every GraphQL answer has around its data.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// An answer's body: data, errors or both, and what it cost.
pub struct Envelope {
    pub data: Option<Box<RawValue>>,
    pub errors: Vec<Value>,
    pub cost: Option<Cost>,
}

/// The state of the shop's bucket, by each answer's own word: plans differ, and so do years.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub requested: Option<f64>,
    /// Nothing was taken where it is absent: the query was throttled.
    pub actual: Option<f64>,
    pub available: f64,
    pub restore_rate: f64,
}

impl Cost {
    /// How long until a query of this cost fits.
    pub fn wait(&self) -> Option<Duration> {
        let missing = self.requested? - self.available;
        let seconds = missing / self.restore_rate;
        (missing > 0.0 && seconds.is_finite() && seconds < 3_600.0).then(|| Duration::from_secs_f64(seconds))
    }
}

impl Envelope {
    pub fn read(body: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Wire {
            data: Option<Box<RawValue>>,
            errors: Option<Value>,
            extensions: Option<Value>,
        }
        let wire: Wire = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let errors = match wire.errors {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(errors)) => errors,
            Some(other) => vec![other],
        };
        let data = wire.data.filter(|data| data.get() != "null");
        if data.is_none() && errors.is_empty() {
            return Err("an answer with neither data nor errors".into());
        }
        Ok(Self { data, errors, cost: wire.extensions.as_ref().and_then(cost) })
    }

    /// Some field at the root was answered, so a mutation may have been carried out.
    pub fn has_result(&self) -> bool {
        let root = self.data.as_ref().and_then(|data| serde_json::from_str::<Value>(data.get()).ok());
        root.is_some_and(|root| root.as_object().is_some_and(|fields| fields.values().any(|field| !field.is_null())))
    }
}

fn cost(extensions: &Value) -> Option<Cost> {
    let cost = &extensions["cost"];
    let status = &cost["throttleStatus"];
    Some(Cost {
        requested: cost["requestedQueryCost"].as_f64(),
        actual: cost["actualQueryCost"].as_f64(),
        available: status["currentlyAvailable"].as_f64()?,
        restore_rate: status["restoreRate"].as_f64()?,
    })
}

pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection<T> {
    #[serde(rename = "pageInfo")]
    pub page_end: PageEnd,
    pub nodes: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageEnd {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl PageEnd {
    /// A page that isn't the last must say where it ended, or the rest would be lost.
    pub fn next(&self) -> Result<Option<String>, String> {
        match (self.has_next_page, &self.end_cursor) {
            (false, _) => Ok(None),
            (true, Some(cursor)) if !cursor.is_empty() => Ok(Some(cursor.clone())),
            (true, _) => Err("another page without a cursor".into()),
        }
    }
}

/// An object of which only the id counts.
#[derive(Clone, Deserialize)]
pub struct Ref {
    pub id: String,
}
