//! Orders that can't be read: kept, held, and stopping raises until a person has looked.

use jiff::SignedDuration;
use uriba::{
    domain::intake::Manner,
    store::{
        intake::Page,
        sheets::{OrderFilter, Paging},
    },
};
use uriba_sdk::{Env, Unread};

use crate::support::{CARD, TestBase, allowances, intake, line, on_every_database, order, outlet, seconds, unread};

#[tokio::test]
async fn an_unread_order_is_kept_and_hides_no_neighbour() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let odd = unread("9", &["tea"]);
        let taken = base.read_as(&intake("a"), &[order("1", &[line("tea", 2)])], std::slice::from_ref(&odd)).await;
        assert_eq!((taken.orders, taken.unread, base.unshipped("tea").await), (1, 1, 3));
        base.read_as(&intake("a"), &[], &[odd]).await;
        let items = base.attention("unread_order").await;
        assert_eq!(items.len(), 1, "{items:?}");
        assert!(items[0].contains("order 9 of a") && items[0].contains("quantity is missing"), "{items:?}");
        assert_eq!(base.rows("SELECT id FROM unread_order").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn it_stops_raises_of_its_items_until_somebody_has_looked() {
    on_every_database(async |base| {
        raised_by_five(base).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        assert_eq!(claims(base).await, 0, "who knows how many of them that order takes");
        assert_eq!(claims_of_lower(base).await, 1, "less is always safe");
        let item = base.attention_items("unread_order").await.remove(0);
        base.store.resolve_attention(item.id, None, "somebody").await.unwrap();
        raised_by_five(base).await;
        assert_eq!(claims(base).await, 1);
        assert_eq!(base.attention("unread_order").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_quantity_that_nobody_orders_is_not_believed() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let careful =
            uriba::store::intake::Intake { manner: Manner { families: false, units_max: 100 }, ..intake("a") };
        base.read_as(&careful, &[order("1", &[line("tea", 100)]), order("2", &[line("tea", 101)])], &[]).await;
        assert_eq!(base.unshipped("tea").await, 101, "one of the hundred and one is held");
        let items = base.attention("unread_order").await;
        assert_eq!(items.len(), 1, "{items:?}");
        assert!(items[0].contains("101 units") && items[0].contains("units_per_line"), "{items:?}");
    })
    .await;
}

#[tokio::test]
async fn it_holds_one_sale_of_each_item_that_could_be_recognised() {
    on_every_database(async |base| {
        base.trade(&["a", "b"], "tea", 10).await;
        base.map("a", "tea-3-pack", "tea", 3).await;
        let odd = unread("9", &["tea", "tea-3-pack", "pot", "tea"]);
        for _ in 0..2 {
            base.read_as(&intake("a"), &[], std::slice::from_ref(&odd)).await;
            base.recompute(&["a", "b"]).await;
            assert_eq!((base.unshipped("tea").await, base.target("b", "tea").await), (4, Some(6)));
        }
        let sheet = base.store.order_sheet("a", "9").await.unwrap();
        let lines: Vec<_> = sheet.lines.iter().map(|line| (line.line.as_str(), line.units, line.unshipped)).collect();
        assert_eq!(lines, [("pot", None, 1), ("tea", Some(1), 1), ("tea-3-pack", Some(3), 1)]);
        let filter = OrderFilter { sku: Some("tea".into()), ..OrderFilter::default() };
        let found = base.store.order_sheets(&filter, &Paging::new(None, None)).await.unwrap();
        assert_eq!(found.items, [sheet], "it is one of the orders that hold tea");
        adds_up(base).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_known_of_the_order_is_not_held_twice() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.trade(&["a"], "cup", 10).await;
        base.read("a", &[order("9", &[line("tea", 3)])]).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea", "cup"])]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (3, 1));
        let sheet = base.store.order_sheet("a", "9").await.unwrap();
        assert_eq!((sheet.state.as_str(), sheet.unshipped), ("unread", 4));
        adds_up(base).await;
    })
    .await;
}

#[tokio::test]
async fn a_later_state_that_can_be_read_takes_its_place_at_once() {
    on_every_database(async |base| {
        raised_by_five(base).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        let early = base.env.now() - SignedDuration::from_secs(60);
        let lease = base.lease("a").await;
        let [read] = [order("9", &[line("tea", 3)])];
        let page = |read_at| Page { orders: std::slice::from_ref(&read), read_at, ..Page::default() };
        base.store.take_in(&lease, &intake("a"), page(early)).await.unwrap();
        assert_eq!(base.attention("unread_order").await.len(), 1, "that was asked for before it was seen to be odd");
        base.store.take_in(&lease, &intake("a"), page(base.env.now())).await.unwrap();
        assert_eq!(base.unshipped("tea").await, 3);
        assert_eq!(base.attention("unread_order").await, Vec::<String>::new());
        assert_eq!(base.rows("SELECT id FROM stop_raise WHERE ended_at IS NULL").await.len(), 0);
        base.recompute(&["a"]).await;
        assert_eq!(claims(base).await, 1, "from 5 to 7");
        adds_up(base).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        assert_eq!(base.attention("unread_order").await.len(), 1, "odd once more, it needs a person once more");
        assert_eq!(base.unshipped("tea").await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_person_who_has_looked_is_not_asked_about_the_same_again() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let odd = unread("9", &["tea"]);
        base.read_as(&intake("a"), &[], std::slice::from_ref(&odd)).await;
        let item = base.attention_items("unread_order").await.remove(0);
        base.store.resolve_attention(item.id, Some("release"), "kim").await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!((base.unshipped("tea").await, base.target("a", "tea").await), (0, Some(10)));
        base.read_as(&intake("a"), &[], std::slice::from_ref(&odd)).await;
        assert_eq!((base.attention("unread_order").await.len(), base.unshipped("tea").await), (0, 0));
        let other = Unread { redacted: "{\"units\": null}".into(), ..odd };
        base.read_as(&intake("a"), &[], &[other]).await;
        assert_eq!((base.attention("unread_order").await.len(), base.unshipped("tea").await), (1, 1));
        adds_up(base).await;
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_odd_in_two_ways_is_one_order() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.trade(&["a"], "cup", 10).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        let other = Unread { what: "status 'melted' is unknown".into(), ..unread("9", &["tea", "cup"]) };
        base.read_as(&intake("a"), &[], &[other]).await;
        let items = base.attention("unread_order").await;
        assert!(items.len() == 1 && items[0].contains("melted"), "{items:?}");
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (1, 1));
        assert_eq!(base.rows("SELECT id FROM stop_raise WHERE ended_at IS NULL").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_mapping_that_is_made_later_makes_it_hold() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea-2-pack"])]).await;
        assert_eq!(base.unshipped("tea").await, 0);
        base.map("a", "tea-2-pack", "tea", 2).await;
        assert_eq!(base.unshipped("tea").await, 2);
        assert_eq!(base.rows("SELECT id FROM stop_raise WHERE ended_at IS NULL").await.len(), 1);
        adds_up(base).await;
        let item = base.attention_items("unread_order").await.remove(0);
        base.store.resolve_attention(item.id, None, "kim").await.unwrap();
        assert_eq!(base.unshipped("tea").await, 0);
    })
    .await;
}

#[tokio::test]
async fn its_mall_is_asked_for_it_again_now_and_then() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.execute("UPDATE channel SET baseline = 'done', watermark = 1").await.unwrap();
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        assert_eq!(asked_for(base).await, 0, "it was just read");
        base.env.advance(seconds(3_600));
        assert_eq!(asked_for(base).await, 1);
        assert_eq!(asked_for(base).await, 0);
        base.env.advance(seconds(3_600));
        assert_eq!(asked_for(base).await, 1);
    })
    .await;
}

