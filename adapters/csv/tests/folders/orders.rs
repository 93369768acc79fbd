//! Order files: which are read, which wait, which win, and how far they prove anything.

use uriba_sdk::{Applied, Class};

use crate::desk::{Desk, HEADER, at, ids};

const PLAIN: &str = "P-1,1,chawan-01,2,0,0,2026-11-20 09:00:00";

#[tokio::test]
async fn an_empty_folder_is_no_proof_that_there_are_no_orders() {
    let desk = Desk::new(&[]);
    let error = desk.pull().await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::No });
    assert!(error.message.contains("there is no order file yet"), "{error}");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let desk = Desk::new(&[]);
    std::fs::remove_dir(desk.orders()).unwrap();
    let error = desk.pull().await.unwrap_err();
    assert!(error.message.contains(desk.orders().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn orders_are_known_up_to_the_newest_file_and_no_further() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 60, &[PLAIN]);
    desk.put_rows("b.csv", 20, &["P-2,1,chawan-01,1,0,0,2026-11-20 09:30:00"]);
    let page = desk.pull().await.unwrap();
    assert_eq!(ids(&page.orders), ["P-1", "P-2"]);
    // Twenty minutes ago, less the five that an export is taken to be older than its file.
    assert_eq!(page.read_to, Some(at("2026-11-20 09:35:00")));
}

#[tokio::test]
async fn the_time_in_a_files_name_counts_where_the_option_says_how_it_is_written() {
    let desk = Desk::new(&[("file_time", "orders-%Y%m%d-%H%M.csv"), ("export_lag", "0")]);
    desk.put_rows("orders-20261120-0815.csv", 1, &["P-1,1,chawan-01,2,0,0,2026-11-20 08:00:00"]);
    desk.put_rows("notes.csv", 1, &["P-9,1,chawan-01,2,0,0,2026-11-20 08:00:00"]);
    let page = desk.pull().await.unwrap();
    assert_eq!((ids(&page.orders), page.read_to), (vec!["P-1"], Some(at("2026-11-20 08:15"))));
}

#[tokio::test]
async fn the_newest_files_word_of_an_order_wins_in_whatever_order_the_files_came() {
    let mut desk = Desk::new(&[]);
    desk.put_rows("z.csv", 50, &[PLAIN, "P-2,1,chawan-02,1,0,0,2026-11-20 08:30:00"]);
    desk.put_rows("a.csv", 10, &["P-1,1,chawan-01,2,0,2,2026-11-20 09:00:00"]);
    desk.put_rows("m.csv", 30, &["P-1,1,chawan-01,2,1,0,2026-11-20 09:00:00"]);
    for _ in 0..2 {
        assert_eq!(desk.order("P-1").await.unwrap().lines[0].shipped, 2);
        assert_eq!(desk.pull().await.unwrap().orders.len(), 2);
        desk.reopen();
    }
    // A file with an older time that comes later changes nothing.
    desk.pull().await.unwrap();
    desk.put_rows("late.csv", 40, &[PLAIN]);
    assert_eq!(desk.order("P-1").await.unwrap().lines[0].shipped, 2);
}

#[tokio::test]
async fn a_file_that_is_there_twice_counts_once() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 10, &[PLAIN, PLAIN]);
    desk.put_rows("copy of a.csv", 9, &[PLAIN, PLAIN]);
    let page = desk.pull().await.unwrap();
    assert_eq!((page.orders.len(), page.orders[0].lines.len(), page.orders[0].lines[0].ordered), (1, 1, 2));
}

#[tokio::test]
async fn one_file_that_is_written_anew_each_time_is_read_anew_each_time() {
    let desk = Desk::new(&[]);
    desk.put_rows("orders.csv", 30, &[PLAIN]);
    assert_eq!(desk.order("P-1").await.unwrap().lines[0].cancelled, 0);
    desk.put_rows("orders.csv", 10, &["P-1,1,chawan-01,2,2,0,2026-11-20 09:00:00"]);
    assert_eq!(desk.order("P-1").await.unwrap().lines[0].cancelled, 2);
}

