//! Whatever order the files of a day come in: what was sold is what the newest one says.

use proptest::prelude::*;
use uriba::engine::import::FileKind;

use crate::support::{allowances, figures, for_all, on_every_database};

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
            let sku = format!("sku-{number}");
            base.map("a", &sku, &sku, 1).await;
            base.receive(&sku, crate::support::SHOP, 100).await;
            for (hour, sold) in &files {
                base.pick_up(FileKind::Sales, &format!("20T{hour}:00"), &figures("20", &[(&sku, *sold)])).await;
            }
            if counted {
                let text = format!("location,sku,quantity\nshinjuku,{sku},50\n");
                base.pick_up(FileKind::Book, "20T22:00", &text).await;
            }
            let newest = files.iter().max().map_or(0, |(_, sold)| *sold);
            let (found, expected) = (base.in_shop(&sku).await, if counted { 50 } else { 100 - newest });
            if found == expected { Ok(()) } else { Err(format!("{found} are there, not {expected}")) }
        })
        .await;
        base.recompute(&["a"]).await;
        let report = base.store.verify(&allowances(&["a"])).await.unwrap();
        assert!(!report.is_broken(), "{report}");
    })
    .await;
}
