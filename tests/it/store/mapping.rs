//! Lines that are sold before anybody said what they sell.

use uriba::store::catalogue::{Mapped, Mapping};
use uriba_sdk::{Env, Line};

use crate::support::{SHOP, TestBase, allowances, clock, intake, line, on_every_database, order, seconds, unread};

#[tokio::test]
async fn an_unmapped_line_holds_nothing_and_says_so_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("cup", 2)]), order("2", &[line("cup", 1)])]).await;
        base.read("a", &[order("3", &[line("cup", 1)])]).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(10));
        let items = base.attention("unmapped").await;
        assert_eq!(items.len(), 1, "{items:?}");
        assert!(items[0].contains("uriba listing map a cup SKU"), "it says what to do: {items:?}");
    })
    .await;
}

#[tokio::test]
async fn listings_lie_beside_the_others_of_their_sku_until_its_room_is_full() {
    on_every_database(async |base| {
        base.open_channels(&["a", "b"]).await;
        for channel in ["a", "b"] {
            let mapping = |n: usize, sku: &str| {
                let (channel, mall_key) = (channel.to_owned(), format!("{sku}-{n}"));
                Mapping { channel, mall_key, sku: sku.into(), ..Mapping::default() }
            };
            let mappings: Vec<Mapping> = (0..10).flat_map(|n| [mapping(n, "tea"), mapping(n, "cup")]).collect();
            base.store.map_listings(&mappings, true, "test").await.unwrap();
        }
        let rows = base.rows("SELECT id, sku_id FROM listing ORDER BY id").await;
        let number = |row: &serde_json::Value, column: &str| row[column].as_i64().unwrap();
        let places: Vec<i64> = rows.iter().map(|row| number(row, "id") - number(row, "sku_id")).collect();
        let room: Vec<i64> = (1..16).chain(1..16).collect();
        assert_eq!((&places[..30], places.len()), (&room[..], 40), "the rest lies elsewhere");
    })
    .await;
}

#[tokio::test]
async fn from_the_moment_of_mapping_its_lines_count() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea-2-pack", 2)])]).await;
        base.read("a", &[order("2", &[Line { cancelled: 1, ..line("tea-2-pack", 2) }])]).await;
        assert_eq!(base.unshipped("tea").await, 0);
        base.map("a", "tea-2-pack", "tea", 2).await;
        base.recompute(&["a"]).await;
        assert_eq!(base.unshipped("tea").await, 6);
        assert_eq!((base.target("a", "tea").await, base.target("a", "tea-2-pack").await), (Some(4), Some(2)));
        assert_eq!(base.attention("unmapped").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn its_past_shipments_are_booked_at_their_time() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(clock("11:30"));
        let gone = |units, shipped, at| Line { shipped, shipped_at: Some(clock(at)), ..line("cup", units) };
        base.read("a", &[order("1", &[gone(2, 2, "11:00")]), order("2", &[gone(5, 1, "11:20")])]).await;
        base.env.advance_to(clock("12:00"));
        base.count("tea", SHOP, 8, clock("11:10")).await;
        base.map("a", "cup", "tea", 1).await;
        assert_eq!(base.unshipped("tea").await, 4);
        assert_eq!(base.in_shop("tea").await, 7, "the count at 11:10 lacks the first two already, not the third");
        let times = base.rows("SELECT occurred_at FROM stock_entry WHERE quantity = -1").await;
        assert_eq!(times[0]["occurred_at"].as_i64(), Some(clock("11:20").as_microsecond()));
        let sources = base.rows("SELECT source FROM stock_event WHERE kind = 'issue'").await;
        let sources: std::collections::BTreeSet<_> =
            sources.iter().map(|row| row["source"].as_str().unwrap()).collect();
        assert_eq!(sources, ["order a/1", "order a/2"].into(), "by the mall's own ids");
    })
    .await;
}

#[tokio::test]
async fn a_line_stays_what_it_was_when_first_mapped() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.trade(&["a"], "cup", 10).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.map("a", "tea", "cup", 3).await;
        base.recompute(&["a"]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (2, 0));
        base.read("a", &[order("1", &[Line { shipped: 2, ..line("tea", 2) }])]).await;
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (8, 10));
        base.read("a", &[order("2", &[line("tea", 1)])]).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (0, 3), "new lines sell cups");
    })
    .await;
}