#[tokio::test]
async fn a_file_that_grows_waits_until_it_is_whole() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 30, &[PLAIN]);
    let half = format!("{HEADER}\nP-2,1,chawan-01,1,0,0,2026-11-20 09:30:00\nP-3,1,chawan-0");
    desk.put("b.csv", 5, &half);
    let page = desk.pull().await.unwrap();
    assert_eq!((ids(&page.orders), page.read_to), (vec!["P-1"], Some(at("2026-11-20 09:25"))));
    assert!(page.unread.is_empty(), "half a file is nothing to worry about yet");
    desk.put("b.csv", 4, format!("{half}1,1,0,0,2026-11-20 09:40:00\n"));
    let page = desk.pull().await.unwrap();
    assert_eq!((page.orders.len(), page.read_to), (3, Some(at("2026-11-20 09:51"))));
}

#[tokio::test]
async fn a_file_that_was_touched_just_now_waits_even_if_it_looks_whole() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 30, &[PLAIN]);
    desk.put_rows("b.csv", 0, &["P-2,1,chawan-01,1,0,0,2026-11-20 09:30:00"]);
    assert_eq!(desk.pull().await.unwrap().orders.len(), 1);
    desk.env.advance(std::time::Duration::from_secs(11));
    assert_eq!(desk.pull().await.unwrap().orders.len(), 2);
}

#[tokio::test]
async fn a_file_that_stays_half_written_is_told_and_ends_what_is_proven() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 60, &[PLAIN]);
    desk.put("b.csv", 40, format!("{HEADER}\nP-2,1,chawan-01,1,0,0,2026-11-20 09:10:00"));
    desk.put_rows("c.csv", 20, &["P-3,1,chawan-01,1,0,0,2026-11-20 09:30:00"]);
    let page = desk.pull().await.unwrap();
    assert_eq!((ids(&page.orders), page.read_to), (vec!["P-1", "P-3"], Some(at("2026-11-20 08:55"))));
    assert!(page.unread[0].what.contains("b.csv does not end with a line end"), "{:?}", page.unread);
    std::fs::remove_file(desk.orders().join("b.csv")).unwrap();
    assert_eq!(desk.pull().await.unwrap().read_to, Some(at("2026-11-20 09:35")));
}

#[tokio::test]
async fn files_that_never_end_with_a_line_end_are_read_where_the_option_says_so() {
    let desk = Desk::new(&[("line_end", "optional")]);
    desk.put("a.csv", 5, format!("{HEADER}\n{PLAIN}"));
    assert_eq!(ids(&desk.pull().await.unwrap().orders), ["P-1"]);
}

#[tokio::test]
async fn a_day_without_an_export_is_no_day_without_orders_where_files_go_back_so_far() {
    let desk = Desk::new(&[("covers", "1"), ("export_lag", "0")]);
    desk.put_rows("a.csv", 3 * 1_440, &["P-1,1,chawan-01,1,0,0,2026-11-17 08:00:00"]);
    desk.put_rows("b.csv", 60, &[PLAIN]);
    let page = desk.pull_page("2026-11-17 00:00", "2026-11-20 10:00", None).await.unwrap();
    assert_eq!(page.read_to, Some(at("2026-11-17 10:00")), "from then to a day before b.csv nothing is known");
    // An export that goes back further, as its rows show, fills the hole.
    desk.put_rows("c.csv", 30, &["P-2,1,chawan-01,1,0,0,2026-11-17 09:00:00", PLAIN]);
    let page = desk.pull_page("2026-11-17 00:00", "2026-11-20 10:00", None).await.unwrap();
    assert_eq!(page.read_to, Some(at("2026-11-20 09:30")));
}

