//! Reservations: what the seller's own shop takes for a checkout, and what becomes of it.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    problem::Problem,
    request::{Asked, Sent},
};
use crate::{
    domain::{
        reservation::{Ask, Available, Line, Refusal, Wish},
        spelling,
    },
    engine::teller::{COME_BACK, Unanswered, WAIT_MAX},
    store::{
        reservations::{Granted, Request},
        sheets::{ReservationLine, ReservationSheet},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(reserve)).routes(routes!(show, release)).routes(routes!(confirm))
}

/// A cart is not a catalogue.
const LINES_MAX: usize = 100;
/// Of one line; what asks for more was miscounted.
const QUANTITY_MAX: i64 = 1_000_000;
/// A payment at a convenience store takes days, never a season.
const TTL_SECONDS_MAX: i64 = 60 * 86_400;

/// What is to be held, under an id of your own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// Yours, 1 to 190 characters; never used for anything else again.
    #[schema(example = "checkout-81f3")]
    pub id: String,
    /// A storefront.
    #[schema(example = "web")]
    pub channel: String,
    /// 1 to 100; all of them are held, or none.
    pub lines: Vec<ReservationLine>,
    /// Until the hold ends by itself: 1 to 5,184,000 (60 days).
    #[schema(example = 900)]
    pub ttl_seconds: i64,
    /// Who is behind it: a customer number, say. `limits.holder_units` counts by it.
    pub holder: Option<String>,
}

/// The order that the checkout became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    #[schema(example = "A-10045")]
    pub order_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReleaseQuery {
    /// Why: 1 to 40 characters of a-z, 0-9, - and _, as in `payment_failed`. Counted by
    /// `uriba_reservations_released_total`.
    reason: Option<String>,
}

/// Holds stock for a checkout. The same again is answered alike (200); a refusal is not kept, so the same id may
/// try again.
#[utoipa::path(post, path = "/v1/reservations", operation_id = "reserve", tag = "reservations", request_body = Reserve,
    security(("token" = ["reserve"])),
    responses((status = 201, body = ReservationSheet), (status = 200, body = ReservationSheet), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn reserve(State(state): State<ApiState>, Sent(asked): Sent<Reserve>) -> Result<Response, Refused> {
    let skus: Vec<String> = asked.lines.iter().map(|line| spelling::code(&line.sku).into_owned()).collect();
    let (id, wish) = asked.wish()?;
    let granted = ask(&state, &id, Ask::Reserve(wish)).await.map_err(|refused| refused.of_lines(&skus))?;
    let status = if granted.change.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(granted.reservation)).into_response())
}

/// One reservation; it stays here when it has ended.
#[utoipa::path(get, path = "/v1/reservations/{id}", operation_id = "show_reservation", tag = "reservations", params(("id" = String, Path)),
    security(("token" = ["reserve"])), responses((status = 200, body = ReservationSheet), (status = 404, body = Problem)))]
async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<ReservationSheet>, Problem> {
    Ok(Json(state.store.reservation(&id).await?))
}

