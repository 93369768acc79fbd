//! The counter over HTTP.

use serde_json::json;
use uriba_sdk::{
    Applied, Class, MallError, Outcome, RefusedWhy, Write,
    fake::{Fault, Times},
};

use crate::bench::{Bench, answering, key, mall, push};

fn applied(now: i64) -> Outcome {
    Outcome::Applied { now: Some(now) }
}

fn why(outcome: &Outcome) -> Option<RefusedWhy> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.why),
        _ => None,
    }
}

#[tokio::test]
async fn no_figure_raises_the_counter_whatever_was_believed() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    // The hub still believes in ten, and writes eight; seven were bought meanwhile.
    bench.book().place(&[(&item, 7)]).unwrap();
    let outcomes = bench.push(&[(&item, Write::Absolute(8))]).await.unwrap();
    assert_eq!((why(&outcomes[0]), bench.figure(&item)), (Some(RefusedWhy::BelowZero), 3));
    assert_eq!(bench.push(&[(&item, Write::Absolute(2))]).await.unwrap(), [applied(2)]);
    assert_eq!(bench.push(&[(&item, Write::Absolute(0))]).await.unwrap(), [applied(0)]);
    assert_eq!(bench.push(&[(&item, Write::Absolute(0))]).await.unwrap(), [applied(0)]);
}

#[tokio::test]
async fn a_zero_leaves_a_counter_below_zero_where_it_is() {
    let bench = Bench::open().await;
    let item = bench.list(0, -2);
    let outcomes = bench.push(&[(&item, Write::Absolute(0))]).await.unwrap();
    assert_eq!((why(&outcomes[0]), bench.figure(&item)), (Some(RefusedWhy::BelowZero), -2));
    assert_eq!(bench.push(&[(&item, Write::Relative(5))]).await.unwrap(), [applied(3)]);
}

#[tokio::test]
async fn a_relative_write_commutes_with_the_checkouts_between() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    bench.book().place(&[(&item, 4)]).unwrap();
    assert_eq!(bench.push(&[(&item, Write::Relative(5))]).await.unwrap(), [applied(11)]);
    bench.book().place(&[(&item, 9)]).unwrap();
    let outcomes = bench.push(&[(&item, Write::Relative(-3))]).await.unwrap();
    assert_eq!((why(&outcomes[0]), bench.figure(&item)), (Some(RefusedWhy::BelowZero), 2));
}

#[tokio::test]
async fn an_add_whose_answer_is_lost_is_unknown_and_is_not_sent_again() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    for fault in [Fault::CloseAfter, Fault::StatusAfter(500)] {
        let before = bench.figure(&item);
        bench.book().fault("stock.push", fault, Times::Next(1));
        let error = bench.push(&[(&item, Write::Relative(3))]).await.unwrap_err();
        assert_eq!(error.class, Class::Transient { applied: Applied::Unknown });
        assert_eq!(bench.figure(&item), before + 3, "once, and not twice");
    }
}

#[tokio::test]
async fn what_was_written_before_a_failure_stays_told_and_what_comes_after_is_not_sent() {
    let faults = [(Fault::StatusAfter(500), Outcome::Unknown), (Fault::CloseAfter, Outcome::Unknown)];
    for (fault, doubtful) in faults {
        let bench = Bench::open().await;
        let items = [0, 1, 2].map(|n| bench.list(n, 10));
        bench.book().fault("stock.push", Fault::Delay(std::time::Duration::ZERO), Times::Next(1));
        bench.book().fault("stock.push", fault, Times::Next(1));
        let writes: Vec<_> = items.iter().map(|item| (item.as_str(), Write::Relative(1))).collect();
        let outcomes = bench.push(&writes).await.unwrap();
        assert_eq!(outcomes[..2], [applied(11), doubtful]);
        assert_eq!((why(&outcomes[2]), bench.figure(&items[2])), (Some(RefusedWhy::Busy), 10));
    }
}

#[tokio::test]
async fn a_checkout_under_way_makes_the_hub_wait_and_not_its_neighbours() {
    let bench = Bench::open().await;
    let items = [0, 1].map(|n| bench.list(n, 10));
    bench.book().fault("stock.push", Fault::Partial, Times::Next(1));
    let outcomes = bench.push(&[(&items[0], Write::Relative(1)), (&items[1], Write::Relative(1))]).await.unwrap();
    assert_eq!((why(&outcomes[0]), &outcomes[1]), (Some(RefusedWhy::Busy), &applied(11)));
    assert_eq!(bench.figure(&items[0]), 10);
}

