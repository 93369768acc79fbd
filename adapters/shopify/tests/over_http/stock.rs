//! Writing and reading figures, and naming what they are of.

use std::collections::BTreeSet;

use uriba_sdk::{
    Applied, Class, Outcome, RefusedWhy, Write,
    fake::{Fault, Item, Times},
};
use uriba_shopify::fake;

use super::shop::Shop;

const SET: Write = Write::Absolute(3);

/// Whichever way batches are, good entries are written once and each outcome is true.
#[tokio::test]
async fn a_bad_entry_spoils_no_others_whichever_way_batches_are() {
    for way in [fake::GOOD_ENTRIES_STAND, fake::FIRST_ERROR_ONLY, "all or nothing"] {
        let shop = Shop::open().await;
        shop.fake.set_switch(way, true);
        let good = [shop.list(0, 9), shop.list(1, 9)];
        let bundle = shop.list_as(2, 9, |item| item.not_ours = true);
        let unknown = shop.fake.mall_key(77);
        let stale = Write::CompareAndSet { from: 8, to: 1 };
        let sold = shop.list(3, 9);
        let batch = [(&good[0], SET), (&bundle, SET), (&unknown, SET), (&sold, stale), (&good[1], SET)];
        let outcomes = shop.push(&batch.map(|(key, write)| (key.as_str(), write))).await.unwrap();
        let why = |n: usize| match &outcomes[n] {
            Outcome::Refused(refusal) => refusal.why,
            other => panic!("{way}: {other:?}"),
        };
        assert_eq!((why(1), why(2)), (RefusedWhy::NotOurs, RefusedWhy::NoSuchItem), "{way}");
        assert_eq!(outcomes[3], Outcome::Conflict { shows: 9 }, "{way}");
        for n in [0, 4] {
            assert_eq!(outcomes[n], Outcome::Applied { now: Some(3) }, "{way}");
        }
        assert_eq!((shop.figure(&good[0]), shop.figure(&good[1]), shop.figure(&sold)), (3, 3, 9), "{way}");
    }
}

/// Each round names one more: in the end the others are given back as not written.
#[tokio::test]
async fn a_batch_that_keeps_being_refused_is_given_up_with_nothing_claimed() {
    let shop = Shop::open().await;
    shop.fake.set_switch(fake::FIRST_ERROR_ONLY, true);
    let good = shop.list(0, 9);
    let unknown: Vec<_> = (70..76).map(|n| shop.fake.mall_key(n)).collect();
    let mut batch: Vec<_> = unknown.iter().map(|key| (key.as_str(), SET)).collect();
    batch.push((&good, SET));
    let outcomes = shop.push(&batch).await.unwrap();
    let Outcome::Refused(refusal) = &outcomes[6] else { panic!("{outcomes:?}") };
    assert_eq!((refusal.why, shop.figure(&good)), (RefusedWhy::Busy, 9));
    assert_eq!(shop.env.sent("SetStock").len(), 4);
}

/// A key made of what is written would have Shopify answer the second write with the first one's result.
#[tokio::test]
async fn the_same_figure_written_again_is_another_request() {
    let shop = Shop::open().await;
    let key = shop.list(0, 9);
    shop.push(&[(&key, SET)]).await.unwrap();
    shop.fake.book().set(&key, 8);
    assert_eq!(shop.push(&[(&key, SET)]).await.unwrap(), [Outcome::Applied { now: Some(3) }]);
    assert_eq!(shop.figure(&key), 3);
    let keys: BTreeSet<_> = shop.env.sent("SetStock").iter().map(|body| body["variables"]["key"].to_string()).collect();
    assert_eq!(keys.len(), 2);
}

/// What the engine does after an answer was lost: the comparison tells that the first write was made.
#[tokio::test]
async fn a_repeat_after_a_lost_answer_meets_the_figure_that_it_wrote() {
    let shop = Shop::open().await;
    let key = shop.list(0, 9);
    let write = Write::CompareAndSet { from: 9, to: 3 };
    shop.fake.book().fault("stock.push", Fault::CloseAfter, Times::Next(1));
    let error = shop.push(&[(&key, write)]).await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::Unknown });
    assert_eq!(shop.push(&[(&key, write)]).await.unwrap(), [Outcome::Conflict { shows: 3 }]);
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_applied_with_or_without_a_group() {
    for way in [fake::NO_OP_HAS_NO_GROUP, fake::FIGURES_NOT_TOLD, "neither"] {
        let shop = Shop::open().await;
        shop.fake.set_switch(way, true);
        let key = shop.list(0, 3);
        assert_eq!(shop.push(&[(&key, SET)]).await.unwrap(), [Outcome::Applied { now: None }], "{way}");
    }
}

