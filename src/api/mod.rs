//! The HTTP API: one file per resource, thin over the store's sheets and a few commands.
//!
//! A request passes a request id, a trace, a panic guard and a deadline, then [`auth`], which reads from the
//! published description (`rules.rs`) who may do this and which query parameters there are. What is wrong is
//! always a [`problem`]. Handlers hold no state: everything they know is in [`ApiState`], and everything they
//! do is in the database when they answer.

pub mod attention;
pub mod audits;
pub mod auth;
pub mod availability;
pub mod backfills;
pub mod channels;
pub mod health;
pub mod hooks;
pub mod imports;
pub mod listings;
pub mod log;
pub mod metrics;
pub mod movements;
mod once;
pub mod openapi;
pub mod orders;
pub mod plans;
pub mod problem;
mod request;
pub mod reservations;
mod rules;
pub mod schedule;
mod service;
pub mod skus;
pub mod suspensions;

use std::{collections::BTreeMap, sync::Arc};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

pub use self::metrics::install_metrics;
pub use service::{ServeError, listen, router, serve, serve_on};

use crate::{
    engine::{
        braked::Guard,
        import::{Profile, Terms},
        teller::Teller,
    },
    store::{Store, sheets::Outlines},
};

/// Files that are read at the same time: each may be as large as [`crate::engine::import::FILE_BYTES_MAX`].
const FILES_AT_ONCE: usize = 2;

/// What the configuration says that requests need.
#[derive(Clone, Debug, Default)]
pub struct Core {
    pub profiles: BTreeMap<String, Profile>,
    pub terms: Terms,
    /// The past is kept at least so long.
    pub history_days: u32,
    /// How changes of many numbers at once are judged.
    pub guard: Guard,
}

/// Everything that a request can reach.
#[derive(Clone)]
pub struct ApiState {
    pub store: Store,
    pub outlines: Arc<Outlines>,
    pub core: Arc<Core>,
    pub teller: Teller,
    metrics: PrometheusHandle,
    totals: Arc<metrics::TotalsCache>,
    files: Arc<Semaphore>,
    hooks: hooks::Hooks,
    /// `limits.units_per_line`.
    units_per_line: u32,
}

/// `limits.units_per_line` when nobody says.
const UNITS_PER_LINE: u32 = 10_000;

impl ApiState {
    /// `metrics`: of the recorder that the process has installed, see [`install_metrics`]. Opens the line for
    /// reservations, so it has to be called within a runtime.
    pub fn new(store: Store, outlines: Outlines, core: Core, metrics: PrometheusHandle) -> Self {
        Self {
            teller: Teller::open(store.clone(), 0),
            store,
            outlines: Arc::new(outlines),
            core: Arc::new(core),
            metrics,
            totals: Arc::default(),
            files: Arc::new(Semaphore::new(FILES_AT_ONCE)),
            hooks: hooks::Hooks::default(),
            units_per_line: UNITS_PER_LINE,
        }
    }

    /// What one holder may hold in live reservations, in SKU units; 0: as much as there is.
    #[must_use]
    pub fn with_holder_units(self, most: u32) -> Self {
        Self { teller: Teller::open(self.store.clone(), most.into()), ..self }
    }

    /// Who reads the malls' notifications.
    #[must_use]
    pub fn with_hooks(self, hooks: hooks::Hooks) -> Self {
        Self { hooks, ..self }
    }

    /// Above this the quantity of an order's line is a slip of the hand.
    #[must_use]
    pub fn with_units_per_line(self, most: u32) -> Self {
        Self { units_per_line: most, ..self }
    }
}
