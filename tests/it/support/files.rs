//! Files as a core system drops them.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use uriba::{
    config::order_files,
    domain::{business_day::BusinessDays, ledger::CountsShipments},
    engine::{
        braked::Guard,
        import::{CoreFile, FileKind, ImportReport, ImportState, Profile, Terms, import_file},
    },
    store::core_files::CoreRules,
};

use super::{SHOP, TestBase, intake};

/// Written as the manual calls for.
pub static PLAIN: LazyLock<Profile> = LazyLock::new(Profile::default);
static BRAKED: LazyLock<Guard> = LazyLock::new(Guard::default);
static TERMS: LazyLock<Terms> = LazyLock::new(|| terms(&["a", "b"]));

/// What files need to know of the channels.
pub fn terms(channels: &[&str]) -> Terms {
    let intakes = channels.iter().map(|id| ((*id).to_owned(), intake(id))).collect();
    Terms { intakes, ..Terms::default() }.reading(order_files::read)
}

/// A file that nobody says the time of.
pub fn core_file(kind: FileKind, bytes: &[u8]) -> CoreFile<'_> {
    CoreFile {
        kind,
        name: match kind {
            FileKind::Book => "book.csv",
            FileKind::Sales => "sales.csv",
            FileKind::Receipts => "receipts.csv",
            FileKind::Holdbacks => "holdbacks.csv",
            FileKind::Orders => "orders.csv",
            FileKind::Bundles => "bundles.csv",
            FileKind::Listings => "listings.csv",
        },
        bytes,
        as_of: None,
        date: None,
        profile: &PLAIN,
        channel: None,
        guard: &BRAKED,
        dry_run: false,
        skip_invalid: false,
        create_skus: false,
        by: "test",
        terms: &TERMS,
        progress: None,
    }
}

/// A time of the test's month in Japan: `"21T00:30"`.
pub fn at(time: &str) -> Timestamp {
    format!("2026-11-{time}:00+09:00").parse().unwrap()
}

pub fn core_rules(counts: CountsShipments) -> CoreRules {
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    CoreRules { days: BusinessDays { zone, starts: Time::midnight() }, counts: Some(counts) }
}

impl TestBase {
    /// Days begin at midnight in Japan.
    pub async fn core(&self, counts: CountsShipments) {
        self.store.set_core(&core_rules(counts)).await.unwrap();
    }

    /// A file made at that time, which arrives a minute later.
    pub async fn drop(&self, kind: FileKind, made: &str, text: &str) -> ImportReport {
        self.env.advance_to(at(made) + SignedDuration::from_mins(1));
        self.pick_up(kind, made, text).await
    }

    /// A file made at that time, which arrives now.
    pub async fn pick_up(&self, kind: FileKind, made: &str, text: &str) -> ImportReport {
        let file = CoreFile { as_of: Some(at(made)), ..core_file(kind, text.as_bytes()) };
        let report = import_file(&self.store, &file).await.unwrap();
        assert_ne!(report.state, ImportState::Refused, "{:?}", report.rejected);
        report
    }

    /// The shop's sales of a date so far.
    pub async fn sales(&self, made: &str, date: &str, rows: &[(&str, i64)]) -> ImportReport {
        self.drop(FileKind::Sales, made, &figures(date, rows)).await
    }

    /// The book of the shop.
    pub async fn shop_book(&self, made: &str, rows: &[(&str, i64)]) -> ImportReport {
        let lines = rows.iter().map(|(sku, units)| format!("{SHOP},{sku},{units}\n"));
        self.drop(FileKind::Book, made, &format!("location,sku,quantity\n{}", lines.collect::<String>())).await
    }

    /// What can be sold of it, by the stock sheet.
    pub async fn sellable(&self, sku: &str) -> i64 {
        let sheet = self.store.sku_sheet(sku, &Default::default()).await.unwrap();
        sheet.pools[0].sellable.expect("it has a figure")
    }
}

/// Rows of a sales or receipts file of the shop.
pub fn figures(date: &str, rows: &[(&str, i64)]) -> String {
    let lines = rows.iter().map(|(sku, units)| format!("{SHOP},{sku},{units},2026-11-{date}\n"));
    format!("location,sku,quantity,business_date\n{}", lines.collect::<String>())
}
