//! A search, step by step: the mall answers one shipping status per call, and what is cancelled or returned only in
//! another call. The page token is the number of the next step.
//!
//! Statuses are asked in the order in which orders go through them, so that an order that moves on meanwhile is met
//! again rather than missed.

use jiff::{SignedDuration, Timestamp};
use uriba_sdk::{Query, Span};

use crate::jst;

/// The statuses of orders that hold stock come first.
const STATUSES: [u8; 5] = [1, 2, 3, 4, 5];
const OPEN: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Orders of one shipping status, by the time of placing.
    Status(u8),
    /// Cancels, returns and exchanges of orders placed in the window.
    PlacedClaims,
    /// Cancels and returns that were completed in the window, whenever the order was placed.
    CompletedClaims,
}

/// By the time of placing.
const BY_PLACING: &str = "1";
/// By the time at which a cancel or refund was completed.
const BY_COMPLETION: &str = "3";

pub struct Walk {
    steps: Vec<Step>,
    from: String,
    to: String,
    at: usize,
}

impl Walk {
    pub fn of(query: &Query) -> Result<Self, String> {
        let Span::Window { from, to } = &query.span else { return Err("Qoo10 does not split orders".into()) };
        let statuses = STATUSES.into_iter().take(if query.open_only { OPEN } else { STATUSES.len() });
        let mut steps: Vec<_> = statuses.map(Step::Status).collect();
        steps.push(Step::PlacedClaims);
        if !query.open_only {
            steps.push(Step::CompletedClaims);
        }
        let at = match query.token.as_deref() {
            None => 0,
            Some(token) => {
                token.parse().ok().filter(|at| *at < steps.len()).ok_or("a page token of somebody else's")?
            }
        };
        Ok(Self { steps, from: bound(*from, -1), to: bound(*to, 1), at })
    }

    pub fn next(&mut self) -> Option<Step> {
        let step = self.steps.get(self.at).copied();
        self.at += 1;
        step
    }

    /// Of the steps that are left.
    pub fn token(&self) -> Option<String> {
        (self.at < self.steps.len()).then(|| self.at.to_string())
    }

    pub fn status_form<'a>(&'a self, status: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("ShippingStatus", status),
            ("SearchStartDate", &self.from),
            ("SearchEndDate", &self.to),
            ("SearchCondition", BY_PLACING),
        ]
    }

    /// No `ClaimStat`: all of them.
    pub fn claims_form(&self, step: Step) -> [(&str, &str); 3] {
        let condition = if step == Step::CompletedClaims { BY_COMPLETION } else { BY_PLACING };
        [("search_Sdate", &self.from), ("search_Edate", &self.to), ("search_condition", condition)]
    }
}

/// For finding out whose shop it is: the newest orders of each status.
pub fn recently(now: Timestamp) -> (String, String) {
    (bound(now, -60 * 86_400), bound(now, 1))
}

/// Whether the mall counts the ends of a window in is not said: they are moved out by a second, and a fraction is cut
/// off as the mall cuts it off its own times.
fn bound(instant: Timestamp, seconds: i64) -> String {
    jst::compact(instant.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(instant))
}
