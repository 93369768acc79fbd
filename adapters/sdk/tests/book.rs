//! The fakes' common book: a mall's own counter, its orders, its clock, and its count of requests.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use uriba_sdk::{
    Env, FulfilledBy,
    card::{QuotaCard, Scope},
    fake::{Book, Item, ManualEnv, Meters, SoldOut, Stage},
};

const LAG: Duration = Duration::from_secs(30);

fn book() -> (Arc<ManualEnv>, Book) {
    let env = Arc::new(ManualEnv::new(1));
    let book = Book::new(env.clone(), |n, _| format!("N-{n}"), LAG);
    book.list("tea", Item::new(5));
    book.list("cup", Item::new(3));
    (env, book)
}

fn counter(book: &Book, key: &str) -> i64 {
    book.item(key).expect("a listed item").counter
}

/// The counters of tea and cup.
fn counters(book: &Book) -> (i64, i64) {
    (counter(book, "tea"), counter(book, "cup"))
}

#[test]
fn buying_lowers_the_counter_at_once_and_never_below_zero() {
    let (_, book) = book();
    let id = book.place_as(&[("tea", 2), ("cup", 1)], Stage::Unpaid, FulfilledBy::Seller).unwrap();
    assert_eq!(counters(&book), (3, 2));
    let lines = book.order(&id).unwrap().order.lines;
    assert_eq!(lines.iter().map(|line| (line.id.as_str(), line.ordered)).collect::<Vec<_>>(), [("1", 2), ("2", 1)]);
    assert_eq!(book.place(&[("cup", 1), ("tea", 4)]), Err(SoldOut));
    assert_eq!(book.place(&[("pot", 1)]), Err(SoldOut));
    assert_eq!(counters(&book), (3, 2), "a basket that can't be sold whole takes nothing");
}

#[test]
fn two_lines_of_one_item_are_sold_out_together() {
    let (_, book) = book();
    assert_eq!(book.place(&[("tea", 3), ("tea", 3)]), Err(SoldOut));
    assert!(book.place(&[("tea", 3), ("tea", 2)]).is_ok());
    assert_eq!(counters(&book).0, 0);
}

#[test]
fn what_sells_past_zero_goes_below_and_what_has_no_limit_stays() {
    let (_, book) = book();
    book.with_item("tea", |item| item.sells_past_zero = true);
    book.with_item("cup", |item| item.unlimited = true);
    book.place(&[("tea", 7), ("cup", 9)]).unwrap();
    assert_eq!(counters(&book), (-2, 3));
}

#[test]
fn a_cancel_puts_back_what_the_item_says() {
    let (_, book) = book();
    book.with_item("cup", |item| item.restores_on_cancel = false);
    let id = book.place(&[("tea", 4), ("cup", 2)]).unwrap();
    book.cancel_units(&id, "1", 1);
    assert_eq!(counters(&book), (2, 1));
    book.ship_units(&id, "1", 2);
    book.cancel(&id);
    assert_eq!(counters(&book), (3, 1), "of the tea one more came back, of the cups none");
    let order = book.order(&id).unwrap().order;
    assert!(order.is_closed());
    assert_eq!((order.lines[0].cancelled, order.lines[0].shipped), (2, 2));
    // Neither can be done beyond what is there.
    book.cancel_units(&id, "1", 9);
    book.ship_units(&id, "1", 9);
    assert_eq!(book.order(&id).unwrap().order.lines, order.lines);
    assert_eq!(counters(&book), (3, 1));
}

#[test]
fn each_change_moves_revision_and_time_and_keeps_what_was_before() {
    let (env, book) = book();
    let id = book.place(&[("tea", 4)]).unwrap();
    let placed = book.order(&id).unwrap().order;
    env.advance(Duration::from_secs(60));
    book.ship_units(&id, "1", 1);
    let shipped = book.order(&id).unwrap();
    assert_eq!(shipped.before.as_deref(), Some(&placed));
    assert_eq!((shipped.order.revision, shipped.order.updated_at), (Some(2), Some(env.now())));
    assert_eq!(shipped.order.lines[0].shipped_at, Some(env.now()));
    assert_eq!(shipped.order.placed_at, placed.placed_at);
    env.advance(Duration::from_secs(60));
    book.set_stage(&id, Stage::OnHold);
    let held = book.order(&id).unwrap();
    assert_eq!((held.stage, held.order.revision, held.order.updated_at), (Stage::OnHold, Some(3), Some(env.now())));
}

