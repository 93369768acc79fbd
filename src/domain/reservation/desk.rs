//! The state of things, and the word on each request.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{Ask, Available, Change, Part, Refusal, Reservation, State, Verdict, Wish};

/// A channel as a reservation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    pub pool: String,
    /// The seller's own: it may reserve.
    pub is_storefront: bool,
    /// Taken off sale by its switch.
    pub is_suspended: bool,
}

/// Everything that the requests of one moment touch.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    pub shops: HashMap<String, Shop>,
    /// What one unit of a code is made of; a plain SKU is made of itself. A code that is missing here is none.
    pub recipes: HashMap<String, Vec<Part>>,
    /// What can still be sold, by pool and SKU; a SKU that is missing has no figure. Negative when oversold.
    pub sellable: HashMap<String, HashMap<i64, i64>>,
    /// Of SKUs in escrow, what malls may sell: it is not in `sellable`.
    pub withheld: HashMap<String, HashMap<i64, i64>>,
    /// Codes that are off sale.
    pub stopped: HashSet<String>,
    pub reservations: HashMap<String, Reservation>,
    /// Units held, by holder.
    pub held_by: HashMap<String, i64>,
    /// What one holder may hold; 0: as much as there is.
    pub holder_units_max: i64,
}

impl Desk {
    /// The word on a request; nothing changes yet.
    pub fn judge(&self, id: &str, ask: &Ask, now: Timestamp) -> Verdict {
        let known = self.reservations.get(id);
        match ask {
            Ask::Reserve(wish) => self.reserve(known, wish, now),
            Ask::Confirm { order } => self.confirm(known, order, now),
            Ask::Release { .. } => release(known),
            Ask::Expire => match known {
                None => Verdict::Refused(Refusal::Unknown),
                Some(known) if known.has_lapsed(now) => Verdict::Changes(Change::Expire),
                Some(_) => Verdict::Stands,
            },
        }
    }

    fn reserve(&self, known: Option<&Reservation>, wish: &Wish, now: Timestamp) -> Verdict {
        match known {
            None => match self.grant(wish) {
                Ok(()) => Verdict::Changes(Change::Hold),
                Err(refusal) => Verdict::Refused(refusal),
            },
            Some(known) if known.has_lapsed(now) => Verdict::Refused(Refusal::Ended(State::Expired)),
            Some(known) if known.state != State::Held => Verdict::Refused(Refusal::Ended(known.state)),
            Some(known) if known.wish.as_ref() == Some(wish) => Verdict::Stands,
            Some(_) => Verdict::Refused(Refusal::OtherContent),
        }
    }

    fn grant(&self, wish: &Wish) -> Result<(), Refusal> {
        let shop = self.storefront(&wish.channel)?;
        if let Some(line) = wish.lines.iter().find(|line| !self.recipes.contains_key(&line.sku)) {
            return Err(Refusal::NoSuchSku(line.sku.clone()));
        }
        if shop.is_suspended {
            return Err(Refusal::Suspended(wish.channel.clone()));
        }
        self.on_sale(wish)?;
        let parts = self.parts(wish);
        if !self.fits(&shop.pool, &parts) {
            return Err(Refusal::NotEnough(self.shortage(&shop.pool, wish)));
        }
        let Some(holder) = wish.holder.as_ref().filter(|_| self.holder_units_max > 0) else { return Ok(()) };
        let held = self.held_by.get(holder).copied().unwrap_or(0);
        if held.saturating_add(units(&parts)) > self.holder_units_max {
            return Err(Refusal::HolderLimit { holder: holder.clone(), held, most: self.holder_units_max });
        }
        Ok(())
    }

    fn on_sale(&self, wish: &Wish) -> Result<(), Refusal> {
        match wish.lines.iter().find(|line| self.stopped.contains(&line.sku)) {
            Some(line) => Err(Refusal::Stopped(line.sku.clone())),
            None => Ok(()),
        }
    }

    fn storefront(&self, channel: &str) -> Result<&Shop, Refusal> {
        let shop = self.shops.get(channel).ok_or_else(|| Refusal::NoSuchChannel(channel.to_owned()))?;
        if !shop.is_storefront {
            return Err(Refusal::NoStorefront(channel.to_owned()));
        }
        Ok(shop)
    }

