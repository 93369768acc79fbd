//! Commands over the database, with no service running and no mall to be reached.

use uriba::store::sheets::{AttentionSheet, ChannelSheet, ListingSheet, SkuSheet, TokenSheet};

use super::Place;

#[test]
fn a_command_without_a_configuration_says_where_it_looked() {
    let place = Place::new("");
    std::fs::remove_file(place.path().join("uriba.toml")).unwrap();
    let ran = place.run("channel list");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("looked for ./uriba.toml and /etc/uriba/uriba.toml; give one with --config FILE"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
}

#[test]
fn a_database_on_the_command_line_needs_no_configuration() {
    let place = Place::with_one_channel();
    place.fine("channel list");
    let elsewhere = Place::new("");
    std::fs::remove_file(elsewhere.path().join("uriba.toml")).unwrap();
    let url = format!("sqlite://{}", place.path().join("uriba.db").display());
    let out = elsewhere.fine(&format!("--database-url {url} channel list"));
    assert!(out.contains("sample-main"), "{out}");
}

#[test]
fn the_switch_is_thrown_without_secrets_and_without_a_mall() {
    let place = Place::with_one_channel();
    std::fs::remove_file(place.path().join("key")).unwrap();
    let out = place.fine("channel suspend sample-main --mode freeze --reason stocktake");
    assert_eq!(out, "sample-main is suspended (freeze)\n");
    let sheets: Vec<ChannelSheet> = place.json("channel resume --all --reason done");
    assert_eq!(sheets[0].state, "resuming");
    let log = place.run("check");
    assert_eq!(log.code, 2, "{log:?}");
    assert!(
        log.err.contains("channels[sample-main].credentials.key: ") && log.err.contains("can't be read"),
        "{}",
        log.err
    );
}

#[test]
fn several_channels_are_an_array_and_one_is_too() {
    let place = Place::with_one_channel();
    let sheets: Vec<ChannelSheet> = place.json("channel suspend sample-main --reason why");
    let suspend = sheets[0].suspend.as_ref().unwrap();
    assert_eq!(
        (suspend.mode.as_str(), suspend.reason.as_deref(), suspend.by.as_deref()),
        ("zero", Some("why"), Some("cli:maria"))
    );
    let sheet: ChannelSheet = place.json("channel show sample-main");
    assert_eq!(sheet.id, "sample-main");
    let sheets: Vec<ChannelSheet> = place.json("channel list");
    assert_eq!(sheets.len(), 1);
}

#[test]
fn a_suspension_can_be_waited_for_with_nothing_listed() {
    let place = Place::with_one_channel();
    let ran = place.run("channel suspend --mall sample --wait");
    assert_eq!((ran.code, ran.out.as_str()), (0, "sample-main is suspended (zero)\n"), "{}", ran.err);
}

#[test]
fn a_suspension_can_begin_and_end_later() {
    let place = Place::with_one_channel();
    let out = place.fine("channel suspend sample-main --from 2099-01-01T10:00 --until 2099-01-02");
    assert_eq!(out, "sample-main is active; suspend is due at 2099-01-01T01:00:00Z\n");
    let ran = place.run("channel suspend sample-main --from 2099-01-02 --until 2099-01-01");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is not after 2099-01-01T15:00:00Z, when the suspension begins"), "{}", ran.err);
}

#[test]
fn which_channels_must_be_said_once() {
    let place = Place::with_one_channel();
    for wrong in ["channel suspend", "channel suspend sample-main --all", "channel resume --all --mall sample"] {
        assert_eq!(place.run(wrong).code, 2, "{wrong}");
    }
    let ran = place.run("channel suspend sample-main nobody");
    assert_eq!((ran.code, ran.err.as_str()), (1, "uriba: there is no channel \"nobody\"\n"));
    let sheets: Vec<ChannelSheet> = place.json("channel list");
    assert_eq!(sheets[0].state, "active", "all or none");
    assert_eq!(place.run("channel suspend --mall rakuten").code, 1);
}

#[test]
fn a_token_stands_alone_on_standard_output() {
    let place = Place::with_one_channel();
    let ran = place.run("token create till --scope read,operate");
    assert_eq!(ran.code, 0);
    let secret = ran.out.strip_suffix('\n').unwrap();
    assert!(secret.starts_with("urb_") && !secret.contains(char::is_whitespace), "{secret}");
    let again = place.run("token create till --scope read");
    assert_eq!((again.code, again.err.as_str()), (3, "uriba: a token named \"till\" exists already\n"));
    place.fine("token revoke till");
    let tokens: Vec<TokenSheet> = place.json("token list");
    assert!(tokens[0].revoked_at.is_some());
    assert_eq!(place.run("token revoke nobody").code, 1);
}

#[test]
fn a_file_with_bad_rows_is_refused_whole_and_every_row_is_named() {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,quantity,name\ntokyo,A-1,5,木の椅子\nosaka,A-1,x,\ntokyo,A-2,-1,\n");
    let ran = place.run("stock import book book.csv");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("book.csv:3: quantity: ") && ran.err.contains("book.csv:4: quantity: "), "{}", ran.err);
    assert!(ran.err.ends_with("uriba: book.csv is refused: nothing of it was taken in\n"), "{}", ran.err);
    assert_eq!(place.json::<Vec<SkuSheet>>("sku list").len(), 0);
    place.fine("stock import book book.csv --skip-invalid");
    let skus: Vec<SkuSheet> = place.json("sku list");
    assert_eq!((skus[0].code.as_str(), skus[0].pools[0].on_hand), ("A-1", Some(5)));
    let rejects = std::fs::read_to_string(place.path().join("book.csv.rejects.csv")).unwrap();
    assert_eq!(rejects.lines().count(), 3, "{rejects}");
    let again = place.fine("stock import book book.csv --skip-invalid");
    assert!(again.contains("it was taken in before, nothing happened"), "{again}");
}

