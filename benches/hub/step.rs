//! The cost of a step follows what changed, not what there is: 1,000 changed SKUs in a catalogue of 10,000 and in one of
//! 1,000,000, six listings to each SKU.
//!
//! One unit of each of the SKUs, which lie scattered over the catalogue, is booked out. Measured is what follows: their
//! targets are recomputed, and every channel plans and records its writes, batch after batch. The two catalogues take
//! turns, with the same SKUs in each turn, so that both are as warm as a cache of one size lets them be.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::{
    catalogue::{self, HUGE, MIDDLING, book, tell},
    footprint,
    report::{Figure, Target, median, millis, quantile},
    setting::Setting,
};

const CHANGED: usize = 1_000;
const WARM_UP: usize = 3;
const TURNS: usize = 20;

pub async fn figures() -> Result<Vec<Figure>> {
    let (few, many) = (catalogue::build(&MIDDLING).await?, catalogue::build(&HUGE).await?);
    let memory = footprint::figure(&many, "resident memory, 1,000,000 SKUs × 6 listings", 300.0)?;
    let (small, large) = (few.open().await?, many.open().await?);
    // What the memory was measured with is told first.
    while tell_all(&large).await?.0 > 0 {}
    let (mut in_small, mut in_large): (Vec<Spent>, Vec<Spent>) = (Vec::new(), Vec::new());
    for turn in 0..WARM_UP + TURNS {
        let of_few = change(&small, MIDDLING.skus, turn).await?;
        let of_many = change(&large, HUGE.skus, turn).await?;
        if turn >= WARM_UP {
            in_small.push(of_few);
            in_large.push(of_many);
        }
    }
    small.engine.release_leases().await?;
    large.engine.release_leases().await?;
    let each = |of: fn(&Spent) -> Duration| -> [Vec<Duration>; 2] {
        [&in_large, &in_small].map(|spent| spent.iter().map(of).collect())
    };
    let half = |both: [Vec<Duration>; 2]| both.map(|spent| millis(median(&spent))).join(" and ");
    let [large, small] = each(|spent| spent.computing + spent.claiming);
    let worst = format!(
        "{TURNS} turns, recompute ({}) + claim of 6,000 writes ({}); 9 of 10 within {} and {}",
        half(each(|spent| spent.computing)),
        half(each(|spent| spent.claiming)),
        millis(quantile(&large, 0.9)),
        millis(quantile(&small, 0.9))
    );
    let cost = Figure {
        name: "1,000 changed SKUs of 1,000,000 × 6 listings, median",
        measured: millis(median(&large)),
        baseline: format!("{} of 10,000", millis(median(&small))),
        value: median(&large).as_secs_f64() / median(&small).as_secs_f64(),
        target: Target::AtMost(1.5),
        notes: vec![worst],
    };
    Ok(vec![cost, memory])
}

#[derive(Clone, Copy)]
struct Spent {
    computing: Duration,
    claiming: Duration,
}

async fn change(setting: &Setting, skus: usize, turn: usize) -> Result<Spent> {
    let scattered: Vec<usize> = (0..CHANGED).map(|n| 1 + n * (skus / CHANGED)).collect();
    book(setting, &scattered, &format!("step/{turn}")).await?;
    let began = Instant::now();
    setting.engine.recompute_all().await?;
    let computing = began.elapsed();
    let (claimed, claiming) = tell_all(setting).await?;
    let wanted = CHANGED * setting.engine.channels.len();
    ensure!(claimed == wanted, "{claimed} writes were claimed where {wanted} were wanted");
    Ok(Spent { computing, claiming })
}

/// Has every channel say everything. Returns how many writes that took, and how long claiming them.
async fn tell_all(setting: &Setting) -> Result<(usize, Duration)> {
    let (mut writes, mut spent) = (0, Duration::ZERO);
    for channel in 0..setting.engine.channels.len() {
        loop {
            let (count, claiming) = tell(setting, channel).await?;
            spent += claiming;
            writes += count;
            if count == 0 {
                break;
            }
        }
    }
    Ok((writes, spent))
}
