//! What a shop can show beside its buttons: what is left of many SKUs at one moment.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiState,
    problem::{Problem, in_query},
    request::Asked,
};
use crate::{domain::spelling, store::sheets::AvailabilitySheet};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What one request may ask for.
const SKUS_MAX: usize = 500;

/// For the description: `sku` may be there many times, which no struct of serde's can say.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read for the description only")]
struct AvailabilityQuery {
    /// 1 to 500 codes, as in `?sku=a&sku=b`.
    sku: Vec<String>,
    channel: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AvailabilityList)]
pub struct Availabilities {
    /// In the order in which they were asked for.
    pub items: Vec<AvailabilitySheet>,
}

/// What a reservation on this channel could have now, of up to 500 SKUs, all from one moment.
#[utoipa::path(get, path = "/v1/availability", operation_id = "list_availability", tag = "reservations", params(AvailabilityQuery),
    security(("token" = ["reserve"]), ("token" = ["read"])),
    responses((status = 200, body = Availabilities), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    Asked(asked): Asked<Vec<(String, String)>>,
) -> Result<Json<Availabilities>, Problem> {
    let all = |name: &'static str| asked.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str());
    let skus: Vec<String> = all("sku").map(|sku| spelling::code(sku).into_owned()).collect();
    if skus.is_empty() || skus.len() > SKUS_MAX {
        return Err(Problem::query("sku", format!("name 1 to {SKUS_MAX} SKUs, not {}", skus.len())));
    }
    let channels: Vec<&str> = all("channel").collect();
    let [channel] = channels.as_slice() else {
        return Err(Problem::query("channel", "name the one channel that would reserve"));
    };
    let items = state.store.availability(channel, &skus).await.map_err(in_query)?;
    Ok(Json(Availabilities { items }))
}
