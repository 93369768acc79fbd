//! Open orders that their mall doesn't have any more: gone, which gives their units back, or merely missing.

use uriba::{
    domain::intake::Manner,
    store::{
        intake::{Intake, Page},
        polling::{Progress, Work},
    },
};
use uriba_sdk::{Env, Found, FulfilledBy, Head, Line, Order};

use crate::support::{
    CARD, SHOP, TestBase, allowances, family, intake, line, on_every_database, order, seconds, unread,
};

fn named(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn gone(ids: &[&str]) -> Found {
    Found { gone: named(ids), ..Found::default() }
}

fn missing(ids: &[&str]) -> Found {
    Found { missing: named(ids), ..Found::default() }
}

/// The answer to a question about orders; a second passes.
async fn answered(base: &TestBase, found: &Found) {
    answered_as(base, &intake("a"), found).await;
}

async fn answered_as(base: &TestBase, intake: &Intake, found: &Found) {
    let lease = base.lease("a").await;
    let page = Page { read_at: base.env.now(), ..Page::of(found) };
    base.store.take_in(&lease, intake, page).await.unwrap();
    base.env.advance(seconds(1));
}

async fn all_is_sound(base: &TestBase) {
    let report = base.store.verify(&allowances(&["a"])).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}

async fn items(base: &TestBase) -> Vec<String> {
    base.attention("order_missing").await
}

#[tokio::test]
async fn units_of_an_order_that_is_gone_come_back_once_however_often_it_is_said() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.map("a", "three teas", "tea", 3).await;
        let lines = [line("tea", 2), Line { id: "b".into(), ..line("three teas", 1) }];
        base.read("a", &[Order { revision: Some(4), ..order("1", &lines) }, order("2", &[line("tea", 1)])]).await;
        let mut held = vec![base.unshipped("tea").await];
        for _ in 0..4 {
            answered(base, &gone(&["1", "never seen"])).await;
            held.push(base.unshipped("tea").await);
        }
        assert_eq!(held, [6, 6, 1, 1, 1], "as any state that gives units back it is seen twice first");
        assert_eq!(base.rows("SELECT id FROM mall_order").await.len(), 2, "one that nobody knew is nothing");
        assert_eq!(base.in_shop("tea").await, 10);
        base.recompute(&["a"]).await;
        assert_eq!((base.target("a", "tea").await, items(base).await.len()), (Some(9), 0));
        all_is_sound(base).await;
    })
    .await;
}

#[tokio::test]
async fn a_process_that_dies_between_two_answers_about_a_gone_order_loses_and_doubles_nothing() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 3)])]).await;
        let begun = base.env.now();
        answered(base, &gone(&["1"])).await;
        // It died with the answer in hand: the next one begins with what is in the database.
        let lease = base.lease("a").await;
        let again = base.another().await;
        let found = gone(&["1"]);
        for read_at in [begun, begun] {
            let page = Page { read_at, ..Page::of(&found) };
            again.take_in(&lease, &intake("a"), page).await.unwrap();
            assert_eq!(base.unshipped("tea").await, 3, "the same look is no second one");
        }
        for _ in 0..2 {
            let page = Page { read_at: base.env.now(), ..Page::of(&found) };
            again.take_in(&lease, &intake("a"), page).await.unwrap();
            assert_eq!(base.unshipped("tea").await, 0);
            base.env.advance(seconds(1));
        }
        all_is_sound(base).await;
    })
    .await;
}

#[tokio::test]
async fn a_gone_order_that_is_seen_in_between_or_afterwards_holds_its_units() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let bought = [order("1", &[line("tea", 3)])];
        let mut held = Vec::new();
        for said in [None, Some("1"), None, Some("1"), Some("1"), None] {
            match said {
                Some(id) => answered(base, &gone(&[id])).await,
                None => drop(base.read("a", &bought).await),
            }
            held.push(base.unshipped("tea").await);
        }
        assert_eq!(held, [3, 3, 3, 3, 0, 3]);
        let both = Found { orders: bought.to_vec(), ..gone(&["1"]) };
        for _ in 0..3 {
            answered(base, &both).await;
            assert_eq!(base.unshipped("tea").await, 3, "an order that is told is not gone");
        }
    })
    .await;
}

