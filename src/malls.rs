//! The malls that this build can talk to: the only file that names one.

use uriba_sdk::MallEntry;

pub static MALLS: [&MallEntry; 4] =
    [&uriba_rakuten::MALL, &uriba_yahoo::MALL, &uriba_amazon::MALL, &uriba_sample::MALL];

pub fn find(id: &str) -> Option<&'static MallEntry> {
    MALLS.into_iter().find(|mall| mall.id == id)
}
