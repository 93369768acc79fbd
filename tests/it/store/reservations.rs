//! Reservations in the database: what is held, what every mall shows meanwhile, and what stays of it.

use uriba::{
    domain::reservation::{Ask, Available, Change, Refusal, State, Wish},
    store::{reservations::Request, sheets::Outlines},
};
use uriba_sdk::Env;

use crate::support::{POOL, SHOP, TestBase, WEB, allowances, line, on_every_database, order, reserve, seconds, wish};

#[tokio::test]
async fn a_hold_lowers_every_mall_and_its_end_raises_them() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 10).await;
        base.hold("1", &[("tea", 3)]).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.held("tea").await, base.target("a", "tea").await), (3, Some(7)));
        let sheet = base.store.sku_sheet("tea", &Outlines::default()).await.unwrap();
        assert_eq!((sheet.pools[0].held, sheet.pools[0].sellable), (3, Some(7)));
        base.release("1").await;
        base.recompute(&["a"]).await;
        assert_eq!((base.held("tea").await, base.target("a", "tea").await), (0, Some(10)));
        proven(base, &["a"]).await;
    })
    .await;
}

#[tokio::test]
async fn requests_of_one_batch_are_decided_in_their_order() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 3).await;
        let ask = |id: &str, ask: Ask| Request { id: id.into(), ask };
        let release = || Ask::Release { reason: None };
        let batch = [
            ask("1", reserve(&[("tea", 2)])),
            ask("2", reserve(&[("tea", 2)])),
            ask("1", reserve(&[("tea", 2)])),
            ask("1", release()),
            ask("2", reserve(&[("tea", 3)])),
            ask("3", release()),
            ask("3", reserve(&[("tea", 1)])),
        ];
        let answers = base.store.reserve(&batch, 0).await.unwrap();
        let changes: Vec<_> = answers.into_iter().map(|answer| answer.map(|granted| granted.change)).collect();
        let short = Available { sku: "tea".into(), quantity: 2, available: 1, on_malls: false };
        let expected = [
            Ok(Some(Change::Hold)),
            Err(Refusal::NotEnough(vec![short])),
            Ok(None),
            Ok(Some(Change::Release)),
            Ok(Some(Change::Hold)),
            Ok(Some(Change::Bury)),
            Err(Refusal::Ended(State::Released)),
        ];
        assert_eq!(changes, expected);
        assert_eq!(base.held("tea").await, 3);
        proven(base, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn the_same_again_is_the_first_answer_also_after_a_restart() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 3).await;
        let first = base.ask("1", reserve(&[("tea", 2)])).await.unwrap();
        base.env.advance(seconds(60));
        let store = base.another().await;
        let again = crate::support::ask_at(&store, "1", reserve(&[("tea", 2)])).await.unwrap();
        assert_eq!((again.change, &again.reservation), (None, &first.reservation));
        assert_eq!(store.reservation("1").await.unwrap(), first.reservation);
        let other = crate::support::ask_at(&store, "1", reserve(&[("tea", 1)])).await;
        assert_eq!(other, Err(Refusal::OtherContent));
        assert_eq!(base.held("tea").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_confirmed_hold_is_an_order_and_nothing_moves() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 10).await;
        base.hold("1", &[("tea", 3)]).await;
        base.recompute(&["a"]).await;
        base.confirm("1", "A1").await.unwrap();
        assert_eq!((base.held("tea").await, base.unshipped("tea").await), (0, 3));
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(7));
        assert_eq!(base.confirm("1", "A1").await.unwrap().change, None);
        assert_eq!(base.confirm("1", "A2").await, Err(Refusal::Confirmed { order: "A1".into() }));
        assert_eq!(base.unshipped("tea").await, 3);
        let sheet = base.store.order_sheet(WEB, "A1").await.unwrap();
        assert_eq!((sheet.unshipped, sheet.lines[0].ordered), (3, 3));
        base.hold("2", &[("tea", 1)]).await;
        assert_eq!(base.confirm("2", "A1").await, Err(Refusal::OrderTaken("A1".into())), "another order's number");
        assert_eq!((base.held("tea").await, base.unshipped("tea").await), (1, 3));
        proven(base, &["a"]).await;
    })
    .await;
}

