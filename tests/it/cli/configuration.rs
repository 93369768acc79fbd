//! What a wrong or changed configuration does to commands.

use uriba::store::sheets::{ChannelSheet, SkuSheet};

use super::{HEAD, NOBODY, Place, SHARED, channel};

#[test]
fn a_typo_is_named_with_file_line_and_key() {
    let place = Place::new("[serverr]\nlisten = \"127.0.0.1:8480\"\n\n[pools.online]\nlocation = [\"tokyo\"]\n");
    let ran = place.run("channel list");
    assert_eq!(ran.code, 2);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(
        lines[0].starts_with("uriba: uriba.toml:1: serverr: is not a key here (did you mean \"server\"?)"),
        "{}",
        ran.err
    );
    assert!(lines[1].starts_with("uriba.toml:4: pools.online.locations: is required"), "{}", ran.err);
    assert!(
        lines[2].starts_with("uriba.toml:5: pools.online.location: is not a key here (did you mean \"locations\"?)"),
        "{}",
        ran.err
    );
    assert!(!place.path().join("uriba.db").exists(), "nothing is made");
}

#[test]
fn check_makes_no_database_and_says_what_is_fine() {
    let place = Place::with_one_channel();
    let ran = place.run("check");
    assert_eq!((ran.code, ran.out.as_str()), (0, "uriba.toml: 1 channel, 1 pool: nothing is wrong\n"), "{}", ran.err);
    assert_eq!(ran.err, "sqlite://uriba.db: not there yet; `uriba serve` makes it\n");
    assert!(!place.path().join("uriba.db").exists());
}

#[test]
fn check_says_where_the_database_has_another_mode() {
    let place = Place::with_one_channel();
    place.fine("channel mode sample-main shadow");
    let ran = place.run("check");
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("the configuration says live, the database shadow; the database counts"), "{}", ran.err);
}

#[test]
fn a_new_channel_is_known_to_the_next_command() {
    let place = Place::with_one_channel();
    place.fine("channel list");
    let second = channel("sample-second", "sample", NOBODY);
    let first = channel("sample-main", "sample", NOBODY);
    place.write("uriba.toml", &format!("{HEAD}\n{first}{second}"));
    let sheets: Vec<ChannelSheet> = place.json("channel list");
    let ids: Vec<&str> = sheets.iter().map(|sheet| sheet.id.as_str()).collect();
    assert_eq!(ids, ["sample-main", "sample-second"]);
    // A channel that is gone is gone from lists, and its history stays.
    place.write("uriba.toml", &format!("{HEAD}\n{second}"));
    assert_eq!(place.json::<Vec<ChannelSheet>>("channel list").len(), 1);
}

#[test]
fn a_channel_cannot_move_to_another_mall() {
    let place = Place::with_one_channel();
    place.fine("channel list");
    place.write("uriba.toml", &format!("{HEAD}\n{}", channel("sample-main", "rakuten", NOBODY)));
    let ran = place.run("channel suspend sample-main --mode freeze");
    assert_eq!(ran.code, 0, "the switch still works: {ran:?}");
    assert!(
        ran.err.contains("note: the configuration is not put in force: channel \"sample-main\" was of mall \"sample\""),
        "{}",
        ran.err
    );
    let place = place.and("service_secret", "a").and("license_key", "b");
    let ran = place.run("run-once");
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn the_same_file_under_another_name_is_no_change() {
    let place = Place::with_one_channel();
    place.fine("channel list");
    let mut service = place.serve("");
    let whole = place.path().join("uriba.toml");
    let ran = place.run(&format!("--config {} channel list", whole.display()));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    place.write("uriba.toml", &std::fs::read_to_string(&whole).unwrap().replace("\"1s\"", "\"2s\""));
    let ran = place.run("channel list");
    assert!(ran.err.contains("uriba.toml has changed since the service was started"), "{}", ran.err);
    service.stop("TERM");
}

#[test]
fn a_changed_rule_changes_the_targets_that_rest_on_it() {
    let place = Place::with_one_channel();
    let configured = |more: &str| {
        let channel = channel("sample-main", "sample", &format!("{NOBODY}{more}"));
        place.write("uriba.toml", &format!("{HEAD}{SHARED}\n{channel}"));
    };
    configured("");
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    place.fine("stock import book book.csv");
    place.fine("listing map sample-main key-1 A-1");
    let target = || {
        place.fine("run-once --step recompute");
        place.json::<SkuSheet>("sku show A-1").listings[0].target
    };
    assert_eq!(target(), Some(5));
    configured("buffer = 2\n");
    assert_eq!(target(), Some(3));
}

#[test]
fn a_pool_decides_by_sku_unless_it_says_how_it_is_to_be_sold() {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    place.fine("stock import book book.csv");
    place.fine("listing map sample-main key-1 A-1");
    place.fine("run-once --step recompute");
    let sheet = place.json::<SkuSheet>("sku show A-1");
    let exposure = &sheet.pools[0].exposure;
    assert_eq!((exposure.wish.as_str(), exposure.by.as_str(), exposure.mode.as_str()), ("auto", "pool", "escrow"));
    assert_eq!((sheet.listings[0].target, sheet.listings[0].share), (Some(5), Some(5)), "one listing gets all of it");
}
