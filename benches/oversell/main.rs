//! How much is sold, how much of it twice, and who is turned away: the same shoppers against seven ways to keep
//! several malls in step. `cargo bench --bench oversell` writes `docs/oversell.md` and its plots anew;
//! `cargo bench --bench oversell -- "long tail"` prints only what is named.

mod hub;
mod plain;
mod plot;
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
    if words.is_empty() {
        report(&sheets);
    }
}

const INTRO: &str = "# Oversold, unsold, turned away\n\n\
Written by `cargo bench --bench oversell`; every figure and plot on this page comes from that run.\n\n\
The same shoppers, drawn once per seed, meet seven ways to keep four channels in step: 40 % come to Rakuten and 20 % to \
Yahoo! (polled each 60 s, changed by `+n`), 30 % to Amazon (polled each 180 s, orders visible after 120 s, figures \
only), 10 % to the seller's own shop. Whoever finds nothing leaves. A write takes 2 s. *naive* polls every 5 minutes \
and sets one figure everywhere, *buffer 2* holds two units back, *by hand* splits the stock into four and leaves it \
alone; *shared*, *escrow* and *auto* run the real `domain::{publication, settle, allocation, demand, exposure}` in \
memory; *clairvoyant* is what could be sold at most. There are no faults here, no database and no HTTP.\n\n\
Two things to know. In the *flash*, which is over before most orders are heard of, escrow leaves the units where they \
are and gives out only what nobody has: moving them would hide them for longer than they last. In the *outage* and the \
*super sale*, auto accepts a small risk on thin stock.\n\n\
*Turned away*: customers who found nothing while a unit was unsold on any channel. *95 % sold after*: the mean of the \
runs that came so far, and how many did. *Pushes*: figures written to malls.\n\n";

fn report(sheets: &[Sheet]) {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let folder = docs.join("oversell");
    std::fs::create_dir_all(&folder).expect("docs can be written");
    let all = scenarios();
    let mut text = INTRO.to_owned();
    for sheet in sheets {
        text += &sheet.text();
        text.push('\n');
    }
    for (name, seed) in [("flash", 0), ("sale day", 0)] {
        let Some(scenario) = all.iter().find(|scenario| scenario.name == name) else { continue };
        let file = format!("{}.svg", name.replace(' ', "-"));
        std::fs::write(folder.join(&file), sold_over_time(scenario, seed)).expect("a plot can be written");
        text += &format!("![{name}: units sold over time, seed {seed}](oversell/{file})\n\n");
    }
    if let Some(tail) = all.iter().find(|scenario| scenario.name == "long tail") {
        text += "## What the risk costs\n\n`auto` on the long tail, by the largest risk that it takes (`eps`), 500 seeds:\n\n";
        text += "| eps | delivered ÷ possible | oversold, a run |\n| ---: | ---: | ---: |\n";
        for (eps, row) in [0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0].map(|eps| (eps, by_eps(tail, eps))) {
            text += &format!("| {eps} | {:.4} | {:.4} |\n", row.part(), row.per_run(row.oversold));
        }
    }
    std::fs::write(docs.join("oversell.md"), text).expect("the report can be written");
}

fn sold_over_time(scenario: &Scenario, seed: u64) -> String {
    let lines = WAYS.map(|way| {
        let sold = run(scenario, seed, way).sold_ms;
        let points = sold.iter().enumerate().map(|(index, ms)| (*ms as f64 / 60_000.0, index as f64 + 1.0));
        plot::Line { name: way.to_owned(), points: points.collect() }
    });
    plot::svg(&format!("{}: units sold, {} there", scenario.name, scenario.stock[0]), "minutes", "units", &lines)
}

fn by_eps(scenario: &Scenario, eps: f64) -> Row {
    let mut row = Row::new("auto");
    for seed in 0..500 {
        let shoppers = scenario.shoppers(seed);
        let mut dice = StdRng::seed_from_u64(seed);
        let phases: [f64; SHOP] = [dice.random(), dice.random(), dice.random()];
        let policy = Policy { wish: Wish::Auto, eps, ..Policy::default() };
        row.add(scenario, &hub::play(scenario, &shoppers, phases, policy), &plain::clairvoyant(scenario, &shoppers));
    }
    row
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
