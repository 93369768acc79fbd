//! Files from the core system: what they mean, whatever comes late, twice or not at all.

mod holdbacks;
mod never;
mod order_file;
mod sales;
mod sales_model;
mod shipments;
mod trial;
mod undo;
mod watched;
