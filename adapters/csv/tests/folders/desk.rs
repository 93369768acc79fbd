//! The two folders and the adapter between them, on a clock that moves when told to.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use uriba_csv::{CARD, MALL};
use uriba_sdk::{
    Mall, Order, Page, Query, Result, Settings, Span, Update, Wire, Write,
    env::Env,
    fake::ManualEnv,
    mall::SettingsError,
    wire::{Gates, Vault},
};

pub type Timestamp = jiff::Timestamp;

pub const HEADER: &str = "order_id,line,mall_key,ordered,cancelled,shipped,ordered_at";

pub struct Desk {
    root: TempDir,
    pub env: Arc<ManualEnv>,
    pub mall: Box<dyn Mall>,
    settings: Settings,
}

impl Desk {
    /// The clock stands at 2026-11-20 10:00 in Japan.
    pub fn new(options: &[(&str, &str)]) -> Self {
        let root = TempDir::new().unwrap();
        for folder in ["orders", "stock"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let folder = |name: &str| root.path().join(name).display().to_string();
        let mut settings = Settings { channel: "ponpare".into(), ..Settings::default() };
        settings.options = [("orders_folder", folder("orders")), ("stock_folder", folder("stock"))]
            .map(|(key, text)| (key.to_owned(), text))
            .into();
        settings.options.extend(options.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())));
        let env = Arc::new(ManualEnv::new(3));
        let mall = open(&settings, &env).unwrap();
        Self { root, env, mall, settings }
    }

    /// As after a restart.
    pub fn reopen(&mut self) {
        self.mall = open(&self.settings, &self.env).unwrap();
    }

    pub fn orders(&self) -> PathBuf {
        self.root.path().join("orders")
    }

    pub fn stock(&self) -> PathBuf {
        self.root.path().join("stock")
    }

    /// A file written so many minutes ago.
    pub fn put(&self, name: &str, minutes_ago: u64, body: impl AsRef<[u8]>) {
        let path = self.orders().join(name);
        std::fs::write(&path, body).unwrap();
        let at = SystemTime::from(self.env.now()) - Duration::from_secs(minutes_ago * 60);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
    }

    /// With the hub's own header.
    pub fn put_rows(&self, name: &str, minutes_ago: u64, rows: &[&str]) {
        let lines: String = std::iter::once(&HEADER).chain(rows).map(|row| format!("{row}\n")).collect();
        self.put(name, minutes_ago, lines);
    }

    pub async fn pull_page(&self, from: &str, to: &str, token: Option<String>) -> Result<Page> {
        let span = Span::Window { from: at(from), to: at(to) };
        self.mall.pull(&Query { span, open_only: false, token }).await
    }

    /// The last day, as one page.
    pub async fn pull(&self) -> Result<Page> {
        self.pull_page("2026-11-19 10:00", "2026-11-20 10:00", None).await
    }

    pub async fn order(&self, id: &str) -> Option<Order> {
        self.mall.by_id(&[id.to_owned()]).await.unwrap().orders.pop()
    }

    pub async fn push(&self, rows: &[(&str, i64)]) -> Result<Vec<uriba_sdk::Outcome>> {
        let update =
            |(key, figure): &(&str, i64)| Update { key: (*key).into(), handle: None, write: Write::Absolute(*figure) };
        self.mall.push(&rows.iter().map(update).collect::<Vec<_>>()).await
    }

    /// Names and bodies of the visible files there, by name.
    pub fn stock_files(&self) -> Vec<(String, Vec<u8>)> {
        files(&self.stock()).into_iter().filter(|(name, _)| !name.starts_with('.')).collect()
    }
}

pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect();
    files.sort();
    files
}

pub fn open(settings: &Settings, env: &Arc<ManualEnv>) -> std::result::Result<Box<dyn Mall>, SettingsError> {
    let wire = Wire::new(env.clone(), Arc::new(Gates::fresh()), Arc::new(Vault::default()), &CARD, settings);
    (MALL.open)(settings, wire)
}

/// An instant by Japan's clock.
pub fn at(text: &str) -> Timestamp {
    text.replace(' ', "T").parse::<jiff::civil::DateTime>().unwrap().in_tz("Asia/Tokyo").unwrap().timestamp()
}

pub fn ids(orders: &[Order]) -> Vec<&str> {
    orders.iter().map(|order| order.id.as_str()).collect()
}
