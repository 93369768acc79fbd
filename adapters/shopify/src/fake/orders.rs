//! Orders of the book as Shopify shows them.

use serde_json::{Value, json};
use uriba_sdk::{
    Line, Order,
    fake::{BookOrder, Fault as Acted, Stage},
};

use super::{
    Asked, CANCEL_KEEPS_FIGURES, FILTER_IGNORED, LARGER_OF_BOTH, SIXTY_DAYS, UNFULFILLED_KEEPS_REFUNDED, desk::Fault,
    page, reach, shop,
};
use crate::query::second;

pub fn search(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    asked.needs("read_orders")?;
    let (desk, search) = (asked.desk, asked.text("search")?);
    let sorted = asked.document.fields.iter().any(|field| field.arguments.contains("sortKey: UPDATED_AT"));
    if !sorted {
        return Err(Fault::invalid("this fake sorts by UPDATED_AT only"));
    }
    let mut found = desk.book.visible();
    if desk.is(SIXTY_DAYS) {
        // Nothing says that they are left out.
        found.retain(|found| desk.book.now().duration_since(found.order.placed_at) <= reach());
    }
    if !desk.is(FILTER_IGNORED) {
        for condition in search.split(" AND ") {
            let (how, bound) = condition
                .strip_prefix("updated_at:")
                .and_then(bound)
                .ok_or_else(|| Fault::invalid(format!("a condition that this fake doesn't know: {condition}")))?;
            found.retain(|found| match how {
                ">=" => changed(found) >= bound,
                "<=" => changed(found) <= bound,
                ">" => changed(found) > bound,
                _ => changed(found) < bound,
            });
        }
    }
    found.sort_by_key(place);
    let rows = found.iter().map(|found| (place(found), view(asked, found, 10))).collect();
    let mut page = asked.page("orders", rows)?;
    if let Some(rows) = page["nodes"].as_array_mut() {
        match asked.visit.fault {
            Some(Acted::DuplicateRows) => *rows = rows.drain(..).flat_map(|row| [row.clone(), row]).collect(),
            Some(Acted::ShuffleRows) => rows.reverse(),
            _ => {}
        }
    }
    Ok(json!({"orders": page}))
}

pub fn by_id(asked: &Asked<'_, '_>) -> Result<Value, Fault> {
    asked.needs("read_orders")?;
    if asked.document.name == "MoreLines" {
        let found = asked.desk.book.order(asked.text("id")?);
        let after = asked.variables["after"].as_str();
        let node = found.map(|found| {
            let mut order = view(asked, &found, 250);
            order["lineItems"] = lines(asked, shown(asked, &found), after, 250);
            order
        });
        return Ok(json!({"node": node}));
    }
    let orders = asked.ids()?.into_iter().map(|id| asked.desk.book.order(id).map(|found| view(asked, &found, 10)));
    Ok(json!({"nodes": orders.collect::<Vec<_>>()}))
}

/// `>='2026-11-20T00:00:00Z'` as its sign and its time, which must be quoted.
fn bound(text: &str) -> Option<(&str, String)> {
    let quote = text.find('\'')?;
    let time = text[quote..].strip_prefix('\'')?.strip_suffix('\'')?;
    let time = time.parse().map(second).ok()?;
    let how = &text[..quote];
    matches!(how, ">=" | "<=" | ">" | "<").then_some((how, time))
}

fn changed(found: &BookOrder) -> String {
    second(found.order.updated_at.unwrap_or(found.order.placed_at))
}

/// Where an order stands among all: times as Shopify writes them sort like instants.
fn place(found: &BookOrder) -> String {
    format!("{}_{}", changed(found), found.order.id)
}

fn shown<'a>(asked: &Asked<'_, '_>, found: &'a BookOrder) -> &'a Order {
    found.before.as_deref().filter(|_| asked.visit.has(&Acted::StaleRows)).unwrap_or(&found.order)
}

fn view(asked: &Asked<'_, '_>, found: &BookOrder, first: usize) -> Value {
    let order = shown(asked, found);
    let updated_at = order.updated_at.unwrap_or(order.placed_at);
    let state = match found.stage {
        _ if asked.visit.has(&Acted::UnknownStatus) => "TELEPORTED",
        _ if order.lines.iter().any(|line| line.shipped > 0) && order.is_closed() => "FULFILLED",
        _ if order.lines.iter().any(|line| line.shipped > 0) => "PARTIALLY_FULFILLED",
        _ if order.is_closed() => "FULFILLMENT_NOT_REQUIRED",
        Stage::OnHold => "ON_HOLD",
        Stage::PreOrder => "SCHEDULED",
        _ => "UNFULFILLED",
    };
    json!({
        "__typename": "Order",
        "id": order.id,
        "name": format!("#{}", 1_000 + found.number),
        "createdAt": second(order.placed_at),
        "updatedAt": second(updated_at),
        "cancelledAt": is_cancelled(order).then(|| second(updated_at)),
        "closedAt": null,
        "displayFulfillmentStatus": state,
        "displayFinancialStatus": if found.stage == Stage::Unpaid { "PENDING" } else { "PAID" },
        "email": "hanako@example.com",
        "lineItems": lines(asked, order, None, first),
    })
}

/// The whole order was cancelled before anything of it left.
fn is_cancelled(order: &Order) -> bool {
    let gone = |line: &Line| line.shipped == 0 && line.cancelled == line.ordered;
    !order.lines.is_empty() && order.lines.iter().all(gone)
}

fn lines(asked: &Asked<'_, '_>, order: &Order, after: Option<&str>, first: usize) -> Value {
    let cancelled = is_cancelled(order);
    let row = |(n, line): (usize, &Line)| (format!("{n:06}"), view_line(asked, line, cancelled));
    page(order.lines.iter().enumerate().map(row).collect(), after, first)
}

fn view_line(asked: &Asked<'_, '_>, line: &Line, cancelled: bool) -> Value {
    let (ordered, shipped, gone) = (line.ordered, line.shipped, line.cancelled);
    // Whoever gives goods back is refunded.
    let refunded = gone.saturating_add(line.returned);
    let desk = asked.desk;
    let unfulfilled = if desk.is(UNFULFILLED_KEEPS_REFUNDED) {
        ordered.saturating_sub(shipped)
    } else if desk.is(LARGER_OF_BOTH) {
        ordered.saturating_sub(refunded.max(shipped))
    } else {
        ordered.saturating_sub(shipped).saturating_sub(gone)
    };
    let kept = cancelled && desk.is(CANCEL_KEEPS_FIGURES);
    let never_left = if desk.is(LARGER_OF_BOTH) { ordered - shipped - unfulfilled } else { gone };
    json!({
        "id": format!("gid://shopify/LineItem/{}", line.id),
        "name": "見本の茶",
        "sku": line.mall_key.as_deref().map(shop::sku),
        "quantity": ordered,
        "currentQuantity": if kept { ordered } else { ordered.saturating_sub(refunded) },
        "unfulfilledQuantity": if kept { ordered } else { unfulfilled },
        "nonFulfillableQuantity": if kept { 0 } else { never_left },
        "requiresShipping": true,
        "variant": line.mall_key.as_ref().map(|key| shop::view(asked, key)),
    })
}
