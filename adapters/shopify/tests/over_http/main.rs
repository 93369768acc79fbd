//! The adapter against its fake over real HTTP: what is special to Shopify.

#[cfg(test)]
mod access;
#[cfg(test)]
mod fake_itself;
#[cfg(test)]
mod first_things;
#[cfg(test)]
mod gotchas;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod wakeup;
