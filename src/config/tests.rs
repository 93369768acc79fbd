//! Every mistake that a file can hold, and the sentence that it gets.

use std::{path::Path, time::Duration};

use secrecy::ExposeSecret;

use super::*;
use crate::domain::{allocation::Cap, drift::OnDrift, exposure::mode::Wish};

const GOOD: &str = r#"
[pools.online]
locations = ["shinjuku", "warehouse-1"]

[[channels]]
id = "rakuten-main"
mall = "rakuten"
[channels.credentials]
service_secret = { env = "URIBA_TEST_NOT_SET" }
license_key = { file = "license.key" }
"#;

fn parse(text: &str) -> Config {
    Config::parse(Path::new("uriba.toml"), text).map_err(|problems| problems.to_string()).unwrap()
}

/// What is said about a text, without the file's name.
fn said(text: &str) -> Vec<String> {
    let problems = Config::parse(Path::new("uriba.toml"), text).err().expect("it is wrong");
    let text = problems.to_string();
    text.lines().map(|line| line.strip_prefix("uriba.toml:").unwrap_or(line).trim().to_owned()).collect()
}

/// The good file with something more in its channel.
fn with(more: &str) -> String {
    GOOD.replace("mall = \"rakuten\"\n", &format!("mall = \"rakuten\"\n{more}\n"))
}

#[test]
fn what_is_not_said_has_a_default() {
    let config = parse(GOOD);
    let channel = config.channel("rakuten-main").unwrap();
    assert_eq!((channel.pool.as_str(), channel.name.as_str()), ("online", "rakuten-main"));
    assert!(!channel.live && !channel.review);
    assert_eq!(channel.poll_interval, channel.mall.unwrap().card.times.poll_interval);
    assert_eq!(channel.initial_lookback, Duration::from_secs(90 * 86_400));
    assert_eq!(config.pools[0].exposure, Some(Wish::Auto));
    assert_eq!(config.listen.to_string(), LISTEN);
    assert_eq!(config.zone.iana_name(), Some("Asia/Tokyo"));
    assert_eq!(config.counts_shipments, None);
    assert_eq!((config.units_per_line, config.holder_units, config.history_days), (10_000, 0, 400));
    assert_eq!(config.database_url().unwrap().expose_secret(), DATABASE);
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let more = r#"
name = "楽天 本店"
pool = "online"
mode = "live"
poll_interval = "90s"
initial_lookback = "30d"
on_cancel = "review"
on_drift = "hold"
buffer = 2
fraction = 0.5
min_show = 1
cap = 50
base_url = "http://127.0.0.1:9000"
quotas = { "stock.push" = { per_second = 0.5, burst = 3 } }
timing = { late_apply = "2m", effect_lag = "10m", blind_after = "20m" }
"#;
    let config = parse(&with(more));
    let channel = &config.channels[0];
    assert_eq!(channel.name, "楽天 本店");
    assert!(channel.live && channel.review);
    assert_eq!(channel.on_drift, OnDrift::Hold);
    assert_eq!(channel.poll_interval, Duration::from_secs(90));
    assert_eq!(channel.initial_lookback, Duration::from_secs(30 * 86_400));
    let rules = &channel.rules;
    assert_eq!((rules.buffer, rules.fraction, rules.min_show), (2, 0.5, 1));
    assert_eq!(rules.cap, Some(Cap::Always(50)));
    assert_eq!(channel.base_url.as_deref(), Some("http://127.0.0.1:9000"));
    let (name, rate) = &channel.quotas[0];
    assert_eq!((name.as_str(), rate.per_second, rate.burst), ("stock.push", 0.5, 3));
    assert_eq!(channel.timing.late_apply, Some(Duration::from_secs(120)));
    assert_eq!(channel.timing.effect_max, Some(Duration::from_secs(600)));
    assert_eq!(channel.timing.blind_after, Some(Duration::from_secs(1_200)));
}

#[test]
fn a_key_with_a_typo_is_named_with_the_nearest_that_exists() {
    let lines = said(&with("pol_interval = \"60s\""));
    assert_eq!(
        lines,
        ["8: channels[rakuten-main].pol_interval: is not a key here (did you mean \"poll_interval\"?); allowed: \
          auth_url, base_url, buffer, cap, credentials, fraction, id, initial_lookback, mall, min_show, mode, name, \
          on_cancel, on_drift, options, poll_interval, pool, quotas, timing"]
    );
}

