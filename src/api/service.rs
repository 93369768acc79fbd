//! From the socket to the handlers: what every request passes on its way in and out.

use std::{any::Any, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::TraceLayer,
};
use tracing::Span;
use uriba_sdk::Env;

use super::{ApiState, auth, openapi, problem::Problem, rules::Rules};

/// An answer that takes longer is given up; files may take their time.
const DEADLINE: Duration = Duration::from_secs(30);
const DEADLINE_OF_FILES: Duration = Duration::from_secs(600);
/// Requests that are under way when the service stops get so long, which leaves the engine its share of the
/// ten seconds that a stop may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The page of `/docs` may load nothing but itself.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           frame-ancestors 'none'";

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("can't listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the server broke")]
    Broken(#[source] std::io::Error),
}

/// Serves until stopped.
pub async fn serve(state: ApiState, address: SocketAddr, stop: CancellationToken) -> Result<(), ServeError> {
    serve_on(listen(address).await?, state, stop).await
}

pub async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

/// The same on a socket that is open already, whose address the caller may want to know first.
pub async fn serve_on(listener: TcpListener, state: ApiState, stop: CancellationToken) -> Result<(), ServeError> {
    let env = state.store.env().clone();
    let teller = state.teller.clone();
    let service = router(state).into_make_service();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let given_up = async {
        stop.cancelled().await;
        env.sleep(FAREWELL.mul_f64(env.speed())).await;
    };
    let served = tokio::select! {
        served = serving => served.map_err(ServeError::Broken),
        () = given_up => Ok(()),
    };
    teller.close().await;
    served
}

/// Everything that is served, for any server, and for tests without one.
pub fn router(state: ApiState) -> Router {
    let (operations, description) = openapi::operations();
    let rules = Arc::new(Rules::of(&description));
    let ids = Ids(state.store.env().clone());
    operations
        .route_layer(middleware::from_fn_with_state((state.clone(), rules), auth::guard))
        .merge(openapi::browser(description))
        .fallback(nothing_here)
        .layer(middleware::from_fn(with_headers))
        .layer(middleware::from_fn(with_deadline))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(answered))
        .layer(SetRequestIdLayer::new(REQUEST_ID, ids))
        .with_state(state)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone)]
struct Ids(Arc<dyn Env>);

impl MakeRequestId for Ids {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&self.0.id().to_string()).ok().map(RequestId::new)
    }
}

/// Method, path and id; never headers, which hold tokens, nor the query.
fn span<B>(request: &axum::http::Request<B>) -> Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}

fn answered<B>(response: &axum::http::Response<B>, took: Duration, _span: &Span) {
    let status = response.status().as_u16();
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(status, took_ms, "answered");
}

async fn nothing_here(request: Request) -> Problem {
    let detail = format!("there is nothing at {}; /docs shows what there is", request.uri().path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
}

async fn with_deadline(request: Request, next: Next) -> Response {
    let is_file = request.method() == Method::POST && request.uri().path() == "/v1/stock/imports";
    let most = if is_file { DEADLINE_OF_FILES } else { DEADLINE };
    match tokio::time::timeout(most, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} s; what was begun may still be done", most.as_secs());
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "Timeout", detail).into_response()
        }
    }
}

async fn with_headers(request: Request, next: Next) -> Response {
    let docs = request.uri().path().starts_with("/docs");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if docs {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
    } else {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A request that panics takes nothing else with it. What it said stays in the log.
fn panicked(_what: Box<dyn Any + Send + 'static>) -> Response {
    let detail = "this request met a fault of uriba's; the log of the service says where";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).into_response()
}
