//! "Why is it 3?" and what led to it, as support staff read them; and many writers, some of whom die.

use std::process::{Child, Stdio};

use serde_json::Value;
use uriba::store::sheets::SkuSheet;

use super::Place;

const WRITERS: usize = 64;

fn shop() -> Place {
    let place = Place::with_one_channel();
    place.write("book.csv", "location,sku,name,quantity\ntokyo,TEA-100,煎茶,8\n");
    place.write("listings.csv", "channel,mall_key,sku,units,buffer\nsample-main,tea,TEA-100,1,2\n");
    place.fine("stock import book book.csv --as-of 2026-01-05T10:00:00Z");
    place.fine("listing import listings.csv");
    place.fine("stock issue TEA-100 3 --location tokyo --reason broken");
    place
}

#[test]
fn support_staff_read_why_from_the_mall_s_figure_down_to_the_file_and_line() {
    let place = shop();
    let out = place.fine("sku explain TEA-100");
    let lines: Vec<&str> = out.lines().collect();
    let has = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(lines[0].starts_with("TEA-100 煎茶, 20"), "{out}");
    for parts in [
        &["sample-main tea"][..],
        &["target 掲載目標", "3"],
        &["buffer 安全在庫", "-2, set on the listing"],
        &["sellable 販売可能在庫", "5", "pool online"],
        &["counted 棚卸", "8", "book.csv line 2", "2026-01-05T10:00:00Z"],
        &["issue 出庫", "-3", "by cli:maria: broken"],
    ] {
        assert!(has(parts), "no line has {parts:?}:\n{out}");
    }
    let tree: Value = place.json("sku explain TEA-100 --channel sample-main");
    assert_eq!(
        (&tree["name"], &tree["terms"][0]["name"], &tree["terms"][0]["value"]),
        (&"sku".into(), &"sellable".into(), &5.into())
    );
    assert_eq!(place.run("sku explain TEA-100 --channel nowhere").code, 1);
    assert_eq!(place.run("sku explain TEA-100 --at 2999-01-01").code, 2);
    let old = place.fine("sku explain TEA-100 --at 2020-01-01");
    assert!(old.contains("TEA-100: known since 20"), "{old}");
    let old = place.run("sku history TEA-100 --from 2020-01-01");
    assert!(old.err.contains("note: the past is kept from 20"), "{old:?}");
}

#[test]
fn the_time_line_of_a_sku_is_told_in_the_order_in_which_it_became_known() {
    let place = shop();
    let lines: Vec<Value> = place.json("sku history TEA-100");
    let told: Vec<_> = lines.iter().map(|line| format!("{} {}", line["kind"], line["what"]).replace('"', "")).collect();
    assert_eq!(told, ["ledger stocktake", "log listing.map", "ledger issue", "log stock.issue"]);
    assert_eq!(lines[0]["occurred_at"], "2026-01-05T10:00:00Z");
    let out = place.fine("sku history TEA-100 --limit 1");
    assert!(out.contains("ledger stocktake") && out.contains("book.csv line 2"), "{out}");
    let none = place.run("sku history TEA-100 --to 2026-01-05");
    assert_eq!((none.code, none.out.as_str()), (0, ""), "nothing was known by then");
}

#[test]
fn sixty_four_writers_of_whom_some_are_killed_lose_and_double_nothing() {
    let place = shop();
    let receive = |n: usize| format!("stock receive TEA-100 1 --location tokyo --key writer-{n}");
    let spawn = |n: usize| -> Child {
        place.command(&receive(n)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let writers: Vec<Child> = (0..WRITERS).map(spawn).collect();
    for (n, mut writer) in writers.into_iter().enumerate() {
        // Those before it have ended, so that each dies at another point of its work.
        if n % 3 == 0 {
            writer.kill().unwrap();
        }
        let ended = writer.wait().unwrap();
        assert!(n % 3 == 0 || ended.success(), "writer {n}: {ended}");
    }
    for n in (0..WRITERS).step_by(3) {
        place.fine(&receive(n));
    }
    let sheet: SkuSheet = place.json("sku show TEA-100");
    assert_eq!(sheet.pools[0].on_hand, Some(5 + WRITERS as i64));
    place.fine("verify");
}
