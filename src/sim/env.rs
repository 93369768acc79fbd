//! The outside of one instance of the hub: the world's clock, dice of its own, and a line to the malls on which
//! everything goes wrong that [`super::faults`] has drawn.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use uriba_sdk::{
    Env,
    env::{DEADLINE, HeaderMap, HeaderName, HeaderValue, HttpAnswer, HttpRequest, TransportError},
};

use super::{
    Ground, Trouble,
    faults::{Fate, Passage},
    mall::letters::PUSH,
};
use crate::store::surroundings::Surroundings;

pub struct SimEnv {
    ground: Arc<Ground>,
    name: String,
    dice: Mutex<StdRng>,
    /// While there are troubles its clock is so far ahead of everybody else's.
    ahead: SignedDuration,
}

impl SimEnv {
    pub fn new(ground: Arc<Ground>, name: String, seed: u64) -> Self {
        let ahead = SignedDuration::from_millis(ground.faults().ahead_ms());
        Self { ground, name, dice: Mutex::new(StdRng::seed_from_u64(seed)), ahead }
    }

    async fn exchange(&self, mall: &str, operation: &str, body: &[u8], within: Duration) -> Exchanged {
        let clock = &self.ground.clock;
        let sent = clock.elapsed();
        let Some(fate) = self.ground.request_leaves(mall, operation, body) else {
            return Err(TransportError::NotSent(format!("there is no mall {mall}")));
        };
        if let Some(end) = fate.ends_before {
            clock.end(end).await;
        }
        self.ground.with(mall, |mall| mall.meter(operation, clock.now()));
        let answer = self.travel(mall, operation, body, fate, sent + within).await;
        if operation == PUSH || !matches!(&answer, Ok(HttpAnswer { status: 200, .. })) {
            self.ground.note(|| format!("{} {mall} {operation}: {}", self.name, word(&answer)));
        }
        if let Ok(HttpAnswer { status, .. }) = &answer {
            self.ground.patience().answered(mall, operation, *status, clock.now());
        }
        if let (Ok(HttpAnswer { status: 429, .. }), Passage::Says(_, Some(wait))) = (&answer, fate.passage) {
            self.ground.with(mall, |mall| mall.told_to_wait(operation, clock.now(), wait));
        }
        if let Some(end) = fate.ends_after {
            clock.end(end).await;
        }
        answer
    }

    async fn travel(&self, mall: &str, operation: &str, body: &[u8], fate: Fate, deadline: Duration) -> Exchanged {
        let clock = &self.ground.clock;
        let late = match fate.passage {
            Passage::Late(after) => Some(clock.elapsed() + after),
            // It arrives, but nobody waits for the answer any more.
            _ if clock.elapsed() + fate.out > deadline => Some(clock.elapsed() + fate.out),
            _ => None,
        };
        if let Some(at) = late {
            if operation == PUSH {
                self.ground.with(mall, |mall| mall.deliver_later(clock.at(at), body));
            }
            return self.gives_up(deadline).await;
        }
        if fate.passage == Passage::LostBefore {
            return self.gives_up(deadline).await;
        }
        clock.rest(fate.out).await;
        if let Passage::Says(status, wait) = fate.passage {
            clock.rest(fate.back).await;
            return Ok(HttpAnswer { status, headers: retry_after(wait), body: Vec::new() });
        }
        let answered = self.ground.with(mall, |mall| mall.answer(operation, body, clock.now(), fate.whim));
        let Some(mut answered) = answered else {
            return Err(TransportError::NotSent(format!("there is no mall {mall}")));
        };
        self.ground.note_effects(mall);
        if fate.passage == Passage::LostAfter || clock.elapsed() + fate.back > deadline {
            return self.gives_up(deadline).await;
        }
        clock.rest(fate.back).await;
        if fate.passage == Passage::CutOff {
            answered.body.truncate(answered.body.len() / 2);
        }
        Ok(HttpAnswer { status: answered.status, headers: HeaderMap::new(), body: answered.body })
    }

    async fn gives_up(&self, deadline: Duration) -> Exchanged {
        let clock = &self.ground.clock;
        clock.rest(deadline.saturating_sub(clock.elapsed())).await;
        Err(TransportError::NoAnswer("timed out".into()))
    }
}

type Exchanged = Result<HttpAnswer, TransportError>;

fn word(answer: &Exchanged) -> String {
    match answer {
        Ok(answer) => answer.status.to_string(),
        Err(error) => error.to_string(),
    }
}

fn retry_after(wait: Option<Duration>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = wait.and_then(|wait| HeaderValue::from_str(&wait.as_secs().to_string()).ok());
    headers.extend(value.map(|value| (HeaderName::from_static("retry-after"), value)));
    headers
}

#[async_trait]
impl Env for SimEnv {
    fn now(&self) -> Timestamp {
        let now = self.ground.clock.now();
        let skewed = self.ground.faults().knows(Trouble::ClockSkew);
        if skewed { now.saturating_add(self.ahead).unwrap_or(now) } else { now }
    }

    fn elapsed(&self) -> Duration {
        self.ground.clock.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        self.ground.clock.rest(length).await;
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.dice.lock().expect("no panic happens under this lock").fill_bytes(bytes);
    }

    async fn send(&self, request: HttpRequest) -> Exchanged {
        let address = request.url.strip_prefix("sim://").and_then(|rest| rest.split_once('/'));
        let Some((mall, operation)) = address else {
            return Err(TransportError::NotSent(format!("{} is not in this world", request.url)));
        };
        let within = request.within.map_or(DEADLINE, |within| within.min(DEADLINE));
        self.exchange(mall, operation, &request.body, within).await
    }
}

/// What lies around an instance's database. The seller's own programs meet errors only: they aren't killed.
pub struct Around {
    pub ground: Arc<Ground>,
    pub mortal: bool,
}

#[async_trait]
impl Surroundings for Around {
    fn clock(&self) -> Timestamp {
        self.ground.clock.now()
    }

    async fn before_transaction(&self) -> Result<(), String> {
        match self.ground.before_transaction() {
            None => Ok(()),
            Some(Err(end)) if self.mortal => {
                self.ground.clock.end(end).await;
                Ok(())
            }
            Some(Err(_)) => Ok(()),
            Some(Ok(())) => Err("the database is away (the simulator has taken it)".into()),
        }
    }

    fn heard(&self, statement: &str) {
        if self.mortal {
            self.ground.heard(statement);
        }
    }
}
