//! `uriba listing discover` and `unmapped`, over a fake in real time.

use super::{Street, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shop_lists_is_shown_with_what_it_is_likely_to_be() {
    let street = Street::open(&["sample"]).await;
    let place = &street.place;
    let shop = street.shop("sample");
    let keys: Vec<String> = (0..3).map(|n| shop.mall_key(n)).collect();
    for key in &keys {
        shop.book().list(key, uriba_sdk::fake::Item::new(4));
    }
    // One is mapped, one has a SKU of its name, one is like nothing that anybody knows.
    let book = format!("location,sku,quantity\ntokyo,A-1,7\ntokyo,{},3\n", keys[1]);
    place.write("book.csv", &book);
    place.fine("stock import book book.csv");
    place.fine(&format!("listing map sample {} A-1", keys[0]));
    let ran = place.run("listing discover sample");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("sample lists 3 items; 2 mapped to no SKU, of which 1 have a suggestion"), "{}", ran.err);
    assert!(ran.out.contains(&format!("{} (same code)", keys[1])) && !ran.out.contains("A-1"), "{}", ran.out);
    let file = place.fine("listing discover sample --csv");
    assert_eq!(file, format!("channel,mall_key,sku\nsample,{0},{0}\n", keys[1]));
    place.write("found.csv", &file);
    place.fine("listing import found.csv");
    assert!(place.run("listing discover sample").err.contains("1 mapped to no SKU, of which 0"), "the file was taken");

    shop.book().place(&[(&keys[2], 1)]).unwrap();
    until("the order is known", || {
        place.fine("run-once");
        place.fine("listing unmapped").contains(&keys[2])
    });
}

#[test]
fn who_lists_nothing_is_told_so() {
    let place = super::Place::with_one_channel();
    for (command, code, words) in [
        ("listing discover nobody", 1, "there is no channel \"nobody\""),
        ("channel authorize nobody", 1, "there is no channel \"nobody\""),
    ] {
        let ran = place.run(command);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
}
