//! getStock and setStock.

use std::collections::{BTreeMap, HashMap, HashSet};

use uriba_sdk::fake::{Fault, Item, Reply, Visit};

use super::{
    BELOW_ZERO_CLAMPS, BELOW_ZERO_GOES_NEGATIVE, FIGURES_UNREADABLE, PUBLISHING,
    service::{Service, form},
};
use crate::{
    card::{CODES_MAX, QUANTITY_MAX},
    search::element,
};

const RETRYABLE: &str = "ed-00006";
const INVALID: &str = "ed-00005";
const UNREADABLE: &str = "ed-10002";

pub fn read(service: &Service, visit: &Visit<'_>) -> Reply {
    let codes = match admitted(service, visit).and_then(|form| codes(service, &form)) {
        Ok(codes) => codes,
        Err(reply) => return reply,
    };
    let listed = Listed::of(service);
    let results = codes.iter().map(|code| {
        let listed = listed.find(service, code).and_then(|key| service.book.item(key));
        let (status, quantity, overdraft) = match &listed {
            Some(item) => ("1", shown(item), if item.sells_past_zero { "1" } else { "0" }),
            None => ("0", String::new(), "0"),
        };
        let fields = [("Status", status), ("Quantity", quantity.as_str()), ("AllowOverdraft", overdraft)];
        result(code, &fields)
    });
    answer(200, codes.len(), &results.collect::<String>())
}

pub fn write(service: &Service, visit: &Visit<'_>) -> Reply {
    let form = match admitted(service, visit) {
        Ok(form) => form,
        Err(reply) => return reply,
    };
    let (codes, changes) = match codes(service, &form).and_then(|codes| Ok((codes, changes(service, &form)?))) {
        Ok(write) => write,
        Err(reply) => return reply,
    };
    if codes.len() != changes.len() {
        return service.error(400, "st-02105", "item_code and quantity differ in number");
    }
    if service.is(PUBLISHING) {
        return service.error(400, "", "反映またはアップロード中のため更新ができません。");
    }
    let silent = visit.has(&Fault::Silent);
    let listed = Listed::of(service);
    let outcomes: Vec<Result<String, &'static str>> = codes
        .iter()
        .zip(&changes)
        .enumerate()
        .map(|(n, (code, change))| match n {
            0 if visit.has(&Fault::Partial) => Err(RETRYABLE),
            _ => apply(service, listed.find(service, code), code, *change, silent),
        })
        .collect();
    if let [Err(code)] = outcomes.as_slice() {
        return service.error(400, code, "The item was not updated");
    }
    let status = if outcomes.iter().any(Result::is_err) { 207 } else { 200 };
    let results = codes.iter().zip(&outcomes).map(|(code, outcome)| match outcome {
        Ok(quantity) => result(code, &[("Quantity", quantity)]),
        Err(error) => result(code, &[("ErrorCode", error)]),
    });
    answer(status, codes.len(), &results.collect::<String>())
}

#[derive(Clone, Copy)]
enum Change {
    To(i64),
    By(i64),
}

/// The figure after the write as text, or the code of what became of it.
fn apply(
    service: &Service,
    key: Option<&str>,
    code: &str,
    change: Change,
    silent: bool,
) -> Result<String, &'static str> {
    let Some(key) = key else {
        // Kept, and attached when such an item is registered.
        let mut state = service.state();
        let old = state.unlisted.get(&code.to_ascii_lowercase()).copied().unwrap_or(0);
        let new = changed(old, change);
        state.unlisted.insert(code.to_ascii_lowercase(), new);
        return Ok(String::new());
    };
    let clamps = service.is(BELOW_ZERO_CLAMPS);
    let negative = service.is(BELOW_ZERO_GOES_NEGATIVE);
    let written = service.book.with_item(key, |item| {
        if item.unlimited && matches!(change, Change::By(_)) {
            return Ok(String::new());
        }
        let wanted = changed(item.counter, change);
        if wanted > QUANTITY_MAX {
            return Err(INVALID);
        }
        let lowers = wanted < item.counter && wanted < 0;
        let wanted = match lowers {
            true if negative => wanted,
            true if clamps => 0,
            true => return Err(INVALID),
            false => wanted,
        };
        if !silent {
            item.unlimited = false;
            item.counter = item.keeps_at_most.map_or(wanted, |most| wanted.min(most));
            item.submitted = wanted;
        }
        Ok(wanted.to_string())
    });
    let written = written.unwrap_or(Err(INVALID))?;
    if service.is(FIGURES_UNREADABLE) { Err(UNREADABLE) } else { Ok(written) }
}

