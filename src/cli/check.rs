//! `uriba check`: everything that is wrong with the configuration, and with `--online` whether each mall lets
//! us in.

use std::{sync::Arc, time::Duration};

use clap::Args;
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use serde::Serialize;
use uriba_sdk::{
    Class, Env, MallError, Query, Span, SystemEnv,
    wire::{Gates, Vault},
};

use super::{
    desk::{Common, Desk},
    failure::{Done, Failure},
    print::{counted, instant, note},
    table::Table,
};
use crate::{
    config::{Config, Problem, Problems},
    domain::time::{between, earlier},
    engine::{Channel, ChannelPlan, Engine},
    store::{is_new, pending_migrations, sqlite_path},
};

/// The window that is asked for: its width costs nothing, and few orders fall into it.
const WINDOW: Duration = Duration::from_secs(60);
/// How long a channel is kept from other instances while its mall is asked.
const LEASE: Duration = Duration::from_secs(60);

#[derive(Args, Debug)]
pub struct Check {
    /// Ask each mall whether the credentials work
    #[arg(long)]
    online: bool,
}

/// One channel's line.
#[derive(Serialize)]
struct ChannelCheck {
    channel: String,
    mall: &'static str,
    works: bool,
    message: String,
}

pub async fn run(common: &Common, asked: Check) -> Done {
    let config = common.config()?;
    open_all(&config, &config.plans()?)?;
    let file = config.file.as_ref().map_or("no file".into(), |file| file.display().to_string());
    let channels = counted(config.channels.len() as u64, "channel");
    let pools = counted(config.pools.len() as u64, "pool");
    common.printer().done(&format!("{file}: {channels}, {pools}: nothing is wrong"));
    if !asked.online {
        return compare(common, &config).await;
    }
    let desk = common.desk().await?;
    let mut checks = ask_all(&desk).await?;
    checks.extend(config.channels.iter().filter(|channel| channel.mall.is_none()).map(storefront));
    let works = checks.iter().all(|check| check.works);
    desk.print.list(&checks, "there is no channel to ask", |checks| {
        let mut table = Table::new(&["CHANNEL", "MALL", "ANSWER"]);
        for check in checks {
            table.row(vec![check.channel.clone(), check.mall.to_owned(), check.message.clone()]);
        }
        table.to_string()
    });
    if works { Ok(()) } else { Err(Failure::failed("not every channel works")) }
}

/// Adapters look at their settings more closely than the card can say: a key that is no key, say.
fn open_all(config: &Config, plans: &[ChannelPlan]) -> Result<(), Problems> {
    let env: Arc<dyn Env> = Arc::new(SystemEnv::new());
    let mut problems = Problems { file: config.file.clone().unwrap_or_default(), all: Vec::new() };
    for plan in plans {
        let opened = Channel::open(plan.clone(), env.clone(), Arc::new(Gates::fresh()), Arc::new(Vault::default()));
        if let Err(error) = opened {
            let line = config.channel(&plan.id).map(|channel| channel.line);
            let key = format!("channels[{}].{}", plan.id, error.key);
            problems.all.push(Problem { line, key, message: error.message });
        }
    }
    if problems.all.is_empty() { Ok(()) } else { Err(problems) }
}

/// What the database says otherwise. A database that isn't there yet says nothing, and is not made here.
async fn compare(common: &Common, config: &Config) -> Done {
    let url = config.database_url()?;
    if sqlite_path(url.expose_secret()).is_some_and(|file| !file.exists()) {
        note(&format!("{}: not there yet; `uriba serve` makes it", config.database_name()));
        return Ok(());
    }
    let desk = common.desk_as_it_is().await?;
    if is_new(&desk.store).await? || pending_migrations(&desk.store).await? > 0 {
        note("the database is not of this version yet: the next start brings it up to date");
        return Ok(());
    }
    let changes = desk.store.preview_configuration(&config.wanted()).await?;
    if changes.total > 0 {
        desk.print.item(&changes, |changes| format!("at the next start {}", super::changes::words(changes)));
        if !config.brake.stopped(&changes.tolls, None).is_empty() {
            note("that is so many that the start would hold it until somebody confirms it");
        }
    }
    for row in desk.store.channels().await? {
        let Some(channel) = config.channel(&row.id) else { continue };
        let configured = if channel.live { "live" } else { "shadow" };
        if row.mode != configured {
            let (id, mode) = (&row.id, &row.mode);
            note(&format!(
                "{id}: the configuration says {configured}, the database {mode}; the database counts (`uriba channel mode {id} …`)"
            ));
        }
    }
    Ok(())
}

