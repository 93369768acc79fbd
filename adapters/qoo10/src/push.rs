//! Writing stock: what is read first, and the one or two bulk calls.

use std::collections::HashMap;

use serde_json::json;
use uriba_sdk::{Class, Outcome, Result, Update};

use crate::{
    Qoo10,
    card::LINES_MAX,
    key::Handle,
    qapi::{self, Method, TOO_MANY},
    stock::{self, Line},
};

/// One place per update; what is settled needs no request any more.
type Places = Vec<Option<Outcome>>;

impl Qoo10 {
    pub async fn write(&self, updates: &[Update]) -> Result<Vec<Outcome>> {
        if updates.len() > LINES_MAX {
            return Err(self.too_many(&qapi::SET_ITEMS));
        }
        let mut places: Places = vec![None; updates.len()];
        let lines = self.lines(updates, &mut places).await?;
        let (mut options, mut items): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.handle.option.is_some());
        // All reading comes before any writing: when it fails, nothing was written.
        if self.keeps_option_price {
            self.keep_prices(&mut options, &mut places).await?;
        }
        if self.keeps_sale_end {
            self.keep_sale_ends(&mut items, &mut places).await?;
        }
        let mut is_first = true;
        for (method, lines) in [(&qapi::SET_ITEMS, items), (&qapi::SET_OPTIONS, options)] {
            if lines.is_empty() {
                continue;
            }
            let outcomes = match self.bulk(method, &lines).await {
                Ok(outcomes) => outcomes,
                Err(error) if is_first => return Err(error),
                // The call before it stands, whatever became of this one.
                Err(_) => vec![Outcome::Unknown; lines.len()],
            };
            is_first = false;
            for (line, outcome) in lines.iter().zip(outcomes) {
                places[line.index] = Some(outcome);
            }
        }
        Ok(places.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Unknown)).collect())
    }

    /// Updates that can be written. One without a handle is of a listing that wasn't there when it was mapped.
    async fn lines(&self, updates: &[Update], places: &mut Places) -> Result<Vec<Line>> {
        let mut lines = Vec::with_capacity(updates.len());
        let mut nameless = Vec::new();
        for (index, update) in updates.iter().enumerate() {
            match (stock::figure(update), update.handle.as_deref().and_then(Handle::read)) {
                (Err(refusal), _) => places[index] = Some(Outcome::Refused(refusal)),
                (Ok(quantity), Some(handle)) => {
                    lines.push(Line { index, code: stock::code_of(&update.key), handle, quantity, kept: None });
                }
                (Ok(quantity), None) => nameless.push((index, quantity)),
            }
        }
        if nameless.is_empty() {
            return Ok(lines);
        }
        let keys: Vec<_> = nameless.iter().map(|(index, _)| updates[*index].key.clone()).collect();
        for ((index, quantity), named) in nameless.into_iter().zip(self.name(&keys).await?) {
            match named.map(|named| named.handle) {
                Ok(Some(handle)) => {
                    let code = stock::code_of(&updates[index].key);
                    lines.push(Line { index, code, handle, quantity, kept: None });
                }
                Ok(None) => places[index] = Some(Outcome::Refused(stock::no_such_item())),
                Err(message) => {
                    let refusal = uriba_sdk::Refusal { message, ..stock::no_such_item() };
                    places[index] = Some(Outcome::Refused(refusal));
                }
            }
        }
        Ok(lines)
    }

    /// What leaving `Price` out does to an option's extra price is documented nowhere, so it is said again.
    async fn keep_prices(&self, lines: &mut Vec<Line>, places: &mut Places) -> Result<()> {
        let mut known = HashMap::new();
        for line in lines.iter_mut() {
            let number = &line.handle.item;
            if !known.contains_key(number) {
                known.insert(number.clone(), self.variants(("ItemCode", number)).await?.unwrap_or_default());
            }
            let variants = known.get(number).map(Vec::as_slice).unwrap_or_default();
            let choice = line.handle.option.as_ref();
            match variants.iter().find(|variant| choice.is_some_and(|choice| variant.is(choice))) {
                Some(variant) => {
                    line.kept = Some(("Price", variant.price.clone())).filter(|(_, price)| !price.is_null())
                }
                None => places[line.index] = Some(Outcome::Refused(stock::no_such_item())),
            }
        }
        lines.retain(|line| places[line.index].is_none());
        Ok(())
    }

    async fn keep_sale_ends(&self, lines: &mut Vec<Line>, places: &mut Places) -> Result<()> {
        for line in lines.iter_mut() {
            match self.detail(("ItemCode", &line.handle.item)).await? {
                Some(detail) => line.kept = detail.sale_end.map(|end| ("ExpireDate", json!(end))),
                None => places[line.index] = Some(Outcome::Refused(stock::no_such_item())),
            }
        }
        lines.retain(|line| places[line.index].is_none());
        Ok(())
    }

    async fn bulk(&self, method: &'static Method, lines: &[Line]) -> Result<Vec<Outcome>> {
        let reply = self.ask(method, &[("ItemInfoJson", &stock::lines_json(lines))]).await?;
        if reply.code == TOO_MANY {
            return Err(self.too_many(method));
        }
        Ok(stock::outcomes(&reply, lines))
    }

    fn too_many(&self, method: &Method) -> uriba_sdk::MallError {
        let message = "more lines than the mall takes in one call; nothing was written";
        self.wire.error(method.operation, Class::Rejected { refused: Vec::new() }, message)
    }
}
