//! What people ask of the hub's desk beside stock and orders: SKUs taken off sale and put back, sale plans, switches at
//! a set time, audits, and the orders of past spans.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{BUNDLE, Listing, Seller, WHO};
use crate::{
    domain::{
        exposure::mode::Wish,
        suspend::Mode,
        time::{between, earlier, later},
        windows::Window,
    },
    sim::{
        Violation,
        decrees::{Place, Planned},
    },
    store::{StoreError, backfills::NewBackfill, plans::NewPlan, sheets::Paging, switch::Suspension},
};

/// Clocks are not further apart, and who is not answered asks again meanwhile.
const NEARLY: Duration = Duration::from_secs(2);
/// What is to happen by itself happens so long after its time at the latest, whoever sleeps or is killed.
const HAPPENS_WITHIN: Duration = Duration::from_secs(1_800);
const FOR_EVER: Duration = Duration::from_secs(30 * 86_400);
/// So long after the last customers the last of the short plans is over.
const OUTLASTS: Duration = Duration::from_secs(5_400);

impl Seller {
    /// SKUs, bundles among them, are taken off sale everywhere and put back.
    pub async fn keep_stopping(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        while self.passes(&mut dice, until).await {
            let stopped = self.ground.decrees().stopped();
            if !stopped.is_empty() && dice.random_bool(0.6) {
                let sku = pick(&mut dice, &stopped);
                self.ground.note(|| format!("{sku} is put back on sale"));
                self.ground.decrees().resume(&sku);
                self.insist("a SKU's resumption", async || self.store.resume_sku(&sku, None, WHO).await).await;
            } else {
                let sku = pick(&mut dice, &self.codes());
                self.insist("a SKU's stop", async || self.store.stop_sku(&sku, Some("a trial"), WHO).await).await;
                self.believe_stopped(&sku);
            }
        }
    }

    /// From this moment on the SKU is off sale, in the seller's eyes.
    pub fn believe_stopped(&self, sku: &str) {
        self.ground.note(|| format!("{sku} is off sale"));
        let off = self.places(|listing| listing.sku == sku || listing.takes(sku) > 0);
        self.ground.decrees().stop(sku, off, self.ground.clock.now());
    }

    /// Plans are made, changed, taken back and left to end.
    pub async fn keep_planning(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        while self.passes(&mut dice, until).await {
            let now = self.ground.clock.now();
            let live: Vec<String> = self.ground.decrees().live(now).map(|planned| planned.plan.name.clone()).collect();
            let turn = dice.random_range(0..10);
            if turn >= 5 || live.is_empty() {
                let name = self.key("plan");
                self.plan(self.drawn_plan(&mut dice, name, until)).await;
                continue;
            }
            let name = pick(&mut dice, &live);
            self.take_back(&name, dice.random_bool(0.5)).await;
            if turn < 2 {
                self.plan(self.drawn_plan(&mut dice, name, until)).await;
            }
        }
    }

    fn drawn_plan(&self, dice: &mut StdRng, name: String, until: Duration) -> NewPlan {
        let now = self.ground.clock.now();
        let from = later(earlier(now, Duration::from_secs(1_800)), seconds(dice, 0..5_400));
        let last = self.ground.clock.at(until + OUTLASTS);
        let short = later(from, seconds(dice, 2_400..9_000)).min(last).max(later(now, Duration::from_secs(300)));
        let ends = if dice.random_bool(0.15) { later(now, FOR_EVER) } else { short };
        let from = from.min(earlier(ends, Duration::from_secs(60)));
        let mut skus = self.codes();
        skus.shuffle(dice);
        skus.truncate(dice.random_range(1..=3));
        let wish = match dice.random_range(0..4) {
            0 => Some(Wish::Escrow),
            // In escrow nothing may be sold twice: only there it must stay so.
            1 if !self.kind.quiet => Some(Wish::Shared),
            2 if !self.kind.quiet => Some(Wish::Auto),
            _ => None,
        };
        let exposure = wish.filter(|_| !skus.iter().any(|sku| sku == BUNDLE));
        let buffer = dice.random_bool(0.5).then(|| dice.random_range(0..6));
        let cap = dice.random_bool(0.6).then(|| dice.random_range(0..8));
        let cap = cap.or_else(|| (exposure.is_none() && buffer.is_none()).then_some(3));
        NewPlan { name, from, until: ends, skus, exposure, cap, buffer }
    }

    async fn plan(&self, plan: NewPlan) {
        let before = earlier(self.ground.clock.now(), NEARLY);
        let may_be_refused = self.ground.decrees().collides(&plan, before);
        let make = async || refusal(self.store.create_plan(&plan, WHO).await);
        let Some(refused) = self.insist("a plan", make).await else { return };
        let now = self.ground.clock.now();
        match refused {
            Some(why) if !may_be_refused => {
                self.ground.broken(Violation::new(format!("plan {} was refused: {why}", plan.name)));
            }
            Some(_) => {}
            None => {
                if self.ground.decrees().collides(&plan, later(now, NEARLY)) {
                    self.ground.broken(Violation::new(format!("plan {} was made beside another", plan.name)));
                }
                self.believe_planned(plan);
            }
        }
    }

