//! Notifications from malls: believed as far as a look at the orders goes.

use uriba::api::hooks::Hooks;
use uriba_sdk::{Env, Hint};

use super::Api;
use crate::support::{TestBase, seconds};

/// Notifications of the channel `a`, which are signed by a word.
fn signed() -> Hooks {
    Hooks::new(|channel, notice| {
        (channel == "a").then(|| match notice.headers.get("x-signed").map(|word| word.as_bytes()) {
            Some(b"well") => Ok(Hint::Orders(vec![String::from_utf8_lossy(notice.body).into_owned()])),
            _ => Err("the signature is another one".into()),
        })
    })
}

#[tokio::test]
async fn a_notification_brings_the_next_look_and_nothing_else() {
    let base = TestBase::sqlite().await;
    base.trade(&["a"], "tea", 5).await;
    let later = (base.env.now() + seconds(600)).as_microsecond();
    base.execute(&format!("UPDATE channel SET baseline = 'done', next_poll_at = {later}")).await.unwrap();
    let api = Api::with_hooks(&base, signed()).await;
    let heads = async || base.rows("SELECT order_id FROM poll_head").await.len();

    api.send("POST", "/v1/hooks/nobody", &[], "order-1").await.problem(404, "not-found");
    let refused = api.send("POST", "/v1/hooks/a", &[("x-signed", "badly")], "order-1").await;
    let problem = refused.problem(401, "not-believed");
    assert!(!problem.to_string().contains("another one"), "who is not believed learns nothing: {problem}");
    assert_eq!((base.store.channel("a").await.unwrap().next_poll_at, heads().await), (Some(later), 0));

    for _ in 0..3 {
        assert_eq!(api.send("POST", "/v1/hooks/a", &[("x-signed", "well")], "order-1").await.status, 204);
    }
    assert_eq!(base.store.channel("a").await.unwrap().next_poll_at, Some(base.env.now().as_microsecond()));
    assert_eq!(heads().await, 1, "it is asked for by its name, once");
    assert_eq!(base.rows("SELECT id FROM mall_order").await.len(), 0, "and is no order before the mall says so");
    let much = "a".repeat(2 << 20);
    api.send("POST", "/v1/hooks/a", &[("x-signed", "well")], much).await.problem(413, "too-large");
}
