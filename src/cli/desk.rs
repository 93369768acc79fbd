//! Where a command works: the configuration, the database that it names, and who sits there.
//!
//! A command works whether or not the service runs. It brings a fresh database up to date by itself, and
//! carries a changed `uriba.toml` over to the database while no service runs; a running service goes on with
//! the one that it was started with. No secret but the database's address is needed for any of that.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::SystemEnv;

use super::{
    failure::Failure,
    print::{Printer, instant, note},
};
use crate::{
    config::{self, Config, ConfigError, Secret},
    engine::{
        ChannelPlan, Engine,
        braked::{self, Guard, InForce},
        outline::outlines,
    },
    store::{
        Store, is_new, migrate, pending_migrations,
        safe::{Grants, StoreSafe},
        sheets::Outlines,
        sqlite_path,
    },
};

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The configuration [default: ./uriba.toml, then /etc/uriba/uriba.toml]
    #[arg(long, global = true, value_name = "FILE", env = "URIBA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print the HTTP API's resources as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more about what happens; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// The database, instead of the one that the configuration names
    #[arg(long, global = true, value_name = "URL", env = "URIBA_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
}

/// Everything that a command needs.
pub struct Desk {
    pub config: Config,
    pub store: Store,
    /// For the log: `cli:maria`.
    pub who: String,
    pub print: Printer,
}

impl Common {
    /// The configuration with what the command line overrides. Without a file the database's address must be
    /// given.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut config = match Config::load(self.config.as_deref()) {
            Err(ConfigError::Nowhere) if self.database_url.is_some() => Config::blank(),
            loaded => loaded?,
        };
        if let Some(url) = &self.database_url {
            config.database = Secret::literal(url.expose_secret());
        }
        Ok(config)
    }

    pub fn printer(&self) -> Printer {
        Printer { json: self.json }
    }

    /// The desk for commands that look at the database and change what stands there.
    pub async fn desk(&self) -> Result<Desk, Failure> {
        let desk = self.desk_as_it_is().await?;
        if is_new(&desk.store).await? {
            migrate(&desk.store).await?;
        } else if pending_migrations(&desk.store).await? > 0 {
            let message = "the database is of an older version of uriba: run `uriba db migrate`";
            return Err(Failure::Refused(message.into()));
        }
        desk.follow_configuration().await?;
        Ok(desk)
    }

    /// The desk over a database of whatever age.
    pub async fn desk_as_it_is(&self) -> Result<Desk, Failure> {
        let config = self.config()?;
        let store = open(&config).await?;
        Ok(Desk { config, store, who: config::operator(), print: self.printer() })
    }
}

impl Desk {
    /// Puts the configuration in force: what `serve` and `run-once` do at their start.
    pub async fn start(&self) -> Result<(), Failure> {
        let applied = migrate(&self.store).await?;
        if applied > 0 {
            tracing::info!(applied, "the database was brought up to date");
        }
        self.put_in_force().await
    }

    /// Where credentials that malls gave are kept.
    pub fn safe(&self) -> Result<Arc<StoreSafe>, Failure> {
        Ok(self.store.safe(self.config.sealing_key()?))
    }

    /// The engine over all channels of malls, with what their owners granted.
    pub async fn engine(&self) -> Result<Engine, Failure> {
        Ok(Engine::open_with(self.store.clone(), self.plans().await?, self.safe()?).await?)
    }

    /// How the channels' rows are to be read. Quotas that are shared by a secret which can't be read now show
    /// as unused.
    pub fn outlines(&self) -> Outlines {
        outlines(&self.config.plans_as_readable(), self.store.env())
    }

    /// How changes of many numbers at once are judged.
    pub fn guard(&self) -> Guard {
        Guard::new(self.config.brake)
    }

    async fn put_in_force(&self) -> Result<(), Failure> {
        let wanted = self.config.wanted();
        match Box::pin(braked::put_in_force(&self.store, &wanted, self.config.brake, &self.who)).await? {
            InForce::Yes => {}
            InForce::Held(held) => {
                let (id, message) = (held.attention, &held.message);
                tracing::warn!(attention = id, "{message}");
                note(&format!(
                    "note: {message}; what was in force before goes on. `uriba attention resolve {id} --action confirm`, \
                     or refuse"
                ));
            }
            InForce::Refused(at) => note(&format!(
                "note: this uriba.toml was refused at {}; what was in force before goes on until the file is changed",
                instant(at)
            )),
        }
        Ok(())
    }

    /// The channels as the engine is to run them: while a configuration is held, each draws on the pool on which it
    /// drew before.
    pub async fn plans(&self) -> Result<Vec<ChannelPlan>, Failure> {
        let mut plans = self.config.plans()?;
        let grants = self.grants().await?;
        plans.iter_mut().for_each(|plan| grants.fill(&mut plan.settings));
        for row in self.store.channels().await? {
            for plan in plans.iter_mut().filter(|plan| plan.id == row.id) {
                plan.pool.clone_from(&row.pool);
            }
        }
        Ok(plans)
    }

    /// What owners granted until now.
    pub async fn grants(&self) -> Result<Arc<Grants>, Failure> {
        let grants = Arc::new(Grants::new(self.safe()?));
        grants.look().await?;
        Ok(grants)
    }

    async fn follow_configuration(&self) -> Result<(), Failure> {
        let recorded = self.store.recorded_configuration().await? == Some(self.config.effective());
        let same = recorded && self.store.core_rules(self.store.reader()).await? == self.config.core();
        if self.config.file.is_none() || same {
            return Ok(());
        }
        if self.store.is_served().await? {
            note("note: uriba.toml has changed since the service was started; restart it to put that in force");
            return Ok(());
        }
        match self.put_in_force().await {
            Err(Failure::Refused(message)) => {
                note(&format!("note: the configuration is not put in force: {message}"));
                Ok(())
            }
            other => other,
        }
    }
}

/// Opens the database, and makes the folder of a file that doesn't exist yet.
async fn open(config: &Config) -> Result<Store, Failure> {
    let url = config.database_url()?;
    if let Some(folder) = sqlite_path(url.expose_secret()).as_deref().and_then(Path::parent) {
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::failed(format!("the database's folder {} can't be made: {error}", folder.display()))
        })?;
    }
    Ok(Store::open(url.expose_secret(), Arc::new(SystemEnv::new())).await?)
}
