//! Stock, both ways: updates to a question, and answers to outcomes and readings. Pure like [`crate::orders`].

use uriba_sdk::{Class, Counter, Outcome, Reading, Refusal, RefusedWhy, Update, mall::ListingKey, wire::excerpt};

use crate::{
    card::UPDATES_MAX,
    listings::handle_of,
    protocol::{
        OutcomeBody, PROTOCOL, PushAnswer, PushQuestion, ReadAnswer, ReadingBody, TicketBody, TicketsAnswer,
        UpdateBody, read,
    },
};

/// `Rejected` of no entry says that nothing was sent.
pub fn push(updates: &[Update]) -> Result<PushQuestion, Class> {
    if updates.len() > UPDATES_MAX {
        return Err(Class::Rejected { refused: Vec::new() });
    }
    let update = |update: &Update| UpdateBody {
        key: update.key.clone(),
        handle: handle_of(update.handle.as_deref()),
        write: update.write,
    };
    Ok(PushQuestion { protocol: PROTOCOL, updates: updates.iter().map(update).collect() })
}

/// One outcome per update, in order and naming its key. Anything else is not understood, never guessed at.
pub fn outcomes(body: &[u8], updates: &[Update]) -> Result<Vec<Outcome>, String> {
    let answer: PushAnswer = read(body)?;
    let told = answer.outcomes.iter().map(|outcome| outcome.key.as_str());
    in_order("outcome", told, updates.iter().map(|update| update.key.as_str()))?;
    Ok(answer.outcomes.into_iter().map(outcome).collect())
}

/// `None`: not decided yet.
pub fn decided(body: &[u8], tickets: &[String]) -> Result<Vec<Option<Outcome>>, String> {
    let answer: TicketsAnswer = read(body)?;
    let told = answer.tickets.iter().map(|ticket| ticket.ticket.as_str());
    in_order("ticket", told, tickets.iter().map(String::as_str))?;
    let decided = answer.tickets.into_iter().map(|ticket| match outcome(ticket.into()) {
        Outcome::Pending { .. } => None,
        outcome => Some(outcome),
    });
    Ok(decided.collect())
}

/// One reading per key, in order.
pub fn readings(body: &[u8], keys: &[ListingKey]) -> Result<Vec<Reading>, String> {
    let answer: ReadAnswer = read(body)?;
    in_order("item", answer.items.iter().map(|item| item.key.as_str()), keys.iter().map(|key| key.key.as_str()))?;
    answer.items.into_iter().map(reading).collect()
}

fn reading(item: ReadingBody) -> Result<Reading, String> {
    let counter = |quantity| Counter { quantity, sells_past_zero: item.sells_past_zero, not_ours: item.not_ours };
    let found = match (item.missing, item.unlimited, item.quantity) {
        (true, _, _) => None,
        (false, true, _) => Some(counter(None)),
        (false, false, Some(quantity)) => Some(counter(Some(quantity))),
        (false, false, None) => {
            return Err(format!(
                "{} is neither missing nor unlimited and has no quantity",
                excerpt(item.key.as_bytes())
            ));
        }
    };
    Ok(Reading { key: item.key, found })
}

fn in_order<'a>(
    what: &str,
    mut told: impl Iterator<Item = &'a str>,
    asked: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    for asked in asked {
        match told.next() {
            Some(told) if told == asked => {}
            Some(told) => return Err(format!("{what} {} where {asked} was asked for", excerpt(told.as_bytes()))),
            None => return Err(format!("no {what} for {asked}")),
        }
    }
    if told.next().is_some() { Err(format!("more than one {what} for each that was asked for")) } else { Ok(()) }
}

/// A word that nobody knows, or one that lacks what belongs to it, leaves this entry unknown and its neighbours alone.
fn outcome(told: OutcomeBody) -> Outcome {
    match (told.outcome.as_str(), told.ticket, told.shows) {
        ("applied", _, _) => Outcome::Applied { now: told.now },
        ("pending", Some(ticket), _) if !ticket.is_empty() => Outcome::Pending { ticket },
        ("conflict", _, Some(shows)) => Outcome::Conflict { shows },
        ("refused", _, _) => Outcome::Refused(refusal(told.why.as_deref(), told.code, told.message)),
        _ => Outcome::Unknown,
    }
}

pub fn refusal(why: Option<&str>, code: Option<String>, message: Option<String>) -> Refusal {
    let why = match why {
        Some("no_such_item") => RefusedWhy::NoSuchItem,
        Some("below_zero") => RefusedWhy::BelowZero,
        Some("out_of_range") => RefusedWhy::OutOfRange,
        Some("not_ours") => RefusedWhy::NotOurs,
        Some("busy") => RefusedWhy::Busy,
        // A word that nobody knows is a refusal all the same.
        _ => RefusedWhy::Other,
    };
    let message = message.map_or_else(|| "the program refused this write".into(), |text| excerpt(text.as_bytes()));
    Refusal { why, code: code.map(|code| excerpt(code.as_bytes())), message }
}

impl From<TicketBody> for OutcomeBody {
    fn from(told: TicketBody) -> Self {
        let TicketBody { ticket, outcome, now, shows, why, code, message } = told;
        Self { key: String::new(), outcome, now, ticket: Some(ticket), shows, why, code, message }
    }
}
