//! What goes wrong at the malls, each now and then: nothing that a mall was never seen to do.

use std::time::Duration;

use uriba_sdk::fake::{Fault, Times};

use super::street::Shop;

/// Each of an operation's faults befalls this part of its requests.
const EACH: f64 = 0.012;
/// A write that is accepted and comes to nothing is found only by reading back, so it is made rarer.
const RARE: f64 = 0.006;

pub fn begin(shops: &[Shop]) {
    for shop in shops {
        let card = shop.entry.card;
        for operation in card.operations {
            let writes = card.writes.iter().any(|way| way.operation == operation.name);
            for (fault, p) in faults(writes, operation.quotas.is_empty() && operation.costs.is_empty()) {
                shop.book().fault(operation.name, fault, Times::Probability(p));
            }
        }
    }
}

pub fn end(shops: &[Shop]) {
    shops.iter().for_each(|shop| shop.book().clear_faults());
}

fn faults(writes: bool, login: bool) -> Vec<(Fault, f64)> {
    let mut faults = vec![
        (Fault::Delay(Duration::from_secs(20)), EACH),
        (Fault::Hang, RARE / 2.0),
        (Fault::CloseBefore, EACH),
        (Fault::CloseAfter, EACH),
        (Fault::Status(500), EACH),
        (Fault::Status(503), EACH),
        (Fault::Throttle { retry_after: None }, EACH),
        (Fault::Throttle { retry_after: Some(7) }, EACH),
        (Fault::Maintenance, RARE),
        (Fault::MaintenancePage, EACH),
        (Fault::Truncate, EACH),
    ];
    if login {
        return faults;
    }
    faults.push((Fault::Expired, EACH));
    if writes {
        faults.extend([
            (Fault::HangAfter, RARE / 2.0),
            (Fault::StatusAfter(500), EACH),
            (Fault::Silent, RARE),
            (Fault::Partial, RARE),
        ]);
    } else {
        faults.extend([
            (Fault::DuplicateRows, EACH),
            (Fault::ShuffleRows, EACH),
            (Fault::StaleRows, EACH),
            (Fault::UnknownStatus, RARE),
        ]);
    }
    faults
}
