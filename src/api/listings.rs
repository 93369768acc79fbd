//! Listings: what each channel sells, mapped to SKUs, many at once.

use std::collections::{BTreeSet, HashSet};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    auth::Caller,
    problem::{FieldError, Problem, in_query},
    request::{Asked, JSON_BYTES_MAX, paging, parse, whole},
};
use crate::{
    domain::allocation::Cap,
    engine::{
        braked::{Put, put_listings},
        import::fault,
    },
    store::{
        catalogue::{Mapped, Mapping},
        preview::Changes,
        sheets::{ItemSheet, ListingFilter, ListingSheet, Page, UnmappedSheet},
    },
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, put)).routes(routes!(unmapped)).routes(routes!(discovered))
}

/// What one request may carry.
const LISTINGS_MAX: usize = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListingsQuery {
    channel: Option<String>,
    sku: Option<String>,
    mall_key: Option<String>,
    /// Items per answer, at most 1,000; 100 when not given.
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UnmappedQuery {
    channel: Option<String>,
    /// Items per answer, at most 1,000; 100 when not given.
    limit: Option<u64>,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    /// Says what would happen, and does nothing.
    #[serde(default)]
    dry_run: bool,
    /// A SKU that nobody knows is made instead of refused.
    #[serde(default)]
    create_skus: bool,
}

/// A mapping to make or change; what is left out stays as it is, or follows the channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutListing {
    pub channel: String,
    pub mall_key: String,
    pub sku: String,
    /// SKU units that one sale takes; 1 for a new listing.
    pub units: Option<i64>,
    /// `null` gives a rule back to the channel; left out it stays as it is.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub buffer: Option<Option<i64>>,
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub fraction: Option<Option<f64>>,
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub min_show: Option<Option<i64>>,
    /// A number, or several with their dates: `[{n, from, until}]`.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub cap: Option<Option<Cap>>,
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub unlimited: Option<Option<i64>>,
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub priority: Option<Option<i64>>,
    /// Its share in escrow, in units of the SKU, instead of one that follows demand. Nothing where all share.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub share: Option<Option<i64>>,
    /// Open order lines follow to this SKU and units; without it they stay what they were when first mapped.
    #[serde(default)]
    pub open_orders: bool,
}

/// Tells `null` from what was left out.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(given: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(given).map(Some)
}

/// What became of one item; in the order in which they were sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PutResult {
    pub channel: String,
    pub mall_key: String,
    pub sku: String,
    /// `created`, `changed`, `unchanged`, `refused` or `held`.
    pub result: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PutResults {
    pub items: Vec<PutResult>,
    /// `held`: it would change too many numbers at once, and nothing of it is done until somebody confirms it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Of what is held: the item to confirm or refuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// Of a trial, or of what is held: the numbers that would change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// Listings with what they show, by channel and key.
#[utoipa::path(get, path = "/v1/listings", operation_id = "list_listings", tag = "listings", params(ListingsQuery), security(("token" = ["read"])),
    responses((status = 200, body = Page<ListingSheet>), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<ListingsQuery>,
) -> Result<Json<Page<ListingSheet>>, Problem> {
    let paging = paging(asked.limit, asked.cursor)?;
    let filter = ListingFilter { channel: asked.channel, sku: asked.sku, mall_key: asked.mall_key };
    Ok(Json(state.store.listing_sheets(&filter, &state.outlines, &paging).await.map_err(in_query)?))
}

/// Keys that orders name and that are mapped to nothing: their units hold no stock.
#[utoipa::path(get, path = "/v1/listings/unmapped", operation_id = "list_unmapped_keys", tag = "listings", params(UnmappedQuery),
    security(("token" = ["read"])), responses((status = 200, body = Page<UnmappedSheet>)))]
async fn unmapped(
    State(state): State<ApiState>,
    Asked(asked): Asked<UnmappedQuery>,
) -> Result<Json<Page<UnmappedSheet>>, Problem> {
    let paging = paging(asked.limit, asked.cursor)?;
    Ok(Json(state.store.unmapped_sheets(asked.channel.as_deref(), &paging).await.map_err(in_query)?))
}

/// What the malls say that shops list (as `uriba listing discover` last found it), with the SKU that each is mapped to or
/// is likely to be.
#[utoipa::path(get, path = "/v1/listings/discovered", operation_id = "list_mall_items", tag = "listings", params(UnmappedQuery),
    security(("token" = ["read"])), responses((status = 200, body = Page<ItemSheet>), (status = 400, body = Problem)))]
async fn discovered(
    State(state): State<ApiState>,
    Asked(asked): Asked<UnmappedQuery>,
) -> Result<Json<Page<ItemSheet>>, Problem> {
    let paging = paging(asked.limit, asked.cursor)?;
    Ok(Json(state.store.item_sheets(asked.channel.as_deref(), &paging).await.map_err(in_query)?))
}

/// Maps up to 1,000 keys. Good items are done, bad ones are refused each with its reason; when all of them
/// are bad the answer is 422.
#[utoipa::path(put, path = "/v1/listings", operation_id = "put_listings", tag = "listings", params(PutQuery), request_body = Vec<PutListing>,
    security(("token" = ["operate"])),
    responses((status = 200, body = PutResults), (status = 400, body = Problem), (status = 422, body = Problem)))]
