//! Many writes at once: feeds, their tickets, and what becomes of them.

use std::collections::BTreeMap;

use uriba_sdk::{
    Applied, Class, Outcome, RefusedWhy, Update, Write,
    fake::{Fault, Item, Times},
};

use crate::bench::{Bench, fba};

fn update(key: &str, figure: i64) -> Update {
    Update { key: key.into(), handle: None, write: Write::Absolute(figure) }
}

impl Bench {
    /// So many listed items of ten each, and a write of seven for each.
    fn crowd(&self, count: usize) -> Vec<Update> {
        let listed = |n| {
            let key = self.fake.mall_key(n);
            self.fake.book().list(&key, Item::new(10));
            update(&key, 7)
        };
        (0..count).map(listed).collect()
    }

    async fn feed(&self, updates: &[Update]) -> Vec<Outcome> {
        self.mall.push(updates).await.unwrap()
    }

    async fn redeem(&self, tickets: &[String]) -> uriba_sdk::Result<Vec<Option<Outcome>>> {
        self.mall.extras().tickets.unwrap().redeem(tickets).await
    }

    async fn redeemed(&self, outcomes: &[Outcome]) -> Vec<Option<Outcome>> {
        self.redeem(&tickets(outcomes)).await.unwrap()
    }

    /// By operation, how often it was asked for since the last look.
    fn heard(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for answered in self.asked.lock().unwrap().drain(..) {
            *counts.entry(answered).or_default() += 1;
        }
        counts
    }
}

fn tickets(outcomes: &[Outcome]) -> Vec<String> {
    let ticket = |outcome: &Outcome| match outcome {
        Outcome::Pending { ticket } => ticket.clone(),
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(ticket).collect()
}

fn why(outcome: &Option<Outcome>) -> Option<(RefusedWhy, Option<&str>)> {
    match outcome {
        Some(Outcome::Refused(refusal)) => Some((refusal.why, refusal.code.as_deref())),
        _ => None,
    }
}

const APPLIED: Option<Outcome> = Some(Outcome::Applied { now: None });
const UNKNOWN: Option<Outcome> = Some(Outcome::Unknown);

#[tokio::test]
async fn one_update_is_patched_and_more_are_a_feed() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(3);
    bench.heard();
    assert_eq!(bench.feed(&crowd[..1]).await, [Outcome::Applied { now: None }]);
    let heard = bench.heard();
    assert_eq!(heard.get("stock.push"), Some(&1));
    assert!(!heard.keys().any(|name| name.starts_with("stock.feed")));
    let outcomes = bench.feed(&crowd).await;
    let heard = bench.heard();
    for step in ["stock.feed_place", "stock.feed_upload", "stock.feed"] {
        assert_eq!(heard.get(step), Some(&1), "{step}");
    }
    assert!(!heard.contains_key("stock.push"));
    let tickets = tickets(&outcomes);
    assert!(tickets.iter().all(|ticket| ticket.len() < 100));
    assert_eq!(tickets.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
}

#[tokio::test]
async fn a_feed_is_undecided_while_it_waits_and_while_it_is_worked_on() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(3);
    let outcomes = bench.feed(&crowd).await;
    for _ in 0..3 {
        assert_eq!(bench.redeemed(&outcomes).await, [None, None, None]);
        bench.env.advance(std::time::Duration::from_secs(59));
    }
    bench.pass(1);
    assert_eq!(bench.redeemed(&outcomes).await, [APPLIED, APPLIED, APPLIED]);
    assert_eq!(bench.shown(&crowd[0].key).await, 10, "decided is not effective");
    bench.pass(4);
    assert_eq!(bench.shown(&crowd[0].key).await, 7);
    // Whoever asks again is told the same.
    assert_eq!(bench.redeemed(&outcomes).await, [APPLIED, APPLIED, APPLIED]);
}

#[tokio::test]
async fn a_feed_is_asked_for_once_however_many_tickets_it_has() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(300);
    let first = bench.feed(&crowd[..200]).await;
    bench.pass(3);
    let second = bench.feed(&crowd[200..]).await;
    bench.pass(5);
    bench.heard();
    let mut mixed = tickets(&first);
    mixed.extend(tickets(&second));
    mixed.reverse();
    bench.pass(1);
    let outcomes = bench.redeem(&mixed).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == APPLIED));
    let heard = bench.heard();
    assert_eq!((heard["stock.feed_state"], heard["stock.feed_report"], heard["stock.feed_download"]), (2, 2, 2));
}

