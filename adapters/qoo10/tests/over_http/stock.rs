//! Writing and reading stock.

use uriba_sdk::{
    Class, Outcome, Refusal, RefusedWhy, Update, Write,
    fake::{Fault, Times},
    mall::ListingKey,
};

use super::shop::Shop;

const APPLIED: Outcome = Outcome::Applied { now: None };

fn whys(outcomes: &[Outcome]) -> Vec<Option<RefusedWhy>> {
    let why = |outcome: &Outcome| match outcome {
        Outcome::Refused(Refusal { why, .. }) => Some(*why),
        _ => None,
    };
    outcomes.iter().map(why).collect()
}

#[tokio::test]
async fn an_option_is_written_by_name_and_value_on_one_axis_and_on_two() {
    let shop = Shop::open().await;
    let keys = [shop.list(1, 5), shop.list(3, 5)];
    for key in &keys {
        assert_eq!(shop.push(key, 8).await, APPLIED);
        assert_eq!(shop.figure(key).await, Some(8));
    }
    let handle = shop.name(&keys[1]).await.handle.unwrap();
    assert!(handle.contains("カラー||*サイズ"), "{handle}");
    // The seller has renamed the option since it was mapped: its code alone finds nothing.
    let mut update = shop.update(&keys[0], 2).await;
    update.handle = update.handle.map(|handle| handle.replace("カラー", "色"));
    let outcomes = shop.mall.push(std::slice::from_ref(&update)).await.unwrap();
    assert_eq!(whys(&outcomes), [Some(RefusedWhy::Other)]);
    let listing = ListingKey { key: update.key, handle: update.handle };
    let readings = shop.mall.extras().readback.unwrap().read(&[listing]).await.unwrap();
    assert_eq!(readings[0].found, None);
}

#[tokio::test]
async fn an_extra_price_survives_a_write_whatever_leaving_it_out_means() {
    for switches in [&[] as &[&str], &["omitted-price-is-zero"]] {
        let shop = Shop::with(switches, &[]).await;
        let price = |key: &str| shop.book().item(key).unwrap().siblings.get("Price").cloned();
        // No bulk call is made for an option that had one when it was looked up.
        let priced = shop.list_as(1, 5, |item| item.siblings = shop.fake.siblings());
        let update = shop.update(&priced, 2).await;
        shop.asked();
        assert_eq!(shop.mall.push(&[update]).await.unwrap(), [APPLIED]);
        assert_eq!(shop.asked(), ["stock.option"]);
        assert_eq!((shop.figure(&priced).await, price(&priced).as_deref()), (Some(2), Some("300")));
        // The others have nothing to lose, unless the seller gave them a price since: that is for the README to say.
        let plain = shop.list(5, 5);
        let update = shop.update(&plain, 2).await;
        shop.book().with_item(&plain, |item| item.siblings.insert("Price".into(), "120".into()));
        shop.asked();
        assert_eq!(shop.mall.push(&[update]).await.unwrap(), [APPLIED]);
        assert_eq!(shop.asked(), ["stock.options"]);
        assert_eq!(price(&plain).as_deref(), Some(if switches.is_empty() { "120" } else { "0" }));
    }
}

#[tokio::test]
async fn kinds_in_one_push_are_calls_whose_outcomes_stand_apart() {
    let shop = Shop::open().await;
    let keys: Vec<_> = [0, 1, 2, 3, 7].map(|n| shop.list(n, 5)).into();
    let mut updates = Vec::new();
    for (key, figure) in keys.iter().zip(1..) {
        updates.push(shop.update(key, figure).await);
    }
    shop.asked();
    assert_eq!(shop.mall.push(&updates).await.unwrap(), vec![APPLIED; 5]);
    assert_eq!(shop.asked(), ["stock.items", "stock.options", "stock.option", "stock.option"]);
    for (key, figure) in keys.iter().zip(1..) {
        assert_eq!(shop.figure(key).await, Some(figure));
    }
    // A later call is lost; the ones around it stand.
    for fault in [Fault::StatusAfter(500), Fault::CloseBefore, Fault::Expired] {
        shop.book().fault("stock.options", fault, Times::Next(1));
        let outcomes = shop.mall.push(&updates).await.unwrap();
        assert_eq!(outcomes, [APPLIED, Outcome::Unknown, APPLIED, APPLIED, APPLIED]);
    }
    // The first one is lost: no other is made.
    shop.asked();
    shop.book().fault("stock.items", Fault::Status(500), Times::Next(1));
    assert!(shop.mall.push(&updates).await.is_err());
    assert_eq!(shop.asked(), ["stock.items"]);
}