#[tokio::test]
async fn a_bad_row_spoils_its_own_order_and_says_where_without_saying_what() {
    let desk = Desk::new(&[]);
    let bad = "P-2,1,chawan-02,山田太郎,0,0,2026-11-20 09:10:00";
    let other_line = "P-2,2,chawan-03,1,0,0,2026-11-20 09:10:00";
    let slipped = "P-4,1,chawan-04,東京都,千代田区,1,0,0,2026-11-20 09:20:00";
    let good = "P-3,1,chawan-01,1,0,0,2026-11-20 09:30:00";
    desk.put_rows("a.csv", 10, &[PLAIN, bad, other_line, good, slipped]);
    let page = desk.pull().await.unwrap();
    assert_eq!(ids(&page.orders), ["P-1", "P-3"]);
    let told = format!("{:?}", page.unread);
    assert!(!told.contains("山田") && !told.contains("千代田"), "{told}");
    let [slipped, bad] = page.unread.as_slice() else { panic!("{told}") };
    assert_eq!(bad.order_id.as_deref(), Some("P-2"));
    assert_eq!(bad.mall_keys, ["chawan-02", "chawan-03"]);
    assert_eq!(bad.what, "a.csv, line 3, ordered: is no number of units");
    assert_eq!(slipped.order_id.as_deref(), Some("P-4"));
    assert_eq!(slipped.what, "a.csv, line 6: has 9 cells where the header has 7");
    // By id the same, and it ends with the next file that states the order rightly.
    let found = desk.mall.by_id(&["P-2".into(), "P-3".into(), "P-8".into()]).await.unwrap();
    assert_eq!((found.orders.len(), found.unread.len(), found.missing), (1, 1, vec!["P-8".to_owned()]));
    desk.put_rows("b.csv", 5, &["P-2,1,chawan-02,3,0,0,2026-11-20 09:10:00"]);
    assert_eq!(desk.order("P-2").await.unwrap().lines[0].ordered, 3);
}

#[tokio::test]
async fn what_older_files_said_counts_again_when_a_spoilt_one_is_taken_away() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 30, &[PLAIN]);
    desk.put_rows("b.csv", 10, &["P-1,1,chawan-01,many,0,0,2026-11-20 09:00:00"]);
    assert_eq!(desk.order("P-1").await, None);
    std::fs::remove_file(desk.orders().join("b.csv")).unwrap();
    assert_eq!(desk.order("P-1").await.unwrap().lines[0].ordered, 2);
}

#[tokio::test]
async fn orders_of_files_that_were_put_away_are_still_known() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 30, &[PLAIN]);
    desk.put_rows("b.csv", 10, &["P-2,1,chawan-01,1,0,0,2026-11-20 09:30:00"]);
    desk.pull().await.unwrap();
    std::fs::remove_file(desk.orders().join("a.csv")).unwrap();
    assert!(desk.order("P-1").await.is_some());
}

#[tokio::test]
async fn a_window_holds_what_was_ordered_in_it_also_in_minutes() {
    let desk = Desk::new(&[]);
    let row = |n: u32, time: &str| format!("P-{n},1,chawan-01,1,0,0,2026/11/20 {time}");
    let rows = [row(1, "8:59"), row(2, "9:00"), row(3, "9:30"), row(4, "9:31")];
    desk.put_rows("a.csv", 10, &rows.each_ref().map(String::as_str));
    let page = desk.pull_page("2026-11-20 09:00:45", "2026-11-20 09:30:10", None).await.unwrap();
    assert_eq!(ids(&page.orders), ["P-2", "P-3"], "P-2 may have been ordered within its minute's last seconds");
}

#[tokio::test]
async fn rows_of_other_channels_are_left_alone() {
    let desk = Desk::new(&[]);
    let rows =
        "rakuten-main,R-1,1,chawan-01,odd,0,0,2026-11-20 09:00\nponpare,P-1,1,chawan-01,1,0,0,2026-11-20 09:00\n";
    desk.put("a.csv", 10, format!("channel,{HEADER}\n{rows}"));
    let page = desk.pull().await.unwrap();
    assert_eq!((ids(&page.orders), page.unread.len()), (vec!["P-1"], 0));
}

