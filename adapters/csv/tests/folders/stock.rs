//! Stock files: what stands in them, when one is written, and what a full one repeats.

use uriba_sdk::{Applied, Class, Outcome, RefusedWhy, Update, Write};

use crate::desk::{Desk, files};

const APPLIED: Outcome = Outcome::Applied { now: None };

fn bodies(desk: &Desk) -> Vec<String> {
    desk.stock_files().into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

#[tokio::test]
async fn each_push_writes_one_file_with_its_rows_only() {
    let desk = Desk::new(&[]);
    assert_eq!(desk.push(&[("chawan-01", 5), ("chawan-02/赤", 0)]).await.unwrap(), [APPLIED, APPLIED]);
    desk.push(&[("chawan-01", 4)]).await.unwrap();
    let written = desk.stock_files();
    let names: Vec<_> = written.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["stock-20261120-100000-001.csv", "stock-20261120-100000-002.csv"]);
    // CP932: 赤 is 90 d4.
    assert_eq!(written[0].1, b"mall_key,quantity\r\nchawan-01,5\r\nchawan-02/\x90\xd4,0\r\n");
    assert_eq!(written[1].1, b"mall_key,quantity\r\nchawan-01,4\r\n");
    assert_eq!(files(&desk.stock()).len(), 2, "nothing else is left there");
}

#[tokio::test]
async fn a_push_of_nothing_writes_nothing() {
    let desk = Desk::new(&[]);
    assert!(desk.push(&[]).await.unwrap().is_empty());
    assert!(files(&desk.stock()).is_empty());
}

#[tokio::test]
async fn the_layout_is_the_malls() {
    // Ponpare Mall's item.csv, as far as it is known: a column of control, and the item by its 商品管理ID.
    let desk = Desk::new(&[
        ("stock_columns", "コントロールカラム=u,商品管理ID（商品URL）={item},項目={variation},在庫数={quantity}"),
        ("stock_name", "item.csv"),
        ("stock_encoding", "utf-8-mark"),
        ("stock_line_end", "lf"),
    ]);
    desk.push(&[("chawan-01/a,\"b\"", 3), ("chawan-02", 1)]).await.unwrap();
    let expected =
        "\u{feff}コントロールカラム,商品管理ID（商品URL）,項目,在庫数\nu,chawan-01,\"a,\"\"b\"\"\",3\nu,chawan-02,,1\n";
    assert_eq!(desk.stock_files(), [("item.csv".to_owned(), expected.as_bytes().to_vec())]);
}

#[tokio::test]
async fn a_file_of_a_fixed_name_is_never_written_over_before_it_is_uploaded() {
    let desk = Desk::new(&[("stock_name", "item.csv"), ("stock_file", "full")]);
    desk.put_rows("a.csv", 10, &[]);
    desk.push(&[("chawan-01", 3)]).await.unwrap();
    let error = desk.push(&[("chawan-02", 1)]).await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::No });
    assert!(error.message.contains("item.csv is still there"), "{error}");
    std::fs::remove_file(desk.stock().join("item.csv")).unwrap();
    desk.push(&[("chawan-03", 1)]).await.unwrap();
    assert_eq!(bodies(&desk), ["mall_key,quantity\r\nchawan-01,3\r\nchawan-03,1\r\n"], "what had to wait left nothing");
}

#[tokio::test]
async fn a_full_file_repeats_what_was_pushed_before_also_after_a_restart() {
    let mut desk = Desk::new(&[("stock_file", "full")]);
    desk.put_rows("a.csv", 10, &[]);
    desk.push(&[("chawan-01", 5), ("chawan-02", 7)]).await.unwrap();
    desk.reopen();
    desk.env.advance(std::time::Duration::from_secs(60));
    desk.push(&[("chawan-02", 6), ("chawan-03", 1)]).await.unwrap();
    let last = bodies(&desk).pop().unwrap();
    assert_eq!(last, "mall_key,quantity\r\nchawan-01,5\r\nchawan-02,6\r\nchawan-03,1\r\n");
}

#[tokio::test]
async fn a_full_file_does_not_put_back_what_the_mall_has_sold_since() {
    let desk = Desk::new(&[("stock_file", "full")]);
    desk.put_rows("a.csv", 10, &["P-1,1,chawan-01,2,0,0,2026-11-20 09:00:00"]);
    desk.push(&[("chawan-01", 5), ("chawan-02", 1)]).await.unwrap();
    desk.env.advance(std::time::Duration::from_secs(3_600));
    let sold = ["P-2,1,chawan-01,3,0,0,2026-11-20 10:30:00", "P-3,1,chawan-02,2,0,0,2026-11-20 10:30:00"];
    desk.put_rows("b.csv", 10, &sold);
    desk.push(&[("chawan-03", 9)]).await.unwrap();
    let last = bodies(&desk).pop().unwrap();
    assert_eq!(last, "mall_key,quantity\r\nchawan-01,2\r\nchawan-02,0\r\nchawan-03,9\r\n");
}

#[tokio::test]
async fn a_memory_that_cannot_be_read_is_never_begun_anew_in_silence() {
    let desk = Desk::new(&[("stock_file", "full")]);
    desk.put_rows("a.csv", 10, &[]);
    std::fs::write(desk.stock().join(".uriba-stock.json"), "{\"listings\": {\"chaw").unwrap();
    let error = desk.push(&[("chawan-01", 5)]).await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::No });
    assert!(error.message.contains(".uriba-stock.json"), "{error}");
    assert!(desk.stock_files().is_empty());
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_and_its_neighbours_are_written() {
    let desk = Desk::new(&[]);
    let outcomes =
        desk.push(&[("chawan-01", 5), ("chawan-🍵", 1), ("chawan-02", 100_000), ("chawan-03", -1)]).await.unwrap();
    assert_eq!(outcomes[0], APPLIED);
    let why = |outcome: &Outcome| match outcome {
        Outcome::Refused(refusal) => Some(refusal.why),
        _ => None,
    };
    let refused: Vec<_> = outcomes[1..].iter().map(why).collect();
    assert_eq!(refused, [Some(RefusedWhy::Other), Some(RefusedWhy::OutOfRange), Some(RefusedWhy::OutOfRange)]);
    assert_eq!(bodies(&desk), ["mall_key,quantity\r\nchawan-01,5\r\n"]);
}

#[tokio::test]
async fn one_listing_has_one_row_and_the_last_word_stands() {
    let desk = Desk::new(&[]);
    desk.push(&[("chawan-01", 5), ("chawan-02", 1), ("chawan-01", 4)]).await.unwrap();
    assert_eq!(bodies(&desk), ["mall_key,quantity\r\nchawan-02,1\r\nchawan-01,4\r\n"]);
}

#[tokio::test]
async fn a_relative_write_is_none_of_this_malls() {
    let desk = Desk::new(&[]);
    let update = Update { key: "chawan-01".into(), handle: None, write: Write::Relative(-1) };
    let error = desk.mall.push(&[update]).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected { refused: Vec::new() });
    assert!(files(&desk.stock()).is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_leaves_nothing_behind() {
    let desk = Desk::new(&[]);
    std::fs::remove_dir(desk.stock()).unwrap();
    let error = desk.push(&[("chawan-01", 5)]).await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::No });
    assert!(error.message.contains("stock"), "{error}");
}
