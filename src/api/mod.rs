//! The HTTP API: one file per resource, thin over the store's sheets and a few commands.
//!
//! A request passes a request id, a trace, a panic guard and a deadline, then [`auth`], which reads from the
//! published description (`rules.rs`) who may do this and which query parameters there are. What is wrong is
//! always a [`problem`]. Handlers hold no state: everything they know is in [`ApiState`], and everything they
//! do is in the database when they answer.

pub mod attention;
pub mod auth;
pub mod channels;
pub mod health;
pub mod imports;
pub mod listings;
pub mod log;
pub mod metrics;
pub mod movements;
mod once;
pub mod openapi;
pub mod orders;
pub mod problem;
mod request;
mod rules;
pub mod schedule;
mod service;
pub mod skus;
pub mod suspensions;

use std::{collections::HashMap, sync::Arc};

use jiff::tz::TimeZone;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

pub use self::metrics::install_metrics;
pub use service::{ServeError, listen, router, serve, serve_on};

use crate::{
    domain::ledger::CountsShipments,
    engine::{braked::Guard, import::Profile},
    store::{Store, sheets::Outlines},
};

/// Files that are read at the same time: each may be as large as [`crate::engine::import::FILE_BYTES_MAX`].
const FILES_AT_ONCE: usize = 2;

/// What the configuration says that requests need.
#[derive(Clone, Debug)]
pub struct Core {
    /// For times without an offset in files.
    pub zone: TimeZone,
    pub counts: Option<CountsShipments>,
    pub profiles: HashMap<String, Profile>,
    /// How changes of many numbers at once are judged.
    pub guard: Guard,
}

/// Everything that a request can reach.
#[derive(Clone)]
pub struct ApiState {
    pub store: Store,
    pub outlines: Arc<Outlines>,
    pub core: Arc<Core>,
    metrics: PrometheusHandle,
    totals: Arc<metrics::TotalsCache>,
    files: Arc<Semaphore>,
}

impl ApiState {
    /// `metrics`: of the recorder that the process has installed, see [`install_metrics`].
    pub fn new(store: Store, outlines: Outlines, core: Core, metrics: PrometheusHandle) -> Self {
        Self {
            store,
            outlines: Arc::new(outlines),
            core: Arc::new(core),
            metrics,
            totals: Arc::default(),
            files: Arc::new(Semaphore::new(FILES_AT_ONCE)),
        }
    }
}
