//! Numbers that would change, and changes that are held.

use super::{
    failure::Failure,
    print::{counted, or_dash},
    table::Table,
};
use crate::store::preview::Changes;

/// As many as a screen holds; `--json` has more.
const LINES_MAX: usize = 40;

/// A table of what would change.
pub fn words(changes: &Changes) -> String {
    if changes.total == 0 {
        return "no number would change on any mall".into();
    }
    let mut table = Table::new(&["CHANNEL", "MALL KEY", "SKU", ">NOW", ">THEN"]);
    for change in changes.listings.iter().take(LINES_MAX) {
        table.row(vec![
            change.channel.clone(),
            change.mall_key.clone(),
            change.sku.clone(),
            or_dash(change.now),
            or_dash(change.then),
        ]);
    }
    let untold = changes.total.saturating_sub(changes.listings.len().min(LINES_MAX) as u64);
    let rest = if untold > 0 { format!("\nand {} more", counted(untold, "number")) } else { String::new() };
    format!("{} would change:\n{table}{rest}", counted(changes.total, "number"))
}

/// The end of a command whose change waits for a person's word.
pub fn held(attention: &str) -> Failure {
    Failure::Refused(format!(
        "held: nothing of it is done; look at the list, then `uriba attention resolve {attention} --action confirm`, or \
         `--action refuse`"
    ))
}
