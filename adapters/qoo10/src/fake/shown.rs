//! How the mall shows an order of the book.
//!
//! The book's orders have units shipped and cancelled; the mall has one line that is open, gone, back or cancelled.
//! Units shipped in part are still to be shipped here, and units cancelled in part make the quantity smaller.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uriba_sdk::{
    FulfilledBy, Line, Order, Restored,
    fake::{Book, BookOrder, Stage},
};

use super::{STATUSES_AS_CAPTIONS, article::Article, desk::Desk};
use crate::{jst, orders::State};

pub struct Shown {
    pub id: String,
    pub quantity: u32,
    pub article: Option<Article>,
    pub state: State,
    pub status: u8,
    pub claim: Option<u8>,
    pub placed_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub shipped_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    /// When the claim was made, and completed.
    pub claimed_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    stage: Stage,
}

impl Shown {
    pub fn of(found: &BookOrder, stale: bool) -> Self {
        let order = found.before.as_deref().filter(|_| stale).unwrap_or(&found.order);
        Self::new(order, found.stage)
    }

    fn new(order: &Order, stage: Stage) -> Self {
        let line = &order.lines[0];
        let is_cancelled = line.cancelled >= line.ordered;
        let quantity = if is_cancelled { line.ordered } else { line.ordered - line.cancelled };
        let state = match line {
            _ if is_cancelled => State::Cancelled,
            line if line.shipped < quantity => State::Open,
            line if line.returned >= quantity => State::Returned,
            _ => State::Shipped,
        };
        let is_odd = order.id.ends_with(['1', '3', '5', '7', '9']);
        let placed_at = jst::second(order.placed_at);
        let changed_at = order.updated_at.map_or(placed_at, jst::second).max(placed_at);
        let shipped_at = line.shipped_at.map(jst::second).filter(|_| matches!(state, State::Shipped | State::Returned));
        let (status, claim) = match (state, stage) {
            (State::Open, Stage::Unpaid) => (1, None),
            (State::Open, Stage::OnHold) => (3, None),
            (State::Open, Stage::Requested) => (2, Some(if is_odd { 1 } else { 2 })),
            (State::Open, _) => (2, None),
            (State::Shipped, _) => (if is_odd { 4 } else { 5 }, None),
            (State::Returned, _) => (5, Some(6)),
            // Never paid.
            (State::Cancelled, Stage::Unpaid) => (1, Some(16)),
            (State::Cancelled, _) => (2, Some(3)),
        };
        let paid_at = match (state, stage) {
            (State::Open | State::Cancelled, Stage::Unpaid) => None,
            (State::Open, _) => Some(changed_at),
            _ => Some(placed_at),
        };
        Self {
            id: order.id.clone(),
            quantity,
            article: line.mall_key.as_deref().map(Article::of),
            state,
            status,
            claim,
            placed_at,
            paid_at,
            shipped_at,
            delivered_at: shipped_at.filter(|_| status == 5 && claim.is_none()),
            claimed_at: claim.map(|_| changed_at),
            completed_at: claim.filter(|claim| *claim > 2).map(|_| changed_at),
            stage,
        }
    }

    fn moved_at(&self) -> Timestamp {
        let dates = match self.state {
            State::Open => [self.paid_at, None, None],
            State::Shipped => [self.paid_at, self.shipped_at, self.delivered_at],
            State::Returned | State::Cancelled => [self.paid_at, self.shipped_at, self.completed_at],
        };
        dates.into_iter().flatten().fold(self.placed_at, Timestamp::max)
    }

    /// A row of GetShippingInfo_v3. `pack`: the cart and the other orders of it.
    pub fn row(&self, desk: &Desk, status: &str, pack: &(String, Vec<String>)) -> Value {
        let code = |of: fn(&Article) -> &str| self.article.as_ref().map_or("", of);
        json!({
            "ShippingStatus": status,
            "SellerID": super::desk::seller_id(&desk.shop),
            "PackNo": number(&pack.0),
            "OrderNo": number(&self.id),
            "OrderDate": jst::local(self.placed_at),
            "PaymentDate": date(self.paid_at),
            "EstimatedShippingDate": "",
            "ShippingDate": date(self.shipped_at),
            "DeliveredDate": date(self.delivered_at),
            "Buyer": "見本 花子",
            "BuyerTel": "+81-3-0000-0000",
            "Receiver": "見本 花子",
            "ShippingAddress": "東京都見本区1-2-3",
            "ItemNo": code(|article| &article.number),
            "SellerItemCode": code(|article| &article.seller),
            "ItemTitle": "湯呑み",
            "Option": self.article.as_ref().map(Article::option_value).unwrap_or_default(),
            "OptionCode": code(|article| article.option.as_deref().unwrap_or_default()),
            "OrderPrice": 1200.0,
            "OrderQty": self.quantity,
            "RelatedOrder": pack.1.join(","),
            "AvailableSendType": if self.stage == Stage::PreOrder { "2" } else { "0" },
            "Currency": "JPY",
        })
    }

