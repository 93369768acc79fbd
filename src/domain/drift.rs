//! A figure that no order, cancel or write explains: what it most likely is, and whether the hub puts it right or
//! stops there.
//!
//! Nobody tells us who changed a mall's figure, so a [`Cause`] is the likeliest reading of what is known: the last
//! write, whether the mall was ever seen to show it, and what was put right before. It is a word for people. What is
//! done never rests on it alone: a listing that comes back twice by the same amount is left alone whatever the cause.

use std::time::Duration;

use jiff::Timestamp;

use super::{publication::Publication, time::later};

/// Put right twice by the same amount within this time: the figure is somebody else's.
const AGAIN_WITHIN: Duration = Duration::from_secs(3_600);
/// Whoever wrote over the hub's figure within this time and does it once more is there to stay.
const WRITER_WITHIN: Duration = Duration::from_secs(24 * 3_600);

/// The last write that was settled, and whether the mall was ever seen to show what it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// What stood before it …
    pub from: i64,
    /// … and what ought to stand after it.
    pub to: i64,
    /// What was read from then on tells about it.
    pub at: Timestamp,
    pub seen: bool,
}

/// A difference that was put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    pub amount: i64,
    pub at: Timestamp,
    /// How often in a row by this amount, each within the hour of the one before.
    pub count: u32,
}

/// The mall showed `amount` less than is explained (negative: more), read at `seen_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    pub amount: i64,
    pub seen_at: Timestamp,
}

/// What the deviation most likely is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Somebody changed the figure in the mall's console, once.
    HandEdit,
    /// The mall said yes to our last figure, and still shows the one before.
    LostPush,
    /// Sold to an order that hasn't turned up yet: held back until it can't turn up any more.
    UnseenOrder,
    /// The mall has no such item, or says that it isn't ours to write.
    Orphan,
    /// The mall accepts figures and keeps its own.
    MallDefect,
    /// Another system sets the figure, again and again.
    OtherWriter,
}

/// What the seller wants done about figures that are too low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnDrift {
    /// The target is written again.
    #[default]
    Correct,
    /// The mall's figure stands until somebody has looked. One that is too high is lowered all the same: it would
    /// sell what isn't there.
    Hold,
}

/// What comes of a deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub cause: Cause,
    /// What the mall showed.
    pub shows: i64,
    /// Nothing above that is written until a person has looked.
    pub stops: bool,
}

impl Cause {
    pub const ALL: [Self; 6] =
        [Self::HandEdit, Self::LostPush, Self::UnseenOrder, Self::Orphan, Self::MallDefect, Self::OtherWriter];

    pub fn word(self) -> &'static str {
        match self {
            Self::HandEdit => "hand_edit",
            Self::LostPush => "lost_push",
            Self::UnseenOrder => "unseen_order",
            Self::Orphan => "orphan",
            Self::MallDefect => "mall_defect",
            Self::OtherWriter => "other_writer",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }

    /// For people: `most likely …`.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::HandEdit => "somebody changed it there by hand",
            Self::LostPush => "the last write was accepted and came to nothing",
            Self::UnseenOrder => "sold to an order that hasn't turned up yet",
            Self::Orphan => "the mall has no such item, or it isn't ours",
            Self::MallDefect => "the mall accepts figures and keeps its own",
            Self::OtherWriter => "another system writes it too",
        }
    }
}

impl OnDrift {
    pub fn word(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Hold => "hold",
        }
    }
}

/// The likeliest cause. `corrected`: what was put right on this listing before.
pub fn cause(deviation: Deviation, pushed: Option<&Pushed>, corrected: Option<&Correction>) -> Cause {
    let Deviation { amount, seen_at } = deviation;
    let before = corrected.filter(|before| seen_at < later(before.at, WRITER_WITHIN));
    let again = before.is_some_and(|before| before.amount == amount);
    // A write after the look says nothing about it.
    if let Some(pushed) = pushed.filter(|pushed| !pushed.seen && pushed.at <= seen_at) {
        let change = pushed.to - pushed.from;
        if amount != 0 && amount == change {
            return if again { Cause::MallDefect } else { Cause::LostPush };
        }
        // It went a part of the way: the mall's own limit.
        if amount.signum() == change.signum() && amount.abs() < change.abs() {
            return Cause::MallDefect;
        }
        if again {
            return Cause::MallDefect;
        }
    }
    if before.is_some() { Cause::OtherWriter } else { Cause::HandEdit }
}

impl Publication {
    /// The likeliest cause of a difference that was just read, while orders and cancels may still explain it.
    pub fn suspect(&self, deviation: Deviation) -> Cause {
        let again = self.correction.is_some_and(|last| last.amount == deviation.amount);
        match cause(deviation, self.pushed.as_ref(), self.correction.as_ref()) {
            Cause::HandEdit | Cause::OtherWriter if deviation.amount > 0 => Cause::UnseenOrder,
            // Rather a customer who was quick than a limit.
            Cause::MallDefect if deviation.amount > 0 && !again => Cause::UnseenOrder,
            cause => cause,
        }
    }

