//! The contract's calls as deeds that a check can have done, one at a time, each with the operations that it uses.

use super::{Finding, Miss, Shop, ensure, failed, listings::update, writing::write};
use crate::{
    error::Result as Called,
    mall::{ListingKey, Mall, Query, Span},
    stock::Outcome,
};

/// The token endpoint's name in every card that has one.
pub(super) const TOKEN: &str = "auth.token";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    Search,
    ById,
    /// By this one of the card's ways.
    Push(usize),
    Read,
    /// A search by an adapter that has no token yet.
    Token,
    Resolve,
    /// Asks what became of a write that was taken for later.
    Redeem,
    Catalogue,
    Account,
    Consent,
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

/// What the deeds need: an order to find, items to write, a ticket; and which operations each uses.
pub(super) struct Bench {
    order: String,
    key: String,
    /// By way: as many as it takes for the way to be chosen.
    listings: Vec<Vec<ListingKey>>,
    ticket: Option<String>,
    pub(super) duties: Vec<(Duty, &'static str)>,
}

impl Bench {
    /// Does each deed once, and hears which operations it asks for.
    async fn new(shop: &Shop) -> Result<Self, Miss> {
        let key = shop.list(0, 500);
        let order = shop.place(&[(&key, 2)])?;
        shop.settle();
        let mut listings = Vec::new();
        for way in shop.card().writes {
            listings.push(shop.list_many(way.kind, shop.least(way), 500).await?);
        }
        let mut bench = Self { order, key, listings, ticket: None, duties: Vec::new() };
        bench.ticket = bench.find_ticket(shop).await?;
        let own: Vec<_> = bench.own(shop);
        for (duty, operation) in own {
            shop.heard();
            bench.recovers(shop, duty).await?;
            // An adapter that works on files asks nobody.
            if !shop.heard().is_empty() || duty == Duty::Token {
                bench.duties.push((duty, operation));
            }
        }
        for duty in bench.beside(shop) {
            shop.heard();
            bench.recovers(shop, duty).await?;
            bench.duties.extend(operations(shop, duty).into_iter().map(|operation| (duty, operation)));
        }
        Ok(bench)
    }

    /// The same for checks that bend what goes over the wire.
    pub(super) async fn of_requests(shop: &Shop) -> Result<Self, Miss> {
        let bench = if shop.fake.speaks_http() { Some(Self::new(shop).await?) } else { None };
        let without = || Miss::CannotDo("the mall is reached without requests".into());
        bench.filter(|bench| !bench.duties.is_empty()).ok_or_else(without)
    }

    /// An item that is pushed this way.
    pub(super) fn pushed(&self, way: usize) -> &str {
        self.listings.get(way).and_then(|listings| listings.first()).map_or(&self.key, |listing| &listing.key)
    }

    /// Deeds whose operation the card names.
    fn own(&self, shop: &Shop) -> Vec<(Duty, &'static str)> {
        let card = shop.card();
        let mut duties = vec![(Duty::Search, card.orders.search), (Duty::ById, card.orders.by_id)];
        for (n, way) in card.writes.iter().enumerate() {
            let done = |(duty, operation): &(Duty, &str)| {
                *operation == way.operation && matches!(duty, Duty::Push(other) if card.writes[*other].kind == way.kind)
            };
            if !duties.iter().any(done) {
                duties.push((Duty::Push(n), way.operation));
            }
        }
        duties.extend(card.reads.as_ref().map(|way| (Duty::Read, way.operation)));
        duties.extend(card.operation(TOKEN).map(|operation| (Duty::Token, operation.name)));
        duties
    }

    /// Deeds whose operations only their requests tell.
    fn beside(&self, shop: &Shop) -> Vec<Duty> {
        let extras = shop.mall.extras();
        let mut duties = vec![Duty::Resolve];
        duties.extend(extras.tickets.filter(|_| self.ticket.is_some()).map(|_| Duty::Redeem));
        duties.extend(extras.catalogue.map(|_| Duty::Catalogue));
        duties.extend(extras.account.map(|_| Duty::Account));
        let agreed = shop.fake.consent_code(&shop.fake.redirect());
        duties.extend(extras.consent.filter(|_| agreed.is_some()).map(|_| Duty::Consent));
        duties
    }

    async fn find_ticket(&self, shop: &Shop) -> Result<Option<String>, Miss> {
        for (way, listings) in shop.card().writes.iter().zip(&self.listings) {
            let updates: Vec<_> = listings.iter().map(|listing| update(listing, write(way.mode, 500, 400))).collect();
            let outcomes = shop.push(&updates).await?;
            shop.take_effect();
            if let Some(Outcome::Pending { ticket }) = outcomes.into_iter().next() {
                return Ok(Some(ticket));
            }
            for listing in listings {
                shop.book().set(&listing.key, 500);
            }
        }
        Ok(None)
    }

    pub(super) async fn perform(&self, shop: &Shop, duty: Duty) -> Result<Called<Told>, Miss> {
        self.perform_with(shop, shop.mall.as_ref(), duty).await
    }

