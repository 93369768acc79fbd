//! Whose shop it is, and when its credentials end.

use std::{collections::BTreeSet, sync::Arc};

use super::{Finding, Planned, Shop, cannot, check, ensure, failed};

pub(super) fn all() -> Vec<Planned> {
    vec![check(
        "the account names the shop, and ends of credentials that the card has",
        "`Account::account`: the shop's own id or name by the mall's word, and ends by credential key",
        named,
    )]
}

async fn named(shop: Arc<Shop>) -> Finding {
    let Some(account) = shop.mall.extras().account else { return cannot("the adapter offers no account") };
    ordered(&shop)?;
    let sheet = shop.patiently(|| account.account()).await?;
    ensure(!sheet.shop.trim().is_empty(), || ("the shop's id or name", format!("{sheet:?}")))?;
    if let Some(name) = shop.fake.shop_name() {
        ensure(sheet.shop == name, || (format!("the shop {name:?}"), format!("{:?}", sheet.shop)))?;
    }
    let mut seen = BTreeSet::new();
    for (key, ends) in &sheet.ends {
        let known = shop.card().credentials.iter().any(|credential| credential.key == *key);
        ensure(known && seen.insert(*key), || {
            ("one end each, of credentials that the card has", format!("{key} ends at {ends}"))
        })?;
        // The credentials have just been used: one that ended before that was not refused.
        let opened_at = shop.opened_at();
        ensure(*ends > opened_at, || (format!("{key} works, so ends after {opened_at}"), ends.to_string()))?;
    }
    ensure(sheet.notes.iter().all(|note| !note.trim().is_empty()), || {
        ("notes that say something", format!("{:?}", sheet.notes))
    })?;
    let other = shop.sibling("b").await?;
    let Some(account) = other.mall.extras().account else {
        return Err(failed("an account for each shop", "another shop of the mall has none"));
    };
    ordered(&other)?;
    let theirs = other.patiently(|| account.account()).await?;
    ensure(theirs.shop != sheet.shop, || ("different words for different shops", format!("both are {:?}", sheet.shop)))
}

/// On some malls only an order says whose shop it is.
fn ordered(shop: &Shop) -> Finding {
    let key = shop.list(0, 50);
    shop.place(&[(&key, 1)])?;
    shop.settle();
    Ok(())
}
