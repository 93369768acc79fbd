//! The key, the registered address, and the mall's refusals.

use uriba_aupay::{CARD, MALL};
use uriba_sdk::{
    Applied, Class, Env, MallError,
    card::days,
    env::{HttpRequest, Method},
    fake::{Fault, Times},
};

use super::shop::{Shop, wire};

const PERSON: Class = Class::Auth { renewable: false };

impl Shop {
    async fn pull_error(&self) -> MallError {
        self.mall.pull(&self.hours(1, false)).await.unwrap_err()
    }
}

#[tokio::test]
async fn gotcha_3_the_key_dies_after_90_days_and_the_address_list_must_follow_the_server() {
    let key = CARD.credentials.iter().find(|credential| credential.key == "api_key").unwrap();
    assert_eq!(key.life, Some(days(90)));
    for switches in [&[][..], &["key-refused-under-200"]] {
        let shop = Shop::open_with(switches, &[]).await;
        shop.env.advance(days(89));
        shop.pages(shop.hours(1, false)).await.unwrap();
        shop.env.advance(days(1));
        let error = shop.pull_error().await;
        assert_eq!(error.class, PERSON, "{switches:?}: {error}");
        assert!(error.message.contains("90 days") && error.message.contains("address"), "{error}");
        let push = shop.push(&[("tea", 1)]).await.unwrap_err();
        assert_eq!(push.class, PERSON, "{push}");
        shop.fake.renew_credentials();
        shop.pages(shop.hours(1, false)).await.unwrap();

        shop.fake.set_switch("unregistered-ip", true);
        let error = shop.pull_error().await;
        assert_eq!(error.class, PERSON, "{switches:?}: {error}");
        assert!(error.message.contains("IP address"), "{error}");
    }
}

#[tokio::test]
async fn the_mall_may_be_closed_or_too_busy_with_any_status() {
    for switches in [&[][..], &["busy-under-200"]] {
        let shop = Shop::open_with(switches, &[]).await;
        let book = shop.fake.book();
        let wait = |seconds| Class::Throttled { retry_after: Some(std::time::Duration::from_secs(seconds)) };
        let closed = Class::Maintenance { until: None };
        for (fault, expected) in [
            (Fault::Maintenance, closed.clone()),
            (Fault::MaintenancePage, closed.clone()),
            (Fault::Throttle { retry_after: None }, Class::Throttled { retry_after: None }),
            (Fault::Throttle { retry_after: Some(9) }, wait(9)),
        ] {
            book.fault("orders.search", fault.clone(), Times::Next(1));
            assert_eq!(shop.pull_error().await.class, expected, "{switches:?} {fault:?}");
            shop.pass(120);
        }
    }
}

