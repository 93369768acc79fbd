//! How much is sold, how much of it twice, and who is turned away: the same shoppers against seven ways to keep
//! several malls in step. `cargo bench --bench oversell` writes `docs/oversell.md` and its plots anew;
//! `cargo bench --bench oversell -- "long tail"` prints only what is named.

mod hub;
mod plain;
mod street;
mod table;
mod world;

use std::thread;

use rand::{Rng, SeedableRng, rngs::StdRng};
use street::{SHOP, Scenario, scenarios};
use table::{Row, Sheet};
use uriba::domain::exposure::mode::{Policy, Wish};
use world::Tally;

pub const WAYS: [&str; 7] = ["naive", "buffer 2", "by hand", "shared", "escrow", "auto", "clairvoyant"];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let mut sheets = Vec::new();
    for scenario in scenarios() {
        if words.is_empty() || words.iter().any(|word| word == scenario.name) {
            let sheet = play(&scenario, scenario.seeds);
            println!("{}", sheet.text());
            sheets.push(sheet);
        }
    }
}

/// All seeds, on two threads.
fn play(scenario: &Scenario, seeds: u64) -> Sheet {
    let half = |first: u64| {
        (first..seeds).step_by(2).map(|seed| (seed, WAYS.map(|way| run(scenario, seed, way)))).collect::<Vec<_>>()
    };
    let mut played = thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut mine = half(0);
        mine.extend(other.join().expect("a world ends"));
        mine
    });
    played.sort_by_key(|(seed, _)| *seed);
    let rows = WAYS.iter().enumerate().map(|(index, way)| {
        let mut row = Row::new(way);
        for (_, tallies) in &played {
            row.add(scenario, &tallies[index], &tallies[WAYS.len() - 1]);
        }
        row
    });
    Sheet { name: scenario.name, says: scenario.says, seeds, rows: rows.collect() }
}

fn run(scenario: &Scenario, seed: u64, way: &str) -> Tally {
    let shoppers = scenario.shoppers(seed);
    let mut dice = StdRng::seed_from_u64(seed);
    let phases: [f64; SHOP] = [dice.random(), dice.random(), dice.random()];
    let policy = |wish| Policy { wish, ..Policy::default() };
    match way {
        "naive" => plain::polling(scenario, &shoppers, phases[0], 0),
        "buffer 2" => plain::polling(scenario, &shoppers, phases[0], 2),
        "by hand" => plain::by_hand(scenario, &shoppers),
        "shared" => hub::play(scenario, &shoppers, phases, policy(Wish::Shared)),
        "escrow" => hub::play(scenario, &shoppers, phases, policy(Wish::Escrow)),
        "auto" => hub::play(scenario, &shoppers, phases, policy(Wish::Auto)),
        _ => plain::clairvoyant(scenario, &shoppers),
    }
}
