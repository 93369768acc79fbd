//! The protocol's promises over real HTTP: what is sent, what is never sent, and what becomes of programs that keep
//! less than they promise.

#[cfg(test)]
mod open;
#[cfg(test)]
mod program;
#[cfg(test)]
mod shop;