#[tokio::test]
async fn a_report_that_is_late_for_one_feed_keeps_nothing_back_of_the_other() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(4);
    let first = bench.feed(&crowd[..2]).await;
    bench.pass(3);
    let second = bench.feed(&crowd[2..]).await;
    bench.pass(6);
    let all = [tickets(&first), tickets(&second)].concat();
    bench.fake.book().fault("stock.feed_report", Fault::Status(500), Times::Next(1));
    assert_eq!(bench.redeem(&all).await.unwrap(), [None, None, APPLIED, APPLIED]);
    bench.pass(2);
    bench.fake.book().fault("stock.feed_report", Fault::Status(500), Times::Next(2));
    let error = bench.redeem(&all).await.unwrap_err();
    assert_eq!((error.operation, error.class), ("stock.feed_report", Class::Transient { applied: Applied::No }));
}

#[tokio::test]
async fn a_report_tells_message_by_message() {
    let bench = Bench::open().await;
    let mut crowd = bench.crowd(6);
    bench.fake.book().unlist(&crowd[1].key);
    bench.fake.book().list(&crowd[4].key, fba(40));
    crowd.push(update("TEA", -1));
    crowd.push(update(&crowd[0].key, 9));
    crowd.push(Update { write: Write::Relative(2), ..crowd[3].clone() });
    let outcomes = bench.feed(&crowd).await;
    let refused = |outcome: &Outcome| why(&Some(outcome.clone())).unwrap().0;
    assert_eq!(refused(&outcomes[6]), RefusedWhy::OutOfRange);
    assert_eq!(refused(&outcomes[7]), RefusedWhy::Busy, "of two messages for one SKU nobody knows the order");
    assert_eq!(refused(&outcomes[8]), RefusedWhy::Other);
    bench.pass(5);
    let told = bench.redeemed(&outcomes[..6]).await;
    assert_eq!(why(&told[1]), Some((RefusedWhy::NoSuchItem, Some("13013"))));
    assert_eq!(why(&told[4]), Some((RefusedWhy::Other, Some("90000900"))));
    for n in [0, 2, 3, 5] {
        assert_eq!(told[n], APPLIED);
    }
    bench.pass(5);
    assert_eq!(bench.fake.book().item(&crowd[4].key).unwrap().counter, 40);
    assert_eq!(bench.shown(&crowd[0].key).await, 7);
}

#[tokio::test]
async fn a_message_that_no_report_counts_leaves_everything_unnamed_open() {
    let bench = Bench::open().await;
    bench.fake.set_switch("feed_report_lacks_a_message", true);
    let crowd = bench.crowd(4);
    bench.fake.book().unlist(&crowd[1].key);
    let outcomes = bench.feed(&crowd).await;
    bench.pass(10);
    let told = bench.redeemed(&outcomes).await;
    assert_eq!((&told[0], &told[2], &told[3]), (&UNKNOWN, &UNKNOWN, &UNKNOWN));
    assert_eq!(why(&told[1]), Some((RefusedWhy::NoSuchItem, Some("13013"))));
    assert_eq!((bench.shown(&crowd[2].key).await, bench.shown(&crowd[3].key).await), (7, 10));
}

#[tokio::test]
async fn an_aborted_feed_may_have_been_applied_in_part() {
    let bench = Bench::open().await;
    bench.fake.set_switch("feed_ends_fatal", true);
    let crowd = bench.crowd(4);
    let outcomes = bench.feed(&crowd).await;
    bench.pass(10);
    assert_eq!(bench.redeemed(&outcomes).await, [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]);
    assert_eq!((bench.shown(&crowd[0].key).await, bench.shown(&crowd[3].key).await), (7, 10));
}

#[tokio::test]
async fn a_cancelled_feed_wrote_nothing_and_may_be_sent_again() {
    let bench = Bench::open().await;
    bench.fake.set_switch("feed_is_cancelled", true);
    let crowd = bench.crowd(2);
    let outcomes = bench.feed(&crowd).await;
    bench.pass(10);
    let told = bench.redeemed(&outcomes).await;
    assert!(told.iter().all(|told| why(told) == Some((RefusedWhy::Busy, Some("CANCELLED")))));
    assert_eq!(bench.shown(&crowd[0].key).await, 10);
}

#[tokio::test]
async fn a_report_is_read_packed_and_plain() {
    for plain in [false, true] {
        let bench = Bench::open().await;
        bench.fake.set_switch("feed_report_is_plain", plain);
        let outcomes = bench.feed(&bench.crowd(2)).await;
        bench.pass(5);
        assert_eq!(bench.redeemed(&outcomes).await, [APPLIED, APPLIED]);
    }
}

