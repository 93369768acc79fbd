//! Section 0 of what is known about Shopify, one test for each point.

use jiff::SignedDuration;
use uriba_sdk::{Class, Env, Outcome, Write, fake::Stage};
use uriba_shopify::{CARD, MALL, fake};

use super::shop::{Shop, held};

#[tokio::test]
async fn point_1_every_write_compares_or_opts_out_and_carries_a_key() {
    let shop = Shop::open().await;
    let (one, two) = (shop.list(0, 9), shop.list(1, 9));
    let writes = [(one.as_str(), Write::CompareAndSet { from: 9, to: 7 }), (two.as_str(), Write::Absolute(0))];
    let outcomes = shop.push(&writes).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied { now: Some(7) }, Outcome::Applied { now: Some(0) }]);
    let sent = shop.env.sent("SetStock");
    assert!(
        sent[0]["query"].as_str().unwrap().contains("inventorySetQuantities(input: $input) @idempotent(key: $key)")
    );
    assert_eq!(sent[0]["variables"]["key"].as_str().unwrap().len(), 36);
    let entries = sent[0]["variables"]["input"]["quantities"].as_array().unwrap();
    assert_eq!(entries[0]["changeFromQuantity"], 9);
    assert!(entries[1].as_object().unwrap()["changeFromQuantity"].is_null(), "null opts out, absence is an error");
}

#[tokio::test]
async fn point_1_a_sale_in_between_is_a_conflict_that_tells_the_figure() {
    let shop = Shop::open().await;
    let (sold, other) = (shop.list(0, 9), shop.list(1, 9));
    shop.place(&sold, 2);
    let write = Write::CompareAndSet { from: 9, to: 5 };
    let outcomes = shop.push(&[(&sold, write), (&other, write)]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Conflict { shows: 7 }, Outcome::Applied { now: Some(5) }]);
    assert_eq!((shop.figure(&sold), shop.figure(&other)), (7, 5));
}

#[tokio::test]
async fn point_2_a_call_carries_250_entries_and_no_more() {
    let shop = Shop::open().await;
    let keys: Vec<_> = (0..251).map(|n| shop.list(n, 5)).collect();
    let writes: Vec<_> = keys.iter().map(|key| (key.as_str(), Write::Absolute(3))).collect();
    let error = shop.push(&writes).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    assert_eq!(shop.env.sent("SetStock").len(), 0, "nothing was sent");
    let outcomes = shop.push(&writes[..250]).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied { now: Some(3) }));
    assert_eq!(shop.env.sent("SetStock").len(), 1);
}

/// An order takes its units out of `available`, so what the hub is told about them is that they hold stock, and the
/// figure that it reads has fallen already.
#[tokio::test]
async fn point_3_available_excludes_shopifys_own_open_orders_already() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let id = shop.place(&key, 4);
    assert_eq!(shop.shown(&key).await, 6);
    assert_eq!(held(&shop.order(&id).await), 4);
    shop.push(&[(&key, Write::CompareAndSet { from: 6, to: 5 })]).await.unwrap();
    let sent = shop.env.sent("SetStock");
    assert_eq!(sent[0]["variables"]["input"]["name"], "available");
    shop.fake.book().ship(&id);
    assert_eq!(shop.shown(&key).await, 5, "shipping moves committed units, not available ones");
}

#[tokio::test]
async fn point_4_points_are_counted_as_each_answer_names_them() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    shop.pass(60);
    shop.shown(&key).await;
    let points = |shop: &Shop| shop.wire.quotas().into_iter().find(|quota| quota.0 == "points").unwrap().2;
    // 300 points were reckoned for the reading, and it took five.
    assert!(points(&shop).available > 1_950, "{:?}", points(&shop));
    assert!((points(&shop).rate.per_second - 100.0).abs() < 0.1);

    // A shop on an older plan has half of both, and only its answers say so.
    let old = Shop::open().await;
    old.fake.set_switch(fake::LINEAR_COSTS, true);
    let key = old.list(0, 10);
    old.pass(60);
    old.shown(&key).await;
    assert!(points(&old).available <= 1_000, "{:?}", points(&old));
    assert!((points(&old).rate.per_second - 50.0).abs() < 0.1, "{:?}", points(&old));
}

#[tokio::test]
async fn point_4_a_throttled_query_says_how_long_to_wait() {
    let shop = Shop::open().await;
    shop.fake.set_switch(fake::LINEAR_COSTS, true);
    let key = shop.list(0, 10);
    let ids: Vec<_> = (0..20).map(|_| shop.fake.book().place(&[(key.as_str(), 0)]).unwrap()).collect();
    shop.pass(60);
    // By the older rule 20 orders may cost 680 points: above what the bucket holds once it was drained.
    let mut error = None;
    for _ in 0..40 {
        error = shop.mall.by_id(&ids).await.err().filter(|error| error.status == Some(200));
        if error.is_some() {
            break;
        }
    }
    let error = error.unwrap();
    assert_eq!(error.code.as_deref(), Some("THROTTLED"));
    let Class::Throttled { retry_after: Some(wait) } = error.class else { panic!("{error:?}") };
    shop.env.clock.advance(wait);
    assert_eq!(shop.mall.by_id(&ids).await.unwrap().orders.len(), 20, "after {wait:?} it fits");
}

#[tokio::test]
async fn point_4_no_document_is_beyond_1000_points_by_either_rule() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let listing = shop.listing(&fake::sku(&key)).await;
    let id = shop.place(&key, 1);
    shop.page(1, None).await.unwrap();
    shop.order(&id).await;
    shop.push(&[(&key, Write::Absolute(3))]).await.unwrap();
    shop.mall.extras().readback.unwrap().read(&[listing]).await.unwrap();
    shop.mall.extras().catalogue.unwrap().list(None).await.unwrap();
    shop.account().account().await.unwrap();
    let reckoned = |operation: &str| CARD.operation(operation).unwrap().costs[0].1;
    let documents = [
        ("Orders", "orders.search", 0),
        ("OrdersById", "orders.get", 20),
        ("SetStock", "stock.push", 0),
        ("Levels", "stock.read", 50),
        ("VariantsBySku", "listings.find", 0),
        ("Catalogue", "listings.list", 0),
        ("Locations", "shop.locations", 0),
        ("Account", "shop.account", 0),
    ];
    for (name, operation, ids) in documents {
        let sent = shop.env.sent(name);
        let document = fake::Document::parse(sent[0]["query"].as_str().unwrap()).unwrap();
        assert!(document.cost(ids, |first| first) <= 1_000, "{name}");
        assert!(document.cost(ids, fake::sublinear) <= reckoned(operation), "{name}");
    }
}

#[tokio::test]
async fn point_5_orders_older_than_60_days_are_absent_silently() {
    assert_eq!(MALL.card.orders.reach, std::time::Duration::from_secs(60 * 86_400));
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let id = shop.place(&key, 1);
    let mut old = shop.fake.book().order(&id).unwrap().order;
    old.placed_at = shop.env.now() - SignedDuration::from_hours(61 * 24);
    shop.fake.book().insert(old, Stage::Ready);
    assert_eq!(shop.page(1, None).await.unwrap().orders.len(), 1);
    assert_eq!(shop.account().account().await.unwrap().notes, [""; 0]);
    shop.fake.set_switch(fake::SIXTY_DAYS, true);
    assert_eq!(shop.page(1, None).await.unwrap().orders.len(), 0, "and nothing in the answer says so");
    let notes = shop.account().account().await.unwrap().notes.join("\n");
    assert!(notes.contains("read_all_orders") && notes.contains("60 days"), "{notes}");
}
