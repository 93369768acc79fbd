//! Credentials: expired, dead, wrong.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{
    Finding, Planned, Shop, cannot, check,
    duty::{Bench, Duty, TOKEN, Told, ensure_fine, on, words},
    ensure,
};
use crate::{error::Class, fake::Fault, mall::Settings};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "an access token that expires early is renewed by the next call",
            "`Class::Auth`, `Wire::forget_token`: `renewable` means that calling again fetches a fresh token",
            renews,
        ),
        check(
            "refused credentials ask for a person, until they are renewed",
            "`Class::Auth`: not renewable where no token helps, so that the lane stops and a person is asked",
            refused,
        ),
        check(
            "a wrong credential never works",
            "`Card::credentials`: each that is required is used, and refused where it is wrong",
            wrong,
        ),
        check(
            "a credential that no request can carry is refused without a panic",
            "`OpenMall`, `SettingsError`: whatever a person has pasted is an error in words, not a panic",
            unfit,
        ),
    ]
}

async fn renews(shop: Arc<Shop>) -> Finding {
    if shop.card().operation(TOKEN).is_none() {
        return cannot("the mall has no access tokens");
    }
    let bench = Bench::of_requests(&shop).await?;
    for (duty, operation) in bench.duties.iter().copied().filter(|(_, operation)| *operation != TOKEN) {
        bench.recovers(&shop, duty).await?;
        shop.fault(operation, Fault::Expired);
        let first = bench.perform(&shop, duty).await?;
        let expired = matches!(&first, Err(error) if error.class == Class::Auth { renewable: true });
        ensure(expired || bench.spares(duty, &first), || {
            ("Auth that is renewable, for an expired token", on(operation, duty, &first))
        })?;
        let second = bench.perform(&shop, duty).await?;
        ensure_fine(&second, format!("{operation}, after that,"))?;
    }
    Ok(())
}

async fn refused(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    let mut tried = Vec::new();
    for (duty, _) in bench.duties.iter().copied() {
        // Consent is how refused credentials are replaced, and each deed is tried once, whatever it asks for.
        if duty == Duty::Consent || tried.contains(&duty) {
            continue;
        }
        tried.push(duty);
        bench.recovers(&shop, duty).await?;
        shop.fake.expire_credentials();
        let mut dead = false;
        // A cached access token may have to be refused first; what comes after it may not be "renewable" again.
        for _ in 0..3 {
            let result = bench.perform(&shop, duty).await?;
            let auth = matches!(&result, Err(error) if matches!(error.class, Class::Auth { .. }));
            ensure(auth, || (format!("{duty:?} with refused credentials: Auth"), words(&result)))?;
            dead = matches!(&result, Err(error) if error.class == Class::Auth { renewable: false });
            if dead {
                break;
            }
        }
        let expected = || format!("{duty:?} with refused credentials: not renewable, at the third try at the latest");
        ensure(dead, || (expected(), "it says that they can be renewed, three times"))?;
        shop.fake.renew_credentials();
        bench.recovers(&shop, duty).await?;
    }
    Ok(())
}

/// Each required credential but the shop's own name is wrong in turn, and some duty must notice.
async fn wrong(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    for credential in shop.card().credentials.iter().filter(|credential| credential.required) {
        let settings = with_wrong(&shop.settings, credential.key);
        // An adapter may see by itself that this can't be right.
        let Ok(mall) = shop.reopened(&settings) else { continue };
        // The mall counts these requests with those that were right, and nobody else can.
        rest(&shop);
        let mut noticed = false;
        for (duty, _) in bench.duties.iter().copied().filter(|(duty, _)| *duty != Duty::Token) {
            let result = bench.perform_with(&shop, mall.as_ref(), duty).await?;
            if let Err(error) = &result {
                let transient = matches!(error.class, Class::Transient { .. } | Class::Throttled { .. });
                ensure(!transient, || {
                    (format!("no second try of {duty:?} with a wrong {}", credential.key), error.to_string())
                })?;
            }
            noticed |= !matches!(result, Ok(Told::Fine));
        }
        ensure(noticed, || (format!("a wrong {} noticed by some call", credential.key), "everything works"))?;
    }
    Ok(())
}

/// Line breaks, characters beyond ASCII, nothing at all, very much.
async fn unfit(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    for credential in shop.card().credentials.iter().filter(|credential| credential.required) {
        for text in ["", "two\r\nlines", "zero\0byte", "鍵", "  ", &"x".repeat(70_000)] {
            let mut settings = shop.settings.clone();
            settings.credentials.insert(credential.key.to_owned(), SecretString::from(text));
            let Ok(mall) = shop.reopened(&settings) else { continue };
            rest(&shop);
            let result = bench.perform_with(&shop, mall.as_ref(), Duty::Search).await?;
            let again = matches!(&result, Err(error) if matches!(error.class, Class::Throttled { .. }));
            ensure(!again, || (format!("an odd {} refused for good", credential.key), words(&result)))?;
        }
    }
    bench.recovers(&shop, Duty::Search).await
}

/// Every bucket is full after that.
fn rest(shop: &Shop) {
    shop.env.advance(std::time::Duration::from_secs(3_600));
}

fn with_wrong(settings: &Settings, key: &str) -> Settings {
    let mut settings = settings.clone();
    if let Some(secret) = settings.credentials.get_mut(key) {
        // Of the same shape, so that the mall rather than a parser has to see it.
        let turned: String = secret.expose_secret().chars().map(turned).collect();
        *secret = SecretString::from(turned);
    }
    settings
}

fn turned(c: char) -> char {
    match c {
        '0'..='8' | 'a'..='y' | 'A'..='Y' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        '9' => '0',
        'z' => 'a',
        'Z' => 'A',
        other => other,
    }
}
