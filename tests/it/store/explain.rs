//! "Why is it 3?": the tree says what the rows say, down to the last order, and adds up.

use uriba::{
    domain::{
        explain::{Term, Value},
        reservation::{Ask, Line as Wanted, Wish},
    },
    store::{explain::Question, reservations::Request},
};
use uriba_sdk::{Env, Line};

use crate::support::{SHOP, TestBase, WAREHOUSE, clock, line, on_every_database, order, outlines, seconds};

pub const CHANNELS: [&str; 2] = ["a", "b"];

/// The tree of the SKU, which must add up.
pub async fn explain(base: &TestBase, question: Question<'_>) -> Term {
    let tree = base.store.explain(&question, &outlines(&CHANNELS)).await.unwrap();
    tree.check().unwrap();
    tree
}

async fn tea(base: &TestBase) -> Term {
    explain(base, Question { sku: "tea", ..Question::default() }).await
}

/// Values and sources of a term's terms.
fn told(term: &Term) -> Vec<(String, i64, String)> {
    let one = |term: &Term| (term.name.clone(), term.whole().unwrap(), term.source.clone().unwrap_or_default());
    term.terms.iter().map(one).collect()
}

fn text(told: &[(&str, i64, &str)]) -> Vec<(String, i64, String)> {
    told.iter().map(|(name, value, source)| ((*name).to_owned(), *value, (*source).to_owned())).collect()
}

#[tokio::test]
async fn every_unit_is_named_by_file_order_hold_and_place() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 5).await;
        base.env.advance_to(clock("15:30"));
        base.count("tea", SHOP, 9, clock("15:00")).await;
        base.env.advance(seconds(60));
        base.receive("tea", WAREHOUSE, 2).await;
        let sample = base.movement("transfer", "sample", "tea", &[(SHOP, "main", -1), (SHOP, "display", 1)]).await;
        base.book(sample).await;
        base.read("a", &[order("1001", &[line("tea", 3)]), order("1002", &[line("tea", 1)])]).await;
        base.observe("b", "tea", 9).await;
        base.observe("b", "tea", 7).await;
        base.recompute(&CHANNELS).await;
        let tree = tea(base).await;
        let sellable = tree.find("sellable").unwrap();
        let names: Vec<_> = told(sellable).into_iter().map(|(name, value, _)| (name, value)).collect();
        let expected =
            [("on_hand", 10), ("unshipped", -4), ("held", 0), ("provisional", -2), ("shipped_not_in_core", 0)];
        assert_eq!(names, expected.map(|(name, value)| (name.to_owned(), value)));
        let shop = tree.find("on_hand").unwrap().find("location").unwrap();
        assert_eq!(shop.source.as_deref(), Some("shinjuku (not sold: 1 in display)"));
        assert_eq!(told(shop), text(&[("transfer", -1, "test"), ("counted", 9, "test")]));
        let orders = tree.find("channel").unwrap();
        assert_eq!(told(orders), text(&[("order", -1, "order a/1002"), ("order", -3, "order a/1001")]));
        let missing = told(tree.find("provisional").unwrap());
        assert_eq!(missing, text(&[("missing", -2, "b shows less of tea than known, and no order says why yet")]));
        let target = tree.terms.iter().find(|term| term.name == "shown").unwrap().find("target").unwrap();
        assert_eq!(target.whole(), base.target("a", "tea").await);
    })
    .await;
}

#[tokio::test]
async fn what_a_mall_shows_follows_what_it_was_told_which_follows_the_target() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 5).await;
        base.observe("a", "tea", 7).await;
        let later = uriba_sdk::Order { placed_at: base.env.now(), ..order("1001", &[line("tea", 2)]) };
        base.read("a", &[later]).await;
        base.recompute(&CHANNELS).await;
        let tree = explain(base, Question { sku: "tea", channel: Some("a"), at: None, kept_from: None }).await;
        let shown = tree.terms.iter().find(|term| term.name == "shown").unwrap();
        assert_eq!((shown.whole(), shown.terms[0].whole()), (Some(5), Some(5)));
        let parts: Vec<_> = shown.terms[0].terms.iter().map(|term| (term.name.as_str(), term.whole())).collect();
        assert_eq!(parts, [("anchor", Some(7)), ("applied", Some(0)), ("sold_since", Some(-2))]);
        assert_eq!(told(shown.find("sold_since").unwrap()), text(&[("order", -2, "order a/1001")]));
        let told = &shown.terms[1];
        assert_eq!((told.name.as_str(), told.value, told.terms[0].name.as_str()), ("told", None, "target"));
        assert_eq!(told.terms[0].whole(), Some(3));
        assert!(tree.terms.iter().all(|term| term.source.as_deref() != Some("b tea")), "only what was asked for");
    })
    .await;
}

#[tokio::test]
async fn a_bundle_is_explained_by_its_scarcest_component() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 9).await;
        base.list(&CHANNELS, "cup").await;
        base.receive("cup", SHOP, 2).await;
        base.list(&CHANNELS, "set").await;
        base.pack("set", &[("tea", 2), ("cup", 1)]).await;
        base.recompute(&CHANNELS).await;
        let tree = explain(base, Question { sku: "set", ..Question::default() }).await;
        let sellable = tree.find("sellable").unwrap();
        let mut parts = told(sellable);
        parts.sort();
        assert_eq!(parts, text(&[("component", 2, "cup"), ("component", 4, "tea")]));
        assert_eq!((sellable.whole(), base.target("a", "set").await), (Some(2), Some(2)));
    })
    .await;
}

