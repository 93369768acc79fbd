//! Numbers that would change, and changes that are held.

use super::{
    failure::Failure,
    print::{counted, or_dash},
    table::Table,
};
use crate::store::preview::TargetChange;

/// As many as a screen holds; `--json` has more.
const LINES_MAX: usize = 40;

/// A table of what would change; nothing where nothing would.
pub fn words(changes: &[TargetChange], total: u64) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["CHANNEL", "MALL KEY", "SKU", ">NOW", ">THEN"]);
    for change in changes.iter().take(LINES_MAX) {
        table.row(vec![
            change.channel.clone(),
            change.mall_key.clone(),
            change.sku.clone(),
            or_dash(change.now),
            or_dash(change.then),
        ]);
    }
    let untold = total.saturating_sub(changes.len().min(LINES_MAX) as u64);
    let rest = if untold > 0 { format!("\nand {} more", counted(untold, "number")) } else { String::new() };
    format!("{table}{rest}")
}

/// The end of a command whose change waits for a person's word.
pub fn held(attention: &str) -> Failure {
    Failure::Refused(format!(
        "held: nothing of it is done; look at the list, then `uriba attention resolve {attention} --action confirm`, or \
         `--action refuse`"
    ))
}
