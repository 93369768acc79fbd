//! Small shelves: quota states, API tokens, attention and the configuration.

use uriba::{
    domain::allocation::Rules,
    store::{StoreError, attention::Call},
};
use uriba_sdk::{
    Env,
    wire::{QuotaKey, QuotaState, Rate},
};

use crate::support::{SHOP, on_every_database, seconds};

#[tokio::test]
async fn a_quotas_state_outlives_the_process() {
    on_every_database(async |base| {
        let now = base.env.now();
        let lease = base.lease("client-1").await;
        let key = QuotaKey::new("client-1", "stock.push");
        let first = QuotaState {
            rate: Rate { per_second: 0.0167, burst: 20, per_day: None },
            available: 3,
            at: now,
            not_before: Some(now + jiff::SignedDuration::from_secs(90)),
            day: 20_777,
            used_today: 49_999,
            caution: 1.0,
        };
        let other = QuotaState { available: 7, not_before: None, ..first.clone() };
        base.store.save_quota(&lease, &key, &first).await.unwrap();
        base.store.save_quota(&lease, &QuotaKey::new("a", "stock.push"), &other).await.unwrap();
        let found = base.another().await.quotas().await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[&key], first);
        assert_eq!(found[&QuotaKey::new("a", "stock.push")], other);
        base.env.advance(seconds(5));
        let later = QuotaState { available: 0, at: base.env.now(), not_before: None, ..first };
        base.store.save_quota(&lease, &key, &later).await.unwrap();
        assert_eq!(base.another().await.quotas().await.unwrap()[&key], later);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_kept_as_a_hash_and_found_by_its_secret() {
    on_every_database(async |base| {
        let secret = base.store.create_token("pos", &["reserve", "read"], "somebody").await.unwrap();
        assert!(secret.starts_with("urb_") && secret.len() > 60, "256 bits: {} characters", secret.len());
        let everything = format!("{:?}", base.everything().await);
        assert!(!everything.contains(&secret[4..]), "the secret stands nowhere in the database");
        let found = base.store.token_by_secret(&secret).await.unwrap().expect("it is live");
        assert_eq!((found.name.as_str(), found.scopes.as_str()), ("pos", "reserve read"));
        for wrong in ["", "urb_", &secret[..secret.len() - 1], &secret[4..], &found.hash] {
            assert!(base.store.token_by_secret(wrong).await.unwrap().is_none(), "{wrong:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_and_its_name_can_be_given_again() {
    on_every_database(async |base| {
        let old = base.store.create_token("pos", &["read"], "somebody").await.unwrap();
        let taken = base.store.create_token("pos", &["admin"], "somebody").await.expect_err("the name is taken");
        assert!(matches!(taken, StoreError::Refused(_)), "{taken}");
        base.store.revoke_token("pos", "somebody").await.unwrap();
        assert!(base.store.token_by_secret(&old).await.unwrap().is_none());
        let new = base.store.create_token("pos", &["read"], "somebody").await.unwrap();
        assert!(base.store.token_by_secret(&old).await.unwrap().is_none());
        assert!(base.store.token_by_secret(&new).await.unwrap().is_some());
        let missing = base.store.revoke_token("till", "somebody").await.expect_err("there is none");
        assert!(matches!(missing, StoreError::Missing { kind: "token", .. }), "{missing}");
        let log = base.store.log(None, 10).await.unwrap();
        let done: Vec<&str> = log.iter().rev().map(|row| row.what.as_str()).collect();
        assert_eq!(done, ["token.create", "token.revoke", "token.create"]);
    })
    .await;
}

fn call(message: &str) -> Call {
    Call { kind: "drift", subject: "a/tea".into(), message: message.into(), ..Call::default() }
}

#[tokio::test]
async fn what_needs_a_person_is_one_item_until_it_is_dealt_with() {
    on_every_database(async |base| {
        let raise = async |message: &str| {
            let tx = base.store.begin().await.unwrap();
            base.store.raise(&tx, call(message)).await.unwrap();
            tx.commit().await.unwrap();
        };
        raise("one less").await;
        base.env.advance(seconds(60));
        raise("two less").await;
        assert_eq!(base.attention("drift").await, ["two less"], "the same item, with the newest word on it");
        let item = base.attention_items("drift").await.remove(0);
        assert!(item.seen_at > item.since);
        let wrong =
            base.store.resolve_attention(item.id, Some("ignore"), "somebody").await.expect_err("no such action");
        assert!(matches!(wrong, StoreError::Invalid(_)), "{wrong}");
        base.store.resolve_attention(item.id, None, "somebody").await.unwrap();
        assert!(base.attention("drift").await.is_empty());
        raise("one less").await;
        assert_ne!(base.attention_items("drift").await[0].id, item.id, "it happened again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_item_that_was_raised_by_two_at_once_is_calmed_whole() {
    on_every_database(async |base| {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let store = base.store.clone();
            tasks.spawn(async move {
                let tx = store.begin().await.unwrap();
                store.raise(&tx, call("one less")).await.unwrap();
                tx.commit().await.unwrap();
            });
        }
        tasks.join_all().await;
        let tx = base.store.begin().await.unwrap();
        base.store.calm(&tx, "drift", "a/tea").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(base.attention("drift").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_changed_configuration_computes_everything_again() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        base.list(&["a"], "tea").await;
        base.receive("tea", SHOP, 10).await;
        let target = async |buffer| {
            let rules = Rules { buffer, ..Rules::default() };
            base.rule(&["a"], &rules).await;
            base.recompute(&["a"]).await;
            base.target("a", "tea").await
        };
        assert_eq!(target(0).await, Some(10));
        assert_eq!(target(2).await, Some(8));
        let before = base.everything().await;
        assert_eq!(target(2).await, Some(8));
        assert_eq!(base.everything().await, before, "the same configuration again changes nothing");
    })
    .await;
}
