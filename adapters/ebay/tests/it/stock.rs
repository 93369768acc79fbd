//! Stock over HTTP against the fake.

use std::collections::BTreeSet;

use uriba_sdk::{
    Class, Outcome, RefusedWhy, Update, Write,
    fake::{Fault, Times},
};

use crate::bench::{APPLIED, Bench, refused};

const TRIO: [(&str, i64); 3] = [("TEA", 4), ("CUP", 5), ("POT", 6)];

fn five_each(bench: &Bench) {
    bench.list(&[("TEA", 5), ("CUP", 1), ("POT", 1)]);
}

#[tokio::test]
async fn whether_25_skus_or_one_fit_into_a_call_is_found_out() {
    for (switch, calls) in [("", [1, 1]), ("one_sku_per_call", [4, 3]), ("one_sku_per_call_by_entry", [3, 3])] {
        let bench = Bench::open().await;
        bench.fake.set_switch(switch, true);
        five_each(&bench);
        for calls in calls {
            assert_eq!(bench.push_all(&TRIO).await, [APPLIED, APPLIED, APPLIED]);
            assert_eq!(bench.called("stock.push"), calls, "{switch}");
        }
        assert_eq!(TRIO.map(|(key, _)| bench.figure(key)), [4, 5, 6]);
    }
}

#[tokio::test]
async fn one_sku_a_call_can_be_configured() {
    let bench = Bench::open_with(|settings| {
        settings.options.insert("batch_skus".into(), "1".into());
    })
    .await;
    five_each(&bench);
    assert_eq!(bench.push_all(&TRIO).await, [APPLIED, APPLIED, APPLIED]);
    assert_eq!(bench.called("stock.push"), 3);
    let mut settings = bench.settings.clone();
    settings.options.insert("batch_skus".into(), "7".into());
    let error = (uriba_ebay::MALL.open)(&settings, bench.wire.clone()).err().unwrap();
    assert_eq!(error.key, "options.batch_skus");
}

#[tokio::test]
async fn a_207_is_told_entry_by_entry() {
    for switch in ["", "one_entry_per_sku", "all_refused_is_400"] {
        let bench = Bench::open().await;
        bench.fake.set_switch(switch, true);
        five_each(&bench);
        bench.fake.book().fault("stock.push", Fault::Partial, Times::Next(1));
        let outcomes = bench.push_all(&TRIO).await;
        assert_eq!(refused(outcomes[0].clone()).code.as_deref(), Some("25709"), "{switch}");
        assert_eq!(outcomes[1..], [APPLIED, APPLIED]);
        assert_eq!(TRIO.map(|(key, _)| bench.figure(key)), [5, 5, 6]);
        bench.fake.book().fault("stock.push", Fault::Partial, Times::Next(1));
        assert_eq!(refused(bench.push("TEA", 4).await).code.as_deref(), Some("25709"), "{switch}");
    }
}

#[tokio::test]
async fn a_write_of_one_level_alone_is_nobody_knows_what() {
    let bench = Bench::open().await;
    bench.fake.set_switch("levels_fail_apart", true);
    five_each(&bench);
    bench.fake.book().fault("stock.push", Fault::Partial, Times::Next(1));
    assert_eq!(bench.push_all(&TRIO).await, [Outcome::Unknown, APPLIED, APPLIED]);
    assert_eq!(bench.shown("TEA").await, 4, "the smaller level shows");
}

#[tokio::test]
async fn a_listing_takes_250_revisions_a_day_and_says_so_at_the_next() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 1), ("CUP", 1)]);
    let handle = bench.handle("TEA").await;
    for n in 0..250 {
        bench.env.advance(std::time::Duration::from_secs(1));
        assert_eq!(bench.push_as("TEA", handle.as_deref(), n % 9).await, APPLIED);
    }
    let outcomes = bench.push_all(&[("TEA", 7), ("CUP", 7)]).await;
    let refusal = refused(outcomes[0].clone());
    assert_eq!(refusal.why, RefusedWhy::Busy);
    assert!(refusal.message.starts_with("this listing was revised as often as eBay allows"), "{}", refusal.message);
    assert_eq!(outcomes[1], APPLIED, "each listing has a count of its own");
    // 01:00 UTC is still the day before in California.
    bench.pass(6 * 60);
    assert!(matches!(bench.push("TEA", 7).await, Outcome::Refused(_)));
    bench.pass(60 + 61);
    assert_eq!(bench.push("TEA", 7).await, APPLIED);
}

#[tokio::test]
async fn zero_ends_the_listing_where_out_of_stock_control_is_off() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 5)]);
    assert_eq!(bench.push("TEA", 0).await, APPLIED);
    assert_eq!(bench.push("TEA", 5).await, APPLIED);
    bench.fake.set_switch("out_of_stock_control_off", true);
    let handle = bench.handle("TEA").await;
    assert_eq!(bench.push("TEA", 0).await, APPLIED);
    for handle in [handle.as_deref(), None] {
        let refusal = refused(bench.push_as("TEA", handle, 5).await);
        assert_eq!(refusal.why, RefusedWhy::Other);
        assert!(refusal.message.contains("its listing has ended"), "{}", refusal.message);
    }
    assert_eq!(bench.shown("TEA").await, 0);
}