#[tokio::test]
async fn a_lost_or_broken_answer_to_a_write_leaves_the_outcome_open() {
    let shop = Shop::open().await;
    shop.list("tea", 2);
    let unknown = Class::Transient { applied: Applied::Unknown };
    let refused = "<response><result><status>1</status><error><code>PME9999</code></error></result></response>";
    for (fault, expected) in [
        (Fault::CloseAfter, Some(unknown.clone())),
        (Fault::StatusAfter(500), Some(unknown)),
        (Fault::Truncate, None),
        (Fault::Garbage(b"<html>".to_vec()), None),
        (Fault::Garbage(refused.into()), None),
    ] {
        shop.fake.book().fault("stock.push", fault.clone(), Times::Next(1));
        let error = shop.push(&[("tea", 1)]).await.unwrap_err();
        match expected {
            Some(expected) => assert_eq!(error.class, expected, "{fault:?}"),
            None => assert!(matches!(error.class, Class::Malformed { .. }), "{fault:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn an_answer_about_people_is_never_quoted() {
    let shop = Shop::open().await;
    shop.list("tea", 9);
    let id = shop.fake.book().place(&[("tea", 1)]).unwrap();
    shop.pass(60);
    let book = shop.fake.book();
    book.fault("orders.search", Fault::Truncate, Times::Next(1));
    let listed = shop.pull_error().await;
    book.fault("orders.get", Fault::Truncate, Times::Next(1));
    let asked = shop.mall.by_id(&[id]).await.unwrap_err();
    for error in [listed, asked] {
        assert!(matches!(error.class, Class::Malformed { .. }), "{error}");
        assert!(!error.to_string().contains("花子") && !error.to_string().contains("hanako"), "{error}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let shop = Shop::open().await;
    let opens = |group: &str, key: &str, value: Option<&str>| {
        let mut settings = shop.fake.settings("aupay-main");
        match (group, value) {
            ("options", Some(value)) => drop(settings.options.insert(key.to_owned(), value.to_owned())),
            (_, Some(value)) => drop(settings.credentials.insert(key.to_owned(), value.into())),
            (_, None) => drop(settings.credentials.remove(key)),
        }
        (MALL.open)(&settings, wire(&shop.env, &settings)).map(|_| ()).map_err(|error| error.key)
    };
    for (group, key, value) in [
        ("credentials", "api_key", None),
        ("credentials", "shop_id", None),
        ("credentials", "shop_id", Some("my shop")),
        ("options", "push_items_max", Some("0")),
        ("options", "push_items_max", Some("51")),
        ("options", "push_items_max", Some("many")),
    ] {
        assert_eq!(opens(group, key, value), Err(format!("{group}.{key}")), "{value:?}");
    }
    assert_eq!(opens("options", "push_items_max", Some("20")), Ok(()));
    assert_eq!(opens("options", "own_statuses", Some("取り寄せ中,入荷待ち")), Ok(()));
}

/// What a careless client would send: the fake refuses it in the mall's words.
#[tokio::test]
async fn the_fake_is_strict_about_requests() {
    let shop = Shop::open().await;
    let form = "application/x-www-form-urlencoded";
    let xml = "application/xml; charset=utf-8";
    let list = "searchTradeInfoListProc?shopId=10000000&startDate=20261120&endDate=20261120";
    let raw = format!("{list}&orderStatus=%94%AD%91%97%91%D2%82%BF");
    let unknown = format!("{list}&orderStatus=%E3%81%82");
    let item = "<stockUpdateItem><itemCode>tea</itemCode><stockSegment>1</stockSegment><stockCount>1</stockCount>\
                </stockUpdateItem>";
    let push = |shop_id: &str, items: &str| format!("<request><shopId>{shop_id}</shopId>{items}</request>");
    let table = [
        ("GET", list.replace("shopId=10000000&", ""), form, String::new(), "CME0021"),
        ("GET", list.replace("10000000", "10000001"), form, String::new(), "CME0021"),
        ("GET", list.to_owned(), "application/json", String::new(), "CME0010"),
        ("GET", list.replace("startDate=20261120", "startDate=2026-11-31"), form, String::new(), "CME0010"),
        ("GET", list.replace("startDate=20261120", "startDate=20261121"), form, String::new(), "CME0010"),
        ("GET", format!("{list}&totalCount=1001"), form, String::new(), "CME0010"),
        ("GET", format!("{list}&updatedFrom=20261120"), form, String::new(), "CME0010"),
        ("GET", raw, form, String::new(), "CME0010"),
        ("GET", unknown, form, String::new(), "CME0010"),
        ("GET", "searchStocks?shopId=10000000&totalCount=501".to_owned(), form, String::new(), "CME0010"),
        ("POST", "updateStock".to_owned(), form, push("10000000", item), "CME0010"),
        ("POST", "updateStock".to_owned(), xml, push("1", item), "CME0021"),
        ("POST", "updateStock".to_owned(), xml, push("10000000", &item.repeat(201)), "PME0120"),
        (
            "POST",
            "updateStock".to_owned(),
            xml,
            push("10000000", &item.replace(">1</stockC", ">-1</stockC")),
            "PME0103",
        ),
    ];
    for (method, path, mime, body, code) in table {
        shop.pass(2);
        let answer = send(&shop, method, &path, mime, &body).await;
        assert!(answer.contains(&format!("<code>{code}</code>")), "{path} {body:.60}: {answer}");
    }
    shop.list("tea", 1);
    for (figure, code) in [(">-1<", "PME0110"), (">1.5<", "PME0110"), (">100000<", "PME0110")] {
        shop.pass(2);
        let item = item.replace("<stockCount>1<", &format!("<stockCount{figure}"));
        let answer = send(&shop, "POST", "updateStock", xml, &push("10000000", &item)).await;
        assert!(answer.contains(&format!("<code>{code}</code>")), "{figure}: {answer}");
    }
}

async fn send(shop: &Shop, method: &str, path: &str, mime: &str, body: &str) -> String {
    let settings = shop.fake.settings("x");
    let url = format!("{}/wmshopapi/{path}", settings.base_url.unwrap());
    let mut request = HttpRequest::new(method.parse::<Method>().unwrap(), url);
    request.headers.insert("content-type", mime.parse().unwrap());
    request.headers.insert("authorization", "Bearer 0123456789abcdef-of-shop-a".parse().unwrap());
    request.body = body.into();
    String::from_utf8(shop.env.send(request).await.unwrap().body).unwrap()
}
