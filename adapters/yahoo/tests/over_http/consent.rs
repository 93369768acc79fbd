//! Whose store it is, what its owner grants, and a refresh token that may be replaced.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Applied, Class, Mall, MallError, Wire,
    env::Url,
    mall::ListingKey,
    wire::{Gates, Safe, SafeInMemory, Vault},
};
use uriba_yahoo::MALL;

use super::shop::{Shop, wire};

const REDIRECT: &str = "https://hub.example/back?channel=茶 & 器";

#[tokio::test]
async fn the_page_for_consent_carries_everything_and_no_secret() {
    let shop = Shop::open().await;
    let mut settings = shop.fake.settings("yahoo-main");
    settings.auth_url = None;
    let mall = (MALL.open)(&settings, wire(&shop.env, &settings)).unwrap();
    let page = mall.extras().consent.unwrap().page(REDIRECT, "a b+c&d").unwrap();
    let url = Url::parse(&page).unwrap();
    assert_eq!((url.host_str(), url.path()), (Some("auth.login.yahoo.co.jp"), "/yconnect/v2/authorization"));
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let expected = [
        ("response_type", "code"),
        ("client_id", settings.credentials["client_id"].expose_secret()),
        ("redirect_uri", REDIRECT),
        ("scope", "openid profile"),
        ("bail", "1"),
        ("state", "a b+c&d"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(!page.contains(settings.credentials["client_secret"].expose_secret()));
}

#[tokio::test]
async fn a_code_gives_a_refresh_token_once_and_for_its_own_address_only() {
    let shop = Shop::open().await;
    let consent = shop.mall.extras().consent.unwrap();
    let code = shop.fake.consent_code(REDIRECT).unwrap();
    let elsewhere = consent.redeem(&code, "https://elsewhere.example").await.unwrap_err();
    assert_eq!(elsewhere.class, Class::Auth { renewable: false });
    let granted = consent.redeem(&format!(" {code}\n"), REDIRECT).await.unwrap();
    assert_eq!(granted.len(), 1);
    assert_eq!(granted[0].0, "refresh_token");
    assert_eq!(consent.redeem(&code, REDIRECT).await.unwrap_err().code.as_deref(), Some("invalid_grant"));
    let late = shop.fake.consent_code(REDIRECT).unwrap();
    shop.pass(601);
    assert!(consent.redeem(&late, REDIRECT).await.is_err());
    let mut settings = shop.fake.settings("yahoo-main");
    settings.credentials.insert("refresh_token".into(), granted[0].1.clone());
    let mall = (MALL.open)(&settings, wire(&shop.env, &settings)).unwrap();
    assert!(works(mall.as_ref()).await.is_ok());
}

#[tokio::test]
async fn a_channel_without_refresh_token_opens_so_that_its_owner_can_consent() {
    let shop = Shop::open().await;
    let mut settings = shop.fake.settings("yahoo-main");
    settings.credentials.remove("refresh_token");
    let mall = (MALL.open)(&settings, wire(&shop.env, &settings)).unwrap();
    assert_eq!(works(mall.as_ref()).await.unwrap_err().class, Class::Auth { renewable: false });
    let code = shop.fake.consent_code(REDIRECT).unwrap();
    assert!(mall.extras().consent.unwrap().redeem(&code, REDIRECT).await.is_ok());
}

#[tokio::test]
async fn the_account_is_the_store_that_the_mall_counts_orders_for() {
    let shop = Shop::open().await;
    let account = shop.mall.extras().account.unwrap();
    let sheet = account.account().await.unwrap();
    assert_eq!(Some(sheet.shop), shop.fake.shop_name());
    assert!(sheet.notes.iter().any(|note| note.contains("28 days")));
    assert!(sheet.notes.iter().any(|note| note.contains("public key")));
    shop.pass(2);
    shop.fake.set_switch("public-key-expired", true);
    let error = account.account().await.unwrap_err();
    assert!(error.class == Class::Auth { renewable: false } && error.message.contains("public key"), "{error}");
}

#[tokio::test]
async fn the_stock_file_is_waited_for_and_lists_every_code() {
    for slow in [false, true] {
        let shop = Shop::open().await;
        shop.fake.set_switch("file-takes-a-while", slow);
        let mut keys: Vec<String> = (0..300).map(|n| shop.fake.mall_key(n)).collect();
        for key in &keys {
            shop.fake.book().list(key, uriba_sdk::fake::Item::new(1));
        }
        let catalogue = shop.mall.extras().catalogue.unwrap();
        let (mut found, mut pages, mut token) = (Vec::new(), 0, None::<String>);
        loop {
            let shelf = catalogue.list(token.as_deref()).await.unwrap();
            found.extend(shelf.items.into_iter().map(|item| item.key));
            pages += 1;
            token = shelf.next;
            if token.is_none() {
                break;
            }
        }
        keys.sort();
        assert_eq!(found, keys);
        // One question in five seconds, and the wait is a minute.
        assert!(if slow { (10..20).contains(&pages) } else { pages == 1 }, "{pages}");
        assert_eq!(shop.meters.violations(), Vec::<String>::new());
    }
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

fn reopened(shop: &Shop, safe: &Arc<Shuttable>) -> Box<dyn Mall> {
    let settings = shop.fake.settings("yahoo-main");
    let vault = Arc::new(Vault::new(safe.clone()));
    let wire = Wire::new(shop.env.clone(), Arc::new(Gates::fresh()), vault, MALL.card, &settings);
    (MALL.open)(&settings, wire).unwrap()
}

async fn works(mall: &dyn Mall) -> Result<(), MallError> {
    let key = ListingKey { key: "tea".into(), handle: None };
    mall.extras().readback.unwrap().read(&[key]).await.map(drop)
}

#[tokio::test]
async fn a_refresh_token_that_is_replaced_all_the_same_is_kept_before_anything_else_is_used() {
    let shop = Shop::open_with(&["refresh-token-rotates"]).await;
    let safe = Arc::<Shuttable>::default();
    for _ in 0..3 {
        assert!(works(reopened(&shop, &safe).as_ref()).await.is_ok());
        shop.pass(2);
    }
    safe.shut.store(true, Ordering::SeqCst);
    let mall = reopened(&shop, &safe);
    for _ in 0..2 {
        let error = works(mall.as_ref()).await.unwrap_err();
        assert_eq!((error.operation, error.class), ("auth.token", Class::Transient { applied: Applied::No }));
        shop.pass(2);
    }
    safe.shut.store(false, Ordering::SeqCst);
    assert!(works(mall.as_ref()).await.is_ok());
}
