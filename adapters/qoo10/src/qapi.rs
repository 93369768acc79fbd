//! QAPI: a form is posted to one address per method, and the answer is HTTP 200 with an envelope whatever happened.

use serde_json::{Map, Value};
use uriba_sdk::{
    env::{HeaderMap, HttpRequest, Method as Verb, Url},
    wire::excerpt,
};

const PATH: &str = "GMKT.INC.Front.QAPIService/ebayjapan.qapi";

/// A method of QAPI, and what it is to the hub.
#[derive(Debug)]
pub struct Method {
    pub name: &'static str,
    pub operation: &'static str,
    pub writes: bool,
    /// Result codes other than 0 that are an answer of this method, not a failure.
    pub answers: &'static [i64],
}

pub const SEARCH: Method = read("ShippingBasic.GetShippingInfo_v3", "orders.search", &[]);
pub const CLAIMS: Method = read("ShippingBasic.GetClaimInfo_V3", "orders.claims", &[]);
pub const ORDER: Method = read("ShippingBasic.GetShippingAndClaimInfoByOrderNo_V2", "orders.get", &[NOT_FOUND]);
pub const DETAIL: Method = read("ItemsLookup.GetItemDetailInfo", "stock.read", &[NOT_FOUND, NOT_ON_SALE]);
pub const INVENTORY: Method = read("ItemsLookup.GetGoodsInventoryInfo", "stock.read", &[NOT_FOUND, NOT_ON_SALE]);
pub const LIST: Method = read("ItemsLookup.GetAllGoodsInfo", "items.list", &[]);
pub const SET_ITEMS: Method = write("ItemsOrder.SetGoodsPriceQtyBulk", "stock.items");
pub const SET_OPTIONS: Method = write("ItemsOptions.UpdateInventoryDataBulk", "stock.options");

pub const SET_OPTION: Method = Method {
    name: "ItemsOptions.UpdateInventoryQtyUnit",
    operation: "stock.option",
    writes: true,
    answers: &[NOT_FOUND, NOT_ON_SALE, NOT_PROCESSED],
};

/// Some lines of a bulk call failed.
pub const SOME_FAILED: i64 = -1;
/// More lines than a bulk call takes: nothing was done.
pub const TOO_MANY: i64 = -2;
/// What was asked for by its name isn't there. The guide's "seller not found" is told of searches by the same number.
pub const NOT_FOUND: i64 = -10_001;
/// The item is there, in a state of which the mall shows no details.
pub const NOT_ON_SALE: i64 = -10_009;

/// "Processing error", with a text.
pub const NOT_PROCESSED: i64 = -10_101;

const fn read(name: &'static str, operation: &'static str, answers: &'static [i64]) -> Method {
    Method { name, operation, writes: false, answers }
}

const fn write(name: &'static str, operation: &'static str) -> Method {
    Method { name, operation, writes: true, answers: &[SOME_FAILED, TOO_MANY] }
}

/// `headers` hold the key.
pub fn request(base: &str, headers: &HeaderMap, method: &Method, fields: &[(&str, &str)]) -> HttpRequest {
    let mut request = HttpRequest::new(Verb::POST, format!("{base}/{PATH}/{}", method.name));
    request.headers = headers.clone();
    request.body = form(fields).into_bytes();
    request
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut url = Url::parse("form:").expect("a constant address");
    url.query_pairs_mut().append_pair("returnType", "application/json").extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

/// What an envelope says.
#[derive(Debug)]
pub struct Reply {
    /// 0 is success.
    pub code: i64,
    pub message: String,
    pub object: Value,
}

/// Reads the envelope. A body without a code is nothing that this mall says.
pub fn reply(body: &[u8]) -> Result<Reply, String> {
    let mut envelope: Map<String, Value> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let word = |name: &str| envelope.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = excerpt(format!("{}{}", word("ResultMsg"), word("ErrorMsg")).as_bytes());
    // Unknown methods and refused keys may come in another form, which never means success.
    if let Some(error) = envelope.get("ErrorCode").filter(|error| !error.is_null()) {
        let code = number(error).filter(|code| *code != 0);
        return match code {
            Some(code) => Ok(Reply { code, message, object: Value::Null }),
            None => Err(format!("ErrorCode is odd: {}", excerpt(error.to_string().as_bytes()))),
        };
    }
    let code = envelope.get("ResultCode").and_then(number).ok_or("ResultCode is missing or odd")?;
    let object = envelope.remove("ResultObject").unwrap_or_default();
    Ok(Reply { code, message, object })
}

/// The rows of a list. The mall says none with an empty list or with null.
pub fn rows(object: Value) -> Result<Vec<Value>, String> {
    match object {
        Value::Array(rows) => Ok(rows),
        Value::Null => Ok(Vec::new()),
        Value::Object(_) => Ok(vec![object]),
        other => Err(format!("ResultObject is odd: {}", excerpt(other.to_string().as_bytes()))),
    }
}

/// A row's fields by their names in lower case: the methods and their versions spell them differently.
pub struct Fields(Map<String, Value>);

impl Fields {
    pub fn of(row: Value) -> Option<Self> {
        let Value::Object(fields) = row else { return None };
        Some(Self(fields.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect()))
    }

    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text or a number, as text; nothing where it is missing or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    pub fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.value(name).and_then(number)
    }

    pub fn only(mut self, names: &[&str]) -> Value {
        self.0.retain(|name, _| names.contains(&name.as_str()));
        Value::Object(self.0)
    }
}

/// A number, or a text that is one.
pub fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