#[tokio::test]
async fn one_option_alone_is_refused_by_its_own_word() {
    let shop = Shop::open().await;
    let key = shop.list(3, 5);
    let update = shop.update(&key, 2).await;
    shop.book().fault("stock.option", Fault::Partial, Times::Next(1));
    let outcomes = shop.mall.push(std::slice::from_ref(&update)).await.unwrap();
    assert_eq!(whys(&outcomes), [Some(RefusedWhy::Other)]);
    shop.book().unlist(&key);
    let outcomes = shop.mall.push(&[update]).await.unwrap();
    assert_eq!(whys(&outcomes), [Some(RefusedWhy::NoSuchItem)]);
}

#[tokio::test]
async fn a_call_that_fails_in_part_tells_which_lines_in_every_form_or_nothing() {
    for (switches, told) in [
        (&[] as &[&str], true),
        (&["failures-as-columns"], true),
        (&["every-line-told"], true),
        (&["every-line-told", "failures-as-columns"], true),
        (&["numbers-as-text"], true),
        (&["failures-untold"], false),
    ] {
        let shop = Shop::with(switches, &[]).await;
        for first in [0, 1] {
            let keys: Vec<_> = (0..3).map(|n| shop.list(first + 4 * n, 5)).collect();
            let mut updates = Vec::new();
            for key in &keys {
                updates.push(shop.update(key, 7).await);
            }
            shop.book().unlist(&keys[1]);
            let outcomes = shop.mall.push(&updates).await.unwrap();
            if told {
                assert!(matches!(outcomes[1], Outcome::Refused(_)), "{switches:?} {outcomes:?}");
                assert_eq!((&outcomes[0], &outcomes[2]), (&APPLIED, &APPLIED), "{switches:?}");
            } else {
                assert_eq!(outcomes, vec![Outcome::Unknown; 3]);
            }
            assert_eq!((shop.figure(&keys[0]).await, shop.figure(&keys[2]).await), (Some(7), Some(7)));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_anything_is_sent() {
    let shop = Shop::open().await;
    let key = shop.list(0, 5);
    let good = shop.update(&key, 1).await;
    let with = |write| Update { write, ..good.clone() };
    shop.asked();
    let outcomes = shop
        .mall
        .push(&[
            with(Write::Absolute(-1)),
            with(Write::Absolute(2_147_483_648)),
            with(Write::Relative(-1)),
            with(Write::CompareAndSet { from: 5, to: 4 }),
        ])
        .await
        .unwrap();
    let (range, other) = (Some(RefusedWhy::OutOfRange), Some(RefusedWhy::Other));
    assert_eq!(whys(&outcomes), [range, range, other, other]);
    let error = shop.mall.push(&vec![good; 501]).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    assert_eq!(shop.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_listing_that_comes_after_its_mapping_is_found_when_it_is_there() {
    for n in 0..4 {
        let shop = Shop::open().await;
        let key = shop.fake.mall_key(n);
        let early = shop.name(&key).await;
        assert_eq!(early, ListingKey { key: key.clone(), handle: None });
        let update = Update { key: early.key.clone(), handle: None, write: Write::Absolute(7) };
        let outcomes = shop.mall.push(std::slice::from_ref(&update)).await.unwrap();
        assert_eq!(whys(&outcomes), [Some(RefusedWhy::NoSuchItem)]);
        let readback = shop.mall.extras().readback.unwrap();
        assert_eq!(readback.read(std::slice::from_ref(&early)).await.unwrap()[0].found, None);
        shop.list(n, 5);
        let found = readback.read(&[early]).await.unwrap()[0].found;
        assert_eq!(found.and_then(|found| found.quantity), Some(5));
        // What a write needs is known from the look-up only, so that has to be made again.
        let outcomes = shop.mall.push(&[update]).await.unwrap();
        let told = matches!(&outcomes[0], Outcome::Refused(refusal) if refusal.message.contains("mapping again"));
        assert!(told, "{outcomes:?}");
        assert_eq!(shop.push(&key, 7).await, APPLIED);
        assert_eq!(shop.figure(&key).await, Some(7));
    }
}

#[tokio::test]
async fn an_item_that_is_not_on_sale_reads_as_missing() {
    for switches in [&[] as &[&str], &["nothing-is-null"]] {
        let shop = Shop::with(switches, &[]).await;
        let keys = [shop.list(0, 5), shop.list(1, 5)];
        for key in &keys {
            shop.book().with_item(key, |item| item.siblings.insert("ItemStatus".into(), "S3".into()));
            // It is known by its key all the same.
            assert_eq!(shop.name(key).await, ListingKey { key: key.clone(), handle: None });
            assert_eq!(shop.figure(key).await, None);
        }
        assert_eq!(shop.figure(&shop.fake.mall_key(4)).await, None, "listed nowhere");
    }
}
