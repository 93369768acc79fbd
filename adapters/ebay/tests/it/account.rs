//! Credentials, consent and the account over HTTP against the fake.

use secrecy::ExposeSecret;
use uriba_sdk::{
    AccountSheet, Class, Wire,
    fake::{Fault, Times},
    wire::{Gates, Vault},
};

use crate::bench::Bench;

async fn sheet(bench: &Bench) -> AccountSheet {
    bench.mall.extras().account.unwrap().account().await.unwrap()
}

fn notes(sheet: &AccountSheet) -> String {
    sheet.notes.join("\n")
}

#[tokio::test]
async fn consent_gives_a_refresh_token_and_its_end() {
    let bench = Bench::open().await;
    let consent = bench.mall.extras().consent.unwrap();
    let page = consent.page(&bench.fake.redirect(), "state&1").unwrap();
    assert!(page.contains("/oauth2/authorize?client_id=Uriba-") && page.ends_with("&state=state%261"), "{page}");
    assert!(page.contains("&redirect_uri=Uriba-urfake-a-xyz&") && page.contains("sell.inventory"), "{page}");
    let code = bench.fake.consent_code(&bench.fake.redirect()).unwrap();
    let given = consent.redeem(&code, &bench.fake.redirect()).await.unwrap();
    let keys: Vec<_> = given.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["refresh_token", "refresh_token_ends"]);
    assert_eq!(given[0].1.expose_secret(), bench.settings.credentials["refresh_token"].expose_secret());
    assert_eq!(given[1].1.expose_secret(), "2028-05-20T13:00:00Z");
    let again = consent.redeem(&code, &bench.fake.redirect()).await.unwrap_err();
    assert_eq!((again.class, again.code.as_deref()), (Class::Auth { renewable: false }, Some("invalid_grant")));
    // With these in its credentials the account knows.
    let mut settings = bench.settings.clone();
    settings.credentials.extend(given.into_iter().map(|(key, secret)| (key.to_owned(), secret)));
    let mall = (uriba_ebay::MALL.open)(&settings, bench.wire.clone()).unwrap();
    let sheet = mall.extras().account.unwrap().account().await.unwrap();
    assert_eq!(sheet.ends, [("refresh_token", "2028-05-20T13:00:00Z".parse().unwrap())]);
}

#[tokio::test]
async fn a_code_copied_from_the_address_is_redeemed_as_well() {
    let bench = Bench::open().await;
    let code = bench.fake.consent_code(&bench.fake.redirect()).unwrap();
    let copied = code.replace('^', "%5E").replace('#', "%23").replace('&', "%26").replace('=', "%3D");
    let consent = bench.mall.extras().consent.unwrap();
    assert!(consent.redeem(&copied, &bench.fake.redirect()).await.is_ok());
}

#[tokio::test]
async fn an_address_needs_the_name_that_ebay_keeps_it_under() {
    let bench = Bench::open().await;
    let address = "https://hub.example/consent";
    let error = bench.mall.extras().consent.unwrap().page(address, "s").unwrap_err();
    assert_eq!(error.key, "options.ru_name");
    let named = Bench::open_with(|settings| {
        settings.options.insert("ru_name".into(), "Uriba-urfake-a-xyz".into());
        settings.base_url = None;
        settings.auth_url = None;
    })
    .await;
    let page = named.mall.extras().consent.unwrap().page(address, "s").unwrap();
    assert!(page.starts_with("https://auth.ebay.com/oauth2/authorize?"), "{page}");
}

#[tokio::test]
async fn a_channel_without_a_refresh_token_opens_and_asks_for_consent() {
    let bench = Bench::open_with(|settings| {
        settings.credentials.remove("refresh_token");
    })
    .await;
    let error = bench.mall.by_id(&["12-00000-00001".to_owned()]).await.unwrap_err();
    assert_eq!((error.class, error.status), (Class::Auth { renewable: false }, None));
    assert!(error.message.contains("must consent"), "{}", error.message);
    assert!(bench.mall.extras().consent.unwrap().page("Uriba-urfake-a-xyz", "s").is_ok());
}