#[test]
fn an_unknown_section_lists_those_that_exist() {
    let lines = said("[serverr]\nlisten = \"127.0.0.1:1\"\n");
    assert_eq!(
        lines,
        [
            "1: serverr: is not a key here (did you mean \"server\"?); allowed: brakes, channels, core, database, imports, limits, pools, profiles, server"
        ]
    );
}

#[test]
fn all_mistakes_are_named_at_once() {
    let text =
        with("poll_interval = \"60\"\nmode = \"alive\"\nfraction = 1.5\nbuffer = -1\ncap = \"ten\"\non_cancel = true");
    assert_eq!(
        said(&text),
        [
            "8: channels[rakuten-main].poll_interval: \"60\" is not a duration: write whole numbers with d, h, m, s or ms, as in \"90s\" or \"1h30m\"",
            "9: channels[rakuten-main].mode: \"alive\" is not known here (did you mean \"live\"?); allowed: live, shadow",
            "10: channels[rakuten-main].fraction: must be a number above 0 and at most 1",
            "11: channels[rakuten-main].buffer: must be a whole number, at least 0 and at most 4294967295",
            "12: channels[rakuten-main].cap: must be a whole number, at least 0 and at most 4294967295",
            "13: channels[rakuten-main].on_cancel: must be text in quotes, not true or false",
        ]
    );
}

#[test]
fn what_is_not_toml_has_its_line() {
    let lines = said("[server]\nlisten = 127.0.0.1\n\n[pools.online\nlocations = [\"a\"]\n");
    assert!(lines[0].starts_with("2: this is not TOML: "), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("4: this is not TOML: ")), "{lines:?}");
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let lines = said(&GOOD.replace("{ env = \"URIBA_TEST_NOT_SET\" }", "\"SP123_verysecret\""));
    assert_eq!(
        lines,
        [
            "9: channels[rakuten-main].credentials.service_secret: a secret must not stand in this file: write { env = \"NAME\" } or { file = \"/path\" }"
        ]
    );
}

#[test]
fn a_secret_comes_from_one_place() {
    let lines = said(&GOOD.replace("{ file = \"license.key\" }", "{ file = \"a\", env = \"B\" }"));
    assert_eq!(
        lines,
        ["10: channels[rakuten-main].credentials.license_key: write either { env = \"NAME\" } or { file = \"/path\" }"]
    );
}

#[test]
fn credentials_are_those_of_the_mall() {
    let lines = said(&GOOD.replace("service_secret", "service_secrets"));
    assert_eq!(
        lines,
        [
            "8: channels[rakuten-main].credentials.service_secret: is required: serviceSecret of RMS WEB SERVICE",
            "9: channels[rakuten-main].credentials.service_secrets: is no credential of rakuten (did you mean \"service_secret\"?); allowed: license_key, service_secret",
        ]
    );
}

#[test]
fn quotas_options_and_times_are_those_of_the_mall() {
    let more = "quotas = { \"stock.psh\" = { per_second = 1.0 } }\noptions = { fast = \"yes\" }\ntiming = { effect = \"5m\" }\n";
    assert_eq!(
        said(&with(more)),
        [
            "8: channels[rakuten-main].quotas.stock.psh: is no quota of rakuten (did you mean \"stock.push\"?); allowed: orders.get, orders.search, stock.push, stock.read",
            "9: channels[rakuten-main].options.fast: is no option of rakuten; nothing is allowed here",
            "10: channels[rakuten-main].timing.effect: is not a key here (did you mean \"effect_lag\"?); allowed: blind_after, effect_lag, effect_lag_typical, late_apply, overlap, unseen_for_at_most, visibility_lag",
        ]
    );
}

#[test]
fn a_quota_is_a_rate_above_zero() {
    let more = "quotas = { \"stock.push\" = { per_second = 0, burst = 0, per_hour = 5 } }";
    assert_eq!(
        said(&with(more)),
        [
            "8: channels[rakuten-main].quotas.stock.push.per_second: must be a number above 0 and at most 10000",
            "8: channels[rakuten-main].quotas.stock.push.burst: must be a whole number, at least 1 and at most 4294967295",
            "8: channels[rakuten-main].quotas.stock.push.per_hour: is not a key here (did you mean \"per_second\"?); allowed: burst, per_day, per_second",
        ]
    );
}

#[test]
fn a_mall_that_does_not_exist_is_named_with_those_that_do() {
    let lines = said(&GOOD.replace("\"rakuten\"", "\"raktuen\""));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("7: channels[rakuten-main].mall: \"raktuen\" is no mall of this version (did you mean \"rakuten\"?); allowed: amazon"), "{lines:?}");
}

