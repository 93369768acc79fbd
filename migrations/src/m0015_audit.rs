//! Looking: when each listing is to be read again, the last write of each and whether it was seen, why a figure was
//! drift, and audits that somebody asked for.

use sea_orm_migration::prelude::*;

use crate::column::{drop_tables, flag, id, index, key, maybe_key, maybe_number, maybe_text, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

const PUBLICATION: [&str; 6] = ["sold_lately", "look_at", "pushed_from", "pushed_to", "pushed_sent_at", "pushed_seen"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(added("publication", number("sold_lately").default(0).to_owned())).await?;
        manager.alter_table(added("publication", maybe_number("look_at"))).await?;
        manager.alter_table(added("publication", maybe_number("pushed_from"))).await?;
        manager.alter_table(added("publication", maybe_number("pushed_to"))).await?;
        manager.alter_table(added("publication", maybe_number("pushed_sent_at"))).await?;
        manager.alter_table(added("publication", flag("pushed_seen").default(false).to_owned())).await?;
        // Whatever was read before is due once, and spread from then on.
        let seen = "UPDATE publication SET look_at = read_at WHERE checked AND open_writes = 0 AND read_at IS NOT NULL";
        manager.get_connection().execute_unprepared(seen).await?;
        // What is no key of its mall can't be read, and stood first among those that can.
        let unreadable = "UPDATE publication SET read_due = NULL WHERE listing_id IN \
                          (SELECT id FROM listing WHERE state = 'invalid')";
        manager.get_connection().execute_unprepared(unreadable).await?;
        manager.create_index(index("publication", &["channel", "look_at"], false)).await?;
        manager.create_index(index("publication", &["channel", "checked", "open_writes", "read_at"], false)).await?;
        manager.create_index(index("publication", &["channel", "wants", "wants_since"], false)).await?;
        manager.drop_index(named("publication", "channel_read_at")).await?;
        manager.create_index(index("mall_order", &["channel", "open", "placed_at"], false)).await?;
        manager.create_index(index("reservation", &["state", "channel", "created_at"], false)).await?;
        manager.create_index(index("provisional_hold", &["channel", "ended_at", "at"], false)).await?;
        manager.alter_table(added("publication_event", maybe_key("cause"))).await?;
        manager.create_table(audit()).await?;
        manager.create_index(index("audit", &["channel", "state"], false)).await?;
        manager.create_index(index("audit", &["request"], false)).await?;
        manager.create_table(audit_item()).await?;
        manager.create_index(index("audit_item", &["audit_id", "read_at", "place"], false)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["audit_item", "audit"]).await?;
        manager.alter_table(dropped("publication_event", "cause")).await?;
        manager.drop_index(named("provisional_hold", "channel_ended_at_at")).await?;
        manager.drop_index(named("reservation", "state_channel_created_at")).await?;
        manager.drop_index(named("mall_order", "channel_open_placed_at")).await?;
        manager.create_index(index("publication", &["channel", "read_at"], false)).await?;
        manager.drop_index(named("publication", "channel_wants_wants_since")).await?;
        manager.drop_index(named("publication", "channel_checked_open_writes_read_at")).await?;
        manager.drop_index(named("publication", "channel_look_at")).await?;
        for column in PUBLICATION {
            manager.alter_table(dropped("publication", column)).await?;
        }
        Ok(())
    }
}

fn added(table: &'static str, mut column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).add_column(&mut column).to_owned()
}

fn dropped(table: &'static str, column: &'static str) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned()
}

fn named(table: &'static str, columns: &str) -> IndexDropStatement {
    Index::drop().name(format!("ix_{table}_{columns}")).table(Alias::new(table)).to_owned()
}

/// One channel's part of a request.
fn audit() -> TableCreateStatement {
    table(
        "audit",
        vec![
            id(),
            number("request"),
            key("channel"),
            key("state"),
            number("asked_at"),
            text("asked_by"),
            number("listings"),
            maybe_number("ended_at"),
            maybe_text("problem"),
        ],
        &[],
    )
}

fn audit_item() -> TableCreateStatement {
    table(
        "audit_item",
        vec![
            number("audit_id"),
            number("listing_id"),
            number("place"),
            maybe_number("read_at"),
            maybe_number("shows"),
            maybe_number("believed"),
            maybe_number("target"),
            maybe_key("cause"),
        ],
        &["audit_id", "listing_id"],
    )
}