#[tokio::test]
async fn what_has_shipped_of_a_gone_order_stays_shipped_and_its_time_stays_known() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[Line { shipped: 1, ..line("tea", 3) }])]).await;
        let times = "SELECT o.placed_at, l.placed_at FROM mall_order o JOIN order_line l ON l.order_ref = o.id";
        let before = base.rows(times).await;
        for _ in 0..2 {
            answered(base, &gone(&["1"])).await;
        }
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (9, 0));
        assert_eq!(base.rows(times).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_gone_member_of_a_split_order_gives_back_what_no_other_member_holds() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let splits = Intake { manner: Manner { families: true, units_max: 10_000 }, ..intake("a") };
        let member = |id: &str, original, units| {
            let tea = Line { id: format!("{id}-1"), mall_key: Some("tea".into()), ..line("tea", units) };
            Order { family: family("1", original), ..order(id, &[tea]) }
        };
        base.read_as(&splits, &[member("1", true, 5)], &[]).await;
        base.read_as(&splits, &[member("1", true, 3), member("1-2", false, 2)], &[]).await;
        answered_as(base, &splits, &gone(&["1-2"])).await;
        assert_eq!(base.unshipped("tea").await, 5, "they may be anywhere in the family");
        let channel = base.store.channel("a").await.unwrap();
        let Work::Page(window) = base.store.poll_work(&channel, &CARD.orders).await.unwrap() else {
            panic!("the family is searched");
        };
        base.end_window(&splits, window.id).await;
        assert_eq!(base.unshipped("tea").await, 3);
        answered_as(base, &splits, &gone(&["1-2"])).await;
        assert_eq!(base.unshipped("tea").await, 3);
    })
    .await;
}

#[tokio::test]
async fn an_unread_order_that_is_gone_holds_and_forbids_nothing_any_more() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        assert_eq!(base.unshipped("tea").await, 1);
        answered(base, &gone(&["9"])).await;
        assert_eq!((base.unshipped("tea").await, base.attention("unread_order").await.len()), (0, 0));
        assert_eq!(base.rows("SELECT id FROM stop_raise WHERE ended_at IS NULL").await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_open_order_that_is_missing_is_named_with_what_it_holds_until_it_is_seen_again() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.map("a", "three cups", "cup", 3).await;
        let lines = [line("tea", 2), Line { id: "b".into(), shipped: 1, ..line("three cups", 2) }];
        let bought = [order("1", &lines)];
        base.read("a", &bought).await;
        for _ in 0..3 {
            answered(base, &missing(&["1"])).await;
            let said = items(base).await;
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].contains("a doesn't have order 1 any more, which holds 3 of cup, 2 of tea"), "{said:?}");
            assert_eq!(base.unshipped("tea").await, 2);
        }
        let [item] = &base.attention_items("order_missing").await[..] else { panic!("one item") };
        assert_eq!((item.subject.as_str(), item.channel.as_deref(), item.sku.as_deref()), ("a/1", Some("a"), None));
        base.read("a", &bought).await;
        assert_eq!(items(base).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_missing_order_that_a_list_names_or_that_holds_nothing_any_more_is_calmed() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 2)]), order("2", &[line("tea", 1)])]).await;
        answered(base, &missing(&["1", "2"])).await;
        assert_eq!(items(base).await.len(), 2);
        let lease = base.lease("a").await;
        let heads = vec![Head { id: "1".into(), placed_at: None, revision: None }];
        let progress = Progress::Page { window: 0, heads, next: None, read_to: None };
        let page = Page { read_at: base.env.now(), progress, ..Page::default() };
        base.store.take_in(&lease, &intake("a"), page).await.unwrap();
        let said = items(base).await;
        assert!(said.len() == 1 && said[0].contains("order 2 "), "{said:?}");
        for _ in 0..2 {
            assert_eq!(items(base).await.len(), 1);
            answered(base, &gone(&["2"])).await;
        }
        assert_eq!(items(base).await, Vec::<String>::new(), "it holds nothing any more");
    })
    .await;
}

