//! What is in force, written down in the file's own form: recorded at every start, so that the past can be
//! explained. Secrets appear as where they come from.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use toml::{Table, Value};
use uriba_sdk::env::Url;

use super::{
    Channel, Config, ZONE,
    duration::spell,
    order_files,
    secret::{Secret, Source},
};
use crate::{
    domain::{
        allocation::Cap,
        exposure::mode::{Policy, Wish},
        ledger::MAIN,
    },
    engine::{
        import::{Figures, Profile},
        watch::{AsOf, Watched},
    },
};

pub(super) fn text(config: &Config) -> String {
    let mut root = Table::new();
    root.insert("database".into(), table([("url", secret(&config.database))]));
    root.insert("server".into(), table([("listen", text_of(config.listen))]));
    if let Some(key) = &config.sealing_key {
        root.insert("secrets".into(), table([("key", secret(key))]));
    }
    let mut core = vec![
        ("zone", text_of(config.zone.iana_name().unwrap_or(ZONE))),
        ("day_starts", text_of(config.day_starts.strftime("%H:%M"))),
    ];
    core.extend(config.counts_shipments.map(|counts| ("counts_shipments", text_of(counts.word()))));
    root.insert("core".into(), table(core));
    let limits = [
        ("units_per_line", Value::Integer(config.units_per_line.into())),
        ("holder_units", Value::Integer(config.holder_units.into())),
        ("history_days", Value::Integer(config.history_days.into())),
    ];
    root.insert("limits".into(), table(limits));
    let brakes = [
        ("portion", Value::Float(config.brake.portion)),
        ("at_least", Value::Integer(i64::try_from(config.brake.at_least).unwrap_or(i64::MAX))),
    ];
    root.insert("brakes".into(), table(brakes));
    let pools = config.pools.iter().map(|pool| {
        let locations = pool.locations.iter().map(text_of).collect();
        (
            pool.id.clone(),
            table([
                ("locations", Value::Array(locations)),
                ("exposure", text_of(pool.exposure.unwrap_or(Wish::Shared).word())),
                ("epsilon", Value::Float(pool.epsilon.unwrap_or(Policy::default().eps))),
            ]),
        )
    });
    root.insert("pools".into(), Value::Table(pools.collect()));
    let own = config.profiles.iter().filter(|(name, kept)| order_files::export(name) != **kept);
    let profiles: Table = own.map(|(name, kept)| (name.clone(), profile(kept))).collect();
    if !profiles.is_empty() {
        root.insert("profiles".into(), Value::Table(profiles));
    }
    if !config.imports.is_empty() {
        root.insert("imports".into(), Value::Array(config.imports.iter().map(|kept| watched(kept, config)).collect()));
    }
    root.insert("channels".into(), Value::Array(config.channels.iter().map(channel).collect()));
    root.to_string()
}

fn profile(profile: &Profile) -> Value {
    let texts = |list: &[String]| Value::Array(list.iter().map(text_of).collect());
    let aside: Vec<String> = profile.book_includes.iter().filter(|bin| *bin != MAIN).cloned().collect();
    let columns = profile.columns.iter().map(|(ours, theirs)| (ours.as_str(), text_of(theirs)));
    let mut rows = vec![
        ("encoding", text_of(profile.encoding.word())),
        ("figures", text_of(if profile.figures == Figures::Incremental { "incremental" } else { "cumulative" })),
        ("book_resets_sales", Value::Boolean(profile.book_resets_sales)),
        ("book_includes", texts(&aside)),
        ("columns", table(columns)),
    ];
    rows.extend(profile.export.as_ref().map(|mall| ("export", text_of(mall))));
    rows.extend(profile.cancelled_words.as_ref().map(|words| ("cancelled_words", texts(words))));
    rows.extend(profile.shipped_words.as_ref().map(|words| ("shipped_words", texts(words))));
    table(rows)
}

fn watched(watched: &Watched, config: &Config) -> Value {
    let as_of = match &watched.as_of {
        AsOf::Column => "column".to_owned(),
        AsOf::Modified => "mtime".to_owned(),
        AsOf::Name(pattern) => format!("name:{pattern}"),
    };
    let mut rows = vec![
        ("kind", text_of(watched.kind.word())),
        ("folder", text_of(watched.folder.display())),
        ("as_of", text_of(as_of)),
        ("skip_invalid", Value::Boolean(watched.skip_invalid)),
    ];
    let profile = config.profiles.iter().find(|(_, kept)| **kept == watched.profile);
    rows.extend(profile.map(|(name, _)| ("profile", text_of(name))));
    rows.extend(watched.channel.as_ref().map(|channel| ("channel", text_of(channel))));
    rows.extend(watched.every.map(|every| ("every", text_of(spell(every)))));
    table(rows)
}

