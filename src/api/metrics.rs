//! Prometheus: counters and histograms that the steps keep, and gauges that are read from the database when
//! somebody asks, so that they are true after a restart too and nothing stays behind of a channel that is gone.

use std::{fmt::Write, sync::OnceLock, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::Mutex;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiState, problem::Problem};
use crate::{
    domain::{health::LaneState, suspend::State as Switch, time::between},
    store::sheets::{ChannelSheet, Paging, PoolTotals},
};

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(scrape))
}

/// Bounds of the histograms, in seconds: a step takes milliseconds, an answer of a mall minutes.
const BUCKETS: [f64; 14] = [0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0];

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Sums over every SKU are read at most so often.
const TOTALS_AGE_MAX: Duration = Duration::from_secs(60);

/// The last sums, and when they were read.
pub type TotalsCache = Mutex<Option<(Duration, Vec<PoolTotals>)>>;

/// Makes the process keep what the steps count, once; asked again it gives the same.
pub fn install_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .expect("the bounds are a constant that is not empty")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("something else keeps this process's metrics already; /metrics shows gauges only");
        }
        describe();
        handle
    });
    HANDLE.get().expect("initialised above").clone()
}

fn describe() {
    metrics::describe_counter!("uriba_poll_total", "Requests for orders");
    metrics::describe_counter!("uriba_orders_ingested_total", "Orders that were new or changed");
    metrics::describe_counter!("uriba_push_requests_total", "Requests that wrote stock");
    metrics::describe_counter!("uriba_push_items_total", "Listings written, by outcome");
    metrics::describe_counter!("uriba_throttled_total", "Answers that said: too fast");
    metrics::describe_counter!("uriba_drift_total", "Figures that nothing explained");
    metrics::describe_counter!("uriba_reservations_total", "Requests for reservations, by what came of them");
    metrics::describe_counter!("uriba_reservations_released_total", "Holds that ended by a release, by its reason");
    metrics::describe_histogram!("uriba_reservation_seconds", "From a request for a reservation to its answer");
    metrics::describe_histogram!("uriba_propagation_seconds", "From a new target to the settled push of it");
    metrics::describe_histogram!("uriba_step_seconds", "How long a piece of work took");
}

/// For Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain")))]
async fn scrape(State(state): State<ApiState>) -> Result<Response, Problem> {
    state.metrics.run_upkeep();
    let mut text = state.metrics.render();
    text.push_str(&gauges(&state).await?);
    Ok(([(header::CONTENT_TYPE, EXPOSITION)], text).into_response())
}

async fn gauges(state: &ApiState) -> Result<String, Problem> {
    let store = &state.store;
    let paging = Paging::new(Some(Paging::LIMIT_MAX), None);
    let channels = store.channel_sheets(&state.outlines, &paging).await?.items;
    let open = store.attention_counts().await?;
    let totals = totals(state).await?;
    let mut page = Exposition::default();
    of_channels(&mut page, &channels, store.now());
    page.begin("uriba_exposure_bound_units", "Units that can be oversold at most, whatever happens next");
    for total in &totals {
        page.value(&[("pool", &total.pool)], total.bound as f64);
    }
    page.begin("uriba_oversold_units", "Units that are ordered and not there");
    for total in &totals {
        page.value(&[("pool", &total.pool)], total.oversold as f64);
    }
    page.begin("uriba_attention_open", "Items that need a person");
    for (kind, count) in &open {
        page.value(&[("kind", kind)], *count as f64);
    }
    Ok(page.text)
}

fn of_channels(page: &mut Exposition, channels: &[ChannelSheet], now: Timestamp) {
    page.begin("uriba_channel_state", "1 for where the channel's switch stands");
    for sheet in channels {
        for state in [Switch::Active, Switch::Draining, Switch::Suspended, Switch::Resuming] {
            let is = f64::from(u8::from(sheet.state == state.word()));
            page.value(&[("channel", &sheet.id), ("state", state.word())], is);
        }
    }
    page.begin("uriba_lane_state", "1 for how the lane is");
    for sheet in channels {
        for (lane, health) in [("orders", &sheet.health.orders), ("stock", &sheet.health.stock)] {
            for state in [LaneState::Flowing, LaneState::Waiting, LaneState::Tripped] {
                let is = f64::from(u8::from(health.state == state.word()));
                page.value(&[("channel", &sheet.id), ("lane", lane), ("state", state.word())], is);
            }
        }
    }
    page.begin("uriba_push_backlog", "Listings that wait to be written");
    for sheet in channels {
        page.value(&[("channel", &sheet.id)], sheet.backlog as f64);
    }
    page.begin("uriba_push_backlog_seconds", "How long what waits to be written takes at the allowed rate");
    for sheet in channels {
        if let Some(seconds) = sheet.backlog_eta_s {
            page.value(&[("channel", &sheet.id)], seconds as f64);
        }
    }
    page.begin("uriba_watermark_lag_seconds", "How far behind now all orders are certainly read");
    for sheet in channels {
        if let Some(watermark) = sheet.watermark {
            page.value(&[("channel", &sheet.id)], between(watermark, now).as_secs_f64());
        }
    }
    page.begin("uriba_quota_tokens", "Requests that could leave now");
    for sheet in channels {
        for quota in &sheet.quotas {
            page.value(&[("channel", &sheet.id), ("quota", &quota.name)], f64::from(quota.available));
        }
    }
}

/// One scraper reads, the others wait for what it found.
async fn totals(state: &ApiState) -> Result<Vec<PoolTotals>, Problem> {
    let now = state.store.env().elapsed();
    let mut kept = state.totals.lock().await;
    if let Some((at, totals)) = kept.as_ref().filter(|(at, _)| now.saturating_sub(*at) < TOTALS_AGE_MAX) {
        tracing::trace!(age = ?now.saturating_sub(*at), "sums over the pools are still fresh");
        return Ok(totals.clone());
    }
    let totals = state.store.pool_totals().await?;
    *kept = Some((now, totals.clone()));
    Ok(totals)
}

/// The text format of Prometheus, gauges only.
#[derive(Default)]
struct Exposition {
    text: String,
    name: &'static str,
}

impl Exposition {
    fn begin(&mut self, name: &'static str, help: &str) {
        self.name = name;
        // Writing to a text can't fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    }

    fn value(&mut self, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, label)| format!("{name}=\"{}\"", escaped(label))).collect();
        let _ = writeln!(self.text, "{}{{{}}} {value}", self.name, labels.join(","));
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
