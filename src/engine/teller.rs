//! The teller: reservations wait in one line, and as many as are waiting are answered in one transaction.
//!
//! A commit that reaches the disk costs the same for one reservation and for a hundred, so the busier it is the
//! more of them share one. Requests are decided in their order of arrival; each is answered after the commit,
//! with what the committed rows say.
//!
//! The line is bounded by time. Who would have to wait for longer than [`WAIT_MAX`] to be taken is told so at
//! once, and who has waited for so long behind a slow transaction is sent away then: nothing was done for
//! either. Waiting is measured on the machine's clock, as a caller's patience is.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    domain::reservation::{Ask, Change, Refusal},
    store::{
        Store, StoreError,
        reservations::{Answer, Request},
    },
};

/// Nobody waits for longer to be taken: a checkout page that says "try again" beats one that hangs.
pub const WAIT_MAX: Duration = Duration::from_secs(1);
/// Whoever was sent away may come back after this.
pub const COME_BACK: Duration = Duration::from_secs(1);
/// Requests in one transaction: enough to make its commit cheap, few enough to be answered together.
const BATCH_MAX: usize = 512;
/// More can't be worked off within [`WAIT_MAX`] by any disk.
const LINE_MAX: usize = 65_536;
/// How often the line is looked at while a transaction takes long.
const GLANCE: Duration = Duration::from_millis(50);
/// Different reasons of release that are counted by name; a shop that sends more has made a mistake.
const REASONS_MAX: usize = 50;

/// Takes requests. Clones stand at the same line; it is worked on until the last of them is gone, or until it
/// is closed.
#[derive(Clone)]
pub struct Teller {
    line: mpsc::Sender<Waiting>,
    pace: Arc<Pace>,
    reasons: Arc<Mutex<HashSet<String>>>,
    closing: CancellationToken,
    closed: CancellationToken,
}

/// Why there is no answer. Nothing was done in the first two cases.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unanswered {
    #[error("too many reservations are waiting")]
    Busy,
    #[error("the service is stopping")]
    Closing,
    #[error(transparent)]
    Failed(Arc<StoreError>),
    /// A fault of uriba's own; the log has it.
    #[error("the reservation could not be worked on")]
    Broken,
}

type Told = Result<Answer, Unanswered>;

struct Waiting {
    request: Request,
    since: Instant,
    answer: oneshot::Sender<Told>,
}

/// What one request has taken lately, in nanoseconds, where many shared a transaction: what a few cost together
/// says nothing about how long a long line takes.
#[derive(Default)]
struct Pace(AtomicU64);

impl Teller {
    /// Opens a line to the store. `holder_units_max`: what one holder may hold; 0: no ceiling.
    pub fn open(store: Store, holder_units_max: i64) -> Self {
        let (line, waiting) = mpsc::channel(LINE_MAX);
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        let pace = Arc::<Pace>::default();
        let counter = Counter {
            store,
            holder_units_max,
            waiting,
            first: None,
            pace: pace.clone(),
            closing: closing.clone(),
            _closed: closed.clone().drop_guard(),
        };
        tokio::spawn(counter.serve());
        Self { line, pace, reasons: Arc::default(), closing, closed }
    }

    /// The answer, once it is durable.
    pub async fn ask(&self, request: Request) -> Told {
        let since = Instant::now();
        let reason = match &request.ask {
            Ask::Release { reason } => reason.clone(),
            _ => None,
        };
        let told = self.stand_in_line(request, since).await;
        metrics::counter!("uriba_reservations_total", "result" => word(&told)).increment(1);
        metrics::histogram!("uriba_reservation_seconds").record(since.elapsed().as_secs_f64());
        if let (Some(reason), Ok(Ok(granted))) = (reason, &told)
            && matches!(granted.change, Some(Change::Release | Change::Bury))
        {
            metrics::counter!("uriba_reservations_released_total", "reason" => self.known_reason(reason)).increment(1);
        }
        told
    }

    async fn stand_in_line(&self, request: Request, since: Instant) -> Told {
        let ahead = self.line.max_capacity() - self.line.capacity();
        if self.pace.of(ahead) > WAIT_MAX {
            return Err(Unanswered::Busy);
        }
        let (answer, answered) = oneshot::channel();
        match self.line.try_send(Waiting { request, since, answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(Unanswered::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(Unanswered::Closing),
        }
        answered.await.unwrap_or(Err(Unanswered::Broken))
    }

    /// Answers everything that is being worked on, sends the rest away, and returns when that is done.
    pub async fn close(&self) {
        self.closing.cancel();
        self.closed.cancelled().await;
    }

    fn known_reason(&self, reason: String) -> String {
        let mut known = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&reason) || (known.len() < REASONS_MAX && known.insert(reason.clone())) {
            return reason;
        }
        "other".to_owned()
    }
}

impl Pace {
    /// How long so many requests take.
    fn of(&self, requests: usize) -> Duration {
        let each = self.0.load(Ordering::Relaxed);
        Duration::from_nanos(each.saturating_mul(requests as u64))
    }

