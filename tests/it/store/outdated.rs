//! Between the facts and the targets that follow from them: nothing is raised to a target of yesterday.

use uriba_sdk::{Env, Order, Write};

use crate::support::{SHOP, TestBase, line, on_every_database, order, outlet, seconds};

#[tokio::test]
async fn what_a_mall_just_sold_is_not_put_back_on_sale() {
    on_every_database(async |base| {
        showing_ten(base).await;
        let sale = Order { placed_at: base.env.now(), ..order("1", &[line("tea", 2)]) };
        base.read("a", &[sale]).await;
        assert_eq!(claimed(base).await, None, "it shows 8, and ought to show 10 by what was known before");
        base.recompute(&["a"]).await;
        assert_eq!(claimed(base).await, None);
    })
    .await;
}

#[tokio::test]
async fn goods_that_came_in_are_shown_as_soon_as_they_are_counted_in() {
    on_every_database(async |base| {
        showing_ten(base).await;
        base.receive("tea", SHOP, 5).await;
        base.recompute(&["a"]).await;
        base.receive("tea", SHOP, 1).await;
        assert_eq!(claimed(base).await, None);
        base.recompute(&["a"]).await;
        assert_eq!(claimed(base).await, Some(Write::Relative(6)));
    })
    .await;
}

#[tokio::test]
async fn less_is_said_at_once_whatever_else_is_still_to_be_computed() {
    on_every_database(async |base| {
        showing_ten(base).await;
        base.read("a", &[order("1", &[line("tea", 3)])]).await;
        base.recompute(&["a"]).await;
        base.receive("tea", SHOP, 1).await;
        assert_eq!(claimed(base).await, Some(Write::Relative(-3)));
    })
    .await;
}

/// A live channel that shows the ten that there are.
async fn showing_ten(base: &TestBase) {
    base.trade(&["a"], "tea", 10).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.observe("a", "tea", 10).await;
    base.env.advance(seconds(60));
    assert_eq!(claimed(base).await, None);
}

async fn claimed(base: &TestBase) -> Option<Write> {
    let lease = base.lease("a").await;
    let claim = base.store.claim(&lease, &outlet("a"), base.env.now()).await.unwrap()?;
    Some(claim.updates().remove(0).write)
}
