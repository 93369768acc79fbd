//! The channel's options. Everything that can be wrong with them is found before the first file is looked at.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp, fmt::strtime, tz::TimeZone};
use uriba_sdk::mall::{Settings, SettingsError};

use crate::{
    reader::{COLUMNS, Encoding, KeyForm, Profile, consoles},
    stock::Layout,
};

pub struct Config {
    pub channel: String,
    pub orders_folder: PathBuf,
    pub stock_folder: PathBuf,
    pub profile: Profile,
    /// When a file was made, in its name.
    pub file_time: Option<String>,
    pub export_lag: SignedDuration,
    pub covers: Option<SignedDuration>,
    pub settled: SignedDuration,
    pub needs_line_end: bool,
    pub layout: Layout,
}

type Checked<T> = Result<T, SettingsError>;

/// Options by name, those without a text as if they weren't there.
struct Options<'a>(&'a Settings);

impl Config {
    pub fn read(settings: &Settings) -> Checked<Self> {
        let options = Options(settings);
        let (orders_folder, stock_folder) = (options.folder("orders_folder")?, options.folder("stock_folder")?);
        if orders_folder == stock_folder {
            return Err(wrong("stock_folder", "is the orders_folder too: stock files would be read as orders"));
        }
        let profile = profile(&options)?;
        let file_time = options.text("file_time").map(str::to_owned);
        if let Some(pattern) = &file_time {
            check_pattern("file_time", pattern, &profile.zone)?;
        }
        let days = options.number("covers", 0)?;
        Ok(Self {
            channel: settings.channel.clone(),
            orders_folder,
            stock_folder,
            file_time,
            export_lag: SignedDuration::from_secs(options.number("export_lag", 300)?),
            covers: (days > 0).then(|| SignedDuration::from_hours(days * 24)),
            settled: SignedDuration::from_secs(options.number("settled", 10)?),
            needs_line_end: options.one_of("line_end", &[("required", true), ("optional", false)])?,
            layout: layout(&options, &profile)?,
            profile,
        })
    }
}

fn profile(options: &Options<'_>) -> Checked<Profile> {
    let name = options.text("profile").unwrap_or("hub");
    let known = || wrong("profile", "is none of hub, rakuten, yahoo, aupay");
    let mut profile = consoles::by_name(name).ok_or_else(known)?;
    let encodings = [("auto", Encoding::Auto), ("utf-8", Encoding::Utf8), ("cp932", Encoding::Cp932)];
    profile.encoding = options.one_of("encoding", &encodings)?;
    profile.delimiter = options.one_of("delimiter", &[("comma", b','), ("tab", b'\t')])?;
    if let Some(zone) = options.text("zone") {
        profile.zone = TimeZone::get(zone).map_err(|_| wrong("zone", "is no zone such as Asia/Tokyo"))?;
    }
    for ours in COLUMNS {
        if let Some(theirs) = options.text(&format!("{ours}_column")) {
            profile.rename(ours, theirs);
        }
    }
    profile.reword(options.words("cancelled_words"), options.words("shipped_words"));
    let lower_case = options.one_of("key_case", &[("exact", false), ("lower", true)])?;
    let separator = options.text("key_separator");
    if matches!(profile.key, KeyForm::Joined { .. }) || separator.is_some() || lower_case {
        profile.key = KeyForm::Joined { separator: separator.unwrap_or("/").to_owned(), lower_case };
    }
    Ok(profile)
}

fn layout(options: &Options<'_>, profile: &Profile) -> Checked<Layout> {
    let name = options.text("stock_name").unwrap_or("stock-%Y%m%d-%H%M%S.csv").to_owned();
    check_pattern("stock_name", &name, &profile.zone)?;
    let separator = match &profile.key {
        KeyForm::Joined { separator, .. } => separator.clone(),
        KeyForm::Yahoo => ":".into(),
        KeyForm::Rakuten | KeyForm::AuPay => "/".into(),
    };
    let layout = Layout {
        columns: Layout::columns(options.text("stock_columns").unwrap_or("mall_key={key},quantity={quantity}"))
            .map_err(|message| wrong("stock_columns", &message))?,
        name,
        zone: profile.zone.clone(),
        separator,
        is_full: options.one_of("stock_file", &[("differential", false), ("full", true)])?,
        cp932: options.one_of("stock_encoding", &[("cp932", true), ("utf-8", false), ("utf-8-mark", false)])?,
        mark: options.text("stock_encoding") == Some("utf-8-mark"),
        line_end: options.one_of("stock_line_end", &[("crlf", "\r\n"), ("lf", "\n")])?,
    };
    match layout.encode(&[]) {
        Ok(_) => Ok(layout),
        Err(message) => Err(wrong("stock_columns", &message)),
    }
}

impl Options<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.0.options.get(key).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn folder(&self, key: &str) -> Checked<PathBuf> {
        let path = PathBuf::from(self.text(key).ok_or_else(|| wrong(key, "is required"))?);
        if path.is_absolute() { Ok(path) } else { Err(wrong(key, "is no absolute path")) }
    }

    fn number(&self, key: &str, default: i64) -> Checked<i64> {
        let Some(text) = self.text(key) else { return Ok(default) };
        let number = text.parse::<i64>().ok().filter(|number| (0..=100_000).contains(number));
        number.ok_or_else(|| wrong(key, "is no whole number from 0 to 100000"))
    }

    fn words(&self, key: &str) -> Option<Vec<String>> {
        let words = self.text(key)?.split([',', '、']).map(|word| word.trim().to_owned());
        Some(words.filter(|word| !word.is_empty()).collect())
    }

    /// The first is the default.
    fn one_of<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Checked<T> {
        let word = self.text(key).unwrap_or(known[0].0);
        let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        found.ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            wrong(key, &format!("is none of {}", names.join(", ")))
        })
    }
}

/// A pattern that no time can be written by can't be read by either.
fn check_pattern(key: &str, pattern: &str, zone: &TimeZone) -> Checked<()> {
    let named = strtime::format(pattern, &Timestamp::UNIX_EPOCH.to_zoned(zone.clone()));
    match named {
        Ok(name) if !name.starts_with('.') && !name.contains(['/', '\\']) => Ok(()),
        Ok(_) => Err(wrong(key, "is no name of a file, or of a hidden one")),
        Err(_) => Err(wrong(key, "is no pattern such as orders-%Y%m%d-%H%M%S.csv")),
    }
}

fn wrong(key: &str, message: &str) -> SettingsError {
    SettingsError { key: format!("options.{key}"), message: message.into() }
}
