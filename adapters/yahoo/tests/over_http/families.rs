//! Split orders, in each of the ways that the mall may state them.

use uriba_sdk::{Env, Line, Order, Query, Span, fake::Item};

use super::shop::Shop;

const WAYS: [&[&str]; 5] = [
    &[],
    &["children-carry-is-split"],
    &["original-keeps-quantity"],
    &["split-replaces-original"],
    &["split-replaces-original", "children-carry-is-split"],
];

/// Five units, of which two were cut off into an order of their own.
async fn split(switches: &[&str]) -> (Shop, String, String) {
    let shop = Shop::open_with(switches).await;
    let key = shop.fake.mall_key(1);
    shop.fake.book().list(&key, Item::new(9));
    let original = shop.fake.book().place(&[(&key, 5)]).unwrap();
    shop.pass(3_600);
    let child = shop.fake.book().split(&original, "1", 2).unwrap();
    (shop, original, child)
}

fn family_of(id: &str) -> Query {
    Query { span: Span::Family(id.into()), open_only: false, token: None }
}

#[tokio::test]
async fn the_family_search_finds_the_original_and_all_children() {
    for switches in WAYS {
        let (shop, original, child) = split(switches).await;
        let mut found = shop.ids(family_of(&original)).await;
        found.sort();
        assert!(found.contains(&original) && found.contains(&child), "{switches:?}: {found:?}");
        let replaced = switches.contains(&"split-replaces-original");
        assert_eq!(found.len(), if replaced { 3 } else { 2 }, "{switches:?}: {found:?}");
    }
}

#[tokio::test]
async fn members_tell_their_family_and_what_the_line_first_was() {
    for switches in WAYS {
        let (shop, original, child) = split(switches).await;
        let (parent_order, expressible) = shop.both(&original).await;
        assert_eq!(parent_order, expressible, "{switches:?}");
        assert_eq!(parent_order.lines[0].original, Some(5), "{switches:?}");
        let (child_order, expressible) = shop.both(&child).await;
        assert_eq!(child_order, expressible, "{switches:?}");
        for (order, is_original) in [(&parent_order, true), (&child_order, false)] {
            let family = order.family.as_ref().unwrap();
            assert_eq!((family.id.as_str(), family.original), (original.as_str(), is_original), "{switches:?}");
        }
    }
}

#[tokio::test]
async fn the_units_of_a_split_add_up_unless_the_mall_states_them_twice() {
    for switches in WAYS {
        let (shop, original, _) = split(switches).await;
        let ids = shop.ids(family_of(&original)).await;
        let members: Vec<Order> = shop.mall.by_id(&ids).await.unwrap().orders;
        let held: u32 = members.iter().flat_map(|order| &order.lines).map(Line::unshipped).sum();
        let cancelled: u32 = members.iter().flat_map(|order| &order.lines).map(|line| line.cancelled).sum();
        // Stated twice, it is more than was ever ordered, which the hub can see and raises.
        let twice = switches.contains(&"original-keeps-quantity");
        assert_eq!((held, cancelled), (if twice { 7 } else { 5 }, 0), "{switches:?}");
    }
}

#[tokio::test]
async fn an_old_family_is_searched_window_by_window() {
    let (shop, original, child) = split(&[]).await;
    shop.pass(70 * 86_400);
    shop.fake.renew_credentials();
    let began = shop.env.now();
    let ids = shop.ids(family_of(&original)).await;
    assert_eq!(ids, [original, child]);
    let took = shop.env.now().duration_since(began).as_secs();
    assert!(took >= 5, "the order itself, then two searches in each of three windows, a second apart: {took}");
    assert_eq!(shop.ids(family_of("cha-a-1")).await, Vec::<String>::new());
}
