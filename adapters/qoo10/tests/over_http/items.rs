//! Naming listings, what the shop lists, and whose shop it is.

use std::collections::BTreeSet;

use uriba_sdk::{Listed, Settings, fake::Item, mall::ListingKey};

use super::shop::{Shop, opened};

#[tokio::test]
async fn people_name_an_item_by_its_code_or_number_and_orders_by_the_key() {
    let shop = Shop::open().await;
    let keys: Vec<_> = (0..4).map(|n| shop.list(n, 5)).collect();
    let spelled: Vec<_> = keys.iter().map(|key| shop.fake.spelling(key)).collect();
    let resolved = shop.mall.resolve(&spelled).await.unwrap();
    for (key, resolved) in keys.iter().zip(&resolved) {
        let listing = resolved.key.clone().unwrap();
        assert_eq!(&listing.key, key);
        assert_eq!(shop.name(key).await, listing, "the same handle by either name");
        let id = shop.book().place(&[(key, 1)]).unwrap();
        shop.pass(60);
        assert_eq!(shop.order(&id).await.lines[0].mall_key.as_ref(), Some(key));
    }
    // By the number.
    let handle = shop.name(&keys[0]).await.handle.unwrap();
    let number: String = handle.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(shop.name(&number).await.key, keys[0]);
    // An option that the item doesn't have.
    let none = keys[1].replace("/c", "/x");
    assert_eq!(shop.name(&none).await, ListingKey { key: none, handle: None });
}

#[tokio::test]
async fn a_sellers_code_of_digits_is_not_taken_for_another_items_number() {
    let shop = Shop::open().await;
    let by_number = shop.list(2, 5);
    assert_eq!(by_number.len(), 10);
    let handle = shop.name(&by_number).await.handle.unwrap();
    assert!(handle.contains(&by_number));
    // A JAN as code.
    shop.book().list("4901234567894", Item::new(3));
    let listing = shop.name("4901234567894").await;
    assert_eq!(listing.key, "4901234567894");
    assert_eq!(shop.figure("4901234567894").await, Some(3));
}

#[tokio::test]
async fn one_walk_of_the_list_names_any_number_of_keys() {
    let shop = Shop::open().await;
    let keys: Vec<_> = (0..600).map(|n| shop.list(4 * n, 5)).collect();
    shop.asked();
    let resolved = shop.mall.resolve(&keys[..10]).await.unwrap();
    assert!(resolved.iter().all(|resolved| resolved.key.is_ok()));
    let asked = shop.asked();
    let count = |what: &str| asked.iter().filter(|asked| *asked == what).count();
    assert!(count("items.list") <= 2, "{asked:?}");
    assert_eq!(count("stock.read"), 10);
}

#[tokio::test]
async fn the_catalogue_lists_each_item_and_option_once() {
    let shop = Shop::open().await;
    let keys: BTreeSet<_> = (0..90).map(|n| shop.list(n, 5)).collect();
    shop.book().with_item("a-cup-0000", |item| item.siblings.insert("ItemStatus".into(), "S3".into()));
    let catalogue = shop.mall.extras().catalogue.unwrap();
    let (mut listed, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let shelf = catalogue.list(token.as_deref()).await.unwrap();
        listed.extend(shelf.items);
        pages += 1;
        token = shelf.next;
        if token.is_none() {
            break;
        }
    }
    assert!(pages > 1);
    let found: BTreeSet<_> = listed.iter().map(|listed| listed.key.clone()).collect();
    assert_eq!(found.len(), listed.len());
    // What is suspended can't be written, so it isn't offered.
    assert_eq!(&found | &BTreeSet::from(["a-cup-0000".to_owned()]), keys);
    assert!(!found.contains("a-cup-0000"));
    let option = listed.iter().find(|listed| listed.key.contains('/')).unwrap();
    assert_eq!(shop.fake.listed(&option.key), Some(option.clone()));
    assert!(catalogue.list(Some("9.1.0")).await.is_err() && catalogue.list(Some("x")).await.is_err());
    let bare = listed.iter().find(|listed| listed.key.starts_with("31")).unwrap();
    assert_eq!(*bare, Listed { key: bare.key.clone(), ..Listed::default() });
}

#[tokio::test]
async fn the_shop_is_named_by_its_orders() {
    let shop = Shop::open().await;
    let key = shop.list(0, 5);
    let account = shop.mall.extras().account.unwrap();
    let sheet = account.account().await.unwrap();
    assert_eq!((sheet.shop.as_str(), sheet.notes.len()), ("", 1));
    shop.book().place(&[(&key, 1)]).unwrap();
    shop.pass(60);
    assert_eq!(account.account().await.unwrap().shop, shop.fake.shop_name().unwrap());
    shop.fake.expire_credentials();
    assert_eq!(account.account().await.unwrap_err().class.word(), "auth");
}

#[tokio::test]
async fn settings_are_checked_before_the_first_request() {
    let shop = Shop::open().await;
    let settings = shop.fake.settings("qoo10-main");
    let wrong = |settings: Settings| {
        let wire = uriba_sdk::Wire::new(
            shop.env.clone(),
            std::sync::Arc::new(uriba_sdk::wire::Gates::fresh()),
            std::sync::Arc::new(uriba_sdk::wire::Vault::default()),
            uriba_qoo10::MALL.card,
            &settings,
        );
        (uriba_qoo10::MALL.open)(&settings, wire).err().map(|error| error.to_string())
    };
    let options = [("sale_end".to_owned(), "next year".to_owned())].into();
    let odd = wrong(Settings { options, ..settings.clone() });
    assert_eq!(odd.as_deref(), Some("options.sale_end is a date such as 2030-12-31"));
    let odd = wrong(Settings { credentials: [("key".to_owned(), "a\nb".into())].into(), ..settings.clone() });
    assert!(odd.is_some_and(|odd| odd.contains("credentials.key")));
    assert!(wrong(Settings { base_url: Some("api".into()), ..settings.clone() }).is_some());
    opened(&shop.env, &settings);
}
