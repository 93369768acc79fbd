//! Bodies with the mall's oddities.