/// Trace 31.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn confirm_during_recompute() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 10).await;
        for n in 0..8 {
            base.hold(&format!("hold-{n}"), &[("tea", 1)]).await;
        }
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(2));
        let confirming = {
            let store = base.store.clone();
            tokio::spawn(async move {
                for n in 0..8 {
                    let ask = Ask::Confirm { order: format!("A{n}") };
                    crate::support::ask_at(&store, &format!("hold-{n}"), ask).await.unwrap();
                }
            })
        };
        while !confirming.is_finished() {
            base.store.recompute(&allowances(&["a"])).await.unwrap();
            assert_eq!(base.target("a", "tea").await, Some(2), "in the hold or in the order, never in neither");
            tokio::task::yield_now().await;
        }
        confirming.await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!((base.target("a", "tea").await, base.held("tea").await), (Some(2), 0));
        proven(base, &["a"]).await;
    })
    .await;
}

#[tokio::test]
async fn holds_of_minutes_and_of_days_expire_at_their_time_in_pieces() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 2_000).await;
        let short = |n: usize| Request { id: format!("cart-{n}"), ask: reserve(&[("tea", 1)]) };
        let batch: Vec<Request> = (0..1_100).map(short).collect();
        base.store.reserve(&batch, 0).await.unwrap();
        let days = Ask::Reserve(Wish { ttl_s: 3 * 86_400, ..wish(&[("tea", 5)]) });
        base.ask("konbini", days).await.unwrap();
        base.env.advance(seconds(599));
        assert_eq!(base.store.expire_reservations().await.unwrap(), 0);
        base.env.advance(seconds(1));
        let mut pieces = Vec::new();
        loop {
            match base.store.expire_reservations().await.unwrap() {
                0 => break,
                ended => pieces.push(ended),
            }
        }
        assert_eq!(pieces, [500, 500, 100]);
        assert_eq!(base.held("tea").await, 5);
        // Over the end of a month, and in a zone without summer time: three days are three times 86,400 s.
        base.env.advance(seconds(3 * 86_400 - 601));
        assert_eq!(base.store.expire_reservations().await.unwrap(), 0);
        base.env.advance(seconds(1));
        assert_eq!(base.store.expire_reservations().await.unwrap(), 1);
        let sheet = base.store.reservation("konbini").await.unwrap();
        assert_eq!((sheet.state.as_str(), sheet.ended_at), ("expired", Some(sheet.expires_at)));
        assert_eq!(base.held("tea").await, 0);
        proven(base, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_payment_that_succeeds_late_is_an_order_if_stock_remains() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 3).await;
        base.hold("1", &[("tea", 2)]).await;
        base.hold("2", &[("tea", 1)]).await;
        base.env.advance(seconds(600));
        base.store.expire_reservations().await.unwrap();
        base.hold("3", &[("tea", 2)]).await;
        let short = Available { sku: "tea".into(), quantity: 2, available: 1, on_malls: false };
        assert_eq!(base.confirm("1", "A1").await, Err(Refusal::NotEnough(vec![short])));
        let late = base.confirm("2", "A2").await.unwrap();
        assert_eq!(late.change, Some(Change::Confirm { late: true }));
        assert_eq!((base.held("tea").await, base.unshipped("tea").await), (2, 1));
        base.release("3").await;
        base.confirm("1", "A1").await.unwrap();
        assert_eq!((base.held("tea").await, base.unshipped("tea").await), (0, 3));
        proven(base, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_bundle_is_held_by_its_components_all_or_nothing() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 4).await;
        base.found("cup").await;
        base.receive("cup", SHOP, 3).await;
        base.pack("set", &[("tea", 1), ("cup", 2)]).await;
        base.hold("1", &[("set", 1), ("tea", 1)]).await;
        assert_eq!((base.held("tea").await, base.held("cup").await), (2, 2));
        let refused = base.ask("2", reserve(&[("set", 1)])).await.unwrap_err();
        let short = Available { sku: "set".into(), quantity: 1, available: 0, on_malls: false };
        assert_eq!(refused, Refusal::NotEnough(vec![short]));
        base.confirm("1", "A1").await.unwrap();
        assert_eq!((base.held("tea").await, base.held("cup").await), (0, 0));
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (2, 2));
        proven(base, &["a"]).await;
    })
    .await;
}

