#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use uriba::sim::{Options, play};

#[test]
fn smoke() {
    let options = Options { troubles: Some(Vec::new()), malls: Some(1), days: 0.25, events: false, ..Options::default() };
    for seed in 1..7 {
        let began = std::time::Instant::now();
        let report = play(seed, &options).unwrap();
        for e in &report.events { println!("{e}"); }
        println!("{report} scenes {} in {:?}", report.scenes, began.elapsed());
    }
}
