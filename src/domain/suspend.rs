//! The operator's switch.
//!
//! ```text
//! active ──suspend──▶ draining ──▶ suspended ──resume──▶ resuming ──▶ active
//! ```

/// Where the switch of a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Active,
    /// Zeros are on their way and being verified.
    Draining,
    Suspended,
    /// Polling and recomputing come first; then stock flows again.
    Resuming,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The mall is to show nothing for sale.
    Zero,
    /// The mall keeps showing what it shows; nothing is written.
    Freeze,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Suspended => "suspended",
            Self::Resuming => "resuming",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Draining, Self::Suspended, Self::Resuming].into_iter().find(|state| state.word() == word)
    }
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Freeze => "freeze",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Zero, Self::Freeze].into_iter().find(|mode| mode.word() == word)
    }
}

/// What suspending does to a switch; `None` when it changes nothing.
pub fn suspend(state: State, mode: Option<Mode>, wanted: Mode) -> Option<(State, Mode)> {
    match (state, mode, wanted) {
        (State::Draining | State::Suspended, Some(Mode::Zero), Mode::Zero) => None,
        // Freeze after zero stays at zero: the mall shows nothing already.
        (State::Draining | State::Suspended, Some(Mode::Zero), Mode::Freeze) => None,
        (State::Suspended, Some(Mode::Freeze), Mode::Freeze) => None,
        (_, _, Mode::Zero) => Some((State::Draining, Mode::Zero)),
        (_, _, Mode::Freeze) => Some((State::Suspended, Mode::Freeze)),
    }
}

/// What resuming does to a switch; `None` when it changes nothing.
pub fn resume(state: State) -> Option<State> {
    match state {
        State::Draining | State::Suspended => Some(State::Resuming),
        State::Active | State::Resuming => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode::*, State::*, resume, suspend};

    #[test]
    fn suspend_while_resuming_drains_again() {
        assert_eq!(suspend(Resuming, Some(Zero), Zero), Some((Draining, Zero)));
        assert_eq!(suspend(Resuming, Some(Zero), Freeze), Some((Suspended, Freeze)), "what it shows by then, it keeps");
    }

    #[test]
    fn zero_after_freeze_drains() {
        assert_eq!(suspend(Suspended, Some(Freeze), Zero), Some((Draining, Zero)));
    }

    #[test]
    fn freeze_after_zero_stays_at_zero() {
        assert_eq!(suspend(Draining, Some(Zero), Freeze), None);
        assert_eq!(suspend(Suspended, Some(Zero), Freeze), None);
    }

    #[test]
    fn the_same_word_again_changes_nothing() {
        assert_eq!(suspend(Draining, Some(Zero), Zero), None);
        assert_eq!(suspend(Suspended, Some(Zero), Zero), None);
        assert_eq!(suspend(Suspended, Some(Freeze), Freeze), None);
        assert_eq!(resume(Resuming), None);
    }

    #[test]
    fn resume_of_an_active_channel_does_nothing() {
        assert_eq!(resume(Active), None);
        assert_eq!((resume(Draining), resume(Suspended)), (Some(Resuming), Some(Resuming)));
    }
}