#[tokio::test]
async fn a_figure_out_of_range_is_refused_unsent_and_compare_and_set_is_not_offered() {
    let (server, mall) = answering(500, json!({})).await;
    let writes =
        [Write::Absolute(-1), Write::Absolute(1_000_000_000), Write::Relative(i64::MIN), Write::Relative(i64::MAX)];
    let outcomes = push(mall.as_ref(), &writes.map(|write| ("tea", write))).await.unwrap();
    assert!(outcomes.iter().all(|outcome| why(outcome) == Some(RefusedWhy::OutOfRange)), "{outcomes:?}");
    let error = push(mall.as_ref(), &[("tea", Write::CompareAndSet { from: 1, to: 2 })]).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_counter_that_is_no_number_is_not_guessed_at() {
    let row = json!({"item": {"S": "tea"}, "quantity": {"S": "7"}});
    let (_server, mall) = answering(200, json!({"Responses": {"net_stock": [row]}})).await;
    let error = mall.extras().readback.unwrap().read(&[key("tea")]).await.unwrap_err();
    assert!(matches!(&error.class, Class::Malformed { what } if what.contains("tea")), "{error}");
    let unmet = json!({"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "Item": row});
    let (_server, mall) = answering(400, unmet).await;
    let outcomes = push(mall.as_ref(), &[("tea", Write::Relative(1))]).await.unwrap();
    assert_eq!(why(&outcomes[0]), Some(RefusedWhy::Other));
}

async fn refused(code: &str, message: &str) -> MallError {
    let body = json!({"__type": format!("com.amazon.coral.service#{code}"), "message": message});
    let (_server, mall) = answering(400, body).await;
    push(mall.as_ref(), &[("tea", Write::Relative(1))]).await.unwrap_err()
}

#[tokio::test]
async fn a_dead_session_and_a_missing_permission_ask_for_a_person() {
    for code in ["ExpiredTokenException", "ExpiredToken", "AccessDeniedException", "UnrecognizedClientException"] {
        let error = refused(code, "User: arn:aws:iam::1:user/hub is not authorized").await;
        assert_eq!((&error.class, error.code.as_deref()), (&Class::Auth { renewable: false }, Some(code)));
        assert!(error.message.contains("user/hub"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_signature_does_not_repeat_the_session_that_was_signed() {
    let canonical = "The Canonical String for this request should have been 'x-amz-security-token:S3SSION+t0ken'";
    let error = refused("InvalidSignatureException", canonical).await;
    assert_eq!(error.class, Class::Auth { renewable: false });
    assert!(!error.to_string().contains("S3SSION") && error.message.contains("clock"), "{error}");
}

#[tokio::test]
async fn too_little_capacity_is_throttling() {
    for code in ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"] {
        assert_eq!(refused(code, "").await.class, Class::Throttled { retry_after: None }, "{code}");
    }
}

#[tokio::test]
async fn a_region_or_a_session_that_does_not_fit_the_key_is_refused() {
    let bench = Bench::open().await;
    let item = bench.list(0, 10);
    let mut elsewhere = bench.settings.clone();
    elsewhere.options.insert("region".into(), "us-east-1".into());
    let error = push(mall(&bench.env, &elsewhere).as_ref(), &[(&item, Write::Relative(1))]).await.unwrap_err();
    assert_eq!(error.class, Class::Auth { renewable: false });
    let mut bare = bench.settings.clone();
    bare.credentials.remove("session_token");
    let error = push(mall(&bench.env, &bare).as_ref(), &[(&item, Write::Relative(1))]).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("UnrecognizedClientException"));
    assert_eq!(bench.figure(&item), 10);
}

#[tokio::test]
async fn every_item_is_in_the_catalogue_once_however_short_its_pages() {
    let bench = Bench::open().await;
    bench.fake.set_switch("short_pages", true);
    let mut items: Vec<_> = (0..7).map(|n| bench.list(n, 1)).collect();
    let (extras, mut listed, mut token) = (bench.mall.extras(), Vec::new(), None);
    loop {
        let shelf = extras.catalogue.unwrap().list(token.as_deref()).await.unwrap();
        listed.extend(shelf.items);
        token = shelf.next;
        if token.is_none() {
            break;
        }
    }
    items.sort();
    assert_eq!(listed.iter().map(|item| item.key.clone()).collect::<Vec<_>>(), items);
    assert!(listed.iter().all(|item| Some(item) == bench.fake.listed(&item.key).as_ref()));
}
