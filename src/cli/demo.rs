//! `uriba demo`: fake malls with shoppers, and the real hub between them.

use std::{net::SocketAddr, time::Duration};

use clap::Args;

use super::failure::{Done, Failure};
use crate::{
    config::duration,
    demo::{DemoError, DemoOptions, DemoOutcome},
    engine::EngineError,
};

#[derive(Args, Debug)]
pub struct Demo {
    /// Decides what shoppers do
    #[arg(long, value_name = "N", default_value_t = DemoOptions::default().seed)]
    seed: u64,
    /// Orders on all malls together, by your clock
    #[arg(long, value_name = "N", default_value_t = DemoOptions::default().orders_per_minute, value_parser = above_zero)]
    orders_per_minute: f64,
    /// How long shoppers buy, as in 60s; then all books are compared [default: until Ctrl-C]
    #[arg(long, value_name = "D", value_parser = length)]
    duration: Option<Duration>,
    /// How many times as fast as yours the malls' clock runs
    #[arg(long, value_name = "N", default_value_t = DemoOptions::default().speed, value_parser = above_zero)]
    speed: f64,
    /// Let the malls misbehave: slow, unreachable, forgetful, hand-edited
    #[arg(long)]
    chaos: bool,
    /// Open a shop on every mall that uriba knows, instead of on a few
    #[arg(long)]
    all: bool,
    /// Serve the hub's HTTP API there
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub async fn run(asked: Demo) -> Done {
    let Demo { seed, orders_per_minute, duration, speed, chaos, all, listen } = asked;
    let options = DemoOptions { seed, orders_per_minute, duration, speed, chaos, all, listen };
    ended(crate::demo::run(options).await)
}

fn ended(outcome: Result<DemoOutcome, DemoError>) -> Done {
    match outcome {
        Ok(DemoOutcome::Interrupted | DemoOutcome::Agreed) => Ok(()),
        Ok(DemoOutcome::Broken(_)) => Err(Failure::Differences),
        Err(error) => Err(failure(error)),
    }
}

fn failure(error: DemoError) -> Failure {
    match error {
        DemoError::Engine(error @ EngineError::Held(_)) => error.into(),
        other => Failure::Failed(other.into()),
    }
}

fn length(text: &str) -> Result<Duration, String> {
    let example = "write whole numbers with d, h, m, s or ms, as in 60s";
    duration::parse(text).filter(|length| !length.is_zero()).ok_or_else(|| example.to_owned())
}

pub fn above_zero(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number.filter(|number| number.is_finite() && *number > 0.0).ok_or_else(|| "must be a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_ends_with_four_and_agreement_with_nothing() {
        let code = |outcome| ended(outcome).err().map_or(0, |failure| failure.code());
        assert_eq!(code(Ok(DemoOutcome::Broken(vec!["the hub knows order 7, the mall doesn't".into()]))), 4);
        assert_eq!(code(Ok(DemoOutcome::Agreed)), 0);
        assert_eq!(code(Ok(DemoOutcome::Interrupted)), 0);
        assert_eq!(code(Err(DemoError::Died)), 1);
    }
}
