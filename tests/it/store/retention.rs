//! What is forgotten when its time has come, and what never is.

use uriba::store::{
    ROWS_PER_STATEMENT,
    answers::Asked,
    movements::{Move, MoveKind},
};

use crate::support::{SHOP, TestBase, on_every_database, seconds};

const HOUR: u64 = 3_600;

#[tokio::test]
async fn an_answer_is_given_again_for_a_day() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        answered(base, "api/early").await;
        base.env.advance(seconds(20 * HOUR));
        answered(base, "api/late").await;
        base.env.advance(seconds(5 * HOUR));
        assert_eq!(base.store.sweep().await.unwrap(), 1);
        assert_eq!(base.store.ask("api/early", "digest").await.unwrap(), Asked::First);
        let kept = Asked::Answered { status: 202, body: "{}".into() };
        assert_eq!(base.store.ask("api/late", "digest").await.unwrap(), kept);
    })
    .await;
}

#[tokio::test]
async fn a_movements_key_is_never_forgotten() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        assert!(base.store.move_stock(&receipt(3), "test").await.unwrap());
        base.env.advance(seconds(30 * 24 * HOUR));
        base.store.sweep().await.unwrap();
        assert!(!base.store.move_stock(&receipt(3), "test").await.unwrap());
        assert!(base.store.move_stock(&receipt(4), "test").await.is_err(), "the key is taken");
        assert_eq!(base.in_shop("tea").await, 13);
    })
    .await;
}

#[tokio::test]
async fn a_sweep_takes_small_pieces_and_then_rests() {
    on_every_database(async |base| {
        for n in 0..ROWS_PER_STATEMENT + 10 {
            let sql = format!(
                "INSERT INTO answer (idempotency_key, digest, status, body, at) VALUES ('api/{n}', '', 200, '', 1)"
            );
            base.execute(&sql).await.unwrap();
        }
        assert_eq!(base.store.sweep().await.unwrap(), ROWS_PER_STATEMENT);
        assert_eq!(base.store.sweep().await.unwrap(), 10);
        base.execute("INSERT INTO answer (idempotency_key, digest, status, body, at) VALUES ('api/x', '', 200, '', 1)")
            .await
            .unwrap();
        assert_eq!(base.another().await.sweep().await.unwrap(), 0, "another instance knows that it was done");
        base.env.advance(seconds(HOUR));
        assert_eq!(base.store.sweep().await.unwrap(), 1);
    })
    .await;
}

async fn answered(base: &TestBase, key: &str) {
    assert_eq!(base.store.ask(key, "digest").await.unwrap(), Asked::First);
    base.store.answer(key, 202, "{}".into()).await.unwrap();
}

fn receipt(quantity: i64) -> Move {
    Move {
        key: "truck-7".into(),
        kind: MoveKind::Receipt,
        sku: "tea".into(),
        location: SHOP.into(),
        bin: None,
        to: None,
        to_bin: None,
        quantity,
        occurred_at: None,
        reason: None,
    }
}
