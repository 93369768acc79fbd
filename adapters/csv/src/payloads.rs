//! The round trip: any order that a file can tell, written as the fake writes it, is read back the same.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uriba_sdk::{
    FulfilledBy, Line, Order, Restored,
    fake::{BookOrder, Fault, Stage},
};

use crate::{
    fake::{Ways, export},
    reader::{Profile, read},
};

fn line(id: usize) -> impl Strategy<Value = Line> {
    let key = proptest::option::weighted(0.95, "[a-z]{1,3}[ ,\"]?[a-z0-9/_-]{1,20}(赤|－|ｱ)?");
    (key, 0..5_000_u32, 0..5_000_u32, 0..5_000_u32, 0..100_000_i64).prop_map(
        move |(mall_key, free, cancelled, shipped, left)| Line {
            id: format!("{id}"),
            mall_key,
            ordered: free + cancelled + shipped,
            cancelled,
            shipped,
            returned: 0,
            restored: Restored::Unknown,
            shipped_at: (shipped > 0).then(|| moment(left)),
            original: None,
        },
    )
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_795_000_000 + seconds)
}

fn order() -> impl Strategy<Value = Order> {
    let lines = (1..5_usize).prop_flat_map(|count| (0..count).map(line).collect::<Vec<_>>());
    ("PM-[0-9A-Z]{1,12}", 0..10_000_000_i64, lines).prop_map(|(id, seconds, lines)| Order {
        id,
        family: None,
        revision: None,
        placed_at: moment(seconds),
        updated_at: None,
        fulfilled_by: FulfilledBy::Seller,
        lines,
    })
}

fn ways() -> impl Strategy<Value = Ways> {
    any::<[bool; 3]>().prop_map(|[cp932, mark, quoted]| Ways { cp932, mark, quoted, ..Ways::default() })
}

/// What a file's rows may be without being other orders.
const FAULTS: [Option<Fault>; 4] =
    [None, Some(Fault::DuplicateRows), Some(Fault::ShuffleRows), Some(Fault::UnknownStatus)];

proptest! {
    #[test]
    fn any_order_is_read_back_the_same(
        orders in proptest::collection::btree_map("[a-z]{4}", order(), 1..20),
        ways in ways(),
        fault in proptest::sample::select(FAULTS.to_vec()),
    ) {
        let orders: BTreeMap<String, Order> = orders.into_values().map(|order| (order.id.clone(), order)).collect();
        let kept = |order: &Order| BookOrder {
            order: order.clone(),
            stage: Stage::Ready,
            visible_at: order.placed_at,
            before: None,
            number: 1,
        };
        let kept: Vec<_> = orders.values().map(kept).collect();
        let sheet = read(&export::file(&kept, ways, fault.as_ref()), &Profile::default()).unwrap();
        prop_assert_eq!(&sheet.flaws, &[]);
        let by_id = sheet.orders.into_iter().map(|stated| (stated.order.id.clone(), stated.order));
        let mut read: BTreeMap<_, _> = by_id.collect();
        // Lines stand in the order of the file's rows.
        read.values_mut().for_each(|order| order.lines.sort_by(|one, other| one.id.cmp(&other.id)));
        prop_assert_eq!(read, orders);
    }

    #[test]
    fn no_bytes_break_the_reader(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        text in "[a-z\",\n\r0-9 ]{0,300}",
    ) {
        let header = "order_id,line,mall_key,ordered,cancelled,shipped,ordered_at\n";
        let _ = read(&bytes, &Profile::default());
        let sheet = read(format!("{header}{text}").as_bytes(), &Profile::default());
        prop_assert!(sheet.is_ok_and(|sheet| sheet.orders.len() + sheet.flaws.len() <= sheet.rows as usize));
    }
}
