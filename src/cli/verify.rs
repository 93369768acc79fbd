//! `uriba verify`: the invariants over one snapshot of the database.

use super::{
    desk::Common,
    failure::{Done, Failure},
};

pub async fn run(common: &Common) -> Done {
    let desk = common.desk().await?;
    let report = desk.store.verify(&desk.store.allowances().await?).await?;
    desk.print.item(&report, |report| report.to_string().trim_end().to_owned());
    if report.is_broken() { Err(Failure::Differences) } else { Ok(()) }
}
