//! `uriba channel`: what channels do, and the operator's switch.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::{
    authorize::{self, Authorize},
    changes,
    desk::{Common, Desk},
    failure::{Done, Failure},
    moment,
    print::{counted, instant, note, or_dash},
    table::{Table, pairs},
};
use crate::{
    domain::{
        suspend::{Mode, State},
        time::between,
    },
    store::{
        channels::STOREFRONT,
        sheets::{
            ChannelSheet, CredentialSheet, GapSheet, LaneSheet, LeftAlone, Paging, QuotaSheet, SuspendSheet,
            SwitchPreview, Throw,
        },
        switch::Suspension,
    },
};

/// How often `--wait` looks.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// All channels, one line each
    List,
    /// One channel with its switch, lanes and quotas
    Show { id: String },
    /// Take channels off sale, at once and until they are resumed
    Suspend(Suspend),
    /// Put suspended channels back on sale
    Resume(Resume),
    /// Let a channel write to its mall (live), or only compute (shadow)
    Mode { id: String, mode: Writing },
    /// Have the shop's owner let uriba in on the mall's own page, and keep what that gives
    Authorize(Authorize),
}

/// Which channels.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Chosen {
    /// These channels
    ids: Vec<String>,
    /// All channels of a mall
    #[arg(long, value_name = "MALL")]
    mall: Option<String>,
    /// All channels
    #[arg(long)]
    all: bool,
}

#[derive(Args, Debug)]
pub struct Suspend {
    #[command(flatten)]
    chosen: Chosen,
    /// zero: every listing shows 0. freeze: every listing keeps what it shows
    #[arg(long, default_value = "zero")]
    mode: Halting,
    /// Why, for the log
    #[arg(long)]
    reason: Option<String>,
    /// Begin then, instead of now
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Resume by itself then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Don't read orders meanwhile either
    #[arg(long)]
    no_poll: bool,
    /// Come back when every listing is known to be down
    #[arg(long, conflicts_with = "from")]
    wait: bool,
    /// Say what it would do now, and do nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
}

#[derive(Args, Debug)]
pub struct Resume {
    #[command(flatten)]
    chosen: Chosen,
    /// Why, for the log
    #[arg(long)]
    reason: Option<String>,
    /// Come back when stock flows again
    #[arg(long)]
    wait: bool,
    /// Say what it would do now, and do nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Halting {
    Zero,
    Freeze,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Writing {
    Live,
    Shadow,
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::List => list(&desk).await,
        Command::Show { id } => {
            let sheet = desk.store.channel_sheet(&id, &desk.outlines()).await?;
            desk.print.item(&sheet, |sheet| page(sheet, desk.store.now()));
            Ok(())
        }
        Command::Suspend(asked) => suspend(&desk, asked).await,
        Command::Resume(asked) => resume(&desk, asked).await,
        Command::Authorize(asked) => Box::pin(authorize::run(&desk, asked)).await,
        Command::Mode { id, mode } => {
            desk.store.set_mode(&id, mode == Writing::Live, &desk.who).await?;
            let sheet = desk.store.channel_sheet(&id, &desk.outlines()).await?;
            desk.print.item(&sheet, |sheet| format!("{} is {}", sheet.id, sheet.mode));
            Ok(())
        }
    }
}

async fn list(desk: &Desk) -> Done {
    let outlines = desk.outlines();
    let sheets = super::pages(None, async |paging: Paging| desk.store.channel_sheets(&outlines, &paging).await).await?;
    desk.print.list(&sheets.items, "there is no channel: add one to the configuration", |sheets| {
        let columns =
            ["ID", "MALL", "MODE", "STATE", "ORDERS", "STOCK", ">BACKLOG", ">TAKES", "READ UP TO", "LAST PUSH"];
        let mut table = Table::new(&columns);
        for sheet in sheets {
            // What is only there between uriba and a mall.
            let of_mall = |text: String| or_dash(Some(text).filter(|_| sheet.mall != STOREFRONT));
            table.row(vec![
                sheet.id.clone(),
                sheet.mall.clone(),
                of_mall(sheet.mode.clone()),
                state(sheet),
                of_mall(sheet.health.orders.state.clone()),
                of_mall(sheet.health.stock.state.clone()),
                of_mall(sheet.backlog.to_string()),
                or_dash(takes(sheet)),
                or_dash(sheet.watermark.map(instant)),
                or_dash(sheet.last_push_at.map(instant)),
            ]);
        }
        table.to_string()
    });
    Ok(())
}

