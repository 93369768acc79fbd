//! `[[channels]]`: one shop account each. What may stand here depends on the mall's card.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use uriba_sdk::{Card, MallEntry, Settings, env::Url, wire::Rate};

use super::{
    Config,
    hub::is_id,
    page::{Entry, Section, hint},
    problem::Problem,
    secret::{self, Secret},
};
use crate::{
    domain::{
        allocation::{Cap, Dated, Rules},
        drift::OnDrift,
    },
    engine::{ChannelPlan, Timing, import::instant, pace},
    malls,
    store::{
        balance::Pace,
        channels::{ChannelSetup, STOREFRONT},
        recompute::Allowance,
    },
};

/// Orders that are still open are rarely older than a quarter.
const LOOKBACK: Duration = Duration::from_secs(90 * 86_400);
/// No mall's quota lets anybody ask more often.
const POLL_LEAST: Duration = Duration::from_secs(1);
/// Far above any mall's rate: a slip of the hand, not a quota.
const RATE_MOST: f64 = 10_000.0;

/// One channel as the file has it, its secrets unread.
#[derive(Clone)]
pub struct Channel {
    pub id: String,
    /// `None`: the seller's own storefront. It calls uriba; nothing is polled or pushed, and no rule applies.
    pub mall: Option<&'static MallEntry>,
    pub name: String,
    pub pool: String,
    /// Only for a channel that the database does not know yet.
    pub live: bool,
    pub poll_interval: Duration,
    pub initial_lookback: Duration,
    /// Cancelled units are looked at before they are sold again.
    pub review: bool,
    /// What becomes of figures that are lower than anything explains.
    pub on_drift: OnDrift,
    pub rules: Rules,
    pub base_url: Option<String>,
    pub auth_url: Option<String>,
    pub credentials: BTreeMap<String, Secret>,
    pub options: BTreeMap<String, String>,
    pub quotas: Vec<(String, Rate)>,
    pub timing: Timing,
    /// Where `[[channels]]` of it begins in the file.
    pub line: usize,
}

impl Channel {
    pub(super) fn setup(&self) -> ChannelSetup {
        ChannelSetup {
            id: self.id.clone(),
            mall: self.mall_id().to_owned(),
            name: self.name.clone(),
            pool: self.pool.clone(),
            live: self.live,
            review: self.review,
            allowance: Allowance {
                rules: self.rules.clone(),
                quantity_max: self.mall.map_or(i64::MAX, |mall| mall.card.quantity_max),
                pace: self.mall.map_or_else(Pace::default, |mall| pace(mall.card, self.poll_interval, self.timing)),
            },
        }
    }

    pub fn mall_id(&self) -> &'static str {
        self.mall.map_or(STOREFRONT, |mall| mall.id)
    }

    /// `None`: the engine has nothing to do for it.
    pub(super) fn plan(&self, units_max: u32, missing: &mut Vec<Problem>) -> Option<ChannelPlan> {
        let mall = self.mall?;
        Some(ChannelPlan {
            id: self.id.clone(),
            pool: self.pool.clone(),
            mall,
            settings: self.settings(missing),
            poll_interval: self.poll_interval,
            initial_lookback: self.initial_lookback,
            review: self.review,
            on_drift: self.on_drift,
            units_max,
            quotas: self.quotas.clone(),
            timing: self.timing,
        })
    }

    pub(super) fn settings(&self, missing: &mut Vec<Problem>) -> Settings {
        let read = |(key, secret): (&String, &Secret)| {
            let value = secret.read(&format!("channels[{}].credentials.{key}", self.id), missing)?;
            Some((key.clone(), value))
        };
        Settings {
            channel: self.id.clone(),
            base_url: self.base_url.clone(),
            auth_url: self.auth_url.clone(),
            credentials: self.credentials.iter().filter_map(read).collect(),
            options: self.options.clone(),
        }
    }
}

pub(super) fn read(root: &Section<'_>, config: &Config, folder: &Path) -> Vec<Channel> {
    let mut channels: Vec<Channel> = Vec::new();
    for entry in root.key("channels").map(|entry| entry.list()).unwrap_or_default() {
        let Some(section) = entry.section() else { continue };
        let id = section.required("id", "the channel's name, as in \"main-shop\"");
        let name = id.as_ref().and_then(Entry::text).filter(|id| is_id(id));
        if let Some(entry) = id.as_ref().filter(|entry| entry.is_text() && name.is_none()) {
            entry.refuse("a channel's id has 1 to 40 characters of a-z, 0-9 and -");
        }
        if let (Some(entry), Some(name)) = (&id, name.filter(|name| channels.iter().any(|known| known.id == *name))) {
            entry.refuse(format!("{name:?} is the id of another channel already"));
        }
        let section = match name {
            Some(name) => section.named(format!("channels[{name}]")),
            None => section,
        };
        // Without a mall nobody knows what may stand here; it is read when the mall is put right.
        let Some(kind) = section.required("mall", "which mall the shop is on").and_then(|entry| kind(&entry)) else {
            continue;
        };
        let (id, line) = (name.unwrap_or_default(), entry.line());
        channels.push(match kind {
            Kind::Mall(mall) => channel(&section, id, mall, config, folder, line),
            Kind::Storefront => storefront(&section, id, config, line),
        });
        section.close();
    }
    channels
}

