//! Since when each credential is known, and how often people hear that it ends.

use jiff::Timestamp;
use uriba::store::sheets::CredentialSheet;
use uriba_sdk::{
    Env, Settings,
    card::{self, CredentialCard},
};

use crate::support::{TestBase, on_every_database, outlines, seconds};

const CARDS: &[CredentialCard] = &[
    CredentialCard { key: "app", required: true, life: None, what: "the application" },
    CredentialCard { key: "license", required: true, life: Some(card::days(90)), what: "the shop's license" },
];

async fn note(base: &TestBase, license: &str) {
    let secret = |(key, value): (&str, &str)| (key.to_owned(), value.into());
    let credentials = [("app", "an application"), ("license", license)].map(secret).into();
    let settings =
        Settings { channel: "a".into(), base_url: None, auth_url: None, credentials, options: Default::default() };
    let lease = base.lease("a").await;
    base.store.note_credentials(&lease, CARDS, &settings).await.unwrap();
}

fn pass_days(base: &TestBase, days: u64) {
    base.env.advance(seconds(days * 86_400));
}

async fn license(base: &TestBase) -> CredentialSheet {
    let sheet = base.store.channel_sheet("a", &outlines(&["a"])).await.unwrap();
    let names: Vec<&str> = sheet.credentials.iter().map(|credential| credential.name.as_str()).collect();
    assert_eq!(names, ["app", "license"]);
    assert_eq!(sheet.credentials[0].expires_at, None, "the mall says nothing of it");
    sheet.credentials[1].clone()
}

async fn end_of(base: &TestBase) -> Timestamp {
    license(base).await.expires_at.unwrap()
}

#[tokio::test]
async fn one_item_is_renewed_as_the_end_draws_near_and_a_new_value_ends_it() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        note(base, "first").await;
        let began = base.env.now();
        let first = license(base).await;
        assert_eq!((first.since, first.expires_at), (began, Some(began + card::days(90))));
        pass_days(base, 68);
        note(base, "first").await;
        assert_eq!(base.attention("credentials").await, Vec::<String>::new());
        let mut said = Vec::new();
        for (days, words) in
            [(1, "in 21 days"), (14, "in 7 days"), (4, "in 3 days"), (2, "in 1 day"), (1, "is past the")]
        {
            pass_days(base, days);
            note(base, "first").await;
            let items = base.attention_items("credentials").await;
            assert_eq!(items.len(), 1, "{items:?}");
            assert!(items[0].message.contains(words), "{words}: {}", items[0].message);
            said.push(items[0].id);
        }
        said.dedup();
        assert_eq!(said.len(), 1, "it is one item all the time");
        note(base, "second").await;
        assert_eq!(base.attention("credentials").await, Vec::<String>::new());
        assert_eq!(license(base).await.since, base.env.now());
        assert_eq!(end_of(base).await, base.env.now() + card::days(90));
    })
    .await;
}

#[tokio::test]
async fn what_a_person_has_seen_comes_back_with_the_next_notice_only() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        note(base, "first").await;
        pass_days(base, 70);
        note(base, "first").await;
        let id = base.attention_items("credentials").await[0].id;
        base.store.resolve_attention(id, None, "maria").await.unwrap();
        pass_days(base, 1);
        note(base, "first").await;
        assert_eq!(base.attention("credentials").await, Vec::<String>::new());
        pass_days(base, 12);
        note(base, "first").await;
        assert!(base.attention("credentials").await[0].contains("in 7 days"));
    })
    .await;
}

#[tokio::test]
async fn a_value_that_comes_back_is_as_old_as_it_was_and_none_is_kept() {
    on_every_database(async |base| {
        base.open_channels(&["a"]).await;
        let began = base.env.now();
        note(base, "first-value").await;
        pass_days(base, 80);
        note(base, "second-value").await;
        note(base, "first-value").await;
        assert_eq!(license(base).await.since, began);
        assert_eq!(base.attention("credentials").await.len(), 1, "and ends as soon as it did");
        let rows = base.rows("SELECT * FROM credential").await;
        assert_eq!(rows.len(), 3);
        assert!(!format!("{rows:?}").contains("-value"), "{rows:?}");
    })
    .await;
}
