//! Units that an order gives back: believed when they are certain, moved when the order was split, and never
//! offered before it is known what the mall did with them.

use uriba::{domain::intake::Manner, store::intake::Intake};
use uriba_sdk::{Env, Line, Order, Restored};

use crate::support::{SHOP, TestBase, family, intake, line, on_every_database, order, outlet, seconds};

fn splits() -> Intake {
    Intake { manner: Manner { families: true, units_max: 10_000 }, ..intake("a") }
}

fn member(id: &str, original: bool, units: u32) -> Order {
    let tea = Line { id: format!("{id}-1"), mall_key: Some("tea".into()), ..line("tea", units) };
    Order { family: family("1", original), ..order(id, &[tea]) }
}

#[tokio::test]
async fn a_stale_state_after_a_newer_one_needs_a_second_read_to_give_back() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let mut held = Vec::new();
        for units in [3, 5, 3, 5, 3, 3] {
            base.read("a", &[order("1", &[line("tea", units)])]).await;
            held.push(base.unshipped("tea").await);
        }
        assert_eq!(held, [3, 5, 5, 5, 5, 3]);
    })
    .await;
}

#[tokio::test]
async fn two_reads_that_give_back_differently_are_believed_where_they_agree() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let mut held = Vec::new();
        for units in [5, 1, 3, 3] {
            base.read("a", &[order("1", &[line("tea", units)])]).await;
            held.push(base.unshipped("tea").await);
        }
        assert_eq!(held, [5, 5, 3, 3]);
    })
    .await;
}

#[tokio::test]
async fn a_line_that_is_gone_is_cancelled_and_what_it_shipped_stays_shipped() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let two = [Line { shipped: 1, ..line("tea", 3) }, Line { id: "b".into(), ..line("tea", 2) }];
        base.read("a", &[Order { revision: Some(1), ..order("1", &two) }]).await;
        assert_eq!(base.unshipped("tea").await, 4);
        base.read("a", &[Order { revision: Some(2), ..order("1", &two[1..]) }]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (9, 2));
    })
    .await;
}

#[tokio::test]
async fn a_split_order_releases_nothing_in_between() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read_as(&splits(), &[member("1", true, 5)], &[]).await;
        let mut held = vec![base.unshipped("tea").await];
        base.read_as(&splits(), &[member("1", true, 3)], &[]).await;
        held.push(base.unshipped("tea").await);
        assert_eq!(searches(base).await, 1, "what became of the two must be searched for");
        base.read_as(&splits(), &[member("1-2", false, 2)], &[]).await;
        held.push(base.unshipped("tea").await);
        search_family(base).await;
        held.push(base.unshipped("tea").await);
        assert_eq!(held, [5, 5, 5, 5]);
    })
    .await;
}

#[tokio::test]
async fn a_child_seen_before_its_shrunken_parent_is_not_counted_twice_for_long() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read_as(&splits(), &[member("1", true, 5)], &[]).await;
        base.read_as(&splits(), &[member("1-2", false, 2)], &[]).await;
        assert!(base.unshipped("tea").await >= 5);
        base.read_as(&splits(), &[member("1", true, 3)], &[]).await;
        assert_eq!(base.unshipped("tea").await, 5);
    })
    .await;
}

#[tokio::test]
async fn a_partial_cancel_of_a_splitting_mall_counts_after_the_family_search() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read_as(&splits(), &[member("1", true, 5)], &[]).await;
        base.read_as(&splits(), &[member("1", true, 3)], &[]).await;
        assert_eq!(base.unshipped("tea").await, 5);
        search_family(base).await;
        assert_eq!(base.unshipped("tea").await, 3, "no member holds the two: they were cancelled");
        base.read_as(&splits(), &[member("1", true, 3)], &[]).await;
        assert_eq!(base.unshipped("tea").await, 3, "and stay so");
    })
    .await;
}

