//! Brakes: what would empty or multiply a channel's listings waits for a person's word.

use uriba::{
    domain::{
        allocation::{Cap, Rules},
        brake::Brake,
        exposure::mode::Wish,
        ledger::CountsShipments,
    },
    engine::{
        braked::{Guard, InForce, Put, Resolved, put_in_force, put_listings, put_plan, resolve},
        import::{CoreFile, FileKind, ImportReport, ImportState, import_file},
    },
    store::{catalogue::Mapping, configuration::Configuration, plans::NewPlan, sheets::Paging},
};

use uriba_sdk::Env;

use crate::support::{SHOP, TestBase, configuration, core_file, on_every_database, seconds};

/// A channel with so many listings of ten units each, booked once.
async fn shop(base: &TestBase, listings: usize) {
    base.rule(&["a"], &Rules::default()).await;
    base.core(CountsShipments::AtOnce).await;
    for n in 0..listings {
        base.list(&["a"], &format!("sku-{n:02}")).await;
    }
    assert_eq!(book(base, &figures(listings, |_| 10)).await.state, ImportState::Booked, "a first book is let through");
    base.recompute(&["a"]).await;
    base.env.advance(seconds(60));
}

fn figures(listings: usize, of: impl Fn(usize) -> i64) -> String {
    let rows = (0..listings).map(|n| format!("{SHOP},sku-{n:02},{}\n", of(n)));
    format!("location,sku,quantity\n{}", rows.collect::<String>())
}

async fn take(base: &TestBase, text: &str, dry_run: bool) -> ImportReport {
    let file = CoreFile { dry_run, ..core_file(FileKind::Book, text.as_bytes()) };
    import_file(&base.store, &file).await.unwrap()
}

fn changed(report: &ImportReport) -> Option<u64> {
    report.changes.as_ref().map(|changes| changes.total)
}

async fn book(base: &TestBase, text: &str) -> ImportReport {
    take(base, text, false).await
}

async fn decide(base: &TestBase, id: &str, action: &str) -> Resolved {
    resolve(&base.store, Brake::default(), id.parse().unwrap(), Some(action), "maria").await.unwrap()
}

async fn total(base: &TestBase) -> i64 {
    base.recompute(&["a"]).await;
    base.rows("SELECT target FROM publication").await.iter().filter_map(|row| row["target"].as_i64()).sum()
}

/// Trace 39.
#[tokio::test]
async fn a_broken_file_is_held_with_the_list_before_anything_is_booked() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let broken = figures(20, |n| if n < 12 { 0 } else { 10 });
        let report = book(base, &broken).await;
        assert_eq!((report.state, report.booked, changed(&report)), (ImportState::Held, 0, Some(12)));
        assert_eq!(
            (total(base).await, base.store.import_sheets(&Paging::new(None, None)).await.unwrap().items.len()),
            (200, 1)
        );
        let items = base.store.attention_sheets(&Paging::new(None, None)).await.unwrap().items;
        let item = items.iter().find(|item| item.kind == "brake").unwrap();
        let changes = item.changes.as_ref().unwrap();
        assert_eq!((item.actions.join(","), changes.total), ("confirm,refuse".into(), 12));
        assert_eq!((changes.listings[0].now, changes.listings[0].then), (Some(10), Some(0)));
        let said = "book.csv would take 12 of 20 listings of a to 0";
        assert!(item.message.starts_with(said), "{}", item.message);
        let again = book(base, &broken).await;
        assert_eq!(
            (again.state, again.attention),
            (ImportState::Held, report.attention.clone()),
            "one item for one file"
        );
        base.env.advance(seconds(3_600));
        base.receive("sku-00", SHOP, 3).await;
        let id = report.attention.unwrap();
        assert!(matches!(decide(base, &id, "confirm").await, Resolved::Closed(_)));
        assert_eq!(total(base).await, 83, "as of when it was given: what came in since is there");
        assert_eq!(base.attention("brake").await, Vec::<String>::new());
        let kept = base.rows("SELECT state, request FROM held_change").await;
        assert_eq!((kept[0]["state"].as_str(), kept[0]["request"].as_str()), (Some("done"), Some("")));
    })
    .await;
}