/// Orders that a new cycle asks for by their id.
async fn asked_for(base: &TestBase) -> usize {
    let lease = base.lease("a").await;
    let row = base.store.channel("a").await.unwrap();
    base.execute("DELETE FROM poll_head").await.unwrap();
    base.store.begin_cycle(&lease, &row, &CARD.orders, base.env.now(), seconds(60), seconds(60)).await.unwrap();
    base.rows("SELECT order_id FROM poll_head WHERE order_id = '9'").await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_person_and_a_page_that_end_it_together_give_it_back_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        for n in 0..10 {
            let id = n.to_string();
            base.read_as(&intake("a"), &[], &[unread(&id, &["tea"])]).await;
            let item = base.attention_items("unread_order").await.remove(0);
            let store = base.store.clone();
            let looking = tokio::spawn(async move { store.resolve_attention(item.id, None, "kim").await.unwrap() });
            base.read("a", &[order(&id, &[line("tea", 2)])]).await;
            looking.await.unwrap();
        }
        assert_eq!(base.unshipped("tea").await, 20);
        adds_up(base).await;
    })
    .await;
}

/// What is held is what the rows behind it hold.
async fn adds_up(base: &TestBase) {
    base.recompute(&["a", "b"]).await;
    let report = base.store.verify(&allowances(&["a", "b"])).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}

/// The mall is known to show 5, and ought to show 10.
async fn raised_by_five(base: &TestBase) {
    if base.rows("SELECT id FROM channel").await.is_empty() {
        base.trade(&["a"], "tea", 10).await;
        base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
        base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    }
    base.execute("DELETE FROM listing_write").await.unwrap();
    base.observe("a", "tea", 5).await;
    base.env.advance(seconds(600));
    base.observe("a", "tea", 5).await;
}

async fn claims(base: &TestBase) -> usize {
    let lease = base.lease("a").await;
    let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap();
    claim.map_or(0, |claim| claim.len())
}

async fn claims_of_lower(base: &TestBase) -> usize {
    base.read("a", &[order("1", &[line("tea", 8)])]).await;
    base.recompute(&["a"]).await;
    claims(base).await
}
