//! The shop's items: their keys, how each is written, their counters, and what is listed.

use std::sync::PoisonError;

use jiff::SignedDuration;
use serde_json::{Value, json};
use uriba_sdk::{
    Listed, Write,
    fake::{Fault, Item, Visit},
};

use super::{Answered, Program, at_most, fault, good, malformed, question};
use crate::{
    card::{ITEMS_MAX, QUANTITY_MAX, UPDATES_MAX},
    listings::{ABSOLUTE, COMPARE_AND_SET, RELATIVE},
    protocol::{CatalogueQuestion, ReadQuestion, ResolveQuestion, TicketsQuestion, UpdateBody},
};

const PAGE: usize = 40;
/// What is taken for later is decided so much later.
const DECIDED_AFTER: SignedDuration = SignedDuration::from_secs(3);

/// Every shape of a key: with and without a colour, in and beyond ASCII.
pub fn key(shop: &str, n: usize) -> String {
    let thing = if n % 5 == 3 { "湯呑" } else { "mug" };
    let colour = if n % 2 == 1 { "/blue" } else { "" };
    format!("{shop}-{thing}-{n:04}{colour}")
}

/// Which item of the shop a key names.
fn number(key: &str) -> Option<usize> {
    let n = key.split('/').next()?.rsplit('-').next()?.parse().ok()?;
    let shop = key.split('-').next()?;
    (self::key(shop, n) == key).then_some(n)
}

/// How the item is best written: each way is some item's.
fn way(n: usize) -> &'static str {
    [ABSOLUTE, RELATIVE, COMPARE_AND_SET][n % 3]
}

/// Some items need a row's number beside their key.
fn handle(n: usize) -> Option<String> {
    (n % 4 == 1).then(|| format!("row:{n}"))
}

pub fn listed(key: &str) -> Listed {
    let n = number(key).unwrap_or_default();
    Listed {
        key: key.to_owned(),
        code: Some(format!("C{n:05}")),
        jan: n.is_multiple_of(2).then(|| format!("49{n:011}")),
        title: Some(format!("益子焼 {n}")),
    }
}

pub fn resolve(_program: &Program, visit: &Visit<'_>) -> Answered {
    let asked: ResolveQuestion = question(visit)?;
    at_most(ITEMS_MAX, &asked.keys)?;
    let answer = |given: &String| {
        let key = given.trim().to_lowercase();
        let Some(n) = number(&key) else {
            return json!({"given": given, "problem": "an item of the teahouse is named like a-mug-0001/blue"});
        };
        let mut answer = json!({"given": given, "key": key});
        if way(n) != ABSOLUTE || n % 2 == 1 {
            answer["write"] = json!(way(n));
        }
        if let Some(handle) = handle(n) {
            answer["handle"] = json!(handle);
        }
        answer
    };
    good(json!({"keys": asked.keys.iter().map(answer).collect::<Vec<_>>()}))
}

pub fn read(program: &Program, visit: &Visit<'_>) -> Answered {
    let asked: ReadQuestion = question(visit)?;
    at_most(ITEMS_MAX, &asked.items)?;
    let bare = program.has(&program.bare);
    let mut shown = Vec::new();
    for asked in asked.items {
        is_addressed(&asked.key, asked.handle.as_deref())?;
        shown.push(match program.book.item(&asked.key) {
            None => json!({"key": asked.key, "missing": true}),
            Some(item) if item.unlimited => json!({"key": asked.key, "unlimited": true}),
            Some(item) if bare && !item.sells_past_zero && !item.not_ours => {
                json!({"key": asked.key, "quantity": item.counter})
            }
            Some(item) => json!({
                "key": asked.key,
                "quantity": item.counter,
                "sells_past_zero": item.sells_past_zero,
                "not_ours": item.not_ours,
            }),
        });
    }
    good(json!({"items": shown}))
}

pub fn push(program: &Program, visit: &Visit<'_>) -> Answered {
    let asked: crate::protocol::PushQuestion = question(visit)?;
    at_most(UPDATES_MAX, &asked.updates)?;
    for update in &asked.updates {
        is_addressed(&update.key, update.handle.as_deref())?;
    }
    if program.has(&program.all_or_nothing) {
        let bad: Vec<_> =
            asked.updates.iter().enumerate().filter_map(|(n, update)| rejected(program, n, update)).collect();
        if !bad.is_empty() {
            return Err(fault(409, json!({"class": "rejected", "refused": bad})));
        }
    }
    let outcomes = asked.updates.iter().enumerate().map(|(index, update)| match visit.fault {
        Some(Fault::Partial) if index == 0 => json!({"outcome": "refused", "why": "busy"}),
        Some(Fault::Silent) => json!({"outcome": "applied"}),
        _ => told(program, update),
    });
    let outcomes: Vec<_> = outcomes
        .zip(&asked.updates)
        .map(|(mut outcome, update)| {
            outcome["key"] = json!(update.key);
            outcome
        })
        .collect();
    good(json!({"outcomes": outcomes}))
}

