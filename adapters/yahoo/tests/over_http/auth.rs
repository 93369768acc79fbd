//! Tokens, the encrypted signature, and the mall's refusals.

use uriba_sdk::{
    Class, Env, MallError,
    env::HttpRequest,
    fake::{Fault, Times},
    mall::ListingKey,
};
use uriba_yahoo::MALL;

use super::shop::{Shop, fake_of, wire};

const RENEW: Class = Class::Auth { renewable: true };
const PERSON: Class = Class::Auth { renewable: false };

impl Shop {
    async fn pull(&self) -> Result<(), MallError> {
        self.mall.pull(&self.day(false)).await.map(|_| ())
    }

    async fn read(&self) -> Result<(), MallError> {
        let key = ListingKey { key: self.fake.mall_key(0), handle: None };
        self.mall.extras().readback.unwrap().read(&[key]).await.map(|_| ())
    }

    async fn pull_class(&self) -> Class {
        self.pull().await.unwrap_err().class
    }
}

#[tokio::test]
async fn a_token_is_renewed_when_its_hour_is_over() {
    let shop = Shop::open().await;
    shop.pull().await.unwrap();
    shop.fake.book().fault("auth.token", Fault::Status(500), Times::Next(1));
    shop.pass(3_000);
    shop.read().await.unwrap();
    shop.pass(3_000);
    let error = shop.read().await.unwrap_err();
    assert_eq!(error.operation, "auth.token", "the token was asked for only now: {error}");
    shop.read().await.unwrap();
}

#[tokio::test]
async fn a_refused_token_is_replaced_by_the_next_call() {
    let shop = Shop::open().await;
    for operation in ["orders.search", "stock.read"] {
        shop.fake.book().fault(operation, Fault::Expired, Times::Next(1));
    }
    assert_eq!(shop.pull_class().await, RENEW);
    assert_eq!(shop.read().await.unwrap_err().class, RENEW);
    shop.pull().await.unwrap();
    shop.read().await.unwrap();
}

#[tokio::test]
async fn a_consent_ends_after_four_weeks_and_only_a_person_renews_it() {
    let shop = Shop::open().await;
    shop.pull().await.unwrap();
    shop.pass(28 * 86_400 - 60);
    shop.pull().await.unwrap();
    shop.pass(3_600);
    assert_eq!(shop.pull_class().await, PERSON);
    shop.fake.renew_credentials();
    shop.pull().await.unwrap();
    shop.fake.expire_credentials();
    assert_eq!(shop.pull_class().await, RENEW, "the cached token is refused first");
    let error = shop.pull().await.unwrap_err();
    assert_eq!((&error.class, error.code.as_deref()), (&PERSON, Some("invalid_grant")));
}

#[tokio::test]
async fn order_calls_without_a_good_signature_cut_the_session_to_twelve_hours() {
    let shop = Shop::open().await;
    shop.fake.set_switch("public-key-expired", true);
    let error = shop.pull().await.unwrap_err();
    assert_eq!(error.class, PERSON);
    assert!(error.message.contains("public key"), "{error}");
    shop.read().await.unwrap();
    shop.pass(12 * 3_600);
    let error = shop.read().await.unwrap_err();
    assert_eq!((&error.class, error.code.as_deref()), (&PERSON, Some("invalid_grant")));
}

#[tokio::test]
async fn a_signature_is_for_one_store_and_one_key() {
    let shop = Shop::open().await;
    let other = fake_of(&shop.env, &shop.meters, "b").await.settings("other");
    for wrong in ["public_key", "public_key_version"] {
        let mut settings = shop.fake.settings("yahoo-wrong");
        let value = if wrong == "public_key" { other.credentials[wrong].clone() } else { "9".into() };
        settings.credentials.insert(wrong.to_owned(), value);
        let mall = (MALL.open)(&settings, wire(&shop.env, &settings)).unwrap();
        assert_eq!(mall.pull(&shop.day(false)).await.unwrap_err().class, PERSON, "{wrong}");
        shop.pass(2);
    }
    shop.pull().await.unwrap();
}

#[tokio::test]
async fn an_unregistered_address_reads_stock_but_no_orders() {
    for switches in [&["unregistered-ip"][..], &["unregistered-ip", "errors-in-json"]] {
        let shop = Shop::open_with(switches).await;
        let error = shop.pull().await.unwrap_err();
        assert_eq!((&error.class, error.code.as_deref(), error.status), (&PERSON, Some("px-04306"), Some(403)));
        shop.read().await.unwrap();
    }
}

