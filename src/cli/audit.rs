//! `uriba audit`: what the malls show now, beside what was believed.

use std::sync::Arc;

use clap::Args;

use super::{
    by_holder,
    desk::{Common, Desk},
    failure::{Done, Failure},
    print::{counted, note, or_dash},
    progress::Bar,
    table::Table,
};
use crate::{
    engine::{Again, Channel, Engine, observe},
    store::{
        audits::{FAILED, LISTINGS, OPEN},
        sheets::{AuditSheet, AuditedChannel, DIFFERENCES_MAX},
    },
};

#[derive(Args, Debug)]
pub struct Audit {
    /// Only this channel
    channel: Option<String>,
    /// The most listings of each channel: the riskiest and longest unread ones
    #[arg(long, value_name = "N", default_value_t = LISTINGS)]
    limit: u64,
}

pub async fn run(common: &Common, asked: Audit) -> Done {
    let desk = common.desk().await?;
    let request = desk.store.ask_audit(asked.channel.as_deref(), asked.limit, &desk.who).await?;
    let sheet = match Box::pin(work(&desk, request)).await {
        Ok(sheet) => sheet,
        Err(failure) => {
            note(&format!("audit {request} stays open: whoever runs the channels next reads what is left"));
            return Err(failure);
        }
    };
    desk.print.item(&sheet, page);
    match sheet.channels.iter().find(|part| part.state == FAILED) {
        Some(part) => {
            let why = part.problem.as_deref().unwrap_or("it can't be read");
            Err(Failure::failed(format!("{}: not everything was read: {why}", part.channel)))
        }
        None if sheet.different() > 0 => Err(Failure::Differences),
        None => Ok(()),
    }
}

/// Until everything is read.
async fn work(desk: &Desk, request: i64) -> Result<AuditSheet, Failure> {
    let bar = Bar::of("audit", "listings");
    let look = async || {
        let sheet = desk.store.audit_sheet(request).await?;
        say(&bar, &sheet);
        Ok(Some(sheet).filter(|sheet| !sheet.is_open()))
    };
    let read = async |engine: &Engine| {
        let asked = desk.store.audit_sheet(request).await?;
        let wanted = |here: &&Arc<Channel>| asked.channels.iter().any(|part| part.channel == here.id());
        let all = engine.channels.iter().filter(wanted).map(|here| read_one(engine, here, request, &bar));
        futures_util::future::try_join_all(all).await?;
        Ok(())
    };
    let done = by_holder::done(desk, "audit", look, read).await;
    bar.end();
    done
}

async fn read_one(engine: &Engine, here: &Channel, request: i64, bar: &Bar) -> Done {
    loop {
        let sheet = engine.store.audit_sheet(request).await?;
        say(bar, &sheet);
        if !sheet.channels.iter().any(|part| part.channel == here.id() && part.state == OPEN) {
            return Ok(());
        }
        let again = match here.lease() {
            Some(lease) => observe::step(&engine.store, here, &lease).await?,
            // Somebody else runs this one, and reads it.
            None => Again::At(engine.env.now()),
        };
        by_holder::rest(engine, again).await;
    }
}

fn say(bar: &Bar, sheet: &AuditSheet) {
    bar.at(sheet.channels.iter().map(|part| part.read).sum(), sheet.channels.iter().map(|part| part.listings).sum());
}

fn page(sheet: &AuditSheet) -> String {
    let mut table = Table::new(&["CHANNEL", "KEY", "SKU", ">MALL SHOWS", ">BELIEVED", ">TARGET", "MOST LIKELY"]);
    for found in &sheet.differences {
        table.row(vec![
            found.channel.clone(),
            found.mall_key.clone(),
            found.sku.clone(),
            or_dash(found.shows),
            or_dash(found.believed),
            or_dash(found.target),
            found.cause.replace('_', " "),
        ]);
    }
    let mut lines: Vec<String> = sheet.channels.iter().map(sentence).collect();
    if lines.is_empty() {
        lines.push("there is no channel whose mall could be read".into());
    }
    let said = lines.join("\n");
    if table.is_empty() { said } else { format!("{table}\n\n{said}") }
}

fn sentence(part: &AuditedChannel) -> String {
    let name = &part.channel;
    if part.listings == 0 {
        return format!("{name}: none of its listings has been looked up on the mall yet: there is nothing to compare");
    }
    let read = match part.read == part.listings {
        true => format!("{} read", counted(part.listings, "listing")),
        false => format!("{} of {} read", part.read, counted(part.listings, "listing")),
    };
    let found = match part.different {
        0 => "none shows anything else than was believed".to_owned(),
        1 => "1 differs".to_owned(),
        n if n > DIFFERENCES_MAX => format!("{n} differ (the first {DIFFERENCES_MAX} are shown)"),
        n => format!("{n} differ"),
    };
    let why = part.problem.as_ref().map(|problem| format!("; {problem}")).unwrap_or_default();
    format!("{name}: {read}, {found}{why}")
}
