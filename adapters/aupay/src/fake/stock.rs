//! searchStocks and updateStock.

use std::collections::{BTreeMap, BTreeSet};

use uriba_sdk::fake::{Fault, Reply, Visit};

use super::{
    CHOICES_HOLD_MORE, CODES_FOUND_IN_PART, FEW_ITEMS, OMITTED_BECOME_ZERO,
    service::{self, BAD_PARAMETER, Service, error, failure, header},
    view::{self, View},
};
use crate::{
    keys::used,
    xml::{self, Element, element},
};

/// Made up: the codes of updateStock that clients have seen are about registering.
const NO_ITEM: &str = "PME0103";
const BAD_FIGURE: &str = "PME0110";
const BAD_SEGMENT: &str = "PME0111";
const LOCKED: &str = "PME0112";
const TOO_MANY: &str = "PME0120";
const PLAIN_MAX: i64 = 99_999;

const WRITE_NAMES: &[&str] = &[
    "shopId",
    "stockUpdateItem",
    "itemCode",
    "stockSegment",
    "stockCount",
    "choicesStocks",
    "choicesStockHorizontalCode",
    "choicesStockVerticalCode",
    "choicesStockCount",
];

/// What the shop lists under one item code.
#[derive(Default)]
struct Item {
    plain: Option<String>,
    /// Pairs of codes, with the book's key.
    choices: Vec<((String, String), String)>,
}

fn items(service: &Service) -> BTreeMap<String, Item> {
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    for (key, _) in service.book.items() {
        let listed = view::listed(&key);
        let item = items.entry(listed.item).or_default();
        match listed.pair {
            None => item.plain = Some(key),
            Some(pair) => item.choices.push((pair, key)),
        }
    }
    items
}

/// What the shop calls an item.
pub fn title(item: &str) -> String {
    format!("見本 {item} & <b>茶器</b>")
}

pub fn read(service: &Service, visit: &Visit<'_>) -> Reply {
    page_of(service, visit, 500, |view, code, item| shown(service, view, code, item))
}

/// searchItemInfos, with descriptions that look like elements.
pub fn items_read(service: &Service, visit: &Visit<'_>) -> Reply {
    page_of(service, visit, 100, |_, code, _| {
        let description = "<description><![CDATA[<itemName>no</itemName>]]></description>";
        let item = element("lotNumber", "300000001") + &element("itemName", &title(code)) + &element("itemCode", code);
        format!("<resultItems>{item}{description}</resultItems>")
    })
}

fn page_of(service: &Service, visit: &Visit<'_>, most: usize, row: impl Fn(&View, &str, &Item) -> String) -> Reply {
    let conditions = match service.conditions(visit.request) {
        Ok(conditions) => conditions,
        Err(reply) => return reply,
    };
    let known = ["shopId", "totalCount", "startCount", "itemCode"];
    let number = |name: &str, default: usize, most: usize| match conditions.get(name) {
        None => Some(default),
        Some(text) => text.parse().ok().filter(|number| (1..=most).contains(number)),
    };
    let (Some(rows), Some(start), true) = (
        number("totalCount", 10, most),
        number("startCount", 1, usize::MAX),
        conditions.keys().all(|name| known.contains(&name.as_str())),
    ) else {
        return failure(BAD_PARAMETER, "パラメータが不正です。");
    };
    let in_part = service.is(CODES_FOUND_IN_PART);
    let finds = |code: &str| match conditions.get("itemCode") {
        None => true,
        Some(asked) if in_part => code.to_lowercase().contains(&asked.to_lowercase()),
        Some(asked) => code.eq_ignore_ascii_case(asked),
    };
    let found: Vec<_> = items(service).into_iter().filter(|(code, _)| finds(code)).collect();
    if found.is_empty() {
        return service::answer(0, "", "<searchResult/>");
    }
    let view = View::of(service);
    let page = found.iter().skip(start - 1).take(rows).map(|(code, item)| row(&view, code, item));
    let page: String = page.collect();
    let total = element("maxCount", &found.len().to_string());
    service::answer(0, "", &format!("<searchResult>{total}{page}</searchResult>"))
}

