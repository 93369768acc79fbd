//! Writing and reading stock, and what listings are called.

use uriba_aupay::CARD;
use uriba_sdk::{
    Class, Outcome, RefusedWhy, Update, Write,
    card::WriteMode,
    fake::{Fault, Times},
};

use super::shop::Shop;

fn why(outcome: &Outcome) -> Option<RefusedWhy> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.why),
        _ => None,
    }
}

const WRITTEN: Outcome = Outcome::Applied { now: None };

#[tokio::test]
async fn gotcha_1_only_absolute_writes_so_a_sale_between_reading_and_writing_is_written_over() {
    assert!(CARD.writes.iter().all(|way| way.mode == WriteMode::Absolute));
    let shop = Shop::open().await;
    let key = shop.fake.mall_key(0);
    shop.list(&key, 10);
    assert_eq!(shop.read(&[&key]).await.unwrap(), [Some(10)]);
    let sold = shop.fake.book().place(&[(&key, 4)]).unwrap();
    assert_eq!(shop.push(&[(&key, 9)]).await.unwrap(), [WRITTEN], "the answer carries no figure");
    assert_eq!(shop.read(&[&key]).await.unwrap(), [Some(9)], "four too many");
    // The poll right after the write brings the sale that explains it.
    shop.pass(60);
    assert_eq!(shop.ids(shop.hours(1, false)).await, [sold]);
    for write in [Write::Relative(-1), Write::CompareAndSet { from: 9, to: 5 }] {
        let updates = [Update { key: key.clone(), handle: Some(key.clone()), write }];
        assert_eq!(why(&shop.mall.push(&updates).await.unwrap()[0]), Some(RefusedWhy::Other));
    }
    assert_eq!(shop.figure(&key), 9);
}

#[tokio::test]
async fn plain_items_and_choices_are_kinds_that_share_a_request() {
    let shop = Shop::open().await;
    let keys: Vec<_> = (0..50).map(|n| shop.fake.mall_key(n)).collect();
    keys.iter().for_each(|key| shop.list(key, 5));
    let kinds: Vec<_> = keys[..4].iter().map(|key| key.as_str()).collect();
    for (key, kind) in kinds.iter().zip(["item", "choices", "choices", "choices"]) {
        let listing = shop.resolved(key).await.unwrap();
        assert_eq!((CARD.kind_of)(&listing.key, listing.handle.as_deref()), kind, "{key}");
    }
    let writes: Vec<_> = keys.iter().zip(0..).map(|(key, n)| (key.as_str(), n)).collect();
    let outcomes = shop.push(&writes).await.unwrap();
    assert_eq!(outcomes, vec![WRITTEN; 50]);
    assert!(writes.iter().all(|(key, figure)| shop.figure(key) == *figure));
    let too_many: Vec<_> = (0..51).map(|n| (keys[n % 50].as_str(), 1)).collect();
    assert_eq!(shop.push(&too_many).await.unwrap_err().class, Class::Rejected { refused: Vec::new() });
}

#[tokio::test]
async fn a_shop_whose_mall_takes_fewer_items_says_so_in_its_options() {
    let keys = |shop: &Shop| (0..50).map(|n| shop.fake.mall_key(4 * n)).collect::<Vec<_>>();
    let shop = Shop::open_with(&["few-items-per-call"], &[]).await;
    let names = keys(&shop);
    names.iter().for_each(|key| shop.list(key, 5));
    let writes: Vec<_> = names.iter().map(|key| (key.as_str(), 7)).collect();
    let error = shop.push(&writes).await.unwrap_err();
    assert!(matches!(error.class, Class::Malformed { .. }), "{error}");

    let shop = Shop::open_with(&["few-items-per-call"], &[("push_items_max", "20")]).await;
    names.iter().for_each(|key| shop.list(key, 5));
    assert_eq!(shop.push(&writes).await.unwrap(), vec![WRITTEN; 50]);
    // The second of three parts is refused for its haste: the first was written, the third is not sent.
    let writes: Vec<_> = names.iter().map(|key| (key.as_str(), 9)).collect();
    shop.fake.book().fault("stock.push", Fault::Delay(std::time::Duration::ZERO), Times::Next(1));
    shop.fake.book().fault("stock.push", Fault::Throttle { retry_after: None }, Times::Next(1));
    let outcomes = shop.push(&writes).await.unwrap();
    assert_eq!(outcomes[..20], vec![WRITTEN; 20]);
    assert!(outcomes[20..].iter().all(|outcome| why(outcome) == Some(RefusedWhy::Busy)));
    shop.pass(120);
    shop.fake.book().fault("stock.push", Fault::Delay(std::time::Duration::ZERO), Times::Next(1));
    shop.fake.book().fault("stock.push", Fault::CloseAfter, Times::Next(1));
    let outcomes = shop.push(&writes).await.unwrap();
    assert_eq!(
        (&outcomes[0], &outcomes[20], why(&outcomes[40])),
        (&WRITTEN, &Outcome::Unknown, Some(RefusedWhy::Busy))
    );
}

#[tokio::test]
async fn one_refused_item_does_not_hold_up_the_others_under_status_1() {
    let shop = Shop::open().await;
    let (known, gone) = (shop.fake.mall_key(0), shop.fake.mall_key(4));
    shop.list(&known, 5);
    let outcomes = shop.push(&[(&gone, 1), (&known, 3)]).await.unwrap();
    assert_eq!((why(&outcomes[0]), &outcomes[1], shop.figure(&known)), (Some(RefusedWhy::Other), &WRITTEN, 3));
    assert_eq!(shop.read(&[&gone, &known]).await.unwrap(), [None, Some(3)], "what is gone is seen by reading");
}

