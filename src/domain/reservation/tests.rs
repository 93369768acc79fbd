//! One story per rule.

use jiff::{SignedDuration, Timestamp};

use super::*;

const TEA: i64 = 1;
const CUP: i64 = 2;

/// One storefront on one pool: 5 of tea, 3 cups, and a set of one tea and two cups.
fn desk() -> Desk {
    let shop = Shop { pool: "online".into(), is_storefront: true, is_suspended: false };
    let part = |sku, quantity| Part { sku, quantity };
    Desk {
        shops: [("web".to_owned(), shop)].into(),
        recipes: [
            ("tea".to_owned(), vec![part(TEA, 1)]),
            ("cup".to_owned(), vec![part(CUP, 1)]),
            ("set".to_owned(), vec![part(TEA, 1), part(CUP, 2)]),
        ]
        .into(),
        sellable: [("online".to_owned(), [(TEA, 5), (CUP, 3)].into())].into(),
        ..Desk::default()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn wish(lines: &[(&str, i64)]) -> Wish {
    let lines = lines.iter().map(|(sku, quantity)| Line { sku: (*sku).into(), quantity: *quantity }).collect();
    Wish { channel: "web".into(), lines: Wish::tidy(lines), ttl_s: 600, holder: None }
}

fn reserve(lines: &[(&str, i64)]) -> Ask {
    Ask::Reserve(wish(lines))
}

fn confirm(order: &str) -> Ask {
    Ask::Confirm { order: order.into() }
}

const RELEASE: Ask = Ask::Release { reason: None };

/// Judges, and makes what changes true.
fn ask(desk: &mut Desk, id: &str, ask: &Ask, second: i64) -> Verdict {
    let verdict = desk.judge(id, ask, at(second));
    if let Verdict::Changes(change) = verdict {
        desk.apply(id, ask, change, at(second));
    }
    verdict
}

fn left(desk: &Desk) -> (i64, i64) {
    (desk.sellable["online"][&TEA], desk.sellable["online"][&CUP])
}

fn short(sku: &str, quantity: i64, available: i64) -> Available {
    Available { sku: sku.into(), quantity, available, on_malls: false }
}

const HELD: Verdict = Verdict::Changes(Change::Hold);

#[test]
fn all_lines_are_held_or_none() {
    let mut desk = desk();
    let refused = ask(&mut desk, "1", &reserve(&[("tea", 2), ("cup", 4)]), 0);
    let lines = vec![short("cup", 4, 3), short("tea", 2, 5)];
    assert_eq!(refused, Verdict::Refused(Refusal::NotEnough(lines)));
    assert_eq!(left(&desk), (5, 3));
    assert_eq!(ask(&mut desk, "1", &reserve(&[("tea", 2), ("cup", 3)]), 0), HELD, "a refusal is not kept");
    assert_eq!(left(&desk), (3, 0));
}

#[test]
fn a_bundle_takes_its_parts_beside_their_own_lines() {
    let mut desk = desk();
    assert_eq!(ask(&mut desk, "1", &reserve(&[("set", 1), ("tea", 4)]), 0), HELD);
    assert_eq!(left(&desk), (0, 1));
    let Verdict::Refused(Refusal::NotEnough(lines)) = ask(&mut desk, "2", &reserve(&[("set", 1)]), 0) else {
        panic!("nothing is left of the tea");
    };
    assert_eq!(lines, [short("set", 1, 0)]);
    ask(&mut desk, "1", &RELEASE, 1);
    assert_eq!((left(&desk), desk.available("online", "set")), ((5, 3), 1));
}

#[test]
fn the_same_again_is_answered_alike_and_other_content_is_refused() {
    let mut desk = desk();
    assert_eq!(ask(&mut desk, "1", &reserve(&[("tea", 1), ("cup", 1)]), 0), HELD);
    assert_eq!(ask(&mut desk, "1", &reserve(&[("cup", 1), ("tea", 1)]), 5), Verdict::Stands);
    let split = reserve(&[("tea", 1), ("cup", 1), ("tea", 0)]);
    assert_eq!(ask(&mut desk, "1", &split, 5), Verdict::Stands, "lines of one SKU are one line");
    let mut other = wish(&[("tea", 1), ("cup", 1)]);
    other.ttl_s = 601;
    for other in [Ask::Reserve(other), reserve(&[("tea", 2), ("cup", 1)])] {
        assert_eq!(ask(&mut desk, "1", &other, 5), Verdict::Refused(Refusal::OtherContent));
    }
    assert_eq!(left(&desk), (4, 2));
}

#[test]
fn an_id_that_has_ended_never_holds_again() {
    let mut desk = desk();
    for id in ["released", "confirmed", "expired"] {
        assert_eq!(ask(&mut desk, id, &reserve(&[("tea", 1)]), 0), HELD);
    }
    ask(&mut desk, "released", &RELEASE, 1);
    ask(&mut desk, "confirmed", &confirm("A1"), 1);
    for (id, state) in [("released", State::Released), ("confirmed", State::Confirmed), ("expired", State::Expired)] {
        let verdict = ask(&mut desk, id, &reserve(&[("tea", 1)]), 600);
        assert_eq!(verdict, Verdict::Refused(Refusal::Ended(state)), "{id}");
    }
}

#[test]
fn a_hold_ends_once_however_often_it_is_released() {
    let mut desk = desk();
    ask(&mut desk, "1", &reserve(&[("tea", 3)]), 0);
    for expected in [Verdict::Changes(Change::Release), Verdict::Stands, Verdict::Stands] {
        assert_eq!(ask(&mut desk, "1", &RELEASE, 1), expected);
        assert_eq!(left(&desk), (5, 3));
    }
    assert_eq!(ask(&mut desk, "1", &Ask::Expire, 900), Verdict::Stands);
    assert_eq!(ask(&mut desk, "1", &confirm("A1"), 900), Verdict::Refused(Refusal::Ended(State::Released)));
}

#[test]
fn a_release_that_overtakes_its_reserve_wins() {
    let mut desk = desk();
    assert_eq!(ask(&mut desk, "1", &RELEASE, 0), Verdict::Changes(Change::Bury));
    assert_eq!(ask(&mut desk, "1", &reserve(&[("tea", 1)]), 1), Verdict::Refused(Refusal::Ended(State::Released)));
    assert_eq!(ask(&mut desk, "1", &confirm("A1"), 1), Verdict::Refused(Refusal::Ended(State::Released)));
    assert_eq!(ask(&mut desk, "1", &RELEASE, 2), Verdict::Stands);
}

#[test]
fn a_confirmed_reservation_is_its_orders() {
    let mut desk = desk();
    ask(&mut desk, "1", &reserve(&[("tea", 3)]), 0);
    assert_eq!(ask(&mut desk, "1", &confirm("A1"), 1), Verdict::Changes(Change::Confirm { late: false }));
    assert_eq!(left(&desk), (2, 3), "the same units, exchanged");
    assert_eq!(ask(&mut desk, "1", &confirm("A1"), 2), Verdict::Stands);
    let taken = || Verdict::Refused(Refusal::Confirmed { order: "A1".into() });
    assert_eq!(ask(&mut desk, "1", &confirm("A2"), 2), taken());
    assert_eq!(ask(&mut desk, "1", &RELEASE, 2), taken());
    assert_eq!(ask(&mut desk, "1", &Ask::Expire, 900), Verdict::Stands);
    assert_eq!(ask(&mut desk, "2", &confirm("A2"), 2), Verdict::Refused(Refusal::Unknown));
}

#[test]
fn a_hold_expires_at_its_time_and_not_before() {
    let mut desk = desk();
    ask(&mut desk, "1", &reserve(&[("tea", 3)]), 0);
    assert_eq!(ask(&mut desk, "1", &Ask::Expire, 599), Verdict::Stands);
    assert_eq!(ask(&mut desk, "1", &Ask::Expire, 600), Verdict::Changes(Change::Expire));
    assert_eq!(left(&desk), (5, 3));
    assert_eq!(ask(&mut desk, "1", &Ask::Expire, 601), Verdict::Stands);
}

#[test]
fn a_late_confirm_succeeds_if_stock_remains() {
    let late = Verdict::Changes(Change::Confirm { late: true });
    for somebody_came_by in [true, false] {
        let mut desk = desk();
        ask(&mut desk, "1", &reserve(&[("tea", 3)]), 0);
        ask(&mut desk, "2", &reserve(&[("tea", 2)]), 300);
        if somebody_came_by {
            ask(&mut desk, "1", &Ask::Expire, 600);
            ask(&mut desk, "3", &reserve(&[("tea", 1)]), 600);
            let refused = Verdict::Refused(Refusal::NotEnough(vec![short("tea", 3, 2)]));
            assert_eq!(ask(&mut desk, "1", &confirm("A1"), 601), refused);
            ask(&mut desk, "3", &RELEASE, 602);
        }
        assert_eq!(ask(&mut desk, "1", &confirm("A1"), 700), late);
        assert_eq!(left(&desk), (0, 3));
    }
}

#[test]
fn an_expired_hold_that_was_released_is_not_confirmed_late() {
    let mut desk = desk();
    ask(&mut desk, "1", &reserve(&[("tea", 1)]), 0);
    ask(&mut desk, "1", &Ask::Expire, 600);
    assert_eq!(ask(&mut desk, "1", &RELEASE, 601), Verdict::Changes(Change::Release));
    assert_eq!(left(&desk), (5, 3), "its units came back when it expired");
    assert_eq!(ask(&mut desk, "1", &confirm("A1"), 602), Verdict::Refused(Refusal::Ended(State::Released)));
}

#[test]
fn one_holder_can_not_take_everything() {
    let mut desk = Desk { holder_units_max: 3, ..desk() };
    let by = |holder: &str, tea| Ask::Reserve(Wish { holder: Some(holder.into()), ..wish(&[("tea", tea)]) });
    assert_eq!(ask(&mut desk, "1", &by("ann", 2), 0), HELD);
    let refused = Verdict::Refused(Refusal::HolderLimit { holder: "ann".into(), held: 2, most: 3 });
    assert_eq!(ask(&mut desk, "2", &by("ann", 2), 0), refused);
    assert_eq!(ask(&mut desk, "2", &by("bob", 2), 0), HELD);
    ask(&mut desk, "1", &RELEASE, 1);
    assert_eq!(ask(&mut desk, "3", &by("ann", 3), 1), HELD, "what has ended counts no more");
}

#[test]
fn what_can_not_be_sold_there_is_refused_by_name() {
    let mut desk = desk();
    let mall = Shop { pool: "online".into(), is_storefront: false, is_suspended: false };
    let closed = Shop { pool: "online".into(), is_storefront: true, is_suspended: true };
    desk.shops.extend([("mall".to_owned(), mall), ("closed".to_owned(), closed)]);
    let on = |channel: &str| Ask::Reserve(Wish { channel: channel.into(), ..wish(&[("tea", 1)]) });
    let refused = |desk: &mut Desk, ask_: &Ask| match ask(desk, "1", ask_, 0) {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut desk, &on("nowhere")), Refusal::NoSuchChannel("nowhere".into()));
    assert_eq!(refused(&mut desk, &on("mall")), Refusal::NoStorefront("mall".into()));
    assert_eq!(refused(&mut desk, &on("closed")), Refusal::Suspended("closed".into()));
    let unknown = Refusal::NoSuchSku("tee".into());
    assert_eq!(refused(&mut desk, &reserve(&[("tea", 1), ("tee", 1)])), unknown);
    desk.sellable.clear();
    assert_eq!(refused(&mut desk, &reserve(&[("tea", 1)])), Refusal::NotEnough(vec![short("tea", 1, 0)]));
}

#[test]
fn what_is_off_sale_is_not_held_and_what_was_held_before_is_kept() {
    let mut desk = desk();
    assert_eq!(ask(&mut desk, "paying", &reserve(&[("tea", 1)]), 0), HELD);
    assert_eq!(ask(&mut desk, "slow", &reserve(&[("tea", 1)]), 0), HELD);
    desk.stopped.insert("tea".into());
    let stopped = Verdict::Refused(Refusal::Stopped("tea".into()));
    assert_eq!(ask(&mut desk, "new", &reserve(&[("cup", 1), ("tea", 1)]), 1), stopped);
    let confirm = Ask::Confirm { order: "A-1".into() };
    assert_eq!(ask(&mut desk, "paying", &confirm, 1), Verdict::Changes(Change::Confirm { late: false }));
    let late = Ask::Confirm { order: "A-2".into() };
    assert_eq!(ask(&mut desk, "slow", &late, 10_000), stopped, "what has expired has no claim on anything");
    assert_eq!(ask(&mut desk, "new", &reserve(&[("cup", 1)]), 10_000), HELD);
}

#[test]
fn what_is_oversold_has_nothing_to_give() {
    let mut desk = desk();
    desk.sellable.insert("online".into(), [(TEA, -2), (CUP, 3)].into());
    assert_eq!((desk.available("online", "tea"), desk.available("online", "set")), (0, 0));
    let refused = Refusal::NotEnough(vec![short("tea", 1, 0)]);
    assert_eq!(ask(&mut desk, "1", &reserve(&[("tea", 1)]), 0), Verdict::Refused(refused));
}
