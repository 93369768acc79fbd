//! Failures: each operation answers each of them with the class that says what to do next.

use std::{sync::Arc, time::Duration};

use super::{
    Finding, Miss, Planned, Shop, check,
    duty::{Bench, Duty, Told, words},
    ensure, over_http,
};
use crate::{
    error::{Applied, Class, Result as Called},
    fake::Fault,
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("a failed search says what to do next", |shop| each_fault(shop, |duty| duty == Duty::Search)),
        check("a failed look-up by id says what to do next", |shop| each_fault(shop, |duty| duty == Duty::ById)),
        check("a failed push says whether it may have been applied", |shop| each_fault(shop, Duty::writes)),
        check("a failed read-back says what to do next", |shop| each_fault(shop, |duty| duty == Duty::Read)),
        check("a failed token request says what to do next", |shop| each_fault(shop, |duty| duty == Duty::Token)),
        check("a call that gets no answer in time is given up", hangs),
        check("a push whose preparatory read fails writes nothing", preparation),
    ]
}

fn faults() -> Vec<Fault> {
    let mut faults: Vec<_> =
        [500, 502, 503].into_iter().flat_map(|n| [Fault::Status(n), Fault::StatusAfter(n)]).collect();
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
    over_http(&shop)?;
    let bench = Bench::new(&shop)?;
    let duties: Vec<_> = Bench::duties(&shop).into_iter().filter(|(duty, _)| wanted(*duty)).collect();
    if duties.is_empty() {
        return Err(Miss::CannotDo("the card has no such operation".into()));
    }
    for (duty, operation) in duties {
        bench.recovers(&shop, duty).await?;
        for fault in faults() {
            shop.fault(operation, fault.clone());
            let result = bench.perform(&shop, duty).await?;
            shop.book().clear_faults();
            let fits = fits(&shop, duty, &fault, &result);
            ensure(fits, || format!("{operation}, {fault:?}: {}", words(&result)))?;
            bench.recovers(&shop, duty).await?;
        }
    }
    Ok(())
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
            Class::Auth { renewable } => renewable == renews || duty == Duty::Token,
            _ => false,
        },
        // The write may have been made: nothing that promises the contrary will do.
        Fault::StatusAfter(503) if duty.writes() => transient,
        Fault::StatusAfter(503) => transient || closed || throttled.is_some(),
        _ => transient,
    }
}

async fn hangs(shop: Arc<Shop>) -> Finding {
    over_http(&shop)?;
    let bench = Bench::new(&shop)?;
    for (duty, operation) in Bench::duties(&shop) {
        bench.recovers(&shop, duty).await?;
        let faults = if duty.writes() { vec![Fault::Hang, Fault::HangAfter] } else { vec![Fault::Hang] };
        for fault in faults {
            shop.fault(operation, fault.clone());
            shop.env.set_deadline(SHORT);
            let result = bench.perform(&shop, duty).await?;
            shop.env.set_deadline(LONG);
            shop.book().clear_faults();
            ensure(fits(&shop, duty, &fault, &result), || format!("{operation}, {fault:?}: {}", words(&result)))?;
        }
        bench.recovers(&shop, duty).await?;
    }
    Ok(())
}

/// Where a push reads before it writes, a failure of the reading is not a doubt about the writing.
async fn preparation(shop: Arc<Shop>) -> Finding {
    over_http(&shop)?;
    let bench = Bench::new(&shop)?;
    let Some(reads) = &shop.card().reads else {
        return Err(Miss::CannotDo("the mall shows no figures".into()));
    };
    let key = shop.fake.mall_key(0);
    let pushes: Vec<_> = Bench::duties(&shop).into_iter().filter(|(duty, _)| duty.writes()).collect();
    for (duty, operation) in pushes.into_iter().filter(|(_, operation)| *operation != reads.operation) {
        bench.recovers(&shop, duty).await?;
        for fault in [Fault::Status(500), Fault::CloseBefore, Fault::Truncate, Fault::Throttle { retry_after: Some(2) }]
        {
            shop.fault(reads.operation, fault.clone());
            let result = bench.perform(&shop, duty).await?;
            shop.book().clear_faults();
            shop.take_effect();
            let figure = shop.figure(&key);
            let fits = match &result {
                Ok(Told::Fine) => figure == 300,
                Err(_) => figure == 500,
                _ => false,
            };
            ensure(fits, || {
                format!("{operation} while {} has {fault:?}: {}, shows {figure}", reads.operation, words(&result))
            })?;
        }
    }
    Ok(())
}
