//! Writing and reading stock.

use uriba_sdk::{
    Applied, Class, Counter, MallError, Outcome, RefusedWhy, Update, Write,
    fake::{Fault, Item, Times},
    mall::ListingKey,
};

use super::shop::Shop;

fn update(key: &str, write: Write) -> Update {
    Update { key: key.into(), handle: None, write }
}

fn now(figure: i64) -> Outcome {
    Outcome::Applied { now: Some(figure) }
}

fn why(outcome: &Outcome) -> Option<RefusedWhy> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.why),
        _ => None,
    }
}

impl Shop {
    async fn push_one(&self, key: &str, write: Write) -> Result<Outcome, MallError> {
        let mut outcomes = self.mall.push(&[update(key, write)]).await?;
        assert_eq!(outcomes.len(), 1);
        Ok(outcomes.remove(0))
    }

    async fn read_one(&self, key: &str) -> Option<Counter> {
        let key = ListingKey { key: key.into(), handle: None };
        let readings = self.mall.extras().readback.unwrap().read(&[key]).await.unwrap();
        readings[0].found
    }
}

#[tokio::test]
async fn both_ways_of_writing_mix_in_one_request_and_answer_with_the_new_figures() {
    let shop = Shop::open().await;
    let keys: Vec<String> = (0..1_000).map(|n| shop.fake.mall_key(n)).collect();
    for key in &keys {
        shop.fake.book().list(key, Item::new(10));
    }
    let write = |n: i64| match n % 4 {
        0 => Write::Relative(n),
        1 => Write::Relative(-(n % 11)),
        2 => Write::Absolute(n),
        _ => Write::Relative(0),
    };
    let updates: Vec<Update> = keys.iter().zip(0..).map(|(key, n)| update(key, write(n))).collect();
    let outcomes = shop.mall.push(&updates).await.unwrap();
    for ((key, outcome), n) in keys.iter().zip(outcomes).zip(0_i64..) {
        let expected = [10 + n, 10 - n % 11, n, 10][usize::try_from(n % 4).unwrap()];
        assert_eq!((outcome, shop.fake.book().item(key).unwrap().counter), (now(expected), expected), "{key}");
    }
    let listings: Vec<ListingKey> = keys.iter().map(|key| ListingKey { key: key.clone(), handle: None }).collect();
    let readings = shop.mall.extras().readback.unwrap().read(&listings).await.unwrap();
    assert_eq!(readings.len(), 1_000);
    assert!(readings.iter().zip(&keys).all(|(reading, key)| reading.key == *key && reading.found.is_some()));
    assert_eq!(shop.meters.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn more_than_the_mall_takes_is_refused_before_it_is_sent() {
    let shop = Shop::open().await;
    let updates: Vec<Update> = (0..1_001).map(|n| update(&shop.fake.mall_key(n), Write::Absolute(1))).collect();
    let error = shop.mall.push(&updates).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    let outcomes = shop.mall.push(&updates[..1_000]).await.unwrap();
    assert_eq!(outcomes.len(), 1_000);
}

#[tokio::test]
async fn one_refused_item_does_not_hold_up_the_others() {
    let shop = Shop::open().await;
    let keys = [shop.fake.mall_key(0), shop.fake.mall_key(1)];
    for key in &keys {
        shop.fake.book().list(key, Item::new(10));
    }
    let updates = [update(&keys[0], Write::Absolute(3)), update(&keys[1], Write::Absolute(4))];
    shop.fake.book().fault("stock.push", Fault::Partial, Times::Next(2));
    let outcomes = shop.mall.push(&updates).await.unwrap();
    assert_eq!((why(&outcomes[0]), &outcomes[1]), (Some(RefusedWhy::Busy), &now(4)));
    // With a single code the same failure is an ordinary error.
    let outcome = shop.push_one(&keys[0], Write::Absolute(3)).await.unwrap();
    assert_eq!(why(&outcome), Some(RefusedWhy::Busy));
    assert_eq!(shop.fake.book().item(&keys[0]).unwrap().counter, 10);
}

#[tokio::test]
async fn what_happens_below_zero_is_told_whatever_it_is() {
    let table: [(&[&str], Result<i64, RefusedWhy>, i64); 3] = [
        (&[], Err(RefusedWhy::BelowZero), 2),
        (&["below-zero-clamps"], Ok(0), 0),
        (&["below-zero-goes-negative"], Ok(-1), -1),
    ];
    for (switches, expected, left) in table {
        let shop = Shop::open_with(switches).await;
        let key = shop.fake.mall_key(1);
        shop.fake.book().list(&key, Item::new(2));
        let outcome = shop.push_one(&key, Write::Relative(-3)).await.unwrap();
        match expected {
            Ok(figure) => assert_eq!(outcome, now(figure)),
            Err(expected) => assert_eq!(why(&outcome), Some(expected)),
        }
        assert_eq!(shop.read_one(&key).await.unwrap().quantity, Some(left));
    }
}

#[tokio::test]
async fn an_unknown_code_is_accepted_in_silence_and_only_a_read_tells() {
    let shop = Shop::open().await;
    let key = shop.fake.mall_key(3);
    assert_eq!(shop.push_one(&key, Write::Absolute(3)).await.unwrap(), Outcome::Applied { now: None });
    assert_eq!(shop.push_one(&key, Write::Relative(1)).await.unwrap(), Outcome::Unknown);
    assert_eq!(shop.read_one(&key).await, None);
    shop.fake.book().list(&key, Item::new(0));
    assert_eq!(shop.read_one(&key).await.unwrap().quantity, Some(4), "attached once the item is there");
}

#[tokio::test]
async fn overdraft_and_unlimited_items_are_seen() {
    let shop = Shop::open().await;
    let (overdrawn, unlimited) = (shop.fake.mall_key(0), shop.fake.mall_key(1));
    shop.fake.book().list(&overdrawn, Item::new(-3));
    shop.fake.book().list(&unlimited, Item::new(0));
    shop.fake.book().with_item(&overdrawn, |item| item.sells_past_zero = true);
    shop.fake.book().with_item(&unlimited, |item| item.unlimited = true);
    let counter = |quantity, sells_past_zero| Some(Counter { quantity, sells_past_zero, not_ours: false });
    assert_eq!(shop.read_one(&overdrawn).await, counter(Some(-3), true));
    assert_eq!(shop.read_one(&unlimited).await, counter(None, false));
}

#[tokio::test]
async fn a_figure_that_cannot_be_read_back_was_written_all_the_same() {
    let shop = Shop::open_with(&["figures-unreadable"]).await;
    let key = shop.fake.mall_key(0);
    shop.fake.book().list(&key, Item::new(2));
    assert_eq!(shop.push_one(&key, Write::Absolute(5)).await.unwrap(), Outcome::Applied { now: None });
    assert_eq!(shop.fake.book().item(&key).unwrap().counter, 5);
}

#[tokio::test]
async fn a_store_that_is_being_published_writes_nothing() {
    let shop = Shop::open_with(&["publishing"]).await;
    let key = shop.fake.mall_key(0);
    shop.fake.book().list(&key, Item::new(2));
    let error = shop.push_one(&key, Write::Absolute(5)).await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::No }, "{error}");
}

