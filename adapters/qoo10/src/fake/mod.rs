//! The stateful fake: the common book behind QAPI, and as strict as the mall is said to be.
//!
//! * [`desk`] keeps what is asked before any content is looked at: the key, the form, and words the envelope.
//! * [`shown`] is how the mall shows an order of the book, and what of it survives the format.
//! * [`orders`] answers the two lists and the look-up, [`stock`] the bulk writes, [`items`] what is listed.
//!
//! Facts that nobody is sure of are switches; README, Uncertain, tells why each is one.

mod article;
mod desk;
mod items;
mod orders;
mod shown;
mod stock;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use uriba_sdk::{
    Listed, Order, Settings,
    fake::{Book, FakeMall, FakeOptions, FakeServer, IdMaker, Reply, Stage, Visit},
};

use crate::card::CARD;
use article::Article;
use desk::{Desk, Words};

/// What nobody is sure of.
const SWITCHES: &[&str] = &[
    CLAIMS_STAY_LISTED,
    BOUNDS_EXCLUSIVE,
    STATUSES_AS_CAPTIONS,
    NUMBERS_AS_TEXT,
    NOTHING_IS_NULL,
    LOOK_UP_BRINGS_CART,
    UNKNOWN_ORDER_REFUSED,
    REFUSES_IN_ERROR_FORM,
    FAILURES_AS_COLUMNS,
    EVERY_LINE_TOLD,
    FAILURES_UNTOLD,
    OMITTED_PRICE_IS_ZERO,
    OMITTED_END_PROLONGS,
    SHOWS_AT_ONCE,
    THROTTLES_WITH_503,
];

/// An order whose cancel is asked for stays in the lists by shipping status.
pub const CLAIMS_STAY_LISTED: &str = "claims-stay-listed";
/// The ends of a search's window don't belong to it.
pub const BOUNDS_EXCLUSIVE: &str = "bounds-exclusive";
/// Statuses of a look-up are captions instead of digits.
pub const STATUSES_AS_CAPTIONS: &str = "statuses-as-captions";
/// Numbers come as texts.
pub const NUMBERS_AS_TEXT: &str = "numbers-as-text";
/// A list of nothing is null, and an item that doesn't exist is a list of nothing.
pub const NOTHING_IS_NULL: &str = "nothing-is-null";
/// The look-up of one order brings all of its cart.
pub const LOOK_UP_BRINGS_CART: &str = "look-up-brings-cart";
/// An order that doesn't exist is refused instead of being a list of nothing.
pub const UNKNOWN_ORDER_REFUSED: &str = "unknown-order-refused";
/// A refused key is told by `ErrorCode` instead of the envelope.
pub const REFUSES_IN_ERROR_FORM: &str = "refuses-in-error-form";
/// Failed lines of a bulk call are told as `Keys` and `Values`.
pub const FAILURES_AS_COLUMNS: &str = "failures-as-columns";
/// A bulk call that fails in part tells of the good lines, too.
pub const EVERY_LINE_TOLD: &str = "every-line-told";
/// A bulk call that fails in part doesn't say where.
pub const FAILURES_UNTOLD: &str = "failures-untold";
/// An option that a bulk call writes without `Price` loses its extra price.
pub const OMITTED_PRICE_IS_ZERO: &str = "omitted-price-is-zero";
/// An item written without `ExpireDate` is on sale for another year.
pub const OMITTED_END_PROLONGS: &str = "omitted-end-prolongs";
/// The store page sells by a new figure at once.
pub const SHOWS_AT_ONCE: &str = "shows-at-once";
/// Too many requests are answered with 503 instead of 429.
pub const THROTTLES_WITH_503: &str = "throttles-with-503";

const PATH: &str = r"^/GMKT\.INC\.Front\.QAPIService/ebayjapan\.qapi";

pub fn start(options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    Box::pin(async move { Box::new(Fake::start(options).await) as Box<dyn FakeMall> })
}

struct Fake {
    server: FakeServer,
    desk: Arc<Desk>,
}

