//! Orders: as the malls stated them, and those of the own storefront, which states them here.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    once::{Answer, key_of, once},
    problem::{Problem, in_body, in_query},
    request::{Asked, Sent, paging},
};
use crate::{
    domain::deed::{Deed, Name, Pick},
    store::{
        StoreError,
        deeds::{Ask, item},
        own_orders::{OwnLine, OwnOrder, Recorded},
        sheets::{OrderFilter, OrderSheet, Page},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(ship))
        .routes(routes!(cancel))
        .routes(routes!(take_back))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrdersQuery {
    channel: Option<String>,
    /// `open`, `shipped`, `cancelled` or `unread`.
    state: Option<String>,
    sku: Option<String>,
    /// Items per answer, at most 1,000; 100 when not given.
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// An order of your own storefront.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// A channel whose mall is `storefront`.
    pub channel: String,
    /// Your own.
    pub order_id: String,
    /// Now, when not given.
    pub ordered_at: Option<Timestamp>,
    pub lines: Vec<NewLine>,
}

/// Lines of the same SKU become one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    pub sku: String,
    pub quantity: u32,
}

/// Which units; nothing is the whole order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    pub lines: Option<Vec<ChosenLine>>,
    /// From where it ships; where cancelled units lie that are to be looked at. The pool's order decides when
    /// nobody says.
    pub location: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CameBack {
    pub lines: Option<Vec<ChosenLine>>,
    /// Where the goods are now; the pool's first location when not given.
    pub location: Option<String>,
    /// `main` (they are sold again), `review`, `damaged` or `display`; by the channel's `on_cancel` when not given.
    pub bin: Option<String>,
}

/// Either `sku` (or the mall's key) or `line`, and so many units of it, counted as the order counts them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenLine {
    pub sku: Option<String>,
    pub line: Option<String>,
    pub quantity: u32,
}

/// Orders, newest first.
#[utoipa::path(get, path = "/v1/orders", operation_id = "list_orders", tag = "orders", params(OrdersQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<OrderSheet>), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<OrdersQuery>,
) -> Result<Json<Page<OrderSheet>>, Problem> {
    let paging = paging(asked.limit, asked.cursor)?;
    let filter = OrderFilter { channel: asked.channel, state: asked.state, sku: asked.sku };
    Ok(Json(state.store.order_sheets(&filter, &paging).await.map_err(in_query)?))
}