#[tokio::test]
async fn a_lost_or_broken_answer_to_a_write_leaves_the_outcome_open() {
    let shop = Shop::open().await;
    let key = shop.fake.mall_key(0);
    shop.fake.book().list(&key, Item::new(2));
    let unknown = Class::Transient { applied: Applied::Unknown };
    for (fault, expected) in [
        (Fault::CloseAfter, Some(unknown.clone())),
        (Fault::StatusAfter(500), Some(unknown)),
        (Fault::Truncate, None),
        (Fault::Garbage(b"<html>".to_vec()), None),
    ] {
        shop.fake.book().fault("stock.push", fault.clone(), Times::Next(1));
        let error = shop.push_one(&key, Write::Relative(1)).await.unwrap_err();
        match expected {
            Some(expected) => assert_eq!(error.class, expected, "{fault:?}"),
            None => assert!(matches!(error.class, Class::Malformed { .. }), "{fault:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn the_users_spelling_leads_to_the_item_whatever_its_case() {
    let shop = Shop::open().await;
    let key = shop.fake.mall_key(1);
    shop.fake.book().list(&key, Item::new(2));
    let written = shop.fake.spelling(&key);
    let resolved = shop.mall.resolve(std::slice::from_ref(&written)).await.unwrap().remove(0);
    let listing = resolved.key.unwrap();
    assert_eq!(listing.key, key);
    let update = Update { key: listing.key.clone(), handle: listing.handle.clone(), write: Write::Relative(-1) };
    assert_eq!(shop.mall.push(&[update]).await.unwrap(), [now(1)]);
    let readings = shop.mall.extras().readback.unwrap().read(&[listing]).await.unwrap();
    assert_eq!(readings[0].found.unwrap().quantity, Some(1));
}