#[tokio::test]
async fn a_missing_order_that_holds_nothing_of_ours_is_nobodys_concern() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let by_mall = Order { fulfilled_by: FulfilledBy::Mall, ..order("1", &[line("tea", 2)]) };
        let shipped = order("2", &[Line { shipped: 2, ..line("tea", 2) }]);
        base.read("a", &[by_mall, shipped, order("3", &[line("nothing known", 2)])]).await;
        answered(base, &missing(&["1", "2", "3", "never seen"])).await;
        assert_eq!(items(base).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_mall_that_forgets_everything_raises_no_more_than_a_person_can_look_at() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let ids: Vec<String> = (10..35).map(|n| n.to_string()).collect();
        let orders: Vec<Order> = ids.iter().map(|id| order(id, &[line("tea", 1)])).collect();
        base.read("a", &orders).await;
        let found = Found { missing: ids.clone(), ..Found::default() };
        for _ in 0..2 {
            answered(base, &found).await;
            let said = items(base).await;
            let of_all = said.iter().filter(|message| message.contains("more than 20 open orders")).count();
            assert_eq!((said.len(), of_all), (21, 1), "{said:?}");
        }
        // Ten are there again: the others are named.
        base.read("a", &orders[..10]).await;
        answered(base, &Found { missing: ids[10..].to_vec(), ..Found::default() }).await;
        let said = items(base).await;
        assert_eq!(said.len(), 15, "{said:?}");
        assert!(said.iter().all(|message| message.contains(" of tea")), "{said:?}");
    })
    .await;
}

#[tokio::test]
async fn a_missing_order_that_a_person_releases_gives_its_units_back_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[Line { shipped: 1, ..line("tea", 3) }])]).await;
        answered(base, &missing(&["1"])).await;
        let item = base.attention_items("order_missing").await.remove(0);
        for _ in 0..2 {
            base.store.resolve_attention(item.id, Some("release"), "maria").await.unwrap();
            assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (9, 0));
        }
        answered(base, &missing(&["1"])).await;
        assert_eq!(items(base).await, Vec::<String>::new());
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(9));
        all_is_sound(base).await;
        // The mall knew better in the end.
        base.read("a", &[order("1", &[Line { shipped: 1, ..line("tea", 3) }])]).await;
        assert_eq!(base.unshipped("tea").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_released_missing_order_goes_to_review_where_the_channel_wants_that() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.execute("UPDATE channel SET on_cancel = 'review'").await.unwrap();
        base.read("a", &[order("1", &[line("tea", 3)])]).await;
        answered(base, &missing(&["1"])).await;
        let item = base.attention_items("order_missing").await.remove(0);
        base.store.resolve_attention(item.id, Some("release"), "maria").await.unwrap();
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["review"], base.unshipped("tea").await), (7, 3, 0));
    })
    .await;
}

#[tokio::test]
async fn a_missing_order_that_a_person_lets_stand_is_not_named_again_before_it_was_seen() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let bought = [order("1", &[line("tea", 3)])];
        base.read("a", &bought).await;
        answered(base, &missing(&["1"])).await;
        let item = base.attention_items("order_missing").await.remove(0);
        base.store.resolve_attention(item.id, None, "maria").await.unwrap();
        answered(base, &missing(&["1"])).await;
        assert_eq!((items(base).await.len(), base.unshipped("tea").await), (0, 3));
        base.read("a", &bought).await;
        answered(base, &missing(&["1"])).await;
        assert_eq!(items(base).await.len(), 1);
    })
    .await;
}