type Handler = fn(&Desk, &Visit<'_>) -> Reply;

impl Fake {
    async fn start(options: FakeOptions) -> Self {
        let ids: IdMaker = if options.shop == "b" { |n, _| order_no(8, n) } else { |n, _| order_no(7, n) };
        let book = Book::new(options.env.clone(), ids, CARD.orders.visibility_lag);
        book.one_line_orders();
        book.page_lags();
        let desk = Arc::new(Desk::new(book.clone(), &options.shop));
        let words = Box::new(Words(desk.clone()));
        let server = FakeServer::start(book, &options, &CARD, &options.shop, &options.shop, words).await;
        let methods: [(&str, &str, Handler); 9] = [
            ("orders.search", "ShippingBasic.GetShippingInfo_v3", orders::search),
            ("orders.claims", "ShippingBasic.GetClaimInfo_V3", orders::claims),
            ("orders.get", "ShippingBasic.GetShippingAndClaimInfoByOrderNo_V2", orders::one),
            ("stock.items", "ItemsOrder.SetGoodsPriceQtyBulk", stock::items),
            ("stock.options", "ItemsOptions.UpdateInventoryDataBulk", stock::options),
            ("stock.option", "ItemsOptions.UpdateInventoryQtyUnit", stock::option),
            ("stock.read", "ItemsLookup.GetItemDetailInfo", items::detail),
            ("stock.read", "ItemsLookup.GetGoodsInventoryInfo", items::inventory),
            ("items.list", "ItemsLookup.GetAllGoodsInfo", items::list),
        ];
        for (operation, method, handler) in methods {
            let at = desk.clone();
            // Method names are not told apart by case.
            let path = format!("(?i){PATH}/{}$", method.replace('.', r"\."));
            server.endpoint(operation, "POST", &path, move |visit| handler(&at, visit)).await;
        }
        Self { server, desk }
    }
}

impl FakeMall for Fake {
    fn book(&self) -> &Book {
        &self.desk.book
    }

    fn settings(&self, channel: &str) -> Settings {
        Settings {
            channel: channel.to_owned(),
            base_url: Some(self.server.uri()),
            credentials: [("key".to_owned(), self.desk.key.clone().into())].into(),
            ..Settings::default()
        }
    }

    /// Items by the seller's code and by the mall's number alone, options on one axis and, with an extra price, on two.
    fn mall_key(&self, n: usize) -> String {
        let shop = &self.desk.shop;
        match n % 4 {
            0 => format!("{shop}-cup-{n:04}"),
            1 => format!("{shop}-set-{:02}/c{n:04}", n / 80),
            2 => format!("31{:08}", n + 10_000 * usize::from(shop.bytes().next().unwrap_or(0))),
            _ => format!("{shop}-fit-{:02}/s{n:04}", n / 80),
        }
    }

    /// By the mall's number, options in another case, all of it full-width.
    fn spelling(&self, key: &str) -> String {
        let article = Article::of(key);
        let spelled = match &article.option {
            Some(option) => format!("{}/{}", article.seller, option.to_uppercase()),
            None => article.number,
        };
        let wide = |c: char| match c {
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
            other => other,
        };
        format!("　{} ", spelled.chars().map(wide).collect::<String>())
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Unpaid, Stage::Ready, Stage::OnHold, Stage::PreOrder, Stage::Requested]
    }

    fn expressible(&self, order: Order) -> Order {
        shown::expressible(&self.desk.book, order)
    }

    fn siblings(&self) -> BTreeMap<String, String> {
        [("Price".to_owned(), "300".to_owned()), ("ExpireDate".to_owned(), "2028-03-31".to_owned())].into()
    }

    fn shop_name(&self) -> Option<String> {
        Some(desk::seller_id(&self.desk.shop))
    }

    fn listed(&self, key: &str) -> Option<Listed> {
        let article = Article::of(key);
        let seller = Some(article.seller).filter(|seller| !seller.is_empty());
        Some(Listed { key: key.to_owned(), code: article.option.or(seller), ..Listed::default() })
    }

    fn expire_credentials(&self) {
        self.desk.kill_key(true);
    }

    fn renew_credentials(&self) {
        self.desk.kill_key(false);
    }

    fn switches(&self) -> &'static [&'static str] {
        SWITCHES
    }

    fn set_switch(&self, name: &str, on: bool) {
        if let Some(known) = SWITCHES.iter().find(|known| **known == name) {
            self.desk.set(known, on);
        }
    }
}

fn order_no(shop: u64, n: u64) -> String {
    (shop * 100_000_000 + n).to_string()
}
