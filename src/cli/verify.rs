//! `uriba verify`: the invariants over one snapshot of the database.

use std::collections::HashMap;

use super::{
    desk::Common,
    failure::{Done, Failure},
};
use crate::store::recompute::Allowance;

pub async fn run(common: &Common) -> Done {
    let desk = common.desk().await?;
    let allowance = |channel: &crate::config::Channel| {
        let allowance = Allowance { rules: channel.rules.clone(), quantity_max: channel.mall?.card.quantity_max };
        Some((channel.id.clone(), allowance))
    };
    let allowances: HashMap<_, _> = desk.config.channels.iter().filter_map(allowance).collect();
    let report = desk.store.verify(&allowances).await?;
    desk.print.item(&report, |report| report.to_string().trim_end().to_owned());
    if report.is_broken() { Err(Failure::Differences) } else { Ok(()) }
}