#[test]
fn an_edit_moves_the_counter_with_it() {
    let (_, book) = book();
    let id = book.place(&[("tea", 3)]).unwrap();
    book.edit(&id, "1", 1);
    assert_eq!(counters(&book).0, 4);
    book.edit(&id, "1", 5);
    assert_eq!(counters(&book).0, 0);
    assert_eq!(book.order(&id).unwrap().order.lines[0].ordered, 5);
}

#[test]
fn a_split_keeps_the_sum_and_the_family() {
    let (env, book) = book();
    let root = book.place(&[("tea", 5), ("cup", 2)]).unwrap();
    env.advance(Duration::from_secs(5));
    let child = book.split(&root, "1", 2).unwrap();
    let grandchild = book.split(&child, "1", 1).unwrap();
    let [kept, cut, last] = [&root, &child, &grandchild].map(|id| book.order(id).unwrap().order);
    assert_eq!([&kept, &cut, &last].map(|order| order.lines[0].ordered), [3, 1, 1]);
    assert_eq!(kept.lines.len(), 2);
    assert_eq!(
        [&kept, &cut, &last].map(|order| order.family.clone().unwrap().id),
        [root.clone(), root.clone(), root.clone()]
    );
    assert_eq!([&kept, &cut, &last].map(|order| order.family.clone().unwrap().original), [true, false, false]);
    assert_eq!(kept.lines[0].original, Some(5));
    assert_eq!(cut.placed_at, kept.placed_at, "a split doesn't make an order younger");
    assert_eq!(counters(&book), (0, 1));
}

#[test]
fn a_split_that_cannot_be_made_changes_nothing() {
    let (_, book) = book();
    let id = book.place(&[("tea", 3)]).unwrap();
    let before = book.order(&id);
    for (line, units) in [("1", 4), ("9", 1), ("1", 0)] {
        assert_eq!(book.split(&id, line, units), None);
    }
    assert_eq!(book.split("N-99", "1", 1), None);
    assert_eq!(book.order(&id), before);
    assert_eq!(book.orders().len(), 1);
}

#[test]
fn searches_see_an_order_when_its_time_has_come() {
    let (env, book) = book();
    let (soon, late) = (book.place(&[("tea", 1)]).unwrap(), book.place(&[("tea", 1)]).unwrap());
    book.hide_until(&late, env.now() + SignedDuration::from_secs(90));
    let seen = || book.visible().into_iter().map(|found| found.order.id).collect::<Vec<_>>();
    assert!(seen().is_empty());
    env.advance(LAG);
    assert_eq!(seen(), std::slice::from_ref(&soon));
    env.advance(Duration::from_secs(60));
    assert_eq!(seen(), [soon, late]);
}

#[test]
fn a_later_write_takes_effect_at_its_time_however_seldom_one_looks() {
    for looks in [false, true] {
        let (env, book) = book();
        let at = |seconds| env.now() + SignedDuration::from_secs(seconds);
        assert!(book.set_later("tea", 9, at(10)));
        assert!(book.set_later("tea", 7, at(4)));
        assert_eq!((counter(&book, "tea"), book.item("tea").unwrap().submitted), (5, 7));
        for expected in [5, 7, 7, 9] {
            if looks {
                assert_eq!(counter(&book, "tea"), expected);
            }
            env.advance(Duration::from_secs(4));
        }
        assert_eq!((counter(&book, "tea"), book.item("tea").unwrap().submitted), (9, 7));
        assert!(!book.set_later("pot", 1, at(1)));
    }
}

#[test]
fn an_item_that_keeps_at_most_so_many_does_so_silently() {
    let (_, book) = book();
    book.with_item("tea", |item| item.keeps_at_most = Some(6));
    assert!(book.set("tea", 40));
    assert_eq!((counter(&book, "tea"), book.item("tea").unwrap().submitted), (6, 40));
    assert!(!book.set("pot", 1));
}

