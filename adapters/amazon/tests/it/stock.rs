//! Stock, credentials and quotas over HTTP against the fake.

use secrecy::ExposeSecret;
use serde_json::json;
use uriba_sdk::{
    Applied, Class, Env, Outcome, RefusedWhy, Update, Write,
    env::{HeaderValue, HttpRequest, Method},
    fake::{Fault, Item, Times},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::bench::{Bench, fba};

#[tokio::test]
async fn a_push_takes_effect_minutes_later_over_what_was_sold_meanwhile() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    assert_eq!(bench.push("TEA", 5).await, Outcome::Applied { now: None });
    assert_eq!(bench.shown("TEA").await, 10);
    book.place(&[("TEA", 2)]).unwrap();
    assert_eq!(bench.shown("TEA").await, 8);
    bench.pass(4);
    assert_eq!(bench.shown("TEA").await, 5, "the write knows nothing of the two that were sold");
    bench.fake.set_switch("effective_at_once", true);
    bench.push("TEA", 0).await;
    assert_eq!(bench.shown("TEA").await, 0);
}

#[tokio::test]
async fn every_kind_of_sku_can_be_written_and_read_back_among_others() {
    let bench = Bench::open().await;
    bench.fake.set_switch("effective_at_once", true);
    let keys: Vec<String> = (0..25).map(|n| bench.fake.mall_key(n)).collect();
    for (n, key) in keys.iter().enumerate() {
        bench.fake.book().list(key, Item::new(0));
        let given = vec![bench.fake.spelling(key)];
        let resolved = bench.mall.resolve(&given).await.unwrap().remove(0).key.unwrap();
        assert_eq!(&resolved.key, key);
        assert_eq!(bench.push(&resolved.key, n as i64).await, Outcome::Applied { now: None }, "{key}");
    }
    for batch in keys.chunks(20) {
        let first = if batch[0] == keys[0] { 0 } else { 20 };
        let names: Vec<&str> = batch.iter().map(String::as_str).chain(["absent"]).collect();
        let mut found = bench.read(&names).await;
        assert_eq!(found.pop(), Some(None));
        let shown: Vec<_> = found.into_iter().map(|counter| counter.unwrap().quantity.unwrap()).collect();
        assert_eq!(shown, (first..first + batch.len() as i64).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_key_that_is_no_sku_is_refused_with_a_sentence() {
    let bench = Bench::open().await;
    let given = [" TEA ", "tea", "", " \u{3000}", "a\nb"].map(str::to_owned);
    let keys = bench.mall.resolve(&given).await.unwrap().into_iter().map(|resolved| resolved.key.map(|key| key.key));
    let keys: Vec<_> = keys.map(Result::ok).collect();
    assert_eq!(keys, [Some("TEA".into()), Some("tea".into()), None, None, None]);
}

#[tokio::test]
async fn figures_and_ways_that_amazon_does_not_have_are_refused_unsent() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(10));
    bench.fake.book().fault("stock.push", Fault::Status(500), Times::Probability(1.0));
    let cases = [
        (Write::Absolute(-1), RefusedWhy::OutOfRange),
        (Write::Absolute(1_000_000), RefusedWhy::OutOfRange),
        (Write::Relative(1), RefusedWhy::Other),
        (Write::CompareAndSet { from: 10, to: 9 }, RefusedWhy::Other),
    ];
    for (write, expected) in cases {
        let outcome = bench.mall.push(&[Update { key: "TEA".into(), handle: None, write }]).await.unwrap().remove(0);
        assert!(matches!(&outcome, Outcome::Refused(refusal) if refusal.why == expected), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_unknown_sku_is_refused_or_silently_accepted() {
    let bench = Bench::open().await;
    let why = |outcome| match outcome {
        Outcome::Refused(refusal) => Some(refusal.why),
        Outcome::Applied { .. } => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(bench.push("absent", 1).await), Some(RefusedWhy::NoSuchItem));
    bench.fake.set_switch("unknown_sku_is_404", true);
    assert_eq!(why(bench.push("absent", 1).await), Some(RefusedWhy::NoSuchItem));
    bench.fake.set_switch("unknown_sku_is_404", false);
    bench.fake.set_switch("unknown_sku_is_accepted", true);
    assert_eq!(why(bench.push("absent", 1).await), None);
    assert_eq!(bench.read(&["absent"]).await, [None], "a read tells");
}

#[tokio::test]
async fn stock_in_amazons_warehouse_is_never_called_ours() {
    let bench = Bench::open().await;
    bench.fake.book().list("FBA", fba(40));
    assert!(bench.read(&["FBA"]).await[0].unwrap().not_ours);
    assert!(matches!(bench.push("FBA", 5).await, Outcome::Refused(_)));
    bench.fake.set_switch("fba_takes_a_second_entry", true);
    assert_eq!(bench.push("FBA", 5).await, Outcome::Applied { now: None });
    let counter = bench.read(&["FBA"]).await[0].unwrap();
    assert_eq!((counter.quantity, counter.not_ours), (Some(5), true));
    assert_eq!(bench.fake.book().item("FBA").unwrap().counter, 40);
}

#[tokio::test]
async fn a_lost_answer_leaves_a_write_unknown_and_a_read_harmless() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    bench.shown("TEA").await;
    let update = [Update { key: "TEA".into(), handle: None, write: Write::Absolute(3) }];
    for fault in [Fault::CloseAfter, Fault::StatusAfter(500), Fault::HangAfter] {
        book.fault("stock.push", fault, Times::Next(1));
        let error = bench.mall.push(&update).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::Unknown });
    }
    book.fault("stock.push", Fault::Truncate, Times::Next(1));
    assert!(matches!(bench.mall.push(&update).await.unwrap_err().class, Class::Malformed { .. }));
    book.fault("stock.push", Fault::Partial, Times::Next(1));
    assert!(matches!(bench.push("TEA", 3).await, Outcome::Refused(_)));
}

#[tokio::test]
async fn an_access_token_is_renewed_and_a_dead_grant_is_not() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    bench.shown("TEA").await;
    bench.pass(61);
    assert_eq!(bench.shown("TEA").await, 10, "an hour later, with another token");
    book.fault("stock.push", Fault::Expired, Times::Next(1));
    let update = [Update { key: "TEA".into(), handle: None, write: Write::Absolute(3) }];
    let class = |result: uriba_sdk::Result<Vec<Outcome>>| result.unwrap_err().class;
    assert_eq!(class(bench.mall.push(&update).await), Class::Auth { renewable: true });
    assert!(bench.mall.push(&update).await.is_ok());
    bench.fake.expire_credentials();
    assert_eq!(class(bench.mall.push(&update).await), Class::Auth { renewable: true });
    let error = bench.mall.push(&update).await.unwrap_err();
    assert_eq!((error.class.clone(), error.code.as_deref()), (Class::Auth { renewable: false }, Some("invalid_grant")));
    for secret in ["client_secret", "refresh_token"] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(bench.settings.credentials[secret].expose_secret()));
    }
    bench.fake.renew_credentials();
    assert!(bench.mall.push(&update).await.is_ok());
}

