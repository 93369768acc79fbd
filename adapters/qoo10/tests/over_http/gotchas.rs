//! One test for each numbered gotcha of the mall's fact sheet, named by it.

use uriba_qoo10::CARD;
use uriba_sdk::{FulfilledBy, Outcome, Restored, Write, card::Figure, fake::Stage};

use super::shop::{Shop, head_ids, ids};

#[tokio::test]
async fn gotcha_1_unpaid_orders_hold_stock_and_may_vanish_into_claim_16() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let id = shop.book().place_as(&[(&key, 3)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
    shop.pass(60);
    let known = shop.pages(shop.day(true)).await;
    assert_eq!(ids(&known.orders), [&id]);
    assert_eq!(known.orders[0].lines[0].unshipped(), 3);

    // Never paid: no status lists it any more. A sweep of open orders misses it, a search has it among the claims with
    // a revision that is newer than what is known, and by itself it says that it is cancelled.
    shop.pass(600);
    shop.book().cancel(&id);
    shop.pass(60);
    let sweep = shop.pages(shop.day(true)).await;
    assert_eq!((sweep.orders.len(), sweep.heads.len()), (0, 0));
    let search = shop.pages(shop.day(false)).await;
    assert_eq!(head_ids(&search.heads), [&id, &id], "by placing and by completion");
    assert!(search.heads.iter().all(|head| head.revision > known.orders[0].revision));
    let line = &shop.order(&id).await.lines[0];
    assert_eq!((line.ordered, line.cancelled, line.unshipped()), (3, 3, 0));
}

#[tokio::test]
async fn gotcha_2_a_search_is_five_statuses_and_two_lists_of_claims() {
    let shop = Shop::open().await;
    shop.list(0, 10);
    let all = ["orders.search"; 5].into_iter().chain(["orders.claims"; 2]).collect::<Vec<_>>();
    assert!(shop.mall.pull(&shop.day(false)).await.unwrap().next.is_none());
    assert_eq!(shop.asked(), all, "steps that find nothing are no pages of their own");
    assert!(shop.mall.pull(&shop.day(true)).await.unwrap().next.is_none());
    assert_eq!(shop.asked(), ["orders.search", "orders.search", "orders.search", "orders.claims"]);

    // With something in each step each is a page, and every order is whole but those that only claims name.
    let key = shop.list(0, 500);
    let mut placed = Vec::new();
    for stage in [Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::Ready, Stage::Ready, Stage::Ready] {
        placed.push(shop.book().place_as(&[(&key, 1)], stage, FulfilledBy::Seller).unwrap());
        shop.pass(10);
    }
    shop.book().ship(&placed[3]);
    shop.book().ship(&placed[4]);
    shop.book().cancel(&placed[5]);
    shop.pass(120);
    let mut query = shop.day(false);
    let mut pages = Vec::new();
    loop {
        let page = shop.mall.pull(&query).await.unwrap();
        query.token = page.next.clone();
        pages.push(page);
        if query.token.is_none() {
            break;
        }
    }
    assert_eq!(pages.len(), 7);
    let whole: Vec<_> = pages.iter().flat_map(|page| &page.orders).collect();
    assert_eq!(whole.len(), 5);
    for order in whole {
        assert_eq!(*order, shop.expected(&order.id));
    }
}

#[tokio::test]
async fn gotcha_3_the_figure_of_an_item_with_options_is_never_written() {
    let shop = Shop::open().await;
    let option = shop.list(1, 10);
    let item = option.split('/').next().unwrap();
    // Who maps the item is told to map its options.
    let resolved = shop.mall.resolve(&[item.to_owned(), option.clone()]).await.unwrap();
    assert!(resolved[0].key.as_ref().unwrap_err().contains(&option), "{resolved:?}");
    assert!(resolved[1].key.is_ok());
    // And a listing that was mapped before the item was there is not written either.
    let mut update = shop.update(&option, 7).await;
    (update.key, update.handle, update.write) = (item.to_owned(), None, Write::Absolute(7));
    shop.asked();
    let outcomes = shop.mall.push(&[update]).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Refused(_)), "{outcomes:?}");
    assert!(!shop.asked().iter().any(|operation| operation == "stock.items"));

    assert_eq!(shop.push(&option, 7).await, Outcome::Applied { now: None });
    assert_eq!(shop.asked().last().map(String::as_str), Some("stock.options"));
}