    /// From now on, or from its beginning, its SKUs follow it in the seller's eyes.
    pub fn believe_planned(&self, plan: NewPlan) {
        let now = self.ground.clock.now();
        let plan = NewPlan { from: plan.from.max(now), ..plan };
        let (exposure, cap, buffer) = (plan.exposure.map(Wish::word), plan.cap, plan.buffer);
        self.ground.note(|| {
            format!(
                "{} holds for {:?} from {} until {}: cap {cap:?}, buffer {buffer:?}, {exposure:?}",
                plan.name, plan.skus, plan.from, plan.until
            )
        });
        let of = self.places(|listing| plan.skus.contains(&listing.sku));
        self.ground.decrees().plan(Planned { plan, of });
    }

    async fn take_back(&self, name: &str, by_schedule: bool) {
        let Some(taken) = self.ground.decrees().take_back(name) else { return };
        self.ground.note(|| format!("{name} is taken back"));
        let delete = async || refusal(self.store.delete_plan(name, WHO).await);
        let due = format!("plan:{name}");
        let unschedule = async || refusal(self.store.unschedule(&due, WHO).await.map(drop));
        let asked = if by_schedule { self.insist("what is due", unschedule).await.flatten() } else { None };
        // Of one that is in force only the end is due.
        let refused = if by_schedule && asked.is_none() { None } else { self.insist("a plan", delete).await.flatten() };
        if let Some(why) = refused.filter(|_| taken.plan.until > later(self.ground.clock.now(), NEARLY)) {
            self.ground.broken(Violation::new(format!("{name} could not be taken back: {why}")));
        }
    }

    /// Malls are switched off at a set time, and on again at another, unless somebody thinks better of it.
    pub async fn keep_schedule(self: Arc<Self>, seed: u64, malls: Vec<String>, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        while self.passes(&mut dice, until).await {
            let mall = pick(&mut dice, &malls);
            if self.takes_switch(&mall) {
                self.switch_by_the_clock(&mut dice, &mall).await;
                self.leaves_switch(&mall);
            }
        }
    }

    async fn switch_by_the_clock(&self, dice: &mut StdRng, mall: &str) {
        let from = later(self.ground.clock.now(), seconds(dice, 60..3_600));
        let until = dice.random_bool(0.7).then(|| later(from, seconds(dice, 600..7_200)));
        let mode = if dice.random_bool(0.7) { Mode::Zero } else { Mode::Freeze };
        let wanted = Suspension { mode, reason: None, from: Some(from), until, poll: dice.random_bool(0.7) };
        let ids = [mall.to_owned()];
        self.ground.note(|| format!("{mall} is to be switched off at {from}, until {until:?}"));
        if !self.deaf.load(Ordering::Relaxed) {
            self.insist("a suspension", async || self.store.suspend(&ids, &wanted, WHO).await).await;
        }
        if dice.random_bool(0.2) {
            self.ground.clock.rest(between(self.ground.clock.now(), from) / 2).await;
            return self.unschedule_suspension(mall).await;
        }
        self.rest_until(from).await;
        let off = self.comes_about(mall, until, |state| state != "active").await;
        if !off {
            return;
        }
        self.ground.switch_off(mall, self.ground.clock.now(), mode == Mode::Zero);
        let left = until.map(|until| between(self.ground.clock.now(), until));
        match (until, left) {
            (Some(until), Some(left)) if left.as_secs() < 300 || dice.random_bool(0.6) => {
                self.rest_until(earlier(until, NEARLY)).await;
                self.ground.switch_on(mall);
                self.rest_until(until).await;
                self.comes_about(mall, None, |state| state == "active" || state == "resuming").await;
            }
            (_, left) => {
                let most = left.map_or(7_200, |left| left.as_secs() - 120);
                self.ground.clock.rest(seconds(dice, 60..most)).await;
                if left.is_some() && dice.random_bool(0.5) {
                    let end = format!("until:{mall}");
                    self.insist("what is due", async || self.store.unschedule(&end, WHO).await).await;
                    self.ground.clock.rest(seconds(dice, 60..7_200)).await;
                }
                self.ground.switch_on(mall);
                self.insist("a resumption", async || self.store.resume(&ids, None, WHO).await).await;
            }
        }
    }

