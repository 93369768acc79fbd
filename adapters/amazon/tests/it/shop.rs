//! What the shop lists, whose it is, who rings at its door, and its credentials.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uriba_sdk::{
    Applied, Class, Hint, Listed, Mall, Notice, Wire,
    fake::{Item, Notification, Stage},
    wire::{Gates, Safe, SafeInMemory, Vault},
};

use crate::bench::{Bench, fba};

impl Bench {
    async fn listed(&self) -> uriba_sdk::Result<(Vec<Listed>, usize)> {
        let catalogue = self.mall.extras().catalogue.unwrap();
        let (mut items, mut pages, mut token) = (Vec::new(), 0, None::<String>);
        loop {
            let shelf = catalogue.list(token.as_deref()).await?;
            items.extend(shelf.items);
            pages += 1;
            token = shelf.next;
            if token.is_none() {
                return Ok((items, pages));
            }
        }
    }

    fn ring(&self, notification: &Notification) -> Result<Hint, String> {
        let (headers, body) = (notification.header_map(), notification.body.as_slice());
        self.mall.extras().wakeup.unwrap().read(&Notice { headers: &headers, body })
    }

    fn ring_with(&self, body: &Value) -> Result<Hint, String> {
        self.ring(&self.fake.notification_of(body.to_string().as_bytes()).unwrap())
    }
}

#[tokio::test]
async fn the_catalogue_goes_beyond_the_thousand_that_one_search_shows() {
    for inclusive in [false, true] {
        let bench = Bench::open().await;
        bench.fake.set_switch("created_after_is_inclusive", inclusive);
        let mut keys: Vec<String> = (0..2_345).map(|n| bench.fake.mall_key(n)).collect();
        for key in &keys {
            bench.fake.book().list(key, Item::new(1));
        }
        let (items, pages) = bench.listed().await.unwrap();
        let mut found: Vec<String> = items.into_iter().map(|item| item.key).collect();
        assert!(pages > 100, "{pages} pages of twenty");
        found.sort();
        keys.sort();
        assert_eq!(found, keys, "each of them once");
    }
}

#[tokio::test]
async fn the_account_is_the_store_in_this_marketplace() {
    let bench = Bench::open().await;
    let account = bench.mall.extras().account.unwrap();
    let sheet = account.account().await.unwrap();
    assert_eq!(Some(sheet.shop), bench.fake.shop_name());
    assert!(sheet.ends.is_empty() && sheet.notes.len() == 1, "{:?}", sheet.notes);
    bench.fake.set_switch("no_role_for_the_account", true);
    bench.pass(2);
    let sheet = account.account().await.unwrap();
    assert_eq!(sheet.shop, bench.settings.credentials["seller_id"].expose_secret());
    assert!(sheet.notes.iter().any(|note| note.contains("Selling Partner Insights")));
}