#[tokio::test]
async fn open_lines_follow_to_the_new_sku_where_somebody_says_so() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.trade(&["a"], "cup", 10).await;
        let shipped = |units, shipped| Line { shipped, ..line("tea", units) };
        let orders = [order("1", &[shipped(3, 1)]), order("2", &[shipped(2, 2)]), order("3", &[line("tea", 1)])];
        base.read("a", &orders).await;
        base.read_as(&intake("a"), &[], &[unread("9", &["tea"])]).await;
        remap(base, "cup", 2, false).await;
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (4, 0));
        assert_eq!(remap(base, "cup", 2, true).await, Mapped::Changed, "also when it was mapped before");
        assert_eq!((base.unshipped("tea").await, base.unshipped("cup").await), (0, 8));
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (7, 10), "what shipped stays booked");
        let stops = base.rows("SELECT scope FROM stop_raise WHERE ended_at IS NULL").await;
        assert_eq!(stops, [serde_json::json!({ "scope": format!("sku:{}", base.sku("cup").await) })]);
        assert_eq!(base.rows("SELECT id FROM line_event WHERE what = 'remapped'").await.len(), 2);
        assert_eq!(remap(base, "cup", 2, true).await, Mapped::Unchanged);
        base.read("a", &[order("1", &[shipped(3, 3)])]).await;
        assert_eq!((base.in_shop("tea").await, base.in_shop("cup").await), (7, 6), "the rest ships as cups");
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

#[tokio::test]
async fn open_lines_follow_to_the_components_of_a_bundle() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.trade(&["a"], "cup", 10).await;
        base.trade(&["a"], "pot", 10).await;
        base.pack("box", &[("cup", 3), ("pot", 1)]).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        assert_eq!(remap(base, "box", 2, true).await, Mapped::Changed);
        let held = [base.unshipped("tea").await, base.unshipped("cup").await, base.unshipped("pot").await];
        assert_eq!(held, [0, 12, 4]);
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}

async fn remap(base: &TestBase, sku: &str, units: i64, open_orders: bool) -> Mapped {
    let (channel, mall_key, sku) = ("a".into(), "tea".into(), sku.into());
    let mapping = Mapping { channel, mall_key, sku, units: Some(units), open_orders, ..Mapping::default() };
    base.store.map_listings(&[mapping], false, "test").await.unwrap()[0]
}

#[tokio::test]
async fn a_line_whose_key_appears_later_counts_from_then() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let nameless = Line { mall_key: None, shipped: 1, ..line("tea", 3) };
        base.read("a", &[order("1", std::slice::from_ref(&nameless))]).await;
        assert_eq!(base.unshipped("tea").await, 0);
        base.env.advance(seconds(60));
        base.read("a", &[order("1", &[Line { mall_key: Some("tea".into()), ..nameless }])]).await;
        assert_eq!((base.in_shop("tea").await, base.unshipped("tea").await), (9, 2));
    })
    .await;
}

#[tokio::test]
async fn mapping_the_same_again_changes_nothing() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let before = base.everything().await;
        base.map("a", "tea", "tea", 1).await;
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_fresh_hub_pushes_nothing() {
    on_every_database(async |base| {
        base.open_channels(&["a", "b"]).await;
        base.list(&["a", "b"], "tea").await;
        base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
        base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
        base.observe("a", "tea", 25).await;
        base.read("a", &[order("1", &[line("tea", 2)])]).await;
        base.recompute(&["a", "b"]).await;
        for channel in ["a", "b"] {
            assert_eq!(base.target(channel, "tea").await, None);
            let lease = base.lease(channel).await;
            let outlet = crate::support::outlet(channel);
            assert!(base.store.claim(&lease, &outlet, base.env.now()).await.unwrap().is_none());
        }
        base.count("tea", SHOP, 0, base.env.now()).await;
        base.recompute(&["a", "b"]).await;
        let lease = base.lease("a").await;
        let claim = base.store.claim(&lease, &crate::support::outlet("a"), base.env.now()).await.unwrap();
        assert_eq!(claim.map(|claim| claim.len()), Some(1), "a count of nothing is pushed");
    })
    .await;
}
