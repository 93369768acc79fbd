//! `uriba run-once`: each due step once, then home. For cron, for looking closely, for tests.

use std::{sync::Arc, time::Duration};

use clap::{Args, builder::PossibleValuesParser};
use serde::Serialize;

use super::{desk::Common, failure::Done, lock::InstanceLock, print::counted};
use crate::{
    config::order_files,
    engine::{Engine, once::STEPS},
    store::StoreError,
};

/// Renewed while the steps run; a killed run blocks the next one for no longer.
const LEASE: Duration = Duration::from_secs(30);

#[derive(Args, Debug)]
pub struct RunOnce {
    /// Only this step
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(STEPS))]
    step: Option<String>,
    /// Only this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
}

/// How many pieces of work were done.
#[derive(Serialize)]
struct Pieces {
    import: usize,
    poll: usize,
    recompute: usize,
    observe: usize,
    push: usize,
}

pub async fn run(common: &Common, asked: RunOnce) -> Done {
    let desk = common.desk_as_it_is().await?;
    desk.config.plans()?;
    let database = desk.store.file().map(ToOwned::to_owned);
    let _lock = database.map(|file| InstanceLock::take(&file, "run-once", desk.store.now())).transpose()?;
    desk.start().await?;
    let engine = desk.engine().await?;
    let engine = engine.on_days(desk.config.days()).keeping(desk.config.history());
    let engine = engine.guarded(desk.config.brake).reading(order_files::read);
    let engine = engine.watching(desk.config.imports.clone());
    let engine = Arc::new(engine);
    if let Some(id) = asked.channel.as_deref().filter(|id| engine.channel(id).is_none()) {
        return Err(StoreError::Missing { kind: "channel", name: id.to_owned() }.into());
    }
    engine.take_leases(LEASE).await?;
    let done = tokio::select! {
        done = engine.run_once(asked.step.as_deref(), asked.channel.as_deref()) => done,
        lost = keep_leases(&engine) => Err(lost),
    };
    engine.release_leases().await?;
    let done = done?;
    let pieces = Pieces {
        import: done.import,
        poll: done.poll,
        recompute: done.recompute,
        observe: done.observe,
        push: done.push,
    };
    desk.print.item(&pieces, |done| {
        let all = [
            ("import", done.import),
            ("poll", done.poll),
            ("recompute", done.recompute),
            ("observe", done.observe),
            ("push", done.push),
        ];
        let said = all.map(|(step, n)| format!("{step}: {}", counted(n as u64, "piece")));
        said.join(", ")
    });
    Ok(())
}

/// Ends only when the leases are lost.
async fn keep_leases(engine: &Engine) -> StoreError {
    loop {
        engine.env.sleep(LEASE / 3).await;
        match engine.take_leases(LEASE).await {
            Ok(()) => {}
            Err(crate::engine::EngineError::Store(error)) => return error,
            Err(other) => return StoreError::Refused(other.to_string()),
        }
    }
}
