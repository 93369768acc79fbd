//! Before the fake: batches, tickets, keys, the list, the account, and what the protocol leaves to the program.

use std::time::Duration;

use uriba_sdk::{
    Class, Listed, Outcome, RefusedWhy, Shelf, Update, Write,
    fake::{FakeMall, Item},
    mall::ListingKey,
};

use crate::open::{before_fake, window};

fn update(listing: &ListingKey, write: Write) -> Update {
    Update { key: listing.key.clone(), handle: listing.handle.clone(), write }
}

fn list(fake: &dyn FakeMall, count: usize, figure: i64) -> Vec<String> {
    (0..count)
        .map(|n| {
            let key = fake.mall_key(n);
            fake.book().list(&key, Item::new(figure));
            key
        })
        .collect()
}

#[tokio::test]
async fn many_keys_are_asked_for_in_parts_and_nonsense_not_at_all() {
    let (_env, fake, mall) = before_fake().await;
    let mut keys: Vec<_> = (0..130).map(|n| fake.mall_key(n)).collect();
    keys.insert(60, "a\u{7}b".into());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(0));
    let count = asked.clone();
    fake.book().listen(move |_| *count.lock().unwrap() += 1);
    let resolved = mall.resolve(&keys).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), 3);
    for (n, (key, answer)) in keys.iter().zip(resolved).enumerate() {
        assert_eq!(answer.given, *key);
        assert_eq!(answer.key.ok().map(|listing| listing.key), (n != 60).then(|| key.clone()));
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_not_sent() {
    let (_env, fake, mall) = before_fake().await;
    let keys = list(fake.as_ref(), 21, 5);
    let listings: Vec<_> = mall.resolve(&keys).await.unwrap().into_iter().map(|answer| answer.key.unwrap()).collect();
    let updates: Vec<_> = listings.iter().map(|listing| update(listing, Write::Absolute(2))).collect();
    let error = mall.push(&updates).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    assert!(keys.iter().all(|key| fake.book().item(key).unwrap().counter == 5));
    assert_eq!(mall.push(&updates[..20]).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_shop_that_takes_batches_as_a_whole_names_what_was_bad_and_writes_nothing() {
    let (_env, fake, mall) = before_fake().await;
    fake.set_switch("all_or_nothing", true);
    let keys = list(fake.as_ref(), 4, 5);
    let listings: Vec<_> = mall.resolve(&keys).await.unwrap().into_iter().map(|answer| answer.key.unwrap()).collect();
    fake.book().unlist(&keys[1]);
    let mut updates: Vec<_> = listings.iter().map(|listing| update(listing, Write::Absolute(2))).collect();
    updates[3].write = Write::Relative(-6);
    let Class::Rejected { refused } = mall.push(&updates).await.unwrap_err().class else { panic!("not rejected") };
    let told: Vec<_> = refused.iter().map(|(index, refusal)| (*index, refusal.why)).collect();
    assert_eq!(told, [(1, RefusedWhy::NoSuchItem), (3, RefusedWhy::BelowZero)]);
    assert_eq!(fake.book().item(&keys[0]).unwrap().counter, 5);
    assert!(mall.push(&[updates.remove(0)]).await.is_ok());
}

#[tokio::test]
async fn a_write_taken_for_later_is_told_by_its_ticket() {
    let (env, fake, mall) = before_fake().await;
    fake.set_switch("tickets_for_all", true);
    let keys = list(fake.as_ref(), 2, 5);
    let listings: Vec<_> = mall.resolve(&keys).await.unwrap().into_iter().map(|answer| answer.key.unwrap()).collect();
    fake.book().unlist(&keys[1]);
    let updates: Vec<_> = listings.iter().map(|listing| update(listing, Write::Absolute(2))).collect();
    let tickets: Vec<_> = mall
        .push(&updates)
        .await
        .unwrap()
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Pending { ticket } => ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    let redeems = mall.extras().tickets.unwrap();
    assert_eq!(redeems.redeem(&tickets).await.unwrap(), [None, None]);
    env.advance(Duration::from_secs(10));
    for _ in 0..2 {
        let told = redeems.redeem(&tickets).await.unwrap();
        assert_eq!(told[0], Some(Outcome::Applied { now: Some(2) }));
        assert!(matches!(&told[1], Some(Outcome::Refused(refusal)) if refusal.why == RefusedWhy::NoSuchItem));
    }
    assert_eq!(redeems.redeem(&["job-999999".into()]).await.unwrap(), [Some(Outcome::Unknown)]);
}

#[tokio::test]
async fn each_way_to_write_is_some_listings_and_figures_are_taken_by_all() {
    let (env, fake, mall) = before_fake().await;
    let keys = list(fake.as_ref(), 3, 5);
    let listings: Vec<_> = mall.resolve(&keys).await.unwrap().into_iter().map(|answer| answer.key.unwrap()).collect();
    let kind = |listing: &ListingKey| (mall.card().kind_of)(&listing.key, listing.handle.as_deref());
    assert_eq!(listings.iter().map(kind).collect::<Vec<_>>(), ["absolute", "relative", "compare_and_set"]);
    for listing in &listings {
        assert!(mall.card().write_way(kind(listing), uriba_sdk::card::WriteMode::Absolute).is_some());
    }
    // The third item is written by a queue, which tells later.
    let told = mall.push(&[update(&listings[2], Write::CompareAndSet { from: 4, to: 9 })]).await.unwrap();
    let [Outcome::Pending { ticket }] = told.as_slice() else { panic!("{told:?}") };
    env.advance(Duration::from_secs(10));
    let told = mall.extras().tickets.unwrap().redeem(std::slice::from_ref(ticket)).await.unwrap();
    assert_eq!(told, [Some(Outcome::Conflict { shows: 5 })]);
}

#[tokio::test]
async fn the_account_is_the_programs_hello() {
    let (_env, fake, mall) = before_fake().await;
    let sheet = mall.extras().account.unwrap().account().await.unwrap();
    assert_eq!(Some(sheet.shop), fake.shop_name());
    assert_eq!(sheet.ends, [("token", "2027-11-19T15:00:00Z".parse().unwrap())]);
    assert_eq!(sheet.notes, ["the program is fake 1.0", "the shop hides an item at zero"]);
}

#[tokio::test]
async fn the_list_comes_in_pages_and_may_be_empty() {
    let (_env, fake, mall) = before_fake().await;
    let catalogue = mall.extras().catalogue.unwrap();
    assert_eq!(catalogue.list(None).await.unwrap(), Shelf::default());
    let keys = list(fake.as_ref(), 50, 1);
    let first = catalogue.list(None).await.unwrap();
    let last = catalogue.list(first.next.as_deref()).await.unwrap();
    assert_eq!((first.items.len() + last.items.len(), last.next), (keys.len(), None));
    let told: Option<Listed> = first.items.into_iter().find(|item| item.key == keys[0]);
    assert_eq!(told, fake.listed(&keys[0]));
}

#[tokio::test]
async fn a_split_order_is_found_as_a_family() {
    let (env, fake, mall) = before_fake().await;
    let keys = list(fake.as_ref(), 2, 50);
    let root = fake.book().place(&[(&keys[0], 4), (&keys[1], 1)]).unwrap();
    fake.book().place(&[(&keys[0], 1)]).unwrap();
    let cut = fake.book().split(&root, "1", 3).unwrap();
    env.advance(Duration::from_secs(90));
    let mut query = window("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z", false);
    query.span = uriba_sdk::Span::Family(root.clone());
    let page = mall.pull(&query).await.unwrap();
    let mut found: Vec<_> = page.orders.iter().map(|order| order.id.clone()).collect();
    found.sort();
    assert_eq!(found, [root, cut]);
    assert!(page.orders.iter().all(|order| order.family.is_some()));
}
