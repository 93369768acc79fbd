//! Credentials: expired, dead, wrong.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{
    Finding, Planned, Shop, cannot, check,
    duty::{Bench, TOKEN, Told, words},
    ensure, over_http,
};
use crate::{error::Class, fake::Fault, mall::Settings};

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("an access token that expires early is renewed by the next call", renews),
        check("refused credentials ask for a person, until they are renewed", refused),
        check("a wrong credential never works", wrong),
    ]
}

async fn renews(shop: Arc<Shop>) -> Finding {
    if shop.card().operation(TOKEN).is_none() {
        return cannot("the mall has no access tokens");
    }
    let bench = Bench::new(&shop)?;
    for (duty, operation) in Bench::duties(&shop).into_iter().filter(|(_, operation)| *operation != TOKEN) {
        bench.recovers(&shop, duty).await?;
        shop.fault(operation, Fault::Expired);
        let first = bench.perform(&shop, duty).await?;
        let expired = matches!(&first, Err(error) if error.class == Class::Auth { renewable: true });
        ensure(expired, || format!("{operation} with an expired token: {}", words(&first)))?;
        let second = bench.perform(&shop, duty).await?;
        ensure(matches!(second, Ok(Told::Fine)), || format!("{operation} after that: {}", words(&second)))?;
    }
    Ok(())
}

async fn refused(shop: Arc<Shop>) -> Finding {
    over_http(&shop)?;
    let bench = Bench::new(&shop)?;
    for (duty, _) in Bench::duties(&shop) {
        bench.recovers(&shop, duty).await?;
        shop.fake.expire_credentials();
        let mut dead = false;
        // A cached access token may have to be refused first; what comes after it may not be "renewable" again.
        for _ in 0..3 {
            let result = bench.perform(&shop, duty).await?;
            let auth = matches!(&result, Err(error) if matches!(error.class, Class::Auth { .. }));
            ensure(auth, || format!("{duty:?} with refused credentials: {}", words(&result)))?;
            dead = matches!(&result, Err(error) if error.class == Class::Auth { renewable: false });
            if dead {
                break;
            }
        }
        ensure(dead, || format!("{duty:?} says three times that refused credentials can be renewed"))?;
        shop.fake.renew_credentials();
        bench.recovers(&shop, duty).await?;
    }
    Ok(())
}

/// Each required credential but the shop's own name is wrong in turn, and some duty must notice.
async fn wrong(shop: Arc<Shop>) -> Finding {
    let bench = Bench::new(&shop)?;
    for credential in shop.card().credentials.iter().filter(|credential| credential.required) {
        let settings = with_wrong(&shop.settings, credential.key);
        // An adapter may see by itself that this can't be right.
        let Ok(mall) = shop.reopened(&settings) else { continue };
        let mut noticed = false;
        for (duty, _) in Bench::duties(&shop) {
            let result = match duty {
                super::duty::Duty::Token => continue,
                duty => bench.perform_with(&shop, mall.as_ref(), duty).await?,
            };
            if let Err(error) = &result {
                let transient = matches!(error.class, Class::Transient { .. } | Class::Throttled { .. });
                ensure(!transient, || format!("a wrong {}: {duty:?} will be tried again: {error}", credential.key))?;
            }
            noticed |= !matches!(result, Ok(Told::Fine));
        }
        ensure(noticed, || format!("everything works with a wrong {}", credential.key))?;
    }
    Ok(())
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
