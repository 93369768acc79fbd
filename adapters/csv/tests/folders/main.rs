//! The adapter between its two folders: what is read out of the one, and what is written into the other.

#[cfg(test)]
mod desk;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod stock;