/// One order, by its channel's own id.
#[utoipa::path(get, path = "/v1/orders/{channel}/{order_id}", operation_id = "show_order", tag = "orders",
    params(("channel" = String, Path), ("order_id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, body = OrderSheet), (status = 404, body = Problem)))]
async fn show(
    State(state): State<ApiState>,
    Path((channel, order_id)): Path<(String, String)>,
) -> Result<Json<OrderSheet>, Problem> {
    Ok(Json(state.store.order_sheet(&channel, &order_id).await?))
}

/// Records an order of your own storefront, beyond the stock too: it is a fact. The same lines again: 200; other
/// lines under the same id: 422.
#[utoipa::path(post, path = "/v1/orders", operation_id = "post_order", tag = "orders", request_body = NewOrder,
    security(("token" = ["reserve"])),
    responses((status = 201, body = OrderSheet), (status = 200, body = OrderSheet), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<NewOrder>,
) -> Response {
    let content = serde_json::to_vec(&asked).expect("words and numbers are always JSON");
    let work = record(&state, asked);
    once(&state, &caller, &headers, &[b"orders", &content], work).await
}

async fn record(state: &ApiState, asked: NewOrder) -> Answer {
    let lines = asked.lines.into_iter().map(|line| OwnLine { sku: line.sku, quantity: line.quantity }).collect();
    let ordered_at = asked.ordered_at.unwrap_or(state.store.now());
    let order = OwnOrder { channel: asked.channel, order_id: asked.order_id, ordered_at, lines };
    if let Some((field, message)) = order.fault(state.units_per_line) {
        return Err(Problem::invalid(&field, message));
    }
    let status = match state.store.post_order(&order).await.map_err(|error| named(error, in_body("channel")))? {
        Recorded::New => StatusCode::CREATED,
        Recorded::Same => StatusCode::OK,
        Recorded::Different => {
            let detail = format!("{} has another order {:?}; it stays as it is", order.channel, order.order_id);
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "id-reused", "Id reused", detail);
            return Err(problem.field("order_id", "is the id of an order with other lines"));
        }
    };
    answer(state, status, &order.channel, &order.order_id).await
}

/// Units of an order of your own storefront have left. A mall's order ships at the mall.
#[utoipa::path(post, path = "/v1/orders/{channel}/{order_id}/ship", operation_id = "ship_order", tag = "orders",
    params(("channel" = String, Path), ("order_id" = String, Path)), request_body = Chosen,
    security(("token" = ["reserve"])),
    responses((status = 200, body = OrderSheet), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn ship(
    State(state): State<ApiState>,
    Path(of): Path<(String, String)>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<Chosen>,
) -> Response {
    let asked = CameBack { lines: asked.lines, location: asked.location, bin: None };
    done(&state, caller, headers, Deed::Ship, of, asked).await
}

/// Units of an order of your own storefront are cancelled. What has left already is expected back: stock comes back
/// with the goods.
#[utoipa::path(post, path = "/v1/orders/{channel}/{order_id}/cancel", operation_id = "cancel_order", tag = "orders",
    params(("channel" = String, Path), ("order_id" = String, Path)), request_body = Chosen,
    security(("token" = ["reserve"])),
    responses((status = 200, body = OrderSheet), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn cancel(
    State(state): State<ApiState>,
    Path(of): Path<(String, String)>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<Chosen>,
) -> Response {
    let asked = CameBack { lines: asked.lines, location: asked.location, bin: None };
    done(&state, caller, headers, Deed::Cancel, of, asked).await
}

/// Goods of an order of any channel came back. Without `lines`: what is expected back, or everything that shipped
/// where nothing was ever expected.
#[utoipa::path(post, path = "/v1/orders/{channel}/{order_id}/return", operation_id = "return_order", tag = "orders",
    params(("channel" = String, Path), ("order_id" = String, Path)), request_body = CameBack,
    security(("token" = ["reserve"])),
    responses((status = 200, body = OrderSheet), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn take_back(
    State(state): State<ApiState>,
    Path(of): Path<(String, String)>,
    caller: Caller,
    headers: HeaderMap,
    Sent(asked): Sent<CameBack>,
) -> Response {
    done(&state, caller, headers, Deed::Return, of, asked).await
}

async fn done(
    state: &ApiState,
    caller: Caller,
    headers: HeaderMap,
    deed: Deed,
    (channel, order_id): (String, String),
    asked: CameBack,
) -> Response {
    let body = serde_json::to_vec(&asked).expect("words and numbers are always JSON");
    let word = format!("orders/{deed:?}");
    let content = [word.as_bytes(), channel.as_bytes(), order_id.as_bytes(), &body];
    let work = async {
        let picks = asked.lines.map(picks).transpose()?;
        let key = key_of(&caller, &headers)?;
        let (location, bin) = (asked.location, asked.bin);
        let ask = Ask { deed, channel: channel.clone(), order_id: order_id.clone(), picks, location, bin, key };
        state.store.do_to_order(&ask, &caller.who()).await.map_err(|error| named(error, Problem::from))?;
        answer(state, StatusCode::OK, &channel, &order_id).await
    };
    once(state, &caller, &headers, &content, work).await
}

fn picks(lines: Vec<ChosenLine>) -> Result<Vec<Pick>, Problem> {
    if lines.is_empty() {
        return Err(Problem::invalid("lines", "is empty: leave it out for the whole order"));
    }
    let pick = |(index, line): (usize, ChosenLine)| {
        let wrong = |message: &str| Problem::invalid(&format!("lines[{index}]"), message);
        let name = match (line.sku, line.line) {
            (Some(sku), None) => item(&sku),
            (None, Some(line)) => Name::Line(line),
            _ => return Err(wrong("needs either sku or line")),
        };
        if line.quantity == 0 {
            return Err(wrong("quantity must be 1 or more"));
        }
        Ok(Pick { name, quantity: line.quantity })
    };
    lines.into_iter().enumerate().map(pick).collect()
}

async fn answer(state: &ApiState, status: StatusCode, channel: &str, order_id: &str) -> Answer {
    let sheet = state.store.order_sheet(channel, order_id).await?;
    Ok((status, serde_json::to_value(sheet).expect("words and numbers are always JSON")))
}

/// The store's sentence about a wrong body begins with the field that it is about.
fn named(error: StoreError, otherwise: impl FnOnce(StoreError) -> Problem) -> Problem {
    match &error {
        StoreError::Invalid(detail) => match detail.split_once(": ") {
            Some((field, message)) if !field.contains(' ') => Problem::invalid(field, message),
            _ => otherwise(error),
        },
        _ => otherwise(error),
    }
}