#[tokio::test]
async fn a_refresh_token_that_is_replaced_outlives_the_process() {
    let bench = Bench::open().await;
    bench.fake.set_switch("renewal_rotates_the_refresh_token", true);
    let safe = std::sync::Arc::new(uriba_sdk::wire::SafeInMemory::default());
    for _ in 0..3 {
        let vault = std::sync::Arc::new(Vault::new(safe.clone()));
        let gates = std::sync::Arc::new(Gates::fresh());
        let wire = Wire::new(bench.env.clone(), gates, vault, uriba_ebay::MALL.card, &bench.settings);
        let mall = (uriba_ebay::MALL.open)(&bench.settings, wire).unwrap();
        assert_eq!(mall.by_id(&["12-00000-00001".to_owned()]).await.unwrap().missing.len(), 1);
    }
}

#[tokio::test]
async fn the_account_says_whose_shop_it_is_and_what_a_zero_does() {
    let bench = Bench::open().await;
    let told = sheet(&bench).await;
    assert_eq!(Some(told.shop.clone()), bench.fake.shop_name());
    assert!(told.ends.is_empty() && !notes(&told).contains("out-of-stock"), "{told:?}");
    assert!(notes(&told).contains("only as it is granted"), "{told:?}");
    bench.fake.set_switch("out_of_stock_control_off", true);
    assert!(notes(&sheet(&bench).await).contains("a figure of zero ENDS the listing"));
}

#[tokio::test]
async fn a_renewal_that_names_the_end_is_believed() {
    let bench = Bench::open().await;
    bench.fake.set_switch("renewal_tells_the_end", true);
    let told = sheet(&bench).await;
    assert_eq!(told.ends, [("refresh_token", "2028-05-20T13:00:00Z".parse().unwrap())]);
}

#[tokio::test]
async fn what_the_seller_did_not_consent_to_is_named() {
    let bench = Bench::open().await;
    bench.fake.set_switch("few_scopes", true);
    let told = sheet(&bench).await;
    assert_eq!(told.shop, "");
    assert!(notes(&told).contains("commerce.identity.readonly") && notes(&told).contains("sell.account.readonly"));
    // Orders and stock go on.
    bench.list(&[("TEA", 5)]);
    assert_eq!(bench.shown("TEA").await, 5);
}

#[tokio::test]
async fn the_calls_that_are_left_are_read_at_run_time_and_set_the_pace() {
    let bench = Bench::open().await;
    let pace = |bench: &Bench| {
        let quotas = bench.wire.quotas();
        quotas.into_iter().map(|(name, _, state)| (name, state.rate.per_second)).collect::<Vec<_>>()
    };
    let rate = |bench: &Bench, name| pace(bench).into_iter().find(|(known, _)| *known == name).unwrap().1;
    let plenty = rate(&bench, "inventory");
    bench.orders(false).await;
    assert_eq!(bench.called("account.rates"), 1);
    assert!((rate(&bench, "inventory") - plenty).abs() < 1e-9, "as many as the card reckons with");
    bench.fake.set_switch("few_calls", true);
    bench.orders(false).await;
    assert_eq!(bench.called("account.rates"), 0, "not at every search");
    bench.pass(31);
    bench.orders(false).await;
    assert_eq!(bench.called("account.rates"), 1);
    // 5,000 calls until midnight in California, six and a half hours away.
    let slower = rate(&bench, "inventory");
    assert!((0.1..0.3).contains(&slower), "{slower}");
    let told = notes(&sheet(&bench).await);
    assert!(told.contains("of 5000 calls of the fulfillment API are left, renewed at 2026-11-20T08:00:00Z"), "{told}");
}

#[tokio::test]
async fn a_search_goes_on_where_the_calls_that_are_left_can_not_be_read() {
    let bench = Bench::open().await;
    bench.fake.book().fault("account.rates", Fault::Status(500), Times::Next(1));
    bench.list(&[("TEA", 5)]);
    bench.fake.book().place(&[("TEA", 1)]).unwrap();
    assert_eq!(bench.orders(false).await.len(), 1);
    bench.fake.book().fault("account.rates", Fault::Status(500), Times::Next(1));
    assert!(notes(&sheet(&bench).await).contains("can't be seen"));
}
