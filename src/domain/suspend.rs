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