#[tokio::test]
async fn the_mall_may_be_closed_or_too_busy_in_several_words() {
    for switches in
        [&[][..], &["maintenance-by-code", "throttles-with-429"], &["errors-in-json", "maintenance-by-code"]]
    {
        let shop = Shop::open_with(switches).await;
        for operation in ["orders.search", "stock.read"] {
            let book = shop.fake.book();
            book.fault(operation, Fault::Maintenance, Times::Next(1));
            book.fault(operation, Fault::MaintenancePage, Times::Next(1));
            book.fault(operation, Fault::Throttle { retry_after: None }, Times::Next(1));
            book.fault(operation, Fault::Throttle { retry_after: Some(9) }, Times::Next(1));
        }
        let wait = Some(std::time::Duration::from_secs(9));
        let closed = Class::Maintenance { until: None };
        let slow = |retry_after| Class::Throttled { retry_after };
        for expected in [closed.clone(), closed, slow(None), slow(wait)] {
            assert_eq!(shop.pull_class().await, expected, "{switches:?}");
            assert_eq!(shop.read().await.unwrap_err().class, expected, "{switches:?}");
        }
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let shop = Shop::open().await;
    let opens = |key: &str, value: Option<&str>| {
        let mut settings = shop.fake.settings("yahoo-main");
        settings.credentials.remove(key);
        if let Some(value) = value {
            settings.credentials.insert(key.to_owned(), value.into());
        }
        (MALL.open)(&settings, wire(&shop.env, &settings)).map(|_| ()).map_err(|error| error.key)
    };
    for (key, value) in [
        ("client_id", None),
        ("client_secret", None),
        ("seller_id", None),
        ("seller_id", Some("a<b")),
        ("public_key", Some("-----BEGIN NOTHING-----")),
        ("public_key_version", Some("one")),
    ] {
        assert_eq!(opens(key, value), Err(format!("credentials.{key}")), "{value:?}");
    }
    assert_eq!(opens("refresh_token", None), Ok(()), "consent may come later");
}

#[tokio::test]
async fn without_a_consent_the_error_says_what_to_do() {
    let shop = Shop::open().await;
    let mut settings = shop.fake.settings("yahoo-main");
    settings.credentials.remove("refresh_token");
    let mall = (MALL.open)(&settings, wire(&shop.env, &settings)).unwrap();
    let error = mall.pull(&shop.day(false)).await.unwrap_err();
    assert_eq!(error.class, PERSON);
    assert!(error.message.contains("refresh_token"), "{error}");
}

/// What a careless client would send: the fake refuses it in the mall's words.
#[tokio::test]
async fn the_fake_is_strict_about_requests() {
    let shop = Shop::open().await;
    let base = shop.fake.settings("x").base_url.unwrap();
    let token = token(&shop, &base).await;
    let xml = "application/xml";
    let form = "application/x-www-form-urlencoded";
    let search =
        |inner: &str| format!("<Req><Search>{inner}<Field>OrderId</Field></Search><SellerId>cha-a</SellerId></Req>");
    let window = "<Condition><OrderTimeFrom>2026-11-01</OrderTimeFrom></Condition>";
    let family = "<Condition><ParentOrderId>x</ParentOrderId></Condition>";
    let beside = "<Req><Target><OrderId>x</OrderId></Target><Field>OrderId</Field><SellerId>cha-a</SellerId></Req>";
    let prefixed =
        "<Req><Target><OrderId>x</OrderId><Field>Item.LineId</Field></Target><SellerId>cha-a</SellerId></Req>";
    let many = (0..1_001).map(|n| format!("a{n}")).collect::<Vec<_>>().join("%2C");
    let table = [
        ("orderList", xml, search(window), "od90101"),
        ("orderList", xml, search(family), "od90101"),
        ("orderList", "text/plain", search("<Condition><OrderId>x</OrderId></Condition>"), "od90101"),
        ("orderInfo", xml, beside.to_owned(), "od90101"),
        ("orderInfo", xml, prefixed.to_owned(), "od90101"),
        ("setStock", xml, "<a/>".to_owned(), "px-04001"),
        ("setStock", form, "item_code=a&quantity=1".to_owned(), "px-04001"),
        ("setStock", form, "seller_id=other&item_code=a&quantity=1".to_owned(), "ed-00003"),
        ("setStock", form, "seller_id=cha-a&item_code=a_b&quantity=1".to_owned(), "st-02101"),
        ("setStock", form, "seller_id=cha-a&item_code=a%2CA&quantity=1%2C1".to_owned(), "st-02103"),
        ("setStock", form, "seller_id=cha-a&item_code=a&quantity=+5".to_owned(), "st-02104"),
        ("setStock", form, "seller_id=cha-a&item_code=a&quantity=INI".to_owned(), "st-02104"),
        ("setStock", form, "seller_id=cha-a&item_code=a&quantity=1%2C2".to_owned(), "st-02105"),
        ("getStock", form, format!("seller_id=cha-a&item_code={many}"), "st-02102"),
    ];
    for (path, mime, body, code) in table {
        shop.pass(2);
        let answer = send(&shop, &format!("{base}/ShoppingWebService/V1/{path}"), mime, &token, &body).await;
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{path} {body:.60}: {answer}");
    }
}

async fn send(shop: &Shop, url: &str, mime: &str, authorization: &str, body: &str) -> String {
    let mut request = HttpRequest::new("POST".parse().unwrap(), url);
    request.headers.insert("content-type", mime.parse().unwrap());
    request.headers.insert("authorization", authorization.parse().unwrap());
    request.body = body.into();
    String::from_utf8(shop.env.send(request).await.unwrap().body).unwrap()
}

async fn token(shop: &Shop, base: &str) -> String {
    let body = "grant_type=refresh_token&refresh_token=refresh-token-of-shop-a";
    let basic = "Basic Y2xpZW50LW9mLXRoZS1mYWtlOnNlY3JldC1vZi10aGUtZmFrZQ==";
    let url = format!("{base}/yconnect/v2/token");
    let answer = send(shop, &url, "application/x-www-form-urlencoded", basic, body).await;
    format!("Bearer {}", answer.split("\"access_token\":\"").nth(1).unwrap().split('"').next().unwrap())
}
