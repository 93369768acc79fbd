//! Notifications: a genuine one is a hint, and nothing else is more.

use std::sync::Arc;

use super::{Finding, Miss, Planned, Shop, cannot, check, ensure, failed, hostile};
use crate::{
    env::HeaderMap,
    fake::Notification,
    mall::{Hint, Notice, Wakeup},
};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "a genuine notification gives a hint",
            "`Wakeup::read`: which orders, or that some order, is new or has changed",
            genuine,
        ),
        check(
            "a notification that was tampered with is not believed",
            "`Wakeup::read`: Err for a signature that doesn't fit; signatures are over the bytes of the body",
            tampered,
        ),
        check(
            "a hostile notification is refused without a panic",
            "`Wakeup::read`: Err for a body that isn't understood; anybody can send one",
            hostile_bodies,
        ),
    ]
}

/// An order, and the mall's notification of it.
fn notified(shop: &Shop) -> Result<(String, Notification), Miss> {
    let key = shop.list(0, 500);
    let order = shop.place(&[(&key, 2)])?;
    let notification = shop.fake.notification(&order);
    let notification =
        notification.ok_or_else(|| failed("`FakeMall::notification` of what the adapter reads", "none"))?;
    Ok((order, notification))
}

fn wakeup(shop: &Shop) -> Result<&dyn Wakeup, Miss> {
    shop.mall.extras().wakeup.ok_or_else(|| Miss::CannotDo("the adapter offers no wake-ups".into()))
}

fn read(wakeup: &dyn Wakeup, headers: &HeaderMap, body: &[u8]) -> Result<Hint, String> {
    wakeup.read(&Notice { headers, body })
}

async fn genuine(shop: Arc<Shop>) -> Finding {
    let wakeup = wakeup(&shop)?;
    let (order, notification) = notified(&shop)?;
    let headers = notification.header_map();
    let carried = headers.len() == notification.headers.len();
    ensure(carried, || ("a fake whose headers a request can carry", format!("{:?}", notification.headers)))?;
    // They may come twice.
    for _ in 0..2 {
        let told = read(wakeup, &headers, &notification.body);
        let fits = match &told {
            Ok(Hint::Orders(ids)) => *ids == [order.clone()],
            Ok(Hint::Search) => true,
            Ok(Hint::Nothing) | Err(_) => false,
        };
        ensure(fits, || (format!("a hint to {order}, or to search"), format!("{told:?}")))?;
    }
    // Whatever it names can be asked for.
    shop.settle();
    if let Ok(Hint::Orders(ids)) = read(wakeup, &headers, &notification.body) {
        shop.reads_back(&ids).await?;
    }
    // For another adapter of the same channel as well.
    let later = shop.restarted()?;
    let Some(wakeup) = later.extras().wakeup else { return Err(failed("wake-ups after a restart", "there are none")) };
    let notification = shop.fake.notification(&order).unwrap_or(notification);
    let told = read(wakeup, &notification.header_map(), &notification.body);
    ensure(told.is_ok(), || ("the same notification believed after a restart", format!("{told:?}")))
}

async fn tampered(shop: Arc<Shop>) -> Finding {
    let wakeup = wakeup(&shop)?;
    let (_, notification) = notified(&shop)?;
    if !notification.signed {
        return cannot("the mall does not sign: whatever comes is a hint at most");
    }
    let (headers, body) = (notification.header_map(), &notification.body);
    let refused = |what: &str, headers: &HeaderMap, body: &[u8]| {
        let told = read(wakeup, headers, body);
        ensure(told.is_err(), || (format!("{what}: refused"), format!("{told:?}")))
    };
    for at in spread(body.len()) {
        let mut bent = body.clone();
        bent[at] = if bent[at] == b'7' { b'8' } else { b'7' };
        refused(&format!("byte {at} of the body changed"), &headers, &bent)?;
    }
    refused("a space after the body", &headers, &[body.as_slice(), b" "].concat())?;
    refused("half of the body", &headers, &body[..body.len() / 2])?;
    refused("no body", &headers, b"")?;
    let (_, other) = notified(&shop)?;
    refused("the body of another notification", &headers, &other.body)?;
    // What proves it may stand in the body itself; then no header matters.
    let bare = read(wakeup, &HeaderMap::new(), body);
    let proven_by_headers = bare.is_err();
    let mut matters = false;
    for (name, value) in &notification.headers {
        for bent in [turned(value), String::new(), "長".repeat(3)] {
            let swapped = notification
                .headers
                .iter()
                .map(|(other, value)| (other.clone(), if other == name { bent.clone() } else { value.clone() }));
            let bent = Notification { headers: swapped.collect(), ..notification.clone() };
            matters |= read(wakeup, &bent.header_map(), body).is_err();
        }
    }
    ensure(matters || !proven_by_headers, || {
        ("a changed signature refused", format!("each of these headers may be anything: {:?}", headers.keys()))
    })
}

/// Positions all over a body.
fn spread(length: usize) -> Vec<usize> {
    let step = (length / 40).max(1);
    (0..length).step_by(step).chain(length.checked_sub(1)).collect()
}

fn turned(value: &str) -> String {
    let turn = |c: char| match c {
        '0'..='8' | 'a'..='e' | 'A'..='E' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        '9' | 'f' | 'F' => '0',
        other => other,
    };
    value.chars().map(turn).collect()
}

async fn hostile_bodies(shop: Arc<Shop>) -> Finding {
    let wakeup = wakeup(&shop)?;
    let (_, notification) = notified(&shop)?;
    let memory = hostile::Memory::before();
    for (what, body) in hostile::bodies() {
        let expected = || format!("{what} refused");
        // Where anybody may send anything, a body that means nothing may still be a reason to look.
        let understood = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
        for headers in [notification.header_map(), HeaderMap::new()] {
            let told = read(wakeup, &headers, &body);
            let vague = !notification.signed && understood && matches!(told, Ok(Hint::Nothing | Hint::Search));
            ensure(told.is_err() || vague, || (expected(), format!("{told:?}")))?;
        }
        // Rightly signed nonsense may be about some order; about which it can't say.
        if let Some(sealed) = shop.fake.notification_of(&body) {
            let told = read(wakeup, &sealed.header_map(), &sealed.body);
            ensure(!matches!(told, Ok(Hint::Orders(_))), || (expected(), format!("{told:?}")))?;
        }
    }
    memory.bounded()?;
    // And it still listens.
    let told = read(wakeup, &notification.header_map(), &notification.body);
    ensure(told.is_ok(), || ("a genuine notification believed after all that", format!("{told:?}")))
}
