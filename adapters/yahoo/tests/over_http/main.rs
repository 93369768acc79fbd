//! The adapter against its fake over real HTTP: what is special to this mall.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod families;
#[cfg(test)]
mod gotchas;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod stock;
