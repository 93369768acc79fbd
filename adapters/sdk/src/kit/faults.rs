//! Failures: each operation answers each of them with the class that says what to do next.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Finding, Miss, Planned, Shop, check,
    duty::{Bench, Duty, Told, on},
    ensure,
};
use crate::{
    error::{Applied, Class, Result as Called},
    fake::Fault,
};

const RULE: &str = "`Class`: failures are named by what the hub does next; `Answer::retry_after` is handed on";

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("a failed search says what to do next", RULE, |shop| each_fault(shop, |duty| duty == Duty::Search)),
        check("a failed look-up by id says what to do next", RULE, |shop| each_fault(shop, |duty| duty == Duty::ById)),
        check(
            "a failed push says whether it may have been applied",
            "`Class::Transient`: for a write, `applied` says whether it may have taken effect",
            |shop| each_fault(shop, Duty::writes),
        ),
        check("a failed read-back says what to do next", RULE, |shop| each_fault(shop, |duty| duty == Duty::Read)),
        check("a failed token request says what to do next", RULE, |shop| each_fault(shop, |duty| duty == Duty::Token)),
        check("a failed look-up of keys says what to do next", RULE, |shop| {
            each_fault(shop, |duty| duty == Duty::Resolve)
        }),
        check("a failed question for a ticket says what to do next", RULE, |shop| {
            each_fault(shop, |duty| duty == Duty::Redeem)
        }),
        check("a failed page of the catalogue says what to do next", RULE, |shop| {
            each_fault(shop, |duty| duty == Duty::Catalogue)
        }),
        check("a failed question for the account says what to do next", RULE, |shop| {
            each_fault(shop, |duty| duty == Duty::Account)
        }),
        check("a failed consent says what to do next", RULE, |shop| each_fault(shop, |duty| duty == Duty::Consent)),
        check(
            "a call that gets no answer in time is given up",
            "`Class::Transient`: no answer in time leaves a write unknown, and a read to be tried again",
            hangs,
        ),
        check(
            "a push whose preparatory read fails writes nothing",
            "`Mall::before_push`: what fails before the write is no doubt about the write",
            preparation,
        ),
    ]
}

fn faults() -> Vec<Fault> {
    let mut faults: Vec<_> =
        [500, 502, 503, 504].into_iter().flat_map(|n| [Fault::Status(n), Fault::StatusAfter(n)]).collect();
    faults.extend([
        Fault::CloseBefore,
        Fault::CloseAfter,
        Fault::Throttle { retry_after: Some(7) },
        Fault::Throttle { retry_after: None },
        Fault::Maintenance,
        Fault::MaintenancePage,
        Fault::Truncate,
        Fault::Expired,
    ]);
    faults
}

async fn each_fault(shop: Arc<Shop>, wanted: fn(Duty) -> bool) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    let duties: Vec<_> = bench.duties.iter().copied().filter(|(duty, _)| wanted(*duty)).collect();
    if duties.is_empty() {
        return Err(Miss::CannotDo("it takes no request of its own".into()));
    }
    for (duty, operation) in duties {
        bench.recovers(&shop, duty).await?;
        for fault in faults() {
            shop.fault(operation, fault.clone());
            let result = bench.perform(&shop, duty).await?;
            shop.book().clear_faults();
            let fits = fits(&shop, duty, &fault, &result) || bench.spares(duty, &result);
            ensure(fits, || (expected(&shop, duty, &fault), on(operation, &fault, &result)))?;
            bench.recovers(&shop, duty).await?;
        }
    }
    Ok(())
}

/// What [`fits`] holds an adapter to, in words.
fn expected(shop: &Shop, duty: Duty, fault: &Fault) -> String {
    let transient = if duty.writes() { "Transient, perhaps applied" } else { "Transient, not applied" };
    let renewable = shop.card().operation(super::duty::TOKEN).is_some();
    match fault {
        Fault::Throttle { retry_after: Some(seconds) } => format!("Throttled for {seconds} s"),
        Fault::Throttle { retry_after: None } => "Throttled".into(),
        Fault::Maintenance => "Maintenance".into(),
        Fault::MaintenancePage | Fault::Status(503) => format!("{transient}, or Maintenance or Throttled"),
        Fault::Truncate => "Malformed".into(),
        Fault::Expired => format!("Auth, renewable: {renewable}"),
        _ => transient.into(),
    }
}

/// How long a hanging request is waited for, in the machine's time.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(5);