/// A handle comes back as it was given with the key.
fn is_addressed(key: &str, handle: Option<&str>) -> Result<(), uriba_sdk::fake::Reply> {
    let fits = number(key).is_some_and(|n| self::handle(n).as_deref() == handle);
    if fits { Ok(()) } else { Err(malformed("a key or handle that this program did not give")) }
}

/// What becomes of a write, and what is said of it: some items are written by a queue.
fn told(program: &Program, update: &UpdateBody) -> Value {
    let outcome = written(program, update);
    let queued = number(&update.key).is_some_and(|n| n % 8 == 2) || program.has(&program.tickets_for_all);
    if !queued {
        return outcome;
    }
    let mut tickets = program.tickets.lock().unwrap_or_else(PoisonError::into_inner);
    let ticket = format!("job-{:06}", tickets.len() + 1);
    tickets.insert(ticket.clone(), (program.book.now() + DECIDED_AFTER, outcome));
    json!({"outcome": "pending", "ticket": ticket})
}

pub fn tickets(program: &Program, visit: &Visit<'_>) -> Answered {
    let asked: TicketsQuestion = question(visit)?;
    at_most(ITEMS_MAX, &asked.tickets)?;
    let known = program.tickets.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = |ticket: &String| {
        let mut answer = match known.get(ticket) {
            None => json!({"outcome": "unknown"}),
            Some((at, _)) if *at > program.book.now() => json!({"outcome": "pending"}),
            Some((_, outcome)) => outcome.clone(),
        };
        answer["ticket"] = json!(ticket);
        answer
    };
    good(json!({"tickets": asked.tickets.iter().map(answer).collect::<Vec<_>>()}))
}

pub fn catalogue(program: &Program, visit: &Visit<'_>) -> Answered {
    let asked: CatalogueQuestion = question(visit)?;
    let mut keys: Vec<_> = program.book.items().into_iter().map(|(key, _)| key).collect();
    keys.retain(|key| asked.page.as_ref().is_none_or(|page| key > page));
    let next = (keys.len() > PAGE).then(|| keys[PAGE - 1].clone());
    keys.truncate(PAGE);
    let item = |key: &String| {
        if program.has(&program.bare) {
            return json!({"key": key});
        }
        let item = listed(key);
        json!({"key": key, "code": item.code, "jan": item.jan, "title": item.title})
    };
    let mut body = json!({"items": keys.iter().map(item).collect::<Vec<_>>()});
    if let Some(next) = next {
        body["next"] = json!(next);
    }
    good(body)
}

/// One write within one look at the item: a shopper can't come between the comparison and the setting.
fn written(program: &Program, update: &UpdateBody) -> Value {
    let bare = program.has(&program.bare);
    let applied = program.book.with_item(&update.key, |item| {
        let figure = target(item, update.write)?;
        item.counter = item.keeps_at_most.map_or(figure, |most| figure.min(most));
        item.submitted = figure;
        Ok(item.counter)
    });
    match applied {
        Some(Ok(_)) if bare => json!({"outcome": "applied"}),
        Some(Ok(now)) => json!({"outcome": "applied", "now": now}),
        Some(Err(told)) => told,
        None => json!({"outcome": "refused", "why": "no_such_item", "code": "E404"}),
    }
}

/// The figure that a write leads to, or what is said instead.
fn target(item: &Item, write: Write) -> Result<i64, Value> {
    let refused = |why: &str| json!({"outcome": "refused", "why": why, "message": "see the teahouse's log"});
    if item.not_ours {
        return Err(refused("not_ours"));
    }
    let figure = match write {
        Write::Absolute(figure) => figure,
        Write::Relative(units) if item.counter + units < 0 => return Err(refused("below_zero")),
        Write::Relative(units) => item.counter + units,
        Write::CompareAndSet { from, .. } if from != item.counter => {
            return Err(json!({"outcome": "conflict", "shows": item.counter}));
        }
        Write::CompareAndSet { to, .. } => to,
    };
    if (0..=QUANTITY_MAX).contains(&figure) { Ok(figure) } else { Err(refused("out_of_range")) }
}

/// An entry that would be refused, by its place in the batch.
fn rejected(program: &Program, index: usize, update: &UpdateBody) -> Option<Value> {
    let outcome = match program.book.item(&update.key) {
        None => json!({"outcome": "refused", "why": "no_such_item"}),
        Some(item) => target(&item, update.write).err()?,
    };
    (outcome["outcome"] == "refused").then(|| json!({"index": index, "why": outcome["why"]}))
}