async fn suspend(desk: &Desk, asked: Suspend) -> Done {
    let wanted = Suspension {
        mode: if asked.mode == Halting::Zero { Mode::Zero } else { Mode::Freeze },
        reason: asked.reason,
        from: moment::maybe(asked.from.as_deref(), &desk.config)?,
        until: moment::maybe(asked.until.as_deref(), &desk.config)?,
        poll: !asked.no_poll,
    };
    let begins = wanted.from.unwrap_or_else(|| desk.store.now());
    if let Some(until) = wanted.until.filter(|until| *until <= begins) {
        return Err(Failure::Usage(format!("--until {until} is not after {begins}, when the suspension begins")));
    }
    let ids = chosen(desk, &asked.chosen).await?;
    if asked.dry_run {
        return preview(desk, &ids, Throw::Suspend(wanted.mode)).await;
    }
    desk.store.suspend(&ids, &wanted, &desk.who).await?;
    if asked.wait {
        wait(desk, &ids, State::Suspended).await?;
    }
    report(desk, &ids).await
}

async fn resume(desk: &Desk, asked: Resume) -> Done {
    let ids = chosen(desk, &asked.chosen).await?;
    if asked.dry_run {
        return preview(desk, &ids, Throw::Resume).await;
    }
    desk.store.resume(&ids, asked.reason.as_deref(), &desk.who).await?;
    if asked.wait {
        wait(desk, &ids, State::Active).await?;
    }
    report(desk, &ids).await
}

async fn preview(desk: &Desk, ids: &[String], throw: Throw) -> Done {
    let previews = desk.store.preview_switch(ids, throw, &desk.outlines()).await?;
    desk.print.list(&previews, "there is no channel", |previews| {
        let columns =
            ["CHANNEL", "NOW", "THEN", ">TO ZERO", ">TO TARGET", ">REQUESTS", ">TAKES ABOUT", "LEFT AS THEY ARE"];
        let mut table = Table::new(&columns);
        for preview in previews {
            let seconds = preview.seconds.map(Duration::from_secs);
            table.row(vec![
                preview.channel.clone(),
                preview.now.clone(),
                preview.then.clone(),
                preview.to_zero.to_string(),
                preview.to_target.to_string(),
                preview.requests.to_string(),
                or_dash(seconds.map(crate::config::duration::spell)),
                left_alone(&preview.left_alone),
            ]);
        }
        let shared: String = previews.iter().filter_map(shared_anew).collect();
        format!("{table}{shared}")
    });
    Ok(())
}

/// What is sold in shares is shared anew.
fn shared_anew(preview: &SwitchPreview) -> Option<String> {
    let others = match preview.elsewhere {
        0 => String::new(),
        n => format!(", and {} of other channels", counted(n, "figure")),
    };
    let named = changes::words(&preview.changes);
    let here = if preview.changes.total > 0 { named } else { "none of its own would change".to_owned() };
    (preview.changes.total + preview.elsewhere > 0)
        .then(|| format!("\n\n{}, by its shares{others}: {here}", preview.channel))
}

fn left_alone(left: &LeftAlone) -> String {
    let LeftAlone { shadow, frozen, set_aside, not_ours, not_found, to_look_up } = *left;
    let named = [
        (shadow, "shadow"),
        (frozen, "frozen"),
        (set_aside, "set aside"),
        (not_ours, "fulfilled by the mall"),
        (not_found, "not found"),
        (to_look_up, "to be looked up first"),
    ];
    let named = named.into_iter().filter(|(n, _)| *n > 0).map(|(n, why)| format!("{n} {why}"));
    or_dash(Some(named.collect::<Vec<_>>().join(", ")).filter(|said| !said.is_empty()))
}

