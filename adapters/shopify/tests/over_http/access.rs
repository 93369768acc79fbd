//! Tokens, versions and settings.

use std::sync::Arc;

use secrecy::SecretString;
use uriba_sdk::{
    Class, Settings, Wire,
    fake::ManualEnv,
    wire::{Gates, Vault},
};
use uriba_shopify::{MALL, fake};

use super::shop::Shop;

#[tokio::test]
async fn a_token_lives_a_day_and_is_then_asked_for_again() {
    let shop = Shop::open().await;
    let granted = |shop: &Shop| shop.env.addresses().iter().filter(|url| url.contains("oauth")).count();
    shop.page(1, None).await.unwrap();
    shop.pass(80_000);
    shop.page(1, None).await.unwrap();
    assert_eq!(granted(&shop), 1);
    shop.pass(7_000);
    shop.page(1, None).await.unwrap();
    assert_eq!(granted(&shop), 2);
}

#[tokio::test]
async fn a_fixed_token_needs_no_grant_and_has_no_successor() {
    let shop = Shop::open_with(|settings| {
        settings.credentials = [("access_token".into(), SecretString::from("shpat_a_0f9e8d7c6b5a4938"))].into();
    })
    .await;
    shop.page(1, None).await.unwrap();
    assert!(shop.env.addresses().iter().all(|url| !url.contains("oauth")));
    assert!(shop.mall.extras().wakeup.is_none(), "without the app's secret no notice can be believed");
    shop.fake.expire_credentials();
    assert_eq!(shop.page(1, None).await.unwrap_err().class, Class::Auth { renewable: false });
}

#[tokio::test]
async fn a_wrong_secret_asks_for_a_person_and_is_not_shown() {
    let shop = Shop::open_with(|settings| {
        settings.credentials.insert("client_secret".into(), SecretString::from("shpss_wrong_secret"));
    })
    .await;
    let error = shop.page(1, None).await.unwrap_err();
    assert_eq!(
        (error.class.clone(), error.code.as_deref()),
        (Class::Auth { renewable: false }, Some("invalid_client"))
    );
    assert!(!format!("{error:?}").contains("shpss_wrong_secret"));
}

#[tokio::test]
async fn another_version_than_the_one_asked_for_is_noted() {
    let shop = Shop::open().await;
    let sheet = shop.account().account().await.unwrap();
    assert_eq!((sheet.shop.as_str(), sheet.notes.len()), ("見本茶舗 (a-tea.myshopify.com)", 0));
    shop.fake.set_switch(fake::OTHER_VERSION, true);
    let notes = shop.account().account().await.unwrap().notes.join("\n");
    assert!(notes.contains("2026-10") && notes.contains("2027-07 answered"), "{notes}");
}

#[test]
fn settings_that_can_not_work_are_named() {
    let good = || Settings {
        channel: "s".into(),
        credentials: [("access_token".into(), SecretString::from("shpat_1"))].into(),
        options: [("shop".into(), "https://My-Store.myshopify.com/".into())].into(),
        ..Settings::default()
    };
    let open = |change: fn(&mut Settings)| {
        let mut settings = good();
        change(&mut settings);
        let (gates, vault) = (Arc::new(Gates::fresh()), Arc::new(Vault::default()));
        let wire = Wire::new(Arc::new(ManualEnv::new(1)), gates, vault, MALL.card, &settings);
        (MALL.open)(&settings, wire).err().map(|error| error.key)
    };
    fn set(settings: &mut Settings, key: &str, value: &str) {
        settings.options.insert(key.into(), value.into());
    }
    assert_eq!(open(|_| ()), None);
    assert_eq!(open(|settings| set(settings, "shop", "shop.example.com")).as_deref(), Some("options.shop"));
    assert_eq!(open(|settings| settings.options.clear()).as_deref(), Some("options.shop"));
    for version in ["2026-01", "unstable", "2026", "26-04"] {
        let wrong = match version {
            "2026-01" => open(|settings| set(settings, "api_version", "2026-01")),
            "unstable" => open(|settings| set(settings, "api_version", "unstable")),
            "2026" => open(|settings| set(settings, "api_version", "2026")),
            _ => open(|settings| set(settings, "api_version", "26-04")),
        };
        assert_eq!(wrong.as_deref(), Some("options.api_version"), "{version}");
    }
    assert_eq!(open(|settings| set(settings, "location", "本店")).as_deref(), Some("options.location"));
    assert_eq!(open(|settings| set(settings, "location", " 908 ")), None);
    assert_eq!(open(|settings| settings.credentials.clear()).as_deref(), Some("credentials.client_id"));
}
