//! Figures that nothing explains, on a fake mall: what they are taken for, and what is done about them.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uriba::{
    domain::drift::OnDrift,
    store::{
        entity::{attention, publication_event},
        sheets::{ListingFilter, ListingSheet, Outline, Outlines, Paging},
    },
};
use uriba_sdk::fake::{Fault, Times};

use crate::hub::Hub;

const MALL: &str = "sample";

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// A mall that shows the ten that there are.
async fn selling(policy: OnDrift) -> Hub {
    let hub = Hub::open_with(&[&uriba_sample::MALL], |plan| plan.on_drift = policy).await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub.run_until("it shows 10", minutes(10), |hub| hub.shows(0, 10)).await;
    hub.run_for(minutes(5)).await;
    hub
}

/// Somebody writes a figure that isn't ours.
fn edit(hub: &Hub, figure: i64) {
    assert!(hub.book(MALL).set(&hub.key(MALL, 0), figure));
}

async fn causes(hub: &Hub) -> Vec<String> {
    let drifts = publication_event::Entity::find().filter(publication_event::Column::What.eq("drift"));
    let rows = drifts.order_by_asc(publication_event::Column::Id).all(hub.store.reader()).await.unwrap();
    rows.into_iter().map(|row| row.cause.expect("each has one")).collect()
}

async fn open_items(hub: &Hub) -> Vec<attention::Model> {
    hub.store.attention(None, 100).await.unwrap()
}

async fn resolve(hub: &Hub, action: &str) {
    let item = open_items(hub).await.remove(0);
    hub.store.resolve_attention(item.id, Some(action), "test").await.unwrap();
}

async fn listing(hub: &Hub) -> ListingSheet {
    let outline = Outline::of(uriba_sample::MALL.card, Vec::new());
    let outlines = Outlines::from([(MALL.to_owned(), outline)]);
    let page = hub.store.listing_sheets(&ListingFilter::default(), &outlines, &Paging::new(None, None)).await.unwrap();
    page.items.into_iter().find(|sheet| sheet.showing.mall_key == hub.key(MALL, 0)).unwrap()
}

#[tokio::test]
async fn a_hand_edit_downward_is_held_back_as_sold_then_put_right() {
    let hub = selling(OnDrift::Correct).await;
    edit(&hub, 7);
    hub.run_for(minutes(14)).await;
    assert_eq!(hub.counter(MALL, 0), 7, "an order may still explain it");
    hub.run_until("it is put right", minutes(20), |hub| hub.shows(0, 10)).await;
    assert_eq!(causes(&hub).await, ["hand_edit"]);
    let items = open_items(&hub).await;
    assert_eq!(items[0].kind, "drift");
    assert_eq!(
        items[0].message,
        format!(
            "sample showed 7 for {} where 10 was expected: most likely somebody changed it there by hand; put right",
            hub.key(MALL, 0)
        )
    );
}

#[tokio::test]
async fn a_hand_edit_upward_is_lowered_at_once_whatever_the_policy() {
    for policy in [OnDrift::Correct, OnDrift::Hold] {
        let hub = selling(policy).await;
        edit(&hub, 14);
        hub.run_until("it is lowered", minutes(12), |hub| hub.shows(0, 10)).await;
        hub.run_for(minutes(20)).await;
        assert_eq!(causes(&hub).await, ["hand_edit"]);
        assert_eq!(listing(&hub).await.showing.state, "in_sync");
    }
}

#[tokio::test]
async fn a_mall_that_says_yes_and_changes_nothing_is_told_twice_and_then_left_alone() {
    let hub = selling(OnDrift::Correct).await;
    hub.book(MALL).fault("stock.push", Fault::Silent, Times::Probability(1.0));
    hub.stock("tea", 13).await;
    hub.run_for(minutes(60)).await;
    assert_eq!(causes(&hub).await, ["lost_push", "mall_defect"]);
    let items = open_items(&hub).await;
    assert_eq!((items.len(), items[0].kind.as_str()), (1, "mall_limit"));
    let sheet = listing(&hub).await;
    assert_eq!((sheet.showing.state.as_str(), sheet.showing.shown), ("held", Some(10)));
    hub.book(MALL).clear_faults();
    resolve(&hub, "retry").await;
    hub.run_until("it is written again", minutes(5), |hub| hub.shows(0, 13)).await;
}