#[tokio::test]
async fn ten_thousand_rows_are_read_once_and_told_in_pages() {
    let desk = Desk::new(&[]);
    let rows: Vec<String> = (0..10_000)
        .map(|n| format!("P-{n:05},1,chawan-01,1,0,0,2026-11-20 0{}:{:02}:{:02}", n % 9, n % 60, n % 59))
        .collect();
    let lines: String = std::iter::once(HEADER.to_owned()).chain(rows).map(|row| row + "\r\n").collect();
    desk.put("a.csv", 10, lines);
    let began = std::time::Instant::now();
    let (mut seen, mut token, mut pages) = (std::collections::BTreeSet::new(), None, 0);
    loop {
        let page = desk.pull_page("2026-11-20 00:00", "2026-11-20 10:00", token).await.unwrap();
        pages += 1;
        page.orders.into_iter().for_each(|order| assert!(seen.insert(order.id), "told twice"));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (10_000, 20));
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_large_folder_is_read_oldest_first_over_several_looks() {
    let desk = Desk::new(&[("export_lag", "0")]);
    for n in 0..250_u64 {
        desk.put_rows(&format!("{n:03}.csv"), 300 - n, &[&format!("P-{n:03},1,chawan-01,1,0,0,2026-11-20 04:00:00")]);
    }
    let page = desk.pull().await.unwrap();
    assert_eq!((page.orders.len(), page.read_to), (200, Some(at("2026-11-20 08:19"))));
    let page = desk.pull().await.unwrap();
    assert_eq!((page.orders.len(), page.read_to), (250, Some(at("2026-11-20 09:09"))));
}

#[tokio::test]
async fn while_a_large_folder_is_being_read_an_unknown_order_is_not_told_missing() {
    let desk = Desk::new(&[]);
    for n in 0..250_u64 {
        desk.put_rows(&format!("{n:03}.csv"), 300 - n, &[&format!("P-{n:03},1,chawan-01,1,0,0,2026-11-20 04:00:00")]);
    }
    let error = desk.mall.by_id(&["P-249".into()]).await.unwrap_err();
    assert_eq!(error.class, Class::Transient { applied: Applied::No });
    assert!(desk.order("P-249").await.is_some());
}

#[tokio::test]
async fn hostile_files_are_told_and_hide_nothing() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 60, &[PLAIN]);
    desk.put("binary.csv", 30, [0x89, b'P', b'N', b'G', 0, 0, 1, 2, b'\n']);
    desk.put("utf16.csv", 29, b"\xff\xfeo\0\n\0");
    desk.put("no-characters.csv", 28, [HEADER.as_bytes(), b"\n\xff\xff\n"].concat());
    desk.put("empty.csv", 27, "");
    desk.put("other.csv", 26, "a,b\n1,2\n");
    desk.put("quotes.csv", 25, format!("{HEADER}\n{}", "\"x\n".repeat(200_000)));
    desk.put("future.csv", 0, format!("{HEADER}\n"));
    let ahead = std::time::SystemTime::from(desk_now(&desk)) + std::time::Duration::from_secs(86_400);
    let future = desk.orders().join("future.csv");
    std::fs::File::options().write(true).open(future).unwrap().set_modified(ahead).unwrap();
    let huge = std::fs::File::create(desk.orders().join("huge.csv")).unwrap();
    huge.set_len(40 << 30).unwrap();
    huge.set_modified(std::time::SystemTime::from(desk_now(&desk)) - std::time::Duration::from_secs(60)).unwrap();
    desk.put_rows("z.csv", 20, &["P-2,1,chawan-01,1,0,0,2026-11-20 09:30:00"]);
    let page = desk.pull().await.unwrap();
    assert_eq!(ids(&page.orders), ["P-1", "P-2"]);
    assert_eq!(page.read_to, Some(at("2026-11-20 08:55")), "what is in them is not known");
    let mut told: Vec<_> = page.unread.iter().map(|unread| unread.what.as_str()).collect();
    told.sort_unstable();
    let expected = [
        "binary.csv, line 1: holds zero bytes: it is no text",
        "empty.csv, line 1: the file is empty",
        "future.csv is from the future",
        "huge.csv has 42949672960 bytes",
        "no-characters.csv, line 2: this line is neither UTF-8 nor CP932",
        "other.csv, line 1: there is no column \"order_id\"",
        "quotes.csv, line 2: more than 1000 rows can't be read",
        "utf16.csv, line 1: is UTF-16",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
}

fn desk_now(desk: &Desk) -> jiff::Timestamp {
    uriba_sdk::Env::now(desk.env.as_ref())
}

#[tokio::test]
async fn the_folder_tells_a_person_what_is_odd_in_it() {
    let desk = Desk::new(&[]);
    desk.put_rows("a.csv", 60, &[PLAIN]);
    desk.put("other.csv", 30, "a,b\n1,2\n");
    let sheet = desk.mall.extras().account.unwrap().account().await.unwrap();
    assert_eq!(sheet.notes[0], "the newest order file is of 2026-11-20T00:00:00Z");
    assert!(sheet.notes[1].starts_with("other.csv"), "{:?}", sheet.notes);
}
