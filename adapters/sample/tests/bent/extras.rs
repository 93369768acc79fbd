//! The extras, bent.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uriba_sdk::{
    Account, AccountSheet, Catalogue, Consent, Hint, Mall, Notice, Outcome, Readback, Reading, Refusal, RefusedWhy,
    Result, Shelf, Tickets, Wakeup,
    mall::{ListingKey, SettingsError},
};

use super::{
    bends::{Bend, Bent, is_bent},
    stage::lock,
};

#[async_trait]
impl Readback for Bent {
    async fn read(&self, keys: &[ListingKey]) -> Result<Vec<Reading>> {
        let asked = if is_bent(Bend::ReadsHalfTheKeys) { &keys[..keys.len().min(99)] } else { keys };
        let mut readings = self.bend_error(self.good.extras().readback.unwrap().read(asked).await)?;
        let missing = keys[asked.len()..].iter().map(|key| Reading { key: key.key.clone(), found: None });
        readings.extend(missing);
        if is_bent(Bend::ReadsBackwards) {
            readings.reverse();
        }
        for reading in &mut readings {
            let Some(counter) = &mut reading.found else { continue };
            counter.sells_past_zero |= is_bent(Bend::SellsAllPastZero);
            counter.not_ours |= is_bent(Bend::DisownsAll);
            if is_bent(Bend::LimitsNothing) {
                counter.quantity = None;
            }
            if let Some(figure) =
                lock(&self.memory).written.get(&reading.key).filter(|_| is_bent(Bend::RemembersWrites))
            {
                counter.quantity = Some(*figure);
            }
        }
        Ok(readings)
    }
}

#[async_trait]
impl Tickets for Bent {
    async fn redeem(&self, tickets: &[String]) -> Result<Vec<Option<Outcome>>> {
        let result = self.bend_error(self.good.extras().tickets.unwrap().redeem(tickets).await);
        if result.is_err() && is_bent(Bend::GuessesTickets) {
            return Ok(vec![Some(Outcome::Applied { now: None }); tickets.len()]);
        }
        let bent = result?.into_iter().zip(tickets).map(|(answer, ticket)| match answer {
            Some(_) if is_bent(Bend::NeverDecides) => None,
            Some(_) if is_bent(Bend::PendsAgain) => Some(Outcome::Pending { ticket: ticket.clone() }),
            Some(Outcome::Applied { .. }) if is_bent(Bend::DeniesDecided) => {
                let message = String::new();
                Some(Outcome::Refused(Refusal { why: RefusedWhy::Other, code: None, message }))
            }
            answer => answer,
        });
        Ok(bent.collect())
    }
}

#[async_trait]
impl Catalogue for Bent {
    async fn list(&self, token: Option<&str>) -> Result<Shelf> {
        let mut shelf = self.bend_error(self.good.extras().catalogue.unwrap().list(token).await)?;
        if is_bent(Bend::ListsTwice) {
            shelf.items.extend(shelf.items.first().cloned());
        }
        if is_bent(Bend::ListsThePage) {
            shelf.next = None;
        }
        if is_bent(Bend::ForgetsTheJan) {
            shelf.items.iter_mut().for_each(|item| item.jan = None);
        }
        Ok(shelf)
    }
}

#[async_trait]
impl Account for Bent {
    async fn account(&self) -> Result<AccountSheet> {
        let mut sheet = self.bend_error(self.good.extras().account.unwrap().account().await)?;
        if is_bent(Bend::NamesAllAlike) {
            sheet.shop = "Sample Mall".into();
        }
        if is_bent(Bend::EndsAStranger) {
            sheet.ends.iter_mut().for_each(|(key, _)| *key = "licence");
        }
        Ok(sheet)
    }
}

impl Wakeup for Bent {
    fn read(&self, notice: &Notice<'_>) -> std::result::Result<Hint, String> {
        let told = self.good.extras().wakeup.unwrap().read(notice);
        let fields: Value = serde_json::from_slice(notice.body).unwrap_or_default();
        match (told, fields["order"].as_str()) {
            (Ok(_), _) if is_bent(Bend::HearsNothing) => Ok(Hint::Nothing),
            (Err(_), Some(order)) if is_bent(Bend::BelievesAnything) => Ok(Hint::Orders(vec![order.to_owned()])),
            (Err(_), _) if is_bent(Bend::SearchesOnNonsense) => Ok(Hint::Search),
            (told, _) => told,
        }
    }
}

#[async_trait]
impl Consent for Bent {
    fn page(&self, redirect: &str, state: &str) -> std::result::Result<String, SettingsError> {
        let state = if is_bent(Bend::ForgetsTheState) { "same" } else { state };
        let page = self.good.extras().consent.unwrap().page(redirect, state)?;
        Ok(if is_bent(Bend::LeaksIntoThePage) { format!("{page}&key={}", self.key) } else { page })
    }

    async fn redeem(&self, code: &str, redirect: &str) -> Result<Vec<(&'static str, SecretString)>> {
        let result = self.bend_error(self.good.extras().consent.unwrap().redeem(code, redirect).await);
        if result.is_err() && is_bent(Bend::GrantsAnybody) {
            return Ok(vec![("key", SecretString::from(self.key.as_str()))]);
        }
        let strange = is_bent(Bend::GrantsAStranger);
        let name = |key| if strange { "licence" } else { key };
        let granted = result?.into_iter().map(|(key, secret)| (name(key), secret.expose_secret().to_owned().into()));
        Ok(granted.collect())
    }
}
