//! Open writes as rows.

use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uriba_sdk::Write;

use super::{
    Result,
    entity::{listing, listing_write},
    instant, micros,
};
use crate::domain::publication::{Outstanding, WriteState};

pub(super) async fn open_writes(db: &impl ConnectionTrait, listings: &[i64]) -> Result<HashMap<i64, Vec<Outstanding>>> {
    let rows = listing_write::Entity::find()
        .filter(listing_write::Column::ListingId.is_in(listings.iter().copied()))
        .order_by_asc(listing_write::Column::Id)
        .all(db)
        .await?;
    let mut found: HashMap<i64, Vec<Outstanding>> = HashMap::new();
    for row in rows {
        let write = write_of(&row);
        let state = if row.state == "accepted" { WriteState::Accepted } else { WriteState::Unknown };
        found.entry(row.listing_id).or_default().push(Outstanding {
            id: row.id,
            write,
            sent_at: instant(row.sent_at),
            horizon: instant(row.horizon),
            state,
        });
    }
    Ok(found)
}

pub(super) fn write_of(row: &listing_write::Model) -> Write {
    match row.operation.as_str() {
        "relative" => Write::Relative(row.value),
        "compare_and_set" => Write::CompareAndSet { from: row.expected.unwrap_or(0), to: row.value },
        _ => Write::Absolute(row.value),
    }
}

pub(super) fn write_row(listing: &listing::Model, outstanding: &Outstanding) -> listing_write::ActiveModel {
    let (operation, value, expected) = match outstanding.write {
        Write::Absolute(value) => ("absolute", value, None),
        Write::Relative(value) => ("relative", value, None),
        Write::CompareAndSet { from, to } => ("compare_and_set", to, Some(from)),
    };
    let state = if outstanding.state == WriteState::Accepted { "accepted" } else { "unknown" };
    listing_write::ActiveModel {
        id: Set(outstanding.id),
        listing_id: Set(listing.id),
        channel: Set(listing.channel.clone()),
        operation: Set(operation.to_owned()),
        value: Set(value),
        expected: Set(expected),
        sent_at: Set(micros(outstanding.sent_at)),
        horizon: Set(micros(outstanding.horizon)),
        state: Set(state.to_owned()),
        claim: Set(outstanding.id.to_string()),
    }
}
