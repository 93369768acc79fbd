//! Orders of the own storefront at the command line.

use std::collections::BTreeMap;

use uriba::store::{
    Store,
    own_orders::{OwnLine, OwnOrder},
    sheets::{ChannelSheet, OrderSheet},
};

use super::{HEAD, Place};

const OWN: &str = "[[channels]]\nid = \"own\"\nmall = \"storefront\"\nname = \"本店\"\n";

/// Ten of tea in Tokyo, and an order of three.
fn shop() -> Place {
    let place = Place::new(&format!("{HEAD}\n{OWN}"));
    place.write("book.csv", "location,sku,quantity\ntokyo,tea,10\n");
    place.fine("stock import book book.csv");
    let url = format!("sqlite://{}", place.path().join("uriba.db").display());
    let order = OwnOrder {
        channel: "own".into(),
        order_id: "W-1".into(),
        ordered_at: "2026-11-20T10:00:00+09:00".parse().unwrap(),
        lines: vec![OwnLine { sku: "tea".into(), quantity: 3 }],
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&url, std::sync::Arc::new(uriba_sdk::SystemEnv::new())).await.unwrap();
        store.post_order(&order).await.unwrap();
    });
    place
}

fn stock(place: &Place) -> BTreeMap<String, i64> {
    let sheet: serde_json::Value = place.json("sku show tea");
    let figure = |name: &str| (name.to_owned(), sheet["pools"][0][name].as_i64().unwrap());
    ["on_hand", "unshipped", "sellable"].into_iter().map(figure).collect()
}

#[test]
fn an_own_order_is_shipped_cancelled_and_taken_back_by_hand() {
    let place = shop();
    let sheet: OrderSheet = place.json("order ship own W-1 --lines tea=1 --key s1");
    assert_eq!((sheet.lines[0].shipped, sheet.unshipped), (1, 2));
    let sheet: OrderSheet = place.json("order ship own W-1 --lines tea=1 --key s1");
    assert_eq!(sheet.lines[0].shipped, 1, "the same key");
    let sheet: OrderSheet = place.json("order cancel own W-1 --lines tea=2");
    assert_eq!((sheet.lines[0].cancelled, sheet.state.as_str()), (2, "shipped"));
    let out = place.fine("order return own W-1 --location osaka --bin main");
    assert!(out.contains("EXPECTED BACK") && out.contains("shipped"), "{out}");
    assert_eq!(stock(&place), [("on_hand", 10), ("unshipped", 0), ("sellable", 10)].map(|(k, v)| (k.into(), v)).into());
    let ran = place.run("order ship own W-1 --lines tea=1");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("only 0 is left to ship"), "{}", ran.err);
    for (arguments, code, says) in [
        ("order ship own W-1 --lines tea", 2, "write SKU=N"),
        ("order ship own W-1 --lines cup=1", 2, "it has: tea"),
        ("order return own W-1 --bin attic", 2, "is no bin"),
        ("order ship own W-9", 1, "there is no order"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, code, "uriba {arguments}: {ran:?}");
        assert!(ran.err.contains(says), "uriba {arguments}: {}", ran.err);
    }
}

#[test]
fn a_storefront_is_shown_without_what_only_a_mall_has() {
    let place = Place::new(&format!("{HEAD}\n{OWN}"));
    let out = place.fine("channel list");
    let row = out.lines().find(|line| line.starts_with("own")).unwrap();
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        ["own", "storefront", "-", "active", "-", "-", "-", "-", "-", "-"]
    );
    let out = place.fine("channel show own");
    assert!(!out.contains("baseline") && !out.contains("backlog") && out.contains("本店"), "{out}");
    let sheet: ChannelSheet = place.json("channel show own");
    assert_eq!(sheet.mall, "storefront");
    let out = place.run("check --online");
    assert_eq!(out.code, 0, "{out:?}");
    assert!(out.out.contains("your own storefront calls the HTTP API"), "{out:?}");
    let ran = place.run("channel mode own shadow");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("nothing is written to it"), "{}", ran.err);
}
