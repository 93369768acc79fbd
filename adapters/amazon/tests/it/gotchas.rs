//! The sheet's numbered gotchas (1 to 5) and its list of known complaints, each as a test. Where a gotcha is about what
//! the hub does, the test is about what the adapter gives it for that.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;
use uriba_sdk::{
    Class, Env, FulfilledBy, Outcome, Update, Write,
    env::{HeaderValue, HttpRequest, Method},
    fake::{Fault, Item, Stage, Times},
};

use crate::bench::{Bench, fba};

#[tokio::test]
async fn gotcha_1_orders_are_read_by_2026_01_01_and_never_by_v0() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(10));
    let id = bench.fake.book().place(&[("TEA", 1)]).unwrap();
    assert!(bench.orders(true).await.contains_key(&id));
    bench.by_id(&id).await;
    assert!(bench.asked.lock().unwrap().iter().all(|what| what != "elsewhere"), "v0 is elsewhere");
    let (status, _) = raw_get(&bench, "/orders/v0/orders?MarketplaceIds=A1VC38T7YXB528").await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn gotcha_2_a_search_comes_every_three_minutes_and_single_orders_do_not_wait_for_it() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(10));
    let id = bench.fake.book().place(&[("TEA", 1)]).unwrap();
    let (from, to) = (bench.minutes_ago(60), bench.minutes_ago(3));
    bench.page(from, to, false, None).await.unwrap();
    let query = uriba_sdk::Query { span: uriba_sdk::Span::Window { from, to }, open_only: false, token: None };
    let error = loop {
        match bench.mall.pull(&query).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error.class, Class::Throttled { retry_after: Some(wait) } if wait > Duration::from_secs(20)));
    assert_eq!(error.status, None, "it was not even sent");
    let before = bench.now();
    bench.by_id(&id).await;
    assert!(bench.now().duration_since(before) < jiff::SignedDuration::from_secs(5));
    assert_eq!(uriba_amazon::MALL.card.times.poll_interval, Duration::from_secs(180));
}

#[tokio::test]
async fn gotcha_3_pending_orders_hold_stock_and_name_sku_and_quantity() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    let ids = [Stage::Unpaid, Stage::PreOrder].map(|stage| book.place_as(&[("TEA", 3)], stage, FulfilledBy::Seller));
    let open = bench.orders(true).await;
    for id in ids {
        let order = &open[&id.unwrap()];
        assert_eq!((order.lines[0].mall_key.as_deref(), order.lines[0].unshipped()), (Some("TEA"), 3));
    }
    assert_eq!(bench.shown("TEA").await, 4, "Amazon takes them off its own counter at once");
}

#[tokio::test]
async fn gotcha_4_a_write_is_absolute_and_accepted_is_not_effective() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(10));
    assert_eq!(bench.push("TEA", 4).await, Outcome::Applied { now: None });
    assert_eq!(bench.push("TEA", 4).await, Outcome::Applied { now: None }, "the same again is the same");
    assert_eq!(bench.shown("TEA").await, 10);
    let lag = uriba_amazon::MALL.card.times.effect_lag.unwrap();
    bench.env.advance(lag.typical);
    assert_eq!(bench.shown("TEA").await, 4);
    for write in [Write::Relative(1), Write::CompareAndSet { from: 4, to: 3 }] {
        let outcome = bench.mall.push(&[Update { key: "TEA".into(), handle: None, write }]).await.unwrap().remove(0);
        assert!(matches!(outcome, Outcome::Refused(_)));
    }
}

#[tokio::test]
async fn gotcha_5_orders_that_amazon_fulfils_never_count_against_own_stock() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("FBA", fba(10));
    book.list("TEA", Item::new(10));
    let theirs = book.place_as(&[("FBA", 1)], Stage::Ready, FulfilledBy::Mall).unwrap();
    let ours = book.place(&[("TEA", 1)]).unwrap();
    let orders = bench.orders(false).await;
    assert_eq!(orders[&theirs].fulfilled_by, FulfilledBy::Mall);
    assert_eq!(orders[&ours].fulfilled_by, FulfilledBy::Seller);
    assert!(bench.read(&["FBA"]).await[0].unwrap().not_ours);
}

#[tokio::test]
async fn gotcha_backfills_take_as_long_as_the_search_limit_says() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(1_000));
    for _ in 0..500 {
        bench.fake.book().place(&[("TEA", 1)]).unwrap();
    }
    bench.pass(5);
    let before = bench.now();
    assert_eq!(bench.orders(false).await.len(), 500);
    let minutes = bench.now().duration_since(before).as_secs() / 60;
    assert!((15..40).contains(&minutes), "five pages of a hundred took {minutes} minutes");
}

