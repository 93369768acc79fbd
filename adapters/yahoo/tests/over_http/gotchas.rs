//! The sheet's seven gotchas, each as a test. Where one is about what the hub does, the test is about what the adapter
//! gives it for that.

use base64::{Engine, engine::general_purpose::STANDARD};
use uriba_sdk::{
    Applied, Class, Env, FulfilledBy, Outcome, Restored, Update, Write,
    env::{HttpAnswer, HttpRequest, TransportError},
    fake::{Fault, Item, Stage, Times},
    mall::ListingKey,
};
use uriba_yahoo::MALL;

use super::shop::Shop;

impl Shop {
    fn list(&self, n: usize, figure: i64) -> String {
        let key = self.fake.mall_key(n);
        self.fake.book().list(&key, Item::new(figure));
        key
    }

    async fn figure(&self, key: &str) -> Option<i64> {
        self.pass(1);
        let key = ListingKey { key: key.into(), handle: None };
        let readings = self.mall.extras().readback.unwrap().read(&[key]).await.unwrap();
        readings[0].found.and_then(|counter| counter.quantity)
    }

    async fn write(&self, key: &str, write: Write) -> Result<Outcome, Class> {
        self.pass(1);
        let update = Update { key: key.into(), handle: None, write };
        self.mall.push(&[update]).await.map(|mut outcomes| outcomes.remove(0)).map_err(|error| error.class)
    }
}