#[test]
fn a_trial_changes_nothing() {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    let out = place.fine("stock import book book.csv --dry-run");
    assert!(out.starts_with("book.csv: 1 row; would be: 1 changed"), "{out}");
    assert_eq!(place.json::<Vec<SkuSheet>>("sku list").len(), 0);
}

#[test]
fn a_days_sales_are_tried_out_booked_listed_and_undone() {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    place.fine("stock import book book.csv --as-of 2026-11-20T09:00");
    place.write("listings.csv", "channel,mall_key,sku\nsample-main,chair,A-1\n");
    place.fine("listing import listings.csv");
    place.write("sales.csv", "location,sku,quantity,business_date\ntokyo,A-1,2,2026-11-20\n");
    let ran = place.run("stock import sales sales.csv --profile till");
    assert_eq!((ran.code, ran.err.contains("there is no profile \"till\"")), (2, true), "{}", ran.err);
    let trial = place.fine("stock import sales sales.csv --dry-run");
    assert!(trial.contains("1 number would change:") && trial.contains("chair"), "{trial}");
    place.fine("stock import sales sales.csv");
    let skus: Vec<SkuSheet> = place.json("sku list");
    assert_eq!(skus[0].pools[0].on_hand, Some(3));
    let list: Vec<uriba::store::sheets::ImportSheet> = place.json("stock imports");
    assert_eq!((list.len(), list[0].kind.as_str(), list[0].booked), (2, "sales", 1));
    let undone = place.fine(&format!("stock undo {}", list[0].id));
    assert!(undone.starts_with("sales sales.csv of "), "{undone}");
    assert_eq!(place.run(&format!("stock undo {}", list[0].id)).code, 3, "once");
    let skus: Vec<SkuSheet> = place.json("sku list");
    assert_eq!(skus[0].pools[0].on_hand, Some(5));
}

#[test]
fn long_work_says_how_far_it_is() {
    let place = Place::with_one_channel();
    let rows: String = (0..20_000).map(|n| format!("tokyo,S{n},1\n")).collect();
    place.write("book.csv", &format!("location,sku,quantity\n{rows}"));
    let ran = place.run("stock import book book.csv");
    assert!(ran.err.contains("book.csv: 10000 of 20000 rows\n"), "{}", ran.err);
}

#[test]
fn a_book_needs_to_know_who_counts_shipments() {
    let place = Place::new("[pools.online]\nlocations = [\"tokyo\"]\n");
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    let ran = place.run("stock import book book.csv");
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("uriba: [core] counts_shipments is missing in the configuration"), "{}", ran.err);
}

#[test]
fn movements_are_booked_once_under_their_key() {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    place.fine("stock import book book.csv");
    let out = place.fine("stock receive A-1 3 --location osaka --key truck-7");
    assert_eq!(out, "A-1: 3 into osaka\npool online: 8 on hand, sellable 8\n");
    let out = place.fine("stock receive A-1 3 --location osaka --key truck-7");
    assert_eq!(out, "A-1: booked before under \"truck-7\"; nothing changed\npool online: 8 on hand, sellable 8\n");
    place.fine("stock transfer A-1 2 --location osaka --to tokyo/display");
    place.fine("stock issue A-1 1 --location tokyo --reason sold");
    let out = place.fine("stock count A-1 9 --location osaka");
    assert_eq!(out, "A-1: counted 9 at osaka\npool online: 13 on hand, sellable 13\n");
}