#[tokio::test]
async fn untracked_items_are_unlimited_and_continue_sells_past_zero() {
    let shop = Shop::open().await;
    let untracked = shop.list_as(0, 3, |item| item.unlimited = true);
    let overselling = shop.list_as(1, 3, |item| item.sells_past_zero = true);
    let bundle = shop.list_as(2, 3, |item| item.not_ours = true);
    assert_eq!(shop.read(&untracked).await.unwrap().quantity, None);
    assert!(shop.read(&overselling).await.unwrap().sells_past_zero);
    assert!(shop.read(&bundle).await.unwrap().not_ours);
}

/// Since 2026-10 a figure can be set anywhere, so success is no proof that anything is sold from there.
#[tokio::test]
async fn what_is_not_stocked_at_the_location_reads_as_missing() {
    let shop = Shop::open().await;
    let odd = |name: &'static str| move |item: &mut Item| drop(item.siblings.insert(name.into(), "yes".into()));
    let (inactive, elsewhere) = (shop.list_as(0, 3, odd("inactive")), shop.list_as(1, 3, odd("not_stocked")));
    assert_eq!((shop.read(&inactive).await, shop.read(&elsewhere).await), (None, None));
    let [Outcome::Refused(refusal)] = &shop.push(&[(&elsewhere, SET)]).await.unwrap()[..] else { panic!() };
    assert_eq!(refusal.code.as_deref(), Some("ITEM_NOT_STOCKED_AT_LOCATION"));
}

#[tokio::test]
async fn a_sku_that_is_there_twice_is_refused_with_both_named() {
    let shop = Shop::open().await;
    let same = |item: &mut Item| drop(item.siblings.insert("sku".into(), "TEA 1\"oz\"".into()));
    let (one, two) = (shop.list_as(0, 3, same), shop.list_as(1, 3, same));
    let keys = ["TEA 1\"oz\"", "TEA-NONE", &one, "gid://shopify/ProductVariant/1"].map(String::from);
    let mut resolved = shop.mall.resolve(&keys).await.unwrap().into_iter().map(|resolved| resolved.key);
    let why = resolved.next().unwrap().unwrap_err();
    assert!(why.contains("2 variants have the SKU") && why.contains(&one) && why.contains(&two), "{why}");
    assert!(resolved.next().unwrap().unwrap_err().contains("no variant has the SKU"));
    assert_eq!(resolved.next().unwrap().unwrap().key, one);
    assert!(resolved.next().unwrap().unwrap_err().contains("no such variant"));
}

#[tokio::test]
async fn the_only_active_location_needs_no_option_and_of_two_one_must_be_named() {
    let shop = Shop::open_with(|settings| drop(settings.options.remove("location"))).await;
    let key = shop.list(0, 9);
    let listing = shop.listing(&key).await;
    assert!(listing.handle.as_deref().is_some_and(|handle| handle.ends_with("@908")), "{listing:?}");
    shop.push(&[(&key, SET)]).await.unwrap();
    assert_eq!(shop.figure(&key), 3);
    shop.fake.set_switch(fake::TWO_LOCATIONS, true);
    let error = shop.mall.resolve(std::slice::from_ref(&key)).await.unwrap_err();
    assert!(error.to_string().contains("options.location"), "{error}");
    let notes = shop.account().account().await.unwrap().notes.join("\n");
    assert!(notes.contains("2 active locations"), "{notes}");
}

#[tokio::test]
async fn the_catalogue_lists_everything_once_by_the_key_that_orders_use() {
    let shop = Shop::open().await;
    let keys: BTreeSet<_> = (0..230).map(|n| shop.list(n, 1)).collect();
    let (mut listed, mut token) = (Vec::new(), None);
    loop {
        let shelf = shop.mall.extras().catalogue.unwrap().list(token.as_deref()).await.unwrap();
        listed.extend(shelf.items);
        token = shelf.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(listed.len(), 230);
    assert_eq!(listed.iter().map(|item| item.key.clone()).collect::<BTreeSet<_>>(), keys);
    assert!(listed.iter().all(|item| Some(item) == shop.fake.listed(&item.key).as_ref()));
}
