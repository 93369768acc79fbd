//! What is read back first, what an audit finds, and what has waited for longest.

use jiff::Timestamp;
use uriba::{
    domain::settle::Exchange,
    store::sheets::{AuditSheet, OldestOf, Outlines},
};
use uriba_sdk::{Counter, Env, Order, Reading, Resolved};

use crate::support::{SHOP, TestBase, line, on_every_database, order, outlet, seconds};

/// Settled listings of one live channel that show what there is.
async fn showing(base: &TestBase, stock: &[(&str, i64)]) {
    base.open_channels(&["a"]).await;
    for (sku, units) in stock {
        base.list(&["a"], sku).await;
        base.receive(sku, SHOP, *units).await;
    }
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.recompute(&["a"]).await;
    for (sku, units) in stock {
        base.observe("a", sku, *units).await;
    }
}

async fn next_to_read(base: &TestBase, most: u64) -> Vec<String> {
    let wanted = base.store.to_read("a", base.env.now(), most).await.unwrap();
    wanted.into_iter().map(|(_, key)| key.key).collect()
}

async fn sold(base: &TestBase, id: &str, sku: &str, units: u32) {
    let sale = Order { placed_at: base.env.now(), ..order(id, &[line(sku, units)]) };
    base.read("a", &[sale]).await;
    base.recompute(&["a"]).await;
}

async fn read(base: &TestBase, sku: &str, found: Option<Counter>) {
    let lease = base.lease("a").await;
    let id = base.listing("a", sku).await.id;
    let now = base.env.now();
    let exchange = Exchange::new(now, now);
    let reading = Reading { key: sku.into(), found };
    base.store.take_readings(&lease, &outlet("a"), &[(id, reading)], exchange).await.unwrap();
    base.env.advance(seconds(1));
}

#[tokio::test]
async fn what_is_thin_and_sells_is_read_before_what_only_was_not_read_for_longer() {
    on_every_database(async |base| {
        showing(base, &[("idle", 4), ("full", 5_000), ("thin", 6)]).await;
        sold(base, "1", "full", 3).await;
        sold(base, "2", "thin", 3).await;
        base.observe("a", "full", 4_997).await;
        base.observe("a", "thin", 3).await;
        assert_eq!(next_to_read(base, 9).await, Vec::<String>::new(), "all were read just now");
        base.env.advance(seconds(601));
        let all = next_to_read(base, 9).await;
        assert_eq!(all, ["idle", "full", "thin"], "with quota to spare, as long as each was unread");
        base.env.advance(seconds(700));
        assert_eq!(next_to_read(base, 1).await, ["thin"], "three units for twenty minutes are a unit-hour");
        base.observe("a", "thin", 3).await;
        assert_eq!(next_to_read(base, 1).await, ["idle"]);
        let row = base.publication("a", "idle").await;
        assert_eq!(row.look_at.unwrap() - row.read_at.unwrap(), 86_400_000_000, "once a day whatever it sells");
    })
    .await;
}

#[tokio::test]
async fn a_sale_brings_the_next_look_nearer() {
    on_every_database(async |base| {
        showing(base, &[("tea", 6)]).await;
        let before = base.publication("a", "tea").await.look_at.unwrap();
        sold(base, "1", "tea", 4).await;
        let after = base.publication("a", "tea").await.look_at.unwrap();
        assert!(after < before, "{after} {before}");
    })
    .await;
}

#[tokio::test]
async fn keys_that_are_none_dont_stand_before_those_that_can_be_read() {
    on_every_database(async |base| {
        showing(base, &[("tea", 6)]).await;
        for n in 0..20 {
            base.map("a", &format!("no such key {n}"), "tea", 1).await;
        }
        base.env.advance(seconds(700));
        let lease = base.lease("a").await;
        let fresh = base.store.new_listings("a", 50).await.unwrap();
        let bad = |row: &uriba::store::entity::listing::Model| {
            (row.id, Resolved { given: row.mall_key.clone(), key: Err("is no key".into()) })
        };
        base.store.keys_resolved(&lease, "a", fresh.iter().map(bad).collect()).await.unwrap();
        base.recompute(&["a"]).await;
        assert_eq!(next_to_read(base, 5).await, ["tea"]);
    })
    .await;
}

#[tokio::test]
async fn an_audit_names_what_differs_and_what_it_most_likely_is() {
    on_every_database(async |base| {
        showing(base, &[("fine", 5), ("gone", 5), ("sold", 5), ("edited", 5)]).await;
        let request = base.store.ask_audit(Some("a"), 10, "test").await.unwrap();
        let mut asked = next_to_read(base, 10).await;
        asked.sort();
        assert_eq!(asked, ["edited", "fine", "gone", "sold"], "although all were read just now");
        read(base, "fine", Some(shows(5))).await;
        read(base, "gone", None).await;
        let sheet = base.store.audit_sheet(request).await.unwrap();
        assert_eq!((sheet.state.as_str(), sheet.channels[0].read, sheet.channels[0].different), ("open", 2, 1));
        read(base, "sold", Some(shows(3))).await;
        read(base, "edited", Some(shows(9))).await;
        let sheet = base.store.audit_sheet(request).await.unwrap();
        assert_eq!((sheet.state.as_str(), sheet.channels[0].read, sheet.channels[0].different), ("done", 4, 3));
        assert_eq!(
            found(&sheet),
            [
                "edited: shows Some(9), believed Some(5), target Some(5): hand_edit",
                "gone: shows None, believed Some(5), target Some(5): orphan",
                "sold: shows Some(3), believed Some(5), target Some(5): unseen_order",
            ]
        );
        let again = base.store.ask_audit(None, 10, "test").await.unwrap();
        assert_eq!(base.store.audit_sheet(again).await.unwrap().channels[0].listings, 4, "what is gone may be back");
    })
    .await;
}