#[tokio::test]
async fn gotcha_an_order_that_no_page_lists_is_still_found_by_its_id() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    let id = book.place(&[("TEA", 1)]).unwrap();
    book.hide_until(&id, bench.now() + jiff::SignedDuration::from_hours(48));
    assert!(!bench.orders(false).await.contains_key(&id));
    assert_eq!(bench.by_id(&id).await.id, id);
}

#[tokio::test]
async fn gotcha_a_page_token_that_is_not_honoured_is_noticed() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(1_000));
    for _ in 0..101 {
        book.place(&[("TEA", 1)]).unwrap();
    }
    bench.pass(10);
    let (from, to) = (bench.minutes_ago(60), bench.minutes_ago(5));
    let token = bench.page(from, to, false, None).await.unwrap().next.unwrap();
    let same = format!("{{\"orders\":[],\"pagination\":{{\"nextToken\":\"{token}\"}}}}");
    book.fault("orders.search", Fault::Garbage(same.into_bytes()), Times::Next(1));
    let error = bench.page(from, to, false, Some(token)).await.unwrap_err();
    assert!(matches!(error.class, Class::Malformed { .. }) && error.to_string().contains("again"), "{error}");
}

#[tokio::test]
async fn gotcha_a_page_token_survives_its_encoding_and_goes_with_the_marketplace() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(1_000));
    for _ in 0..201 {
        book.place(&[("TEA", 1)]).unwrap();
    }
    bench.pass(10);
    let (from, to) = (bench.minutes_ago(60), bench.minutes_ago(5));
    let first = bench.page(from, to, true, None).await.unwrap();
    let token = first.next.unwrap();
    assert!(token.contains('+') && token.contains('/') && token.contains('='), "{token}");
    assert_eq!(bench.page(from, to, true, Some(token.clone())).await.unwrap().orders.len(), 100);
    // What goes wrong elsewhere: the marketplace left out, a plus sign read as a space.
    let path = |token: &str| {
        let (from, to) = (format!("{from:.3}"), format!("{to:.3}"));
        format!("/orders/2026-01-01/orders?lastUpdatedAfter={from}&lastUpdatedBefore={to}&paginationToken={token}")
    };
    bench.pass(4);
    assert_eq!(raw_get(&bench, &path(&token.replace('+', "%2B").replace('=', "%3D"))).await.0, 400);
    bench.pass(4);
    assert_eq!(raw_get(&bench, &path(&token)).await.0, 400);
}

#[tokio::test]
async fn gotcha_an_end_within_two_minutes_and_a_time_without_zone_are_refused() {
    let bench = Bench::open().await;
    let edge = uriba_amazon::MALL.card.orders.edge;
    assert!(edge > Duration::from_secs(120), "a hub whose clock runs ahead is not refused at every poll");
    let search =
        |to: String| format!("/orders/2026-01-01/orders?lastUpdatedAfter=2026-11-19T00:00:00Z&lastUpdatedBefore={to}");
    for (ago, status) in [(3, 200), (1, 400)] {
        bench.pass(4);
        assert_eq!(raw_get(&bench, &search(bench.minutes_ago(ago).to_string())).await.0, status);
    }
    bench.pass(4);
    assert_eq!(raw_get(&bench, &search("2026-11-20T00:00:00".into())).await.0, 400);
}

#[tokio::test]
async fn gotcha_a_figure_that_a_feed_took_and_never_showed_is_seen_by_reading_back() {
    let bench = Bench::open().await;
    let keys = [bench.fake.mall_key(0), bench.fake.mall_key(1)];
    let updates = keys.clone().map(|key| {
        bench.fake.book().list(&key, Item::new(10));
        Update { key, handle: None, write: Write::Absolute(3) }
    });
    bench.fake.book().fault("stock.feed", Fault::Silent, Times::Next(1));
    let outcomes = bench.mall.push(&updates).await.unwrap();
    bench.pass(70);
    let Outcome::Pending { ticket } = &outcomes[0] else { panic!("{outcomes:?}") };
    let told = bench.mall.extras().tickets.unwrap().redeem(std::slice::from_ref(ticket)).await.unwrap();
    assert_eq!(told, [Some(Outcome::Applied { now: None })]);
    assert_eq!(bench.shown(&keys[0]).await, 10, "only the figure on sale tells");
}

