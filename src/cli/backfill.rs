//! `uriba order backfill`: orders of a past span, slowly.

use clap::{Args, value_parser};

use super::{
    by_holder,
    desk::Desk,
    failure::{Done, Failure},
    moment,
    print::{counted, instant, note},
    progress::Bar,
};
use crate::{
    domain::{quiet::QuietHours, time::between, windows::Window},
    engine::{Again, Engine, backfill},
    store::{
        StoreError,
        audits::FAILED,
        backfills::{NewBackfill, PER_MINUTE, PER_MINUTE_MAX},
        sheets::BackfillSheet,
    },
};

#[derive(Args, Debug)]
pub struct Backfill {
    channel: String,
    /// The oldest orders to read
    #[arg(long, value_name = "TIME")]
    from: String,
    /// The newest orders to read
    #[arg(long, value_name = "TIME")]
    to: String,
    /// At most so many requests a minute
    #[arg(long, value_name = "N", default_value_t = PER_MINUTE, value_parser = value_parser!(u32).range(1..=i64::from(PER_MINUTE_MAX)))]
    rate: u32,
    /// Only in these hours of each day, in the configured zone, as in 01:00-06:00 [default: all]
    #[arg(long, value_name = "HH:MM-HH:MM", value_parser = QuietHours::parse)]
    quiet: Option<QuietHours>,
}

pub async fn run(desk: &Desk, asked: Backfill) -> Done {
    desk.store.channel(&asked.channel).await?;
    let outlines = desk.outlines();
    let outline = outlines.get(&asked.channel).ok_or_else(|| {
        StoreError::Invalid(format!("{} is no channel of a mall: there is nothing to read", asked.channel))
    })?;
    let (from, to) = (moment::parse(&asked.from, &desk.config)?, moment::parse(&asked.to, &desk.config)?);
    let span = Window { from, to, open_only: false };
    let Backfill { channel, rate, quiet, .. } = asked;
    let wanted = NewBackfill { channel, span, per_minute: rate, quiet };
    if let Some((_, fault)) = wanted.fault(&outline.orders, desk.store.now()) {
        return Err(Failure::Usage(format!("{}: {fault}", wanted.channel)));
    }
    let id = desk.store.ask_backfill(&wanted, &desk.who).await?;
    let asked = desk.store.backfill_sheet(id).await?;
    if let Some(until) = asked.waits_until {
        let hours = asked.quiet.as_deref().unwrap_or_default();
        note(&format!("it keeps to {hours} and waits until {}", instant(until)));
    }
    let sheet = match Box::pin(work(desk, id, &wanted.channel)).await {
        Ok(sheet) => sheet,
        Err(failure) => {
            note("what is left is read by whoever runs the channel next; the same command looks on");
            return Err(failure);
        }
    };
    desk.print.item(&sheet, sentence);
    match sheet.problem.as_ref().filter(|_| sheet.state == FAILED) {
        Some(why) => Err(Failure::failed(format!(
            "{}: orders are read up to {}: {why}. The same command goes on from there",
            sheet.channel,
            instant(sheet.read_to)
        ))),
        None => Ok(()),
    }
}

async fn work(desk: &Desk, id: i64, channel: &str) -> Result<BackfillSheet, Failure> {
    let bar = Bar::of("backfill", "minutes of orders");
    let look = async || {
        let sheet = desk.store.backfill_sheet(id).await?;
        let minutes = |to| between(sheet.from, to).as_secs().div_ceil(60);
        bar.at(minutes(sheet.read_to), minutes(sheet.until));
        Ok(Some(sheet).filter(|sheet| !sheet.is_open()))
    };
    let read = async |engine: &Engine| {
        let Some(here) = engine.channel(channel) else { return Ok(()) };
        while look().await?.is_none() {
            let again = match here.lease() {
                Some(lease) => backfill::step(&engine.store, here, &lease).await?,
                // Somebody else runs this one, and reads.
                None => Again::At(engine.env.now()),
            };
            by_holder::rest(engine, again).await;
        }
        Ok(())
    };
    let done = by_holder::done(desk, "order backfill", &look, read).await;
    bar.end();
    done
}

fn sentence(sheet: &BackfillSheet) -> String {
    let orders = match sheet.orders {
        1 => "1 order was new or changed".to_owned(),
        n => format!("{n} orders were new or changed"),
    };
    format!(
        "{}: orders from {} to {} are read with {}: {orders}",
        sheet.channel,
        instant(sheet.from),
        instant(sheet.read_to),
        counted(sheet.requests, "request")
    )
}