#[tokio::test]
async fn gotcha_1_unpaid_orders_lower_the_counter_and_a_cancel_may_or_may_not_raise_it() {
    for restores in [true, false] {
        let shop = Shop::open().await;
        let key = shop.list(0, 10);
        let book = shop.fake.book();
        book.with_item(&key, |item| item.restores_on_cancel = restores);
        let id = book.place_as(&[(&key, 4)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
        assert_eq!(shop.figure(&key).await, Some(6));
        book.cancel(&id);
        let (order, _) = shop.both(&id).await;
        assert_eq!((order.lines[0].cancelled, order.lines[0].restored), (4, Restored::Unknown));
        assert_eq!(shop.figure(&key).await, Some(if restores { 10 } else { 6 }), "only a reading tells");
    }
}

#[tokio::test]
async fn gotcha_2_changes_spare_orders_on_their_way_and_are_read_back_before_they_are_sent_again() {
    let shop = Shop::open().await;
    let (absolute, relative) = (shop.list(0, 10), shop.list(1, 10));
    let book = shop.fake.book();
    for key in [&absolute, &relative] {
        book.place(&[(key, 4)]).unwrap();
    }
    // One unit more in the warehouse, by a hub that has not seen those orders.
    assert_eq!(shop.write(&absolute, Write::Absolute(11)).await, Ok(Outcome::Applied { now: Some(11) }));
    assert_eq!(shop.write(&relative, Write::Relative(1)).await, Ok(Outcome::Applied { now: Some(7) }));
    for (fault, figure) in [(Fault::CloseBefore, 7), (Fault::CloseAfter, 5)] {
        book.fault("stock.push", fault, Times::Next(1));
        let class = shop.write(&relative, Write::Relative(-2)).await.unwrap_err();
        assert_eq!(class, Class::Transient { applied: Applied::Unknown });
        assert_eq!(shop.figure(&relative).await, Some(figure));
    }
}

#[tokio::test]
async fn gotcha_3_consent_key_and_address_each_wait_for_a_person() {
    let card = MALL.card;
    let life = |key: &str| card.credentials.iter().find(|credential| credential.key == key).unwrap().life;
    let days = |days: u64| Some(std::time::Duration::from_secs(days * 86_400));
    assert_eq!((life("refresh_token"), life("public_key")), (days(28), days(365)));
    let told = |switch: &'static str| async move {
        let shop = Shop::open_with(&[switch]).await;
        let error = shop.mall.pull(&shop.day(false)).await.unwrap_err();
        assert_eq!(error.class, Class::Auth { renewable: false });
        error.message
    };
    assert!(told("public-key-expired").await.contains("public key"));
    assert!(told("unregistered-ip").await.contains("IP address"));
    let shop = Shop::open().await;
    shop.pass(28 * 86_400);
    let error = shop.mall.pull(&shop.day(false)).await.unwrap_err();
    assert!(error.message.contains("consent again"), "{error}");
}

/// Remembers the signatures that were sent.
struct Listening {
    env: std::sync::Arc<uriba_sdk::fake::ManualEnv>,
    signatures: std::sync::Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Env for Listening {
    fn now(&self) -> jiff::Timestamp {
        self.env.now()
    }

    fn elapsed(&self) -> std::time::Duration {
        self.env.elapsed()
    }

    async fn sleep(&self, length: std::time::Duration) {
        self.env.sleep(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.env.fill(bytes);
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        let signature = request.headers.get("x-sws-signature").and_then(|value| value.to_str().ok());
        self.signatures.lock().unwrap().extend(signature.map(str::to_owned));
        self.env.send(request).await
    }
}

#[tokio::test]
async fn gotcha_4_the_signature_is_an_encryption_so_it_is_another_one_each_time() {
    let shop = Shop::open().await;
    let settings = shop.fake.settings("yahoo-main");
    let listening = std::sync::Arc::new(Listening { env: shop.env.clone(), signatures: Default::default() });
    let (gates, vault) = (uriba_sdk::wire::Gates::fresh(), uriba_sdk::wire::Vault::default());
    let wire = uriba_sdk::Wire::new(listening.clone(), gates.into(), vault.into(), MALL.card, &settings);
    let mall = (MALL.open)(&settings, wire).unwrap();
    // At the same second, for the same store: what is signed is the same, and the fake accepts each.
    mall.pull(&shop.day(false)).await.unwrap();
    let _ = mall.by_id(&["cha-a-1".to_owned()]).await.unwrap();
    let signatures = listening.signatures.lock().unwrap().clone();
    assert!(signatures.len() >= 2 && signatures[0] != signatures[1]);
    for signature in signatures {
        assert_eq!(STANDARD.decode(signature).unwrap().len(), 128, "as long as the key");
    }
}

#[tokio::test]
async fn gotcha_5_a_code_that_the_store_lacks_is_taken_in_silence() {
    let shop = Shop::open().await;
    let absent = shop.fake.mall_key(7);
    assert_eq!(shop.write(&absent, Write::Absolute(3)).await, Ok(Outcome::Applied { now: None }));
    assert_eq!(shop.write(&absent, Write::Relative(3)).await, Ok(Outcome::Unknown));
    assert_eq!(shop.figure(&absent).await, None, "getStock says that there is no such item");
}

#[tokio::test]
async fn gotcha_6_nobody_rings_and_the_order_counts_are_a_cheap_question() {
    let shop = Shop::open().await;
    assert!(shop.mall.extras().wakeup.is_none());
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hears = heard.clone();
    shop.fake.book().listen(move |answered| hears.lock().unwrap().push(answered.what));
    shop.mall.extras().account.unwrap().account().await.unwrap();
    assert_eq!(*heard.lock().unwrap(), ["auth.token", "account.read"], "one request, however many orders there are");
}

#[tokio::test]
async fn gotcha_7_reserved_and_held_orders_keep_their_stock() {
    let shop = Shop::open().await;
    let key = shop.list(0, 100);
    let mut ids = Vec::new();
    for stage in [Stage::PreOrder, Stage::OnHold, Stage::Unpaid] {
        let id = shop.fake.book().place_as(&[(&key, 2)], stage, FulfilledBy::Seller).unwrap();
        shop.pass(2);
        assert_eq!(shop.both(&id).await.0.lines[0].unshipped(), 2, "{stage:?}");
        ids.push(id);
    }
    shop.pass(2);
    assert_eq!(shop.ids(shop.day(true)).await, ids, "they are among the open ones");
}
