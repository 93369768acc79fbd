//! The demo's word is worth something only if it can say no: after a day that agrees, one thing is tampered
//! with, and it must be named.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use super::{
    super::{DemoOutcome, compare::Comparison, goods::GOODS, readings::Belief},
    evening::Evening,
};
use crate::{
    domain::suspend::Mode,
    store::{
        attention::Call,
        entity::{stock_balance, unshipped},
        intake::Page,
        switch::Suspension,
    },
};

/// Sencha, sold by the piece everywhere.
const SENCHA: usize = 0;

/// Must be among the sentences with which the demo ends.
#[track_caller]
fn assert_named(found: &Comparison, words: &str) {
    assert!(!found.is_clean(), "taken for clean: {words}");
    let DemoOutcome::Broken(sentences) = DemoOutcome::of(Some(found)) else { panic!("not broken: {words}") };
    assert!(sentences.iter().any(|sentence| sentence.contains(words)), "{words}\n{sentences:#?}");
}

fn says_of(belief: &mut Belief, state: &str, reason: &str) {
    let listing = &mut belief.listings[0][SENCHA];
    (listing.state, listing.reason) = (state.into(), Some(reason.into()));
}

#[tokio::test]
async fn a_hub_that_did_its_work_agrees_with_everybody() {
    let found = Evening::settled().await.found().await;
    assert_eq!(DemoOutcome::of(Some(&found)), DemoOutcome::Agreed);
    assert!(found.orders > 30 && found.lines > found.orders && found.listings == 36, "{} orders", found.orders);
    assert_eq!(found.excused, Vec::<String>::new());
    assert_eq!(DemoOutcome::of(None), DemoOutcome::Interrupted);
}

#[tokio::test]
async fn a_hub_that_slept_is_found_out() {
    let evening = Evening::slept_through().await;
    let found = evening.found().await;
    let order = &evening.shops[0].book().orders()[2].order.id;
    assert_named(&found, &format!("楽天市場: the hub doesn't know order {order}"));
    assert_named(&found, "units unshipped, the hub");
    assert_named(&found, "lie in the warehouse, the hub says");
    assert_named(&found, "not settled: 楽天市場: orders are read to 2026-11-20T");
}

#[tokio::test]
async fn whatever_went_on_behind_the_hubs_back_is_named() {
    let mut evening = Evening::settled().await;
    let [rakuten, yahoo, amazon] = &evening.shops[..] else { panic!("three malls") };
    let shown = yahoo.counter(SENCHA);
    yahoo.book().with_item(&yahoo.listings[SENCHA].key, |item| item.counter += 1);
    let open = amazon.book().orders().into_iter().find(|found| !found.order.is_closed()).unwrap().order.id;
    amazon.book().cancel(&open);
    let placed = rakuten.book().place(&[(&rakuten.listings[SENCHA].key, 1)]).unwrap();
    let quota = &rakuten.entry.card.quotas[0];
    while rakuten.meters.count("a", quota, evening.env.as_ref()) {}
    let before = evening.shoppers.warehouse.on_hand(SENCHA);
    assert!(evening.shoppers.warehouse.ship(&[(SENCHA, 1)]));
    let found = evening.found().await;
    let edited = format!("target {shown}, shown {shown}, the mall's own counter {} (in_sync)", shown + 1);
    for words in [
        format!("Yahoo!ショッピング 深蒸し煎茶 100g: {edited}"),
        format!("Amazon.co.jp: order {open}: the mall has"),
        format!("楽天市場: the hub doesn't know order {placed}"),
        format!("楽天市場: {} of a: one request too early by", quota.name),
        format!("深蒸し煎茶 100g: {} lie in the warehouse, the hub says {before}", before - 1),
    ] {
        assert_named(&found, &words);
    }
}

#[tokio::test]
async fn an_order_counted_twice_is_named() {
    let evening = Evening::settled().await;
    let engine = &evening.hub.engine;
    let (shop, here) = (&evening.shops[2], engine.channel("amazon-main").unwrap());
    let mut twin = shop.book().orders().into_iter().find(|found| !found.order.is_closed()).unwrap().order;
    twin.id.push('X');
    let page = Page { orders: &[twin], read_at: engine.env.now(), ..Page::default() };
    evening.hub.store.take_in(&here.lease().unwrap(), &here.intake, page).await.unwrap();
    let found = evening.found().await;
    assert_named(&found, "X, the mall doesn't");
    assert_named(&found, "units unshipped, the hub");
}

