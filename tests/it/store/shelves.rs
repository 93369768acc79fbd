//! Small shelves: quota states and API tokens.

use uriba::store::StoreError;
use uriba_sdk::{
    Env,
    wire::{QuotaKey, QuotaShelf, QuotaState, Rate},
};

use crate::support::{on_every_database, seconds};

#[tokio::test]
async fn a_quotas_state_outlives_the_process() {
    on_every_database(async |base| {
        let now = base.env.now();
        let key = QuotaKey::new("client-1", "stock.push");
        let first = QuotaState {
            rate: Rate { per_second: 0.0167, burst: 20, per_day: None },
            available: 3,
            at: now,
            not_before: Some(now + jiff::SignedDuration::from_secs(90)),
            day: 20_777,
            used_today: 49_999,
        };
        let other = QuotaState { available: 7, not_before: None, ..first.clone() };
        base.store.save(&key, &first).await;
        base.store.save(&QuotaKey::new("a", "stock.push"), &other).await;
        let found = base.another().await.quotas().await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[&key], first);
        assert_eq!(found[&QuotaKey::new("a", "stock.push")], other);
        base.env.advance(seconds(5));
        let later = QuotaState { available: 0, at: base.env.now(), not_before: None, ..first };
        base.store.save(&key, &later).await;
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