#[tokio::test]
async fn a_blank_credential_is_named_at_once() {
    let bench = Bench::open().await;
    for key in ["client_id", "client_secret", "refresh_token", "seller_id", "marketplace_id"] {
        let mut settings = bench.settings.clone();
        settings.credentials.insert(key.into(), "  ".to_owned().into());
        let error = (uriba_amazon::MALL.open)(&settings, bench.wire.clone()).err().unwrap();
        assert_eq!(error.key, format!("credentials.{key}"));
    }
    let mut settings = bench.settings.clone();
    settings.credentials.remove("marketplace_id");
    assert!((uriba_amazon::MALL.open)(&settings, bench.wire.clone()).is_ok());
}

/// What the adapter never sends, straight to the fake.
async fn raw_patch(bench: &Bench, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
    bench.pass(1);
    let uri = bench.settings.base_url.clone().unwrap();
    let secret = |key: &str| bench.settings.credentials[key].expose_secret().replace('|', "%7C").replace('+', "%2B");
    let mut login = HttpRequest::new(Method::POST, format!("{uri}/auth/o2/token"));
    login.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let (id, client, refresh) = (secret("client_id"), secret("client_secret"), secret("refresh_token"));
    let form = format!("grant_type=refresh_token&client_id={id}&client_secret={client}&refresh_token={refresh}");
    login.body = form.into_bytes();
    let granted: serde_json::Value = serde_json::from_slice(&bench.env.send(login).await.unwrap().body).unwrap();
    let mut request = HttpRequest::new(Method::PATCH, format!("{uri}{path}?marketplaceIds=A1VC38T7YXB528"));
    let token = granted["access_token"].as_str().unwrap();
    request.headers.insert("x-amz-access-token", HeaderValue::from_str(token).unwrap());
    request.headers.insert("content-type", HeaderValue::from_static("application/json"));
    request.body = body.to_string().into_bytes();
    let answer = bench.env.send(request).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test]
