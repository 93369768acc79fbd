//! Credentials that malls gave: sealed at rest, bound to their place, and never used before they are kept.

use secrecy::{ExposeSecret, SecretString};
use uriba::store::safe::{Grants, SealingKey};
use uriba_sdk::{Settings, wire::Safe};

use crate::support::on_every_database;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn key(text: &str) -> Option<SealingKey> {
    Some(SealingKey::parse(&text.into()).unwrap())
}

fn exposed(secret: Option<SecretString>) -> Option<String> {
    secret.map(|secret| secret.expose_secret().to_owned())
}

#[tokio::test]
async fn what_is_kept_is_found_again_and_stands_nowhere_in_words() {
    on_every_database(async |base| {
        let safe = base.store.safe(key(KEY));
        assert_eq!(exposed(safe.get("a", "refresh@1").await.unwrap()), None);
        for token in ["the first token", "the second token"] {
            safe.put("a", "refresh@1", &token.into()).await.unwrap();
            // Another process, after a crash.
            let after = base.store.safe(key(KEY));
            assert_eq!(exposed(after.get("a", "refresh@1").await.unwrap()).as_deref(), Some(token));
        }
        let rows = base.rows("SELECT channel, name, key_id, sealed FROM kept_secret").await;
        assert_eq!(rows.len(), 1, "the newer one stands in its place");
        assert!(!format!("{rows:?}").contains("token"), "{rows:?}");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_is_moved_or_changed_or_of_another_key_opens_nowhere() {
    on_every_database(async |base| {
        let safe = base.store.safe(key(KEY));
        safe.put("a", "refresh@1", &"a token".into()).await.unwrap();
        let why = base.store.safe(key(OTHER)).get("a", "refresh@1").await.unwrap_err();
        assert!(why.contains("was kept with another key"), "{why}");
        let why = base.store.safe(None).get("a", "refresh@1").await.unwrap_err();
        assert!(why.contains("[secrets] key"), "{why}");
        base.execute("UPDATE kept_secret SET channel = 'b'").await.unwrap();
        let why = safe.get("b", "refresh@1").await.unwrap_err();
        assert!(why.contains("is damaged") && !why.contains("a token"), "{why}");
    })
    .await;
}

#[tokio::test]
async fn without_a_key_nothing_is_kept() {
    on_every_database(async |base| {
        let why = base.store.safe(None).put("a", "refresh@1", &"a token".into()).await.unwrap_err();
        assert!(why.contains("[secrets] key"), "{why}");
        assert_eq!(base.rows("SELECT name FROM kept_secret").await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_an_owner_granted_stands_in_where_the_configuration_has_nothing() {
    on_every_database(async |base| {
        let safe = base.store.safe(key(KEY));
        safe.grant("a", "refresh_token", &"granted".into()).await.unwrap();
        let grants = Grants::new(safe);
        let filled = |channel: &str, configured: &[(&str, &str)]| {
            let credentials = configured.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
            let mut settings = Settings { channel: channel.into(), credentials, ..Settings::default() };
            grants.fill(&mut settings);
            exposed(settings.credentials.get("refresh_token").cloned())
        };
        assert_eq!(filled("a", &[]), None, "nobody has looked yet");
        grants.look().await.unwrap();
        assert_eq!(filled("a", &[]).as_deref(), Some("granted"));
        assert_eq!(filled("a", &[("refresh_token", "configured")]).as_deref(), Some("configured"));
        assert_eq!(filled("b", &[]), None, "it is another shop's");
    })
    .await;
}

#[test]
fn a_key_is_32_bytes_in_base64_and_shows_nowhere() {
    for wrong in ["", "AAAA", "not base64 at all, and much too long to be a key of any kind"] {
        assert!(SealingKey::parse(&wrong.into()).unwrap_err().contains("32 bytes in base64"), "{wrong}");
    }
    let shown = format!("{:?}", key(KEY));
    assert!(shown.starts_with("Some(SealingKey(") && !shown.contains("AAEC"), "{shown}");
}
