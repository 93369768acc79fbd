//! Stock writes and read-backs against the fake's records.

use std::time::Duration;

use uriba_sdk::{
    Applied, Class, Outcome, RefusedWhy, Update, Write,
    fake::{Fault, Item, Times},
};

use super::{World, is_malformed, update, world};

const APPLIED: Outcome = Outcome::Applied { now: None };

/// What a refused batch says of its entries.
async fn refusals(world: &World, updates: &[Update]) -> Vec<(usize, RefusedWhy)> {
    match world.mall.push(updates).await.expect_err("a refused batch").class {
        Class::Rejected { refused } => refused.into_iter().map(|(index, refusal)| (index, refusal.why)).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn figures_and_changes_travel_in_one_request() {
    let world = world().await;
    let (mug, navy) = (world.list(0, 5), world.list(1, 5));
    let updates = [update(&mug, Write::Absolute(12)), update(&navy, Write::Relative(-5))];
    assert_eq!(world.mall.push(&updates).await.unwrap(), [APPLIED, APPLIED]);
    assert_eq!((world.figure(&mug), world.figure(&navy)), (12, 0));
}

#[tokio::test]
async fn skus_that_differ_only_in_case_are_two() {
    let world = world().await;
    let (upper, lower) = (world.list(1, 5), world.list(2, 7));
    assert_eq!(upper.to_lowercase(), lower);
    world.mall.push(&[update(&upper, Write::Relative(1))]).await.unwrap();
    assert_eq!(world.read(&[&upper, &lower]).await, [Some(6), Some(7)]);
}

#[tokio::test]
async fn lead_times_and_shipping_places_survive_a_write() {
    for erases in [true, false] {
        let world = world().await;
        world.fake.set_switch("bulk_upsert_erases_lead_times", erases);
        let (mug, navy) = (world.list(0, 5), world.list(1, 5));
        let mut item = Item::new(5);
        item.siblings.insert("operationLeadTime".into(), r#"{"normalDeliveryTimeId":3}"#.into());
        item.siblings.insert("shipFromIds".into(), "[1,2]".into());
        world.fake.book().list(&mug, item.clone());
        let updates = [update(&mug, Write::Absolute(2)), update(&navy, Write::Absolute(2))];
        world.mall.push(&updates).await.unwrap();
        let after = world.fake.book().item(&mug).unwrap();
        assert_eq!((after.siblings, after.counter), (item.siblings, 2), "erases: {erases}");
    }
}

#[tokio::test]
async fn one_bad_entry_keeps_the_batch_from_being_written_and_is_named() {
    let world = world().await;
    let (mug, navy, other) = (world.list(0, 5), world.list(1, 5), world.list(2, 99_990));
    let updates =
        [update(&mug, Write::Absolute(9)), update(&navy, Write::Relative(-6)), update(&other, Write::Relative(10))];
    let expected = [(1, RefusedWhy::BelowZero), (2, RefusedWhy::OutOfRange)];
    assert_eq!(refusals(&world, &updates).await, expected);
    assert_eq!(refusals(&world, &[update(&mug, Write::Absolute(100_000))]).await, [(0, RefusedWhy::OutOfRange)]);
    assert_eq!((world.figure(&mug), world.figure(&navy), world.figure(&other)), (5, 5, 99_990));
    world.mall.push(&updates[..1]).await.unwrap();
    assert_eq!(world.figure(&mug), 9);
}

#[tokio::test]
async fn an_entry_refused_by_the_mall_alone_is_named_too() {
    let world = world().await;
    let (mug, navy) = (world.list(0, 5), world.list(1, 5));
    world.fake.book().fault("stock.push", Fault::Partial, Times::Next(1));
    let updates = [update(&mug, Write::Absolute(9)), update(&navy, Write::Absolute(9))];
    assert_eq!(refusals(&world, &updates).await, [(0, RefusedWhy::Other)]);
    assert_eq!((world.figure(&mug), world.figure(&navy)), (5, 5));
}

#[tokio::test]
async fn an_unknown_item_is_refused_before_an_orphan_is_made() {
    let world = world().await;
    let mug = world.list(0, 5);
    for write in [Write::Absolute(3), Write::Relative(3)] {
        let updates = [update(&mug, Write::Absolute(9)), update("gone/Navy", write)];
        assert_eq!(refusals(&world, &updates).await, [(1, RefusedWhy::NoSuchItem)]);
    }
    assert_eq!(world.read(&["gone/Navy", &mug]).await, [None, Some(5)]);
}

#[tokio::test]
async fn a_read_that_fails_before_a_write_says_that_nothing_was_written() {
    let world = world().await;
    let mug = world.list(0, 5);
    let faults =
        [Fault::Status(500), Fault::CloseAfter, Fault::HangAfter, Fault::Truncate, Fault::Garbage(b"{}".into())];
    for fault in faults {
        world.fake.book().fault("stock.read", fault.clone(), Times::Next(1));
        let error = world.mall.push(&[update(&mug, Write::Absolute(9))]).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::No }, "{fault:?}");
    }
    assert_eq!(world.figure(&mug), 5);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unknown() {
    let world = world().await;
    let mug = world.list(0, 5);
    for fault in [Fault::CloseAfter, Fault::HangAfter, Fault::StatusAfter(502)] {
        world.fake.book().fault("stock.push", fault.clone(), Times::Next(1));
        let error = world.mall.push(&[update(&mug, Write::Relative(1))]).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::Unknown }, "{fault:?}");
    }
    assert_eq!(world.figure(&mug), 8);
}

