//! `uriba channel authorize`: the shop's owner lets uriba in on a page of the mall, and what that page gives is kept
//! encrypted.

use std::{io::BufRead, sync::Arc};

use clap::Args;
use serde::Serialize;
use uriba_sdk::{
    Env, SystemEnv, Wire,
    env::Url,
    wire::{Gates, Vault},
};

use super::{
    desk::Desk,
    failure::{Done, Failure},
    print::{line, note},
};
use crate::store::StoreError;

/// In place of what is still to be granted, so that the adapter can be opened.
const NOT_YET: &str = "not granted yet";

#[derive(Args, Debug)]
pub struct Authorize {
    id: String,
    /// Where the mall sends the owner's browser afterwards, as the application is registered there
    #[arg(long, value_name = "URL", default_value = "https://localhost/")]
    redirect: String,
}

#[derive(Serialize)]
struct Granted {
    channel: String,
    credentials: Vec<&'static str>,
}

pub async fn run(desk: &Desk, asked: Authorize) -> Done {
    let id = &asked.id;
    desk.store.channel(id).await?;
    let plans = desk.config.plans_as_readable();
    let plan = plans.into_iter().find(|plan| plan.id == *id);
    let mut plan = plan.ok_or_else(|| StoreError::Invalid(format!("{id} is no channel of a mall")))?;
    let safe = desk.safe()?;
    if desk.config.sealing_key.is_none() {
        let message = "what the mall gives is kept encrypted, and no key is configured for that: make one (`openssl rand \
                       -base64 32 > secret.key`) and name it in uriba.toml: [secrets] key = { file = \"secret.key\" }";
        return Err(Failure::Usage(message.into()));
    }
    for card in plan.mall.card.credentials.iter().filter(|card| card.required) {
        plan.settings.credentials.entry(card.key.to_owned()).or_insert_with(|| NOT_YET.into());
    }
    let env: Arc<dyn Env> = Arc::new(SystemEnv::new());
    let (mall, gates, vault) = (plan.mall, Arc::new(Gates::fresh()), Arc::new(Vault::default()));
    // Without a lease: a service that runs goes on, and what it does needs no word of this.
    let wire = Wire::new(env.clone(), gates, vault, mall.card, &plan.settings);
    let opened = (mall.open)(&plan.settings, wire).map_err(|error| Failure::Usage(format!("{id}: {error}")))?;
    let Some(consent) = opened.extras().consent else {
        let keys: Vec<&str> = mall.card.credentials.iter().map(|card| card.key).collect();
        let keys = keys.join(", ");
        return Err(Failure::Refused(format!(
            "{} grants nothing on a page: its credentials are {keys}",
            mall.card.name
        )));
    };
    let state = format!("{:016x}{:016x}", env.random(), env.random());
    let page = consent.page(&asked.redirect, &state).map_err(|error| Failure::Usage(format!("{id}: {error}")))?;
    note("open this page as the shop's owner, agree, and paste the address that the browser is then sent to:");
    line(&page);
    let code = answer(&state)?;
    let granted = consent.redeem(&code, &asked.redirect).await.map_err(Failure::failed)?;
    for (key, secret) in &granted {
        safe.grant(id, key, secret).await.map_err(Failure::failed)?;
    }
    let credentials: Vec<&str> = granted.iter().map(|(key, _)| *key).collect();
    desk.store.note_grant(id, &credentials, &desk.who).await?;
    let keys = credentials.join(", ");
    let done = Granted { channel: id.clone(), credentials };
    desk.print
        .item(&done, |_| format!("{id}: {keys} is kept, encrypted; a running service takes it up within a minute"));
    Ok(())
}

/// What was pasted: an address with the code in it, or the code alone.
fn answer(state: &str) -> Result<String, Failure> {
    let mut pasted = String::new();
    std::io::stdin().lock().read_line(&mut pasted).map_err(Failure::failed)?;
    code_of(pasted.trim(), state).map_err(Failure::Usage)
}

fn code_of(pasted: &str, state: &str) -> Result<String, String> {
    if pasted.is_empty() {
        return Err("nothing was pasted".into());
    }
    let Ok(address) = Url::parse(pasted) else { return Ok(pasted.to_owned()) };
    let of = |name: &str| address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if let Some(error) = of("error") {
        return Err(format!("the mall did not grant it: {error}"));
    }
    if of("state").is_some_and(|given| given != state) {
        return Err("this address belongs to another attempt: open the page above and paste where it leads".into());
    }
    of("code").ok_or_else(|| "this address holds no code: paste the one after the mall's page".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_its_code_and_a_code_stands_for_itself() {
        assert_eq!(code_of("https://localhost/?code=a%2Fb&state=s", "s"), Ok("a/b".into()));
        assert_eq!(code_of("4/0Axyz", "s"), Ok("4/0Axyz".into()));
    }

    #[test]
    fn an_address_of_another_attempt_or_a_refusal_is_said_so() {
        let wrong = |pasted| code_of(pasted, "s").unwrap_err();
        assert!(wrong("https://localhost/?code=a&state=t").contains("another attempt"));
        assert!(wrong("https://localhost/?error=access_denied&state=s").contains("access_denied"));
        assert!(wrong("https://localhost/").contains("no code"));
        assert!(wrong("").contains("nothing"));
    }
}
