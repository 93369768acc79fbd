//! Orders out of a mall's own CSV, which close a gap.

use uriba::engine::import::{CoreFile, FileKind, ImportState, import_file};

use crate::support::{at, core_file, line, on_every_database, order};

const HEAD: &str = "channel,order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\n";

#[tokio::test]
async fn an_order_file_closes_a_gap_and_counts_nothing_twice() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.read("a", &[order("1", &[line("tea", 1)])]).await;
        let text = format!(
            "{HEAD}a,1,tea,tea,1,0,0,2026-11-19 12:00\na,2,tea,tea,3,1,0,2026-11-18 09:30\na,3,tea,tea,2,,2,2026-11-17 \
             10:00\n"
        );
        let report = base.drop(FileKind::Orders, "20T11:00", &text).await;
        assert_eq!((report.state, report.rows, report.booked, report.unchanged), (ImportState::Booked, 3, 2, 1));
        assert_eq!((base.unshipped("tea").await, base.in_shop("tea").await), (3, 8));
        let again = base.drop(FileKind::Orders, "20T11:00", &text).await;
        assert_eq!(again.state, ImportState::Unchanged);
        assert_eq!(base.unshipped("tea").await, 3);
    })
    .await;
}

#[tokio::test]
async fn what_was_polled_since_the_file_was_made_stays() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        base.env.advance_to(at("20T12:00"));
        base.read("a", &[order("1", &[line("tea", 4)])]).await;
        base.pick_up(FileKind::Orders, "20T11:00", &format!("{HEAD}a,1,tea,tea,1,0,0,2026-11-19 12:00\n")).await;
        assert_eq!(base.unshipped("tea").await, 4);
    })
    .await;
}

#[tokio::test]
async fn an_order_file_is_refused_by_what_is_wrong_with_it() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let text = format!(
            "{HEAD}x,1,1,tea,1,0,0,2026-11-19 12:00\na,2,1,tea,1,1,1,2026-11-19 12:00\na,3,1,tea,1,0,0,noon\n\
             a,4,1,tea,1,0,0,2026-11-19 12:00\na,4,1,tea,1,0,0,2026-11-19 12:00\na,4,2,tea,1,0,0,2026-11-19 13:00\n"
        );
        let file = core_file(FileKind::Orders, text.as_bytes());
        let report = import_file(&base.store, &CoreFile { skip_invalid: true, ..file }).await.unwrap();
        assert_eq!(report.state, ImportState::Refused, "half an order would be wrong");
        let named: Vec<_> = report.rejected.iter().map(|row| (row.line, row.column.as_deref().unwrap())).collect();
        assert_eq!(named, [(2, "channel"), (3, "ordered"), (4, "ordered_at"), (6, "line"), (7, "ordered_at")]);
        assert_eq!(base.unshipped("tea").await, 0);
    })
    .await;
}
