//! The database's history. Each migration has its own identifiers and never imports an entity: entities move
//! on, the past doesn't. Times are microseconds UTC in `BIGINT`, words are text.

mod column;
mod m0001_channels;
mod m0002_stock;
mod m0003_orders;
mod m0004_publications;
mod m0005_operations;
mod m0006_unread_lines;
mod m0007_retention;
mod m0008_core_files;
mod m0008_rank;
mod m0009_reservations;
mod m0010_own_orders;
mod m0011_rules;
mod m0012_time;
mod m0013_exposure;
mod m0014_plans;
mod m0015_audit;
mod m0016_turns;
mod m0017_blind;
mod m0018_by_time;
mod m0019_gaps;
mod m0020_risk;
mod m0021_late;
mod m0022_lean;
mod m0023_malls;
mod m0024_tickets;
mod m0025_quiet;
mod m0026_found;
mod m0027_slack;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_channels::Migration),
            Box::new(m0002_stock::Migration),
            Box::new(m0003_orders::Migration),
            Box::new(m0004_publications::Migration),
            Box::new(m0005_operations::Migration),
            Box::new(m0006_unread_lines::Migration),
            Box::new(m0007_retention::Migration),
            Box::new(m0008_core_files::Migration),
            Box::new(m0008_rank::Migration),
            Box::new(m0009_reservations::Migration),
            Box::new(m0010_own_orders::Migration),
            Box::new(m0011_rules::Migration),
            Box::new(m0012_time::Migration),
            Box::new(m0013_exposure::Migration),
            Box::new(m0014_plans::Migration),
            Box::new(m0015_audit::Migration),
            Box::new(m0016_turns::Migration),
            Box::new(m0017_blind::Migration),
            Box::new(m0018_by_time::Migration),
            Box::new(m0019_gaps::Migration),
            Box::new(m0020_risk::Migration),
            Box::new(m0021_late::Migration),
            Box::new(m0022_lean::Migration),
            Box::new(m0023_malls::Migration),
            Box::new(m0024_tickets::Migration),
            Box::new(m0025_quiet::Migration),
            Box::new(m0026_found::Migration),
            Box::new(m0027_slack::Migration),
        ]
    }
}
