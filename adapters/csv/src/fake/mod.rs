//! The fake of a mall without an API: real files in a temporary folder, over the common book.
//!
//! Nothing is served. Whenever the adapter looks into the orders' folder there is an export of that moment, and as
//! soon as it has written a stock file the file is taken up, to take effect later: the two folders' far side is
//! joined to the adapter's own module for files, so that nothing depends on when a thread wakes.

pub(crate) mod export;
mod upload;

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use uriba_sdk::{
    FulfilledBy, Order, Restored, Settings,
    fake::{Book, FakeMall, FakeOptions, Fault, Stage},
};

use crate::{
    card::{BY_ID, CARD, SEARCH},
    folder::far_side::{self, FarSide},
};

/// The newest exports so many stay in the folder: each holds all orders.
const EXPORTS_KEPT: usize = 5;
/// A file is taken up only when it has been left alone for a while. So old is each export when it is found.
const AGE: SignedDuration = SignedDuration::from_secs(15);

static FOLDERS: AtomicU64 = AtomicU64::new(0);

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(CsvFake::start(&options)) as Box<dyn FakeMall> })
}

struct CsvFake {
    shop: String,
    root: PathBuf,
    desk: Arc<Desk>,
}

/// What happens at the mall's end.
struct Desk {
    book: Book,
    orders: PathBuf,
    stock: PathBuf,
    ways: Mutex<Ways>,
    exports: AtomicU64,
}

/// How this mall writes its files: nobody knows of the next one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ways {
    pub cp932: bool,
    pub mark: bool,
    /// Times without seconds.
    pub minutes: bool,
    /// Every cell in quotes, lines that end in LF, and another order of columns.
    pub quoted: bool,
    /// The same file is written anew each time.
    pub one_file: bool,
}

const SWITCHES: [&str; 5] = ["cp932", "mark", "minutes", "quoted", "one_file"];

impl CsvFake {
    fn start(options: &FakeOptions) -> Self {
        let book = Book::new(options.env.clone(), |n, _| format!("PM-{n:07}"), CARD.orders.visibility_lag);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("uriba-csv-{}-{number}", std::process::id()));
        let (orders, stock) = (root.join("orders"), root.join("stock"));
        for folder in [&orders, &stock] {
            std::fs::create_dir_all(folder).expect("a temporary folder can be made");
        }
        let desk = Desk {
            book,
            orders: orders.clone(),
            stock: stock.clone(),
            ways: Mutex::default(),
            exports: AtomicU64::new(0),
        };
        let desk = Arc::new(desk);
        far_side::join(&orders, desk.clone());
        far_side::join(&stock, desk.clone());
        Self { shop: options.shop.clone(), root, desk }
    }

    fn change(&self, change: impl FnOnce(&mut Ways)) {
        change(&mut self.desk.ways.lock().expect("no panic happens under this lock"));
    }
}

impl Drop for CsvFake {
    fn drop(&mut self) {
        far_side::leave(&self.desk.orders);
        far_side::leave(&self.desk.stock);
        // What a system's cleaner would do some days later.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl FakeMall for CsvFake {
    fn book(&self) -> &Book {
        &self.desk.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let folder = |path: &Path| path.display().to_string();
        let options = [
            ("orders_folder", folder(&self.desk.orders)),
            ("stock_folder", folder(&self.desk.stock)),
            ("key_case", "lower".into()),
        ];
        Settings {
            channel: channel.into(),
            options: options.map(|(key, text)| (key.to_owned(), text)).into(),
            ..Settings::default()
        }
    }

    fn mall_key(&self, n: usize) -> String {
        let variation = ["", "/赤", "/m-01"][n % 3];
        format!("{}-chawan-{n:04}{variation}", self.shop)
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {} ", key.to_uppercase())
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::OnHold]
    }

    fn expressible(&self, mut order: Order) -> Order {
        let ways = *self.desk.ways.lock().expect("no panic happens under this lock");
        let told = |at: Timestamp| export::grain(at, ways);
        order.family = None;
        order.revision = None;
        order.updated_at = None;
        order.placed_at = told(order.placed_at);
        order.fulfilled_by = FulfilledBy::Seller;
        for line in &mut order.lines {
            line.shipped_at = line.shipped_at.filter(|_| line.shipped > 0).map(told);
            line.returned = 0;
            line.restored = Restored::Unknown;
            line.original = None;
        }
        order
    }

    fn speaks_http(&self) -> bool {
        false
    }

    fn shop_name(&self) -> Option<String> {
        Some(self.desk.orders.display().to_string())
    }

    fn expire_credentials(&self) {}

    fn renew_credentials(&self) {}

    fn switches(&self) -> &'static [&'static str] {
        &SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        self.change(|ways| match name {
            "cp932" => ways.cp932 = on,
            "mark" => ways.mark = on,
            "minutes" => ways.minutes = on,
            "quoted" => ways.quoted = on,
            "one_file" => ways.one_file = on,
            _ => {}
        });
    }
}

impl FarSide for Desk {
    fn before_listing(&self, operation: &'static str) {
        if operation == SEARCH || operation == BY_ID {
            self.export(self.book.next_fault(operation));
        }
    }

    fn after_writing(&self, name: &str) {
        let path = self.stock.join(name);
        if let Some(bytes) = std::fs::read(&path).ok().filter(|_| !name.starts_with('.')) {
            upload::take_up(&self.book, &bytes);
            std::fs::remove_file(&path).expect("a file of the fake's own folder can go");
        }
    }
}

impl Desk {
    /// An export of all orders that the console shows by now.
    fn export(&self, fault: Option<Fault>) {
        let ways = *self.ways.lock().expect("no panic happens under this lock");
        let now = self.book.now();
        let number = self.exports.fetch_add(1, Ordering::Relaxed);
        let mut bytes = export::file(&self.book.visible(), ways, fault.as_ref());
        match fault {
            Some(Fault::Truncate) => bytes.truncate(bytes.len() / 2),
            Some(Fault::Garbage(garbage)) => bytes = garbage,
            _ => {}
        }
        let name = if ways.one_file { "orders.csv".to_owned() } else { format!("orders-{number:06}.csv") };
        let path = self.orders.join(name);
        std::fs::write(&path, bytes).expect("a file of the fake's own folder can be written");
        let written = std::fs::File::options().write(true).open(&path);
        // Exports of one instant are told apart, as their files' times would tell them apart.
        let tick = SignedDuration::from_micros(i64::try_from(number).unwrap_or(0));
        let modified = std::time::SystemTime::from(now - AGE + tick);
        written.and_then(|file| file.set_modified(modified)).expect("its time can be set");
        if let Some(old) = number.checked_sub(EXPORTS_KEPT as u64) {
            let _ = std::fs::remove_file(self.orders.join(format!("orders-{old:06}.csv")));
        }
    }
}
