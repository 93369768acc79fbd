//! Access tokens: one refresh at a time, and none that isn't needed.

mod card;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use uriba_sdk::{
    Applied, Class, Env, Result, Settings, Wire,
    fake::ManualEnv,
    wire::{Gates, Token, Vault},
};

/// A mall's token endpoint that numbers what it gives out.
#[derive(Clone, Default)]
struct Endpoint {
    given: Arc<AtomicU32>,
    under_way: Arc<AtomicU32>,
}

impl Endpoint {
    fn given(&self) -> u32 {
        self.given.load(Ordering::SeqCst)
    }

    async fn refresh(&self, lives: u64) -> Result<Token> {
        assert_eq!(self.under_way.fetch_add(1, Ordering::SeqCst), 0, "two refreshes at once");
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Token { secret: SecretString::from(format!("token-{number}")), lives: Duration::from_secs(lives) })
    }
}

fn wire(env: &Arc<ManualEnv>, vault: &Arc<Vault>, channel: &str) -> Wire {
    let settings = Settings { channel: channel.into(), ..Settings::default() };
    Wire::new(env.clone(), Arc::new(Gates::fresh()), vault.clone(), &card::CARD, &settings)
}

fn opened() -> (Arc<ManualEnv>, Arc<Vault>, Wire, Endpoint) {
    let (env, vault) = (Arc::new(ManualEnv::new(1)), Arc::<Vault>::default());
    let wire = wire(&env, &vault, "one");
    (env, vault, wire, Endpoint::default())
}

async fn token(wire: &Wire, endpoint: &Endpoint, lives: u64) -> String {
    let secret = wire.token("access", endpoint.refresh(lives)).await.expect("the endpoint never fails");
    secret.expose_secret().to_owned()
}

#[tokio::test]
async fn a_token_serves_until_shortly_before_its_end() {
    let (env, _, wire, endpoint) = opened();
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-1");
    env.advance(Duration::from_secs(3_600 - 121));
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-1");
    env.advance(Duration::from_secs(2));
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-2", "a request on its way must not outlive its token");
    assert_eq!(endpoint.given(), 2);
}

#[tokio::test]
async fn a_token_that_lives_shorter_than_the_margin_still_serves() {
    let (env, _, wire, endpoint) = opened();
    assert_eq!(token(&wire, &endpoint, 60).await, "token-1");
    env.advance(Duration::from_secs(20));
    assert_eq!(token(&wire, &endpoint, 60).await, "token-1");
    env.advance(Duration::from_secs(39));
    assert_eq!(token(&wire, &endpoint, 60).await, "token-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_one_refresh() {
    let (_, _, wire, endpoint) = opened();
    let callers = (0..50).map(|_| {
        let (wire, endpoint) = (wire.clone(), endpoint.clone());
        tokio::spawn(async move { token(&wire, &endpoint, 3_600).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap(), "token-1");
    }
    assert_eq!(endpoint.given(), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_by_whoever_comes_next() {
    let (_, _, wire, endpoint) = opened();
    token(&wire, &endpoint, 3_600).await;
    wire.forget_token("access").await;
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-2");
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-2");
    // Nothing to forget is no harm.
    wire.forget_token("never asked for").await;
}

#[tokio::test]
async fn a_failed_refresh_is_told_and_tried_again() {
    let (env, _, wire, endpoint) = opened();
    let broken = wire.error("auth.token", Class::Transient { applied: Applied::No }, "down");
    let failed = wire.token("access", async { Err(broken.clone()) }).await;
    assert_eq!(failed.map(|_| ()), Err(broken.clone()));
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-1");
    // A failure after the end doesn't bring the old token back.
    env.advance(Duration::from_secs(3_600));
    assert!(wire.token("access", async { Err(broken) }).await.is_err());
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-2");
}

#[tokio::test]
async fn a_refresh_that_is_given_up_stands_in_nobodys_way() {
    let (_, _, wire, endpoint) = opened();
    {
        let pending = wire.token("access", std::future::pending());
        let given_up = tokio::time::timeout(Duration::from_millis(5), pending).await;
        assert!(given_up.is_err());
    }
    assert_eq!(token(&wire, &endpoint, 3_600).await, "token-1");
}

#[tokio::test]
async fn channels_and_names_have_tokens_of_their_own() {
    let (env, vault, one, endpoint) = opened();
    let two = wire(&env, &vault, "two");
    assert_eq!(token(&one, &endpoint, 3_600).await, "token-1");
    assert_eq!(token(&two, &endpoint, 3_600).await, "token-2");
    let other = one.token("other", endpoint.refresh(3_600)).await.unwrap();
    assert_eq!(other.expose_secret(), "token-3");
    one.forget_token("access").await;
    assert_eq!(token(&two, &endpoint, 3_600).await, "token-2", "another channel's token was forgotten");
    // The same channel opened again (a changed configuration) finds its token.
    assert_eq!(token(&wire(&env, &vault, "two"), &endpoint, 3_600).await, "token-2");
    assert!(env.elapsed().is_zero());
}

#[tokio::test]
async fn a_channel_with_new_credentials_forgets_all_its_tokens_and_nobody_elses() {
    let (env, vault, one, endpoint) = opened();
    let two = wire(&env, &vault, "two");
    for wire in [&one, &two] {
        token(wire, &endpoint, 3_600).await;
    }
    vault.forget_all_of("one");
    assert_eq!(token(&two, &endpoint, 3_600).await, "token-2");
    assert_eq!(token(&one, &endpoint, 3_600).await, "token-3");
}