#[tokio::test]
async fn an_audit_reads_so_many_as_were_asked_for_the_riskiest_first() {
    on_every_database(async |base| {
        showing(base, &[("idle", 4), ("thin", 6)]).await;
        sold(base, "1", "thin", 3).await;
        base.observe("a", "thin", 3).await;
        base.store.ask_audit(Some("a"), 1, "test").await.unwrap();
        assert_eq!(next_to_read(base, 10).await, ["thin"]);
        for wrong in [0, 100_001] {
            let refused = base.store.ask_audit(Some("a"), wrong, "test").await.unwrap_err();
            assert_eq!(refused.to_string(), format!("limit must be 1 to 100000 listings, not {wrong}"));
        }
        let nobody = base.store.ask_audit(Some("z"), 1, "test").await.unwrap_err();
        assert_eq!(nobody.to_string(), "there is no channel \"z\"");
    })
    .await;
}

#[tokio::test]
async fn an_audit_of_a_mall_that_cannot_be_read_ends_and_says_why() {
    on_every_database(async |base| {
        showing(base, &[("tea", 5)]).await;
        let request = base.store.ask_audit(Some("a"), 10, "test").await.unwrap();
        let lease = base.lease("a").await;
        base.store.fail_audits(&lease, "a", "the credentials are refused").await.unwrap();
        let sheet = base.store.audit_sheet(request).await.unwrap();
        assert_eq!(sheet.state, "failed");
        assert_eq!(sheet.channels[0].problem.as_deref(), Some("the credentials are refused"));
    })
    .await;
}

#[tokio::test]
async fn an_item_that_the_mall_no_longer_has_is_an_orphan_once() {
    on_every_database(async |base| {
        showing(base, &[("tea", 5)]).await;
        read(base, "tea", None).await;
        read(base, "tea", None).await;
        assert_eq!(causes(base).await, ["orphan"]);
        assert_eq!(base.attention("set_aside").await.len(), 1);
        read(base, "tea", Some(shows(5))).await;
        let not_ours = Counter { not_ours: true, ..shows(5) };
        read(base, "tea", Some(not_ours)).await;
        assert_eq!(causes(base).await, ["orphan", "orphan"], "the mall fulfils it from now on");
    })
    .await;
}

#[tokio::test]
async fn what_has_waited_for_longest_is_said_of_each_channel_and_of_all() {
    on_every_database(async |base| {
        showing(base, &[("tea", 5), ("mug", 8)]).await;
        let fine = base.store.ages().await.unwrap();
        assert_eq!((fine.unpushed, fine.hold, fine.open_order), (None, None, None));
        base.env.advance(seconds(60));
        let placed_at = base.env.now();
        sold(base, "1", "tea", 2).await;
        base.env.advance(seconds(60));
        let missed_at = base.env.now();
        base.observe("a", "mug", 5).await;
        let counted_at = base.env.now();
        base.receive("tea", SHOP, 10).await;
        base.recompute(&["a"]).await;
        base.env.advance(seconds(60));
        let at = |since: Timestamp| Some(OldestOf { channel: "a".into(), since });
        let ages = base.store.ages().await.unwrap();
        assert_eq!((ages.hold, ages.open_order, ages.unpushed), (at(missed_at), at(placed_at), at(counted_at)));
        let sheet = base.store.channel_sheet("a", &Outlines::new()).await.unwrap();
        assert_eq!(sheet.oldest.unread, ages.unread.map(|oldest| oldest.since));
        let tea = base.publication("a", "tea").await;
        assert_eq!(sheet.oldest.unread.map(|at| at.as_microsecond()), tea.read_at);
    })
    .await;
}

/// What drifts were taken for, in their order.
async fn causes(base: &TestBase) -> Vec<String> {
    let rows = base.rows("SELECT cause FROM publication_event WHERE what = 'drift' ORDER BY id").await;
    rows.iter().map(|row| row["cause"].as_str().unwrap().to_owned()).collect()
}

fn shows(quantity: i64) -> Counter {
    Counter { quantity: Some(quantity), sells_past_zero: false, not_ours: false }
}

fn found(sheet: &AuditSheet) -> Vec<String> {
    let mut found: Vec<String> = sheet
        .differences
        .iter()
        .map(|found| {
            let (shows, believed, target) = (found.shows, found.believed, found.target);
            format!("{}: shows {shows:?}, believed {believed:?}, target {target:?}: {}", found.mall_key, found.cause)
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_reading_that_was_under_way_when_somebody_asked_is_no_answer() {
    on_every_database(async |base| {
        showing(base, &[("tea", 5)]).await;
        let sent_at = base.env.now();
        base.env.advance(seconds(1));
        let request = base.store.ask_audit(Some("a"), 10, "test").await.unwrap();
        base.env.advance(seconds(1));
        let (lease, id) = (base.lease("a").await, base.listing("a", "tea").await.id);
        let reading = Reading { key: "tea".into(), found: Some(shows(5)) };
        let exchange = Exchange::new(sent_at, base.env.now());
        base.store.take_readings(&lease, &outlet("a"), &[(id, reading)], exchange).await.unwrap();
        let part = async || base.store.audit_sheet(request).await.unwrap().channels.remove(0);
        assert_eq!((part().await.state.as_str(), part().await.read), ("open", 0), "what it showed before is no news");
        assert_eq!(next_to_read(base, 9).await, ["tea"]);
        read(base, "tea", Some(shows(5))).await;
        assert_eq!((part().await.state.as_str(), part().await.read), ("done", 1));
    })
    .await;
}