#[test]
fn ids_are_short_plain_and_unique() {
    assert_eq!(
        said(&GOOD.replace("rakuten-main", "Rakuten Main")),
        ["6: channels[0].id: a channel's id has 1 to 40 characters of a-z, 0-9 and -"]
    );
    let twice = format!("{GOOD}\n{}", &GOOD[GOOD.find("[[channels]]").unwrap()..]);
    assert_eq!(said(&twice), ["13: channels[1].id: \"rakuten-main\" is the id of another channel already"]);
}

#[test]
fn with_several_pools_a_channel_must_say_which() {
    let two = format!("[pools.second]\nlocations = [\"osaka\"]\n{GOOD}");
    assert_eq!(said(&two), ["7: channels[rakuten-main].pool: is required, since there are several: online, second"]);
    assert_eq!(
        said(&with("pool = \"onlin\"")),
        ["8: channels[rakuten-main].pool: there is no pool \"onlin\" (did you mean \"online\"?); allowed: online"]
    );
}

#[test]
fn a_location_is_in_one_pool() {
    let text = "[pools.a]\nlocations = [\"x\", \"x\"]\n[pools.b]\nlocations = [\"x\"]\n[pools.C]\nlocations = []\n";
    assert_eq!(
        said(text),
        [
            "2: pools.a.locations[1]: \"x\" is named twice",
            "4: pools.b.locations[0]: \"x\" is in pool \"a\" already: a location is in one pool at most",
            "5: pools.C: a pool's name has 1 to 40 characters of a-z, 0-9 and -",
            "6: pools.C.locations: names no location, so there is nothing to sell",
        ]
    );
}

#[test]
fn what_this_version_cannot_do_is_said() {
    let text = "[core]\ncounts_shipments = \"sometimes\"\nzone = \"Asia/Tokio\"\nday_starts = \"25:00\"\n[pools.a]\nlocations = [\"x\"]\nexposure = \"all\"\nepsilon = 1.5\n";
    assert_eq!(
        said(text),
        [
            "2: core.counts_shipments: \"sometimes\" is not known here; allowed: at_once, by_sales_file, never",
            "3: core.zone: is not a time zone that this machine knows: write an IANA name, as in \"Asia/Tokyo\"",
            "4: core.day_starts: must be a time of day, as in \"00:00\" or \"05:30\"",
            "7: pools.a.exposure: \"all\" is not known here; allowed: auto, escrow, shared",
            "8: pools.a.epsilon: must be a number above 0 and at most 1",
        ]
    );
}

#[test]
fn addresses_are_encrypted_or_of_this_machine() {
    let of = |url: &str| said(&with(&format!("base_url = \"{url}\"")))[0].clone();
    let path = "8: channels[rakuten-main].base_url: ";
    assert_eq!(
        of("http://api.example.com"),
        format!(
            "{path}must be https: plain http is accepted for addresses of this machine only (127.0.0.1, ::1, localhost)"
        )
    );
    assert_eq!(of("https://a:b@api.example.com"), format!("{path}must not hold a name or password"));
    assert_eq!(of("https://api.example.com?x=1"), format!("{path}must end with its path: no ? and no #"));
    assert_eq!(of("ftp://api.example.com"), format!("{path}must begin with https:// (or http:// for this machine)"));
    assert!(of("api.example.com").starts_with(&format!("{path}is no address: ")));
    for fine in ["https://api.example.com/x", "http://localhost:1", "http://[::1]:1", "http://127.0.0.2:1/x"] {
        parse(&with(&format!("base_url = \"{fine}\"")));
    }
}

#[test]
fn the_database_is_one_that_is_supported() {
    assert_eq!(
        said("[database]\nurl = \"mysql://root:secret@db/uriba\"\n"),
        ["2: database.url: must begin with sqlite:// or postgres://, as in \"sqlite:///var/lib/uriba/uriba.db\""]
    );
    assert_eq!(
        said("[server]\nlisten = \"8480\"\n"),
        ["2: server.listen: must be an address and a port, as in \"127.0.0.1:8480\" or \"[::]:8480\""]
    );
}

#[test]
fn missing_secrets_are_found_only_when_secrets_are_read() {
    let config = parse(GOOD);
    assert_eq!(config.setups().len(), 1);
    let problems = config.plans().err().expect("neither secret is there");
    let lines: Vec<String> = problems.to_string().lines().map(str::to_owned).collect();
    assert_eq!(
        lines[0],
        "uriba.toml:9: channels[rakuten-main].credentials.service_secret: the environment variable URIBA_TEST_NOT_SET is not set (or empty)"
    );
    let second = "uriba.toml:10: channels[rakuten-main].credentials.license_key: ";
    assert!(lines[1].starts_with(second) && lines[1].contains("license.key can't be read: "), "{lines:?}");
}

