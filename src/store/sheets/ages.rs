//! What has waited for longest: of a channel, and of the whole hub.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::reservation::State,
    store::{
        Result, Store,
        dialect::{holds, none},
        entity::{channel, mall_order, provisional_hold, publication, reservation},
        maybe_instant, micros,
    },
};

/// Since when the oldest of each has waited; `null`: there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Oldest {
    /// A figure that its mall ought to show and doesn't yet.
    pub unpushed: Option<Timestamp>,
    /// A listing that was not read back since then, or is due to be.
    pub unread: Option<Timestamp>,
    /// A hold: of a reservation, or of units that a reading missed and no order explains.
    pub hold: Option<Timestamp>,
    /// An order that is neither shipped nor cancelled, by when it was placed.
    pub open_order: Option<Timestamp>,
}

/// The oldest of one kind, and where it waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OldestOf {
    pub channel: String,
    pub since: Timestamp,
}

/// The oldest of each kind in the whole hub; `null`: there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ages {
    pub unpushed: Option<OldestOf>,
    pub unread: Option<OldestOf>,
    pub hold: Option<OldestOf>,
    pub open_order: Option<OldestOf>,
}

impl Oldest {
    /// Each kind by its word.
    pub fn each(&self) -> [(&'static str, Option<Timestamp>); 4] {
        [("unpushed", self.unpushed), ("unread", self.unread), ("hold", self.hold), ("open_order", self.open_order)]
    }
}

impl Store {
    pub async fn ages(&self) -> Result<Ages> {
        let tx = self.snapshot().await?;
        let configured = channel::Entity::find().filter(channel::Column::Configured.eq(true));
        let mut ages = Ages::default();
        for row in configured.order_by_asc(channel::Column::Id).all(&tx).await? {
            let oldest = self.oldest(&tx, &row.id).await?;
            let kinds = [&mut ages.unpushed, &mut ages.unread, &mut ages.hold, &mut ages.open_order];
            for (place, (_, since)) in kinds.into_iter().zip(oldest.each()) {
                let Some(since) = since else { continue };
                if place.as_ref().is_none_or(|known| since < known.since) {
                    *place = Some(OldestOf { channel: row.id.clone(), since });
                }
            }
        }
        Ok(ages)
    }

    /// Each is the first entry of an index, however long the lists are.
    pub(super) async fn oldest(&self, db: &impl ConnectionTrait, id: &str) -> Result<Oldest> {
        use publication::Column;
        let listings = || publication::Entity::find().filter(Column::Channel.eq(id)).select_only();
        let wanting = listings().column(Column::WantsSince).filter(holds(Column::Wants));
        let unpushed = wanting.order_by_asc(Column::WantsSince).limit(1).into_tuple::<Option<i64>>().one(db).await?;
        let settled = listings()
            .column(Column::ReadAt)
            .filter(holds(Column::Checked))
            .filter(none(Column::OpenWrites))
            .filter(Column::ReadAt.is_not_null())
            .order_by_asc(Column::ReadAt);
        let settled = settled.limit(1).into_tuple::<Option<i64>>().one(db).await?;
        let due = listings().column(Column::ReadDue).filter(Column::ReadDue.lte(micros(self.now())));
        let due = due.order_by_asc(Column::ReadDue).limit(1).into_tuple::<Option<i64>>().one(db).await?;
        let missing = provisional_hold::Entity::find()
            .select_only()
            .column(provisional_hold::Column::At)
            .filter(provisional_hold::Column::Channel.eq(id))
            .filter(provisional_hold::Column::EndedAt.is_null())
            .order_by_asc(provisional_hold::Column::At);
        let missing = missing.limit(1).into_tuple::<Option<i64>>().one(db).await?;
        let reserved = reservation::Entity::find()
            .select_only()
            .column(reservation::Column::CreatedAt)
            .filter(reservation::Column::State.eq(State::Held.word()))
            .filter(reservation::Column::Channel.eq(id))
            .order_by_asc(reservation::Column::CreatedAt);
        let reserved = reserved.limit(1).into_tuple::<Option<i64>>().one(db).await?;
        let open = mall_order::Entity::find()
            .select_only()
            .column(mall_order::Column::PlacedAt)
            .filter(mall_order::Column::Channel.eq(id))
            .filter(mall_order::Column::Open.eq(true))
            .order_by_asc(mall_order::Column::PlacedAt);
        let open = open.limit(1).into_tuple::<Option<i64>>().one(db).await?;
        let first = |ages: [Option<Option<i64>>; 2]| maybe_instant(ages.into_iter().flatten().flatten().min());
        Ok(Oldest {
            unpushed: first([unpushed, None]),
            unread: first([settled, due]),
            hold: first([missing, reserved]),
            open_order: first([open, None]),
        })
    }
}
