//! Lists of orders that have no end: one goes round, one always names another page.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uriba::store::{
    entity::poll_window,
    sheets::{OrderFilter, Paging},
};

use crate::street::{Pages, Street};

use super::minutes;

/// Two shops, of which the first one's list has no end, and how often it was asked.
async fn endless(page: impl Fn(u64) -> Vec<String> + Send + Sync + 'static) -> (Street, Arc<AtomicU64>) {
    let street = Street::open(&["one", "two"], |_| {}).await;
    street.list("tea", 0).await;
    street.stock("tea", 10).await;
    let asked: Arc<AtomicU64> = Arc::default();
    let count = asked.clone();
    let pages: Pages = Box::new(move |channel, token| {
        if channel != "one" {
            return (vec!["its only order".to_owned()], None);
        }
        count.fetch_add(1, Ordering::Relaxed);
        let number: u64 = token.map_or(0, |token| token.parse().unwrap());
        (page(number), Some((number + 1).to_string()))
    });
    street.orders(pages);
    (street, asked)
}

async fn gap(street: &Street) -> Option<String> {
    let items = street.store.attention(None, 100).await.unwrap();
    let mut gaps = items.into_iter().filter(|item| item.kind == "gap");
    let gap = gaps.next()?;
    assert_eq!((gap.channel.as_deref(), gaps.next()), (Some("one"), None));
    Some(gap.message)
}

#[tokio::test]
async fn a_list_of_orders_that_goes_round_is_found_out_and_named() {
    // Seven pages, again and again, each time under other tokens.
    let page = |number: u64| (0..5).map(|n| format!("order {}", number % 7 * 5 + n)).collect();
    let (street, asked) = endless(page).await;
    street.run_for(minutes(5)).await;
    let message = gap(&street).await.expect("somebody hears of it");
    assert!(message.contains("a page that it gave before"), "{message}");
    let two = street.store.channel("two").await.unwrap();
    assert_eq!((two.baseline.as_str(), street.counter("two", "tea")), ("done", 10), "the other one goes on");
    let all = Paging::new(Some(100), None);
    let known = street.store.order_sheets(&OrderFilter::default(), &all).await.unwrap();
    assert_eq!(known.items.len(), 36, "each order is known once");
    let before = asked.load(Ordering::Relaxed);
    street.run_for(minutes(10)).await;
    let more = asked.load(Ordering::Relaxed) - before;
    assert!(more <= 1_300, "{more} requests in ten minutes of one every half second, and waits between");
}

/// As if the list had been turned for so long already.
async fn pages_were_read(street: &Street, pages: i64) {
    let tx = street.store.begin().await.unwrap();
    let turned = poll_window::Entity::update_many()
        .col_expr(poll_window::Column::Pages, pages.into())
        .filter(poll_window::Column::Channel.eq("one"))
        .filter(poll_window::Column::Token.is_not_null())
        .exec(&tx)
        .await
        .unwrap();
    assert_eq!(turned.rows_affected, 1, "one list is being turned");
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn page_tokens_that_never_end_are_given_up_and_named() {
    let (street, asked) = endless(|_| Vec::new()).await;
    street.run_for(minutes(2)).await;
    assert_eq!(gap(&street).await, None, "{} pages are not too many", asked.load(Ordering::Relaxed));
    pages_were_read(&street, 4_900).await;
    let mut passed = Duration::ZERO;
    while gap(&street).await.is_none() {
        street.run_for(minutes(5)).await;
        passed += minutes(5);
        assert!(passed < minutes(30), "{} pages, and nobody hears of it", asked.load(Ordering::Relaxed));
    }
    let message = gap(&street).await.unwrap();
    assert!(message.contains("more pages than any list can have"), "{message}");
    assert_eq!(street.counter("two", "tea"), 10, "the other one goes on");
}
