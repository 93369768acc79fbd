//! Who comes to the stall: buys what it shows, and has it shipped or thinks better of it.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use uriba_sdk::{Env, fake::Book};

use crate::demo::shoppers::gap;

pub struct Customers {
    rng: StdRng,
    mean_gap: Duration,
    /// When the next one comes.
    due: Duration,
    /// Orders that have not left, oldest first.
    open: Vec<String>,
}

impl Customers {
    pub fn new(env: &dyn Env, orders_per_minute: f64) -> Self {
        let rng = StdRng::seed_from_u64(env.random());
        let mean_gap = Duration::from_secs(60).div_f64(orders_per_minute);
        Self { rng, mean_gap, due: env.elapsed(), open: Vec::new() }
    }

    /// Whoever has come by now; a sentence for everything that happened.
    pub fn come(&mut self, book: &Book, now: Duration) -> Vec<String> {
        let mut happened = Vec::new();
        while self.due <= now {
            self.due += self.mean_gap.mul_f64(gap(&mut self.rng));
            happened.extend(self.buy(book));
            if self.rng.random_bool(0.1) {
                happened.extend(self.cancel(book));
            }
            if self.rng.random_bool(0.6) {
                happened.extend(self.ship(book));
            }
        }
        happened
    }

    fn buy(&mut self, book: &Book) -> Option<String> {
        let shown: Vec<_> = book.items().into_iter().filter(|(_, item)| item.counter > 0).collect();
        let Some((key, item)) = shown.choose(&mut self.rng) else {
            return Some("a customer found nothing on show".into());
        };
        let most = u32::try_from(item.counter).unwrap_or(u32::MAX).min(3);
        let units = self.rng.random_range(1..=most);
        let id = book.place(&[(key, units)]).ok()?;
        let sentence = format!("order {id}: {units} of {key}");
        self.open.push(id);
        Some(sentence)
    }

    fn cancel(&mut self, book: &Book) -> Option<String> {
        let id = self.open.pop()?;
        book.cancel(&id);
        Some(format!("order {id} was cancelled"))
    }

    fn ship(&mut self, book: &Book) -> Option<String> {
        if self.open.is_empty() {
            return None;
        }
        let id = self.open.remove(0);
        book.ship(&id);
        Some(format!("order {id} was shipped"))
    }
}
