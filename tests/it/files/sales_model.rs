//! Whatever order the files of a day come in: what was sold is what the newest one says.

use proptest::prelude::*;
use uriba::engine::import::FileKind;

use crate::support::{allowances, for_all, on_every_database};

/// Hours at which files are made, each with the figure of that moment, in the order in which they arrive.
fn arrivals() -> impl Strategy<Value = Vec<(u8, i64)>> {
    prop::collection::btree_map(10..20_u8, 0..9_i64, 1..6).prop_flat_map(|rises| {
        let mut sum = 0;
        let files: Vec<(u8, i64)> = rises
            .into_iter()
            .map(|(hour, rise)| {
                sum += rise;
                (hour, sum)
            })
            .collect();
        Just(files).prop_shuffle()
    })
}

#[tokio::test]
async fn balances_do_not_depend_on_the_order_in_which_a_days_files_arrive() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.env.advance_to(crate::support::at("20T23:00"));
        for_all(40, (arrivals(), prop::bool::ANY), async |number, (files, counted)| {
            // A place of its own: what is newest is told by place and date.
            let (sku, place) = (format!("sku-{number}"), format!("place-{number}"));
            let book = |units: i64| format!("location,sku,quantity\n{place},{sku},{units}\n");
            base.pick_up(FileKind::Book, "20T09:00", &book(100)).await;
            for (hour, sold) in &files {
                let text = format!("location,sku,quantity,business_date\n{place},{sku},{sold},2026-11-20\n");
                base.pick_up(FileKind::Sales, &format!("20T{hour}:00"), &text).await;
            }
            if counted {
                base.pick_up(FileKind::Book, "20T22:00", &book(50)).await;
            }
            let newest = files.iter().max().map_or(0, |(_, sold)| *sold);
            let (found, expected) = (base.on_hand(&sku, &place).await, if counted { 50 } else { 100 - newest });
            if found == expected { Ok(()) } else { Err(format!("{found} are there, not {expected}")) }
        })
        .await;
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}