#[tokio::test]
async fn units_counted_twice_are_named_though_every_order_is_right() {
    let evening = Evening::settled().await;
    let store = &evening.hub.store;
    let shelves = evening.belief().await.shelves;
    let good = shelves.iter().position(|shelf| shelf.unshipped > 0).unwrap();
    let (name, truly) = (GOODS[good].name, shelves[good].unshipped);
    let sku = store.sku(store.reader(), GOODS[good].code).await.unwrap().id;
    let of_good = unshipped::Entity::find().filter(unshipped::Column::SkuId.eq(sku));
    let row = of_good.one(store.reader()).await.unwrap().unwrap();
    let tx = store.begin().await.unwrap();
    let doubled = unshipped::ActiveModel { quantity: Set(row.quantity + 2), ..row.into_active_model() };
    doubled.update(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let words = format!("{name}: the malls have {truly} units unshipped, the hub {} ({truly} by its lines)", truly + 2);
    assert_named(&evening.found().await, &words);
}

#[tokio::test]
async fn what_only_the_database_can_know_is_named() {
    let evening = Evening::settled().await;
    let store = &evening.hub.store;
    let row = stock_balance::Entity::find().one(store.reader()).await.unwrap().unwrap();
    let tx = store.begin().await.unwrap();
    // Nothing is sold from there, so no mall and no shelf shows it.
    let ghost = stock_balance::ActiveModel { bin: Set("display".into()), quantity: Set(5), ..row.into_active_model() };
    stock_balance::Entity::insert(ghost).exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_named(&evening.found().await, "verify, ");
}

#[tokio::test]
async fn a_listing_must_have_come_to_rest_at_the_figure_that_the_shelf_makes() {
    let evening = Evening::settled().await;
    for (state, reason) in [("pending", ""), ("unknown", "to be read back first"), ("set_aside", "the mall refused it")]
    {
        let mut belief = evening.belief().await;
        says_of(&mut belief, state, reason);
        let words = format!("not settled: 楽天市場 深蒸し煎茶 100g: {state}: {reason}");
        assert_named(&evening.found_by(&belief).await, &words);
    }
    let mut belief = evening.belief().await;
    let right = belief.listings[0][SENCHA].target.unwrap();
    belief.listings[0][SENCHA].target = None;
    let words = format!("楽天市場 深蒸し煎茶 100g: target –, by the shelf {right}");
    assert_named(&evening.found_by(&belief).await, &words);
}

#[tokio::test]
async fn a_channel_that_nobody_suspended_has_no_excuse() {
    let mut evening = Evening::settled().await;
    evening.chaos = true;
    let reason = Some("by mistake".into());
    let frozen = Suspension { mode: Mode::Freeze, reason, from: None, until: None, poll: true };
    evening.hub.store.suspend(&["rakuten-main".into()], &frozen, "test").await.unwrap();
    let shop = &evening.shops[0];
    shop.book().with_item(&shop.listings[SENCHA].key, |item| item.counter = 1);
    assert_named(&evening.found().await, "the mall's own counter 1 (frozen: by mistake)");
}

#[tokio::test]
async fn a_listing_is_given_up_only_aloud_and_only_to_malls_that_misbehave() {
    let mut evening = Evening::settled().await;
    let (channel, key) = (evening.shops[0].channel.clone(), evening.shops[0].listings[SENCHA].key.clone());
    evening.shops[0].book().with_item(&key, |item| item.counter = 1);
    let held = async |evening: &Evening| {
        let mut belief = evening.belief().await;
        says_of(&mut belief, "held", "the mall keeps 1 whatever is written");
        evening.found_by(&belief).await
    };
    let words = "the mall's own counter 1 (held: the mall keeps 1 whatever is written)";
    evening.chaos = true;
    assert_named(&held(&evening).await, words);
    let store = &evening.hub.store;
    for (kind, mall_key) in [("mall_limit", "another"), ("drift", key.as_str()), ("mall_limit", key.as_str())] {
        assert_named(&held(&evening).await, words);
        let (subject, mall_key) = (format!("{channel}/{mall_key}"), Some(mall_key.to_owned()));
        let call = Call { kind, subject, channel: Some(channel.clone()), mall_key, ..Call::default() };
        let tx = store.begin().await.unwrap();
        store.raise(&tx, call).await.unwrap();
        tx.commit().await.unwrap();
    }
    let found = held(&evening).await;
    assert_eq!(DemoOutcome::of(Some(&found)), DemoOutcome::Agreed);
    assert_eq!(found.excused, ["楽天市場 深蒸し煎茶 100g: held: the mall keeps 1 whatever is written"]);
    evening.chaos = false;
    assert_named(&held(&evening).await, words);
}