fn channel(channel: &Channel) -> Value {
    let mut rows = vec![
        ("id", text_of(&channel.id)),
        ("mall", text_of(channel.mall_id())),
        ("name", text_of(&channel.name)),
        ("pool", text_of(&channel.pool)),
        ("on_cancel", text_of(if channel.review { "review" } else { "restock" })),
    ];
    if channel.mall.is_none() {
        return table(rows);
    }
    rows.extend([
        ("mode", text_of(if channel.live { "live" } else { "shadow" })),
        ("poll_interval", text_of(spell(channel.poll_interval))),
        ("on_drift", text_of(channel.on_drift.word())),
        ("initial_lookback", text_of(spell(channel.initial_lookback))),
        ("buffer", Value::Integer(channel.rules.buffer)),
        ("fraction", Value::Float(channel.rules.fraction)),
        ("min_show", Value::Integer(channel.rules.min_show)),
    ]);
    rows.extend(channel.rules.cap.as_ref().map(|value| ("cap", cap(value))));
    rows.extend(channel.base_url.as_ref().map(|url| ("base_url", text_of(url))));
    rows.extend(channel.auth_url.as_ref().map(|url| ("auth_url", text_of(url))));
    let credentials = channel.credentials.iter().map(|(key, value)| (key.clone(), secret(value)));
    rows.push(("credentials", Value::Table(credentials.collect())));
    let options: BTreeMap<_, _> = channel.options.iter().map(|(key, value)| (key.clone(), text_of(value))).collect();
    rows.push(("options", Value::Table(options.into_iter().collect())));
    rows.push(("quotas", quotas(channel)));
    rows.push(("timing", timing(channel)));
    table(rows)
}

fn cap(value: &Cap) -> Value {
    let dated = match value {
        Cap::Always(n) => return Value::Integer(*n),
        Cap::Dated(dated) => dated,
    };
    let rows = dated.iter().map(|dated| {
        let mut row = vec![("n", Value::Integer(dated.n))];
        row.extend(dated.from.map(|from| ("from", text_of(from))));
        row.extend(dated.until.map(|until| ("until", text_of(until))));
        table(row)
    });
    Value::Array(rows.collect())
}

fn quotas(channel: &Channel) -> Value {
    let rows = channel.quotas.iter().map(|(name, rate)| {
        let mut row = vec![("per_second", Value::Float(rate.per_second)), ("burst", Value::Integer(rate.burst.into()))];
        row.extend(rate.per_day.map(|most| ("per_day", Value::Integer(most.into()))));
        (name.clone(), table(row))
    });
    Value::Table(rows.collect())
}

fn timing(channel: &Channel) -> Value {
    let timing = &channel.timing;
    let rows = [
        ("visibility_lag", timing.visibility_lag),
        ("overlap", timing.overlap),
        ("effect_lag_typical", timing.effect_typical),
        ("effect_lag", timing.effect_max),
        ("late_apply", timing.late_apply),
        ("unseen_for_at_most", timing.unseen_for_at_most),
        ("blind_after", timing.blind_after),
    ];
    table(rows.into_iter().filter_map(|(key, length)| Some((key, text_of(spell(length?))))))
}

fn secret(secret: &Secret) -> Value {
    match &secret.source {
        Source::Literal(url) => text_of(without_password(url.expose_secret())),
        Source::Env(name) => table([("env", text_of(name))]),
        Source::File(path) => table([("file", text_of(path.display()))]),
    }
}

/// Where a value comes from, in a few words.
pub(super) fn name(secret: &Secret) -> String {
    match &secret.source {
        Source::Literal(url) => without_password(url.expose_secret()),
        Source::Env(name) => format!("the database in ${name}"),
        Source::File(path) => format!("the database in {}", path.display()),
    }
}

/// A database's address without who opens it, and without the options, where a password may stand too.
fn without_password(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.split('?').next().unwrap_or_default().to_owned() };
    if parsed.host_str().is_none_or(str::is_empty) || url.starts_with("sqlite:") {
        return url.split('?').next().unwrap_or_default().to_owned();
    }
    parsed.set_query(None);
    let _ = parsed.set_password(None);
    parsed.to_string()
}

fn table<'a>(rows: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Table(rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text_of(value: impl ToString) -> Value {
    Value::String(value.to_string())
}