#[tokio::test]
async fn a_ticket_that_amazon_does_not_know_is_never_guessed_at() {
    let bench = Bench::open().await;
    let tickets = ["49999999999/1/2", "no ticket", ""].map(str::to_owned);
    assert_eq!(bench.redeem(&tickets).await.unwrap(), [UNKNOWN, UNKNOWN, UNKNOWN]);
    assert_eq!(bench.redeem(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn whatever_goes_wrong_before_the_feed_leaves_nothing_in_doubt() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(2);
    for operation in ["stock.feed_place", "stock.feed_upload"] {
        let faults = [
            Fault::Status(500),
            Fault::Status(403),
            Fault::CloseAfter,
            Fault::Garbage(b"<html>".to_vec()),
            Fault::Truncate,
        ];
        for fault in faults {
            bench.pass(5);
            bench.fake.book().fault(operation, fault.clone(), Times::Next(1));
            let result = bench.mall.push(&crowd).await;
            bench.fake.book().clear_faults();
            match result {
                // The storage says nothing that matters beside its status.
                Ok(_) => assert_eq!((operation, fault), ("stock.feed_upload", Fault::Truncate)),
                Err(error) => {
                    let unsent = matches!(error.class, Class::Transient { applied: Applied::No } | Class::Auth { .. });
                    assert!(unsent, "{operation} {fault:?}: {error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_the_feed_itself_leaves_all_of_it_open() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(2);
    for (fault, unknown) in [(Fault::CloseAfter, true), (Fault::StatusAfter(500), true), (Fault::Truncate, false)] {
        bench.pass(5);
        bench.fake.book().fault("stock.feed", fault, Times::Next(1));
        let class = bench.mall.push(&crowd).await.unwrap_err().class;
        match class {
            Class::Transient { applied: Applied::Unknown } => assert!(unknown),
            Class::Malformed { .. } => assert!(!unknown),
            other => panic!("{other:?}"),
        }
    }
    bench.pass(10);
    assert_eq!(bench.shown(&crowd[0].key).await, 7);
}

#[tokio::test]
async fn no_presigned_address_is_in_any_error() {
    let bench = Bench::open().await;
    let outcomes = bench.feed(&bench.crowd(2)).await;
    bench.pass(5);
    let mut said = String::new();
    let faults = [Fault::Truncate, Fault::Status(403), Fault::CloseAfter, Fault::StatusAfter(500), Fault::Expired];
    for operation in ["stock.feed_place", "stock.feed_upload", "stock.feed", "stock.feed_report", "stock.feed_download"]
    {
        for fault in faults.clone() {
            bench.pass(3);
            bench.fake.book().fault(operation, fault, Times::Next(1));
            if let Err(error) = bench.mall.push(&bench.crowd(2)).await {
                said.push_str(&format!("{error} {error:?}"));
            }
            if let Err(error) = bench.redeem(&tickets(&outcomes)).await {
                said.push_str(&format!("{error} {error:?}"));
            }
            bench.fake.book().clear_faults();
        }
    }
    assert!(said.contains("stock.feed_upload") && said.contains("stock.feed_download"));
    for word in ["presigned", "Signature", "/presigned/", "Atza|"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
}

#[tokio::test]
async fn an_address_that_has_grown_old_is_asked_for_again() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(2);
    bench.fake.book().fault("stock.feed_upload", Fault::Status(403), Times::Next(1));
    assert_eq!(bench.mall.push(&crowd).await.unwrap_err().class, Class::Auth { renewable: true });
    bench.pass(3);
    assert!(bench.mall.push(&crowd).await.is_ok());
}

#[tokio::test]
async fn more_than_a_feed_takes_is_not_sent() {
    let bench = Bench::open().await;
    let many: Vec<_> = (0..10_001).map(|n| update(&bench.fake.mall_key(n), 1)).collect();
    let error = bench.mall.push(&many).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    assert!(!bench.heard().contains_key("stock.feed_place"));
}

#[tokio::test]
async fn a_single_patch_does_not_wait_for_feeds() {
    let bench = Bench::open().await;
    let crowd = bench.crowd(2);
    bench.feed(&crowd).await;
    let before = bench.now();
    assert_eq!(bench.push(&crowd[0].key, 3).await, Outcome::Applied { now: None });
    assert!(bench.now().duration_since(before) < jiff::SignedDuration::from_secs(1));
    // The next feed has to: one in two minutes.
    let error = bench.mall.push(&crowd).await.unwrap_err();
    assert!(matches!(error.class, Class::Throttled { retry_after: Some(wait) } if wait.as_secs() > 60), "{error}");
    assert_eq!(bench.mall.before("stock.push"), [""; 0]);
    assert_eq!(bench.mall.before("stock.feed"), ["stock.feed_place", "stock.feed_upload"]);
}
