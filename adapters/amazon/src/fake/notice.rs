//! ORDER_CHANGE as EventBridge hands it to a function, and as that function forwards it.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use uriba_sdk::{FulfilledBy, fake::Notification};

use super::shop::Shop;
use crate::card::JAPAN;

pub fn order_change(shop: &Shop, order: &str) -> Option<Notification> {
    let kept = shop.book.order(order)?.order;
    let at = shop.book.now().to_string();
    let fulfilled = if kept.fulfilled_by == FulfilledBy::Mall { "AFN" } else { "MFN" };
    let lines = kept.lines.iter().map(|line| json!({ "OrderItemId": line.id, "Quantity": line.ordered }));
    let lines: Vec<_> = lines.collect();
    let change = json!({
        "NotificationLevel": "OrderLevel", "SellerId": shop.seller(), "AmazonOrderId": order,
        "OrderChangeType": "OrderStatusChange",
        "OrderChangeTrigger": { "TimeOfOrderChange": at, "ChangeReason": null },
        "Summary": {
            "MarketplaceId": JAPAN, "OrderStatus": "Unshipped", "FulfillmentType": fulfilled, "OrderItems": lines,
        },
    });
    let id = format!("00000000-0000-4000-8000-{:012x}", shop.next());
    let body = json!({
        "version": "0", "id": id, "detail-type": "ORDER_CHANGE", "source": "aws.partner/sellingpartnerapi.amazon.com/a",
        "time": at, "region": "ap-northeast-1", "resources": [],
        "detail": {
            "NotificationVersion": "1.0", "NotificationType": "ORDER_CHANGE", "PayloadVersion": "1.0", "EventTime": at,
            "Payload": { "OrderChangeNotification": change }, "NotificationMetadata": { "NotificationId": id },
        },
    });
    Some(signed(shop, body.to_string().as_bytes()))
}

pub fn signed(shop: &Shop, body: &[u8]) -> Notification {
    let mac = Hmac::<Sha256>::new_from_slice(shop.hook_secret().as_bytes()).expect("a key of any length is one");
    let signature = mac.chain_update(body).finalize().into_bytes();
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = [("x-uriba-signature", signature.as_str()), ("content-type", "application/json")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Notification { headers, body: body.to_vec(), signed: true }
}
