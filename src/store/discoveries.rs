//! What shops list, by their malls' word: asked for by somebody, read page by page by whoever holds the channel's lease,
//! and compared with what is mapped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use serde::{Deserialize, Serialize};
use uriba_sdk::{Listed, Shelf};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    audits::{DONE, FAILED, OPEN},
    entity::{discovery, mall_item},
    instant,
    lease::Lease,
    log::Entry,
    maybe_instant, micros,
};

/// Pages of one catalogue. Beyond it the list is taken to have no end.
const PAGES_MAX: i64 = 100_000;
/// Of a title, as much as people need to see what it is.
const TITLE_CHARS: usize = 120;

/// How far the reading of a shop's list is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscoverySheet {
    pub channel: String,
    /// `open`, `done` or `failed`.
    pub state: String,
    pub items: u64,
    pub asked_at: Timestamp,
    pub asked_by: String,
    pub ended_at: Option<Timestamp>,
    pub problem: Option<String>,
}

impl DiscoverySheet {
    pub fn is_open(&self) -> bool {
        self.state == OPEN
    }
}

impl Store {
    /// Asks what the channel's shop lists. One that is being read goes on.
    pub async fn ask_discovery(&self, channel: &str, who: &str) -> Result<()> {
        let tx = self.begin().await?;
        let known = discovery::Entity::find_by_id(channel).one(&tx).await?;
        if known.is_some_and(|row| row.state == OPEN) {
            return Ok(tx.commit().await?);
        }
        let row = discovery::Model {
            channel: channel.to_owned(),
            state: OPEN.to_owned(),
            token: None,
            pages: 0,
            items: 0,
            asked_at: micros(self.now()),
            asked_by: who.to_owned(),
            ended_at: None,
            problem: None,
        };
        put(&tx, row).await?;
        let subject = format!("channel/{channel}");
        self.write_log(&tx, Entry { who, what: "listing.discover", subject: &subject, why: None, detail: None })
            .await?;
        Ok(tx.commit().await?)
    }

    pub async fn discovery_sheet(&self, channel: &str) -> Result<Option<DiscoverySheet>> {
        let row = discovery::Entity::find_by_id(channel).one(&self.reader).await?;
        Ok(row.map(|row| DiscoverySheet {
            items: u64::try_from(row.items).unwrap_or(0),
            asked_at: instant(row.asked_at),
            ended_at: maybe_instant(row.ended_at),
            channel: row.channel,
            state: row.state,
            asked_by: row.asked_by,
            problem: row.problem,
        }))
    }

    pub async fn open_discovery(&self, channel: &str) -> Result<Option<discovery::Model>> {
        let row = discovery::Entity::find_by_id(channel).one(&self.reader).await?;
        Ok(row.filter(|row| row.state == OPEN))
    }

    /// A page of the shop's list. With the last one, what the list no longer names is forgotten.
    pub async fn take_shelf(&self, lease: &Lease, row: discovery::Model, shelf: Shelf) -> Result<()> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let items: BTreeMap<&str, &Listed> = shelf.items.iter().map(|item| (item.key.as_str(), item)).collect();
        let rows: Vec<_> = items.values().map(|item| item_row(&row, item)).collect();
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            let newer = OnConflict::columns([mall_item::Column::Channel, mall_item::Column::MallKey])
                .update_columns([
                    mall_item::Column::Code,
                    mall_item::Column::Jan,
                    mall_item::Column::Title,
                    mall_item::Column::SeenAt,
                ])
                .to_owned();
            mall_item::Entity::insert_many(piece.to_vec()).on_conflict(newer).exec_without_returning(&tx).await?;
        }
        let endless = shelf.next.is_some() && (shelf.next == row.token || row.pages + 1 >= PAGES_MAX);
        let over = shelf.next.is_none();
        if over {
            let gone = mall_item::Entity::delete_many()
                .filter(mall_item::Column::Channel.eq(&row.channel))
                .filter(mall_item::Column::SeenAt.lt(row.asked_at));
            gone.exec(&tx).await?;
        }
        let state = if endless {
            FAILED
        } else if over {
            DONE
        } else {
            OPEN
        };
        let after = discovery::Model {
            state: state.to_owned(),
            token: shelf.next,
            pages: row.pages + 1,
            items: row.items + i64::try_from(items.len()).unwrap_or(0),
            ended_at: (state != OPEN).then(|| micros(self.now())),
            problem: endless.then(|| "the mall's list of items has no end".to_owned()),
            ..row
        };
        put(&tx, after).await?;
        Ok(tx.commit().await?)
    }

    /// It can't go on: whoever asked is told why instead of waiting.
    pub async fn fail_discovery(&self, lease: &Lease, channel: &str, problem: &str) -> Result<()> {
        if self.open_discovery(channel).await?.is_none() {
            return Ok(());
        }
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        discovery::Entity::update_many()
            .col_expr(discovery::Column::State, Expr::value(FAILED))
            .col_expr(discovery::Column::EndedAt, Expr::value(micros(self.now())))
            .col_expr(discovery::Column::Problem, Expr::value(problem))
            .filter(discovery::Column::Channel.eq(channel))
            .filter(discovery::Column::State.eq(OPEN))
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

async fn put(db: &impl ConnectionTrait, row: discovery::Model) -> Result<()> {
    use discovery::Column;
    let newer = OnConflict::column(Column::Channel)
        .update_columns([
            Column::State,
            Column::Token,
            Column::Pages,
            Column::Items,
            Column::AskedAt,
            Column::AskedBy,
            Column::EndedAt,
            Column::Problem,
        ])
        .to_owned();
    let row = row.into_active_model().reset_all();
    discovery::Entity::insert(row).on_conflict(newer).exec_without_returning(db).await?;
    Ok(())
}

fn item_row(row: &discovery::Model, item: &Listed) -> mall_item::ActiveModel {
    mall_item::ActiveModel {
        channel: Set(row.channel.clone()),
        mall_key: Set(item.key.clone()),
        code: Set(item.code.clone()),
        jan: Set(item.jan.clone()),
        title: Set(item.title.as_ref().map(|title| title.chars().take(TITLE_CHARS).collect())),
        seen_at: Set(row.asked_at),
    }
}