    async fn unschedule_suspension(&self, mall: &str) {
        self.ground.note(|| format!("{mall} is not to be switched off after all"));
        let paging = Paging::new(Some(Paging::LIMIT_MAX), None);
        let Some(page) = self.insist("the schedule", async || self.store.due_sheets(&paging).await).await else {
            return;
        };
        let of_mall =
            page.items.into_iter().find(|due| due.channel.as_deref() == Some(mall) && due.action == "suspend");
        let Some(id) = of_mall.and_then(|due| due.id) else {
            return self.ground.broken(Violation::new(format!("the schedule forgot to switch {mall} off")));
        };
        self.insist("what is due", async || self.store.unschedule(&id, WHO).await).await;
    }

    /// Whether the mall's switch stands so in time. That it doesn't is a violation, unless `over` has come before.
    async fn comes_about(&self, mall: &str, over: Option<Timestamp>, wanted: impl Fn(&str) -> bool) -> bool {
        let last = later(self.ground.clock.now(), HAPPENS_WITHIN);
        loop {
            let row = self.insist("a channel", async || self.store.channel(mall).await).await;
            let now = self.ground.clock.now();
            match row {
                Some(row) if wanted(&row.state) => return true,
                _ if over.is_some_and(|over| over <= now) => return false,
                Some(row) if now > last => {
                    self.ground.broken(Violation::of(5, format!("{mall} is still {} by its schedule", row.state)));
                    return false;
                }
                Some(_) => self.ground.clock.rest(Duration::from_secs(20)).await,
                None => return false,
            }
        }
    }

    /// Somebody wants to know what malls show, now.
    pub async fn keep_auditing(self: Arc<Self>, seed: u64, malls: Vec<String>, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        while self.passes(&mut dice, until).await {
            let mall = dice.random_bool(0.7).then(|| pick(&mut dice, &malls));
            let limit = [1, 5, 500][dice.random_range(0..3)];
            let ask = async || self.store.ask_audit(mall.as_deref(), limit, WHO).await;
            let asked = self.insist("an audit", ask).await;
            self.ground.note(|| format!("somebody asks for {limit} listings of {mall:?}"));
            self.truth().audits.extend(asked);
        }
    }

    /// Somebody wants the orders of a past span to be read again.
    pub async fn keep_backfilling(self: Arc<Self>, seed: u64, malls: Vec<String>, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        while self.passes(&mut dice, until).await {
            let mall = pick(&mut dice, &malls);
            let Some(nature) = self.ground.with(&mall, |mall| mall.nature) else { continue };
            let orders = &nature.card().orders;
            let unseen = orders.edge.max(orders.visibility_lag).max(orders.precision);
            let last = earlier(self.ground.clock.now(), unseen + NEARLY);
            let length = seconds(&mut dice, 600..172_800);
            let from = earlier(last, length);
            let to = later(from, length.mul_f64(dice.random_range(0.2..1.0)));
            let span = Window { from, to, open_only: false };
            let wanted =
                NewBackfill { channel: mall.clone(), span, per_minute: dice.random_range(2..=600), quiet: None };
            if let Some((field, fault)) = wanted.fault(orders, self.store.now()) {
                self.ground.broken(Violation::new(format!("{mall}: {field}: {fault}")));
            }
            for _ in 0..dice.random_range(1..=2) {
                let ask = async || self.store.ask_backfill(&wanted, WHO).await;
                let asked = self.insist("a backfill", ask).await;
                self.ground.note(|| format!("somebody asks for orders of {mall} from {from} to {to}"));
                self.truth().backfills.extend(asked);
            }
        }
    }

    /// Rests for a minute to an hour; `false`: nobody comes to the desk any more.
    async fn passes(&self, dice: &mut StdRng, until: Duration) -> bool {
        self.ground.clock.rest(seconds(dice, 60..3_600)).await;
        self.ground.clock.elapsed() < until
    }

    async fn rest_until(&self, at: Timestamp) {
        self.ground.clock.rest(between(self.ground.clock.now(), at)).await;
    }

    /// Every SKU that something is sold as.
    pub fn codes(&self) -> Vec<String> {
        let codes: BTreeSet<String> = self.listings.iter().map(|listing| listing.sku.clone()).collect();
        codes.into_iter().collect()
    }

    fn places(&self, which: impl Fn(&Listing) -> bool) -> BTreeSet<Place> {
        let found = self.listings.iter().filter(|listing| which(listing));
        found.map(|listing| (listing.mall.clone(), listing.key.clone())).collect()
    }
}

/// What a refusal says; `None`: it was done.
fn refusal(done: Result<(), StoreError>) -> Result<Option<String>, StoreError> {
    match done {
        Err(StoreError::Refused(why)) => Ok(Some(why)),
        done => done.map(|()| None),
    }
}

fn pick(dice: &mut StdRng, from: &[String]) -> String {
    from[dice.random_range(0..from.len())].clone()
}

fn seconds(dice: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_micros(dice.random_range(range.start * 1_000_000..range.end * 1_000_000))
}