    /// Follows what is measured by an eighth of the difference each time.
    fn follow(&self, requests: usize, took: Duration) {
        if requests < BATCH_MAX / 4 {
            return;
        }
        let each = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / requests as u64;
        let before = self.0.load(Ordering::Relaxed);
        let now = if before == 0 { each } else { before - before / 8 + each / 8 };
        self.0.store(now, Ordering::Relaxed);
    }
}

/// The other side of the line.
struct Counter {
    store: Store,
    holder_units_max: i64,
    waiting: mpsc::Receiver<Waiting>,
    /// Taken out of the line to see how long it has waited.
    first: Option<Waiting>,
    pace: Arc<Pace>,
    closing: CancellationToken,
    _closed: DropGuard,
}

impl Counter {
    async fn serve(mut self) {
        while let Some(first) = self.next().await {
            self.first = Some(first);
            self.send_away_the_late();
            let mut taken: Vec<Waiting> = self.first.take().into_iter().collect();
            while taken.len() < BATCH_MAX
                && let Ok(next) = self.waiting.try_recv()
            {
                taken.push(next);
            }
            if !taken.is_empty() {
                self.work(taken).await;
            }
        }
        self.waiting.close();
        while let Ok(left) = self.waiting.try_recv() {
            left.tell(Err(Unanswered::Closing));
        }
    }

    async fn next(&mut self) -> Option<Waiting> {
        if self.closing.is_cancelled() {
            if let Some(first) = self.first.take() {
                first.tell(Err(Unanswered::Closing));
            }
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        tokio::select! {
            next = self.waiting.recv() => next,
            () = self.closing.cancelled() => None,
        }
    }

    async fn work(&mut self, taken: Vec<Waiting>) {
        let began = Instant::now();
        let (mut requests, mut answers) = (Vec::with_capacity(taken.len()), Vec::with_capacity(taken.len()));
        for waiting in taken {
            requests.push(waiting.request);
            answers.push(waiting.answer);
        }
        let count = requests.len();
        let (store, most) = (self.store.clone(), self.holder_units_max);
        // A task of its own: a panic takes one batch along, not the teller.
        let mut work: JoinHandle<Result<Vec<Answer>, StoreError>> =
            tokio::spawn(async move { store.reserve(&requests, most).await });
        let done = loop {
            match timeout(GLANCE, &mut work).await {
                Ok(done) => break done,
                Err(_) => self.send_away_the_late(),
            }
        };
        self.pace.follow(count, began.elapsed());
        match done {
            Ok(Ok(told)) => answers.into_iter().zip(told).for_each(|(answer, told)| drop(answer.send(Ok(told)))),
            Ok(Err(error)) => {
                let error = Unanswered::Failed(Arc::new(error));
                answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone()))));
            }
            Err(panic) => {
                tracing::error!(%panic, "a batch of reservations could not be worked on");
                answers.into_iter().for_each(|answer| drop(answer.send(Err(Unanswered::Broken))));
            }
        }
    }

    fn send_away_the_late(&mut self) {
        while let Some(first) = self.first.take().or_else(|| self.waiting.try_recv().ok()) {
            if first.since.elapsed() < WAIT_MAX {
                self.first = Some(first);
                return;
            }
            first.tell(Err(Unanswered::Busy));
        }
    }
}

impl Waiting {
    /// Whoever has gone away meanwhile needs no answer.
    fn tell(self, told: Told) {
        drop(self.answer.send(told));
    }
}

/// For the metric.
fn word(told: &Told) -> &'static str {
    match told {
        Err(Unanswered::Busy) => "busy",
        Err(Unanswered::Closing) => "closing",
        Err(Unanswered::Failed(_) | Unanswered::Broken) => "failed",
        Ok(Ok(granted)) => match granted.change {
            None => "repeated",
            Some(Change::Hold) => "held",
            Some(Change::Confirm { late: false }) => "confirmed",
            Some(Change::Confirm { late: true }) => "confirmed_late",
            Some(Change::Release) => "released",
            Some(Change::Bury) => "buried",
            Some(Change::Expire) => "expired",
        },
        Ok(Err(refusal)) => match refusal {
            Refusal::NotEnough(_) => "not_enough",
            Refusal::HolderLimit { .. } => "holder_limit",
            Refusal::OtherContent => "id_reused",
            Refusal::Ended(_) => "ended",
            Refusal::Confirmed { .. } => "already_confirmed",
            Refusal::Suspended(_) => "suspended",
            Refusal::Stopped(_) => "stopped",
            Refusal::OrderTaken(_) => "order_taken",
            Refusal::Unknown | Refusal::NoSuchChannel(_) | Refusal::NoStorefront(_) | Refusal::NoSuchSku(_) => {
                "invalid"
            }
        },
    }
}
