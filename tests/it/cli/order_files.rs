//! Orders out of a mall's console, by hand and from a watched folder.

use uriba::store::sheets::OrderSheet;

use super::{HEAD, NOBODY, Place, channel};

const EXPORT: &str = "注文番号,ステータス,注文日時,送付先ID,商品明細ID,商品管理番号,個数,SKU管理番号\n\
                      1-1,300,2026-11-19 09:00:00,21,31,tea-01,2,red\n\
                      1-2,500,2026-11-19 10:00:00,22,31,tea-01,1,red\n";

/// An account at Rakuten, which nobody answers for.
fn shop(more: &str) -> Place {
    let place = Place::new(&format!("{HEAD}\n{}\n{more}", channel("rakuten-main", "rakuten", NOBODY)));
    let place = place.and("service_secret", "a-secret").and("license_key", "a-key");
    place.write("book.csv", "location,sku,quantity\ntokyo,tea,10\n");
    place.write("listings.csv", "channel,mall_key,sku\nrakuten-main,tea-01/red,tea\n");
    place.fine("stock import book book.csv --as-of 2026-11-18T09:00");
    place.fine("listing import listings.csv");
    place
}

fn export(place: &Place, name: &str) {
    let (bytes, _, lossy) = encoding_rs::SHIFT_JIS.encode(EXPORT);
    assert!(!lossy);
    std::fs::write(place.path().join(name), &bytes).unwrap();
}

fn units(place: &Place) -> Vec<(String, i64)> {
    let mut orders: Vec<OrderSheet> = place.json("order list");
    orders.sort_by(|a, b| a.order_id.cmp(&b.order_id));
    orders.into_iter().map(|order| (order.order_id.unwrap_or_default(), order.unshipped)).collect()
}

#[test]
fn an_export_of_a_console_needs_its_channel_and_is_tried_out_and_booked() {
    let place = shop("");
    export(&place, "orders.csv");
    let command = "stock import orders orders.csv --profile rakuten";
    let ran = place.run(command);
    assert!(ran.code == 1 && ran.err.contains("name the channel (--channel ID"), "{ran:?}");
    let ran = place.run(&format!("{command} --channel rakuten"));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("there is no channel \"rakuten\" whose orders are read; there are: rakuten-main"),
        "{ran:?}"
    );
    let ran = place.run("stock import book book.csv --channel rakuten-main");
    assert!(ran.code == 2 && ran.err.contains("only a file of orders is of one channel"), "{ran:?}");
    let trial = place.fine(&format!("{command} --channel rakuten-main --dry-run"));
    assert!(trial.contains("2 rows; would be: 2 changed"), "{trial}");
    assert_eq!(units(&place), []);
    let done = place.fine(&format!("{command} --channel rakuten-main"));
    assert!(done.contains("2 rows; 2 changed"), "{done}");
    assert_eq!(units(&place), [("1-1".to_owned(), 2), ("1-2".to_owned(), 0)]);
    let again = place.fine(&format!("{command} --channel rakuten-main"));
    assert!(again.contains("it was taken in before"), "{again}");
    place.write("odd.csv", &EXPORT.replace(",1,red", ",one,red"));
    let ran = place.run("stock import orders odd.csv --profile rakuten --channel rakuten-main");
    assert!(ran.code == 1 && ran.err.contains("odd.csv:3: 個数: is no number of units"), "{ran:?}");
}

#[test]
fn exports_in_a_watched_folder_are_orders_of_the_channel_beside_it() {
    let place = shop(
        "[[imports]]\nkind = \"orders\"\nfolder = \"exports\"\nprofile = \"rakuten\"\nchannel = \"rakuten-main\"\n\
         as_of = \"mtime\"\n",
    );
    std::fs::create_dir(place.path().join("exports")).unwrap();
    export(&place, "exports/orders.csv");
    place.fine("run-once --step import");
    assert!(place.path().join("exports/processed/orders.csv").exists());
    assert_eq!(units(&place), [("1-1".to_owned(), 2), ("1-2".to_owned(), 0)]);
}
