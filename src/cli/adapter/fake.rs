//! `uriba adapter fake`: a made-up shop to try a hub on.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use uriba_sdk::MallEntry;

use crate::{
    cli::{
        demo::above_zero,
        failure::{Done, Failure},
    },
    demo::stall::{self, StallError, StallOptions},
    malls::{self, MALLS},
};

#[derive(Args, Debug)]
pub struct Fake {
    /// The mall, as `uriba adapter list` names it
    name: String,
    /// Where it serves, on this machine [default: a port of the mall's own, from 127.0.0.1:8481]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// How many items it lists
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    items: u16,
    /// Units of each in book.csv
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    stock: u32,
    /// Where the configuration, the secrets and the CSV files are put [default: ./fake-NAME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Customers who buy what it shows [default: none]
    #[arg(long, value_name = "N", value_parser = above_zero)]
    orders_per_minute: Option<f64>,
}

pub async fn run(asked: Fake) -> Done {
    let Fake { name, listen, items, stock, dir, orders_per_minute } = asked;
    let mall = named(&name)?;
    let options = StallOptions { mall, listen, items: items.into(), stock, directory: dir, orders_per_minute };
    stall::run(options).await.map_err(|error| match error {
        StallError::Outside(_) | StallError::Files(_) => Failure::Usage(error.to_string()),
        StallError::Taken(_) => Failure::Refused(error.to_string()),
        StallError::Listen(..) | StallError::File(..) => Failure::Failed(error.into()),
    })
}

pub fn named(name: &str) -> Result<&'static MallEntry, Failure> {
    let names = || MALLS.iter().map(|mall| mall.id).collect::<Vec<_>>().join(", ");
    let missing = || Failure::Usage(format!("there is no adapter {name:?}; there are: {}", names()));
    malls::find(name).ok_or_else(missing)
}
