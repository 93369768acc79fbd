//! `uriba adapter fake`: a stranger's hub on made-up shops, with nothing but what they printed.

use std::{net::TcpListener, time::Duration};

use uriba::{
    malls::MALLS,
    store::sheets::{OrderSheet, SkuSheet},
};

use super::{HEAD, Place, SHARED, Service, until};

/// Malls that show in a moment, by their clocks, what they are told.
const QUICK: [&str; 4] = ["rakuten", "yahoo", "amazon", "sample"];
/// A mall without a server.
const FILES: &str = "csv";

const OPEN: &str = "What happens here";

fn open(place: &Place, mall: &str, more: &str) -> Service {
    let arguments = format!("adapter fake {mall} --listen 127.0.0.1:0 --dir fakes {more}");
    place.start(&arguments, &format!("{mall}.log"), OPEN)
}

/// What was printed below the line that begins so, up to the next empty line.
fn printed(fake: &Service, head: &str) -> String {
    let log = fake.log();
    let mut lines = log.lines().skip_while(|line| !line.starts_with(head)).skip(1);
    lines.by_ref().take_while(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn a_hub_with_what_was_printed_is_let_in_and_puts_the_stock_on_sale() {
    let place = Place::new("");
    let all: Vec<_> = MALLS.iter().filter(|mall| mall.id != FILES).map(|mall| mall.id).collect();
    let fakes: Vec<_> = all.iter().map(|mall| (*mall, open(&place, mall, "--items 3 --stock 7"))).collect();
    let channels: Vec<String> = fakes.iter().map(|(_, fake)| printed(fake, "# uriba.toml")).collect();
    place.write("uriba.toml", &format!("{}{SHARED}{}", HEAD.replace("tokyo", "warehouse-1"), channels.join("\n")));
    let answers = place.fine("check --online");
    assert_eq!(answers.matches("works: orders can be read").count(), all.len(), "{answers}");
    place.write("book.csv", &printed(&fakes[0].1, "# book.csv"));
    place.fine("stock import book book.csv");
    let quick: Vec<_> = fakes.iter().filter(|(mall, _)| QUICK.contains(mall)).collect();
    for (mall, fake) in &quick {
        let file = format!("{mall}-fake.listings.csv");
        place.write(&file, &printed(fake, &format!("# {file}")));
        place.fine(&format!("listing import {file}"));
    }
    // Amazon shows orders two minutes late, and nothing is raised there before.
    let shows = |mall: &str, log: &str| match mall {
        "amazon" => log.contains("orders.search  200") && log.contains("stock.read     200"),
        _ => log.matches(": 0 → 7").count() == 3,
    };
    until("every shop was read, and told what there is", || {
        place.fine("run-once");
        quick.iter().all(|(mall, fake)| shows(mall, &fake.log()))
    });
    for (mall, fake) in &fakes {
        assert!(!fake.log().contains("above its quota"), "{mall}: {}", fake.log());
    }
    let sku: SkuSheet = place.json("sku show ITEM-2");
    assert_eq!((sku.pools[0].sellable, sku.listings.len()), (Some(7), QUICK.len()));
}

#[test]
fn customers_buy_what_is_shown_and_the_hub_hears_of_it() {
    let place = Place::new("");
    let mut fake = open(&place, "sample", "--orders-per-minute 600");
    let hub = Place { folder: tempfile::tempdir_in(place.path()).unwrap() };
    let laid_down = place.path().join("fakes");
    for file in ["uriba.toml", "book.csv", "sample-fake.listings.csv"] {
        std::fs::copy(laid_down.join(file), hub.path().join(file)).unwrap();
    }
    hub.fine("stock import book book.csv");
    hub.fine("listing import sample-fake.listings.csv");
    until("an order is known", || {
        hub.fine("run-once");
        !hub.json::<Vec<OrderSheet>>("order list").is_empty()
    });
    let said = fake.log();
    assert!(said.contains("a customer found nothing on show") && said.contains("order S26-000001: "), "{said}");
    assert!(said.contains(" orders.search  200\n"), "{said}");
    assert_eq!(fake.stop("INT").0, Some(0));
}

#[test]
fn what_lies_in_the_directory_is_never_overwritten() {
    let place = Place::new("");
    std::fs::create_dir(place.path().join("fakes")).unwrap();
    place.write("fakes/uriba.toml", "mine\n");
    let mut fake = open(&place, "sample", "");
    assert!(fake.log().contains("# uriba.toml (another one is there, and stays)\n[[channels]]\n"), "{}", fake.log());
    assert_eq!(std::fs::read_to_string(place.path().join("fakes/uriba.toml")).unwrap(), "mine\n");
    let (code, took) = fake.stop("TERM");
    assert!(code == Some(0) && took < Duration::from_secs(5), "{code:?} after {took:?}");
    // What it has laid down itself is found to be the same.
    assert_eq!(open(&place, "sample", "").log().matches("another one").count(), 1);
    place.write("fakes/sample-fake.key", "mine as well");
    let ran = place.run("adapter fake sample --listen 127.0.0.1:0 --dir fakes");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("fakes/sample-fake.key holds something else: --dir names another"), "{}", ran.err);
}

#[test]
fn a_shop_that_cannot_open_says_why() {
    let place = Place::new("");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for (arguments, code, words) in [
        ("sample --listen 0.0.0.0:8481".to_owned(), 2, "0.0.0.0:8481 is not an address of this machine alone"),
        (format!("sample --listen {address}"), 1, "can't be listened on: "),
        ("nobody".to_owned(), 2, "there is no adapter \"nobody\"; there are: rakuten, yahoo, amazon, "),
        ("csv --listen 127.0.0.1:0".to_owned(), 2, "is reached by files"),
        ("sample --items 0".to_owned(), 2, "--items"),
        ("sample --listen 127.0.0.1:0 --dir uriba.toml".to_owned(), 1, "--dir names another directory"),
    ] {
        let ran = place.run(&format!("adapter fake {arguments}"));
        assert_eq!(ran.code, code, "{arguments}: {ran:?}");
        assert!(ran.err.contains(words), "{arguments}: {}", ran.err);
    }
}
