//! What the shop lists, and whose it is.

use uriba_sdk::{Class, Listed, fake::Item};

use super::{World, world};

impl World {
    async fn listed(&self) -> (Vec<Listed>, usize) {
        let catalogue = self.mall.extras().catalogue.expect("Rakuten lists");
        let (mut items, mut pages, mut token) = (Vec::new(), 0, None::<String>);
        loop {
            let shelf = catalogue.list(token.as_deref()).await.expect("a page");
            items.extend(shelf.items);
            pages += 1;
            token = shelf.next;
            if token.is_none() {
                return (items, pages);
            }
        }
    }
}

#[tokio::test]
async fn every_variant_of_every_item_is_listed_once() {
    let world = world().await;
    let mut keys: Vec<String> = (0..700).map(|n| world.list(n, 5)).collect();
    let (mut items, pages) = world.listed().await;
    items.sort_by(|one, other| one.key.cmp(&other.key));
    keys.sort();
    assert!(pages > 3, "{pages} pages of a hundred items");
    assert_eq!(items.iter().map(|item| &item.key).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    for item in items {
        assert_eq!(Some(item.clone()), world.fake.listed(&item.key));
    }
}

#[tokio::test]
async fn a_shop_without_items_lists_nothing_however_it_is_told() {
    for told_by_404 in [false, true] {
        let world = world().await;
        world.fake.set_switch("no_items_is_404", told_by_404);
        assert_eq!(world.listed().await, (Vec::new(), 1));
    }
}

#[tokio::test]
async fn the_account_names_the_shop_and_the_end_of_its_key() {
    let world = world().await;
    let sheet = world.mall.extras().account.unwrap().account().await.unwrap();
    assert_eq!(Some(sheet.shop), world.fake.shop_name());
    assert_eq!(sheet.ends.len(), 1);
    assert_eq!((sheet.ends[0].0, sheet.ends[0].1.to_string().as_str()), ("license_key", "2027-01-19T14:59:59Z"));
    assert_eq!(sheet.notes, Vec::<String>::new());
}

#[tokio::test]
async fn functions_that_are_not_ticked_leave_the_shops_number_and_say_what_to_tick() {
    let world = world().await;
    for function in ["shop.shopMaster.get", "license.expiryDate.get"] {
        world.fake.set_switch(&format!("function:{function}"), false);
    }
    let account = world.mall.extras().account.unwrap();
    let sheet = account.account().await.unwrap();
    assert_eq!((sheet.shop.as_str(), sheet.ends.len()), ("400001", 0));
    let told = sheet.notes.join("\n");
    assert!(told.contains("shop.shopMaster.get") && told.contains("license.expiryDate.get"), "{told}");
    world.fake.expire_credentials();
    world.fake.book().list(&world.fake.mall_key(0), Item::new(1));
    assert_eq!(account.account().await.unwrap_err().class, Class::Auth { renewable: false });
}
