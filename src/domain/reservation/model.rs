//! Any sequence of requests against a reference so simple that it can be seen to be right: a list of what was
//! granted, read through from its beginning for every question.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

const SKUS: [&str; 2] = ["tea", "cup"];
const STOCK: [i64; 2] = [6, 4];
const HOLDER_UNITS_MAX: i64 = 7;

#[derive(Clone, Debug)]
enum Step {
    Reserve { id: u8, tea: i64, cup: i64, ttl_s: i64, holder: bool },
    Confirm { id: u8, order: u8 },
    Release { id: u8 },
    Expire { id: u8 },
    Wait { seconds: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0_u8..4;
    let step = prop_oneof![
        4 => (id.clone(), 0_i64..4, 0_i64..3, prop_oneof![Just(5_i64), Just(20)], any::<bool>())
            .prop_map(|(id, tea, cup, ttl_s, holder)| Step::Reserve { id, tea, cup, ttl_s, holder }),
        2 => (id.clone(), 0_u8..2).prop_map(|(id, order)| Step::Confirm { id, order }),
        2 => id.clone().prop_map(|id| Step::Release { id }),
        1 => id.prop_map(|id| Step::Expire { id }),
        2 => (1_i64..8).prop_map(|seconds| Step::Wait { seconds }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Everything that was granted, in order.
#[derive(Default)]
struct Reference {
    granted: Vec<(String, Grant)>,
}

#[derive(Clone, PartialEq)]
enum Grant {
    Held { wish: Wish, until: i64 },
    Confirmed(String),
    Released,
    Expired,
}

impl Reference {
    fn last(&self, id: &str) -> Option<&Grant> {
        self.granted.iter().rev().find(|(of, _)| of == id).map(|(_, grant)| grant)
    }

    fn wish(&self, id: &str) -> Option<(&Wish, i64)> {
        self.granted.iter().find_map(|(of, grant)| match grant {
            Grant::Held { wish, until } if of == id => Some((wish, *until)),
            _ => None,
        })
    }

    /// Units that are held or ordered, but for those of one id.
    fn taken(&self, sku: &str, but: &str) -> i64 {
        let mut ids: Vec<&String> = self.granted.iter().map(|(id, _)| id).filter(|id| *id != but).collect();
        ids.sort();
        ids.dedup();
        let takes = |id: &&&String| matches!(self.last(id), Some(Grant::Held { .. } | Grant::Confirmed(_)));
        ids.iter().filter(takes).filter_map(|id| self.wish(id)).map(|(wish, _)| quantity(wish, sku)).sum()
    }

    fn fits(&self, wish: &Wish, but: &str) -> bool {
        SKUS.iter().zip(STOCK).all(|(sku, stock)| quantity(wish, sku) <= stock - self.taken(sku, but))
    }

    fn held_by(&self, holder: &str) -> i64 {
        let mut sum = 0;
        for id in (0..4).map(|n: u8| n.to_string()) {
            if let Some(Grant::Held { wish, .. }) = self.last(&id)
                && wish.holder.as_deref() == Some(holder)
            {
                sum += wish.lines.iter().map(|line| line.quantity).sum::<i64>();
            }
        }
        sum
    }

    /// Whether something was granted, and what would have been said.
    fn answer(&mut self, id: &str, ask: &Ask, now: i64) -> &'static str {
        let (word, grant) = self.decide(id, ask, now);
        self.granted.extend(grant.map(|grant| (id.to_owned(), grant)));
        word
    }

    fn decide(&self, id: &str, ask: &Ask, now: i64) -> (&'static str, Option<Grant>) {
        let last = self.last(id);
        let lapsed = matches!(last, Some(Grant::Held { until, .. }) if *until <= now);
        match (ask, last) {
            (Ask::Reserve(wish), None) => {
                let units: i64 = wish.lines.iter().map(|line| line.quantity).sum();
                if !self.fits(wish, "") {
                    return ("not enough", None);
                }
                if wish.holder.as_deref().is_some_and(|holder| self.held_by(holder) + units > HOLDER_UNITS_MAX) {
                    return ("holder", None);
                }
                ("granted", Some(Grant::Held { wish: wish.clone(), until: now + wish.ttl_s }))
            }
            (Ask::Reserve(wish), Some(Grant::Held { wish: known, .. })) if !lapsed => {
                (if wish == known { "same" } else { "other" }, None)
            }
            (Ask::Reserve(_), Some(_)) => ("ended", None),
            (Ask::Confirm { .. } | Ask::Expire, None) => ("unknown", None),
            (Ask::Confirm { .. }, Some(Grant::Released)) => ("ended", None),
            (Ask::Confirm { order }, Some(Grant::Confirmed(known))) => {
                (if order == known { "same" } else { "confirmed" }, None)
            }
            (Ask::Confirm { order }, Some(Grant::Held { .. } | Grant::Expired)) => {
                let late = lapsed || last == Some(&Grant::Expired);
                let fits = self.wish(id).is_some_and(|(wish, _)| self.fits(wish, id));
                if late && !fits {
                    return ("not enough", None);
                }
                ("granted", Some(Grant::Confirmed(order.clone())))
            }
            (Ask::Release { .. }, Some(Grant::Confirmed(_))) => ("confirmed", None),
            (Ask::Release { .. }, Some(Grant::Released)) => ("same", None),
            (Ask::Release { .. }, _) => ("granted", Some(Grant::Released)),
            (Ask::Expire, _) if lapsed => ("granted", Some(Grant::Expired)),
            (Ask::Expire, _) => ("same", None),
        }
    }
}

fn quantity(wish: &Wish, sku: &str) -> i64 {
    wish.lines.iter().filter(|line| line.sku == sku).map(|line| line.quantity).sum()
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Changes(_) => "granted",
        Verdict::Stands => "same",
        Verdict::Refused(Refusal::NotEnough(_)) => "not enough",
        Verdict::Refused(Refusal::HolderLimit { .. }) => "holder",
        Verdict::Refused(Refusal::OtherContent) => "other",
        Verdict::Refused(Refusal::Ended(_)) => "ended",
        Verdict::Refused(Refusal::Confirmed { .. }) => "confirmed",
        Verdict::Refused(Refusal::Unknown) => "unknown",
        Verdict::Refused(_) => "something else",
    }
}

fn desk() -> Desk {
    let shop = Shop { pool: "online".into(), is_storefront: true, is_suspended: false };
    let recipe = |n: usize| (SKUS[n].to_owned(), vec![Part { sku: n as i64, quantity: 1 }]);
    let sellable: HashMap<i64, i64> = STOCK.into_iter().enumerate().map(|(n, units)| (n as i64, units)).collect();
    Desk {
        shops: [("web".to_owned(), shop)].into(),
        recipes: [recipe(0), recipe(1)].into(),
        sellable: [("online".to_owned(), sellable)].into(),
        holder_units_max: HOLDER_UNITS_MAX,
        ..Desk::default()
    }
}

fn request(step: &Step) -> Option<(u8, Ask)> {
    Some(match step {
        Step::Reserve { id, tea, cup, ttl_s, holder } => {
            let lines = [("tea", *tea), ("cup", *cup)].into_iter().filter(|(_, units)| *units > 0);
            let lines = lines.map(|(sku, quantity)| Line { sku: sku.into(), quantity }).collect();
            let holder = holder.then(|| "ann".to_owned());
            (*id, Ask::Reserve(Wish { channel: "web".into(), lines: Wish::tidy(lines), ttl_s: *ttl_s, holder }))
        }
        Step::Confirm { id, order } => (*id, Ask::Confirm { order: order.to_string() }),
        Step::Release { id } => (*id, Ask::Release { reason: None }),
        Step::Expire { id } => (*id, Ask::Expire),
        Step::Wait { .. } => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn any_sequence_is_answered_as_the_reference_answers_it(steps in steps()) {
        let (mut desk, mut reference, mut now) = (desk(), Reference::default(), 0);
        for step in &steps {
            let Some((id, ask)) = request(step) else {
                if let Step::Wait { seconds } = step {
                    now += seconds;
                }
                continue;
            };
            let (id, at) = (id.to_string(), Timestamp::UNIX_EPOCH + SignedDuration::from_secs(now));
            let verdict = desk.judge(&id, &ask, at);
            if let Verdict::Changes(change) = verdict {
                desk.apply(&id, &ask, change, at);
            }
            prop_assert_eq!(word(&verdict), reference.answer(&id, &ask, now), "{:?} at {}", step, now);
            for (n, (sku, stock)) in SKUS.iter().zip(STOCK).enumerate() {
                let left = desk.sellable["online"][&(n as i64)];
                prop_assert_eq!(left, stock - reference.taken(sku, ""), "{} after {:?}", sku, step);
                prop_assert!(left >= 0, "never more than there is");
            }
            prop_assert_eq!(desk.held_by.get("ann").copied().unwrap_or(0), reference.held_by("ann"));
        }
    }
}