#[test]
fn a_secret_file_lies_beside_the_configuration_and_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let text = GOOD.replace("{ env = \"URIBA_TEST_NOT_SET\" }", "{ file = \"service\" }");
    std::fs::write(folder.path().join("service"), "first\n").unwrap();
    std::fs::write(folder.path().join("license.key"), "key\r\n").unwrap();
    let config = Config::parse(&folder.path().join("uriba.toml"), &text).map_err(|all| all.to_string()).unwrap();
    let plans = config.plans().unwrap();
    let service = |settings: &Settings| settings.credential("service_secret").unwrap().expose_secret().to_owned();
    assert_eq!(service(&plans[0].settings), "first");
    assert_eq!(plans[0].settings.credential("license_key").unwrap().expose_secret(), "key");
    std::fs::write(folder.path().join("service"), "second\n").unwrap();
    let again = config.reload_credentials("rakuten-main").unwrap().unwrap();
    assert_eq!(service(&again), "second");
    std::fs::write(folder.path().join("service"), "\n").unwrap();
    let problems = config.reload_credentials("rakuten-main").map(|_| ()).expect_err("the file is empty").to_string();
    assert!(problems.ends_with("service is empty"), "{problems}");
}

#[test]
fn what_is_in_force_says_where_secrets_are_and_not_what() {
    let text = format!("[database]\nurl = \"postgres://uriba:hunter2@db/uriba?password=hunter2\"\n{GOOD}");
    let effective = parse(&text).effective();
    assert!(!effective.contains("hunter2"), "{effective}");
    assert!(effective.contains("url = \"postgres://uriba@db/uriba\""), "{effective}");
    assert!(
        effective.contains("service_secret = { env = \"URIBA_TEST_NOT_SET\" }")
            || effective.contains("env = \"URIBA_TEST_NOT_SET\"")
    );
}

#[test]
fn what_is_in_force_reads_as_a_configuration() {
    let config = parse(GOOD);
    let again = parse(&config.effective());
    assert_eq!(again.effective(), config.effective());
}

#[test]
fn the_example_in_the_repository_is_a_good_configuration() {
    let text = include_str!("../../uriba.example.toml");
    let config = parse(text);
    assert!(config.channels.len() >= 3);
    assert_eq!(config.counts_shipments, Some(CountsShipments::AtOnce));
}

#[test]
fn a_storefront_is_a_channel_that_the_engine_has_nothing_to_do_for() {
    let own = "[[channels]]\nid = \"own\"\nmall = \"storefront\"\nname = \"本店\"\non_cancel = \"review\"\n";
    let config = parse(&format!("{GOOD}\n{own}"));
    let channel = config.channel("own").unwrap();
    assert!(channel.mall.is_none() && channel.review);
    assert_eq!((channel.pool.as_str(), channel.name.as_str()), ("online", "本店"));
    assert!(config.plans_as_readable().iter().all(|plan| plan.id != "own"));
    assert!(config.effective().contains("mall = \"storefront\""), "{}", config.effective());
    let lines = said(&format!("[pools.online]\nlocations = [\"a\"]\n{own}mode = \"live\"\nbase_url = \"https://a\"\n"));
    assert_eq!(
        lines,
        [
            "8: channels[own].mode: is not a key here; allowed: id, mall, name, on_cancel, pool",
            "9: channels[own].base_url: is not a key here; allowed: id, mall, name, on_cancel, pool",
        ]
    );
}

#[test]
fn profiles_and_watched_folders_are_read_whole() {
    let text = format!(
        "[core]\ncounts_shipments = \"by_sales_file\"\n[profiles.core]\nencoding = \"cp932\"\nfigures = \"incremental\"\n\
         book_includes = [\"display\"]\ncolumns = {{ sku = \"商品コード\", quantity = \"数量\" }}\n[[imports]]\nkind = \
         \"sales\"\nfolder = \"in/sales\"\nprofile = \"core\"\nas_of = \"name:s_%Y%m%d_%H%M.csv\"\nevery = \"1h\"\n{GOOD}"
    );
    let config = parse(&text);
    assert_eq!(config.imports.len(), 1);
    assert!(config.imports[0].folder.is_absolute(), "a folder is found from wherever the service was started");
    assert_eq!(config.profiles["core"].columns["sku"], "商品コード");
    let again = parse(&config.effective());
    assert_eq!((again.imports, again.profiles), (config.imports, config.profiles));
}