#[tokio::test]
async fn a_file_with_ten_times_too_many_is_held_and_refused_leaves_nothing() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let report = book(base, &figures(20, |_| 100)).await;
        assert_eq!(report.state, ImportState::Held);
        let before = total(base).await;
        assert!(matches!(decide(base, &report.attention.unwrap(), "refuse").await, Resolved::Closed(_)));
        assert_eq!(total(base).await, before);
        assert_eq!(base.store.import_sheets(&Paging::new(None, None)).await.unwrap().items.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_trial_shows_the_numbers_and_holds_nothing() {
    on_every_database(async |base| {
        shop(base, 12).await;
        let before = base.everything().await;
        let report = take(base, &figures(12, |_| 0), true).await;
        assert_eq!((report.state, changed(&report)), (ImportState::Booked, Some(12)));
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn everyday_changes_pass() {
    on_every_database(async |base| {
        shop(base, 60).await;
        let sold_out = figures(60, |n| if n < 12 { 0 } else { 11 });
        assert_eq!(book(base, &sold_out).await.state, ImportState::Booked, "a fifth may sell out");
        base.recompute(&["a"]).await;
        base.env.advance(seconds(60));
        assert_eq!(book(base, &figures(60, |_| 14)).await.state, ImportState::Booked, "and come back");
    })
    .await;
}

#[tokio::test]
async fn what_has_grown_since_it_was_shown_is_held_again() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let zero = |keys: std::ops::Range<usize>| -> Vec<Mapping> {
            let one = |n| Mapping {
                channel: "a".into(),
                mall_key: format!("sku-{n:02}"),
                sku: format!("sku-{n:02}"),
                cap: Some(Cap::Always(0)),
                ..Mapping::default()
            };
            keys.map(one).collect()
        };
        // Two of them have nothing now, and will have when it is confirmed.
        assert_eq!(book(base, &figures(20, |n| if n < 2 { 0 } else { 10 })).await.state, ImportState::Booked);
        base.recompute(&["a"]).await;
        let put = put_listings(&base.store, &zero(0..15), false, &Guard::default(), "test").await.unwrap();
        let Put::Held(held, _) = put else { panic!("13 of 18: {put:?}") };
        base.env.advance(seconds(60));
        base.receive("sku-00", SHOP, 5).await;
        base.receive("sku-01", SHOP, 5).await;
        base.recompute(&["a"]).await;
        let id = held.attention.to_string();
        let Resolved::HeldAgain(again) = decide(base, &id, "confirm").await else { panic!("it takes 15 now") };
        assert_eq!(again.attention, held.attention);
        assert!(again.message.contains("take 15 of 20"), "{}", again.message);
        assert_eq!(total(base).await, 190, "nothing was done");
        assert!(matches!(decide(base, &id, "confirm").await, Resolved::Closed(_)), "what was shown now is let through");
        assert_eq!(total(base).await, 50);
    })
    .await;
}

/// Trace 39.
#[tokio::test]
async fn a_typo_in_the_configuration_is_held_and_the_old_rules_go_on() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let typo = configuration(&["a", "new"], &Rules { buffer: 1_000, ..Rules::default() }, "buffer = 1000");
        let start = async || put_in_force(&base.store, &typo, Brake::default(), "test").await.unwrap();
        let InForce::Held(held) = start().await else { panic!("it empties the shop") };
        assert_eq!(total(base).await, 200);
        assert!(base.store.channel("new").await.is_ok(), "who is there is no number");
        assert_eq!(start().await, InForce::Held(held.clone()), "the next start waits for the same word");
        assert!(matches!(decide(base, &held.attention.to_string(), "confirm").await, Resolved::Closed(_)));
        assert_eq!(total(base).await, 0);
        assert_eq!(start().await, InForce::Yes);
    })
    .await;
}

#[tokio::test]
async fn a_refused_configuration_is_not_asked_about_again() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let typo = configuration(&["a"], &Rules { min_show: 50, ..Rules::default() }, "min_show = 50");
        let start = async |wanted| put_in_force(&base.store, wanted, Brake::default(), "test").await.unwrap();
        let InForce::Held(held) = start(&typo).await else { panic!("it empties the shop") };
        decide(base, &held.attention.to_string(), "refuse").await;
        let refused = start(&typo).await;
        assert!(matches!(refused, InForce::Refused(_)), "{refused:?}");
        assert_eq!((total(base).await, base.attention("brake").await.len()), (200, 0));
        base.env.advance(seconds(1));
        let better = configuration(&["a"], &Rules { min_show: 5, ..Rules::default() }, "min_show = 5");
        assert_eq!(start(&better).await, InForce::Yes);
        base.env.advance(seconds(1));
        assert!(matches!(start(&typo).await, InForce::Held(_)), "wanted anew it is asked about anew");
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_loses_its_shop_is_held_as_well() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let mut wrong = configuration(&["a"], &Rules::default(), "shinjuku is gone");
        wrong.pools[0].locations.remove(0);
        let put = put_in_force(&base.store, &wrong, Brake::default(), "test").await.unwrap();
        assert!(matches!(put, InForce::Held(_)), "{put:?}");
        assert_eq!(total(base).await, 200);
        let never = Brake { portion: 1.0, at_least: 1 };
        let later = configuration(&["a"], &Rules::default(), "and no brake");
        let later = Configuration { pools: wrong.pools.clone(), ..later };
        assert_eq!(put_in_force(&base.store, &later, never, "test").await.unwrap(), InForce::Yes);
        assert_eq!(total(base).await, 0);
    })
    .await;
}

