//! `uriba audit`, with a service and without, over a fake in real time.

use uriba::store::sheets::{AuditSheet, ChannelSheet};

use super::{Place, Street, until};

/// A shop that shows the seven that there are.
async fn selling() -> Street {
    let street = Street::open(&["sample"]).await;
    let place = &street.place;
    place.write("listings.csv", &street.list("A-1", 0));
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,7\n");
    place.fine("stock import book book.csv");
    place.fine("listing import listings.csv");
    street
}

fn edit(street: &Street, figure: i64) {
    let shop = street.shop("sample");
    assert!(shop.book().set(&shop.mall_key(0), figure));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_the_command_reads_the_malls_itself() {
    let street = selling().await;
    let place = &street.place;
    until("enough runs bring the mall up to date", || {
        place.fine("run-once");
        street.counters() == [7]
    });
    let ran = place.run("audit");
    assert_eq!((ran.code, ran.err.as_str()), (0, "audit: 1 of 1 listings\n"), "{ran:?}");
    assert_eq!(ran.out, "sample: 1 listing read, none shows anything else than was believed\n");
    edit(&street, 9);
    let ran = place.run("audit sample --limit 5");
    assert_eq!(ran.code, 4, "{ran:?}");
    let key = street.shop("sample").mall_key(0);
    let width = key.len();
    assert_eq!(
        ran.out,
        format!(
            "CHANNEL  {:width$}  SKU  MALL SHOWS  BELIEVED  TARGET  MOST LIKELY\n\
             sample   {key}  A-1           9         7       7  hand edit\n\n\
             sample: 1 listing read, 1 differs\n",
            "KEY"
        )
    );
    let ran = place.run("--json audit");
    let sheet: AuditSheet = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, sheet.state.as_str(), sheet.different()), (0, "done", 0), "it is known by now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_reads_for_the_command() {
    let street = selling().await;
    let place = &street.place;
    let mut service = place.serve("");
    until("the mall shows what there is", || street.counters() == [7]);
    edit(&street, 4);
    let ran = place.run("audit");
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.out.contains("unseen order"), "{}", ran.out);
    let sheet: ChannelSheet = place.json("channel show sample");
    assert!(sheet.oldest.hold.is_some(), "what is missing is held back: {sheet:?}");
    let page = place.fine("channel show sample");
    assert!(page.lines().any(|line| line.starts_with("oldest hold") && line.contains("s, since 20")), "{page}");
    assert_eq!(service.stop("TERM").0, Some(0));
}

#[test]
fn an_audit_that_cannot_be_is_refused_in_words() {
    let place = Place::with_one_channel();
    for (command, code, words) in [
        ("audit nobody", 1, "there is no channel \"nobody\""),
        ("audit --limit 0", 2, "limit must be 1 to 100000 listings, not 0"),
    ] {
        let ran = place.run(command);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    let nothing = "sample-main: none of its listings has been looked up on the mall yet: there is nothing to compare\n";
    assert_eq!(place.fine("audit"), nothing);
}