#[tokio::test]
async fn a_zero_that_comes_to_nothing_is_written_again_and_reported() {
    let hub = selling(OnDrift::Correct).await;
    hub.book(MALL).fault("stock.push", Fault::Silent, Times::Probability(1.0));
    hub.stock("tea", 0).await;
    hub.run_for(minutes(60)).await;
    assert_eq!(causes(&hub).await[..2], ["lost_push", "mall_defect"]);
    assert!(open_items(&hub).await.iter().any(|item| item.kind == "mall_limit" && item.message.contains("keeps 10")));
    hub.book(MALL).clear_faults();
    hub.run_until("zeros go on all the time", minutes(15), |hub| hub.shows(0, 0)).await;
}

#[tokio::test]
async fn a_figure_that_the_mall_caps_can_be_accepted_as_the_most_to_show() {
    let hub = selling(OnDrift::Correct).await;
    hub.book(MALL).with_item(&hub.key(MALL, 0), |item| item.keeps_at_most = Some(12));
    hub.stock("tea", 40).await;
    hub.run_for(minutes(60)).await;
    assert_eq!(causes(&hub).await, ["mall_defect", "mall_defect"]);
    assert_eq!(open_items(&hub).await[0].kind, "mall_limit");
    hub.stock("tea", 11).await;
    hub.run_until("less than the mall keeps is told", minutes(5), |hub| hub.shows(0, 11)).await;
    hub.run_for(minutes(1)).await;
    hub.stock("tea", 40).await;
    hub.run_for(minutes(5)).await;
    assert_eq!(hub.counter(MALL, 0), 11, "nothing is raised before somebody has looked");
    resolve(&hub, "accept").await;
    hub.run_for(minutes(60)).await;
    let sheet = listing(&hub).await;
    assert_eq!((sheet.showing.state.as_str(), sheet.showing.target, hub.counter(MALL, 0)), ("in_sync", Some(12), 12));
    assert!(open_items(&hub).await.is_empty(), "and nobody fights over it any more");
}

#[tokio::test]
async fn another_writer_is_recognised_once_it_comes_back_and_is_not_fought() {
    let hub = selling(OnDrift::Correct).await;
    edit(&hub, 4);
    hub.run_until("it is put right", minutes(40), |hub| hub.shows(0, 10)).await;
    hub.run_for(minutes(5)).await;
    edit(&hub, 4);
    hub.run_for(minutes(60)).await;
    assert_eq!(causes(&hub).await, ["hand_edit", "other_writer"]);
    assert_eq!(hub.counter(MALL, 0), 4);
    let items = open_items(&hub).await;
    assert_eq!((items.len(), items[0].kind.as_str()), (1, "other_writer"));
}

#[tokio::test]
async fn under_hold_the_malls_lower_figure_stands_until_a_person_decides() {
    let hub = selling(OnDrift::Hold).await;
    edit(&hub, 7);
    hub.run_for(minutes(40)).await;
    assert_eq!((hub.counter(MALL, 0), causes(&hub).await), (7, vec!["hand_edit".to_owned()]));
    let sheet = listing(&hub).await;
    assert_eq!((sheet.showing.state.as_str(), sheet.showing.target), ("held", Some(10)));
    hub.stock("tea", 5).await;
    hub.run_until("less goes all the time", minutes(5), |hub| hub.shows(0, 5)).await;
    hub.run_for(minutes(1)).await;
    hub.stock("tea", 9).await;
    hub.run_for(minutes(10)).await;
    assert_eq!(hub.counter(MALL, 0), 5, "and more doesn't");
    resolve(&hub, "retry").await;
    hub.run_until("ours is written", minutes(5), |hub| hub.shows(0, 9)).await;
}

#[tokio::test]
async fn a_sale_that_is_read_before_its_order_is_no_drift() {
    let hub = selling(OnDrift::Correct).await;
    let order = hub.buy(MALL, 0, 2);
    hub.book(MALL).hide_until(&order, crate::hub::seconds_later(hub.store.now(), 50));
    let audit = hub.store.ask_audit(None, 10, "test").await.unwrap();
    hub.run_for(minutes(40)).await;
    let sheet = hub.store.audit_sheet(audit).await.unwrap();
    assert_eq!((sheet.state.as_str(), sheet.differences[0].cause.as_str()), ("done", "unseen_order"));
    assert_eq!((sheet.differences[0].shows, sheet.differences[0].believed), (Some(8), Some(10)));
    assert!(causes(&hub).await.is_empty() && open_items(&hub).await.is_empty());
    assert_eq!(hub.counter(MALL, 0), 8);
}
