//! The operations of a card as deeds that a check can have done, one request of each at a time.

use super::{Finding, Miss, Shop, ensure, writing::write};
use crate::{
    card::WriteMode,
    error::Result as Called,
    mall::{Mall, Query, Span},
    stock::{Outcome, Update},
};

/// The token endpoint's name in every card that has one.
pub(super) const TOKEN: &str = "auth.token";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    Search,
    ById,
    Push(WriteMode),
    Read,
    /// A search by an adapter that has no token yet.
    Token,
}

impl Duty {
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Push(_))
    }
}

/// What a deed came to.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Fine,
    /// Outcomes that say that nobody knows.
    Doubtful,
    Odd(String),
}

/// What a deed needs: an order to find, an item to write, an id to ask for.
pub(super) struct Bench {
    order: String,
    key: String,
}

impl Bench {
    pub(super) fn new(shop: &Shop) -> Result<Self, Miss> {
        let key = shop.list(0, 500);
        let order = shop.place(&[(&key, 2)])?;
        shop.settle();
        Ok(Self { order, key })
    }

    /// Every operation of the card that some duty uses.
    pub(super) fn duties(shop: &Shop) -> Vec<(Duty, &'static str)> {
        let card = shop.card();
        let mut duties = vec![(Duty::Search, card.orders.search), (Duty::ById, card.orders.by_id)];
        for way in card.writes {
            if !duties.iter().any(|(_, operation)| *operation == way.operation) {
                duties.push((Duty::Push(way.mode), way.operation));
            }
        }
        duties.extend(card.reads.as_ref().map(|way| (Duty::Read, way.operation)));
        duties.extend(card.operation(TOKEN).map(|operation| (Duty::Token, operation.name)));
        duties
    }

    pub(super) async fn perform(&self, shop: &Shop, duty: Duty) -> Result<Called<Told>, Miss> {
        self.perform_with(shop, shop.mall.as_ref(), duty).await
    }

    pub(super) async fn perform_with(&self, shop: &Shop, mall: &dyn Mall, duty: Duty) -> Result<Called<Told>, Miss> {
        let ids = std::slice::from_ref(&self.order);
        Ok(match duty {
            Duty::Search => self.search(shop, mall).await,
            Duty::Token => match shop.reopened(&shop.settings) {
                Ok(reopened) => self.search(shop, reopened.as_ref()).await,
                Err(why) => return Err(Miss::Failed(why)),
            },
            Duty::ById => shop.patiently(|| mall.by_id(ids)).await.map(|found| {
                let read = found.orders.len() == 1 && found.missing.is_empty() && found.unread.is_empty();
                if read { Told::Fine } else { Told::Odd(format!("{found:?}")) }
            }),
            Duty::Push(mode) => {
                shop.book().set(&self.key, 500);
                let update = match shop.patiently(|| mall.resolve(std::slice::from_ref(&self.key))).await {
                    Ok(resolved) => resolved.into_iter().next().and_then(|resolved| resolved.key.ok()),
                    Err(error) => return Ok(Err(error)),
                };
                let listing = update.ok_or_else(|| Miss::Failed(format!("{} does not resolve", self.key)))?;
                let update = Update { key: listing.key, handle: listing.handle, write: write(mode, 500, 300) };
                shop.patiently(|| mall.push(std::slice::from_ref(&update))).await.map(|told| outcome(&told))
            }
            Duty::Read => self.read(shop, mall).await?,
        })
    }

    async fn search(&self, shop: &Shop, mall: &dyn Mall) -> Called<Told> {
        let span = Span::Window { from: shop.edge() - jiff::SignedDuration::from_hours(20), to: shop.edge() };
        let query = Query { span, open_only: false, token: None };
        let page = shop.patiently(|| mall.pull(&query)).await?;
        let ids: Vec<_> =
            page.heads.iter().map(|head| &head.id).chain(page.orders.iter().map(|order| &order.id)).collect();
        Ok(if ids.contains(&&self.order) { Told::Fine } else { Told::Odd(format!("found {ids:?}")) })
    }

    async fn read(&self, shop: &Shop, mall: &dyn Mall) -> Result<Called<Told>, Miss> {
        let key = crate::mall::ListingKey { key: self.key.clone(), handle: None };
        let listing = match shop.patiently(|| mall.resolve(std::slice::from_ref(&self.key))).await {
            Ok(resolved) => resolved.into_iter().next().and_then(|resolved| resolved.key.ok()).unwrap_or(key),
            Err(error) => return Ok(Err(error)),
        };
        let Some(readback) = mall.extras().readback else {
            return Err(Miss::Failed("the card has reads, the extras have no readback".into()));
        };
        let readings = shop.patiently(|| readback.read(std::slice::from_ref(&listing))).await;
        Ok(readings.map(|readings| match readings.as_slice() {
            [reading] if reading.found.is_some() => Told::Fine,
            _ => Told::Odd(format!("{readings:?}")),
        }))
    }

    /// After whatever went wrong, the next calls work again.
    pub(super) async fn recovers(&self, shop: &Shop, duty: Duty) -> Finding {
        let mut last = String::new();
        for _ in 0..2 {
            match self.perform(shop, duty).await? {
                Ok(Told::Fine) => return Ok(()),
                other => last = words(&other),
            }
        }
        ensure(false, || format!("{duty:?} does not recover: {last}"))
    }
}

fn outcome(outcomes: &[Outcome]) -> Told {
    match outcomes {
        [Outcome::Applied { .. } | Outcome::Pending { .. }] => Told::Fine,
        [Outcome::Unknown] => Told::Doubtful,
        _ => Told::Odd(format!("{outcomes:?}")),
    }
}

/// A result in short, for a failed check.
pub(super) fn words(result: &Called<Told>) -> String {
    match result {
        Ok(Told::Fine) => "it worked".into(),
        Ok(Told::Doubtful) => "an unknown outcome".into(),
        Ok(Told::Odd(what)) => what.clone(),
        Err(error) => format!("{:?}", error.class),
    }
}