    /// A row of GetClaimInfo_V3, which has no option code.
    pub fn claim_row(&self, desk: &Desk, pack: &(String, Vec<String>)) -> Value {
        let mut row = self.both(desk, "", pack);
        for name in ["optionCode", "option", "shippingStatus"] {
            row.remove(name);
        }
        Value::Object(row)
    }

    /// The one row of GetShippingAndClaimInfoByOrderNo_V2.
    pub fn whole_row(&self, desk: &Desk, status: &str, pack: &(String, Vec<String>)) -> Value {
        Value::Object(self.both(desk, status, pack))
    }

    fn both(&self, desk: &Desk, status: &str, pack: &(String, Vec<String>)) -> Map<String, Value> {
        let code = |of: fn(&Article) -> &str| self.article.as_ref().map_or("", of);
        let claim =
            self.claim.map(|claim| if desk.is(STATUSES_AS_CAPTIONS) { caption(claim) } else { claim.to_string() });
        let row = json!({
            "shippingStatus": status,
            "sellerID": super::desk::seller_id(&desk.shop),
            "packNo": number(&pack.0),
            "orderNo": number(&self.id),
            "orderDate": jst::local(self.placed_at),
            "PaymentDate": date(self.paid_at),
            "shippingDate": date(self.shipped_at),
            "DeliveredDate": date(self.delivered_at),
            "claimStatus": claim.unwrap_or_default(),
            "requestDate": date(self.claimed_at),
            "cancelRefundDate": date(self.completed_at),
            "reason": "",
            "buyer": "見本 花子",
            "receiver": "見本 花子",
            "shippingAddr": "東京都見本区1-2-3",
            "itemCode": code(|article| &article.number),
            "sellerItemCode": code(|article| &article.seller),
            "itemTitle": "湯呑み",
            "option": self.article.as_ref().map(Article::option_value).unwrap_or_default(),
            "optionCode": code(|article| article.option.as_deref().unwrap_or_default()),
            "orderQty": self.quantity,
            "currency": "JPY",
            "nrPartRefundCnt": 0,
        });
        match row {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// The order as it is read back from the rows above.
pub fn expressible(book: &Book, order: Order) -> Order {
    let stage = book.order(&order.id).map_or(Stage::Ready, |found| found.stage);
    let shown = Shown::new(&order, stage);
    let left = matches!(shown.state, State::Shipped | State::Returned);
    let only = |is: bool| if is { shown.quantity } else { 0 };
    let line = Line {
        id: "1".into(),
        mall_key: order.lines[0].mall_key.clone(),
        ordered: shown.quantity,
        cancelled: only(shown.state == State::Cancelled),
        shipped: only(left),
        returned: only(shown.state == State::Returned),
        restored: Restored::Unknown,
        shipped_at: shown.shipped_at,
        original: None,
    };
    let moved_at = shown.moved_at();
    Order {
        id: order.id,
        family: None,
        revision: Some((i64::from(shown.state as u8) << 40) + moved_at.as_second()),
        placed_at: shown.placed_at,
        updated_at: Some(moved_at),
        fulfilled_by: FulfilledBy::Seller,
        lines: vec![line],
    }
}

pub fn status(desk: &Desk, status: u8) -> String {
    let captions = ["配送待ち", "配送要請", "配送準備(3)", "配送中", "配送完了"];
    match captions.get(usize::from(status).wrapping_sub(1)) {
        Some(caption) if desk.is(STATUSES_AS_CAPTIONS) => (*caption).to_owned(),
        _ => status.to_string(),
    }
}

fn caption(claim: u8) -> String {
    let captions = [(1, "取消要請"), (2, "取消中"), (3, "取消完了"), (6, "返品完了(6)"), (16, "未納注文取消")];
    let known = captions.iter().find(|(known, _)| *known == claim);
    known.map_or_else(|| claim.to_string(), |(_, caption)| (*caption).to_owned())
}

fn number(id: &str) -> Value {
    id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number))
}

fn date(at: Option<Timestamp>) -> String {
    at.map(jst::local).unwrap_or_default()
}
