//! The configuration, `uriba.toml`: where it is found, what it may say, what follows from it.
//!
//! Reading it ([`Config::load`]) looks at no secret, so that a switch can be thrown while one is missing.
//! [`Config::plans`] reads the secrets, anew at every call. Both report everything that is wrong, with lines;
//! what a channel may say depends on its mall's card. This is the only place that reads the environment.

mod channels;
pub mod duration;
mod effective;
pub mod environment;
mod files;
mod hub;
pub mod order_files;
mod page;
mod problem;
mod secret;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{civil::Time, tz::TimeZone};
use secrecy::SecretString;
use uriba_sdk::Settings;

pub use channels::Channel;
pub use environment::{operator, variable};
pub use problem::{Problem, Problems};
pub use secret::Secret;

use crate::{
    domain::{brake::Brake, business_day::BusinessDays, ledger::CountsShipments},
    engine::{ChannelPlan, import::Profile, watch::Watched},
    store::{
        channels::{ChannelSetup, PoolSetup},
        configuration::Configuration,
        core_files::CoreRules,
        safe::SealingKey,
    },
};
use page::Page;

/// Where it is looked for when nobody says.
pub const PLACES: [&str; 2] = ["uriba.toml", "/etc/uriba/uriba.toml"];
/// The database when nobody says.
pub const DATABASE: &str = "sqlite://uriba.db";
pub const LISTEN: &str = "127.0.0.1:8480";
pub const ZONE: &str = "Asia/Tokyo";

/// Everything that the configuration says, checked.
#[derive(Clone)]
pub struct Config {
    /// `None`: there is no file, and nothing but the defaults.
    pub file: Option<PathBuf>,
    pub database: Secret,
    pub listen: SocketAddr,
    /// What credentials that malls gave are encrypted with; needed only where there are such.
    pub sealing_key: Option<Secret>,
    /// For times without an offset.
    pub zone: TimeZone,
    /// When a business day begins.
    pub day_starts: Time,
    /// `None`: nobody said, and no book can be taken in.
    pub counts_shipments: Option<CountsShipments>,
    pub pools: Vec<PoolSetup>,
    /// When a change of many numbers at once is held.
    pub brake: Brake,
    pub units_per_line: u32,
    /// What one holder may hold in live reservations; 0: as much as there is.
    pub holder_units: u32,
    /// The past is kept so long.
    pub history_days: u32,
    /// How files are written: the configuration's profiles, and those of the malls' exports of orders.
    pub profiles: BTreeMap<String, Profile>,
    /// Where it leaves them.
    pub imports: Vec<Watched>,
    pub channels: Vec<Channel>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no configuration: looked for ./{} and {}; give one with --config FILE", PLACES[0], PLACES[1])]
    Nowhere,
    #[error("the configuration {file} can't be read: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error(transparent)]
    Wrong(#[from] Problems),
}

impl Config {
    /// Reads `file`, or what is found in [`PLACES`].
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let found = || PLACES.iter().map(Path::new).find(|place| place.exists());
        let file = file.or_else(found).ok_or(ConfigError::Nowhere)?;
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { file: file.display().to_string(), source })?;
        Ok(Self::parse(file, &text)?)
    }

    /// `file` is named in problems, and secrets' files are relative to its folder.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Problems> {
        let page = Page::new(file, text);
        let document = page.parse();
        let root = page.section(&document);
        let mut config = Self::blank();
        config.file = Some(file.to_owned());
        // However the file was named, its secrets have one name: what is in force is compared by its text.
        let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let folder = whole.parent().unwrap_or(Path::new("/"));
        hub::read(&root, &mut config, folder);
        config.profiles = files::profiles(&root);
        config.channels = channels::read(&root, &config, folder);
        config.imports = files::imports(&root, &config, folder);
        root.close();
        page.problems().or(config)
    }

    /// What holds when there is no file.
    pub fn blank() -> Self {
        Self {
            file: None,
            database: Secret::literal(DATABASE),
            sealing_key: None,
            listen: LISTEN.parse().expect("a constant address"),
            // A machine without time zones knows this one too: Japan has had no other time since 1951.
            zone: TimeZone::get(ZONE).unwrap_or(TimeZone::fixed(jiff::tz::offset(9))),
            day_starts: Time::midnight(),
            counts_shipments: None,
            pools: Vec::new(),
            brake: Brake::default(),
            units_per_line: hub::UNITS_PER_LINE,
            holder_units: 0,
            history_days: hub::HISTORY_DAYS,
            profiles: order_files::profiles(),
            imports: Vec::new(),
            channels: Vec::new(),
        }
    }

    /// The database's address, which may hold a password.
    pub fn database_url(&self) -> Result<SecretString, Problems> {
        let mut missing = self.no_problems();
        let url = self.database.read("database.url", &mut missing.all);
        missing.or(url.unwrap_or_default())
    }

    /// The key of `[secrets]`, if there is one.
    pub fn sealing_key(&self) -> Result<Option<SealingKey>, Problems> {
        let mut problems = self.no_problems();
        let Some(secret) = &self.sealing_key else { return Ok(None) };
        let text = secret.read("secrets.key", &mut problems.all);
        let key = text.and_then(|text| {
            let refuse = |message: &str| secret.problem("secrets.key", message);
            SealingKey::parse(&text).map_err(|message| problems.all.push(refuse(message))).ok()
        });
        problems.or(key)
    }

    /// The database as people may see it.
    pub fn database_name(&self) -> String {
        effective::name(&self.database)
    }

    /// How long the past is kept.
    pub fn history(&self) -> Duration {
        Duration::from_secs(u64::from(self.history_days) * 86_400)
    }

    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// When business days end.
    pub fn days(&self) -> BusinessDays {
        BusinessDays { zone: self.zone.clone(), starts: self.day_starts }
    }

    /// The core system as the database keeps it.
    pub fn core(&self) -> CoreRules {
        CoreRules { days: self.days(), counts: self.counts_shipments }
    }

    /// The channels as the database keeps them.
    pub fn setups(&self) -> Vec<ChannelSetup> {
        self.channels.iter().map(Channel::setup).collect()
    }

    /// What is to be put in force.
    pub fn wanted(&self) -> Configuration {
        Configuration { pools: self.pools.clone(), channels: self.setups(), core: self.core(), body: self.effective() }
    }

    /// The channels on malls as the engine runs them. Reads every secret, and names all that are missing.
    pub fn plans(&self) -> Result<Vec<ChannelPlan>, Problems> {
        let mut missing = self.no_problems();
        let plan = |channel: &Channel| channel.plan(self.units_per_line, &mut missing.all);
        let plans = self.channels.iter().filter_map(plan).collect();
        missing.or(plans)
    }

    /// The channels on malls with what can be read of their secrets: enough to show them, not to talk to a mall.
    pub fn plans_as_readable(&self) -> Vec<ChannelPlan> {
        let plan = |channel: &Channel| channel.plan(self.units_per_line, &mut Vec::new());
        self.channels.iter().filter_map(plan).collect()
    }

    /// One channel's settings with its credentials as they are now: a file may have been replaced since.
    pub fn reload_credentials(&self, channel: &str) -> Result<Option<Settings>, Problems> {
        let mut missing = self.no_problems();
        let settings = self.channel(channel).map(|channel| channel.settings(&mut missing.all));
        missing.or(settings)
    }

    /// What is in force, defaults included and without secrets, in the same form as the file.
    pub fn effective(&self) -> String {
        effective::text(self)
    }

    fn no_problems(&self) -> Problems {
        Problems { file: self.file.clone().unwrap_or_default(), all: Vec::new() }
    }
}
