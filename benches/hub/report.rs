//! How figures are said.

use std::time::Duration;

/// One measured figure beside what it is compared with.
pub struct Figure {
    pub name: &'static str,
    /// What was measured, with its unit.
    pub measured: String,
    pub baseline: String,
    /// Measured over baseline, or the measured value itself where the target is one.
    pub value: f64,
    pub target: Target,
    /// Further facts of the same measurement, a line each.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// A plain amount, not a ratio.
    MegabytesBelow(f64),
}

impl Figure {
    fn is_met(&self) -> bool {
        match self.target {
            Target::AtMost(limit) => self.value <= limit,
            Target::AtLeast(limit) => self.value >= limit,
            Target::MegabytesBelow(limit) => self.value < limit,
        }
    }

    fn value(&self) -> String {
        match self.target {
            Target::MegabytesBelow(_) => format!("{:.0} MB", self.value),
            _ => format!("{:.3} ×", self.value),
        }
    }

    fn target(&self) -> String {
        match self.target {
            Target::AtMost(limit) => format!("≤ {limit} ×"),
            Target::AtLeast(limit) => format!("≥ {limit} ×"),
            Target::MegabytesBelow(limit) => format!("< {limit} MB"),
        }
    }
}

/// Where this run takes place.
pub fn machine(flushes_per_second: f64) {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let named = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value).trim().to_owned()
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let (processor, memory) = (named(&read("/proc/cpuinfo"), "model name"), named(&read("/proc/meminfo"), "MemTotal"));
    println!("machine    {processors} × {processor}, {memory} of memory");
    println!("disk       {flushes_per_second:.0} flushes of 4 KiB a second");
}

/// Says a figure as soon as it is known: the whole run takes minutes.
pub fn say(figure: Figure) -> Figure {
    println!("\n{}: {} against {} = {}", figure.name, figure.measured, figure.baseline, figure.value());
    for note in &figure.notes {
        println!("    {note}");
    }
    figure
}

pub fn table(figures: &[Figure]) {
    println!("\n| figure | measured | baseline | ratio | target | |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for figure in figures {
        let verdict = if figure.is_met() { "met" } else { "**missed**" };
        let (value, target) = (figure.value(), figure.target());
        println!("| {} | {} | {} | {value} | {target} | {verdict} |", figure.name, figure.measured, figure.baseline);
    }
}

pub fn millis(length: Duration) -> String {
    format!("{:.2} ms", length.as_secs_f64() * 1_000.0)
}

/// The value that `part` of the samples don't exceed; they need not be sorted.
pub fn quantile(samples: &[Duration], part: f64) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

pub fn median(samples: &[Duration]) -> Duration {
    quantile(samples, 0.5)
}
