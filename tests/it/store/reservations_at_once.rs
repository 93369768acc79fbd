//! Everybody wants the last one: never oversold, whoever is killed when, and however many instances reserve.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use tokio::task::JoinSet;
use uriba::{
    domain::reservation::{Ask, Change, Refusal},
    engine::teller::{Teller, Unanswered},
    store::{Store, reservations::Request},
};

use crate::support::{SHOP, TestBase, allowances, ask_at, on_every_database, on_postgres, reserve};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_units_and_a_thousand_buyers_make_fifty_holds() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 50).await;
        let teller = Teller::open(base.store.clone(), 0);
        let mut buyers = JoinSet::new();
        for n in 0..1_000 {
            let teller = teller.clone();
            buyers.spawn(
                async move { teller.ask(request(&n.to_string(), reserve(&[("tea", 1)]))).await.unwrap().is_ok() },
            );
        }
        let granted = buyers.join_all().await.into_iter().filter(|granted| *granted).count();
        assert_eq!((granted, base.held("tea").await), (50, 50));
        proven(base).await;
    })
    .await;
}

/// 64 writers on one SKU; some lose the answer after the commit, some die before it, the store is opened anew in
/// between, and everybody asks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_with_kills_never_oversell_and_everything_adds_up() {
    on_every_database(async |base| {
        base.open_till(&["a"], "tea", 100).await;
        let mut store = base.store.clone();
        for round in 0..4 {
            let teller = Teller::open(store.clone(), 0);
            let mut writers = JoinSet::new();
            for writer in 0..64 {
                let teller = teller.clone();
                writers.spawn(async move { write(&teller, round, writer).await });
            }
            // Killed wherever they are.
            for _ in 0..round * 12 {
                writers.join_next().await;
            }
            writers.abort_all();
            while writers.join_next().await.is_some() {}
            teller.close().await;
            store = base.another().await;
            proven(base).await;
        }
        // Everybody comes back and finds out, under the same ids.
        for round in 0..4 {
            for writer in 0..64 {
                for n in 0..3 {
                    ask_at(&store, &id(round, writer, n), Ask::Release { reason: None }).await.ok();
                }
            }
        }
        assert_eq!(base.held("tea").await, 0);
        let sold = base.unshipped("tea").await;
        assert!((0..=100).contains(&sold), "{sold} were sold of 100");
        proven(base).await;
        assert_eq!(base.in_shop("tea").await, 100, "nothing has left the shop");
    })
    .await;
}

/// Three checkouts: one is confirmed, one released, one left as it is.
async fn write(teller: &Teller, round: usize, writer: usize) {
    for n in 0..3 {
        let id = id(round, writer, n);
        let Ok(Ok(_)) = teller.ask(request(&id, reserve(&[("tea", 1)]))).await else { continue };
        let next = match n {
            0 => Ask::Confirm { order: format!("order-{id}") },
            1 => Ask::Release { reason: Some("payment_failed".into()) },
            _ => continue,
        };
        for _ in 0..2 {
            let told = teller.ask(request(&id, next.clone())).await;
            assert!(told.is_err() || told.unwrap().is_ok(), "{id}");
        }
    }
}

