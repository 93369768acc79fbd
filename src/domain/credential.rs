//! When a mall's credential ends, and when people are told beforehand.
//!
//! A mall says how long its keys live, and nobody tells uriba when one was made: it ends, at the latest, so long after
//! uriba first saw it. What is past that is still used until the mall refuses it, for the mall knows better.

use std::time::Duration;

use jiff::Timestamp;

use super::time::{earlier, later};

/// Days before the end on which people are told, the last word first.
const NOTICES: [u64; 4] = [1, 3, 7, 21];
const DAY: Duration = Duration::from_secs(86_400);

/// A credential of which the mall says how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    pub since: Timestamp,
    pub life: Duration,
}

impl Term {
    pub fn expires_at(self) -> Timestamp {
        later(self.since, self.life)
    }

    /// In days, what people ought to have been told by now: 0 when it is over, `None` while it is far away.
    pub fn notice(self, now: Timestamp) -> Option<u64> {
        let end = self.expires_at();
        if now >= end {
            return Some(0);
        }
        NOTICES.into_iter().find(|days| now >= earlier(end, DAY * u32::try_from(*days).unwrap_or(u32::MAX)))
    }

    pub fn message(self, channel: &str, name: &str, notice: u64) -> String {
        let (since, end) = (self.since, self.expires_at());
        let life = self.life.as_secs() / DAY.as_secs();
        let todo = "renew it at the mall and put it where the configuration says it is";
        if notice == 0 {
            return format!(
                "{channel}: the credential {name} is past the {life} days that the mall gives it (known since {since}): \
                 {todo}. It is used until the mall refuses it"
            );
        }
        let left = if notice == 1 { "1 day".to_owned() } else { format!("{notice} days") };
        format!(
            "{channel}: the credential {name} ends in {left} at the latest, by {end} (known since {since}, and the mall \
             gives it {life} days): {todo}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(day: &str) -> Timestamp {
        format!("{day}T00:00:00Z").parse().unwrap()
    }

    /// Of ninety days, which end on the first of April.
    fn license() -> Term {
        Term { since: on("2027-01-01"), life: DAY * 90 }
    }

    #[test]
    fn people_are_told_three_weeks_a_week_three_days_and_a_day_before_the_end_and_when_it_is_over() {
        let told = [
            ("2027-01-01", None),
            ("2027-03-10", None),
            ("2027-03-11", Some(21)),
            ("2027-03-24", Some(21)),
            ("2027-03-25", Some(7)),
            ("2027-03-29", Some(3)),
            ("2027-03-31", Some(1)),
            ("2027-04-01", Some(0)),
            ("2027-12-31", Some(0)),
        ];
        for (day, notice) in told {
            assert_eq!(license().notice(on(day)), notice, "on {day}");
        }
    }

    #[test]
    fn what_lives_for_a_day_only_is_told_of_from_the_beginning() {
        let brief = Term { since: on("2027-01-01"), life: DAY };
        assert_eq!(brief.notice(on("2027-01-01")), Some(1));
    }

    #[test]
    fn the_message_names_what_ends_and_when_and_what_to_do() {
        let soon = license().message("rakuten-main", "license_key", 1);
        assert!(soon.starts_with("rakuten-main: the credential license_key ends in 1 day at the latest"), "{soon}");
        assert!(
            soon.contains("2027-04-01T00:00:00Z") && soon.contains("90 days") && soon.contains("renew it"),
            "{soon}"
        );
        let over = license().message("rakuten-main", "license_key", 0);
        assert!(over.contains("past the 90 days") && over.contains("until the mall refuses it"), "{over}");
    }
}
