//! The programs that run beside the hub on the same database, as a command line or a core system does. They try again
//! until they are answered, under the same key or id.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{HOLD_S, STOREFRONT, Seller, WAREHOUSE, WHO};
use crate::{
    domain::{
        reservation::{Ask, Line, Wish},
        suspend::Mode,
    },
    engine::{
        braked::Guard,
        import::{CoreFile, FileKind, ImportState, Profile, Terms, import_file},
    },
    sim::{Trouble, Violation, mall::Mall},
    store::{StoreError, attention::actions, movements::MoveKind, reservations::Request, switch::Suspension},
};

impl Seller {
    /// Goods come in where they run out, and somebody counts now and then; word of it reaches the hub later.
    pub async fn keep_warehouse(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        let skus = self.skus();
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(60_000_000..4_000_000_000))).await;
            if self.ground.clock.elapsed() >= until {
                return;
            }
            let sku = &skus[dice.random_range(0..skus.len())];
            if dice.random_bool(0.15) {
                self.hand_in_book(Duration::from_micros(dice.random_range(0..1_800_000_000))).await;
                continue;
            }
            let movement = if dice.random_bool(0.2) {
                self.movement(MoveKind::Stocktake, sku, self.on_hand(sku))
            } else if self.on_hand(sku) > 60 && !self.kind.quiet {
                let units = dice.random_range(1..=10);
                *self.truth().on_hand.entry(sku.clone()).or_default() -= units;
                self.movement(MoveKind::Issue, sku, units)
            } else {
                let units = dice.random_range(1..=20);
                *self.truth().on_hand.entry(sku.clone()).or_default() += units;
                self.movement(MoveKind::Receipt, sku, units)
            };
            self.look_at_worst();
            self.ground.note(|| format!("{:?} {sku} {}", movement.kind, movement.quantity));
            self.ground.clock.rest(Duration::from_micros(dice.random_range(0..1_800_000_000))).await;
            self.insist("a movement", async || self.store.move_stock(&movement, WHO).await).await;
        }
    }

    /// The core system's book of the whole warehouse, which arrives so long after it was made.
    async fn hand_in_book(&self, later: Duration) {
        let as_of = self.ground.clock.now();
        let rows = self.skus().into_iter().map(|sku| format!("{WAREHOUSE},{sku},{}\n", self.on_hand(&sku)));
        let text = format!("location,sku,quantity\n{}", rows.collect::<String>());
        self.ground.clock.rest(later).await;
        self.ground.note(|| format!("a book as of {as_of} arrives"));
        let booked = self.insist("a book", async || self.book(&text, as_of).await).await;
        if booked.is_some_and(|state| state != ImportState::Booked) {
            self.ground.broken(Violation::new(format!("a book of the warehouse was not booked: {booked:?}")));
        }
    }

    async fn book(&self, text: &str, as_of: Timestamp) -> crate::store::Result<ImportState> {
        let (profile, terms, guard) = (Profile::default(), Terms::default(), Guard::default());
        let file = CoreFile {
            kind: FileKind::Book,
            name: "book.csv",
            bytes: text.as_bytes(),
            as_of: Some(as_of),
            date: None,
            profile: &profile,
            channel: None,
            guard: &guard,
            dry_run: false,
            skip_invalid: false,
            create_skus: false,
            by: WHO,
            terms: &terms,
            progress: None,
        };
        Ok(import_file(&self.store, &file).await?.state)
    }

    /// The own shop's checkouts: reserved, then confirmed, released or forgotten.
    pub async fn keep_storefront(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        let skus = self.skus();
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(10_000_000..3_000_000_000))).await;
            if self.ground.clock.elapsed() >= until {
                return;
            }
            let (sku, quantity) = (skus[dice.random_range(0..skus.len())].clone(), dice.random_range(1..=3));
            let id = self.key("cart");
            let lines = vec![Line { sku: sku.clone(), quantity }];
            let wish = Wish { channel: STOREFRONT.into(), lines, ttl_s: HOLD_S, holder: None };
            if !self.ask(&id, Ask::Reserve(wish)).await {
                self.ground.tally().turned_away += 1;
                continue;
            }
            self.truth().held.insert(id.clone(), (sku.clone(), quantity));
            self.ground.note(|| format!("{STOREFRONT} holds {quantity} {sku} as {id}"));
            self.ground.clock.rest(Duration::from_micros(dice.random_range(1_000_000..500_000_000))).await;
            self.end_checkout(&mut dice, &id, &sku, quantity).await;
        }
    }

    async fn end_checkout(&self, dice: &mut StdRng, id: &str, sku: &str, quantity: i64) {
        match dice.random_range(0..10) {
            0..7 => {
                let order = format!("order-{id}");
                if self.ask(id, Ask::Confirm { order }).await {
                    *self.truth().own.entry(sku.to_owned()).or_default() += quantity;
                    self.ground.tally().orders += 1;
                } else {
                    self.ground.broken(Violation::of(8, format!("{id} was held and its confirmation refused")));
                }
            }
            7..9 => {
                self.ask(id, Ask::Release { reason: None }).await;
            }
            // Whoever forgets it lets it run out.
            _ => {
                let left = Duration::from_secs(HOLD_S.unsigned_abs() + 120);
                self.ground.clock.rest(left).await;
            }
        }
        self.truth().held.remove(id);
        self.ground.note(|| format!("{STOREFRONT} has ended {id}"));
    }

    /// Whether it was granted.
    async fn ask(&self, id: &str, ask: Ask) -> bool {
        let request = [Request { id: id.to_owned(), ask }];
        let asked = self.insist("a reservation", async || self.store.reserve(&request, i64::MAX).await).await;
        let granted = asked.and_then(|answers| answers.into_iter().next()).is_some_and(|answer| answer.is_ok());
        self.look_at_worst();
        granted
    }

    /// Malls are switched off and on again, to zero or as they stand.
    pub async fn keep_switching(self: Arc<Self>, seed: u64, malls: Vec<String>, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(1..30_000_000_000))).await;
            if self.ground.clock.elapsed() >= until {
                return;
            }
            let mall = malls[dice.random_range(0..malls.len())].clone();
            let mode = if dice.random_bool(0.7) { Mode::Zero } else { Mode::Freeze };
            if !self.takes_switch(&mall) {
                continue;
            }
            let wanted = Suspension { mode, reason: None, from: None, until: None, poll: true };
            let ids = [mall.clone()];
            self.insist("a suspension", async || self.store.suspend(&ids, &wanted, WHO).await).await;
            let since = self.ground.clock.now();
            self.ground.switch_off(&mall, since, mode == Mode::Zero);
            self.ground.clock.rest(Duration::from_micros(dice.random_range(60_000_000..10_000_000_000))).await;
            self.ground.switch_on(&mall);
            self.insist("a resumption", async || self.store.resume(&ids, None, WHO).await).await;
            self.leaves_switch(&mall);
        }
    }

    /// Somebody looks at what needs a person, twice an hour, and says yes to what is asked.
    pub async fn keep_looking(self: Arc<Self>) {
        loop {
            self.ground.clock.rest(Duration::from_secs(1_800)).await;
            let open = self.insist("attention", async || self.store.attention(None, 500).await).await;
            for item in open.unwrap_or_default() {
                let action = actions(&item.kind).first().copied();
                self.ground.note(|| format!("a person resolves: {}", item.message));
                let resolved = async || match self.store.resolve_attention(item.id, action, WHO).await {
                    // The hub itself was quicker.
                    Err(StoreError::Refused(_)) => Ok(()),
                    resolved => resolved.map(drop),
                };
                self.insist("an answer", resolved).await;
            }
        }
    }

    /// Somebody writes figures into the malls' consoles.
    pub async fn keep_meddling(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        loop {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(600_000_000..9_000_000_000))).await;
            if self.ground.clock.elapsed() >= until || !self.ground.faults().knows(Trouble::HandEdit) {
                return;
            }
            let listing = &self.listings[dice.random_range(0..self.listings.len())];
            self.edit(&listing.mall, &listing.key, dice.random_range(0..15));
        }
    }

    /// Another program thinks that a listing is its own, for an hour at a time.
    pub async fn suffer_another_writer(self: Arc<Self>, seed: u64, until: Duration) {
        let mut dice = StdRng::seed_from_u64(seed);
        while self.ground.faults().knows(Trouble::OtherWriter) {
            self.ground.clock.rest(Duration::from_micros(dice.random_range(1..20_000_000_000))).await;
            let listing = &self.listings[dice.random_range(0..self.listings.len())];
            let figure = dice.random_range(0..15);
            for _ in 0..12 {
                if self.ground.clock.elapsed() >= until {
                    return;
                }
                self.edit(&listing.mall, &listing.key, figure);
                self.ground.clock.rest(Duration::from_secs(300)).await;
            }
        }
    }

    /// What nobody can read, nobody can put right: such a mall's console is left alone.
    fn edit(&self, mall: &str, key: &str, figure: i64) {
        let edit = |mall: &mut Mall| {
            if mall.nature.card().reads.is_some() {
                mall.set_by_hand(key, figure);
            }
        };
        self.ground.with(mall, edit);
        self.ground.note_effects(mall);
    }
}
