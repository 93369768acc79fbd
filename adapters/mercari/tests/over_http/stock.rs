//! Writing, reading and naming stock; whose shop it is.

use secrecy::SecretString;
use uriba_sdk::{
    Class, Outcome, RefusedWhy,
    fake::{Fault, Times},
};

use super::shop::{Shop, now};

fn why(outcome: &Outcome) -> Option<RefusedWhy> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.why),
        _ => None,
    }
}

#[tokio::test]
async fn a_code_and_an_id_name_the_same_listing_and_the_handle_is_never_typed() {
    let shop = Shop::open().await;
    let (coded, bare) = (shop.list(1, 5), shop.list(4, 6));
    let listings = shop.listings(&[coded.clone(), shop.fake.spelling(&coded), bare.clone(), "no-such".into()]).await;
    assert_eq!(listings[0], listings[1], "by code and by id");
    assert_eq!((&listings[0].key, &listings[2].key), (&coded, &bare), "without a code the id is the key");
    let id = listings[0].handle.as_deref().unwrap().rsplit_once('/').unwrap().1;
    assert_eq!(id, shop.fake.spelling(&coded));
    assert_eq!((listings[3].key.as_str(), &listings[3].handle), ("no-such", &None));
    assert_eq!(shop.read("no-such").await, None);
}

#[tokio::test]
async fn only_the_bad_one_of_a_batch_is_refused() {
    for switches in [&[][..], &["batch-per-entry"], &["words-in-messages"], &["batch-unknown"]] {
        let shop = Shop::open_with(switches).await;
        let keys: Vec<_> = (0..5).map(|n| shop.list(n, 5)).collect();
        let gone = shop.fake.mall_key(900);
        let outcomes = shop.push(&[(&keys[0], 7), (&gone, 3), (&keys[1], 0), (&keys[4], 10_000)]).await.unwrap();
        assert_eq!((&outcomes[0], &outcomes[2]), (&now(7), &now(0)), "{switches:?}");
        assert_eq!(why(&outcomes[1]), Some(RefusedWhy::NoSuchItem), "{switches:?}");
        assert_eq!(why(&outcomes[3]), Some(RefusedWhy::OutOfRange), "{switches:?}");
        assert_eq!([0, 1, 4].map(|n| shop.figure(&keys[n])), [7, 0, 5], "{switches:?}");
        assert_eq!(shop.meters.violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn one_that_is_busy_in_a_batch_is_written_by_itself() {
    let shop = Shop::open().await;
    let keys = [shop.list(0, 5), shop.list(1, 5)];
    shop.book().fault("updateProductVariants", Fault::Partial, Times::Next(1));
    assert_eq!(shop.push(&[(&keys[0], 7), (&keys[1], 8)]).await.unwrap(), [now(7), now(8)]);
}

#[tokio::test]
async fn a_batch_that_the_mall_does_not_know_is_written_one_by_one_from_then_on() {
    let shop = Shop::open_with(&["batch-unknown"]).await;
    let keys: Vec<_> = (0..3).map(|n| shop.list(n, 5)).collect();
    let writes = [(&keys[0], 1), (&keys[1], 2), (&keys[2], 3)];
    assert_eq!(shop.push(&writes).await.unwrap(), [now(1), now(2), now(3)]);
    // The batch isn't tried again: it would be refused by now, and nothing is.
    shop.book().fault("updateProductVariants", Fault::Expired, Times::Next(1));
    assert_eq!(shop.push(&writes).await.unwrap(), [now(1), now(2), now(3)]);
    // After one that got lost the others are not sent.
    shop.book().fault("updateProductVariant", Fault::Delay(std::time::Duration::ZERO), Times::Next(1));
    shop.book().fault("updateProductVariant", Fault::StatusAfter(500), Times::Next(1));
    let outcomes = shop.push(&[(&keys[0], 7), (&keys[1], 8), (&keys[2], 9)]).await.unwrap();
    assert_eq!(outcomes[..2], [now(7), Outcome::Unknown]);
    assert_eq!(why(&outcomes[2]), Some(RefusedWhy::Busy));
    assert_eq!([0, 1, 2].map(|n| shop.figure(&keys[n])), [7, 8, 3]);
    // And where nothing was sent at all, the error says why.
    shop.book().fault("updateProductVariant", Fault::Expired, Times::Next(1));
    let error = shop.push(&writes).await.unwrap_err();
    assert_eq!(error.class, Class::Auth { renewable: false });
}

#[tokio::test]
async fn a_shop_that_is_not_published_takes_no_figures_and_its_sheet_says_so() {
    let shop = Shop::open().await;
    let key = shop.list(0, 5);
    let account = shop.mall.extras().account.unwrap();
    assert!(account.account().await.unwrap().notes.is_empty());
    shop.fake.set_switch("unpublished-shop", true);
    let outcomes = shop.push(&[(&key, 7)]).await.unwrap();
    let Outcome::Refused(refusal) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!((refusal.why, refusal.code.as_deref()), (RefusedWhy::Other, Some("PERMISSION_DENIED")));
    let sheet = account.account().await.unwrap();
    assert_eq!(Some(sheet.shop), shop.fake.shop_name());
    assert!(sheet.notes[0].contains("UNOPENED"), "{:?}", sheet.notes);
}

#[tokio::test]
async fn the_shelf_lists_each_variant_once_over_several_pages() {
    let shop = Shop::open().await;
    let mut keys: Vec<_> = (0..80).map(|n| shop.list(n, 1)).collect();
    let extras = shop.mall.extras();
    let (catalogue, mut listed, mut token, mut pages) = (extras.catalogue.unwrap(), Vec::new(), None, 0);
    loop {
        let shelf = shop.patiently(|| catalogue.list(token.as_deref())).await.unwrap();
        listed.extend(shelf.items);
        (token, pages) = (shelf.next, pages + 1);
        if token.is_none() {
            break;
        }
    }
    assert!(pages > 1);
    assert!(listed.iter().all(|item| *item == shop.fake.listed(&item.key).unwrap()));
    let mut found: Vec<_> = listed.into_iter().map(|item| item.key).collect();
    found.sort();
    keys.sort();
    assert_eq!(found, keys);
}

#[tokio::test]
async fn the_client_name_is_required_with_or_without_a_version() {
    let shop = Shop::open().await;
    shop.pass(60);
    let named = |name: &'static str| {
        shop.reopened(|settings| {
            settings.credentials.insert("client_name".into(), SecretString::from(name));
        })
    };
    assert!(named("URIBA_TESTERS/2.1.0").pull(&shop.day(false)).await.is_ok());
    let error = named("SOMEBODY").pull(&shop.day(false)).await.unwrap_err();
    assert_eq!(error.class, Class::Auth { renewable: false });
    assert!(error.message.contains("client_name"), "{error}");
    // The address of the endpoint itself is understood too.
    let whole = shop.reopened(|settings| settings.base_url.as_mut().unwrap().push_str("/v1/graphql"));
    assert!(whole.pull(&shop.day(false)).await.is_ok());
}

#[tokio::test]
async fn a_token_of_the_other_environment_asks_for_a_person() {
    let shop = Shop::open_with(&["other-environment"]).await;
    let error = shop.mall.pull(&shop.day(false)).await.unwrap_err();
    assert_eq!((&error.class, error.status), (&Class::Auth { renewable: false }, Some(400)));
    assert!(error.message.contains("environment"), "{error}");
}
