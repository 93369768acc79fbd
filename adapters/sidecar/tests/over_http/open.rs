//! An adapter before the fake, or before any server that is said to be a program.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use secrecy::SecretString;
use uriba_sdk::{
    Mall, Query, Settings, Span, Wire,
    fake::{FakeMall, FakeOptions, ManualEnv, Meters},
    mall::SettingsError,
    wire::{Gates, Vault},
};
use uriba_sidecar::{CARD, MALL};

pub const TOKEN: &str = "hub-3f9a7c5e1b2d4860";

pub fn settings(base: Option<&str>, token: &str) -> Settings {
    Settings {
        channel: "tea".into(),
        base_url: base.map(str::to_owned),
        credentials: BTreeMap::from([("token".into(), SecretString::from(token.to_owned()))]),
        ..Settings::default()
    }
}

pub fn opened(settings: &Settings, env: Arc<ManualEnv>) -> Result<Box<dyn Mall>, SettingsError> {
    let wire = Wire::new(env, Arc::new(Gates::fresh()), Arc::new(Vault::default()), &CARD, settings);
    (MALL.open)(settings, wire)
}

pub async fn before_fake() -> (Arc<ManualEnv>, Box<dyn FakeMall>, Box<dyn Mall>) {
    let env = Arc::new(ManualEnv::new(3));
    let fake = (MALL.fake)(FakeOptions::new(env.clone(), Arc::<Meters>::default(), "a")).await;
    let mall = opened(&fake.settings("tea"), env.clone()).unwrap();
    (env, fake, mall)
}

pub fn window(from: &str, to: &str, open_only: bool) -> Query {
    let (from, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
    Query { span: Span::Window { from, to }, open_only, token: None }
}