async fn chosen(desk: &Desk, chosen: &Chosen) -> Result<Vec<String>, Failure> {
    if !chosen.ids.is_empty() {
        return Ok(chosen.ids.clone());
    }
    let rows = desk.store.channels().await?;
    let wanted = rows.into_iter().filter(|row| chosen.mall.as_ref().is_none_or(|mall| row.mall == *mall));
    let ids: Vec<String> = wanted.map(|row| row.id).collect();
    match &chosen.mall {
        Some(mall) if ids.is_empty() => Err(Failure::failed(format!("there is no channel of mall {mall:?}"))),
        _ => Ok(ids),
    }
}

/// Looks until every channel has reached `goal`, and says how far each is. Another command that throws the
/// switch meanwhile ends the waiting.
async fn wait(desk: &Desk, ids: &[String], goal: State) -> Done {
    let on_the_way = if goal == State::Suspended { State::Draining } else { State::Resuming };
    let mut said = String::new();
    let mut warned = false;
    loop {
        let served = desk.store.is_served().await?;
        if !served {
            // Nobody else moves the switches on; what needs a mall waits for the service.
            desk.store.move_switches().await?;
        }
        let sheets = desk.store.channel_sheets_of(ids, &desk.outlines()).await?;
        let waiting: Vec<&ChannelSheet> = sheets.iter().filter(|sheet| sheet.state == on_the_way.word()).collect();
        if waiting.is_empty() {
            return match sheets.iter().find(|sheet| sheet.state != goal.word()) {
                Some(other) => Err(Failure::Refused(format!(
                    "{} is {}: somebody threw its switch meanwhile",
                    other.id, other.state
                ))),
                None => Ok(()),
            };
        }
        if !served && !warned {
            note("no service is running: what the malls must be told or asked waits until one is");
            warned = true;
        }
        let now: Vec<String> = waiting.into_iter().map(sentence).collect();
        let now = now.join("; ");
        if now != said {
            note(&now);
            said = now;
        }
        desk.store.env().sleep(LOOK).await;
    }
}