/// The classes that a fault may be told as.
fn fits(shop: &Shop, duty: Duty, fault: &Fault, result: &Called<Told>) -> bool {
    let Err(error) = result else {
        // Half of an empty answer is that answer; and whoever doesn't know may say so per entry.
        let lossy = !matches!(fault, Fault::Throttle { .. } | Fault::Maintenance | Fault::Expired);
        return duty.writes()
            && match result {
                Ok(Told::Fine) => *fault == Fault::Truncate,
                Ok(Told::Doubtful) => lossy,
                _ => false,
            };
    };
    let lost = if duty.writes() { Applied::Unknown } else { Applied::No };
    let transient = error.class == Class::Transient { applied: lost };
    let closed = matches!(error.class, Class::Maintenance { .. });
    let throttled = match error.class {
        Class::Throttled { retry_after } => Some(retry_after),
        _ => None,
    };
    let renews = shop.card().operation(super::duty::TOKEN).is_some();
    match fault {
        Fault::Throttle { retry_after } => {
            let wait = retry_after.map(Duration::from_secs);
            throttled.is_some_and(|told| wait.is_none() || told == wait)
        }
        Fault::Maintenance => closed,
        // A mall that is overloaded and one that is closed may look the same.
        Fault::MaintenancePage | Fault::Status(503) => transient || closed || throttled.is_some(),
        Fault::CloseBefore => matches!(error.class, Class::Transient { .. }),
        Fault::Truncate => matches!(error.class, Class::Malformed { .. }),
        Fault::Expired => match error.class {
            Class::Auth { renewable } => renewable == renews || [Duty::Token, Duty::Consent].contains(&duty),
            _ => false,
        },
        // The write may have been made: nothing that promises the contrary will do.
        Fault::StatusAfter(503) if duty.writes() => transient,
        Fault::StatusAfter(503) => transient || closed || throttled.is_some(),
        _ => transient,
    }
}

async fn hangs(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    // A wait is the machine's time, so only what the hub calls all day is kept waiting.
    let daily = |duty: &Duty| {
        matches!(duty, Duty::Search | Duty::ById | Duty::Push(_) | Duty::Read | Duty::Token | Duty::Redeem)
    };
    for (duty, operation) in bench.duties.iter().copied().filter(|(duty, _)| daily(duty)) {
        let faults = if duty.writes() { vec![Fault::Hang, Fault::HangAfter] } else { vec![Fault::Hang] };
        for fault in faults {
            shop.fault(operation, fault.clone());
            shop.env.set_deadline(SHORT);
            let result = bench.perform(&shop, duty).await?;
            shop.env.set_deadline(LONG);
            shop.book().clear_faults();
            let fits = fits(&shop, duty, &fault, &result) || bench.spares(duty, &result);
            ensure(fits, || (expected(&shop, duty, &fault), on(operation, &fault, &result)))?;
        }
        bench.recovers(&shop, duty).await?;
    }
    Ok(())
}

/// Where a push reads before it writes, a failure of the reading is not a doubt about the writing.
async fn preparation(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    let reads = shop.card().reads.as_ref().map(|reads| reads.operation);
    if shop.mall.before_push().is_empty() && reads.is_none() {
        return Err(Miss::CannotDo("a push asks for nothing before it writes, and the mall shows no figures".into()));
    }
    let pushes: Vec<_> = bench.duties.iter().copied().filter(|(duty, _)| duty.writes()).collect();
    for (duty, operation) in pushes {
        let Duty::Push(way) = duty else { continue };
        let key = bench.pushed(way);
        let before: BTreeSet<_> = shop.mall.before(operation).iter().copied().chain(reads).collect();
        for reads in before.into_iter().filter(|reads| *reads != operation) {
            bench.recovers(&shop, duty).await?;
            // What that wrote may take effect much later, and must not be taken for what follows.
            shop.land();
            for fault in
                [Fault::Status(500), Fault::CloseBefore, Fault::Truncate, Fault::Throttle { retry_after: Some(2) }]
            {
                // It may know by heart what it would ask for.
                let fresh = shop.restarted()?;
                shop.fault(reads, fault.clone());
                let result = bench.perform_with(&shop, fresh.as_ref(), duty).await?;
                shop.book().clear_faults();
                shop.land();
                let figure = shop.figure(key);
                let fits = match &result {
                    Ok(Told::Fine) => figure == 300,
                    Err(_) => figure == 500,
                    _ => false,
                };
                ensure(fits, || {
                    let seen = format!("{figure} for sale, and {}", on(operation, (reads, &fault), &result));
                    ("300 for sale of a push that worked, or 500 of one that didn't", seen)
                })?;
            }
        }
    }
    Ok(())
}