#[tokio::test]
async fn gotcha_4_the_page_sells_by_the_old_figure_for_up_to_ten_minutes() {
    let lag = CARD.times.effect_lag.unwrap();
    assert!(!lag.readable && lag.max == std::time::Duration::from_secs(600));
    assert_eq!(CARD.reads.as_ref().unwrap().figure, Figure::Submitted);
    for n in [0, 1, 3] {
        let shop = Shop::open().await;
        let key = shop.list(n, 5);
        assert_eq!(shop.push(&key, 0).await, Outcome::Applied { now: None });
        // The interface shows the new figure, and the page goes on selling by the old one.
        assert_eq!(shop.figure(&key).await, Some(0));
        shop.book().place(&[(&key, 2)]).unwrap();
        shop.pass(lag.max.as_secs() + 1);
        assert!(shop.book().place(&[(&key, 1)]).is_err());
    }
    // Where the page follows at once nothing else changes.
    let shop = Shop::with(&["shows-at-once"], &[]).await;
    let key = shop.list(0, 5);
    assert_eq!(shop.push(&key, 0).await, Outcome::Applied { now: None });
    assert!(shop.book().place(&[(&key, 1)]).is_err());
}

#[tokio::test]
async fn gotcha_5_whether_a_cancel_gives_back_is_unknown_until_it_is_read() {
    for restores in [true, false] {
        let shop = Shop::open().await;
        let key = shop.list_as(0, 10, |item| item.restores_on_cancel = restores);
        let id = shop.book().place(&[(&key, 4)]).unwrap();
        shop.book().cancel(&id);
        shop.pass(60);
        assert_eq!(shop.order(&id).await.lines[0].restored, Restored::Unknown);
        assert_eq!(shop.figure(&key).await, Some(if restores { 10 } else { 6 }));
    }
}

#[tokio::test]
async fn gotcha_6_a_confirmed_order_still_holds_its_stock() {
    let shop = Shop::open().await;
    let key = shop.list(0, 10);
    let id = shop.book().place(&[(&key, 3)]).unwrap();
    shop.pass(60);
    let requested = shop.order(&id).await;
    // The seller sets a day of shipping: 配送要請 becomes 配送準備.
    shop.book().set_stage(&id, Stage::OnHold);
    let confirmed = shop.order(&id).await;
    assert_eq!((requested.lines[0].unshipped(), confirmed.lines[0].unshipped()), (3, 3));
    assert_eq!(ids(&shop.pages(shop.day(true)).await.orders), [&id]);
}

#[tokio::test]
async fn gotcha_7_a_write_leaves_the_end_of_the_sale_alone() {
    let end = |shop: &Shop, key: &str| shop.book().item(key).unwrap().siblings["ExpireDate"].clone();
    let list = |shop: &Shop| shop.list_as(0, 5, |item| item.siblings = shop.fake.siblings());
    // Left out, not null: null prolongs it by a year.
    let shop = Shop::open().await;
    let key = list(&shop);
    assert_eq!(shop.push(&key, 3).await, Outcome::Applied { now: None });
    assert_eq!(end(&shop, &key), "2028-03-31");
    // If leaving it out means the same to the mall, the shop can name a day to be sent instead.
    for (options, expected) in [(&[] as &[(&str, &str)], "2027-11-20"), (&[("sale_end", "2030-12-31")], "2030-12-31")] {
        let shop = Shop::with(&["omitted-end-prolongs"], options).await;
        let key = list(&shop);
        assert_eq!(shop.push(&key, 3).await, Outcome::Applied { now: None });
        assert_eq!(end(&shop, &key), expected);
        assert_eq!(shop.figure(&key).await, Some(3));
    }
}

#[tokio::test]
async fn gotcha_8_there_is_no_webhook_and_every_change_shows_in_the_next_search() {
    let shop = Shop::open().await;
    assert!(shop.mall.extras().wakeup.is_none());
    let key = shop.list(0, 50);
    let placed: Vec<_> = (0..3).map(|_| shop.book().place(&[(&key, 1)]).unwrap()).collect();
    shop.pass(60);
    assert_eq!(ids(&shop.pages(shop.day(true)).await.orders), placed);
    shop.book().ship(&placed[0]);
    shop.book().cancel(&placed[1]);
    // What is gone from the sweep of open orders is asked for by id.
    assert_eq!(ids(&shop.pages(shop.day(true)).await.orders), [&placed[2]]);
    let unshipped = [shop.order(&placed[0]).await, shop.order(&placed[1]).await];
    assert_eq!(unshipped.map(|order| order.lines[0].unshipped()), [0, 0]);
}