fn changed(old: i64, change: Change) -> i64 {
    match change {
        Change::To(figure) => figure,
        Change::By(units) => old.saturating_add(units),
    }
}

fn admitted(service: &Service, visit: &Visit<'_>) -> Result<BTreeMap<String, String>, Reply> {
    service.admit(visit.request)?;
    let form = form(visit.request).unwrap_or_default();
    match form.get("seller_id").map(String::as_str) {
        None | Some("") => Err(service.error(400, "px-04001", "\"seller_id\" is not specified")),
        Some(seller_id) if seller_id != service.seller_id => Err(service.error(400, "ed-00003", "no such seller")),
        Some(_) => Ok(form),
    }
}

fn codes(service: &Service, form: &BTreeMap<String, String>) -> Result<Vec<String>, Reply> {
    let codes: Vec<String> = form.get("item_code").map_or("", String::as_str).split(',').map(str::to_owned).collect();
    let part = |text: &str| {
        (1..=99).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !codes.iter().all(|code| code.split(':').count() <= 2 && code.split(':').all(part)) {
        return Err(service.error(400, "st-02101", "item_code is invalid"));
    }
    if codes.len() > CODES_MAX {
        return Err(service.error(400, "st-02102", "too many item_code"));
    }
    let mut seen = HashSet::new();
    if !codes.iter().all(|code| seen.insert(code.to_ascii_lowercase())) {
        return Err(service.error(400, "st-02103", "item_code is duplicated"));
    }
    Ok(codes)
}

fn changes(service: &Service, form: &BTreeMap<String, String>) -> Result<Vec<Change>, Reply> {
    let quantities = form.get("quantity").map_or("", String::as_str).split(',');
    let changes: Option<Vec<Change>> = quantities.map(change).collect();
    changes.ok_or_else(|| service.error(400, "st-02104", "quantity is invalid"))
}

fn change(text: &str) -> Option<Change> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<i64>().ok().filter(|_| plain)?;
    Some(if digits.len() == text.len() { Change::To(number) } else { Change::By(number) })
}

/// The book's keys by their lower-case spelling.
struct Listed(HashMap<String, String>);

impl Listed {
    fn of(service: &Service) -> Self {
        Self(service.book.items().into_iter().map(|(key, _)| (key.to_ascii_lowercase(), key)).collect())
    }

    /// The item's key in the book. A figure written before it was listed is attached now.
    fn find(&self, service: &Service, code: &str) -> Option<&str> {
        let code = code.to_ascii_lowercase();
        let key = self.0.get(&code)?;
        let kept = service.state().unlisted.remove(&code);
        if let Some(figure) = kept {
            service.book.set(key, figure);
        }
        Some(key)
    }
}

fn shown(item: &Item) -> String {
    if item.unlimited { String::new() } else { item.counter.to_string() }
}

fn result(code: &str, fields: &[(&str, &str)]) -> String {
    let (item, sub) = code.split_once(':').unwrap_or((code, ""));
    let fields: String = fields.iter().map(|(name, value)| element(name, value)).collect();
    format!("<Result>{}{}{fields}</Result>", element("ItemCode", item), element("SubCode", sub))
}

fn answer(status: u16, count: usize, results: &str) -> Reply {
    Reply::xml(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <ResultSet totalResultsAvailable=\"{count}\" totalResultsReturned=\"{count}\" firstResultPosition=\"1\">\
             {results}</ResultSet>"
        ),
    )
}