fn shown(service: &Service, view: &View, code: &str, item: &Item) -> String {
    let figure = |key: &str| service.book.item(key).map_or(0, |item| item.counter).to_string();
    let stock = match &item.plain {
        Some(key) => element("stockSegment", "1") + &element("stockCount", &figure(key)),
        None => {
            let choices = item.choices.iter().map(|((horizontal, vertical), key)| {
                format!(
                    "<choicesStocks>{}{}{}</choicesStocks>",
                    element("choicesStockHorizontalCode", view.axis(horizontal)),
                    element("choicesStockVerticalCode", view.axis(vertical)),
                    element("choicesStockCount", &figure(key))
                )
            });
            element("stockSegment", "2") + &choices.collect::<String>()
        }
    };
    format!("<resultStocks>{}{stock}</resultStocks>", element("itemCode", code))
}

pub fn write(service: &Service, visit: &Visit<'_>) -> Reply {
    if let Err(reply) = service.admit(visit.request) {
        return reply;
    }
    let mime = header(visit.request, "content-type").eq_ignore_ascii_case("application/xml; charset=utf-8");
    let request = xml::parse(&visit.request.body, WRITE_NAMES).ok().filter(|root| root.name == "request" && mime);
    let Some(request) = request else { return failure(BAD_PARAMETER, "リクエストが不正です。") };
    if let Err(reply) = service.admit_shop(request.value("shopId")) {
        return reply;
    }
    let asked: Vec<&Element> = request.all("stockUpdateItem").collect();
    let most = if service.is(FEW_ITEMS) { 20 } else { 200 };
    if asked.is_empty() || asked.len() > most {
        return failure(TOO_MANY, "更新する商品の件数が不正です。");
    }
    let items = items(service);
    let (mut failed, mut results, mut seen) = (false, String::new(), BTreeSet::new());
    for (n, asked) in asked.into_iter().enumerate() {
        let code = asked.value("itemCode").unwrap_or_default();
        let told = match items.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)) {
            _ if !seen.insert(code.to_lowercase()) => Err((BAD_PARAMETER, "商品コードが重複しています。")),
            _ if n == 0 && visit.has(&Fault::Partial) => Err((LOCKED, "更新できない商品です。")),
            _ if visit.has(&Fault::Silent) => Ok(()),
            None => Err((NO_ITEM, "該当する商品が存在しません。")),
            Some((_, item)) => apply(service, item, asked),
        };
        let refused = told.err().map(|(code, message)| error(code, message)).unwrap_or_default();
        failed |= !refused.is_empty();
        results.push_str(&format!("<updateResult><lotNumber/>{}{refused}</updateResult>", element("itemCode", code)));
    }
    service::answer(u8::from(failed), "", &results)
}

type Refused = (&'static str, &'static str);

/// All of an item's figures, or none.
fn apply(service: &Service, item: &Item, asked: &Element) -> Result<(), Refused> {
    let figures = match (asked.value("stockSegment"), &item.plain) {
        (Some("1"), Some(key)) => vec![(key, figure(asked, "stockCount", PLAIN_MAX)?)],
        (Some("2"), None) => choices(service, item, asked)?,
        _ => return Err((BAD_SEGMENT, "在庫区分が不正です。")),
    };
    if item.plain.is_none() && service.is(OMITTED_BECOME_ZERO) {
        let omitted = item.choices.iter().filter(|(_, key)| !figures.iter().any(|(written, _)| *written == key));
        omitted.for_each(|(_, key)| {
            service.book.set(key, 0);
        });
    }
    for (key, figure) in figures {
        service.book.set(key, figure);
    }
    Ok(())
}

fn choices<'a>(service: &Service, item: &'a Item, asked: &Element) -> Result<Vec<(&'a String, i64)>, Refused> {
    let most = if service.is(CHOICES_HOLD_MORE) { PLAIN_MAX } else { 999 };
    let figures = asked.all("choicesStocks").map(|choice| {
        let code = |name| used(choice.value(name).unwrap_or_default()).to_owned();
        let pair = (code("choicesStockHorizontalCode"), code("choicesStockVerticalCode"));
        let is = |known: &(String, String)| used(&known.0) == pair.0 && used(&known.1) == pair.1;
        let key = item.choices.iter().find(|(known, _)| is(known)).map(|(_, key)| key);
        Ok((key.ok_or((NO_ITEM, "該当する選択肢が存在しません。"))?, figure(choice, "choicesStockCount", most)?))
    });
    figures.collect()
}

fn figure(asked: &Element, name: &str, most: i64) -> Result<i64, Refused> {
    let text = asked.value(name).filter(|text| text.chars().all(|c| c.is_ascii_digit()));
    let figure = text.and_then(|text| text.parse().ok()).filter(|figure| *figure <= most);
    figure.ok_or((BAD_FIGURE, "在庫数が不正です。"))
}