fn id(round: usize, writer: usize, n: usize) -> String {
    format!("{round}-{writer}-{n}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_instances_reserve_at_once_and_never_oversell() {
    on_postgres(async |base| {
        base.open_till(&["a"], "tea", 60).await;
        base.found("cup").await;
        base.receive("cup", SHOP, 60).await;
        base.pack("set", &[("cup", 1), ("tea", 1)]).await;
        let tellers: Vec<Teller> = vec![
            Teller::open(base.another().await, 0),
            Teller::open(base.another().await, 0),
            Teller::open(base.another().await, 0),
        ];
        let tea = Arc::new(AtomicI64::new(0));
        let mut buyers = JoinSet::new();
        for n in 0..240_usize {
            let (teller, tea) = (tellers[n % 3].clone(), tea.clone());
            buyers.spawn(async move {
                let lines: &[(&str, i64)] = if n % 2 == 0 { &[("tea", 1)] } else { &[("set", 1)] };
                if teller.ask(request(&n.to_string(), reserve(lines))).await.unwrap().is_ok() {
                    tea.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let recomputing = tokio::spawn({
            let store = base.store.clone();
            async move {
                for _ in 0..50 {
                    store.recompute(&allowances(&["a"])).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        buyers.join_all().await;
        recomputing.await.unwrap();
        assert_eq!((tea.load(Ordering::Relaxed), base.held("tea").await), (60, 60));
        proven(base).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_id_that_two_instances_are_asked_for_holds_once() {
    on_postgres(async |base| {
        base.open_till(&[], "tea", 60).await;
        let stores: Vec<Store> = vec![base.another().await, base.another().await];
        for round in 0..20 {
            let mut tasks = JoinSet::new();
            for store in stores.clone() {
                let batch: Vec<Request> =
                    (0..3).map(|n| request(&format!("{round}-{n}"), reserve(&[("tea", 1)]))).collect();
                tasks.spawn(async move { store.reserve(&batch, 0).await.unwrap() });
            }
            let told: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
            let fresh = told.iter().filter(|told| told.as_ref().unwrap().change == Some(Change::Hold)).count();
            assert_eq!((told.len(), fresh), (6, 3));
        }
        assert_eq!(base.held("tea").await, 60);
        let refused = ask_at(&base.store, "more", reserve(&[("tea", 1)])).await;
        assert!(matches!(refused, Err(Refusal::NotEnough(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_would_wait_for_too_long_is_sent_away_and_nothing_is_done_for_him() {
    let base = TestBase::sqlite().await;
    base.open_till(&[], "tea", 9).await;
    let teller = Teller::open(base.store.clone(), 0);
    // Somebody else writes, and does not end.
    let other = base.another().await.begin().await.unwrap();
    let taken = tokio::spawn({
        let teller = teller.clone();
        async move { teller.ask(request("taken", reserve(&[("tea", 1)]))).await }
    });
    let mut late = Vec::new();
    while late.len() < 3 {
        let teller = teller.clone();
        let ask = request(&format!("late-{}", late.len()), reserve(&[("tea", 1)]));
        // The first of them may still be taken together with the one before.
        late.push(tokio::time::timeout(std::time::Duration::from_secs(5), teller.ask(ask)).await);
    }
    let last = late.pop().unwrap().expect("nobody hangs");
    assert!(matches!(last, Err(Unanswered::Busy)), "{last:?}");
    other.rollback().await.unwrap();
    match taken.await.unwrap() {
        Ok(told) => assert!(told.is_ok() && base.store.reservation("taken").await.is_ok()),
        // One of the others overtook it.
        Err(_) => assert!(base.store.reservation("taken").await.is_err()),
    }
    assert!(base.store.reservation("late-2").await.is_err(), "nothing was done");
    teller.ask(request("late-2", reserve(&[("tea", 1)]))).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_teller_that_closes_answers_what_it_has_taken_and_refuses_the_rest() {
    let base = TestBase::sqlite().await;
    base.open_till(&[], "tea", 9).await;
    let teller = Teller::open(base.store.clone(), 0);
    let mut asked = JoinSet::new();
    for n in 0..200 {
        let teller = teller.clone();
        asked.spawn(async move { (n, teller.ask(request(&n.to_string(), reserve(&[("tea", 1)]))).await) });
    }
    asked.join_next().await;
    teller.close().await;
    for (n, told) in asked.join_all().await {
        match told {
            Ok(told) => assert_eq!(told.is_ok(), base.store.reservation(&n.to_string()).await.is_ok(), "{n}"),
            Err(Unanswered::Closing) => assert!(base.store.reservation(&n.to_string()).await.is_err(), "{n}"),
            Err(other) => panic!("{n}: {other}"),
        }
    }
    let told = teller.ask(request("later", reserve(&[("tea", 1)]))).await;
    assert!(matches!(told, Err(Unanswered::Closing)), "{told:?}");
    proven(&base).await;
}

fn request(id: &str, ask: Ask) -> Request {
    Request { id: id.into(), ask }
}

async fn proven(base: &TestBase) {
    let report = base.store.verify(&allowances(&["a"])).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}
