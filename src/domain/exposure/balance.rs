//! Shares: who may show how much of a SKU, and what moves.
//!
//! Ideally everybody's share runs out at the same time: in proportion to demand, in whole sales, by [`apportion`].
//! Listings whose units come back slowly get less when the stock won't last much longer than that. The seller's own
//! shop sells from what is unshared, and has its part there.
//!
//! Moving costs: writes, and the time in which a unit in between is on show nowhere. So shares stay as they are,
//! less what sold, until somebody is about to run dry. Free units go first, then those of listings that are lowered
//! by a change. A listing that knows figures only is emptied through zero when the others would be dry before its
//! units could be there; otherwise it sells its share down, and is topped up when it stands at zero.
//!
//! A channel that has not begun is written to by nobody, so its share is a plan: what it would get if all that have not
//! begun were live. It takes nothing from the others, who share what its malls don't show.
//!
//! [`apportion`]: super::apportion::apportion

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Listing, Mode, Reach, Stock, Why,
    apportion::{Seat, apportion, whole},
    blind::blind,
    bound, exposure,
    mode::{InForce, Policy, decide},
};
use crate::domain::{demand::Forecast, time::later};

/// A share below this part of what it ought to be is topped up from others.
const DRY: f64 = 0.6;
/// The last units of a listing move on only to one that sells so much faster.
const FASTER: f64 = 1.25;
/// Units are on show nowhere while they move, and what a mall is found to have sold meanwhile comes free only when it is
/// heard of: moving pays while the stock lasts for so many times as long as that takes.
const PAYS: f64 = 5.0;
/// Decisions are looked at again when a part of the stock is expected to have sold, no sooner and no later than this.
const SOONEST: Duration = Duration::from_secs(30);
const LATEST: Duration = Duration::from_secs(86_400);

/// What was decided about a SKU, to be stored with its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance<K> {
    pub mode: Mode,
    pub why: Why,
    /// One for each listing, in their order.
    pub shares: Vec<Share<K>>,
    /// What is in nobody's share and on no mall, for checkouts.
    pub unshared: i64,
    pub exposure: i64,
    pub bound: i64,
    /// No ceiling is above its share, and their sum is within sellable.
    pub settled: bool,
    pub reconsider_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Share<K> {
    pub listing: K,
    /// In units of the SKU, a multiple of what one sale takes; `None` in shared mode.
    pub units: Option<i64>,
    pub because: Because,
    /// In shared mode, units that it may have sold unheard: withheld from the other channels.
    pub blind: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// Everything is on show.
    Shared,
    /// Nothing to gain by moving.
    Stays,
    /// By demand: free units, or those of others.
    ToppedUp,
    /// Others would run dry.
    GivesUp,
    /// It knows figures only and shows less than its share, which it could get only by being emptied: the rest is free.
    Trimmed,
    /// It knows figures only: emptied first, given its part when it stands at zero.
    ThroughZero,
    /// Set by hand.
    Fixed,
    /// It can't be written; what it shows is not for others.
    Outside,
    /// Its channel has not begun: what it would get if it had. Nobody is kept from selling it meanwhile.
    Shadow,
}

impl Because {
    /// As it is kept with a share.
    pub fn word(self) -> String {
        format!("{self:?}")
    }
}

pub fn balance<K: Clone>(
    stock: &Stock,
    listings: &[Listing<K>],
    policy: &Policy,
    in_force: Option<InForce>,
    now: Timestamp,
) -> Balance<K> {
    let listings = &believed(stock, listings)[..];
    let planned = planned(listings);
    let mut table = Table::set(stock, &planned);
    let ideal: Vec<i64> = table.places.iter().map(|place| place.ideal).collect();
    let (mode, why) = decide(policy, stock, &planned, &ideal, in_force, now);
    let exposure = exposure(listings);
    if mode == Mode::Escrow {
        table.serve();
    }
    let would = would_have(stock, listings);
    let shares: Vec<Share<K>> = listings
        .iter()
        .zip(&table.places)
        .zip(would)
        .map(|((listing, place), would)| {
            let (units, because) = match mode {
                Mode::Shared => (None, Because::Shared),
                Mode::Escrow if listing.reach == Reach::Shadow => (Some(would), Because::Shadow),
                Mode::Escrow => (Some(place.have), place.because),
            };
            let unheard = listing.unheard.filter(|_| mode == Mode::Shared);
            let blind = unheard.map_or(0, |unheard| blind(listing, unheard, policy.eps));
            Share { listing: listing.listing.clone(), units, because, blind }
        })
        .collect();
    let has = |place: &Place| if mode == Mode::Escrow { place.have } else { 0 };
    let taken = |(listing, place): (&Listing<K>, &Place)| has(place).max(listing.exposed());
    let unshared = stock.sellable - listings.iter().zip(&table.places).map(taken).sum::<i64>();
    let within = |(listing, place): (&Listing<K>, &Place)| mode == Mode::Shared || listing.exposed() <= place.have;
    Balance {
        mode,
        why,
        settled: exposure <= stock.sellable && listings.iter().zip(&table.places).all(within),
        unshared: unshared.max(0),
        exposure,
        bound: bound(exposure, stock.sellable, mode, stock.storefront.is_some()),
        shares,
        reconsider_at: reconsider_at(stock, table.demand, now),
    }
}