fn storefront(channel: &crate::config::Channel) -> ChannelCheck {
    ChannelCheck {
        channel: channel.id.clone(),
        mall: channel.mall_id(),
        works: true,
        message: "not asked: your own storefront calls the HTTP API, with a token of scope reserve".into(),
    }
}

/// All malls at once: each has its own pace.
async fn ask_all(desk: &Desk) -> Result<Vec<ChannelCheck>, Failure> {
    let engine = desk.engine().await?;
    engine.take_free_leases(LEASE).await?;
    let checks = join_all(engine.channels.iter().map(|here| ask(&engine, here))).await;
    engine.release_leases().await?;
    checks.into_iter().collect()
}

async fn ask(engine: &Engine, here: &Channel) -> Result<ChannelCheck, Failure> {
    let line = |works, message: String| {
        let (channel, mall) = (here.id().to_owned(), here.plan.mall.id);
        Ok(ChannelCheck { channel, mall, works, message })
    };
    if here.lease().is_none() {
        let row = engine.store.channel(here.id()).await?;
        let works = row.orders_lane == "flowing" && row.stock_lane == "flowing";
        let message =
            format!("not asked: a service works on it (orders {}, stock {})", row.orders_lane, row.stock_lane);
        return line(works, message);
    }
    let to = earlier(engine.env.now(), here.orders.edge);
    let span = Span::Window { from: earlier(to, WINDOW), to };
    let asked = here.line().mall.pull(&Query { span, open_only: false, token: None }).await;
    match asked {
        Ok(_) => match shop(engine, here).await {
            Ok(words) => line(true, format!("works: orders can be read{words}")),
            Err(error) => line(false, format!("orders can be read, but {error}; {}", advice(&error, here))),
        },
        Err(error) => line(false, format!("{error}; {}", advice(&error, here))),
    }
}

/// Whose shop it is and until when its credentials last, where the mall says so.
async fn shop(engine: &Engine, here: &Channel) -> Result<String, MallError> {
    let line = here.line();
    let Some(account) = line.mall.extras().account else { return Ok(String::new()) };
    let sheet = account.account().await?;
    let mut words = vec![format!("; the shop is {}", sheet.shop)];
    for (key, at) in sheet.ends {
        let days = between(engine.env.now(), at).as_secs() / 86_400;
        words.push(format!("; {key} ends at {} (in {})", instant(at), counted(days, "day")));
    }
    words.extend(sheet.notes.into_iter().map(|note| format!("; note: {note}")));
    Ok(words.concat())
}

fn advice(error: &MallError, here: &Channel) -> String {
    match &error.class {
        Class::Auth { .. } => {
            let keys: Vec<&str> = here.plan.mall.card.credentials.iter().map(|credential| credential.key).collect();
            format!("renew or correct the credentials ({})", keys.join(", "))
        }
        Class::Throttled { .. } => "try again later: the quota is used up".into(),
        Class::Maintenance { .. } => "try again when the mall is open".into(),
        Class::Transient { .. } if here.plan.settings.base_url.is_some() => {
            "try again; if it stays so, check base_url and the network".into()
        }
        Class::Transient { .. } => "try again; if it stays so, check the network".into(),
        Class::Malformed { .. } | Class::Rejected { .. } => {
            "check base_url; if it is right, the mall's API has changed".into()
        }
    }
}
