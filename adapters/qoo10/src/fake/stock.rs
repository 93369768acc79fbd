//! The two bulk writes. Good lines are done though others fail.

use std::time::Duration;

use jiff::{Span, ToSpan};
use serde_json::{Map, Value, json};
use uriba_sdk::fake::{Fault, Reply, Visit};

use super::{
    EVERY_LINE_TOLD, FAILURES_AS_COLUMNS, FAILURES_UNTOLD, OMITTED_END_PROLONGS, OMITTED_PRICE_IS_ZERO, SHOWS_AT_ONCE,
    article::Article,
    desk::{Desk, NO_ITEM, Refused, processing},
    items::{PRICE, SALE_END},
};
use crate::{
    card::{CARD, LINES_MAX, QUANTITY_MAX},
    key,
};

const ITEM_FIELDS: &[&str] = &["ItemCode", "SellerCode", "Price", "TaxRate", "Qty", "ExpireDate"];
const OPTION_FIELDS: &[&str] = &["ItemCode", "SellerCode", "OptionName", "OptionValue", "OptionCode", "Price", "Qty"];

type Fields = Map<String, Value>;
type Write = fn(&Desk, &Fields, &[(Article, String)], bool) -> Result<(), Refused>;

pub fn items(desk: &Desk, visit: &Visit<'_>) -> Reply {
    bulk(desk, visit, ITEM_FIELDS, write_item)
}

pub fn options(desk: &Desk, visit: &Visit<'_>) -> Reply {
    bulk(desk, visit, OPTION_FIELDS, write_option)
}

/// UpdateInventoryQtyUnit: one option, whose figure must be there, answered without an object.
pub fn option(desk: &Desk, visit: &Visit<'_>) -> Reply {
    desk.serve(visit, &["ItemCode", "SellerCode", "OptionName", "OptionValue", "OptionCode", "Qty"], |form| {
        if visit.has(&Fault::Partial) {
            return Err(processing("Processing Error - busy"));
        }
        let line: Fields = form.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let (key, quantity) = chosen(&line, &listed(desk))?;
        if !visit.has(&Fault::Silent) {
            set(desk, &key, quantity);
        }
        Ok(Value::Null)
    })
}

fn listed(desk: &Desk) -> Vec<(Article, String)> {
    desk.book.items().into_iter().map(|(key, _)| (Article::of(&key), key)).collect()
}

fn bulk(desk: &Desk, visit: &Visit<'_>, known: &[&str], write: Write) -> Reply {
    let mut failures = None;
    let reply = desk.serve(visit, &["ItemInfoJson"], |form| {
        let text = form.get("ItemInfoJson").ok_or(processing("ItemInfoJson"))?;
        let lines: Vec<Fields> = serde_json::from_str(text).map_err(|_| processing("ItemInfoJson"))?;
        if lines.len() > LINES_MAX {
            return Err((-2, "500 limit"));
        }
        let listed = listed(desk);
        let results: Vec<_> = lines
            .into_iter()
            .enumerate()
            .map(|(index, line)| {
                let result = match line.keys().all(|name| known.contains(&name.as_str())) {
                    _ if visit.has(&Fault::Partial) && index == 0 => Err(processing("Processing Error - busy")),
                    true => write(desk, &line, &listed, visit.has(&Fault::Silent)),
                    false => Err(processing("Processing Error - unknown member")),
                };
                (line, result)
            })
            .collect();
        if results.iter().any(|(_, result)| result.is_err()) {
            failures = Some(results);
        }
        Ok(Value::Null)
    });
    match failures {
        Some(results) => desk.say(-1, "There's more than one failure", told(desk, &results)),
        None => reply,
    }
}

/// What is said of the lines of a call of which some failed.
fn told(desk: &Desk, results: &[(Fields, Result<(), Refused>)]) -> Value {
    if desk.is(FAILURES_UNTOLD) {
        return Value::Null;
    }
    let all = desk.is(EVERY_LINE_TOLD);
    let told: Vec<_> = results.iter().filter(|(_, result)| all || result.is_err()).collect();
    let verdict = |result: &Result<(), Refused>| result.map_or_else(|refused| refused, |()| (0, "SUCCESS"));
    if desk.is(FAILURES_AS_COLUMNS) {
        let name = |line: &Fields| {
            let part = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let option = part("OptionCode");
            if option.is_empty() { part("ItemCode") } else { format!("{},{option}", part("ItemCode")) }
        };
        let keys: Vec<_> = told.iter().map(|(line, _)| name(line)).collect();
        let values: Vec<_> = told.iter().map(|(_, result)| format!("{}", verdict(result).0)).collect();
        return json!({"Count": keys.len(), "Keys": keys, "Values": values});
    }
    let row = |(line, result): &&(Fields, Result<(), Refused>)| {
        let (code, message) = verdict(result);
        let mut row: Fields = line.clone();
        row.retain(|name, _| !["Qty", "Price", "ExpireDate", "TaxRate"].contains(&name.as_str()));
        row.insert("ResultCode".into(), json!(code));
        row.insert("ResultMsg".into(), json!(message));
        Value::Object(row)
    };
    Value::Array(told.iter().map(row).collect())
}

