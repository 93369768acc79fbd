//! The description of the API: what every handler says of itself, and how tokens work.

use axum::Router;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{
    ApiState, attention, audits, availability, backfills, channels, health, hooks, imports, listings, log, metrics,
    movements, orders, plans, reservations, rules::BEARER, schedule, skus, suspensions,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "uriba",
        description = "One stock on many malls. Times are RFC 3339 UTC, quantities are integers, ids are text. \
            Lists take `limit` and `cursor`. Requests that create something take an `Idempotency-Key`: the same \
            again is answered alike and done once. Errors are `application/problem+json` (RFC 9457) of type \
            `urn:uriba:problem:` and one of: not-json, broken-body, too-large, bad-query, bad-header (the request \
            can't be read); unauthorized, insufficient-scope; not-found, method-not-allowed; invalid, \
            rows-rejected, key-reused, id-reused (it asks for what can't be); refused, in-progress, not-enough, \
            holder-limit, reservation-ended, confirmed (not in this state); busy, not-ready, unavailable, \
            timeout, internal (uriba's own trouble)."
    ),
    tags(
        (name = "channels", description = "Shop accounts, and the switch that stops them"),
        (name = "stock", description = "SKUs, the ledger, files and movements"),
        (name = "listings", description = "What each channel sells, and what it shows"),
        (name = "reservations", description = "Stock for the checkouts of your own shop"),
        (name = "orders", description = "Orders as the malls stated them, and those of your own storefront"),
        (name = "plans", description = "Sale plans: other rules for some SKUs, for a time"),
        (name = "operation", description = "What needs a person, and who did what"),
        (name = "health", description = "For machines; no token needed")
    ),
    modifiers(&Bearer)
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A token of `uriba token create NAME --scope …`. Scopes: `read`, `operate` (may read too), \
                 `reserve`, `admin` (may everything).",
            ))
            .build();
        let components = description.components.get_or_insert_with(Default::default);
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    }
}

/// Every operation, with its description.
pub(super) fn operations() -> (Router<ApiState>, openapi::OpenApi) {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(channels::router())
        .merge(hooks::router())
        .merge(suspensions::router())
        .merge(schedule::router())
        .merge(plans::router())
        .merge(skus::router())
        .merge(listings::router())
        .merge(imports::router())
        .merge(movements::router())
        .merge(orders::router())
        .merge(backfills::router())
        .merge(reservations::router())
        .merge(availability::router())
        .merge(attention::router())
        .merge(audits::router())
        .merge(log::router())
        .merge(health::router())
        .merge(metrics::router())
        .split_for_parts()
}

/// The document, for `openapi.json` on disk and for tests.
pub fn description() -> openapi::OpenApi {
    operations().1
}

/// `/docs`, whose page asks nobody outside: the assets are in the binary, and the online validator is off.
pub(super) fn browser(description: openapi::OpenApi) -> Router<ApiState> {
    let config = Config::new(["/openapi.json"]).validator_url("none").persist_authorization(false);
    SwaggerUi::new("/docs").url("/openapi.json", description).config(config).into()
}