#[tokio::test]
async fn a_handle_names_offers_and_an_outdated_one_is_looked_up_anew() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 5)]);
    let handle = bench.handle("TEA").await.unwrap();
    assert!(handle.bytes().all(|byte| byte.is_ascii_digit()), "{handle}");
    assert_eq!(bench.called("stock.offers"), 1);
    assert_eq!(bench.push_as("TEA", Some(&handle), 6).await, APPLIED);
    assert_eq!(bench.called("stock.offers"), 0);
    for outdated in ["8000000000000", "8000000000000,8000000000001", "not a handle", "", ","] {
        assert_eq!(bench.push_as("TEA", Some(outdated), 7).await, APPLIED, "{outdated}");
        assert_eq!(bench.called("stock.offers"), 1);
    }
    assert_eq!(bench.figure("TEA"), 7);
}

#[tokio::test]
async fn a_sku_twice_in_one_push_is_written_in_turn() {
    let bench = Bench::open().await;
    bench.list(&[("TEA", 5), ("CUP", 5)]);
    let outcomes = bench.push_all(&[("TEA", 4), ("CUP", 4), ("TEA", 3)]).await;
    assert_eq!(outcomes, [APPLIED, APPLIED, APPLIED]);
    assert_eq!((bench.figure("TEA"), bench.called("stock.push")), (3, 2));
    assert_eq!(bench.read(&["TEA", "CUP", "TEA"]).await.iter().flatten().count(), 3);
}

#[tokio::test]
async fn what_was_written_stays_told_when_the_rest_fails() {
    let bench = Bench::open().await;
    let keys: Vec<String> = (0..30).map(|n| bench.fake.mall_key(n)).collect();
    let writes: Vec<(&str, i64)> = keys.iter().map(|key| (key.as_str(), 4)).collect();
    bench.list(&writes.iter().map(|(key, _)| (*key, 1)).collect::<Vec<_>>());
    for (fault, expected) in [
        (Fault::StatusAfter(500), None),
        (Fault::Throttle { retry_after: Some(3) }, Some(RefusedWhy::Busy)),
        (Fault::Expired, Some(RefusedWhy::Busy)),
    ] {
        bench.fake.book().fault("stock.push", Fault::Delay(std::time::Duration::ZERO), Times::Next(1));
        bench.fake.book().fault("stock.push", fault.clone(), Times::Next(1));
        let outcomes = bench.push_all(&writes).await;
        assert!(outcomes[..25].iter().all(|outcome| *outcome == APPLIED));
        for outcome in &outcomes[25..] {
            let why = match outcome {
                Outcome::Refused(refusal) => Some(refusal.why),
                Outcome::Unknown => None,
                other => panic!("{other:?}"),
            };
            assert_eq!(why, expected, "{fault:?}");
        }
        bench.pass(1);
    }
}

#[tokio::test]
async fn a_failing_look_up_of_offers_is_no_word_about_the_listing() {
    let update = Update { key: "TEA".into(), handle: None, write: Write::Absolute(3) };
    for (operation, fault) in [("stock.offers", Fault::Status(500)), ("auth.token", Fault::Status(404))] {
        let bench = Bench::open().await;
        bench.list(&[("TEA", 5)]);
        bench.fake.book().fault(operation, fault, Times::Next(1));
        let error = bench.mall.push(std::slice::from_ref(&update)).await.unwrap_err();
        assert_eq!(error.operation, operation);
        assert!(matches!(error.class, Class::Transient { .. } | Class::Malformed { .. }));
        assert_eq!(bench.figure("TEA"), 5);
        assert_eq!(bench.mall.push(std::slice::from_ref(&update)).await.unwrap(), [APPLIED]);
    }
}

#[tokio::test]
async fn the_catalogue_lists_every_record_page_by_page() {
    let bench = Bench::open().await;
    let catalogue = bench.mall.extras().catalogue.unwrap();
    assert_eq!(catalogue.list(None).await.unwrap().items, []);
    let keys: BTreeSet<String> = (0..401).map(|n| bench.fake.mall_key(n)).collect();
    for key in &keys {
        bench.list(&[(key, 1)]);
    }
    bench.list_odd("OLD", 5, ("made by the Trading API", "yes"));
    let (mut found, mut pages, mut token) = (BTreeSet::new(), 0, None);
    loop {
        let shelf = catalogue.list(token.as_deref()).await.unwrap();
        pages += 1;
        for item in shelf.items {
            assert_eq!(bench.fake.listed(&item.key), Some(item.clone()));
            assert!(found.insert(item.key));
        }
        token = shelf.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (keys, 3));
}