/// The listings with what a sale that was seen on one of them, or in the shop, says about those that are silent.
fn believed<K: Clone>(stock: &Stock, listings: &[Listing<K>]) -> Vec<Listing<K>> {
    let forecasts = listings.iter().map(|listing| &listing.forecast).chain(&stock.storefront);
    let surge = forecasts.map(Forecast::surge).fold(1.0, f64::max);
    let believed = |listing: &Listing<K>| {
        let forecast = listing.forecast.surging(surge, listing.silent);
        Listing { forecast, ..listing.clone() }
    };
    listings.iter().map(believed).collect()
}

/// Where no channel has begun, everybody's share is a plan. Else those of the ones that have not are none: they hold what
/// their malls show, and nothing beside it.
fn planned<K: Clone>(listings: &[Listing<K>]) -> Vec<Listing<K>> {
    if listings.iter().all(|listing| listing.reach == Reach::Shadow) {
        return begun(listings);
    }
    let planned = |listing: &Listing<K>| match listing.reach {
        Reach::Shadow => Listing { share: None, ..listing.clone() },
        _ => listing.clone(),
    };
    listings.iter().map(planned).collect()
}

/// As if every channel had begun, with nothing on show where it has not.
fn begun<K: Clone>(listings: &[Listing<K>]) -> Vec<Listing<K>> {
    let begun = |listing: &Listing<K>| match listing.reach {
        Reach::Shadow => Listing { reach: Reach::Direct, share: None, ceiling: Some(0), ..listing.clone() },
        _ => listing.clone(),
    };
    listings.iter().map(begun).collect()
}

/// The plan: what each ought to have then, drawn up anew each time. Nothing is raised by it, since a raise takes what no
/// ceiling holds, plan or not.
fn would_have<K: Clone>(stock: &Stock, listings: &[Listing<K>]) -> Vec<i64> {
    if listings.iter().all(|listing| listing.reach != Reach::Shadow) {
        return vec![0; listings.len()];
    }
    Table::set(stock, &begun(listings)).places.iter().map(|place| place.ideal).collect()
}

fn reconsider_at(stock: &Stock, units_per_second: f64, now: Timestamp) -> Timestamp {
    let lasts = stock.sellable.max(1) as f64 / units_per_second.max(f64::MIN_POSITIVE);
    let soon = Duration::try_from_secs_f64(lasts / 10.0).unwrap_or(LATEST).clamp(SOONEST, LATEST);
    let at = later(now, soon);
    stock.recalled_until.filter(|until| *until > now).map_or(at, |until| until.min(at))
}

/// The listings around one stock, and what each of them gets.
struct Table {
    places: Vec<Place>,
    /// All units that aren't outside or recalled.
    total: i64,
    /// Units per second of everybody who may sell.
    demand: f64,
    /// The shop's own part of the total.
    kept: i64,
    /// The soonest that a sale is known.
    heard_s: f64,
    entering: bool,
}

struct Place {
    seat: Seat,
    reach: Reach,
    fixed: bool,
    exposed: i64,
    /// Units per second.
    rate: f64,
    turn: Duration,
    /// What it is expected to have when it could be lowered, for all that is known of it: the rest sells where it is.
    left: i64,
    ideal: i64,
    have: i64,
    because: Because,
}

impl Place {
    fn in_flight(&self) -> i64 {
        (self.exposed - self.have).max(0)
    }

    /// It can be given more without being emptied first.
    fn takes(&self) -> bool {
        let now = match self.reach {
            Reach::Direct => true,
            Reach::ThroughZero => self.exposed == 0,
            Reach::Away | Reach::Outside | Reach::Shadow => false,
        };
        now && !self.fixed
    }

    fn missing(&self) -> i64 {
        whole((self.ideal - self.have).max(0), self.seat.units)
    }

    fn surplus(&self) -> i64 {
        if self.fixed || self.reach == Reach::Outside {
            return 0;
        }
        whole((self.have - self.ideal).min(self.left).max(0), self.seat.units)
    }

    fn is_dry(&self) -> bool {
        self.takes() && self.missing() > 0 && (self.have as f64) < DRY * self.ideal as f64
    }
}