/// Makes it an order: the same units, exchanged in one transaction. Late, it is an order if stock remains.
#[utoipa::path(post, path = "/v1/reservations/{id}/confirm", operation_id = "confirm_reservation", tag = "reservations",
    params(("id" = String, Path)), request_body = Confirm, security(("token" = ["reserve"])),
    responses((status = 200, body = ReservationSheet), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn confirm(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Sent(asked): Sent<Confirm>,
) -> Result<Json<ReservationSheet>, Refused> {
    named("order_id", &asked.order_id)?;
    let order = asked.order_id;
    Ok(Json(ask(&state, &id, Ask::Confirm { order }).await?.reservation))
}

/// Ends the hold, once. An id that nobody has reserved yet can never hold after this.
#[utoipa::path(delete, path = "/v1/reservations/{id}", operation_id = "release_reservation", tag = "reservations",
    params(("id" = String, Path), ReleaseQuery), security(("token" = ["reserve"])),
    responses((status = 204), (status = 400, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
async fn release(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Asked(asked): Asked<ReleaseQuery>,
) -> Result<StatusCode, Refused> {
    named("id", &id)?;
    let reason = asked.reason;
    if let Some(reason) = reason.as_ref().filter(|reason| !is_reason(reason)) {
        let message = format!("{reason:?} is not 1 to 40 characters of a-z, 0-9, - and _");
        return Err(Problem::query("reason", message).into());
    }
    ask(&state, &id, Ask::Release { reason }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn ask(state: &ApiState, id: &str, ask: Ask) -> Result<Granted, Refused> {
    let told = state.teller.ask(Request { id: id.to_owned(), ask }).await;
    told.map_err(Refused::Unanswered)?.map_err(|refusal| Refused::No(id.to_owned(), refusal))
}

impl Reserve {
    fn wish(self) -> Result<(String, Wish), Problem> {
        named("id", &self.id)?;
        if let Some(holder) = &self.holder {
            named("holder", holder)?;
        }
        if self.lines.is_empty() || self.lines.len() > LINES_MAX {
            let message = format!("send 1 to {LINES_MAX} lines, not {}", self.lines.len());
            return Err(Problem::invalid("lines", message));
        }
        if let Some((n, line)) =
            self.lines.iter().enumerate().find(|(_, line)| !(1..=QUANTITY_MAX).contains(&line.quantity))
        {
            let message = format!("{} is not between 1 and {QUANTITY_MAX}", line.quantity);
            return Err(Problem::invalid(&format!("lines[{n}].quantity"), message));
        }
        if !(1..=TTL_SECONDS_MAX).contains(&self.ttl_seconds) {
            let message = format!("{} is not between 1 and {TTL_SECONDS_MAX}", self.ttl_seconds);
            return Err(Problem::invalid("ttl_seconds", message));
        }
        let line =
            |line: ReservationLine| Line { sku: spelling::code(&line.sku).into_owned(), quantity: line.quantity };
        let lines = Wish::tidy(self.lines.into_iter().map(line).collect());
        Ok((self.id, Wish { channel: self.channel, lines, ttl_s: self.ttl_seconds, holder: self.holder }))
    }
}

fn named(field: &str, text: &str) -> Result<(), Problem> {
    spelling::fault(text).map_or(Ok(()), |fault| Err(Problem::invalid(field, format!("{text:?} {fault}"))))
}

fn is_reason(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=40).contains(&text.len()) && text.chars().all(fine)
}

/// Anything but what was asked for.
enum Refused {
    /// The request itself is wrong.
    Wrong(Problem),
    /// The reservation's id, and the word on it.
    No(String, Refusal),
    Unanswered(Unanswered),
}

impl Refused {
    /// Where in the caller's own lines the fault is.
    fn of_lines(self, skus: &[String]) -> Self {
        match self {
            Self::No(_, Refusal::NoSuchSku(sku)) => {
                let line = skus.iter().position(|known| *known == sku).unwrap_or_default();
                Self::Wrong(Problem::invalid(&format!("lines[{line}].sku"), format!("there is no SKU {sku:?}")))
            }
            other => other,
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Wrong(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let soon = [(header::RETRY_AFTER, HeaderValue::from(COME_BACK.as_secs()))];
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match self {
            Self::Wrong(problem) => problem.into_response(),
            Self::No(id, refusal) => of_refusal(&id, refusal).into_response(),
            Self::Unanswered(Unanswered::Busy) => {
                let most = WAIT_MAX.as_secs();
                let detail = format!("more reservations are waiting than are worked off in {most} s; nothing was done");
                (soon, Problem::new(unavailable, "busy", "Busy", detail)).into_response()
            }
            Self::Unanswered(Unanswered::Closing) => {
                let detail = "the service is stopping; nothing was done";
                (soon, Problem::new(unavailable, "unavailable", "Unavailable", detail)).into_response()
            }
            Self::Unanswered(Unanswered::Failed(error)) => Problem::from(error.as_ref()).into_response(),
            Self::Unanswered(Unanswered::Broken) => {
                let detail = "this request met a fault of uriba's; the log of the service says where";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).into_response()
            }
        }
    }
}

/// Units on malls that are lowered by a change are back by then, as a rule.
const RECALL_SECONDS: u32 = 10;

fn of_refusal(id: &str, refusal: Refusal) -> Problem {
    let conflict = |kind: &str, title: &str, detail: String| Problem::new(StatusCode::CONFLICT, kind, title, detail);
    match refusal {
        Refusal::NotEnough(lines) => {
            let short = lines.iter().filter(|line| line.available < line.quantity);
            let detail =
                short.map(|line| format!("{}: {} asked, {} available", line.sku, line.quantity, line.available));
            let detail = detail.collect::<Vec<_>>().join("; ");
            let detail =
                if detail.is_empty() { "the lines together take more than there is".to_owned() } else { detail };
            let is_coming = lines.iter().any(|line| line.on_malls);
            let lines: Vec<Value> = lines.iter().map(available).collect();
            let problem = conflict("not-enough", "Not enough stock", detail).with("lines", lines.into());
            if is_coming { problem.with("retry_after_s", RECALL_SECONDS.into()) } else { problem }
        }
        Refusal::HolderLimit { holder, held, most } => {
            let detail = format!("{holder:?} holds {held} units; limits.holder_units is {most}");
            conflict("holder-limit", "Holder limit", detail).with("held", held.into()).with("limit", most.into())
        }
        Refusal::OtherContent => {
            let detail = format!("reservation {id:?} holds something else; choose another id");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "id-reused", "Id reused", detail).field("id", "is in use")
        }
        Refusal::Ended(state) => {
            let detail = format!("reservation {id:?} is {}; its id never holds again", state.word());
            conflict("reservation-ended", "Reservation ended", detail).with("state", state.word().into())
        }
        Refusal::Confirmed { order } => {
            let detail = format!("reservation {id:?} became order {order:?}");
            conflict("confirmed", "Confirmed", detail).with("order_id", order.into())
        }
        Refusal::Unknown => Problem::missing("reservation", id),
        Refusal::NoSuchChannel(channel) => Problem::invalid("channel", format!("there is no channel {channel:?}")),
        Refusal::NoStorefront(channel) => {
            let message = format!("{channel:?} sells through its mall; reservations are made on a storefront");
            Problem::invalid("channel", message)
        }
        Refusal::Suspended(channel) => Problem::refused(format!("channel {channel:?} is suspended")),
        Refusal::Stopped(sku) => {
            Problem::refused(format!("SKU {sku:?} is stopped: nothing of it is sold until it is resumed"))
        }
        Refusal::NoSuchSku(sku) => Problem::invalid("lines", format!("there is no SKU {sku:?}")),
        Refusal::OrderTaken(order) => {
            Problem::refused(format!("order {order:?} of this channel has other lines; nothing was changed"))
        }
    }
}

fn available(line: &Available) -> Value {
    json!({ "sku": line.sku, "quantity": line.quantity, "available": line.available })
}
