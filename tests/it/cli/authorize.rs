//! `uriba channel authorize`, from the page that it names to a channel that is let in.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdout, Stdio},
};

use uriba::store::sheets::OrderSheet;
use uriba_sdk::env::Url;

use super::{Place, Ran, Street, until};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const MALLS: [&str; 2] = ["yahoo", "ebay"];

/// A shop whose owner hasn't consented yet, and a hub with a key to keep what the consent gives.
async fn before_consent(mall: &str) -> Street {
    let street = Street::open(&[mall]).await;
    let place = &street.place;
    let told = std::fs::read_to_string(place.path().join("uriba.toml")).unwrap();
    let token = format!("refresh_token = {{ file = \"{mall}-refresh_token\" }}");
    assert!(told.contains(&token), "{told}");
    let told = told.replace(&format!("{token}, "), "").replace(&format!(", {token}"), "");
    place.write("uriba.toml", &format!("[secrets]\nkey = {{ file = \"secret.key\" }}\n\n{told}"));
    place.write("secret.key", KEY);
    std::fs::remove_file(place.path().join(format!("{mall}-refresh_token"))).unwrap();
    street
}

/// The command, waiting for what its user pastes.
struct Attempt {
    child: Child,
    out: BufReader<ChildStdout>,
    page: String,
    redirect: String,
}

