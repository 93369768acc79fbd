//! `verify` proves what is right and finds what is not, and touches neither.

use uriba::{
    domain::{exposure::mode::Wish, ledger::CountsShipments},
    store::verify::{CheckSheet, CheckState, FINDINGS_MAX, VerifyReport},
};
use uriba_sdk::{Env, Line, Order};

use crate::support::{SHOP, TestBase, allowances, intake, line, on_every_database, order, seconds, unread};

const CHANNELS: [&str; 2] = ["a", "b"];

#[tokio::test]
async fn a_database_at_rest_holds_every_invariant() {
    on_every_database(async |base| {
        settled_world(base).await;
        let before = base.everything().await;
        let report = verify(base).await;
        assert!(report.checks.iter().all(|check| check.state == CheckState::Checked), "{report}");
        assert!(report.checks.iter().all(|check| check.examined > 0), "each looked at something:\n{report}");
        let numbers: Vec<_> = report.checks.iter().filter_map(|check| check.invariant).collect();
        assert_eq!(numbers, [1, 1, 1, 2, 2, 2, 3, 3, 4, 10, 11]);
        assert_eq!(base.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn what_is_under_way_is_not_called_broken() {
    on_every_database(async |base| {
        settled_world(base).await;
        let quiet = async || {
            let report = verify(base).await;
            let quiet = report.checks.iter().find(|check| check.invariant == Some(10)).unwrap().clone();
            assert!(!report.is_broken(), "{report}");
            (quiet.state, quiet.waits.join(", "))
        };
        base.read("a", &[order("late", &[line("tea", 1)])]).await;
        assert_eq!(quiet().await, (CheckState::NotQuiescent, "1 SKUs are to be recomputed".into()));
        base.recompute(&CHANNELS).await;
        assert_eq!(quiet().await, (CheckState::NotQuiescent, "2 listings are to be pushed".into()));
        base.execute("UPDATE channel SET state = 'suspended', suspend_mode = 'freeze'").await.unwrap();
        assert_eq!(quiet().await.0, CheckState::Checked, "what is frozen says so");
    })
    .await;
}

#[tokio::test]
async fn each_corruption_is_found_and_named_with_both_figures() {
    on_every_database(async |base| {
        settled_world(base).await;
        for case in CORRUPTIONS {
            base.execute(case.corrupt).await.unwrap();
            let report = verify(base).await;
            let broken: Vec<&CheckSheet> =
                report.checks.iter().filter(|check| check.state == CheckState::Broken).collect();
            assert!(report.is_broken(), "{}:\n{report}", case.corrupt);
            assert!(broken.iter().any(|check| check.name == case.check), "{}:\n{report}", case.corrupt);
            assert!(report.to_string().contains(case.says), "{}: {:?} is not in\n{report}", case.corrupt, case.says);
            base.execute(case.restore).await.unwrap();
            let report = verify(base).await;
            assert!(!report.is_broken(), "after {}:\n{report}", case.restore);
        }
    })
    .await;
}

struct Corruption {
    corrupt: &'static str,
    restore: &'static str,
    check: &'static str,
    says: &'static str,
}

const CORRUPTIONS: &[Corruption] = &[
    Corruption {
        corrupt: "UPDATE stock_balance SET quantity = quantity + 2 WHERE location = 'shinjuku' AND bin = 'main'",
        restore: "UPDATE stock_balance SET quantity = quantity - 2 WHERE location = 'shinjuku' AND bin = 'main'",
        check: "each balance is the sum of its entries",
        says: "tea at shinjuku/main: the balance is 19, but its entries sum to 17",
    },
    Corruption {
        corrupt: "INSERT INTO stock_balance (sku_id, location, bin, quantity) VALUES (42, 'attic', 'main', 3)",
        restore: "DELETE FROM stock_balance WHERE sku_id = 42",
        check: "each balance is the sum of its entries",
        says: "unknown SKU 42 at attic/main: the balance is 3, but it has no entries",
    },
    Corruption {
        corrupt: "INSERT INTO stock_entry (id, event_id, sku_id, location, bin, quantity, occurred_at, recorded_at) \
                  VALUES (1, 1, 42, 'attic', 'main', 5, 1, 1)",
        restore: "INSERT INTO stock_entry (id, event_id, sku_id, location, bin, quantity, occurred_at, recorded_at) \
                  VALUES (2, 1, 42, 'attic', 'main', -5, 1, 1)",
        check: "each balance is the sum of its entries",
        says: "there is no balance, but its entries sum to 5",
    },
    Corruption {
        corrupt: "UPDATE stock_count SET quantity = quantity - 1",
        restore: "UPDATE stock_count SET quantity = quantity + 1",
        check: "each balance is the newest count and what came after",
        says: "tea at shinjuku: the entries sum to 18, but 17 were counted at",
    },
    Corruption {
        corrupt: "UPDATE stock_count SET counted_at = counted_at - 1000000",
        restore: "UPDATE stock_count SET counted_at = counted_at + 1000000",
        check: "each balance is the newest count and what came after",
        says: "but the ledger has the newest stocktake",
    },
    Corruption {
        corrupt: "UPDATE unshipped SET quantity = 9 WHERE channel = 'a' AND quantity = 2",
        restore: "UPDATE unshipped SET quantity = 2 WHERE channel = 'a' AND quantity = 9",
        check: "unshipped is the sum over order lines",
        says: "tea on a in pool online: unshipped is 9, but its order lines hold 2",
    },
    Corruption {
        corrupt: "DELETE FROM unshipped WHERE channel = 'b'",
        restore: "INSERT INTO unshipped (channel, sku_id, pool, quantity) SELECT 'b', id, 'online', 3 FROM sku WHERE code = 'tea'",
        check: "unshipped is the sum over order lines",
        says: "tea on b in pool online: unshipped is 0, but its order lines hold 3",
    },
    Corruption {
        corrupt: "UPDATE not_in_core SET own = 3",
        restore: "UPDATE not_in_core SET own = 1",
        check: "what the core lacks is what shipped, less its sales",
        says: "3 shipped and 0 are in core, but 1 shipped and 0 are in core by the files",
    },
    Corruption {
        corrupt: "UPDATE unread_line SET quantity = 4",
        restore: "UPDATE unread_line SET quantity = 1",
        check: "unshipped is the sum over order lines",
        says: "cup on a in pool online: unshipped is 1, but its order lines hold 4",
    },
    Corruption {
        corrupt: "UPDATE unread_line SET mall_key = 'tea', sku_id = NULL, quantity = 1",
        restore: "UPDATE unread_line SET mall_key = 'cup', sku_id = (SELECT id FROM sku WHERE code = 'cup')",
        check: "each order line can be, and counts once",
        says: "order a/9, line tea: it holds no stock, but its item is mapped to a SKU",
    },
    Corruption {
        corrupt: "UPDATE stock_snapshot SET quantity = quantity + 3",
        restore: "UPDATE stock_snapshot SET quantity = quantity - 3",
        check: "each snapshot is the sum of the entries up to it",
        says: "the snapshot has 13 there and 10 in the books, but with the entries since the one before it is 10 and 10",
    },
    Corruption {
        corrupt: "UPDATE order_line SET ordered = ordered + 1 WHERE mall_key = 'unknown'",
        restore: "UPDATE order_line SET ordered = ordered - 1 WHERE mall_key = 'unknown'",
        check: "each open order's lines are the sums of their events",
        says: "order a/3, line unknown: it holds 5, but its events come to 4",
    },
    Corruption {
        corrupt: "UPDATE order_line SET cancelled = 50 WHERE mall_key = 'unknown'",
        restore: "UPDATE order_line SET cancelled = 0 WHERE mall_key = 'unknown'",
        check: "each order line can be, and counts once",
        says: "order a/3, line unknown: more is moved, cancelled and shipped than was ordered",
    },
    Corruption {
        corrupt: "UPDATE order_line SET mall_key = 'tea' WHERE mall_key = 'unknown'",
        restore: "UPDATE order_line SET mall_key = 'unknown' WHERE line = 'unknown'",
        check: "each order line can be, and counts once",
        says: "order a/3, line unknown: it holds no stock, but its item is mapped to a SKU",
    },
    Corruption {
        corrupt: "UPDATE held SET quantity = 5 WHERE quantity = 2",
        restore: "UPDATE held SET quantity = 2 WHERE quantity = 5",
        check: "held is the sum over live reservations",
        says: "cup in pool online: held is 5, but live reservations hold 2",
    },
    Corruption {
        corrupt: "DELETE FROM held",
        restore: "INSERT INTO held (sku_id, pool, quantity) SELECT id, 'online', 2 FROM sku WHERE code = 'cup'",
        check: "held is the sum over live reservations",
        says: "reservation live: nothing is held of SKU",
    },
    Corruption {
        corrupt: "UPDATE reservation SET state = 'held' WHERE given_id = 'gone'",
        restore: "UPDATE reservation SET state = 'released' WHERE given_id = 'gone'",
        check: "an ended reservation never holds again",
        says: "reservation gone: it holds, but its history says that it has ended",
    },
    Corruption {
        corrupt: "UPDATE publication SET target = 13 WHERE channel = 'a' AND target = 12",
        restore: "UPDATE publication SET target = 12 WHERE channel = 'a' AND target = 13",
        check: "each target is what the stock rows give",
        says: "a tea: the target is 13, but 12 are sellable, which gives 12",
    },
    Corruption {
        corrupt: "UPDATE publication SET wants = TRUE WHERE channel = 'b' AND target = 12",
        restore: "UPDATE publication SET wants = FALSE WHERE channel = 'b' AND target = 12",
        check: "a publication's derived columns follow from the others",
        says: "b tea: wants is true, but the other columns give false",
    },
    Corruption {
        corrupt: "UPDATE publication SET shown = 1 WHERE channel = 'b' AND target = 12",
        restore: "UPDATE publication SET shown = 12 WHERE channel = 'b' AND target = 12",
        check: "in quiescence every live listing shows its target",
        says: "b tea: the mall shows 1, and nothing is about to change it, but the target is 12",
    },
    Corruption {
        corrupt: "UPDATE stock SET mode = 'shared' WHERE mode = 'escrow'",
        restore: "UPDATE stock SET mode = 'escrow' WHERE mode = 'shared'",
        check: "each share is of a SKU in escrow",
        says: "has a share of 4, but it is sold as shared, where nobody has one",
    },
    Corruption {
        corrupt: "UPDATE stock SET mode = 'shared' WHERE mode = 'escrow'",
        restore: "UPDATE stock SET mode = 'escrow' WHERE mode = 'shared'",
        check: "modes, shares and what is withheld are what was decided last",
        says: "jam in pool online: it is sold as shared, but escrow was decided last",
    },
    Corruption {
        corrupt: "UPDATE share SET units = 5",
        restore: "UPDATE share SET units = 4",
        check: "modes, shares and what is withheld are what was decided last",
        says: "has 5 of its share left, but it was given 4, which only sales lower",
    },
    Corruption {
        corrupt: "UPDATE share SET units = 5, noted = 5",
        restore: "UPDATE share SET units = 4, noted = 4",
        check: "modes, shares and what is withheld are what was decided last",
        says: "was given a share of 5, but 4 was decided last",
    },
    Corruption {
        corrupt: "INSERT INTO blind (listing_id, sku_id, pool, channel, units, at) \
                  SELECT listing_id, sku_id, pool, 'a', 2, 0 FROM share WHERE listing_id = (SELECT MIN(listing_id) FROM share)",
        restore: "DELETE FROM blind",
        check: "modes, shares and what is withheld are what was decided last",
        says: "may have sold, but 0 was decided last",
    },
    Corruption {
        corrupt: "UPDATE publication SET target = 7, anchor = 7 WHERE target = 4",
        restore: "UPDATE publication SET target = 4, anchor = 4 WHERE target = 7",
        check: "in a settled escrow exposure is within sellable",
        says: "jam in pool online: the malls may sell 14, but 12 are sellable, and nothing is about to be lowered",
    },
];

#[tokio::test]
async fn a_table_larger_than_a_page_is_looked_at_whole() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let skus = 1_000;
        let mappings: Vec<_> = (0..skus)
            .map(|n| uriba::store::catalogue::Mapping {
                channel: "a".into(),
                mall_key: format!("sku-{n:04}"),
                sku: format!("sku-{n:04}"),
                ..Default::default()
            })
            .collect();
        base.store.map_listings(&mappings, true, "test").await.unwrap();
        let orders: Vec<_> = (0..skus).map(|n| order(&n.to_string(), &[line(&format!("sku-{n:04}"), 1)])).collect();
        base.read("a", &orders).await;
        base.receive("sku-0999", SHOP, 1).await;
        base.recompute(&["a"]).await;
        let report = verify(base).await;
        assert!(!report.is_broken(), "{report}");
        assert_eq!(examined(&report, "unshipped is the sum over order lines"), 1_000);
        assert_eq!(examined(&report, "each target is what the stock rows give"), 1_000);
        base.execute("UPDATE unshipped SET quantity = 7").await.unwrap();
        let report = verify(base).await;
        let check = report.checks.iter().find(|check| check.invariant == Some(2)).unwrap();
        assert_eq!((check.broken, check.findings.len()), (1_000, FINDINGS_MAX));
        assert!(report.to_string().contains("and 950 more"), "{report}");
    })
    .await;
}

fn examined(report: &VerifyReport, name: &str) -> u64 {
    report.checks.iter().find(|check| check.name == name).unwrap().examined
}

async fn verify(base: &TestBase) -> VerifyReport {
    base.store.verify(&allowances(&CHANNELS)).await.unwrap()
}

/// Two live channels that show what they ought to: 18 counted, 1 shipped since, 5 ordered; and an order of a cup
/// that can't be read, and one that shipped without the core's knowing.
async fn settled_world(base: &TestBase) {
    base.trade(&CHANNELS, "tea", 10).await;
    base.execute("UPDATE channel SET baseline = 'done', watermark = 9000000000000000").await.unwrap();
    base.execute("UPDATE listing SET state = 'ready'").await.unwrap();
    base.env.advance(seconds(86_400));
    while base.store.close_days(&super::ledger_time::days()).await.unwrap() {}
    base.count("tea", SHOP, 18, base.env.now()).await;
    base.env.advance(seconds(60));
    let sample = base.movement("transfer", "sample", "tea", &[(SHOP, "main", -1), (SHOP, "display", 1)]).await;
    base.book(sample).await;
    base.env.advance(seconds(60));
    base.receive("tea", SHOP, 1).await;
    let shipped = Line { shipped: 1, ..line("tea", 3) };
    let orders = [order("1", &[shipped]), order("2", &[line("tea", 0)]), order("3", &[line("unknown", 4)])];
    base.read("a", &orders).await;
    base.map("a", "cup", "cup", 1).await;
    base.execute("UPDATE listing SET state = 'invalid' WHERE mall_key = 'cup'").await.unwrap();
    base.read_as(&intake("a"), &[], &[unread("9", &["cup"])]).await;
    base.read("b", &[Order { revision: Some(1), ..order("1", &[line("tea", 3)]) }]).await;
    base.open_storefront().await;
    base.found("cup").await;
    base.receive("cup", SHOP, 5).await;
    base.hold("live", &[("cup", 2)]).await;
    base.hold("gone", &[("cup", 1)]).await;
    base.release("gone").await;
    base.core(CountsShipments::BySalesFile).await;
    base.read("a", &[order("4", &[Line { shipped: 1, ..line("cup", 1) }])]).await;
    base.found("jam").await;
    base.receive("jam", SHOP, 12).await;
    base.list(&CHANNELS, "jam").await;
    base.execute("UPDATE listing SET state = 'ready' WHERE mall_key = 'jam'").await.unwrap();
    base.store.set_sku("jam", None, Some(Some(Wish::Escrow)), "test").await.unwrap();
    for channel in CHANNELS {
        base.observe(channel, "jam", 0).await;
    }
    base.recompute(&CHANNELS).await;
    for channel in CHANNELS {
        base.observe(channel, "tea", 12).await;
        base.observe(channel, "jam", 4).await;
    }
    base.recompute(&CHANNELS).await;
}
