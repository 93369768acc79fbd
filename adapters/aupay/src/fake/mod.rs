//! The stateful fake: the common book behind this mall's formats, and as strict as the mall is said to be.
//!
//! * [`service`] keeps what is asked before any content is looked at: the key with its life, registered addresses, the
//!   shop's number, content types; and words the refusals.
//! * [`orders`] answers the searches for orders, [`stock`] searchStocks and updateStock.
//! * [`view`] is how the mall shows orders and listings of the book, and what of them survives the format.
//!
//! Facts that nobody is sure of are switches; README, Uncertain, tells why each is one.

mod orders;
mod service;
mod stock;
mod view;

use std::{future::Future, pin::Pin, sync::Arc};

use uriba_sdk::{
    Listed, Order, Settings,
    fake::{Book, FakeMall, FakeOptions, FakeServer, Reply, Stage, Visit},
};

use crate::card::CARD;
use service::{Service, Words};
use view::View;

/// A key or an address that isn't good is refused under HTTP 200 instead of by 401 and 403.
pub const REFUSALS_UNDER_200: &str = "key-refused-under-200";
/// Maintenance and "too fast" are told under HTTP 200.
pub const BUSY_UNDER_200: &str = "busy-under-200";
/// An order that the shop doesn't have is refused, not answered with an empty result.
pub const UNKNOWN_ORDER_REFUSED: &str = "unknown-order-refused";
/// `resultCount` counts all rows, not those of the answer.
pub const COUNT_IS_TOTAL: &str = "result-count-is-total";
/// At most 100 orders per page, whatever is asked for.
pub const SMALL_PAGES: &str = "small-pages";
/// The newest orders come first.
pub const NEWEST_FIRST: &str = "newest-first";
/// `shipDate` has a time of day.
pub const SHIP_DATES_HAVE_TIMES: &str = "ship-dates-have-times";
/// Orders that the shop holds back have a status of its own.
pub const OWN_STATUS: &str = "own-status";
/// The unused axis is empty instead of `-`.
pub const EMPTY_AXIS: &str = "unused-axis-empty";
/// Order lines spell the unused axis out.
pub const AXIS_IN_LINES: &str = "unused-axis-in-order-lines";
/// searchStocks finds every code that contains what is asked for.
pub const CODES_FOUND_IN_PART: &str = "codes-found-in-part";
/// Choices hold more than 999.
pub const CHOICES_HOLD_MORE: &str = "choices-hold-more";
/// Choices that a write leaves out become zero.
pub const OMITTED_BECOME_ZERO: &str = "omitted-choices-become-zero";

/// What nobody is sure of.
const SWITCHES: &[&str] = &[
    REFUSALS_UNDER_200,
    BUSY_UNDER_200,
    UNKNOWN_ORDER_REFUSED,
    COUNT_IS_TOTAL,
    SMALL_PAGES,
    NEWEST_FIRST,
    SHIP_DATES_HAVE_TIMES,
    OWN_STATUS,
    EMPTY_AXIS,
    AXIS_IN_LINES,
    CODES_FOUND_IN_PART,
    CHOICES_HOLD_MORE,
    OMITTED_BECOME_ZERO,
];

/// The caller's address is not registered.
pub const UNREGISTERED_IP: &str = "unregistered-ip";
/// updateStock takes 20 items instead of 200.
pub const FEW_ITEMS: &str = "few-items-per-call";

/// States that a shop can come into. Turned on like switches, and not among them: the contract can't be kept in each of
/// them.
const STATES: &[&str] = &[UNREGISTERED_IP, FEW_ITEMS];

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(Fake::start(options).await) as Box<dyn FakeMall> })
}

struct Fake {
    server: FakeServer,
    service: Arc<Service>,
    shop: String,
}

type Handler = fn(&Service, &Visit<'_>) -> Reply;

impl Fake {
    async fn start(options: FakeOptions) -> Self {
        let ids = if options.shop == "b" { |n, _| order_id(6, n) } else { |n, _| order_id(5, n) };
        let book = Book::new(options.env.clone(), ids, CARD.orders.visibility_lag);
        let service = Arc::new(Service::new(book.clone(), &options.shop));
        let words = Box::new(Words(service.clone()));
        let server = FakeServer::start(book, &options, &CARD, &service.shop_id, &options.shop, words).await;
        let endpoints: [(_, _, _, Handler); 5] = [
            ("orders.search", "GET", "searchTradeInfoListProc", orders::list),
            ("orders.get", "GET", "searchTradeInfoProc", orders::one),
            ("stock.read", "GET", "searchStocks", stock::read),
            ("items.read", "GET", "searchItemInfos", stock::items_read),
            ("stock.push", "POST", "updateStock", stock::write),
        ];
        for (operation, method, path, handler) in endpoints {
            let at = service.clone();
            let path = format!("^/wmshopapi/{path}$");
            server.endpoint(operation, method, &path, move |visit| handler(&at, visit)).await;
        }
        Self { server, service, shop: options.shop }
    }
}

impl FakeMall for Fake {
    fn book(&self) -> &Book {
        &self.service.book
    }

    fn settings(&self, channel: &str) -> Settings {
        let credentials = [("api_key", self.service.api_key.clone()), ("shop_id", self.service.shop_id.clone())];
        Settings {
            channel: channel.to_owned(),
            base_url: Some(self.server.uri()),
            credentials: credentials.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
            ..Settings::default()
        }
    }

    /// A plain item, two choices of one item along one axis, one choice along both.
    fn mall_key(&self, n: usize) -> String {
        let number = n / 4;
        match n % 4 {
            0 => format!("{}-tea{number:04}", self.shop),
            1 => format!("{}-cup{number:04}-wt", self.shop),
            2 => format!("{}-cup{number:04}-bk", self.shop),
            _ => format!("{}-mat{number:04}-l-red", self.shop),
        }
    }

    fn spelling(&self, key: &str) -> String {
        format!(" {}", key.to_uppercase().replacen("TEA", "ＴＥＡ", 1).replacen("CUP", "ＣＵＰ", 1))
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Ready, Stage::Unpaid, Stage::OnHold, Stage::PreOrder, Stage::Screening, Stage::Requested]
    }

    fn expressible(&self, order: Order) -> Order {
        let stage = self.service.book.order(&order.id).map_or(Stage::Ready, |kept| kept.stage);
        View::of(&self.service).expressible(order, stage)
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        let title = stock::title(&view::listed(key).item);
        Some(Listed { key: key.to_owned(), title: Some(title), ..Listed::default() })
    }

    fn expire_credentials(&self) {
        self.service.state().revoked = true;
    }

    fn renew_credentials(&self) {
        let now = self.service.book.now();
        self.service.state().renew(now);
    }

    fn switches(&self) -> &'static [&'static str] {
        SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        let Some(known) = SWITCHES.iter().chain(STATES).find(|known| **known == name) else { return };
        let switches = &mut self.service.state().switches;
        if on {
            switches.insert(known);
        } else {
            switches.remove(known);
        }
    }
}

fn order_id(first: u64, n: u64) -> String {
    (first * 100_000_000 + n).to_string()
}