#[test]
fn a_watched_folder_that_cannot_work_is_refused_by_line() {
    let text = format!(
        "[[imports]]\nkind = \"sails\"\nfolder = \"in\"\nas_of = \"now\"\n[[imports]]\nkind = \"book\"\nfolder = \
         \"in2\"\nas_of = \"mtime\"\nprofile = \"core\"\n{GOOD}"
    );
    let problems = Config::parse(Path::new("uriba.toml"), &text).map(|_| ()).expect_err("none of it works").to_string();
    for expected in ["imports[0].kind: \"sails\"", "imports[0].as_of: \"now\"", "there is no profile \"core\""] {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}

#[test]
fn exports_of_malls_have_profiles_of_their_names_and_channels_beside_them() {
    let config = parse(GOOD);
    let id = config.channels[0].id.clone();
    assert_eq!(config.profiles["rakuten"].export.as_deref(), Some("rakuten"));
    assert!(!config.effective().contains("[profiles"), "{}", config.effective());
    let words = "export = \"yahoo\"\ncolumns = { line = \"行\" }\nshipped_words = [\"出荷\"]\n";
    let folder = "[[imports]]\nkind = \"orders\"\nas_of = \"mtime\"\n";
    let text = format!(
        "[profiles.own]\n{words}{folder}folder = \"a\"\nprofile = \"own\"\nchannel = \"{id}\"\n{folder}folder = \"b\"\n\
         profile = \"rakuten\"\nchannel = \"{id}\"\n{GOOD}"
    );
    let config = parse(&text);
    assert_eq!(config.imports[0].channel.as_deref(), Some(id.as_str()));
    let again = parse(&config.effective());
    assert_eq!((again.imports, again.profiles), (config.imports, config.profiles));
}

#[test]
fn a_folder_of_orders_that_nobody_can_place_is_refused() {
    let orders = "[[imports]]\nkind = \"orders\"\nas_of = \"mtime\"\n";
    let text = format!(
        "[profiles.own]\nshipped_words = [\"出荷\"]\nexport = \"amazone\"\n{orders}folder = \"a\"\nprofile = \"rakuten\"\n\
         {orders}folder = \"b\"\nchannel = \"nobody\"\n[[imports]]\nkind = \"receipts\"\nas_of = \"mtime\"\nfolder = \
         \"c\"\nprofile = \"rakuten\"\nchannel = \"nobody\"\n{GOOD}"
    );
    let problems = Config::parse(Path::new("uriba.toml"), &text).map(|_| ()).expect_err("none of it works").to_string();
    let expected = [
        "profiles.own.export: \"amazone\"",
        "profiles.own.shipped_words: needs a status",
        "imports[0].channel: is required",
        "imports[1].channel: there is no channel \"nobody\"",
        "imports[2]: has the profile of a mall's export",
        "imports[2].channel: is for kind = \"orders\" only",
    ];
    for expected in expected {
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}

#[test]
fn a_cap_may_have_dates_in_the_zone_of_the_shop() {
    let config = parse(&with(
        r#"cap = [{ n = 10, until = "2026-12-01 10:00" }, { n = 50, from = "2026-12-01T10:00:00+09:00" }]"#,
    ));
    let cap = config.channels[0].rules.cap.clone().unwrap();
    let turn = "2026-12-01T01:00:00Z".parse().unwrap();
    assert_eq!((cap.turns(), cap.at(turn)), (vec![turn, turn], Some(50)));
    assert_eq!(parse(&config.effective()).channels[0].rules.cap, Some(cap), "and is recorded as it was meant");
    let both = r#"cap = [{ n = 10, until = "2026-12-02 10:00" }, { n = 50, from = "2026-12-01 10:00" }]"#;
    assert!(said(&with(both))[0].ends_with("the caps of 10 and 50 hold at the same time"), "{:?}", said(&with(both)));
    let nameless = r#"cap = [{ until = "2026-12-02 10:00" }]"#;
    assert!(said(&with(nameless))[0].contains("cap[0].n"), "{:?}", said(&with(nameless)));
}

#[test]
fn brakes_have_a_portion_and_a_least_number() {
    let config = parse(&format!("[brakes]\nportion = 0.5\nat_least = 3\n{GOOD}"));
    assert_eq!((config.brake.portion, config.brake.at_least), (0.5, 3));
    assert_eq!((parse(GOOD).brake.portion, parse(GOOD).brake.at_least), (0.2, 10));
    assert!(said(&format!("[brakes]\nportion = 1.5\n{GOOD}"))[0].contains("brakes.portion"));
}