#[tokio::test]
async fn after_a_cancel_nothing_is_raised_before_the_mall_was_read() {
    on_every_database(async |base| {
        for (after, pushes) in [(10, None), (7, Some(3))] {
            let sku = format!("tea-{after}");
            ready_to_push(base, &sku, 10).await;
            let placed_at = base.env.now();
            base.env.advance(seconds(10));
            let bought = Order { placed_at, ..order(&sku, &[line(&sku, 3)]) };
            let bought = Order { revision: Some(1), ..bought };
            base.read("a", std::slice::from_ref(&bought)).await;
            base.recompute(&["a"]).await;
            assert_eq!(base.publication("a", &sku).await.shown, Some(7));
            let cancelled = Line { cancelled: 3, restored: Restored::Unknown, ..line(&sku, 3) };
            base.read("a", &[Order { revision: Some(2), lines: vec![cancelled], ..bought }]).await;
            base.recompute(&["a"]).await;
            assert_eq!(base.target("a", &sku).await, Some(10));
            assert_eq!(claimed(base).await, None, "7 or 10 may be shown: nothing is certain");
            assert!(base.publication("a", &sku).await.read_due.is_some());
            base.observe("a", &sku, after).await;
            assert_eq!(claimed(base).await, pushes, "the mall shows {after}");
        }
    })
    .await;
}

#[tokio::test]
async fn under_review_cancelled_units_are_not_sold_again() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let review = Intake { review: true, ..intake("a") };
        let state = |revision, cancelled| {
            let tea = Line { cancelled, restored: Restored::Yes, ..line("tea", 3) };
            Order { revision: Some(revision), ..order("1", &[tea]) }
        };
        base.read_as(&review, &[state(1, 0)], &[]).await;
        base.read_as(&review, &[state(2, 2)], &[]).await;
        base.recompute(&["a"]).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["review"], base.unshipped("tea").await), (8, 2, 1));
        assert_eq!(base.target("a", "tea").await, Some(7), "as if nothing had come back");
        assert_eq!(base.attention("review").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn under_review_the_units_that_a_split_lost_are_not_sold_again() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let review = Intake { review: true, ..splits() };
        base.read_as(&review, &[member("1", true, 5)], &[]).await;
        base.read_as(&review, &[member("1", true, 2), member("1-2", false, 1)], &[]).await;
        assert_eq!(base.attention("review").await, Vec::<String>::new(), "they may be anywhere in the family");
        search_family_as(base, &review).await;
        base.recompute(&["a"]).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["review"], base.unshipped("tea").await), (8, 2, 3));
        assert_eq!(base.target("a", "tea").await, Some(5), "as if nothing had come back");
        let items = base.attention("review").await;
        assert!(
            items.len() == 1 && items[0].contains("2 of tea lie in the review bin of shinjuku (order a/1, "),
            "{items:?}"
        );
    })
    .await;
}

async fn searches(base: &TestBase) -> usize {
    base.rows("SELECT id FROM poll_window WHERE kind = 'family'").await.len()
}

/// The search for the family ends without another member.
async fn search_family(base: &TestBase) {
    search_family_as(base, &splits()).await;
}

async fn search_family_as(base: &TestBase, intake: &Intake) {
    let orders = &crate::support::CARD.orders;
    let channel = base.store.channel("a").await.unwrap();
    if let uriba::store::polling::Work::Page(window) = base.store.poll_work(&channel, orders).await.unwrap() {
        base.end_window(intake, window.id).await;
    }
}

async fn ready_to_push(base: &TestBase, sku: &str, units: i64) {
    base.trade(&["a"], sku, units).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.observe("a", sku, units).await;
    assert_eq!(claimed(base).await, None);
}

/// By how much the next push would raise or lower.
async fn claimed(base: &TestBase) -> Option<i64> {
    let lease = base.lease("a").await;
    let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap()?;
    let [update] = &claim.updates()[..] else { panic!("one listing has something to write: {claim:?}") };
    match update.write {
        uriba_sdk::Write::Relative(delta) => Some(delta),
        other => panic!("{other:?}"),
    }
}
