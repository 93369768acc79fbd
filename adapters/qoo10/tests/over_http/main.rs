//! The adapter against its fake over real HTTP: what is special to this mall.

#[cfg(test)]
mod gotchas;
#[cfg(test)]
mod items;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod stock;