    pub(super) async fn perform_with(&self, shop: &Shop, mall: &dyn Mall, duty: Duty) -> Result<Called<Told>, Miss> {
        let ids = std::slice::from_ref(&self.order);
        Ok(match duty {
            Duty::Search => self.search(shop, mall).await,
            Duty::Token => self.search(shop, shop.restarted()?.as_ref()).await,
            Duty::ById => shop.patiently(|| mall.by_id(ids)).await.map(|found| {
                let read = found.orders.len() == 1 && found.absent().count() == 0 && found.unread.is_empty();
                if read { Told::Fine } else { Told::Odd(format!("{found:?}")) }
            }),
            Duty::Push(way) => {
                let write = write(shop.card().writes[way].mode, 500, 300);
                let updates: Vec<_> = self.listings[way].iter().map(|listing| update(listing, write)).collect();
                for update in &updates {
                    shop.book().set(&update.key, 500);
                }
                shop.patiently(|| mall.push(&updates)).await.map(|told| outcome(&told, updates.len()))
            }
            Duty::Read => {
                let keys = [shop.listing(&self.key).await?];
                let Some(readback) = mall.extras().readback else { return Err(lacks("readback")) };
                shop.patiently(|| readback.read(&keys)).await.map(|readings| match readings.as_slice() {
                    [reading] if reading.found.is_some() => Told::Fine,
                    _ => Told::Odd(format!("{readings:?}")),
                })
            }
            Duty::Resolve => shop.patiently(|| mall.resolve(std::slice::from_ref(&self.key))).await.map(|answers| {
                let right = |key: &ListingKey| key.key == self.key;
                match answers.as_slice() {
                    [answer] if answer.key.as_ref().is_ok_and(right) => Told::Fine,
                    _ => Told::Odd(format!("{answers:?}")),
                }
            }),
            Duty::Redeem => {
                let tickets = self.ticket.clone().into_iter().collect::<Vec<_>>();
                let Some(redeems) = mall.extras().tickets else { return Err(lacks("tickets")) };
                shop.patiently(|| redeems.redeem(&tickets)).await.map(|answers| match answers.as_slice() {
                    [None | Some(Outcome::Applied { .. })] => Told::Fine,
                    _ => Told::Odd(format!("{answers:?}")),
                })
            }
            Duty::Catalogue => self.shelf(shop, mall).await?,
            Duty::Account => {
                let Some(account) = mall.extras().account else { return Err(lacks("account")) };
                let sheet = shop.patiently(|| account.account()).await;
                sheet.map(|sheet| if sheet.shop.is_empty() { Told::Odd(format!("{sheet:?}")) } else { Told::Fine })
            }
            Duty::Consent => consents(shop, mall).await?,
        })
    }

    /// Whose shop it is, or what it lists, may be told by one of several requests, while the others only add to it.
    pub(super) fn spares(&self, duty: Duty, result: &Called<Told>) -> bool {
        let several = self.duties.iter().filter(|(other, _)| *other == duty).count() > 1;
        [Duty::Account, Duty::Catalogue].contains(&duty) && several && matches!(result, Ok(Told::Fine))
    }

    async fn search(&self, shop: &Shop, mall: &dyn Mall) -> Called<Told> {
        let span = Span::Window { from: shop.edge() - jiff::SignedDuration::from_hours(20), to: shop.edge() };
        let query = Query { span, open_only: false, token: None };
        let page = shop.patiently(|| mall.pull(&query)).await?;
        let ids: Vec<_> =
            page.heads.iter().map(|head| &head.id).chain(page.orders.iter().map(|order| &order.id)).collect();
        Ok(if ids.contains(&&self.order) { Told::Fine } else { Told::Odd(format!("found {ids:?}")) })
    }

    /// The first page of what is listed, which is very little here.
    async fn shelf(&self, shop: &Shop, mall: &dyn Mall) -> Result<Called<Told>, Miss> {
        let Some(catalogue) = mall.extras().catalogue else { return Err(lacks("catalogue")) };
        let shelf = shop.patiently(|| catalogue.list(None)).await;
        Ok(shelf.map(|shelf| {
            let listed = shelf.items.iter().any(|item| item.key == self.key);
            if listed { Told::Fine } else { Told::Odd(format!("{shelf:?}")) }
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
        Err(failed(format!("{duty:?} works while nothing is wrong, at the second try at the latest"), last))
    }
}

/// What a deed asked for just now, by the card's names.
fn operations(shop: &Shop, duty: Duty) -> Vec<&'static str> {
    let mut operations = Vec::new();
    for answered in shop.heard() {
        let name = shop.card().operation(&answered.what).map(|operation| operation.name);
        let others = |name: &&str| *name != TOKEN || duty == Duty::Consent;
        if let Some(name) = name.filter(others).filter(|name| !operations.contains(name)) {
            operations.push(name);
        }
    }
    operations
}

async fn consents(shop: &Shop, mall: &dyn Mall) -> Result<Called<Told>, Miss> {
    let redirect = shop.fake.redirect();
    let code = shop.fake.consent_code(&redirect).unwrap_or_default();
    let Some(consent) = mall.extras().consent else { return Err(lacks("consent")) };
    let granted = shop.patiently(|| consent.redeem(&code, &redirect)).await;
    Ok(granted.map(|granted| if granted.is_empty() { Told::Odd("no credential".into()) } else { Told::Fine }))
}

fn lacks(extra: &str) -> Miss {
    failed(format!("an adapter that offers {extra}, as its card or its first opening says"), "it offers none")
}

fn outcome(outcomes: &[Outcome], updates: usize) -> Told {
    let taken = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. } | Outcome::Pending { .. });
    let whole = outcomes.len() == updates;
    if whole && outcomes.iter().all(taken) {
        return Told::Fine;
    }
    let unknown = whole && outcomes.iter().all(|outcome| *outcome == Outcome::Unknown);
    if unknown { Told::Doubtful } else { Told::Odd(format!("{outcomes:?}")) }
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

/// The fails of one deed, in the words of a failed check.
pub(super) fn on(operation: &str, what: impl std::fmt::Debug, result: &Called<Told>) -> String {
    format!("{operation}, {what:?}: {}", words(result))
}

pub(super) fn ensure_fine(result: &Called<Told>, what: impl std::fmt::Display) -> Finding {
    ensure(matches!(result, Ok(Told::Fine)), || (format!("{what} works"), words(result)))
}
