//! What the field does: a hub that polls every five minutes and sets the same number everywhere, with or without a
//! buffer; stock split by hand and left alone; and the limit that nobody can reach.

use super::{
    street::{CHANNELS, SHOP, Scenario, Shopper},
    world::{Agenda, MANNERS, Malls, PUSH_MS, Tally},
};

const POLL_MS: i64 = 300_000;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Poll,
    Set(usize, usize, i64),
}

pub fn polling(scenario: &Scenario, shoppers: &[Shopper], phase: f64, buffer: i64) -> Tally {
    let mut malls = Malls::new(scenario);
    for channel in 0..CHANNELS {
        malls.shows[channel] = scenario.stock.iter().map(|units| (units - buffer).max(0)).collect();
    }
    let mut left = scenario.stock.clone();
    let mut said = vec![malls.shows[0].clone(); CHANNELS];
    let mut agenda = Agenda::new();
    agenda.add((phase * POLL_MS as f64) as i64, Event::Poll);
    for shopper in shoppers {
        while let Some((ms, event)) = agenda.before(shopper.ms) {
            match event {
                Event::Poll => {
                    agenda.add(ms + POLL_MS, Event::Poll);
                    for channel in (0..CHANNELS).filter(|channel| !scenario.is_down(*channel, ms)) {
                        let lag = MANNERS.get(channel).map_or(0, |manner| manner.lag_ms);
                        for placed in malls.found(channel, ms - lag) {
                            left[placed.sku] -= 1;
                            // The mall's own counter has fallen by this one.
                            said[channel][placed.sku] -= 1;
                        }
                    }
                    for channel in (0..CHANNELS).filter(|channel| !scenario.is_down(*channel, ms)) {
                        for (sku, units) in left.iter().enumerate() {
                            let figure = (units - buffer).max(0);
                            if said[channel][sku] != figure {
                                said[channel][sku] = figure;
                                malls.tally.pushes += i64::from(channel != SHOP);
                                let late = if channel == 1 { (scenario.effect_s * 1_000.0) as i64 } else { 0 };
                                agenda.add(ms + PUSH_MS + late, Event::Set(channel, sku, figure));
                            }
                        }
                    }
                }
                Event::Set(channel, sku, figure) => malls.shows[channel][sku] = figure,
            }
        }
        malls.visit(shopper);
    }
    malls.tally
}

pub fn by_hand(scenario: &Scenario, shoppers: &[Shopper]) -> Tally {
    let mut malls = Malls::new(scenario);
    for channel in 0..CHANNELS {
        malls.shows[channel] = scenario.stock.iter().map(|units| units / CHANNELS as i64).collect();
    }
    for shopper in shoppers {
        malls.visit(shopper);
    }
    malls.tally
}

pub fn clairvoyant(scenario: &Scenario, shoppers: &[Shopper]) -> Tally {
    let mut malls = Malls::new(scenario);
    for shopper in shoppers {
        malls.shows[shopper.channel][shopper.sku] = scenario.stock[shopper.sku] - malls.tally.sold[shopper.sku];
        malls.visit(shopper);
    }
    malls.tally
}