#[test]
fn shoppers_who_come_at_once_are_never_sold_more_than_there_is() {
    let (_, book) = book();
    book.list("tea", Item::new(40));
    let sold: u32 = std::thread::scope(|scope| {
        let shoppers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..20).filter(|_| book.place(&[("tea", 1)]).is_ok()).count() as u32))
            .collect();
        shoppers.into_iter().map(|shopper| shopper.join().unwrap()).sum()
    });
    assert_eq!((sold, counter(&book, "tea"), book.orders().len()), (40, 0, 40));
}

#[test]
fn a_request_that_comes_too_early_is_counted_against_its_sender() {
    let env = ManualEnv::new(1);
    let quota = QuotaCard { name: "q", per_second: 0.5, burst: 3, per_day: None, scope: Scope::Channel };
    let meters = Meters::default();
    for _ in 0..3 {
        assert!(meters.count("one", &quota, &env));
    }
    assert!(!meters.count("one", &quota, &env));
    assert!(meters.count("two", &quota, &env), "another shop has a bucket of its own");
    env.advance(Duration::from_secs(2));
    assert!(meters.count("one", &quota, &env));
    assert!(!meters.count("one", &quota, &env));
    let violations = meters.violations();
    assert_eq!(violations.len(), 2);
    assert!(violations[0].contains("q of one"), "{violations:?}");
}

#[test]
fn the_mall_counts_points_and_requests_of_a_day_as_well() {
    let env = ManualEnv::new(1);
    let budget = QuotaCard { name: "points", per_second: 10.0, burst: 100, per_day: Some(200), scope: Scope::Channel };
    let meters = Meters::default();
    assert!(meters.take("one", &budget, 80, &env));
    assert!(!meters.take("one", &budget, 30, &env), "20 are left");
    // It was reckoned to take 80 and took 130: a debt of 30 comes first.
    meters.settle("one", &budget, (80, 130), &env);
    assert_eq!(meters.left("one", &budget, &env), 0);
    env.advance(Duration::from_secs(4));
    assert!(!meters.take("one", &budget, 30, &env), "10 have grown beyond the debt");
    env.advance(Duration::from_secs(3));
    assert!(meters.take("one", &budget, 30, &env));
    env.advance(Duration::from_secs(60));
    assert_eq!(meters.left("one", &budget, &env), 100);
    assert!(!meters.take("one", &budget, 50, &env), "160 of the day's 200 are used");
    env.advance(Duration::from_secs(86_400));
    assert!(meters.take("one", &budget, 50, &env));
    let violations = meters.violations();
    assert_eq!(violations.len(), 3);
    assert!(violations[2].contains("210 in one day"), "{violations:?}");
}

#[test]
fn what_is_taken_out_of_the_shop_is_not_sold_any_more() {
    let (_, book) = book();
    book.unlist("tea");
    assert_eq!((book.item("tea"), book.place(&[("tea", 1)])), (None, Err(SoldOut)));
    assert!(book.place(&[("cup", 1)]).is_ok());
}

#[test]
fn where_an_order_has_one_line_a_shopper_gets_the_first_of_a_cart() {
    let (_, book) = book();
    book.one_line_orders();
    let id = book.place(&[("tea", 2), ("cup", 1)]).unwrap();
    assert_eq!(book.order(&id).unwrap().order.lines.len(), 1);
    assert_eq!(counters(&book), (3, 3));
}

#[test]
fn where_the_page_lags_what_is_bought_meanwhile_is_taken_from_what_was_written() {
    let (env, book) = book();
    book.page_lags();
    book.list("tea", Item::new(5));
    let submitted = || book.item("tea").unwrap().submitted;
    book.set_later("tea", 9, env.now() + SignedDuration::from_secs(60));
    assert_eq!((counter(&book, "tea"), submitted()), (5, 9));
    let id = book.place(&[("tea", 2)]).unwrap();
    assert_eq!((counter(&book, "tea"), submitted()), (3, 7));
    env.advance(Duration::from_secs(61));
    assert_eq!((counter(&book, "tea"), submitted()), (7, 7));
    book.cancel(&id);
    assert_eq!((counter(&book, "tea"), submitted()), (9, 9));
    // By hand it is both at once, whatever was still on its way.
    book.set_later("tea", 1, env.now() + SignedDuration::from_secs(60));
    book.set("tea", 4);
    env.advance(Duration::from_secs(61));
    assert_eq!((counter(&book, "tea"), submitted()), (4, 4));
}