#[tokio::test]
async fn one_holder_asks_for_all_and_is_refused_above_the_ceiling() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 100).await;
        let by = |id: &str, holder: &str, tea: i64| {
            let ask = Ask::Reserve(Wish { holder: Some(holder.into()), ..wish(&[("tea", tea)]) });
            Request { id: id.into(), ask }
        };
        let ask = async |request: Request| base.store.reserve(&[request], 5).await.unwrap().remove(0).map(drop);
        assert_eq!(ask(by("1", "ann", 3)).await, Ok(()));
        let refused = Refusal::HolderLimit { holder: "ann".into(), held: 3, most: 5 };
        assert_eq!(ask(by("2", "ann", 3)).await, Err(refused));
        assert_eq!(ask(by("2", "ann", 2)).await, Ok(()));
        assert_eq!(ask(by("3", "bob", 5)).await, Ok(()));
        base.confirm("1", "A1").await.unwrap();
        assert_eq!(ask(by("4", "ann", 3)).await, Ok(()), "what became an order counts no more");
    })
    .await;
}

#[tokio::test]
async fn an_order_of_a_mall_that_comes_in_leaves_less_to_reserve() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 5).await;
        base.read("a", &[order("1", &[line("tea", 3)])]).await;
        let refused = base.ask("1", reserve(&[("tea", 3)])).await.unwrap_err();
        let short = Available { sku: "tea".into(), quantity: 3, available: 2, on_malls: false };
        assert_eq!(refused, Refusal::NotEnough(vec![short]), "although nothing was recomputed yet");
        base.read("a", &[order("2", &[line("tea", 4)])]).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.attention("oversold").await.len(), 1);
        base.ask("1", reserve(&[("tea", 1)])).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn what_became_of_a_hold_stays_and_can_not_be_changed() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 5).await;
        base.hold("1", &[("tea", 1)]).await;
        base.env.advance(seconds(5));
        base.ask("1", Ask::Release { reason: Some("card_expired".into()) }).await.unwrap();
        let rows = base.rows("SELECT what, reason, occurred_at FROM hold_event ORDER BY id").await;
        let told: Vec<_> = rows.iter().map(|row| (row["what"].as_str(), row["reason"].as_str())).collect();
        assert_eq!(told, [(Some("held"), None), (Some("released"), Some("card_expired"))]);
        let apart = rows[1]["occurred_at"].as_i64().unwrap() - rows[0]["occurred_at"].as_i64().unwrap();
        assert_eq!(apart, 5_000_000);
        for sql in ["UPDATE hold_event SET what = 'held'", "DELETE FROM hold_event"] {
            let error = base.execute(sql).await.unwrap_err().to_string();
            assert!(error.contains("hold_event is append-only"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_live_hold_says_where_held_comes_from() {
    on_every_database(async |base| {
        base.open_till(&[], "tea", 9).await;
        base.hold("1", &[("tea", 2)]).await;
        base.hold("2", &[("tea", 3)]).await;
        base.hold("3", &[("tea", 1)]).await;
        base.release("1").await;
        let sku = base.sku("tea").await;
        let sources = base.store.hold_sources(base.store.reader(), POOL, sku).await.unwrap();
        let told: Vec<_> = sources.iter().map(|source| (source.id.as_str(), source.quantity)).collect();
        assert_eq!(told, [("2", 3), ("3", 1)]);
        assert_eq!(sources[0].expires_at, base.env.now() + jiff::SignedDuration::from_secs(600));
    })
    .await;
}

#[tokio::test]
async fn places_offered_and_taken_add_up_in_every_moment() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 10).await;
        base.hold("1", &[("tea", 2)]).await;
        base.read("a", &[order("1", &[uriba_sdk::Line { shipped: 1, ..line("tea", 4) }])]).await;
        let sheet = base.store.availability(WEB, &["tea".into()]).await.unwrap().remove(0);
        assert_eq!((sheet.sellable, sheet.available, sheet.taken, sheet.offered), (Some(4), 4, Some(6), Some(10)));
        base.receive("tea", SHOP, 2).await;
        let sheet = base.store.availability(WEB, &["tea".into()]).await.unwrap().remove(0);
        assert_eq!((sheet.sellable, sheet.taken, sheet.offered), (Some(6), Some(6), Some(12)), "two places more");
    })
    .await;
}

async fn proven(base: &TestBase, channels: &[&str]) {
    let report = base.store.verify(&allowances(channels)).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}