async fn merge_keeps_the_lead_time_that_replace_drops() {
    let bench = Bench::open().await;
    let lead = || {
        let mut item = Item::new(10);
        item.siblings.insert("lead_time_to_ship_max_days".into(), "5".into());
        item
    };
    bench.fake.book().list("TEA", lead());
    bench.push("TEA", 3).await;
    assert_eq!(bench.fake.book().item("TEA").unwrap().siblings, lead().siblings);
    let entry = json!({ "fulfillment_channel_code": "DEFAULT", "quantity": 3 });
    let patch = json!({ "op": "replace", "path": "/attributes/fulfillment_availability", "value": [entry] });
    let body = json!({ "productType": "PRODUCT", "patches": [patch] });
    let (status, answer) = raw_patch(&bench, "/listings/2021-08-01/items/A1FAKEA/TEA", &body).await;
    assert_eq!((status, answer["status"].as_str()), (200, Some("ACCEPTED")));
    assert!(bench.fake.book().item("TEA").unwrap().siblings.is_empty());
}

#[tokio::test]
async fn the_fake_is_as_strict_as_amazon() {
    let bench = Bench::open().await;
    bench.fake.book().list("A/B", Item::new(1));
    let patch = |entry| {
        let patch = json!({ "op": "merge", "path": "/attributes/fulfillment_availability", "value": [entry] });
        json!({ "productType": "PRODUCT", "patches": [patch] })
    };
    let good = patch(json!({ "fulfillment_channel_code": "DEFAULT", "quantity": 3 }));
    let items = "/listings/2021-08-01/items/A1FAKEA";
    assert_eq!(raw_patch(&bench, &format!("{items}/A%2FB"), &good).await.1["status"], "ACCEPTED");
    assert_eq!(raw_patch(&bench, &format!("{items}/A/B"), &good).await.0, 403, "a slash that is not encoded");
    assert_eq!(raw_patch(&bench, "/listings/2021-08-01/items/OTHER/A%2FB", &good).await.0, 400);
    let no_channel = patch(json!({ "quantity": 3 }));
    let text = patch(json!({ "fulfillment_channel_code": "DEFAULT", "quantity": "3" }));
    let negative = patch(json!({ "fulfillment_channel_code": "DEFAULT", "quantity": -3 }));
    for body in [no_channel, text, negative] {
        let (status, answer) = raw_patch(&bench, &format!("{items}/A%2FB"), &body).await;
        assert_eq!((status, answer["status"].as_str()), (200, Some("INVALID")));
    }
    for body in [json!({ "patches": [] }), json!([]), json!({ "productType": "PRODUCT", "patches": [{}] })] {
        assert_eq!(raw_patch(&bench, &format!("{items}/A%2FB"), &body).await.0, 400);
    }
}

#[tokio::test]
async fn a_rate_that_amazon_names_replaces_ours() {
    let bench = Bench::open().await;
    let server = MockServer::start().await;
    let token = ResponseTemplate::new(200).set_body_json(json!({ "access_token": "Atza|x" }));
    Mock::given(matchers::path("/auth/o2/token")).respond_with(token).mount(&server).await;
    let answer = ResponseTemplate::new(200)
        .insert_header("x-amzn-RateLimit-Limit", "2.0")
        .set_body_json(json!({ "numberOfResults": 0, "items": [] }));
    Mock::given(matchers::method("GET")).respond_with(answer).mount(&server).await;
    let mut settings = bench.settings.clone();
    (settings.base_url, settings.auth_url) = (Some(server.uri()), Some(server.uri()));
    let mall = (uriba_amazon::MALL.open)(&settings, bench.wire.clone()).unwrap();
    let rate = || bench.wire.quotas().into_iter().find(|(name, ..)| *name == "stock.read").unwrap().2.rate.per_second;
    assert!((rate() - 5.0).abs() < 1e-9);
    let key = uriba_sdk::mall::ListingKey { key: "TEA".into(), handle: None };
    mall.extras().readback.unwrap().read(&[key]).await.unwrap();
    assert!((rate() - 2.0).abs() < 1e-9);
}