impl Table {
    fn set<K>(stock: &Stock, listings: &[Listing<K>]) -> Self {
        let outside: i64 = listings.iter().filter(|listing| listing.is_outside()).map(Listing::holds).sum();
        let inside = listings.iter().filter(|listing| !listing.is_outside());
        let shop = stock.storefront.map_or(0.0, |forecast| forecast.units_per_second());
        let demand = shop + inside.map(|listing| listing.forecast.units_per_second()).sum::<f64>();
        let total = (stock.sellable - outside - stock.recalled).max(0);
        let lasts = total as f64 / demand.max(f64::MIN_POSITIVE);
        let mut left = total;
        let places = listings.iter().map(|listing| {
            let mut place = place(listing, lasts);
            if let Some(fixed) = listing.fixed.filter(|_| !listing.is_outside()) {
                place.have = whole(fixed.min(left).min(listing.most_units()), listing.units);
                place.ideal = place.have;
                left -= place.have;
            }
            place
        });
        let heard_s = listings.iter().map(|listing| listing.blind.as_secs_f64()).fold(f64::INFINITY, f64::min);
        let heard_s = if heard_s.is_finite() { heard_s } else { 0.0 };
        let mut table = Self { places: places.collect(), total, demand, kept: 0, heard_s, entering: false };
        let seats: Vec<usize> = table.movable().collect();
        table.entering = seats.iter().all(|index| listings[*index].share.is_none());
        table.kept = table.split(&seats, left, shop);
        // What a listing that knows figures only shows now, it keeps for the time being: the others share the rest.
        let (stuck, rest): (Vec<usize>, _) = seats.into_iter().partition(|index| table.is_stuck(*index));
        let mut firm = 0;
        for index in stuck {
            let place = &mut table.places[index];
            if table.entering {
                place.ideal = place.exposed;
                firm += place.exposed;
            } else {
                firm += place.have;
            }
        }
        if !table.entering || firm > 0 {
            table.kept = table.split(&rest, (left - firm).max(0), shop);
        }
        table
    }

    /// It could get more only by being emptied.
    fn is_stuck(&self, index: usize) -> bool {
        let place = &self.places[index];
        let has = if self.entering { place.exposed < place.ideal } else { place.have > 0 };
        place.reach == Reach::ThroughZero && place.exposed > 0 && has
    }

    fn movable(&self) -> impl Iterator<Item = usize> {
        (0..self.places.len()).filter(|index| {
            let place = &self.places[*index];
            !place.fixed && place.reach != Reach::Outside
        })
    }

    /// Sets what these places ought to have of so many units; returns the shop's part.
    fn split(&mut self, places: &[usize], units: i64, shop: f64) -> i64 {
        let mut seats: Vec<Seat> = places.iter().map(|index| self.places[*index].seat).collect();
        if shop > 0.0 {
            seats.push(Seat { weight: shop, units: 1, most: i64::MAX, priority: 0 });
        }
        let parts = apportion(units, &seats);
        for (index, part) in places.iter().zip(&parts) {
            self.places[*index].ideal = *part;
        }
        parts.get(places.len()).copied().unwrap_or(0)
    }

    fn serve(&mut self) {
        if self.entering {
            let all: Vec<usize> = self.movable().collect();
            for index in all {
                let place = &mut self.places[index];
                (place.have, place.because) = (place.ideal, Because::ToppedUp);
            }
            return;
        }
        self.shrink();
        self.hand_out();
        // What will be gone before its move has paid is sold soonest where it is.
        if self.total as f64 >= PAYS * self.demand * self.heard_s {
            self.move_on();
            self.empty();
        }
    }

    fn shared(&self) -> i64 {
        let inside = self.places.iter().filter(|place| place.reach != Reach::Outside);
        inside.map(|place| place.have).sum()
    }

    /// Units that are in no share and on no mall.
    fn spare(&self) -> i64 {
        let inside = self.places.iter().filter(|place| place.reach != Reach::Outside);
        self.total - self.shared() - inside.map(Place::in_flight).sum::<i64>()
    }

    /// A count, a recall or a fixed share left less than is shared out.
    fn shrink(&mut self) {
        for pass in [Reach::Direct, Reach::ThroughZero] {
            let mut over = self.shared() - self.total;
            let of_pass: Vec<usize> = self.movable().filter(|index| self.places[*index].reach == pass).collect();
            for index in of_pass {
                let place = &mut self.places[index];
                let give = up(over.max(0), place.seat.units).min(place.surplus());
                if give > 0 {
                    place.have -= give;
                    place.because = Because::GivesUp;
                    over -= give;
                }
            }
        }
        // Still too much: in proportion, those first that needn't be emptied for it.
        for pass in [Reach::Direct, Reach::ThroughZero] {
            let over = self.shared() - self.total;
            let places: Vec<usize> = self.movable().filter(|index| self.places[*index].reach == pass).collect();
            let have: i64 = places.iter().map(|index| self.places[*index].have).sum();
            let seat = |index: &usize| Seat { weight: self.places[*index].have as f64, ..self.places[*index].seat };
            let seats: Vec<Seat> = places.iter().map(seat).collect();
            if over <= 0 {
                break;
            }
            for (index, part) in places.iter().zip(apportion(have - over, &seats)) {
                let place = &mut self.places[*index];
                (place.have, place.because) = (place.have.min(part), Because::GivesUp);
            }
        }
    }