impl Attempt {
    fn begin(street: &Street, mall: &str) -> Self {
        // One mall takes a web address here, another the name that it has given to one.
        let redirect = street.shop(mall).redirect();
        let mut command = street.place.command(&format!("--json channel authorize {mall} --redirect {redirect}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut page = String::new();
        out.read_line(&mut page).unwrap();
        if page.is_empty() {
            let mut err = String::new();
            child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            panic!("{mall}: no page: {err}");
        }
        Self { child, out, page: page.trim().to_owned(), redirect }
    }

    fn state(&self) -> String {
        let page = Url::parse(&self.page).unwrap();
        page.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
    }

    /// The owner agrees on the page, which sends the browser on with what is in the address then.
    fn agreed(&self, street: &Street, mall: &str, state: &str) -> String {
        let code = street.shop(mall).consent_code(&self.redirect).unwrap();
        came_back(&[("code", &code), ("state", state)])
    }

    fn paste(mut self, pasted: &str) -> Ran {
        let mut into = self.child.stdin.take().unwrap();
        writeln!(into, "{pasted}").unwrap();
        drop(into);
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Ran { code: self.child.wait().unwrap().code().unwrap(), out, err }
    }
}

fn came_back(pairs: &[(&str, &str)]) -> String {
    Url::parse_with_params("https://localhost/", pairs).unwrap().to_string()
}

/// Whether these words stand anywhere in the database.
fn database_has(place: &Place, words: &str) -> bool {
    let files = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap());
    let mut files = files.filter(|entry| entry.file_name().to_string_lossy().starts_with("uriba.db")).peekable();
    assert!(files.peek().is_some(), "there is a database");
    files.any(|file| {
        let bytes = std::fs::read(file.path()).unwrap();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

fn is_let_in(place: &Place) -> bool {
    place.run("check --online").out.contains("works: orders can be read")
}

/// A token of either fake has this in it.
const TOKEN: &str = "refresh-";

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_agrees_lets_the_channel_in_and_the_credential_lies_sealed() {
    for mall in MALLS {
        let street = before_consent(mall).await;
        let place = &street.place;
        assert!(!is_let_in(place), "{mall}: nobody has agreed yet");
        let attempt = Attempt::begin(&street, mall);
        let page = Url::parse(&attempt.page).unwrap();
        let asked = |name: &str| page.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        assert_eq!(asked("redirect_uri"), Some(attempt.redirect.clone()), "{mall}: {page}");
        let pasted = attempt.agreed(&street, mall, &attempt.state());
        let ran = attempt.paste(&pasted);
        assert_eq!(ran.code, 0, "{mall}: {ran:?}");
        let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let granted = if mall == "ebay" { &["refresh_token", "refresh_token_ends"][..] } else { &["refresh_token"] };
        assert_eq!(said, serde_json::json!({"channel": mall, "credentials": granted}));
        assert!(!ran.out.contains(TOKEN) && !ran.err.contains(TOKEN), "{mall}: {ran:?}");
        assert!(!database_has(place, TOKEN), "{mall}: it is kept, and not in words");
        assert!(database_has(place, "channel.authorize") && database_has(place, "maria"), "{mall}: the log says who");

        assert!(is_let_in(place), "{mall}: {:?}", place.run("check --online"));
        let key = street.shop(mall).mall_key(0);
        street.shop(mall).book().list(&key, uriba_sdk::fake::Item::new(4));
        let order = street.shop(mall).book().place(&[(&key, 1)]).unwrap();
        until("the order is known", || {
            place.fine("run-once");
            place
                .json::<Vec<OrderSheet>>("order list")
                .iter()
                .any(|known| known.order_id.as_deref() == Some(order.as_str()))
        });
        // With another key it opens nowhere.
        place.write("secret.key", "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert!(!is_let_in(place), "{mall}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_another_attempt_a_refusal_and_a_code_of_nobody_grant_nothing() {
    for mall in MALLS {
        let street = before_consent(mall).await;
        let refused = came_back(&[("error", "access_denied"), ("state", "?")]);
        let invented = came_back(&[("code", "a-code-of-nobody")]);
        let cases = [
            ("an old attempt", None, 2, "this address belongs to another attempt"),
            ("the owner refuses", Some(refused.as_str()), 2, "the mall did not grant it: access_denied"),
            ("no code", Some("https://localhost/"), 2, "this address holds no code"),
            ("nothing", Some(""), 2, "nothing was pasted"),
            ("a code that the mall doesn't know", Some(&invented), 1, mall),
            ("the same, by itself", Some("a-code-of-nobody"), 1, mall),
        ];
        for (case, pasted, code, words) in cases {
            let attempt = Attempt::begin(&street, mall);
            let other = || attempt.agreed(&street, mall, "of-another-attempt");
            let pasted = pasted.map_or_else(other, str::to_owned);
            let ran = attempt.paste(&pasted);
            assert_eq!(ran.code, code, "{mall}, {case}: {ran:?}");
            assert!(ran.err.contains(words) && ran.out.is_empty(), "{mall}, {case}: {ran:?}");
            assert!(!ran.err.contains("a-code-of-nobody"), "{mall}, {case}: {ran:?}");
            assert!(!database_has(&street.place, "channel.authorize"), "{mall}, {case}");
        }
        assert!(!is_let_in(&street.place), "{mall}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_to_seal_with_no_page_is_named() {
    let street = before_consent("yahoo").await;
    let told = std::fs::read_to_string(street.place.path().join("uriba.toml")).unwrap();
    street.place.write("uriba.toml", told.split_once("\n\n").unwrap().1);
    let ran = street.place.run("channel authorize yahoo");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("openssl rand -base64 32 > secret.key") && ran.err.contains("[secrets] key"), "{ran:?}");
}

#[test]
fn a_mall_that_grants_nothing_on_a_page_says_what_it_takes_instead() {
    let place = Place::with_one_channel();
    place.write("secret.key", KEY);
    let told = std::fs::read_to_string(place.path().join("uriba.toml")).unwrap();
    place.write("uriba.toml", &format!("[secrets]\nkey = {{ file = \"secret.key\" }}\n\n{told}"));
    let ran = place.run("channel authorize sample-main");
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{ran:?}");
    assert!(ran.err.contains("grants nothing on a page: its credentials are app, key"), "{ran:?}");
    let ran = place.run("channel authorize nowhere");
    assert!(ran.code == 1 && ran.err.contains("\"nowhere\""), "{ran:?}");
}
