//! Credentials that the shop's owner grants on a page of the mall.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::{
    Finding, Miss, Planned, Shop, check,
    duty::{Bench, Duty, ensure_fine},
    ensure, failed,
};
use crate::{env::Url, error::Class, mall::Consent};

/// A credential whose key contains one of these is a secret; others (client ids) are names.
const SECRET_WORDS: [&str; 7] = ["secret", "token", "password", "key", "cert", "pem", "pass"];

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "the page for consent carries state and redirect, and no secret",
            "`Consent::page`: the page to open; `state` comes back with the answer unchanged",
            page,
        ),
        check(
            "what consent gives are credentials of the card, and they work",
            "`Consent::redeem`: what the page's answer gives, by credential key",
            redeemed,
        ),
        check(
            "a code that the mall never gave grants nothing",
            "`Consent::redeem`, `Class`: an error that says that a person must act, or that it isn't understood",
            refused,
        ),
    ]
}

fn consent(shop: &Shop) -> Result<&dyn Consent, Miss> {
    shop.mall.extras().consent.ok_or_else(|| Miss::CannotDo("the adapter offers no consent".into()))
}

async fn page(shop: Arc<Shop>) -> Finding {
    let consent = consent(&shop)?;
    let redirect = shop.fake.redirect();
    let mut pages = Vec::new();
    // The second has every character that a query must escape.
    for state in ["s-8f14e45f", "a b+c&d=e%2F/?#é"] {
        let page = consent.page(&redirect, state).map_err(|error| failed("a page", error.to_string()))?;
        let url = Url::parse(&page).map_err(|error| failed("an address", format!("{page} ({error})")))?;
        let web = matches!(url.scheme(), "https" | "http") && url.host_str().is_some();
        ensure(web, || ("a page of the web", page.clone()))?;
        let values: Vec<_> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
        for carried in [state, &redirect] {
            let whole = values.iter().any(|value| value == carried);
            ensure(whole, || (format!("{carried:?} among the page's parameters, unchanged"), page.clone()))?;
        }
        for (key, secret) in &shop.settings.credentials {
            let lower = key.to_lowercase();
            let secret = secret.expose_secret();
            let is_secret = SECRET_WORDS.iter().any(|word| lower.contains(word)) && secret.len() >= 6;
            let shows = page.contains(secret) || values.iter().any(|value| value.contains(secret));
            ensure(!(is_secret && shows), || (format!("a page without {key}"), "it is in the address"))?;
        }
        pages.push(page);
    }
    ensure(pages[0] != pages[1], || ("another page for another state", pages[0].clone()))
}

async fn redeemed(shop: Arc<Shop>) -> Finding {
    let consent = consent(&shop)?;
    let redirect = shop.fake.redirect();
    let code = shop.fake.consent_code(&redirect);
    let code = code.ok_or_else(|| failed("`FakeMall::consent_code` for the page that the adapter opens", "none"))?;
    let granted = shop.patiently(|| consent.redeem(&code, &redirect)).await?;
    let keys: Vec<_> = granted.iter().map(|(key, _)| *key).collect();
    ensure(!keys.is_empty(), || ("at least one credential", "none"))?;
    let mut settings = shop.settings.clone();
    for (key, secret) in granted {
        let known = shop.card().credentials.iter().any(|credential| credential.key == key);
        ensure(known, || ("credentials of the card", format!("{keys:?}")))?;
        ensure(!secret.expose_secret().is_empty(), || (format!("a value for {key}"), "an empty one"))?;
        settings.credentials.insert(key.to_owned(), secret);
    }
    let bench = Bench::of_requests(&shop).await?;
    let opened = shop.reopened(&settings).map_err(|why| failed("an adapter that opens with what was granted", why))?;
    for duty in [Duty::Search, Duty::ById] {
        let told = bench.perform_with(&shop, opened.as_ref(), duty).await?;
        ensure_fine(&told, format!("{duty:?} with what was granted"))?;
    }
    Ok(())
}

async fn refused(shop: Arc<Shop>) -> Finding {
    let consent = consent(&shop)?;
    let redirect = shop.fake.redirect();
    for code in ["", "no-such-code", "a b&c=d\r\n長"] {
        let granted = shop.patiently(|| consent.redeem(code, &redirect)).await;
        let fits = matches!(&granted, Err(error) if matches!(
            error.class,
            Class::Auth { renewable: false } | Class::Rejected { .. } | Class::Malformed { .. }
        ));
        ensure(fits, || {
            let seen = granted.map(|granted| granted.iter().map(|(key, _)| *key).collect::<Vec<_>>());
            (format!("{code:?} refused for good"), format!("{seen:?}"))
        })?;
    }
    Ok(())
}