#[test]
fn a_movement_that_cannot_be_is_refused_with_what_can() {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    place.fine("stock import book book.csv");
    let nowhere = place.run("stock receive A-1 3 --location nagoya");
    assert_eq!(
        (nowhere.code, nowhere.err.as_str()),
        (2, "uriba: location: there is no location \"nagoya\"; known are tokyo, osaka\n")
    );
    let negative = place.run("stock issue A-1 -3 --location tokyo");
    assert_eq!(negative.code, 2);
    assert!(negative.err.contains("quantity: must be between 1"), "{}", negative.err);
    let unknown = place.run("stock issue Z-9 1 --location tokyo");
    assert_eq!((unknown.code, unknown.err.as_str()), (1, "uriba: there is no SKU \"Z-9\"\n"));
}

#[test]
fn a_listing_is_mapped_by_hand() {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,quantity\ntokyo,A-1,5\n");
    place.fine("stock import book book.csv");
    let out = place.fine("listing map sample-main key-1 A-1 --units 3");
    assert_eq!(out, "sample-main key-1 sells 3 × A-1\n");
    let out = place.fine("listing map sample-main key-1 A-1 --units 2 --open-orders");
    assert_eq!(out, "sample-main key-1 sells 2 × A-1\n");
    assert_eq!(place.run("listing map nobody key-1 A-1").code, 1);
    assert_eq!(place.run("listing map sample-main key-1 A-1 --units 0").code, 2);
    let listed = place.fine("listing list --channel sample-main");
    assert!(listed.lines().nth(1).unwrap().starts_with("sample-main  key-1     A-1"), "{listed}");
    let fixed = || place.json::<Vec<ListingSheet>>("listing list")[0].fixed_share;
    place.fine("listing set sample-main key-1 --share 4");
    assert_eq!(fixed(), Some(4));
    place.write("listings.csv", "channel,mall_key,sku,share\nsample-main,key-1,A-1,6\n");
    place.fine("listing import listings.csv");
    assert_eq!(fixed(), Some(6));
    place.fine("listing set sample-main key-1 --share none");
    assert_eq!(fixed(), None);
    assert_eq!(place.run("listing set sample-main key-1 --share few").code, 2);
    assert_eq!(place.run("listing set sample-main key-1 --share=-1").code, 2);
}

#[test]
fn empty_lists_are_said_on_standard_error_and_are_empty_arrays() {
    let place = Place::with_one_channel();
    for list in ["sku list", "listing list", "listing unmapped", "order list", "attention list", "token list"] {
        let ran = place.run(list);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{list}");
        assert!(!ran.err.is_empty(), "{list}");
        assert_eq!(place.fine(&format!("--json {list}")), "[]\n", "{list}");
    }
    let items: Vec<AttentionSheet> = place.json("attention list");
    assert!(items.is_empty());
}

#[test]
fn what_is_not_there_is_named() {
    let place = Place::with_one_channel();
    for (command, what) in [
        ("channel show nobody", "channel \"nobody\""),
        ("sku show nothing", "SKU \"nothing\""),
        ("order list --channel nobody", "channel \"nobody\""),
        ("attention resolve 7", "attention item \"7\""),
        ("order show sample-main 7", "order \"sample-main/7\""),
    ] {
        let ran = place.run(command);
        assert_eq!(ran.code, 1, "{command}: {ran:?}");
        assert!(ran.err.starts_with("uriba: there is no ") && ran.err.contains(what), "{command}: {}", ran.err);
    }
    assert_eq!(place.run("order list --state odd").code, 2);
}

#[test]
fn verify_finds_nothing_wrong_in_a_fresh_database() {
    let place = Place::with_one_channel();
    let out = place.fine("verify");
    assert!(out.contains("checked") && !out.contains("BROKEN"), "{out}");
}

#[test]
fn completions_and_the_malls_need_nothing_at_all() {
    let place = Place::new("this is not a configuration");
    assert!(place.fine("completions bash").contains("complete"));
    let malls: Vec<serde_json::Value> = place.json("adapter list");
    let names: Vec<&str> = malls.iter().filter_map(|mall| mall["mall"].as_str()).collect();
    let listed: Vec<&str> = uriba::malls::MALLS.iter().map(|mall| mall.id).collect();
    assert_eq!(names, listed);
    let unknown = place.run("adapter test nobody");
    assert_eq!(unknown.code, 2);
    let expected = format!("there is no adapter \"nobody\"; there are: {}", listed.join(", "));
    assert!(unknown.err.contains(&expected), "{}", unknown.err);
}
