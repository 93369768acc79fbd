//! One push: who can be written at all, in which calls, and what each call's answer means for each update.
//!
//! eBay's guide lets 25 SKUs into one call, the same call's description one. So many go together first; what is
//! refused in company goes again alone, and once that has helped, everything goes alone.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
};

use uriba_sdk::{Applied, Class, MallError, Outcome, Refusal, RefusedWhy, Result, Update};

use crate::{
    Ebay,
    card::SKUS,
    offers::{self, Standing},
    stock::{self, Entry, Told, refusal},
};

/// How many SKUs go into one call, as far as is known.
pub struct Batching {
    alone: AtomicBool,
}

impl Batching {
    pub fn new(alone: bool) -> Self {
        Self { alone: AtomicBool::new(alone) }
    }

    fn max(&self) -> usize {
        if self.alone.load(Ordering::Relaxed) { 1 } else { SKUS }
    }
}

/// A push under way.
struct Run<'a> {
    ebay: &'a Ebay,
    outcomes: Vec<Option<Outcome>>,
    waiting: VecDeque<Vec<Entry>>,
    /// Something may have been written.
    wrote: bool,
    /// After this nothing more is sent.
    stopped: Option<MallError>,
}

pub async fn push(ebay: &Ebay, updates: &[Update]) -> Result<Vec<Outcome>> {
    let mut outcomes = vec![None; updates.len()];
    let mut entries = Vec::new();
    for (index, update) in updates.iter().enumerate() {
        match entry(ebay, index, update).await? {
            Ok(entry) => entries.push(entry),
            Err(refusal) => outcomes[index] = Some(Outcome::Refused(refusal)),
        }
    }
    let waiting = batches(entries, ebay.batching.max());
    Run { ebay, outcomes, waiting, wrote: false, stopped: None }.finish().await
}

/// What is to be written for an update, or why nothing is. Only reads.
async fn entry(ebay: &Ebay, index: usize, update: &Update) -> Result<std::result::Result<Entry, Refusal>> {
    let quantity = match stock::quantity(update.write) {
        Ok(quantity) => quantity,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (standing, fresh) = match offers::of_handle(update.handle.as_deref()) {
        Some(standing) => (Some(standing), false),
        None => (ebay.standing(&update.key).await?, true),
    };
    Ok(offered(standing).map(|offers| Entry { index, sku: update.key.clone(), quantity, offers, fresh, again: false }))
}

/// The offers to write to.
fn offered(standing: Option<Standing>) -> std::result::Result<Vec<String>, Refusal> {
    match standing {
        Some(Standing::Offered(ids)) => Ok(ids),
        Some(Standing::Auction) => {
            Err(refusal(RefusedWhy::NotOurs, None, "this SKU is in an auction, whose quantity is never written".into()))
        }
        Some(Standing::Unlisted) => {
            let message = "no offer of this SKU is published: its listing has ended (perhaps at zero, with \
                           out-of-stock control off) or was never published";
            Err(refusal(RefusedWhy::Other, None, message.into()))
        }
        None => Err(refusal(RefusedWhy::NoSuchItem, None, stock::no_such_item(""))),
    }
}

/// No call names a SKU twice.
fn batches(entries: Vec<Entry>, max: usize) -> VecDeque<Vec<Entry>> {
    let mut batches: VecDeque<Vec<Entry>> = VecDeque::new();
    for entry in entries {
        let last = batches.back_mut();
        match last.filter(|batch| batch.len() < max && batch.iter().all(|other| other.sku != entry.sku)) {
            Some(batch) => batch.push(entry),
            None => batches.push_back(vec![entry]),
        }
    }
    batches
}

impl Run<'_> {
    async fn finish(mut self) -> Result<Vec<Outcome>> {
        while let Some(batch) = self.waiting.pop_front() {
            if let Some(error) = &self.stopped {
                let busy = Outcome::Refused(not_sent(error));
                batch.iter().for_each(|entry| self.outcomes[entry.index] = Some(busy.clone()));
                continue;
            }
            match self.ebay.write(&batch).await {
                Ok(told) => {
                    for (entry, told) in batch.into_iter().zip(told) {
                        self.settle(entry, told).await;
                    }
                }
                Err(error) => self.refused(batch, error)?,
            }
        }
        Ok(self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Unknown)).collect())
    }

    async fn settle(&mut self, entry: Entry, told: Told) {
        let outcome = match told {
            Told::Applied => {
                if entry.again {
                    self.ebay.batching.alone.store(true, Ordering::Relaxed);
                }
                self.wrote = true;
                Outcome::Applied { now: None }
            }
            Told::Unknown => {
                self.wrote = true;
                Outcome::Unknown
            }
            Told::RefusedBesideOthers(_) => {
                self.waiting.push_back(vec![Entry { again: true, ..entry }]);
                return;
            }
            Told::Refused(refusal) if entry.fresh || refusal.why == RefusedWhy::Busy => Outcome::Refused(refusal),
            // The handle may name an offer that is no more.
            Told::Refused(refusal) => match self.ebay.standing(&entry.sku).await.map(offered) {
                Ok(Ok(offers)) if offers != entry.offers => {
                    self.waiting.push_back(vec![Entry { offers, fresh: true, ..entry }]);
                    return;
                }
                Ok(Err(why)) => Outcome::Refused(why),
                Ok(Ok(_)) | Err(_) => Outcome::Refused(refusal),
            },
        };
        self.outcomes[entry.index] = Some(outcome);
    }

    /// A call that failed as a whole.
    fn refused(&mut self, mut batch: Vec<Entry>, error: MallError) -> Result<()> {
        if let Some(refusal) = stock::turned_away(&error) {
            match batch.len() {
                1 => self.outcomes[batch[0].index] = Some(Outcome::Refused(refusal)),
                _ => self.waiting.extend(batch.drain(..).map(|entry| vec![Entry { again: true, ..entry }])),
            }
            return Ok(());
        }
        if !self.wrote {
            return Err(error);
        }
        let doubtful = matches!(error.class, Class::Transient { applied: Applied::Unknown } | Class::Malformed { .. });
        let outcome = if doubtful { Outcome::Unknown } else { Outcome::Refused(not_sent(&error)) };
        batch.iter().for_each(|entry| self.outcomes[entry.index] = Some(outcome.clone()));
        self.stopped = Some(error);
        Ok(())
    }
}

/// After a part of the push has been written, the rest is told one by one.
fn not_sent(error: &MallError) -> Refusal {
    refusal(RefusedWhy::Busy, error.code.clone(), format!("not written: {error}"))
}
