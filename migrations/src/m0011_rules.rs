//! Bundles: which SKUs are made of which, as it was said and down to what is stocked. Rules: caps with dates, what
//! each channel's rules are, what all rules were, and when dated ones turn. Changes that wait for a person's word.

use sea_orm_migration::prelude::*;

use crate::column::{append_only, drop_tables, id, index, key, maybe_number, maybe_text, number, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(bundle_part()).await?;
        manager.create_index(index("bundle_part", &["component_id"], false)).await?;
        manager.create_table(bundle_unit()).await?;
        manager.create_index(index("bundle_unit", &["component_id"], false)).await?;
        manager.alter_table(added("listing", maybe_text("caps"))).await?;
        manager.alter_table(added("channel", maybe_text("rules"))).await?;
        manager.create_table(rule_change()).await?;
        manager.create_index(index("rule_change", &["scope", "at"], false)).await?;
        append_only(manager, "rule_change").await?;
        manager.create_table(rule_turn()).await?;
        manager.create_index(index("rule_turn", &["at"], false)).await?;
        manager.create_index(index("rule_turn", &["scope"], false)).await?;
        manager.create_table(held_change()).await?;
        manager.create_index(index("held_change", &["kind", "digest"], false)).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(dropped("channel", "rules")).await?;
        manager.alter_table(dropped("listing", "caps")).await?;
        drop_tables(manager, &["held_change", "rule_turn", "rule_change", "bundle_unit", "bundle_part"]).await
    }
}

fn added(table: &'static str, mut column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).add_column(&mut column).to_owned()
}

fn dropped(table: &'static str, column: &'static str) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).to_owned()
}

fn rule_change() -> TableCreateStatement {
    table("rule_change", vec![id(), key("scope"), number("at"), text("who"), text("body")], &[])
}

fn rule_turn() -> TableCreateStatement {
    table("rule_turn", vec![id(), key("scope"), number("at")], &[])
}

fn held_change() -> TableCreateStatement {
    let body = ColumnDef::new(Alias::new("body")).blob().not_null().to_owned();
    table(
        "held_change",
        vec![
            id(),
            key("kind"),
            key("digest"),
            key("state"),
            number("at"),
            text("by"),
            text("request"),
            body,
            text("changes"),
            maybe_number("ended_at"),
        ],
        &[],
    )
}

fn bundle_unit() -> TableCreateStatement {
    table(
        "bundle_unit",
        vec![number("bundle_id"), number("component_id"), number("quantity")],
        &["bundle_id", "component_id"],
    )
}

fn bundle_part() -> TableCreateStatement {
    table(
        "bundle_part",
        vec![number("bundle_id"), number("component_id"), number("quantity")],
        &["bundle_id", "component_id"],
    )
}