#[tokio::test]
async fn an_order_change_names_its_order_however_it_was_forwarded() {
    let bench = Bench::open().await;
    let book = bench.fake.book();
    book.list("TEA", Item::new(10));
    book.list("FBA", fba(10));
    let id = book.place(&[("TEA", 1)]).unwrap();
    let event = bench.fake.notification(&id).unwrap();
    let names = |ids: &[&String]| Ok(Hint::Orders(ids.iter().map(|id| (*id).clone()).collect()));
    assert_eq!(bench.ring(&event), names(&[&id]));
    // Without EventBridge around it, and in a batch of SQS, which may hold it twice.
    let event: Value = serde_json::from_slice(&event.body).unwrap();
    let bare = event["detail"].clone();
    assert_eq!(bench.ring_with(&bare), names(&[&id]));
    let other = book.place(&[("TEA", 1)]).unwrap();
    let record = |id: &str| {
        let mut bare = bare.clone();
        bare["Payload"]["OrderChangeNotification"]["AmazonOrderId"] = json!(id);
        json!({ "messageId": "1", "body": bare.to_string() })
    };
    let batch = json!({ "Records": [record(&other), record(&id), record(&id)] });
    assert_eq!(bench.ring_with(&batch), names(&[&id, &other]));
    // What Amazon ships by itself is found by searches; what is another seller's is not ours.
    let theirs = book.place_as(&[("FBA", 1)], Stage::Ready, uriba_sdk::FulfilledBy::Mall).unwrap();
    assert_eq!(bench.ring(&bench.fake.notification(&theirs).unwrap()), Ok(Hint::Nothing));
    let with = |path: &str, value: Value| {
        let mut changed = bare.clone();
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    let change = "/Payload/OrderChangeNotification";
    assert_eq!(bench.ring_with(&with(&format!("{change}/SellerId"), json!("A1OTHER"))), Ok(Hint::Nothing));
    assert_eq!(bench.ring_with(&with("/NotificationType", json!("LISTINGS_ITEM_STATUS_CHANGE"))), Ok(Hint::Nothing));
    for odd in [json!(null), json!("../x"), json!(7)] {
        assert_eq!(bench.ring_with(&with(&format!("{change}/AmazonOrderId"), odd)), Ok(Hint::Search));
    }
    let many: Vec<_> = (0..101).map(|n| record(&format!("250-0000001-{n:07}"))).collect();
    assert_eq!(bench.ring_with(&json!({ "Records": many })), Ok(Hint::Search));
}

#[tokio::test]
async fn only_what_is_signed_over_its_bytes_is_believed() {
    let bench = Bench::open().await;
    bench.fake.book().list("TEA", Item::new(10));
    let id = bench.fake.book().place(&[("TEA", 1)]).unwrap();
    let good = bench.fake.notification(&id).unwrap();
    let bent = |change: &dyn Fn(&mut Notification)| {
        let mut bent = good.clone();
        change(&mut bent);
        bench.ring(&bent).unwrap_err()
    };
    assert!(bent(&|bent| bent.headers.clear()).contains("not signed"));
    assert!(bent(&|bent| bent.body.push(b' ')).contains("doesn't fit"));
    for text in ["", "zz", "+1", &good.headers[0].1[..62], &format!("{}00", good.headers[0].1)] {
        assert!(bent(&|bent| bent.headers[0].1 = text.into()).contains("hexadecimal"), "{text}");
    }
    assert!(bent(&|bent| bent.headers[0].1 = "0".repeat(64)).contains("doesn't fit"));
    // A function may spell it in capitals.
    let mut upper = good.clone();
    upper.headers[0].1 = upper.headers[0].1.to_uppercase();
    assert!(bench.ring(&upper).is_ok());
    for body in [json!({}), json!([]), json!(null), json!({ "detail": [] }), json!({ "Records": [{ "body": "x" }] })] {
        assert!(bench.ring_with(&body).is_err(), "{body}");
    }
}

#[tokio::test]
async fn without_a_shared_secret_nobody_can_ring() {
    let bench = Bench::open().await;
    let open = |secret: Option<&str>| {
        let mut settings = bench.settings.clone();
        settings.credentials.remove("hook_secret");
        settings.credentials.extend(secret.map(|secret| ("hook_secret".to_owned(), secret.to_owned().into())));
        (uriba_amazon::MALL.open)(&settings, bench.wire.clone())
    };
    assert!(open(None).unwrap().extras().wakeup.is_none());
    for short in ["", "  ", "fifteen letters"] {
        assert_eq!(open(Some(short)).err().unwrap().key, "credentials.hook_secret");
    }
    assert!(open(Some("sixteen letters!")).unwrap().extras().wakeup.is_some());
}

/// A safe that can be shut.
#[derive(Default)]
struct Shuttable {
    inner: SafeInMemory,
    shut: AtomicBool,
}

#[async_trait]
impl Safe for Shuttable {
    async fn get(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String> {
        self.inner.get(channel, name).await
    }

    async fn put(&self, channel: &str, name: &str, secret: &SecretString) -> Result<(), String> {
        if self.shut.load(Ordering::SeqCst) {
            return Err("the disk is full".into());
        }
        self.inner.put(channel, name, secret).await
    }
}

fn reopened(bench: &Bench, safe: &Arc<Shuttable>) -> Box<dyn Mall> {
    let vault = Arc::new(Vault::new(safe.clone()));
    let wire = Wire::new(bench.env.clone(), Arc::new(Gates::fresh()), vault, uriba_amazon::MALL.card, &bench.settings);
    (uriba_amazon::MALL.open)(&bench.settings, wire).unwrap()
}

async fn works(mall: &dyn Mall) -> uriba_sdk::Result<()> {
    mall.by_id(&["250-0000000-9999999".to_owned()]).await.map(drop)
}

#[tokio::test]
async fn a_refresh_token_that_amazon_replaces_outlives_the_process() {
    let bench = Bench::open().await;
    bench.fake.set_switch("refresh_token_rotates", true);
    let safe = Arc::<Shuttable>::default();
    // Each new one is used once and kills the one before it.
    for _ in 0..3 {
        assert!(works(reopened(&bench, &safe).as_ref()).await.is_ok());
        bench.pass(2);
    }
    let forgetful = Arc::<Shuttable>::default();
    let error = works(reopened(&bench, &forgetful).as_ref()).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("invalid_grant"), "the first one is dead by now");
}

#[tokio::test]
async fn a_refresh_token_that_cannot_be_kept_is_not_used_and_nothing_that_came_with_it_is() {
    let bench = Bench::open().await;
    bench.fake.set_switch("refresh_token_rotates", true);
    let safe = Arc::<Shuttable>::default();
    safe.shut.store(true, Ordering::SeqCst);
    let mall = reopened(&bench, &safe);
    bench.asked.lock().unwrap().clear();
    for _ in 0..3 {
        let error = works(mall.as_ref()).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::No });
        assert!(error.to_string().contains("the disk is full") && !format!("{error:?}").contains("Atzr"));
        bench.pass(2);
    }
    // The token endpoint was asked, and with the access token that it gave nothing was.
    let asked = bench.asked.lock().unwrap().clone();
    assert!(!asked.is_empty() && asked.iter().all(|what| what == "auth.token"), "{asked:?}");
    safe.shut.store(false, Ordering::SeqCst);
    assert!(works(mall.as_ref()).await.is_ok());
}