enum Kind {
    Mall(&'static MallEntry),
    Storefront,
}

fn kind(entry: &Entry<'_>) -> Option<Kind> {
    let text = entry.text()?;
    if text == STOREFRONT {
        return Some(Kind::Storefront);
    }
    let found = malls::find(text).map(Kind::Mall);
    if found.is_none() {
        let names: Vec<&str> = malls::MALLS.iter().map(|mall| mall.id).chain([STOREFRONT]).collect();
        entry.refuse(format!("{text:?} is no mall of this version{}", hint(text, &names)));
    }
    found
}

fn storefront(section: &Section<'_>, id: &str, config: &Config, line: usize) -> Channel {
    let name = section.key("name").and_then(|entry| entry.words());
    Channel {
        id: id.to_owned(),
        mall: None,
        name: name.unwrap_or(id).to_owned(),
        pool: pool(section, config).unwrap_or_default(),
        live: true,
        poll_interval: Duration::ZERO,
        initial_lookback: Duration::ZERO,
        review: review(section),
        on_drift: OnDrift::default(),
        rules: Rules::default(),
        base_url: None,
        auth_url: None,
        credentials: BTreeMap::new(),
        options: BTreeMap::new(),
        quotas: Vec::new(),
        timing: Timing::default(),
        line,
    }
}

fn review(section: &Section<'_>) -> bool {
    section.key("on_cancel").and_then(|entry| entry.choice(&["restock", "review"])) == Some("review")
}

fn channel(
    section: &Section<'_>,
    id: &str,
    mall: &'static MallEntry,
    config: &Config,
    folder: &Path,
    line: usize,
) -> Channel {
    let card = mall.card;
    let duration = |key, least| section.key(key).and_then(|entry| entry.duration(least));
    let choice = |key, words: &[&'static str]| section.key(key).and_then(|entry| entry.choice(words));
    let name = section.key("name").and_then(|entry| entry.words());
    let poll_interval = duration("poll_interval", POLL_LEAST).unwrap_or(card.times.poll_interval);
    let lookback = section.key("initial_lookback").and_then(|entry| lookback(&entry, card));
    Channel {
        id: id.to_owned(),
        mall: Some(mall),
        name: name.unwrap_or(id).to_owned(),
        pool: pool(section, config).unwrap_or_default(),
        live: choice("mode", &["live", "shadow"]) == Some("live"),
        poll_interval,
        initial_lookback: lookback.unwrap_or(LOOKBACK.min(card.orders.reach)),
        review: review(section),
        on_drift: if choice("on_drift", &["correct", "hold"]) == Some("hold") {
            OnDrift::Hold
        } else {
            OnDrift::Correct
        },
        rules: rules(section, &config.zone),
        base_url: section.key("base_url").and_then(|entry| address(&entry)),
        auth_url: section.key("auth_url").and_then(|entry| address(&entry)),
        credentials: credentials(section, card, folder),
        options: options(section, card),
        quotas: quotas(section, card),
        timing: timing(section),
        line,
    }
}

fn lookback(entry: &Entry<'_>, card: &Card) -> Option<Duration> {
    let length = entry.duration(Duration::ZERO)?;
    if length > card.orders.reach {
        let days = card.orders.reach.as_secs() / 86_400;
        entry.refuse(format!("{} can be searched {days}d back at most", card.mall));
        return None;
    }
    Some(length)
}

/// A channel without a pool draws on the only one.
fn pool(section: &Section<'_>, config: &Config) -> Option<String> {
    let names: Vec<&str> = config.pools.iter().map(|pool| pool.id.as_str()).collect();
    let Some(entry) = section.key("pool") else {
        match names.as_slice() {
            [only] => return Some((*only).to_owned()),
            [] => section.lacks("pool", "there is no pool to sell from: add [pools.NAME] with its locations"),
            many => section.lacks("pool", &format!("is required, since there are several: {}", many.join(", "))),
        }
        return None;
    };
    let text = entry.text()?;
    if !names.contains(&text) {
        entry.refuse(format!("there is no pool {text:?}{}", hint(text, &names)));
        return None;
    }
    Some(text.to_owned())
}

/// One number, or several with their dates.
fn cap(entry: &Entry<'_>, zone: &TimeZone) -> Option<Cap> {
    let most = i64::from(u32::MAX);
    if !entry.is_list() {
        return entry.whole(0..=most).map(Cap::Always);
    }
    let mut dated = Vec::new();
    for item in entry.list() {
        let section = item.section()?;
        let instant = |key| -> Option<Timestamp> {
            let entry = section.key(key)?;
            let read = instant(entry.text()?, zone);
            read.map_err(|message| entry.refuse(message)).ok()
        };
        let (from, until) = (instant("from"), instant("until"));
        let n = section.required("n", "the most to show").and_then(|entry| entry.whole(0..=most));
        section.close();
        dated.push(Dated { n: n?, from, until });
    }
    let cap = Cap::Dated(dated);
    match cap.fault(most) {
        Some(fault) => {
            entry.refuse(fault);
            None
        }
        None => Some(cap),
    }
}

fn rules(section: &Section<'_>, zone: &TimeZone) -> Rules {
    let whole = |key| section.key(key).and_then(|entry| entry.whole(0..=i64::from(u32::MAX)));
    let fine = Rules::default();
    Rules {
        buffer: whole("buffer").unwrap_or(fine.buffer),
        fraction: section.key("fraction").and_then(|entry| entry.positive(1.0)).unwrap_or(fine.fraction),
        min_show: whole("min_show").unwrap_or(fine.min_show),
        cap: section.key("cap").and_then(|entry| cap(&entry, zone)),
        unlimited: None,
    }
}

/// Credentials go over this line, so it is encrypted or stays on this machine.
fn address(entry: &Entry<'_>) -> Option<String> {
    let text = entry.words()?;
    let Ok(url) = Url::parse(text) else {
        entry.refuse("is no address: write https://host, or http://127.0.0.1:PORT for a fake on this machine");
        return None;
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let problem = match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => "must not hold a name or password",
        _ if url.query().is_some() || url.fragment().is_some() => "must end with its path: no ? and no #",
        "https" => return Some(text.to_owned()),
        "http" if loopback => return Some(text.to_owned()),
        "http" => {
            "must be https: plain http is accepted for addresses of this machine only (127.0.0.1, ::1, localhost)"
        }
        _ => "must begin with https:// (or http:// for this machine)",
    };
    entry.refuse(problem);
    None
}

fn credentials(section: &Section<'_>, card: &Card, folder: &Path) -> BTreeMap<String, Secret> {
    let known: Vec<&str> = card.credentials.iter().map(|credential| credential.key).collect();
    let table = section.key("credentials").and_then(|entry| entry.section());
    let mut found = BTreeMap::new();
    let mut named = BTreeSet::new();
    for (key, entry) in table.as_ref().map(Section::all).unwrap_or_default() {
        named.insert(key);
        if !known.contains(&key) {
            entry.refuse(format!("is no credential of {}{}", card.mall, hint(key, &known)));
        } else if let Some(secret) = secret::read(&entry, folder) {
            found.insert(key.to_owned(), secret);
        }
    }
    for credential in card.credentials.iter().filter(|wanted| wanted.required && !named.contains(wanted.key)) {
        let message = format!("is required: {}", credential.what);
        match &table {
            Some(table) => table.lacks(credential.key, &message),
            None => section.lacks(&format!("credentials.{}", credential.key), &message),
        }
    }
    found
}

fn options(section: &Section<'_>, card: &Card) -> BTreeMap<String, String> {
    let known: Vec<&str> = card.options.iter().map(|option| option.key).collect();
    let table = section.key("options").and_then(|entry| entry.section());
    let mut found = BTreeMap::new();
    for (key, entry) in table.as_ref().map(Section::all).unwrap_or_default() {
        if !known.contains(&key) {
            entry.refuse(format!("is no option of {}{}", card.mall, hint(key, &known)));
        } else if let Some(text) = entry.text() {
            found.insert(key.to_owned(), text.to_owned());
        }
    }
    found
}

fn quotas(section: &Section<'_>, card: &Card) -> Vec<(String, Rate)> {
    let known: Vec<&str> = card.quotas.iter().map(|quota| quota.name).collect();
    let table = section.key("quotas").and_then(|entry| entry.section());
    let mut found = Vec::new();
    for (name, entry) in table.as_ref().map(Section::all).unwrap_or_default() {
        let Some(declared) = card.quotas.iter().find(|quota| quota.name == name) else {
            entry.refuse(format!("is no quota of {}{}", card.mall, hint(name, &known)));
            continue;
        };
        let Some(quota) = entry.section() else { continue };
        let whole = |key| quota.key(key).and_then(|entry| entry.whole(1..=i64::from(u32::MAX)));
        let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let rate = Rate {
            per_second: quota
                .key("per_second")
                .and_then(|entry| entry.positive(RATE_MOST))
                .unwrap_or(declared.per_second),
            burst: whole("burst").map_or(declared.burst, small),
            per_day: whole("per_day").map(small).or(declared.per_day),
        };
        quota.close();
        found.push((name.to_owned(), rate));
    }
    found
}

fn timing(section: &Section<'_>) -> Timing {
    let Some(table) = section.key("timing").and_then(|entry| entry.section()) else { return Timing::default() };
    let length = |key| table.key(key).and_then(|entry| entry.duration(Duration::ZERO));
    let timing = Timing {
        visibility_lag: length("visibility_lag"),
        overlap: length("overlap"),
        effect_typical: length("effect_lag_typical"),
        effect_max: length("effect_lag"),
        late_apply: length("late_apply"),
        unseen_for_at_most: length("unseen_for_at_most"),
        blind_after: table.key("blind_after").and_then(|entry| entry.duration(Duration::from_secs(1))),
    };
    table.close();
    timing
}