    /// Nothing has explained a difference, and nothing will any more: it is put right, or left for a person.
    pub fn deviates(&mut self, deviation: Deviation, policy: OnDrift, now: Timestamp) -> Verdict {
        let Deviation { amount, seen_at } = deviation;
        let cause = cause(deviation, self.pushed.as_ref(), self.correction.as_ref());
        let unseen = self.pushed.filter(|pushed| !pushed.seen && pushed.at <= seen_at);
        // Some malls take longer than that to show what they accepted: the correction itself came to nothing.
        let in_vain = |last: &Correction| unseen.is_some_and(|pushed| pushed.at >= last.at);
        let is_again = |last: &Correction| seen_at < later(last.at, AGAIN_WITHIN) || in_vain(last);
        let last = self.correction.filter(|last| last.amount == amount && is_again(last));
        let count = last.map_or(1, |last| last.count + 1);
        self.correction = Some(Correction { amount, at: now, count });
        let shows = match unseen {
            Some(pushed) => pushed.to - amount,
            None => self.shown().map_or(0, |shown| shown.mid),
        };
        let stops = count >= 2 || (policy == OnDrift::Hold && amount > 0);
        if stops {
            self.kept = Some(shows);
        }
        Verdict { cause, shows, stops }
    }

    /// The mall was seen to show this figure, `sold` units at most after the last write.
    pub(super) fn seen(&mut self, figure: i64, sold: i64) {
        if let Some(pushed) = self.pushed.as_mut().filter(|pushed| !pushed.seen) {
            pushed.seen = (pushed.to - sold..=pushed.to).contains(&figure);
        }
    }

    /// What stands in the way of a figure: the mall, or somebody else, keeps one, and this one is above it. Where the
    /// kept one is too high, lowering it once more would only be undone again.
    pub(super) fn is_kept_from(&self, wanted: i64) -> bool {
        let too_low = self.correction.is_some_and(|correction| correction.amount > 0);
        self.kept.is_some_and(|kept| !too_low || wanted > kept)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        "2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    fn pushed(from: i64, to: i64, seen: bool) -> Pushed {
        Pushed { from, to, at: at(0), seen }
    }

    fn less(amount: i64, seconds: i64) -> Deviation {
        Deviation { amount, seen_at: at(seconds) }
    }

    fn corrected(amount: i64, seconds: i64) -> Correction {
        Correction { amount, at: at(seconds), count: 1 }
    }

    #[test]
    fn a_figure_that_the_mall_had_shown_and_that_is_another_now_was_changed_by_hand() {
        assert_eq!(cause(less(3, 600), Some(&pushed(5, 8, true)), None), Cause::HandEdit);
        assert_eq!(cause(less(-4, 600), None, None), Cause::HandEdit);
    }

    #[test]
    fn the_figure_of_before_the_last_write_says_that_the_write_was_lost() {
        assert_eq!(cause(less(3, 60), Some(&pushed(5, 8, false)), None), Cause::LostPush);
        assert_eq!(cause(less(-5, 60), Some(&pushed(5, 0, false)), None), Cause::LostPush, "also of a zero");
    }

    #[test]
    fn a_write_that_is_lost_again_is_the_malls_defect() {
        let before = corrected(3, 30);
        assert_eq!(cause(less(3, 90), Some(&pushed(5, 8, false)), Some(&before)), Cause::MallDefect);
    }

    #[test]
    fn a_write_that_goes_a_part_of_the_way_met_the_malls_limit() {
        assert_eq!(cause(less(4_001, 60), Some(&pushed(10, 5_000, false)), None), Cause::MallDefect);
    }

    #[test]
    fn a_figure_that_changes_again_after_the_mall_had_shown_ours_has_another_writer() {
        let again = corrected(3, 300);
        assert_eq!(cause(less(3, 900), Some(&pushed(5, 8, true)), Some(&again)), Cause::OtherWriter);
        let other = corrected(-2, 300);
        assert_eq!(cause(less(3, 40_000), Some(&pushed(5, 8, true)), Some(&other)), Cause::OtherWriter);
        let long_ago = corrected(3, 300);
        assert_eq!(cause(less(3, 90_000), Some(&pushed(5, 8, true)), Some(&long_ago)), Cause::HandEdit);
    }

    #[test]
    fn a_write_after_the_look_explains_nothing_about_it() {
        let later = Pushed { at: at(700), ..pushed(5, 8, false) };
        assert_eq!(cause(less(3, 600), Some(&later), None), Cause::HandEdit);
    }

    #[test]
    fn less_on_show_is_a_sale_until_its_order_can_no_longer_turn_up() {
        let listing = Publication { pushed: Some(pushed(5, 8, true)), ..Publication::default() };
        assert_eq!(listing.suspect(less(2, 60)), Cause::UnseenOrder);
        assert_eq!(listing.suspect(less(-2, 60)), Cause::HandEdit, "more on show is no sale");
        let lost = Publication { pushed: Some(pushed(5, 8, false)), ..Publication::default() };
        assert_eq!(lost.suspect(less(3, 60)), Cause::LostPush);
        assert_eq!(lost.suspect(less(1, 60)), Cause::UnseenOrder, "one of the three that were put up");
    }

    #[test]
    fn each_cause_is_found_again_by_its_word() {
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.word()), Some(cause));
        }
    }
}
