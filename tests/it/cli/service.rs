//! `serve`, `run-once` and `check --online`, over fakes in real time.

use std::time::Duration;

use uriba::store::sheets::{ChannelSheet, OrderSheet, SkuSheet};

use super::{Place, Street, channel, until};

#[test]
fn one_service_runs_at_a_time_and_the_second_is_told_who_is_there() {
    let place = Place::with_one_channel();
    let mut service = place.serve("");
    for second in ["serve --listen 127.0.0.1:0", "run-once"] {
        let ran = place.run(second);
        assert_eq!(ran.code, 3, "{second}: {ran:?}");
        assert!(ran.err.contains(&format!("is in use by uriba serve (process {}", service.id())), "{}", ran.err);
    }
    place.fine("channel suspend --all --mode freeze");
    service.stop("KILL");
    // The lock died with it; the lease ends by itself, and a service that comes earlier stands by until then.
    let mut next = place.serve("");
    assert_eq!(next.stop("TERM").0, Some(0));
}

#[test]
fn a_service_that_is_asked_to_stop_ends_well_and_in_time() {
    let place = Place::with_one_channel();
    for signal in ["TERM", "INT"] {
        let mut service = place.serve("--log-format json");
        let (code, took) = service.stop(signal);
        assert_eq!(code, Some(0), "{signal}: {}", service.log());
        assert!(took < Duration::from_secs(10), "{signal} took {took:?}");
        for line in service.log().lines() {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
    }
}

#[test]
fn a_service_without_its_secrets_does_not_start() {
    let place = Place::with_one_channel();
    std::fs::remove_file(place.path().join("key")).unwrap();
    let ran = place.run("serve --listen 127.0.0.1:0");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("uriba.toml:") && ran.err.contains("channels[sample-main].credentials.key"),
        "{}",
        ran.err
    );
    let mut service = place.serve("--no-engine");
    assert_eq!(service.stop("TERM").0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_on_one_mall_is_told_to_the_other_by_the_service() {
    let street = Street::open(&["sample", "yahoo"]).await;
    let place = &street.place;
    place.write("listings.csv", &street.list("A-1", 0));
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,7\n");
    place.fine("stock import book book.csv");
    place.fine("listing import listings.csv");
    let mut service = place.serve("");
    until("both malls show what there is", || street.counters() == [7, 7]);
    let shop = street.shop("yahoo");
    let order = shop.book().place(&[(&shop.mall_key(0), 2)]).unwrap();
    until("the other mall shows less", || street.counters() == [5, 5]);
    let sheet: OrderSheet = place.json(&format!("order show yahoo {order}"));
    assert_eq!((sheet.state.as_str(), sheet.unshipped), ("open", 2));
    let sku: SkuSheet = place.json("sku show A-1");
    assert_eq!((sku.pools[0].on_hand, sku.pools[0].unshipped, sku.pools[0].sellable), (Some(7), 2, Some(5)));
    let sheets: Vec<ChannelSheet> = place.json("channel suspend --mall sample --reason recall --wait");
    assert_eq!(sheets[0].state, "suspended");
    assert_eq!(street.counters(), [0, 5]);
    let sheets: Vec<ChannelSheet> = place.json("channel resume sample --wait");
    assert_eq!(sheets[0].state, "active");
    until("it sells again", || street.counters() == [5, 5]);
    assert_eq!(service.stop("TERM").0, Some(0));
    let out = place.fine("verify");
    assert!(!out.contains("BROKEN"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_due_step_is_done_once() {
    let street = Street::open(&["sample"]).await;
    let place = &street.place;
    place.write("listings.csv", &street.list("A-1", 0));
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,4\n");
    place.fine("stock import book book.csv");
    place.fine("listing import listings.csv");
    let only: serde_json::Value = place.json("run-once --step recompute");
    assert_eq!((only["recompute"].as_u64(), only["push"].as_u64()), (Some(1), Some(0)));
    until("enough runs bring the mall up to date", || {
        place.fine("run-once");
        street.counters() == [4]
    });
    assert_eq!(place.run("run-once --channel nobody").code, 1);
    assert_eq!(place.run("run-once --step nothing").code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_each_mall_and_says_what_to_do() {
    let street = Street::open(&["sample", "rakuten"]).await;
    let fine = street.place.fine("check --online");
    assert!(fine.lines().skip(2).all(|line| line.contains("works: orders can be read")), "{fine}");
    street.shop("rakuten").expire_credentials();
    let ran = street.place.run("check --online");
    assert_eq!(ran.code, 1);
    let line = ran.out.lines().find(|line| line.starts_with("rakuten")).unwrap();
    assert!(
        line.contains("auth") && line.ends_with("renew or correct the credentials (service_secret, license_key)"),
        "{line}"
    );
    let line = ran.out.lines().find(|line| line.starts_with("sample")).unwrap();
    assert!(line.contains("works: orders can be read"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_root_certificates_talks_to_fakes_and_is_told_what_the_others_need() {
    let street = Street::open(&["sample"]).await;
    let place = &street.place;
    let configuration = std::fs::read_to_string(place.path().join("uriba.toml")).unwrap();
    let real = channel("rakuten-main", "rakuten", "base_url = \"https://127.0.0.1:9\"\n");
    place.write("uriba.toml", &(configuration + &real));
    place.write("service_secret", "SP000000_a");
    place.write("license_key", "SL000000_b");
    let mut command = place.command("check --online");
    let output = command.env("SSL_CERT_FILE", place.path().join("none.pem")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    let line = |of: &str| out.lines().find(|line| line.starts_with(of)).unwrap_or_else(|| panic!("{out}{err}"));
    assert!(line("sample").contains("works: orders can be read"), "{out}");
    assert!(line("rakuten").contains("no root certificates were found"), "{out}");
    assert!(line("rakuten").contains("install the package ca-certificates"), "{out}");
}
