//! Which requests a deed makes: ones that the card counts and that a push has spoken for; and what outlives them.

use std::sync::Arc;

use super::{
    Finding, Planned, Shop, cannot, check,
    duty::{Bench, TOKEN, ensure_fine},
    ensure,
    listings::update,
    writing::{single, write},
};
use crate::stock::Outcome;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "every request is of an operation that the card counts",
            "`OperationCard`: a request of an operation that has no line is kept by no quota",
            counted,
        ),
        check(
            "a push makes only the requests that it speaks for",
            "`Mall::before`, `Mall::before_push`: what a push calls beside its own operation is named, and booked with it",
            spoken_for,
        ),
        check(
            "a handle outlives the adapter that gave it",
            "`Mall::resolve`: the hub stores the handle with the listing and passes it to every call",
            handle_outlives,
        ),
    ]
}

async fn counted(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    for (duty, _) in &bench.duties {
        shop.heard();
        bench.recovers(&shop, *duty).await?;
        for answered in shop.heard() {
            let known = shop.card().operation(&answered.what).is_some();
            ensure(known, || {
                let expected = format!("{duty:?} asks for operations of the card");
                (expected, format!("{} (answered {:?})", answered.what, answered.status))
            })?;
        }
    }
    Ok(())
}

async fn spoken_for(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    for name in shop.mall.before_push() {
        let known = shop.card().operation(name).is_some();
        ensure(known, || ("operations of the card in before_push", (*name).to_owned()))?;
    }
    for (duty, operation) in bench.duties.iter().filter(|(duty, _)| duty.writes()) {
        let before = shop.mall.before(operation);
        shop.heard();
        // One that has just been opened has everything still to find out.
        let fresh = shop.restarted()?;
        ensure_fine(&bench.perform_with(&shop, fresh.as_ref(), *duty).await?, "a push after a restart")?;
        for answered in shop.heard() {
            let what = answered.what.as_str();
            let spoken = [*operation, TOKEN].contains(&what) || before.contains(&what);
            let expected = || format!("a push that asks for {operation}, and for one of {before:?} before it");
            ensure(spoken, || (expected(), what.to_owned()))?;
        }
    }
    Ok(())
}

/// Resolved by one adapter; written and read by another, as after a restart.
async fn handle_outlives(shop: Arc<Shop>) -> Finding {
    let mut with_handle = false;
    for way in single(&shop) {
        let listing = shop.list_kind(way.kind, 0, 5).await?;
        with_handle |= listing.handle.is_some();
        let later = shop.restarted()?;
        let update = update(&listing, write(way.mode, 5, 3));
        let outcomes = shop.patiently(|| later.push(std::slice::from_ref(&update))).await?;
        shop.take_effect();
        let fine = matches!(outcomes.as_slice(), [Outcome::Applied { .. } | Outcome::Pending { .. }]);
        ensure(fine, || (format!("{listing:?} is written after a restart"), format!("{outcomes:?}")))?;
        if let Some(readback) = later.extras().readback {
            let readings = shop.patiently(|| readback.read(std::slice::from_ref(&listing))).await?;
            let read = readings.first().is_some_and(|reading| reading.found.is_some());
            ensure(read, || (format!("{listing:?} is read after a restart"), format!("{readings:?}")))?;
        }
    }
    if with_handle { Ok(()) } else { cannot("keys are all that the mall needs") }
}