#[tokio::test]
async fn batches_up_to_the_malls_limit_go_out_and_larger_ones_do_not() {
    let world = world().await;
    let keys: Vec<String> = (0..1_001).map(|n| world.list(n, 1)).collect();
    let updates: Vec<Update> = keys.iter().map(|key| update(key, Write::Relative(1))).collect();
    assert_eq!(world.mall.push(&updates[..400]).await.unwrap().len(), 400);
    assert!(is_malformed(&world.mall.push(&updates[..401]).await.unwrap_err()));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let read = world.read(&keys[..1_000]).await;
    assert_eq!((read[399], read[400], read.len()), (Some(2), Some(1), 1_000));
    assert!(is_malformed(&world.try_read(&keys).await.unwrap_err()));
}

#[tokio::test]
async fn an_accepted_write_that_changes_nothing_shows_in_the_read_back() {
    let world = world().await;
    let mug = world.list(0, 5);
    world.fake.book().fault("stock.push", Fault::Silent, Times::Next(1));
    assert_eq!(world.mall.push(&[update(&mug, Write::Absolute(0))]).await.unwrap(), [APPLIED]);
    assert_eq!(world.read(&[&mug]).await, [Some(5)]);
}

#[tokio::test]
async fn an_orphan_left_by_another_writer_is_gone_a_day_later() {
    let world = world().await;
    let body = r#"{"inventories":[{"manageNumber":"Gone","variantId":"x","mode":"ABSOLUTE","quantity":3}]}"#;
    let answer = world.post("/es/2.1/inventories/bulk-upsert", "application/json", body).await;
    assert_eq!(answer.status, 204);
    assert_eq!(world.read(&["gone/x"]).await, [Some(3)]);
    world.fake.set_switch("orphans_are_readable", false);
    assert_eq!(world.read(&["gone/x"]).await, [None]);
    world.fake.set_switch("orphans_are_readable", true);
    world.env.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(world.read(&["gone/x"]).await, [None]);
}

#[tokio::test]
async fn keys_are_folded_as_the_mall_folds_them() {
    let world = world().await;
    let key = world.fake.mall_key(1);
    let given = [world.fake.spelling(&key), "mug".into()];
    let resolved = world.mall.resolve(&given).await.unwrap();
    assert_eq!(resolved[0].key.as_ref().unwrap().key, key);
    assert!(resolved[1].key.as_ref().unwrap_err().contains("SKU管理番号"));
}
