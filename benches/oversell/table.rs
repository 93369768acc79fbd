//! The columns, and what they add up to.

use super::{street::Scenario, world::Tally};

pub struct Row {
    pub way: &'static str,
    pub delivered: i64,
    pub possible: i64,
    pub oversold: i64,
    pub oversold_worst: i64,
    pub delivered_worst: f64,
    pub turned_away: i64,
    pub turned_away_worst: i64,
    pub to_95_s: f64,
    pub reached_95: u64,
    pub pushes: i64,
    runs: u64,
}

impl Row {
    pub fn new(way: &'static str) -> Self {
        Self {
            way,
            delivered: 0,
            possible: 0,
            oversold: 0,
            oversold_worst: 0,
            delivered_worst: 1.0,
            turned_away: 0,
            turned_away_worst: 0,
            to_95_s: 0.0,
            reached_95: 0,
            pushes: 0,
            runs: 0,
        }
    }

    pub fn add(&mut self, scenario: &Scenario, tally: &Tally, best: &Tally) {
        let pairs = || tally.sold.iter().zip(&scenario.stock);
        let delivered: i64 = pairs().map(|(sold, stock)| (*sold).min(*stock)).sum();
        let oversold: i64 = pairs().map(|(sold, stock)| (sold - stock).max(0)).sum();
        let possible: i64 = best.sold.iter().sum();
        self.runs += 1;
        self.delivered += delivered;
        self.possible += possible;
        self.oversold += oversold;
        self.oversold_worst = self.oversold_worst.max(oversold);
        if possible > 0 {
            self.delivered_worst = self.delivered_worst.min(delivered as f64 / possible as f64);
        }
        self.turned_away += tally.turned_away;
        self.turned_away_worst = self.turned_away_worst.max(tally.turned_away);
        self.pushes += tally.pushes;
        let stock: i64 = scenario.stock.iter().sum();
        let most = (stock as f64 * 0.95).ceil() as usize;
        if let Some(ms) = tally.sold_ms.get(most - 1) {
            self.to_95_s += *ms as f64 / 1_000.0;
            self.reached_95 += 1;
        }
    }

    pub fn part(&self) -> f64 {
        self.delivered as f64 / (self.possible as f64).max(1.0)
    }

    pub fn per_run(&self, sum: i64) -> f64 {
        sum as f64 / (self.runs as f64).max(1.0)
    }
}

pub struct Sheet {
    pub name: &'static str,
    pub says: &'static str,
    pub seeds: u64,
    pub rows: Vec<Row>,
}

impl Sheet {
    pub fn text(&self) -> String {
        let mut text = format!("### {}\n\n{}. {} seeds.\n\n", self.name, self.says, self.seeds);
        text += "| | delivered ÷ possible | worst | oversold, sum | a run | worst | turned away, a run | worst | 95 % sold after | pushes, a run |\n";
        text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        for row in &self.rows {
            let after = match row.reached_95 {
                0 => "–".to_owned(),
                n => format!("{} ({} %)", time(row.to_95_s / n as f64), n * 100 / self.seeds),
            };
            text += &format!(
                "| {} | {:.4} | {:.3} | {} | {:.3} | {} | {:.2} | {} | {} | {:.1} |\n",
                row.way,
                row.part(),
                row.delivered_worst,
                row.oversold,
                row.per_run(row.oversold),
                row.oversold_worst,
                row.per_run(row.turned_away),
                row.turned_away_worst,
                after,
                row.per_run(row.pushes),
            );
        }
        text
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 600.0 => format!("{s:.0} s"),
        s if s < 36_000.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}