#[tokio::test]
async fn a_live_hold_is_named_and_an_ended_one_is_part_of_the_past() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 5).await;
        base.execute("UPDATE channel SET mall = 'storefront' WHERE id = 'a'").await.unwrap();
        let line = Wanted { sku: "tea".into(), quantity: 2 };
        let wish = Wish { channel: "a".into(), lines: vec![line], ttl_s: 600, holder: None };
        ask(base, Ask::Reserve(wish)).await;
        let tree = tea(base).await;
        let held = tree.find("held").unwrap();
        let source = held.terms[0].source.clone().unwrap();
        assert_eq!(held.whole(), Some(-2));
        assert!(source.starts_with("reservation cart-7 on a, until "), "{source}");
        let then = base.env.now();
        base.env.advance(seconds(5));
        ask(base, Ask::Release { reason: None }).await;
        assert_eq!(tea(base).await.find("held").unwrap().whole(), Some(0));
        let past = explain(base, Question { sku: "tea", channel: None, at: Some(then), kept_from: None }).await;
        assert_eq!((past.find("held").unwrap().whole(), past.find("sellable").unwrap().whole()), (Some(-2), Some(3)));
    })
    .await;
}

pub async fn ask(base: &TestBase, ask: Ask) {
    let request = Request { id: "cart-7".into(), ask };
    base.store.reserve(&[request], 0).await.unwrap().remove(0).unwrap();
}

#[tokio::test]
async fn no_figure_is_said_as_such_and_never_as_zero() {
    on_every_database(async |base| {
        base.open_channels(&CHANNELS).await;
        base.list(&CHANNELS, "tea").await;
        base.recompute(&CHANNELS).await;
        let tree = tea(base).await;
        for name in ["on_hand", "sellable", "target"] {
            assert_eq!(tree.find(name).unwrap().value, None, "{name}");
        }
        assert_eq!(tree.find("unshipped").unwrap().value, Some(Value::Whole(0)));
        let refused =
            base.store.explain(&Question { sku: "coffee", ..Question::default() }, &outlines(&CHANNELS)).await;
        assert_eq!(refused.unwrap_err().to_string(), "there is no SKU \"coffee\"");
        let future = Some(base.env.now() + jiff::SignedDuration::from_secs(1));
        let asked = Question { sku: "tea", channel: None, at: future, kept_from: None };
        let refused = base.store.explain(&asked, &outlines(&CHANNELS)).await.unwrap_err();
        assert!(refused.to_string().contains("lies in the future"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn a_long_history_is_cut_and_its_rest_is_one_number() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 5).await;
        for _ in 0..30 {
            base.env.advance(seconds(60));
            base.receive("tea", SHOP, 1).await;
        }
        let orders: Vec<_> = (0..25).map(|n| order(&n.to_string(), &[line("tea", 1)])).collect();
        base.read("a", &orders).await;
        let tree = tea(base).await;
        let shop = tree.find("location").unwrap();
        assert_eq!((shop.whole(), shop.terms.len()), (Some(35), 11));
        assert_eq!(told(shop).pop(), text(&[("earlier", 25, "21 earlier entries")]).pop());
        let channel = tree.find("channel").unwrap();
        assert_eq!(
            (channel.whole(), told(channel).pop()),
            (Some(-25), text(&[("earlier", -15, "15 earlier lines")]).pop())
        );
    })
    .await;
}

#[tokio::test]
async fn an_order_mapped_late_counts_from_the_mapping_on() {
    on_every_database(async |base| {
        base.trade(&CHANNELS, "tea", 9).await;
        let shipped = Line { shipped: 1, ..line("tin", 3) };
        base.read("a", &[order("1001", &[shipped])]).await;
        let before = base.env.now();
        base.env.advance(seconds(60));
        base.map("a", "tin", "tea", 2).await;
        base.recompute(&CHANNELS).await;
        let (now, past) = (
            tea(base).await,
            explain(base, Question { sku: "tea", channel: None, at: Some(before), kept_from: None }).await,
        );
        let figures =
            |tree: &Term| ["on_hand", "unshipped", "sellable"].map(|name| tree.find(name).unwrap().whole().unwrap());
        assert_eq!((figures(&now), figures(&past)), ([7, -4, 3], [9, 0, 9]));
    })
    .await;
}

#[tokio::test]
async fn what_lies_before_the_kept_past_says_so() {
    let base = TestBase::sqlite().await;
    base.trade(&CHANNELS, "tea", 5).await;
    let before = base.env.now();
    base.env.advance(seconds(60));
    let question = Question { sku: "tea", at: Some(before), kept_from: Some(base.env.now()), ..Question::default() };
    let horizon = explain(&base, question).await.find("horizon").cloned().unwrap();
    assert_eq!((horizon.value, horizon.at), (None, Some(base.env.now())));
}
