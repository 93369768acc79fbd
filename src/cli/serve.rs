//! `uriba serve`: the engine and the HTTP API, until told to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use clap::Args;
use sd_notify::NotifyState;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    desk::Common,
    failure::{Done, Failure},
    lock::InstanceLock,
    logging::LogFormat,
};
use crate::{
    api::{self, ApiState, Core, hooks::Hooks},
    config::{Config, order_files},
    engine::{Engine, SettingsSource, braked::Guard, import::Terms},
    store::{Store, safe::Grants},
};

const GRANTS_EVERY: Duration = Duration::from_secs(30);

/// A stop is over within ten seconds, whatever a mall does; this leaves one to go.
const STOPPING: Duration = Duration::from_secs(9);

#[derive(Args, Debug)]
pub struct Serve {
    /// Where the HTTP API listens, instead of where the configuration says
    #[arg(long, value_name = "ADDR", env = "URIBA_LISTEN")]
    listen: Option<SocketAddr>,
    /// Only the HTTP API: another instance polls and pushes
    #[arg(long)]
    no_engine: bool,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// What ends a service, by name.
type Ended = (&'static str, Result<(), anyhow::Error>);

pub async fn run(common: &Common, asked: Serve) -> Done {
    let desk = common.desk_as_it_is().await?;
    let address = asked.listen.unwrap_or(desk.config.listen);
    if !asked.no_engine {
        desk.config.plans()?;
    }
    let database = desk.store.file().map(ToOwned::to_owned);
    let _lock = database.map(|file| InstanceLock::take(&file, "serve", desk.store.now())).transpose()?;
    desk.start().await?;
    // Before anything is counted, so that nothing is missed.
    let metrics = api::install_metrics();
    let listener = api::listen(address).await.map_err(|error| Failure::Failed(error.into()))?;
    let stop = CancellationToken::new();
    let mut signals = Signals::new()?;
    let mut tasks: JoinSet<Ended> = JoinSet::new();
    let mut hooks = Hooks::default();
    if !asked.no_engine {
        let engine = desk.engine().await?;
        let engine = engine.on_days(desk.config.days()).keeping(desk.config.history());
        let engine = engine.guarded(desk.config.brake).reading(order_files::read);
        let engine = engine.watching(desk.config.imports.clone());
        let engine = Arc::new(engine);
        let grants = desk.grants().await?;
        let source = renewed(&desk.config, grants.clone());
        tasks.spawn(keep_looking(grants, desk.store.clone(), stop.clone()));
        engine.channels.iter().for_each(|here| here.take_settings_from(source.clone()));
        hooks = hooks_of(&engine);
        let running = engine.run(stop.clone());
        tasks.spawn(async { ("the engine", running.await.map_err(Into::into)) });
    }
    let state = ApiState::new(desk.store.clone(), desk.outlines(), core(&desk.config), metrics)
        .with_hooks(hooks)
        .with_units_per_line(desk.config.units_per_line)
        .with_holder_units(desk.config.holder_units);
    let serving = api::serve_on(listener, state, stop.clone());
    tasks.spawn(async { ("the HTTP API", serving.await.map_err(Into::into)) });
    tasks.spawn(watchdog(desk.store.clone(), stop.clone()));
    tell(&[NotifyState::Ready]);
    tracing::info!(listen = %address, channels = desk.config.channels.len(), "uriba serves");
    let ended = tokio::select! {
        name = signals.next() => { tracing::info!(signal = name, "stopping"); None }
        ended = tasks.join_next() => ended,
    };
    tell(&[NotifyState::Stopping]);
    stop.cancel();
    finish(tasks, &mut signals).await;
    match ended {
        None => Ok(()),
        Some(Ok((what, Ok(())))) => Err(Failure::failed(format!("{what} stopped by itself"))),
        Some(Ok((what, Err(error)))) => Err(Failure::Failed(error.context(format!("{what} stopped")))),
        Some(Err(error)) => Err(Failure::failed(format!("a part of the service died: {error}"))),
    }
}

/// Waits for what is under way, but not for ever, and not against a second signal.
async fn finish(mut tasks: JoinSet<Ended>, signals: &mut Signals) {
    let all = async { while tasks.join_next().await.is_some() {} };
    tokio::select! {
        over = tokio::time::timeout(STOPPING, all) => if over.is_err() {
            tracing::warn!("a request is still under way; its outcome will be read back at the next start");
        },
        name = signals.next() => tracing::warn!(signal = name, "stopping at once"),
    }
}

fn core(config: &Config) -> Core {
    Core {
        profiles: config.profiles.clone(),
        terms: Terms::of(&config.plans_as_readable()).reading(order_files::read),
        history_days: config.history_days,
        guard: Guard::new(config.brake),
    }
}

/// Notifications are read by the adapters of the engine's channels, whichever instance runs them.
fn hooks_of(engine: &Arc<Engine>) -> Hooks {
    let engine = engine.clone();
    Hooks::new(move |channel, notice| {
        let line = engine.channel(channel)?.line();
        let wakeup = line.mall.extras().wakeup?;
        Some(wakeup.read(notice))
    })
}

/// The credentials as they are now, for a channel whose lane is stopped.
fn renewed(config: &Config, grants: Arc<Grants>) -> SettingsSource {
    let config = config.clone();
    Arc::new(move |channel| {
        let settings = config.reload_credentials(channel);
        let settings = settings.inspect_err(|problems| tracing::warn!(%problems, "credentials can't be read"));
        let mut settings = settings.ok().flatten()?;
        grants.fill(&mut settings);
        Some(settings)
    })
}

/// What owners grant while the service runs is found within half a minute.
async fn keep_looking(grants: Arc<Grants>, store: Store, stop: CancellationToken) -> Ended {
    while !stop.is_cancelled() {
        tokio::select! {
            () = store.env().sleep(GRANTS_EVERY) => {}
            () = stop.cancelled() => {}
        }
        if let Err(error) = grants.look().await {
            tracing::warn!(%error, "what owners granted can't be read");
        }
    }
    ("the look at what owners granted", Ok(()))
}

/// Tells systemd that the service lives, as long as the database answers.
async fn watchdog(store: Store, stop: CancellationToken) -> Ended {
    let pace = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    while let Some(pace) = pace {
        match store.reader().ping().await {
            Ok(()) => tell(&[NotifyState::Watchdog]),
            Err(error) => tracing::error!(%error, "the database does not answer"),
        }
        tokio::select! {
            () = store.env().sleep(pace) => {}
            () = stop.cancelled() => break,
        }
    }
    stop.cancelled().await;
    ("the watchdog", Ok(()))
}

/// Without systemd there is nobody to tell.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// What asks the service to stop.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
