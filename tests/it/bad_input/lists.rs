//! Lists of orders that have no end: one goes round, one always names another page.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use uriba::store::sheets::{OrderFilter, Paging};

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

#[tokio::test]
async fn page_tokens_that_never_end_are_given_up_and_named() {
    let (street, asked) = endless(|_| Vec::new()).await;
    let mut passed = Duration::ZERO;
    while gap(&street).await.is_none() {
        street.run_for(minutes(10)).await;
        passed += minutes(10);
        assert!(passed < minutes(24 * 60), "{} pages, and nobody hears of it", asked.load(Ordering::Relaxed));
    }
    let message = gap(&street).await.unwrap();
    assert!(message.contains("more pages than any list can have"), "{message}");
    assert_eq!(street.counter("two", "tea"), 10, "the other one goes on");
}
