//! Orders that can't be read: kept, held, and stopping raises until a person has looked.

use uriba::domain::intake::Manner;
use uriba_sdk::{Env, Order};

use crate::support::{TestBase, intake, line, on_every_database, order, outlet, seconds, unread};

#[tokio::test]
async fn an_unread_order_is_kept_and_hides_no_neighbour() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let odd = unread("9", &["tea"]);
        let taken = base.read_as(&intake("a"), &[order("1", &[line("tea", 2)])], std::slice::from_ref(&odd)).await;
        assert_eq!((taken.orders, base.unshipped("tea").await), (1, 2));
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
        assert_eq!(base.unshipped("tea").await, 100);
        let items = base.attention("unread_order").await;
        assert_eq!(items.len(), 1, "{items:?}");
        assert!(items[0].contains("101 units") && items[0].contains("units_per_line"), "{items:?}");
    })
    .await;
}

#[tokio::test]
async fn an_order_that_can_be_read_after_all_is_counted() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        base.read("a", &[Order { revision: Some(2), ..order("9", &[line("tea", 3)]) }]).await;
        assert_eq!(base.unshipped("tea").await, 3);
    })
    .await;
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