fn write_item(desk: &Desk, line: &Fields, listed: &[(Article, String)], silent: bool) -> Result<(), Refused> {
    let (number, seller) = (text(line, "ItemCode")?, text(line, "SellerCode")?);
    let mut of_item = listed.iter().filter(|(article, _)| article.is_of(&number, &seller)).peekable();
    of_item.peek().ok_or(NO_ITEM)?;
    // An item with options takes a figure that means nothing.
    let Some((_, key)) = of_item.find(|(article, _)| article.option.is_none()) else { return Ok(()) };
    let quantity = match line.get("Qty") {
        Some(Value::String(text)) if text == "unchanged" => None,
        other => Some(quantity(other)?),
    };
    if silent {
        return Ok(());
    }
    let end = match line.get("ExpireDate") {
        Some(Value::String(text)) if text.parse::<jiff::civil::Date>().is_ok() => Some(text.clone()),
        Some(Value::Null) => Some(in_a_year(desk)),
        Some(Value::String(text)) if text.is_empty() => Some(in_a_year(desk)),
        Some(_) => return Err(processing("ExpireDate")),
        None => desk.is(OMITTED_END_PROLONGS).then(|| in_a_year(desk)),
    };
    desk.book.with_item(key, |item| item.siblings.extend(end.map(|end| (SALE_END.to_owned(), end))));
    if let Some(quantity) = quantity {
        set(desk, key, quantity);
    }
    Ok(())
}

fn write_option(desk: &Desk, line: &Fields, listed: &[(Article, String)], silent: bool) -> Result<(), Refused> {
    let (key, quantity) = chosen(line, listed)?;
    if silent {
        return Ok(());
    }
    let price = match line.get("Price") {
        Some(Value::Null) => return Err(processing("Price")),
        Some(price) => Some(price.as_str().map_or_else(|| price.to_string(), str::to_owned)),
        None => desk.is(OMITTED_PRICE_IS_ZERO).then(|| "0".to_owned()),
    };
    desk.book.with_item(&key, |item| item.siblings.extend(price.map(|price| (PRICE.to_owned(), price))));
    set(desk, &key, quantity);
    Ok(())
}

/// An option is found by item number, name and value. Its code has to be there and is not looked at.
fn chosen(line: &Fields, listed: &[(Article, String)]) -> Result<(String, i64), Refused> {
    let number = text(line, "ItemCode")?;
    let (name, value) = (text(line, "OptionName")?, text(line, "OptionValue")?);
    if !key::is_item_number(&number) || !line.contains_key("OptionCode") {
        return Err(processing("ItemCode and OptionCode are required"));
    }
    let of_item = || listed.iter().filter(|(article, _)| article.number == number);
    of_item().next().ok_or(NO_ITEM)?;
    let mut options = of_item();
    let found = options.find(|(article, _)| article.option_name() == name && article.option_value() == value);
    let (_, key) = found.ok_or(processing("Processing Error - no such option"))?;
    Ok((key.clone(), quantity(line.get("Qty"))?))
}

/// The interface shows it at once, the store page sells by it later.
fn set(desk: &Desk, key: &str, quantity: i64) {
    let lag = CARD.times.effect_lag.map_or(Duration::ZERO, |lag| lag.typical);
    if desk.is(SHOWS_AT_ONCE) {
        desk.book.set(key, quantity);
    } else {
        let at = desk.book.now() + jiff::SignedDuration::try_from(lag).unwrap_or_default();
        desk.book.set_later(key, quantity, at);
    }
}

fn quantity(value: Option<&Value>) -> Result<i64, Refused> {
    let figure = value.and_then(crate::qapi::number);
    figure.filter(|figure| (0..=QUANTITY_MAX).contains(figure)).ok_or(processing("Processing Error - Qty"))
}

fn text(line: &Fields, name: &str) -> Result<String, Refused> {
    match line.get(name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(processing("Processing Error - a text was expected")),
    }
}

fn in_a_year(desk: &Desk) -> String {
    let year: Span = 365.days();
    let today = jiff::tz::Offset::constant(9).to_datetime(desk.book.now()).date();
    today.saturating_add(year).to_string()
}
