//! What the mode in force leaves a listing: its share, or what is withheld from it for channels of which nobody hears.
//!
//! Now from the rows that targets are made from, of a past instant from the decision that was in force then.

use std::collections::HashMap;

use sea_orm::DatabaseTransaction;

use super::{Result, When};
use crate::{
    domain::{bundle, explain::Term, exposure::Mode},
    store::{
        bundles::Component,
        catalogue::sku_codes,
        decisions::{Decision, decision_at, shares_of},
        entity::listing,
        shares::Shares,
    },
};

pub(super) struct Part {
    pub share: Option<(i64, String)>,
    pub blind: (i64, String),
}

/// `sellable`: the term of what the listing sells, which for a bundle names its components in their order.
pub(super) async fn part(
    tx: &DatabaseTransaction,
    pool: &str,
    row: &listing::Model,
    made_of: &[Component],
    sellable: &Term,
    when: (When, jiff::Timestamp),
) -> Result<Part> {
    let (when, at) = when;
    let mut decisions: HashMap<i64, Decision> = HashMap::new();
    for part in made_of {
        if let Some(decision) = decision_at(tx, pool, part.sku_id, at).await? {
            decisions.insert(part.sku_id, decision);
        }
    }
    let shares = match when {
        When::Now => {
            let skus = made_of.iter().map(|part| part.sku_id).collect();
            Shares::load(tx, pool, &[row.id].into(), &skus).await?
        }
        When::At(_) => shares_of(decisions.iter().map(|(sku, decision)| (*sku, decision))),
    };
    let codes = sku_codes(tx, &made_of.iter().map(|part| part.sku_id).collect()).await?;
    let guarded = made_of.iter().filter_map(|part| {
        let decision = decisions.get(&part.sku_id).filter(|decision| decision.mode == Some(Mode::Escrow))?;
        Some(format!("{} is in escrow: {}", codes.get(&part.sku_id)?, decision.why))
    });
    let why = guarded.collect::<Vec<_>>().join("; ");
    let whose = match decisions.values().any(|decision| decision.is_plan_of(row.id)) {
        true => format!("what its share would be if {} had begun, which keeps nothing from the others", row.channel),
        false => "its exclusive share".to_owned(),
    };
    Ok(Part {
        share: shares.of(row.id, made_of).map(|units| (units, format!("{whose}: {why}"))),
        blind: (withheld(&shares, row, made_of, sellable), silent(&shares, row, made_of)),
    })
}

/// In units of what the listing sells: by how much its components last for less.
fn withheld(shares: &Shares, row: &listing::Model, made_of: &[Component], sellable: &Term) -> i64 {
    let of = |part: &Component| shares.units_withheld_from(&row.channel, part.sku_id);
    match made_of {
        [one] if one.sku_id == row.sku_id => of(one),
        parts => {
            let left = parts.iter().zip(&sellable.terms).map(|(part, term)| {
                let units = term.terms.first().and_then(Term::whole);
                (units.map(|units| units - of(part)), part.quantity)
            });
            sellable.whole().zip(bundle::sellable(left)).map_or(0, |(all, left)| all - left)
        }
    }
}

fn silent(shares: &Shares, row: &listing::Model, made_of: &[Component]) -> String {
    let each = made_of.iter().flat_map(|part| shares.withheld_from(&row.channel, part.sku_id));
    let each = each.map(|blind| format!("{} may have sold {} of which nobody has heard", blind.channel, blind.units));
    each.collect::<Vec<_>>().join("; ")
}
