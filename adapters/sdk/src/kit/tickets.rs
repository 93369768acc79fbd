//! Writes that a mall takes for later: what became of them is asked for by their tickets.

use std::{sync::Arc, time::Duration};

use super::{
    Finding, Miss, Planned, Shop,
    batches::{Entry, batch, push},
    cannot, check, ensure, failed,
};
use crate::{
    error::Class,
    mall::{Mall, Tickets},
    stock::Outcome,
};

/// A ticket is asked after 1, 2, 4 … seconds: more than a day in all.
const ASKED_MAX: u32 = 17;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "what became of a write that was taken for later is told by its ticket",
            "`Tickets::redeem`: one answer per ticket in order, `None` until it is decided, then what happened",
            redeemed,
        ),
        check(
            "an unknown ticket is never guessed at",
            "`Tickets::redeem`: a ticket that the mall doesn't know is an error, or not decided",
            unknown,
        ),
    ]
}

/// The outcomes in the end: every `Pending` is asked for until it is decided, while time passes.
pub(super) async fn decided(shop: &Shop, mut outcomes: Vec<Outcome>) -> Result<Vec<Outcome>, Miss> {
    let pending: Vec<_> = outcomes.iter().enumerate().filter_map(|(n, outcome)| Some((n, ticket(outcome)?))).collect();
    if pending.is_empty() {
        return Ok(outcomes);
    }
    let Some(tickets) = shop.mall.extras().tickets else {
        return Err(failed("tickets among the extras of an adapter that says Pending", "there are none"));
    };
    let asked: Vec<_> = pending.iter().map(|(_, ticket)| ticket.clone()).collect();
    let last = wait(shop, tickets, &asked).await?;
    for ((n, _), outcome) in pending.into_iter().zip(last) {
        outcomes[n] = outcome;
    }
    Ok(outcomes)
}

fn ticket(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Pending { ticket } => Some(ticket.clone()),
        _ => None,
    }
}

async fn wait(shop: &Shop, tickets: &dyn Tickets, asked: &[String]) -> Result<Vec<Outcome>, Miss> {
    for n in 0..ASKED_MAX {
        let answers = ask(shop, tickets, asked).await?;
        if let Some(decided) = answers.into_iter().collect::<Option<Vec<_>>>() {
            return Ok(decided);
        }
        shop.env.advance(Duration::from_secs(1 << n));
    }
    Err(failed("every ticket decided within a day", format!("{asked:?} are not")))
}

/// One answer per ticket, and none of them another ticket.
async fn ask(shop: &Shop, tickets: &dyn Tickets, asked: &[String]) -> Result<Vec<Option<Outcome>>, Miss> {
    let answers = shop.patiently(|| tickets.redeem(asked)).await?;
    let whole = answers.len() == asked.len();
    ensure(whole, || (format!("{} answers for as many tickets", asked.len()), format!("{answers:?}")))?;
    let last = answers.iter().flatten().all(|outcome| ticket(outcome).is_none());
    ensure(last, || ("answers that are final, or None", format!("{answers:?}")))?;
    Ok(answers)
}

/// Writes good entries each way, and one to an item that is gone: what the tickets say is what the mall sells, also
/// for an adapter that is opened later and asked twice.
async fn redeemed(shop: Arc<Shop>) -> Finding {
    let mut pending = false;
    for way in shop.card().writes {
        for with_gone in [false, true] {
            let batch = batch(&shop, way, way.batch_max.min(3)).await?;
            if with_gone {
                shop.book().unlist(&batch[0].listing.key);
            }
            let outcomes = match push(&shop, &batch).await {
                Err(error) if matches!(error.class, Class::Rejected { .. }) => continue,
                outcomes => outcomes?,
            };
            let tickets: Vec<_> = outcomes.iter().map(ticket).collect();
            decided(&shop, outcomes).await?;
            shop.take_effect();
            for (entry, ticket) in batch.iter().zip(tickets) {
                let Some(ticket) = ticket else { continue };
                pending = true;
                told_again(&shop, shop.restarted()?.as_ref(), entry, &ticket).await?;
            }
        }
    }
    if pending { Ok(()) } else { cannot("no push is answered with a ticket") }
}

async fn told_again(shop: &Shop, later: &dyn Mall, entry: &Entry, ticket: &str) -> Finding {
    let Some(tickets) = later.extras().tickets else {
        return Err(failed("tickets among the extras after a restart", "there are none"));
    };
    let figure = shop.book().item(&entry.listing.key).map(|item| item.counter);
    for _ in 0..2 {
        let answers = ask(shop, tickets, &[ticket.to_owned()]).await?;
        let fits = match answers.first() {
            // Some malls accept a figure for an item that doesn't exist.
            Some(Some(Outcome::Applied { now })) => {
                figure.is_none_or(|figure| figure == entry.target) && now.is_none_or(|now| now == entry.target)
            }
            Some(Some(Outcome::Refused(_) | Outcome::Conflict { .. })) => figure != Some(entry.target),
            Some(Some(Outcome::Unknown)) => true,
            _ => false,
        };
        ensure(fits, || {
            let key = &entry.listing.key;
            let expected = format!("what became of {:?} of {key}, of which {figure:?} is for sale", entry.write);
            (expected, format!("{answers:?}"))
        })?;
    }
    Ok(())
}

async fn unknown(shop: Arc<Shop>) -> Finding {
    let Some(tickets) = shop.mall.extras().tickets else { return cannot("no write is taken for later") };
    let mut spelled: Vec<String> =
        ["", "0", "no-such-ticket", "../../x?y#z", "{}", "チケット"].map(String::from).into();
    // One as the mall spells them, but for a last character more.
    for way in shop.card().writes {
        let told = push(&shop, &batch(&shop, way, 1).await?).await?;
        if let Some(near) = told.first().and_then(ticket) {
            spelled.push(near + "7");
        }
    }
    for ticket in spelled {
        let asked = std::slice::from_ref(&ticket);
        let answers = match shop.patiently(|| tickets.redeem(asked)).await {
            Ok(answers) => answers,
            Err(error) => {
                let again = matches!(error.class, Class::Transient { .. });
                ensure(!again, || (format!("no second try for the unknown {ticket:?}"), format!("{error}")))?;
                continue;
            }
        };
        let open = matches!(answers.as_slice(), [None | Some(Outcome::Unknown)]);
        ensure(open, || (format!("an error for {ticket:?}, or None"), format!("{answers:?}")))?;
    }
    Ok(())
}
