//! Writing stock. Listings of one kind go in one call: the engine gives no more than that, since a call that must wait
//! for the calls before it is given back unsent. That is why nothing is read here before it is written.

use serde_json::Value;
use uriba_sdk::{Class, MallError, Outcome, Result, Update};

use crate::{
    Qoo10,
    card::LINES_MAX,
    key::{self, Handle},
    qapi::{self, Method, TOO_MANY},
    stock::{self, Line},
};

impl Qoo10 {
    pub async fn write(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.len() > LINES_MAX {
            return Err(self.too_many(&qapi::SET_ITEMS));
        }
        let mut outcomes: Vec<Option<Outcome>> = vec![None; updates.len()];
        let mut calls: Vec<(&'static Method, Vec<Line>)> = Vec::new();
        for (index, update) in updates.iter().enumerate() {
            match line(index, update) {
                Ok(line) => add(&mut calls, line),
                Err(refusal) => outcomes[index] = Some(Outcome::Refused(refusal)),
            }
        }
        for (n, (method, lines)) in calls.iter().enumerate() {
            let told = match self.send(method, lines).await {
                Ok(told) => told,
                Err(error) if n == 0 => return Err(error),
                // The calls before it stand, whatever became of this one.
                Err(_) => vec![Outcome::Unknown; lines.len()],
            };
            for (line, outcome) in lines.iter().zip(told) {
                outcomes[line.index] = Some(outcome);
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Unknown)).collect())
    }

    async fn send(&self, method: &'static Method, lines: &[Line]) -> Result<Vec<Outcome>> {
        if method.operation == qapi::SET_OPTION.operation
            && let [line] = lines
        {
            let fields = stock::single(line);
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            return Ok(vec![stock::outcome(&self.ask(method, &fields).await?)]);
        }
        let end = self.sale_end.as_ref().filter(|_| method.operation == qapi::SET_ITEMS.operation);
        let also = end.map(|end| ("ExpireDate", Value::from(end.as_str())));
        let reply = self.ask(method, &[("ItemInfoJson", &stock::lines_json(lines, also))]).await?;
        if reply.code == TOO_MANY {
            return Err(self.too_many(method));
        }
        Ok(stock::outcomes(&reply, lines))
    }

    fn too_many(&self, method: &Method) -> MallError {
        let message = "more lines than the mall takes in one call; nothing was written";
        self.wire.error(method.operation, Class::Rejected { refused: Vec::new() }, message)
    }
}

fn line(index: usize, update: &Update) -> std::result::Result<Line, uriba_sdk::Refusal> {
    let quantity = stock::figure(update)?;
    let handle = update.handle.as_deref().and_then(Handle::read).ok_or_else(stock::nameless)?;
    Ok(Line { index, code: key::split(&update.key).0.to_owned(), handle, quantity })
}

/// Into the call of its kind. An option with a price of its own has a call to itself.
fn add(calls: &mut Vec<(&'static Method, Vec<Line>)>, line: Line) {
    let method = match &line.handle.option {
        None => &qapi::SET_ITEMS,
        Some(choice) if choice.priced => &qapi::SET_OPTION,
        Some(_) => &qapi::SET_OPTIONS,
    };
    let alone = method.operation == qapi::SET_OPTION.operation;
    match calls.iter_mut().find(|(known, _)| !alone && known.operation == method.operation) {
        Some((_, lines)) => lines.push(line),
        None => calls.push((method, vec![line])),
    }
}
