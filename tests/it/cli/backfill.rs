//! `uriba order backfill`, with a service and without, over a fake in real time.

use jiff::SignedDuration;
use uriba::store::sheets::BackfillSheet;
use uriba_sdk::{Env, env::SystemEnv};

use super::{Place, Street, until};

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_by_itself_or_has_the_service_read() {
    let street = Street::open(&["sample"]).await;
    let place = &street.place;
    street.list("tea", 5);
    let shop = street.shop("sample");
    shop.book().place(&[(&shop.mall_key(0), 1)]).unwrap();
    let to = SystemEnv::new().now();
    let from = to - SignedDuration::from_hours(2);
    let mut ran = None;
    until("the mall is sure to show it", || {
        let again = ran.insert(place.run(&format!("order backfill sample --from {from} --to {to} --rate 600")));
        again.code != 2
    });
    let ran = ran.unwrap();
    assert_eq!((ran.code, ran.err.as_str()), (0, "backfill: 120 of 120 minutes of orders\n"), "{ran:?}");
    assert!(ran.out.ends_with("are read with 1 request: 1 order was new or changed\n"), "{}", ran.out);
    assert_eq!(place.fine("--json order list").matches("\"order_id\"").count(), 1);

    let mut service = place.serve("");
    let from = from - SignedDuration::from_hours(1);
    let sheet: BackfillSheet = place.json(&format!("order backfill sample --from {from} --to {to} --rate 600"));
    assert_eq!((sheet.state.as_str(), sheet.orders, sheet.asked_by.as_str()), ("done", 0, "cli:maria"));
    assert_eq!(service.stop("TERM").0, Some(0));
}

#[test]
fn a_span_that_the_mall_can_t_show_is_refused_with_what_it_can() {
    let place = Place::with_one_channel();
    let refused = |arguments: &str| {
        let ran = place.run(&format!("order backfill {arguments}"));
        assert_eq!(ran.code, 2, "{ran:?}");
        ran.err
    };
    let said = refused("sample-main --from 2020-01-01 --to 2020-02-01");
    assert!(said.contains("sample-main: the mall shows orders of the last 365 days only"), "{said}");
    let said = refused("sample-main --from 2100-01-01 --to 2100-02-01");
    assert!(said.contains("the mall shows all orders up to"), "{said}");
    let said = refused("sample-main --from 2026-11-02 --to 2026-11-01");
    assert!(said.contains("is not before"), "{said}");
    assert!(refused("sample-main --from 2026-11-01 --to 2026-11-02 --rate 0").contains("--rate"));
    let said = refused("sample-main --from 2026-11-01 --to 2026-11-02 --quiet night");
    assert!(said.contains("--quiet") && said.contains("01:00-06:00"), "{said}");
}