/// Two channels with so many listings of one unit each, which both sell like hot cakes.
async fn hot_shop(base: &TestBase, listings: usize) {
    base.rule(&["a", "b"], &Rules::default()).await;
    base.core(CountsShipments::AtOnce).await;
    for n in 0..listings {
        base.list(&["a", "b"], &format!("sku-{n:02}")).await;
    }
    book(base, &figures(listings, |_| 1)).await;
    let now = base.env.now().as_microsecond();
    let sold = format!(
        "INSERT INTO demand (channel, subject, usual_orders, usual_shown_s, lately_orders, lately_shown_s, units, largest, \
         at, lit) SELECT channel, id, 500, 86400, 50, 8640, 500, 1, {now}, TRUE FROM listing"
    );
    base.execute("DELETE FROM demand").await.unwrap();
    base.execute(&sold).await.unwrap();
    base.recompute(&["a", "b"]).await;
    base.env.advance(seconds(60));
}

fn pool_in(wish: Wish) -> Configuration {
    let mut wanted = configuration(&["a", "b"], &Rules::default(), wish.word());
    wanted.pools[0].exposure = Some(wish);
    wanted
}

#[tokio::test]
async fn a_pool_that_would_be_sold_in_another_mode_is_weighed_like_any_change() {
    on_every_database(async |base| {
        hot_shop(base, 12).await;
        let all = async || {
            base.recompute(&["a", "b"]).await;
            let rows = base.rows("SELECT target FROM publication").await;
            rows.iter().filter_map(|row| row["target"].as_i64()).sum::<i64>()
        };
        assert_eq!(all().await, 24, "each is on show twice");
        let auto = pool_in(Wish::Auto);
        let start = async || put_in_force(&base.store, &auto, Brake::default(), "test").await.unwrap();
        let InForce::Held(held) = start().await else { panic!("one of the two loses everything") };
        let said = "the changed configuration (pool online auto instead of shared) would take 12 of 12 listings of ";
        assert!(held.message.starts_with(said), "{}", held.message);
        assert_eq!(all().await, 24, "nothing of it is done");
        assert_eq!(
            put_in_force(&base.store, &pool_in(Wish::Shared), Brake::default(), "test").await.unwrap(),
            InForce::Yes
        );
        assert!(matches!(decide(base, &held.attention.to_string(), "confirm").await, Resolved::Closed(_)));
        assert_eq!(all().await, 12);
        assert_eq!(start().await, InForce::Yes);
    })
    .await;
}

#[tokio::test]
async fn another_mode_that_empties_nothing_passes() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let auto =
            Configuration { channels: configuration(&["a"], &Rules::default(), "").channels, ..pool_in(Wish::Auto) };
        assert_eq!(put_in_force(&base.store, &auto, Brake::default(), "test").await.unwrap(), InForce::Yes);
        assert_eq!(total(base).await, 200);
    })
    .await;
}

#[tokio::test]
async fn a_brake_is_answered_with_one_of_its_words() {
    on_every_database(async |base| {
        shop(base, 12).await;
        let report = book(base, &figures(12, |_| 0)).await;
        let id = report.attention.unwrap().parse().unwrap();
        for action in [None, Some("retry")] {
            let refused = resolve(&base.store, Brake::default(), id, action, "maria").await.unwrap_err();
            assert_eq!(refused.to_string(), "say what is to be done with it: confirm or refuse");
        }
        base.store.resolve_attention(id, None, "maria").await.expect_err("nor by the back door");
        assert_eq!(base.attention("brake").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_would_empty_the_shop_is_held_and_made_once_confirmed() {
    on_every_database(async |base| {
        shop(base, 20).await;
        let from = base.env.now() + seconds(600);
        let wanted = NewPlan {
            name: "autumn".into(),
            from,
            until: from + seconds(600),
            skus: (0..20).map(|n| format!("sku-{n:02}")).collect(),
            exposure: None,
            cap: None,
            buffer: Some(10),
        };
        let put = async || put_plan(&base.store, &wanted, &Guard::default(), "maria").await.unwrap();
        let Put::Held(held, changes) = put().await else { panic!("it empties the shop") };
        assert!(held.message.starts_with("plan \"autumn\" would take 20 of 20 listings of a to 0"), "{}", held.message);
        assert_eq!(changes.total, 20);
        assert!(base.store.plan_sheet("autumn").await.is_err(), "nothing of it is done");
        decide(base, &held.attention.to_string(), "refuse").await;
        let Put::Held(held, _) = put().await else { panic!("wanted anew it is asked about anew") };
        let closed = decide(base, &held.attention.to_string(), "confirm").await;
        assert!(matches!(closed, Resolved::Closed(_)), "{closed:?}");
        assert_eq!(total(base).await, 200, "not yet");
        base.env.advance(seconds(600));
        base.store.turn_rules().await.unwrap();
        assert_eq!(total(base).await, 0, "its beginning is not asked about again");
        base.env.advance(seconds(600));
        base.store.turn_rules().await.unwrap();
        assert_eq!(total(base).await, 200);
    })
    .await;
}