    fn confirm(&self, known: Option<&Reservation>, order: &str, now: Timestamp) -> Verdict {
        let Some(known) = known else { return Verdict::Refused(Refusal::Unknown) };
        let is_open = matches!(known.state, State::Held | State::Expired);
        if let Some(Err(refusal)) = known.wish.as_ref().filter(|_| is_open).map(|wish| self.storefront(&wish.channel)) {
            return Verdict::Refused(refusal);
        }
        match known.state {
            State::Confirmed if known.order.as_deref() == Some(order) => Verdict::Stands,
            State::Confirmed => Verdict::Refused(confirmed(known)),
            State::Released => Verdict::Refused(Refusal::Ended(State::Released)),
            State::Held if !known.has_lapsed(now) => Verdict::Changes(Change::Confirm { late: false }),
            State::Held | State::Expired => self.confirm_late(known),
        }
    }

    /// An expired hold has no claim on anything: it is confirmed when there is stock without it.
    fn confirm_late(&self, known: &Reservation) -> Verdict {
        let Some(wish) = &known.wish else { return Verdict::Refused(Refusal::Ended(known.state)) };
        if let Err(refusal) = self.on_sale(wish) {
            return Verdict::Refused(refusal);
        }
        // Where nobody has come by yet to say that it expired, its own units are still counted as held.
        let counted = if known.state == State::Held { known.parts.as_slice() } else { &[] };
        let own = |sku| counted.iter().filter(|part| part.sku == sku).map(|part| part.quantity).sum::<i64>();
        let left = |sku| self.sellable.get(&known.pool).and_then(|here| here.get(&sku)).map(|left| left + own(sku));
        if self.parts(wish).iter().all(|part| left(part.sku).is_some_and(|left| left >= part.quantity)) {
            return Verdict::Changes(Change::Confirm { late: true });
        }
        Verdict::Refused(Refusal::NotEnough(self.shortage(&known.pool, wish)))
    }

    /// Makes a change true for everything that is judged after it.
    pub fn apply(&mut self, id: &str, ask: &Ask, change: Change, now: Timestamp) {
        if let (Change::Hold, Ask::Reserve(wish)) = (change, ask) {
            let fresh = self.held(wish, now);
            self.move_units(&fresh.pool, &fresh.parts, -1);
            self.move_holder(&fresh, 1);
            self.reservations.insert(id.to_owned(), fresh);
            return;
        }
        if change == Change::Bury {
            let parts = Vec::new();
            let state = State::Released;
            let grave = Reservation { wish: None, pool: String::new(), parts, state, expires_at: now, order: None };
            self.reservations.insert(id.to_owned(), grave);
            return;
        }
        let Some(mut known) = self.reservations.remove(id) else { return };
        if known.state == State::Held {
            self.move_units(&known.pool, &known.parts, 1);
            self.move_holder(&known, -1);
        }
        if let (Change::Confirm { .. }, Ask::Confirm { order }) = (change, ask) {
            // What a bundle is made of may have changed since: the order takes what it is made of now.
            let parts = known.wish.as_ref().map(|wish| self.parts(wish)).unwrap_or_default();
            self.move_units(&known.pool, &parts, -1);
            known.order = Some(order.clone());
        }
        known.state = match change {
            Change::Confirm { .. } => State::Confirmed,
            Change::Expire => State::Expired,
            Change::Hold | Change::Release | Change::Bury => State::Released,
        };
        self.reservations.insert(id.to_owned(), known);
    }

    fn held(&self, wish: &Wish, now: Timestamp) -> Reservation {
        let pool = self.shops.get(&wish.channel).map(|shop| shop.pool.clone()).unwrap_or_default();
        let expires_at = now.saturating_add(SignedDuration::from_secs(wish.ttl_s)).unwrap_or(Timestamp::MAX);
        let parts = self.parts(wish);
        Reservation { wish: Some(wish.clone()), pool, parts, state: State::Held, expires_at, order: None }
    }