    /// Free units beyond the shop's part, to those who lack most of theirs.
    fn hand_out(&mut self) {
        let budget = self.spare() - self.kept;
        let takers: Vec<usize> =
            self.movable().filter(|i| self.places[*i].takes() && self.places[*i].missing() > 0).collect();
        let seats: Vec<Seat> = takers
            .iter()
            .map(|index| {
                let place = &self.places[*index];
                Seat { weight: place.missing() as f64, most: place.missing(), ..place.seat }
            })
            .collect();
        for (index, part) in takers.iter().zip(apportion(budget, &seats)).filter(|(_, part)| *part > 0) {
            let place = &mut self.places[*index];
            place.have += part;
            place.because = Because::ToppedUp;
        }
    }

    /// Lowers some, so that those who are about to run dry can be raised once that is settled.
    fn move_on(&mut self) {
        let dry: Vec<&Place> = self.places.iter().filter(|place| place.is_dry()).collect();
        let shop_lacks = if (self.spare() as f64) < DRY * self.kept as f64 { self.kept - self.spare() } else { 0 };
        let coming: i64 = self.places.iter().filter(|p| p.reach != Reach::Outside).map(Place::in_flight).sum();
        let mut need = dry.iter().map(|place| place.missing()).sum::<i64>() + shop_lacks.max(0) - coming;
        let fastest = dry.iter().map(|place| place.seat.weight).fold(0.0, f64::max);
        if need <= 0 {
            return;
        }
        let mut givers: Vec<usize> = self.movable().filter(|index| self.places[*index].surplus() > 0).collect();
        givers.sort_by_key(|index| std::cmp::Reverse(self.places[*index].surplus()));
        for index in &givers {
            let place = &mut self.places[*index];
            if need <= 0 || place.reach != Reach::Direct {
                continue;
            }
            let give = up(need, place.seat.units).min(place.surplus());
            if give == place.have && fastest < FASTER * place.seat.weight {
                continue;
            }
            place.have -= give;
            place.because = Because::GivesUp;
            need -= give;
        }
    }

    /// A listing that knows figures only gives nothing but everything: worth it once the others would be dry before
    /// its units could be there.
    fn empty(&mut self) {
        let (total, demand) = (self.total, self.demand);
        for place in self.places.iter_mut().filter(|place| place.reach == Reach::ThroughZero) {
            let rate = demand - place.rate;
            let others = total - place.have.max(place.exposed);
            let lasts = others as f64 >= rate * place.turn.as_secs_f64();
            if place.surplus() > 0 && place.exposed > 0 && !lasts {
                (place.have, place.because) = (0, Because::ThroughZero);
            }
        }
    }
}

fn place<K>(listing: &Listing<K>, lasts_s: f64) -> Place {
    let weight = listing.forecast.units_per_second() / (1.0 + listing.turn.as_secs_f64() / lasts_s.max(1.0));
    let (outside, fixed) = (listing.is_outside(), listing.fixed.is_some());
    let because = match (outside, fixed) {
        (true, _) => Because::Outside,
        (false, true) => Because::Fixed,
        (false, false) => Because::Stays,
    };
    let seat = Seat { weight, units: listing.units.max(1), most: listing.most_units(), priority: listing.priority };
    let have = listing.share.unwrap_or(0).min(if outside { i64::MAX } else { listing.most_units() });
    let have = if outside { have } else { whole(have, seat.units) };
    let stuck = listing.reach == Reach::ThroughZero && !fixed && (1..have).contains(&listing.exposed());
    let (have, because) = if stuck { (listing.exposed(), Because::Trimmed) } else { (have, because) };
    Place {
        seat,
        reach: if outside { Reach::Outside } else { listing.reach },
        fixed,
        exposed: listing.exposed(),
        rate: listing.forecast.units_per_second(),
        turn: listing.turn,
        left: have - (listing.forecast.units_per_second() * (listing.silent + listing.turn).as_secs_f64()) as i64,
        ideal: 0,
        have,
        because,
    }
}

fn up(quantity: i64, units: i64) -> i64 {
    whole(quantity + units - 1, units)
}