#[tokio::test]
async fn gotcha_a_feed_behind_others_for_half_a_day_stays_undecided_so_long() {
    let bench = Bench::open().await;
    bench.fake.set_switch("feed_waits_half_a_day", true);
    let updates = [0, 1].map(|n| {
        let key = bench.fake.mall_key(n);
        bench.fake.book().list(&key, Item::new(10));
        Update { key, handle: None, write: Write::Absolute(3) }
    });
    let outcomes = bench.mall.push(&updates).await.unwrap();
    let Outcome::Pending { ticket } = &outcomes[0] else { panic!("{outcomes:?}") };
    let tickets = bench.mall.extras().tickets.unwrap();
    for _ in 0..12 {
        assert_eq!(tickets.redeem(std::slice::from_ref(ticket)).await.unwrap(), [None]);
        bench.pass(60);
    }
    // Meanwhile a zero goes by itself, and is on sale at once; the feed then writes over it.
    assert_eq!(bench.push(&updates[0].key, 0).await, Outcome::Applied { now: None });
    bench.pass(10);
    assert_eq!(tickets.redeem(std::slice::from_ref(ticket)).await.unwrap(), [Some(Outcome::Applied { now: None })]);
    assert_eq!(bench.shown(&updates[0].key).await, 3, "never a feed and a patch for one SKU at a time");
}

#[tokio::test]
async fn gotcha_merge_keeps_the_handling_time_in_feeds_as_in_patches() {
    let bench = Bench::open().await;
    let lead = |key: &str| {
        let mut item = Item::new(10);
        item.siblings.insert("lead_time_to_ship_max_days".into(), "5".into());
        bench.fake.book().list(key, item.clone());
        item.siblings
    };
    let keys = [bench.fake.mall_key(0), bench.fake.mall_key(1)];
    let siblings = keys.clone().map(|key| lead(&key));
    let updates = keys.clone().map(|key| Update { key, handle: None, write: Write::Absolute(3) });
    bench.mall.push(&updates).await.unwrap();
    bench.push(&keys[1], 2).await;
    bench.pass(10);
    for (key, siblings) in keys.iter().zip(siblings) {
        assert_eq!(bench.fake.book().item(key).unwrap().siblings, siblings);
    }
    assert_eq!(bench.shown(&keys[0]).await, 3);
}

#[tokio::test]
async fn gotcha_a_second_channel_entry_is_seen_and_the_listing_is_not_ours() {
    let bench = Bench::open().await;
    bench.fake.set_switch("fba_takes_a_second_entry", true);
    bench.fake.book().list("FBA", fba(40));
    bench.push("FBA", 5).await;
    let counter = bench.read(&["FBA"]).await[0].unwrap();
    assert_eq!((counter.quantity, counter.not_ours), (Some(5), true));
    assert_eq!(bench.fake.book().item("FBA").unwrap().counter, 40, "nothing of Amazon's own stock moved");
}

#[tokio::test]
async fn gotcha_figures_come_from_listings_and_never_from_reports_that_lag() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(10));
    bench.asked.lock().unwrap().clear();
    bench.fake.book().place(&[("TEA", 1)]).unwrap();
    assert_eq!(bench.shown("TEA").await, 9, "a sale shows at once");
    let asked = bench.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|what| matches!(what.as_str(), "auth.token" | "stock.read")), "{asked:?}");
}

#[tokio::test]
async fn gotcha_an_order_between_reading_and_writing_is_undone_by_the_write() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    let shown = bench.shown("TEA").await;
    book.place(&[("TEA", 4)]).unwrap();
    bench.push("TEA", shown).await;
    bench.pass(5);
    assert_eq!(bench.shown("TEA").await, 10, "four units are sold twice, unless the hub keeps something back");
    // What the hub has against it: it knows that writes are absolute only, and reads the figure that is on sale.
    let card = uriba_amazon::MALL.card;
    assert!(card.writes.iter().all(|way| way.mode == uriba_sdk::card::WriteMode::Absolute));
    assert_eq!(card.reads.as_ref().unwrap().figure, uriba_sdk::card::Figure::Effective);
}

/// What the adapter never asks, straight to the fake.
async fn raw_get(bench: &Bench, path: &str) -> (u16, Value) {
    let uri = bench.settings.base_url.clone().unwrap();
    let secret = |key: &str| bench.settings.credentials[key].expose_secret().replace('|', "%7C").replace('+', "%2B");
    let mut login = HttpRequest::new(Method::POST, format!("{uri}/auth/o2/token"));
    login.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let (id, client, refresh) = (secret("client_id"), secret("client_secret"), secret("refresh_token"));
    let form = format!("grant_type=refresh_token&client_id={id}&client_secret={client}&refresh_token={refresh}");
    login.body = form.into_bytes();
    let granted: Value = serde_json::from_slice(&bench.env.send(login).await.unwrap().body).unwrap();
    let mut request = HttpRequest::new(Method::GET, format!("{uri}{path}"));
    let token = granted["access_token"].as_str().unwrap();
    request.headers.insert("x-amz-access-token", HeaderValue::from_str(token).unwrap());
    let answer = bench.env.send(request).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}