    /// The units of every stocked SKU that a wish comes to, by SKU.
    pub fn parts(&self, wish: &Wish) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::with_capacity(wish.lines.len());
        for line in &wish.lines {
            for part in self.recipes.get(&line.sku).into_iter().flatten() {
                let quantity = part.quantity.saturating_mul(line.quantity);
                match parts.iter_mut().find(|known| known.sku == part.sku) {
                    Some(known) => known.quantity = known.quantity.saturating_add(quantity),
                    None => parts.push(Part { sku: part.sku, quantity }),
                }
            }
        }
        parts.sort_by_key(|part| part.sku);
        parts
    }

    /// How many units of a code can be had now.
    pub fn available(&self, pool: &str, sku: &str) -> i64 {
        let here = self.sellable.get(pool);
        let left = |part: &Part| here.and_then(|here| here.get(&part.sku)).copied().unwrap_or(0);
        let whole = self.recipes.get(sku).into_iter().flatten().map(|part| left(part).div_euclid(part.quantity.max(1)));
        whole.min().unwrap_or(0).max(0)
    }

    /// A SKU without a figure has nothing to give.
    fn fits(&self, pool: &str, parts: &[Part]) -> bool {
        let left = |part: &Part| self.sellable.get(pool).and_then(|here| here.get(&part.sku)).copied();
        parts.iter().all(|part| left(part).is_some_and(|left| left >= part.quantity))
    }

    fn shortage(&self, pool: &str, wish: &Wish) -> Vec<Available> {
        let line = |line: &super::Line| Available {
            sku: line.sku.clone(),
            quantity: line.quantity,
            available: self.available(pool, &line.sku),
            on_malls: self.is_withheld(pool, line),
        };
        wish.lines.iter().map(line).collect()
    }

    /// There is enough of it, but not here.
    fn is_withheld(&self, pool: &str, line: &super::Line) -> bool {
        let of = |map: &HashMap<String, HashMap<i64, i64>>, sku| map.get(pool).and_then(|here| here.get(&sku)).copied();
        let parts = self.recipes.get(&line.sku).map_or(&[][..], Vec::as_slice);
        let wanted = |part: &Part| part.quantity.saturating_mul(line.quantity);
        let here = |part: &Part| of(&self.sellable, part.sku).unwrap_or(0);
        let all = |part: &Part| here(part) + of(&self.withheld, part.sku).unwrap_or(0);
        parts.iter().any(|part| here(part) < wanted(part)) && parts.iter().all(|part| all(part) >= wanted(part))
    }

    /// Units of each SKU in escrow that a refused wish would need from the malls.
    pub fn to_recall(&self, wish: &Wish) -> Vec<Part> {
        let Some(shop) = self.shops.get(&wish.channel) else { return Vec::new() };
        let lines = wish.lines.iter().filter(|line| self.is_withheld(&shop.pool, line));
        let parts = lines.flat_map(|line| {
            let parts = self.recipes.get(&line.sku).map_or(&[][..], Vec::as_slice);
            parts.iter().map(|part| Part { sku: part.sku, quantity: part.quantity.saturating_mul(line.quantity) })
        });
        let here = self.sellable.get(&shop.pool);
        let missing = |part: Part| {
            let left = here.and_then(|here| here.get(&part.sku)).copied().unwrap_or(0).max(0);
            (part.quantity > left).then_some(part)
        };
        parts.filter_map(missing).collect()
    }

    fn move_units(&mut self, pool: &str, parts: &[Part], sign: i64) {
        let Some(here) = self.sellable.get_mut(pool) else { return };
        for part in parts {
            if let Some(left) = here.get_mut(&part.sku) {
                *left += sign * part.quantity;
            }
        }
    }

    fn move_holder(&mut self, reservation: &Reservation, sign: i64) {
        if let Some(holder) = reservation.wish.as_ref().and_then(|wish| wish.holder.clone()) {
            *self.held_by.entry(holder).or_default() += sign * units(&reservation.parts);
        }
    }
}

fn release(known: Option<&Reservation>) -> Verdict {
    match known {
        None => Verdict::Changes(Change::Bury),
        Some(known) => match known.state {
            // Of an expired one there is nothing to give back, but a late confirm must find it released.
            State::Held | State::Expired => Verdict::Changes(Change::Release),
            State::Released => Verdict::Stands,
            State::Confirmed => Verdict::Refused(confirmed(known)),
        },
    }
}

fn confirmed(known: &Reservation) -> Refusal {
    Refusal::Confirmed { order: known.order.clone().unwrap_or_default() }
}

pub fn units(parts: &[Part]) -> i64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.quantity))
}