async fn report(desk: &Desk, ids: &[String]) -> Done {
    let sheets = desk.store.channel_sheets_of(ids, &desk.outlines()).await?;
    desk.print
        .list(&sheets, "there is no channel", |sheets| sheets.iter().map(sentence).collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn sentence(sheet: &ChannelSheet) -> String {
    let mut text = format!("{} is {}", sheet.id, state(sheet));
    if let Some(suspend) = &sheet.suspend {
        if sheet.state == State::Draining.word() && suspend.remaining > 0 {
            text.push_str(&format!(": {} may still show something", counted(suspend.remaining, "listing")));
        }
        if suspend.set_aside > 0 {
            text.push_str(&format!("; the mall refuses to change {}", counted(suspend.set_aside, "listing")));
        }
        if let Some(until) = suspend.until {
            text.push_str(&format!("; until {}", instant(until)));
        }
    }
    for due in &sheet.schedule {
        text.push_str(&format!("; {} is due at {}", due.action, instant(due.at)));
    }
    text
}

/// `suspended (zero)`.
fn state(sheet: &ChannelSheet) -> String {
    match &sheet.suspend {
        Some(suspend) if sheet.state != State::Resuming.word() => format!("{} ({})", sheet.state, suspend.mode),
        _ => sheet.state.clone(),
    }
}

fn page(sheet: &ChannelSheet, now: Timestamp) -> String {
    let mut rows = vec![
        ("id", sheet.id.clone()),
        ("mall", sheet.mall.clone()),
        ("name", sheet.name.clone()),
        ("state", state(sheet)),
    ];
    if sheet.mall != STOREFRONT {
        rows.extend([
            ("mode", sheet.mode.clone()),
            ("baseline", sheet.baseline.clone()),
            ("orders", lane(&sheet.health.orders)),
            ("stock", lane(&sheet.health.stock)),
            ("read from", or_dash(sheet.coverage.from.map(instant))),
            ("read up to", or_dash(sheet.watermark.map(instant))),
            ("last poll", or_dash(sheet.last_poll_at.map(instant))),
            ("last push", or_dash(sheet.last_push_at.map(instant))),
            ("backlog", backlog(sheet)),
        ]);
    }
    rows.extend(sheet.coverage.gaps.iter().map(|gap| ("gap", span(gap))));
    let names = ["oldest unpushed", "oldest unread", "oldest hold", "oldest open order"];
    let ages = names.into_iter().zip(sheet.oldest.each());
    rows.extend(ages.filter_map(|(name, (_, since))| Some((name, age(since?, now)))));
    rows.extend(sheet.suspend.iter().flat_map(suspended));
    rows.extend(
        sheet.schedule.iter().map(|due| ("due", format!("{} at {} (by {})", due.action, instant(due.at), due.by))),
    );
    let mut text = pairs(&rows);
    if !sheet.quotas.is_empty() {
        text.push_str(&format!("\n\n{}", quotas(&sheet.quotas)));
    }
    if !sheet.credentials.is_empty() {
        text.push_str(&format!("\n\n{}", credentials(&sheet.credentials)));
    }
    text
}

/// What was never read.
fn span(gap: &GapSheet) -> String {
    format!("{} to {}, noticed {}", instant(gap.from), instant(gap.until), instant(gap.since))
}

/// `3m, since 2026-11-24T01:02:03Z`.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = between(since, now).as_secs();
    // Nobody needs the seconds of a day.
    let grain = [86_400, 3_600, 60].into_iter().find(|unit| seconds >= unit * 10).unwrap_or(1);
    let length = Duration::from_secs(seconds / grain * grain);
    format!("{}, since {}", crate::config::duration::spell(length), instant(since))
}

fn lane(lane: &LaneSheet) -> String {
    let until = lane.until.map(|until| format!(" until {}", instant(until))).unwrap_or_default();
    let cause = lane.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{}{until}{cause}", lane.state)
}

fn backlog(sheet: &ChannelSheet) -> String {
    let listings = counted(sheet.backlog, "listing");
    let resting = if sheet.resting == 0 { String::new() } else { format!(", {} of them resting", sheet.resting) };
    let takes = takes(sheet).map(|takes| format!(", about {takes}")).unwrap_or_default();
    format!("{listings}{resting}{takes}")
}

/// How long the backlog takes at the allowed rate, where it takes any time.
fn takes(sheet: &ChannelSheet) -> Option<String> {
    let seconds = sheet.backlog_eta_s.filter(|seconds| *seconds > 0)?;
    Some(crate::config::duration::spell(Duration::from_secs(seconds)))
}

fn suspended(suspend: &SuspendSheet) -> Vec<(&'static str, String)> {
    vec![
        ("suspended", format!("{} by {}", or_dash(suspend.since.map(instant)), or_dash(suspend.by.as_ref()))),
        ("reason", or_dash(suspend.reason.as_ref())),
        ("until", or_dash(suspend.until.map(instant))),
        ("remaining", counted(suspend.remaining, "listing")),
        ("set aside", counted(suspend.set_aside, "listing")),
    ]
}

fn credentials(sheets: &[CredentialSheet]) -> String {
    let mut table = Table::new(&["CREDENTIAL", "KNOWN SINCE", "ENDS BY"]);
    for credential in sheets {
        let ends = or_dash(credential.expires_at.map(instant));
        table.row(vec![credential.name.clone(), instant(credential.since), ends]);
    }
    table.to_string()
}

fn quotas(sheets: &[QuotaSheet]) -> String {
    let mut table = Table::new(&["QUOTA", ">PER SECOND", ">BURST", ">AVAILABLE", ">LEFT TODAY", "WAITING UNTIL"]);
    for quota in sheets {
        table.row(vec![
            quota.name.clone(),
            quota.per_second.to_string(),
            quota.burst.to_string(),
            quota.available.to_string(),
            or_dash(quota.left_today),
            or_dash(quota.waiting_until.map(instant)),
        ]);
    }
    table.to_string()
}