async fn put(
    State(state): State<ApiState>,
    Asked(asked): Asked<PutQuery>,
    caller: Caller,
    request: Request,
) -> Result<(StatusCode, Json<PutResults>), Problem> {
    let items: Vec<PutListing> = parse(&whole(request.into_body(), JSON_BYTES_MAX).await?)?;
    if items.is_empty() || items.len() > LISTINGS_MAX {
        let message = format!("send 1 to {LISTINGS_MAX} listings, not {}", items.len());
        return Err(Problem::invalid("body", message));
    }
    let mut results: Vec<PutResult> = items.iter().map(PutResult::refused).collect();
    let mappings: Vec<Mapping> = items.into_iter().map(Mapping::from).collect();
    judge(&state, &mappings, asked.create_skus, &mut results).await?;
    let good: Vec<usize> = (0..results.len()).filter(|index| results[*index].errors.is_empty()).collect();
    if good.is_empty() {
        return Err(all_refused(&results));
    }
    let wanted: Vec<Mapping> = good.iter().map(|index| mappings[*index].clone()).collect();
    let mut answer = PutResults { items: results, state: None, attention: None, changes: None };
    if asked.dry_run {
        let (would, changes) = state.store.preview_listings(&wanted, asked.create_skus).await?;
        answer.note(&good, &would);
        answer.changes = Some(changes);
        return Ok((StatusCode::OK, Json(answer)));
    }
    match put_listings(&state.store, &wanted, asked.create_skus, &state.core.guard, &caller.who()).await? {
        Put::Done(done) => answer.note(&good, &done),
        Put::Held(held, changes) => {
            good.iter().for_each(|index| "held".clone_into(&mut answer.items[*index].result));
            (answer.state, answer.attention) = (Some("held".into()), Some(held.attention.to_string()));
            answer.changes = Some(changes);
        }
    }
    Ok((StatusCode::OK, Json(answer)))
}

impl PutResults {
    fn note(&mut self, good: &[usize], done: &[Mapped]) {
        for (index, mapped) in good.iter().zip(done) {
            let word = match mapped {
                Mapped::Created => "created",
                Mapped::Changed => "changed",
                Mapped::Unchanged => "unchanged",
            };
            word.clone_into(&mut self.items[*index].result);
        }
    }
}

fn all_refused(results: &[PutResult]) -> Problem {
    let mut problem = Problem::unprocessable("every item is refused; nothing was changed");
    for (index, result) in results.iter().enumerate() {
        let named = |error: &FieldError| FieldError { field: format!("[{index}].{}", error.field), ..error.clone() };
        problem.errors.extend(result.errors.iter().map(named));
    }
    problem
}

async fn judge(
    state: &ApiState,
    mappings: &[Mapping],
    create_skus: bool,
    results: &mut [PutResult],
) -> Result<(), Problem> {
    let shops = state.store.shops().await?;
    let codes: BTreeSet<String> =
        mappings.iter().map(|mapping| crate::domain::spelling::code(&mapping.sku).into_owned()).collect();
    let unknown = if create_skus { BTreeSet::new() } else { state.store.unknown_skus(&codes).await? };
    let mut seen = HashSet::new();
    for (mapping, result) in mappings.iter().zip(results) {
        if let Some((field, message)) = fault(mapping) {
            result.refuse(field, message);
        }
        if let Some(fault) = shops.fault(&mapping.channel) {
            result.refuse("channel", fault);
        }
        if unknown.contains(crate::domain::spelling::code(&mapping.sku).as_ref()) {
            result.refuse("sku", format!("there is no SKU {:?}", mapping.sku));
        }
        if !seen.insert((&mapping.channel, &mapping.mall_key)) {
            result.refuse("mall_key", "is named twice in this request");
        }
    }
    Ok(())
}

impl PutResult {
    /// Until something else is known.
    fn refused(item: &PutListing) -> Self {
        Self {
            channel: item.channel.clone(),
            mall_key: item.mall_key.clone(),
            sku: item.sku.clone(),
            result: "refused".to_owned(),
            errors: Vec::new(),
        }
    }

    fn refuse(&mut self, field: &str, message: impl Into<String>) {
        let (field, message) = (field.to_owned(), message.into());
        self.errors.push(FieldError { field, message, line: None, column: None });
    }
}

impl From<PutListing> for Mapping {
    fn from(item: PutListing) -> Self {
        let nulls = [
            ("buffer", item.buffer == Some(None)),
            ("fraction", item.fraction == Some(None)),
            ("min_show", item.min_show == Some(None)),
            ("cap", item.cap == Some(None)),
            ("unlimited", item.unlimited == Some(None)),
            ("priority", item.priority == Some(None)),
            ("share", item.share == Some(None)),
        ];
        Self {
            cleared: nulls.into_iter().filter(|(_, null)| *null).map(|(rule, _)| rule.to_owned()).collect(),
            channel: item.channel,
            mall_key: item.mall_key,
            sku: item.sku,
            units: item.units,
            buffer: item.buffer.flatten(),
            fraction: item.fraction.flatten(),
            min_show: item.min_show.flatten(),
            cap: item.cap.flatten(),
            unlimited: item.unlimited.flatten(),
            priority: item.priority.flatten(),
            share: item.share.flatten(),
            open_orders: item.open_orders,
        }
    }
}
