//! The malls that this build can talk to: the only file that names one.

/// Orders out of the malls' own files.
pub use uriba_csv::reader as order_files;
use uriba_sdk::MallEntry;

pub static MALLS: &[&MallEntry] = &[
    &uriba_rakuten::MALL,
    &uriba_yahoo::MALL,
    &uriba_amazon::MALL,
    &uriba_aupay::MALL,
    &uriba_qoo10::MALL,
    &uriba_mercari::MALL,
    &uriba_shopify::MALL,
    &uriba_ebay::MALL,
    &uriba_csv::MALL,
    &uriba_sidecar::MALL,
    #[cfg(feature = "dynamodb")]
    &uriba_dynamodb::MALL,
    &uriba_sample::MALL,
];

/// The made-up mall among them, whose adapter new ones are made from.
pub const TEMPLATE: &str = "sample";

pub fn find(id: &str) -> Option<&'static MallEntry> {
    MALLS.iter().copied().find(|mall| mall.id == id)
}
