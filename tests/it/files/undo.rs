//! Taking a file back.

use uriba::{
    domain::ledger::CountsShipments,
    engine::import::{FileKind, ImportReport, ImportState},
    store::StoreError,
};
use uriba_sdk::Line;

use crate::support::{SHOP, TestBase, allowances, at, figures, line, on_every_database, order};

async fn undo(base: &TestBase, report: &ImportReport) {
    let id = report.id.as_ref().unwrap().parse().unwrap();
    assert_eq!(base.store.undo_import(id, "kim").await.unwrap().state, "undone");
    base.recompute(&["a"]).await;
    let report = base.store.verify(&allowances(&["a"])).await.unwrap();
    assert!(!report.is_broken(), "{report}");
}

#[tokio::test]
async fn an_undone_sales_file_is_booked_right_by_the_next_one() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.sales("20T12:00", "20", &[("tea", 3)]).await;
        let wrong = base.sales("20T13:00", "20", &[("tea", 50)]).await;
        assert_eq!(base.in_shop("tea").await, 50);
        undo(base, &wrong).await;
        assert_eq!(base.in_shop("tea").await, 97);
        base.sales("20T14:00", "20", &[("tea", 6)]).await;
        assert_eq!(base.in_shop("tea").await, 94);
    })
    .await;
}

#[tokio::test]
async fn a_file_is_undone_once_and_may_be_taken_in_again() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let first = base.sales("20T12:00", "20", &[("tea", 3)]).await;
        undo(base, &first).await;
        let id = first.id.as_ref().unwrap().parse().unwrap();
        let twice = base.store.undo_import(id, "kim").await;
        assert!(matches!(twice, Err(StoreError::Refused(why)) if why.contains("undone before")));
        let again = base.sales("20T12:00", "20", &[("tea", 3)]).await;
        assert_eq!(again.state, ImportState::Booked);
        assert_ne!(again.id, first.id);
        assert_eq!(base.in_shop("tea").await, 97);
        let linked = base
            .rows("SELECT u.id FROM stock_event u JOIN stock_event e ON e.id = u.reverses WHERE u.reason = 'undone'")
            .await;
        assert_eq!(linked.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_undone_book_falls_back_to_the_count_before_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.shop_book("20T10:30", &[("tea", 10)]).await;
        let wrong = base.shop_book("20T16:00", &[("tea", 92)]).await;
        // Heard of only now, and swallowed by the wrong book.
        let mut till = base.movement("issue", "till", "tea", &[(SHOP, "main", -2)]).await;
        till.occurred_at = at("20T15:00");
        base.book(till).await;
        let mut early = base.movement("issue", "early till", "tea", &[(SHOP, "main", -5)]).await;
        early.occurred_at = at("20T10:00");
        base.book(early).await;
        assert_eq!(base.in_shop("tea").await, 92);
        undo(base, &wrong).await;
        assert_eq!(base.in_shop("tea").await, 8, "ten were counted, and two were sold since");
    })
    .await;
}

#[tokio::test]
async fn an_undone_book_between_two_counts_leaves_now_as_it_is_and_rights_the_past() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        base.shop_book("20T10:30", &[("tea", 10)]).await;
        let wrong = base.shop_book("20T12:00", &[("tea", 50)]).await;
        base.shop_book("20T16:00", &[("tea", 7)]).await;
        let mut till = base.movement("issue", "till", "tea", &[(SHOP, "main", -2)]).await;
        till.occurred_at = at("20T11:00");
        base.book(till).await;
        let shop_at = async |time: &str| {
            let there = base.store.on_hand_at("tea", at(time), None).await.unwrap();
            there[&(SHOP.to_owned(), "main".to_owned())]
        };
        assert_eq!((shop_at("20T11:30").await, shop_at("20T13:00").await, base.in_shop("tea").await), (8, 50, 7));
        undo(base, &wrong).await;
        assert_eq!((shop_at("20T11:30").await, shop_at("20T13:00").await, base.in_shop("tea").await), (8, 8, 7));
    })
    .await;
}

#[tokio::test]
async fn a_book_that_was_too_old_to_count_counts_when_the_newer_one_is_undone() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let newer = base.shop_book("20T16:00", &[("tea", 92)]).await;
        base.pick_up(FileKind::Book, "20T12:00", "location,sku,quantity\nshinjuku,tea,40\n").await;
        assert_eq!(base.in_shop("tea").await, 92);
        undo(base, &newer).await;
        assert_eq!(base.in_shop("tea").await, 40);
    })
    .await;
}

#[tokio::test]
async fn an_undone_first_book_leaves_no_figure() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let first = base.shop_book("20T10:30", &[("tea", 10)]).await;
        base.list(&["a"], "tea").await;
        base.recompute(&["a"]).await;
        assert_eq!(base.target("a", "tea").await, Some(10));
        undo(base, &first).await;
        assert_eq!(base.target("a", "tea").await, None, "nothing is pushed for it any more");
    })
    .await;
}

#[tokio::test]
async fn a_sales_file_undone_after_a_book_leaves_the_book_as_it_is() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 100).await;
        let sold = base.sales("20T12:00", "20", &[("tea", 3)]).await;
        base.shop_book("20T13:00", &[("tea", 80)]).await;
        undo(base, &sold).await;
        assert_eq!(base.in_shop("tea").await, 80);
    })
    .await;
}

#[tokio::test]
async fn holdbacks_and_receipts_are_undone_too() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let held = base.drop(FileKind::Holdbacks, "20T11:00", "location,sku,quantity\nshinjuku,tea,3\n").await;
        let came = base.drop(FileKind::Receipts, "20T12:00", &figures("20", &[("tea", 4)])).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (11, 3));
        undo(base, &held).await;
        undo(base, &came).await;
        let shop = base.balances("tea", SHOP).await;
        assert_eq!((shop["main"], shop["display"]), (10, 0));
    })
    .await;
}

#[tokio::test]
async fn an_undone_sales_file_holds_no_shipment() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.core(CountsShipments::BySalesFile).await;
        base.env.advance_to(at("20T12:00"));
        let gone = Line { shipped: 2, shipped_at: Some(at("20T12:00")), ..line("tea", 2) };
        base.read("a", &[order("1", &[gone])]).await;
        let sold = base.sales("20T13:00", "20", &[("tea", 2)]).await;
        assert_eq!((base.in_shop("tea").await, base.sellable("tea").await), (8, 8));
        undo(base, &sold).await;
        assert_eq!((base.in_shop("tea").await, base.sellable("tea").await), (10, 8));
    })
    .await;
}

#[tokio::test]
async fn orders_are_not_undone() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let text = "channel,order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\na,2,1,tea,3,1,0,2026-11-18 \
                    09:30\n";
        let report = base.drop(FileKind::Orders, "20T11:00", text).await;
        let refused = base.store.undo_import(report.id.unwrap().parse().unwrap(), "kim").await;
        assert!(matches!(refused, Err(StoreError::Refused(why)) if why.contains("newer file")));
        let missing = base.store.undo_import(7, "kim").await;
        assert!(matches!(missing, Err(StoreError::Missing { kind: "import", .. })));
    })
    .await;
}
