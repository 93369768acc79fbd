//! What a seller needs to connect a hub to the stall: the channel's configuration with its secrets in files, what
//! is listed there, and what lies in the warehouse.
//!
//! They are shown and laid down in a directory. What lies there already is never overwritten: shops of several
//! malls may share a directory, and somebody may have edited a file.

use std::{fs, io::ErrorKind, path::Path};

use secrecy::ExposeSecret;
use uriba_sdk::{Card, MallEntry, Settings, fake::FakeMall};

use super::StallError;
use crate::demo::sheet::sheet;

/// Where a mall's quota allows it, orders are asked for so often: somebody watches.
const POLL_S: f64 = 5.0;
const LOCATION: &str = "warehouse-1";

pub struct Papers {
    card: &'static Card,
    settings: Settings,
    listings: String,
    book: String,
}

impl Papers {
    pub fn new(mall: &'static MallEntry, fake: &dyn FakeMall, items: usize, stock: u32) -> Self {
        let settings = fake.settings(&format!("{}-fake", mall.id));
        let sku = |n: usize| format!("ITEM-{}", n + 1);
        let listed = (0..items).map(|n| vec![settings.channel.clone(), fake.mall_key(n), sku(n)]);
        let stocked = (0..items).map(|n| vec![LOCATION.to_owned(), sku(n), stock.to_string()]);
        let text = |bytes| String::from_utf8(bytes).expect("made of text");
        Self {
            card: mall.card,
            listings: text(sheet(&["channel", "mall_key", "sku"], listed)),
            book: text(sheet(&["location", "sku", "quantity"], stocked)),
            settings,
        }
    }

    /// Puts the files into the directory; says what is in them, and what to do with them.
    pub fn lay_down(&self, directory: &Path) -> Result<String, StallError> {
        let failed = |source| StallError::File(directory.to_owned(), source);
        fs::create_dir_all(directory).map_err(failed)?;
        let directory = &directory.canonicalize().map_err(failed)?;
        for (key, secret) in &self.settings.credentials {
            let path = directory.join(self.name(key));
            if !lay(&path, secret.expose_secret())? {
                return Err(StallError::Taken(path));
            }
        }
        let (channel, listings) = (self.channel(directory), self.name("listings.csv"));
        let around =
            format!("[core]\ncounts_shipments = \"at_once\"\n\n[pools.online]\nlocations = [\"{LOCATION}\"]\n");
        let files = [
            ("uriba.toml", format!("{around}\n{channel}"), &channel),
            (&listings, self.listings.clone(), &self.listings),
            ("book.csv", self.book.clone(), &self.book),
        ];
        let folder = directory.display();
        let mut said = format!("For a hub of it, in {folder}:\n");
        for (name, text, shown) in files {
            let kept = if lay(&directory.join(name), &text)? { "" } else { " (another one is there, and stays)" };
            said += &format!("\n# {name}{kept}\n{shown}");
        }
        said += &format!(
            "\nIn another terminal:\n\n  cd {folder}\n  uriba check --online\n  uriba stock import book book.csv\n  \
             uriba listing import {listings}\n  uriba serve\n"
        );
        Ok(said)
    }

    /// `[[channels]]`, to be pasted.
    fn channel(&self, directory: &Path) -> String {
        let Settings { channel, base_url, auth_url, credentials, options } = &self.settings;
        let says = |key: &str, value: &str| format!("{key} = {}", toml::Value::from(value));
        let mut lines = vec!["[[channels]]".to_owned(), says("id", channel), says("mall", self.card.mall)];
        lines.push(says("mode", "live"));
        if self.is_quick() {
            lines.push(says("poll_interval", &format!("{POLL_S}s")));
        }
        lines.extend(base_url.iter().map(|url| says("base_url", url)));
        lines.extend(auth_url.iter().map(|url| says("auth_url", url)));
        if !options.is_empty() {
            lines.push("[channels.options]".into());
            lines.extend(options.iter().map(|(key, value)| says(key, value)));
        }
        lines.push("[channels.credentials]".into());
        for key in credentials.keys() {
            let file = directory.join(self.name(key)).display().to_string();
            lines.push(format!("{key} = {{ {} }}", says("file", &file)));
        }
        lines.join("\n") + "\n"
    }

    /// The quota of searches leaves room for a poll every few seconds.
    fn is_quick(&self) -> bool {
        let searches = self.card.quotas.iter().find(|quota| quota.name == "orders.search");
        searches.is_none_or(|quota| quota.per_second * POLL_S >= 1.0)
    }

    fn name(&self, what: &str) -> String {
        format!("{}.{what}", self.settings.channel)
    }
}

/// False when something else lies there.
fn lay(path: &Path, text: &str) -> Result<bool, StallError> {
    match fs::read(path) {
        Ok(there) => Ok(there == text.as_bytes()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::write(path, text).map_err(|source| StallError::File(path.to_owned(), source))?;
            Ok(true)
        }
        Err(source) => Err(StallError::File(path.to_owned(), source)),
    }
}
