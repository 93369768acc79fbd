//! The end of a day of trading, on a clock that jumps: everything agrees, until a test tampers with it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tempfile::TempDir;
use uriba_sdk::{Env, fake::ManualEnv};

use super::super::{
    DemoOutcome,
    compare::{Comparison, Truth, compare},
    hub::Hub,
    readings::{Belief, Seen},
    shoppers::{Happening, Shoppers},
    street::{self, Shop},
};

const SHOPPERS: usize = 40;
/// Between two of them.
const GAP: Duration = Duration::from_secs(20);
/// Of the malls' time, between two rounds of the hub.
const ROUND: Duration = Duration::from_secs(300);
/// By then a hub has read everything, said everything and heard that it is so.
const ROUNDS_MAX: usize = 40;

pub struct Evening {
    pub env: Arc<ManualEnv>,
    pub shops: Vec<Shop>,
    pub shoppers: Shoppers,
    pub hub: Hub,
    pub ended_at: Timestamp,
    /// The malls are said to have misbehaved.
    pub chaos: bool,
    _folder: TempDir,
}

impl Evening {
    /// The hub was connected in the morning, and slept while the shoppers were there.
    pub async fn slept_through() -> Self {
        let env = Arc::new(ManualEnv::new(1));
        let malls: Arc<dyn Env> = env.clone();
        let shops = street::open(&malls, false).await;
        let mut shoppers = Shoppers::new(5, shops.len(), false);
        shoppers.buy(&shops);
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::open(&shops, malls, false, folder.path().join("hub")).await.unwrap();
        hub.engine.take_leases(Duration::from_secs(86_400)).await.unwrap();
        for _ in 0..3 {
            hub.engine.run_once(None, None).await.unwrap();
            env.advance(ROUND);
        }
        for _ in 0..SHOPPERS {
            env.advance(GAP);
            for happening in shoppers.step(&shops) {
                if let Happening::Delivered { good, units, at } = happening {
                    hub.receive(good, units, at).await.unwrap();
                }
            }
        }
        Self { ended_at: env.now(), env, shops, shoppers, hub, chaos: false, _folder: folder }
    }

    /// The hub has settled with the malls.
    pub async fn settled() -> Self {
        let evening = Self::slept_through().await;
        for _ in 0..ROUNDS_MAX {
            evening.hub.engine.run_once(None, None).await.unwrap();
            if evening.found().await.is_clean() {
                return evening;
            }
            evening.env.advance(ROUND);
        }
        panic!("it never settled: {:#?}", DemoOutcome::of(Some(&evening.found().await)));
    }

    pub async fn belief(&self) -> Belief {
        self.hub.belief(&self.shops, &mut Seen::default()).await.unwrap()
    }

    pub async fn found(&self) -> Comparison {
        self.found_by(&self.belief().await).await
    }

    pub async fn found_by(&self, belief: &Belief) -> Comparison {
        let (shops, warehouse) = (&self.shops[..], &self.shoppers.warehouse);
        let truth = Truth { shops, warehouse, ended_at: self.ended_at, chaos: self.chaos };
        compare(&truth, &self.hub, belief).await.unwrap()
    }
}