#[tokio::test]
async fn a_refusal_of_an_item_with_several_choices_leaves_them_in_doubt() {
    let shop = Shop::open().await;
    let (white, black) = (shop.fake.mall_key(1), shop.fake.mall_key(2));
    for key in [&white, &black] {
        shop.list(key, 5);
    }
    shop.fake.book().fault("stock.push", Fault::Partial, Times::Next(1));
    assert_eq!(shop.push(&[(&white, 3), (&black, 4)]).await.unwrap(), [Outcome::Unknown, Outcome::Unknown]);
    assert_eq!(shop.read(&[&white, &black]).await.unwrap(), [Some(5), Some(5)]);
}

#[tokio::test]
async fn no_figure_above_999_is_sent_whatever_choices_hold() {
    for switches in [&[][..], &["choices-hold-more"]] {
        let shop = Shop::open_with(switches, &[]).await;
        let keys = [shop.fake.mall_key(0), shop.fake.mall_key(1)];
        keys.iter().for_each(|key| shop.list(key, 5));
        assert_eq!(shop.push(&[(&keys[0], 999), (&keys[1], 999)]).await.unwrap(), [WRITTEN, WRITTEN]);
        let outcomes = shop.push(&[(&keys[0], 1_000), (&keys[1], 1_000)]).await.unwrap();
        assert!(outcomes.iter().all(|outcome| why(outcome) == Some(RefusedWhy::OutOfRange)));
        // What a clerk entered is read as it is.
        shop.fake.book().set(&keys[1], 4_321);
        assert_eq!(shop.read(&[&keys[1]]).await.unwrap(), [Some(4_321)]);
    }
}

#[tokio::test]
async fn a_read_back_tells_what_became_of_the_choices_that_a_write_left_out() {
    for (switches, left) in [(&[][..], 5), (&["omitted-choices-become-zero"], 0)] {
        let shop = Shop::open_with(switches, &[]).await;
        let (white, black) = (shop.fake.mall_key(1), shop.fake.mall_key(2));
        for key in [&white, &black] {
            shop.list(key, 5);
        }
        assert_eq!(shop.push(&[(&white, 3)]).await.unwrap(), [WRITTEN]);
        assert_eq!(shop.read(&[&white, &black]).await.unwrap(), [Some(3), Some(left)]);
    }
}

#[tokio::test]
async fn a_code_within_others_is_found_whichever_way_the_mall_searches() {
    for switches in [&[][..], &["codes-found-in-part"]] {
        let shop = Shop::open_with(switches, &[]).await;
        for n in 0..600 {
            shop.list(&format!("a{n:03}-tea"), n);
        }
        shop.list("tea", 77);
        assert_eq!(shop.read(&["tea", "a599-tea", "te"]).await.unwrap(), [Some(77), Some(599), None], "{switches:?}");
    }
}

#[tokio::test]
async fn a_word_that_two_listings_share_is_refused_and_says_which() {
    let shop = Shop::open().await;
    for (key, figure) in [("cup|-a|-b", 1), ("cup|-a-b|", 2), ("tea", 3), ("TEA2", 4), ("tea2", 5)] {
        shop.list(key, figure);
    }
    let told = shop.resolved("cup-a-b").await.unwrap_err();
    assert!(told.contains("cup with \"-a\" and \"-b\"") && told.contains("cup with \"-a-b\" and \"-\""), "{told}");
    let told = shop.resolved("Tea2").await.unwrap_err();
    assert!(told.contains("TEA2") && told.contains("tea2"), "{told}");
    let told = shop.resolved("cup").await.unwrap_err();
    assert!(told.contains("cup-a-b"), "{told}");
    assert_eq!(shop.resolved("tea").await.unwrap().handle.as_deref(), Some("tea"));
}

#[tokio::test]
async fn a_shop_of_many_pages_is_resolved_and_listed_whole() {
    let shop = Shop::open().await;
    let keys: Vec<_> = (0..2_300).map(|n| shop.fake.mall_key(n)).collect();
    keys.iter().for_each(|key| shop.list(key, 1));
    let resolved = shop.mall.resolve(&keys).await.unwrap();
    assert!(resolved.iter().zip(&keys).all(|(answer, key)| {
        answer.key.as_ref().is_ok_and(|listing| listing.key == *key && listing.handle.is_some())
    }));
    let catalogue = shop.mall.extras().catalogue.unwrap();
    let (mut token, mut listed, mut pages) = (None, Vec::new(), 0);
    loop {
        let shelf = catalogue.list(token.as_deref()).await.unwrap();
        assert!(shelf.items.iter().all(|item| Some(item) == shop.fake.listed(&item.key).as_ref()));
        listed.extend(shelf.items.into_iter().map(|item| item.key));
        pages += 1;
        token = shelf.next;
        if token.is_none() {
            break;
        }
    }
    listed.sort();
    let mut expected = keys.clone();
    expected.sort();
    assert_eq!((listed == expected, pages), (true, 18));
    shop.fake.book().fault("items.read", Fault::Garbage(b"<html>".to_vec()), Times::Next(1));
    let untitled = catalogue.list(None).await.unwrap().items;
    assert!(!untitled.is_empty() && untitled.iter().all(|item| item.title.is_none()));
    assert!(catalogue.list(Some("elsewhere")).await.is_err());
    assert_eq!(shop.meters.violations(), Vec::<String>::new());
}
