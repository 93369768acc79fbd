//! Orders that can't be read. Each is kept with its redacted body, holds one sale of every item that could
//! still be recognised, and stops raises of it: until the mall's answer can be read, or a person has looked.
//!
//! There is one open row per order, whatever is odd about it. Its lines count as unshipped like those of any
//! order; what is known of the order already is not held twice.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query, SelectStatement},
};
use uriba_sdk::Unread;

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    attention::Call,
    dialect,
    entity::{channel, listing, mall_order, order_line, stop_raise, unread_line, unread_order},
    intake_apply::Draft,
    micros,
};
use crate::domain::{intake, time::earlier};

/// What ended it when that was no person.
const READ: &str = "read";
/// No listing has a longer key, so none can be meant.
const KEY_CHARS_MAX: usize = 190;
/// An unread order is asked for again after so long, and so many of them in each cycle.
const ASK_AGAIN: Duration = Duration::from_secs(30 * 60);
const ASKED_AT_ONCE: u64 = 10;

impl Store {
    /// What a request said of orders that it couldn't read, and the end of those that it `read` after all.
    /// Returns how many of them are news.
    pub(super) async fn take_in_unread(
        &self,
        tx: &DatabaseTransaction,
        draft: &mut Draft<'_>,
        unread: &[Unread],
        read: &BTreeSet<&str>,
    ) -> Result<usize> {
        let odd: BTreeSet<&str> = unread.iter().filter_map(|unread| unread.order_id.as_deref()).collect();
        let mut open = open_rows(tx, &draft.intake.channel, &read.union(&odd).copied().collect()).await?;
        let mut news = 0;
        // Read and unread in one answer, it stays what a person has to look at.
        for id in read.difference(&odd) {
            // Seen to be unread only after this reading began, it stays so.
            let over = open.remove(*id).filter(|row| row.since <= micros(draft.read_at));
            let Some(row) = over else { continue };
            for (sku, pool, units) in self.end_unread(tx, &row, READ).await? {
                draft.hold(sku, pool, -units);
            }
            self.calm(tx, "unread_order", &cause(row.id)).await?;
            news += 1;
        }
        for unread in unread {
            let known = match &unread.order_id {
                Some(id) => open.remove(id),
                None => nameless(tx, &draft.intake.channel, unread).await?,
            };
            news += usize::from(self.keep_unread(tx, draft, known, unread).await?);
        }
        Ok(news)
    }

    /// Whether anything of it is new.
    async fn keep_unread(
        &self,
        tx: &DatabaseTransaction,
        draft: &mut Draft<'_>,
        known: Option<unread_order::Model>,
        unread: &Unread,
    ) -> Result<bool> {
        let channel = &draft.intake.channel;
        let is_new = known.is_none();
        let mut row = match known {
            Some(known) => known,
            None if looked_at(tx, channel, unread).await? => return Ok(false),
            None => unread_order::Model {
                id: self.id(),
                channel: channel.clone(),
                order_id: unread.order_id.clone(),
                mall_keys: unread.mall_keys.join("\n"),
                what: unread.what.clone(),
                redacted: unread.redacted.clone(),
                since: micros(self.now()),
                ended_at: None,
                ended_by: None,
                asked_at: None,
            },
        };
        if is_new {
            row.clone().into_active_model().reset_all().insert(tx).await?;
        } else if row.what != unread.what || row.redacted != unread.redacted {
            row.mall_keys = unread.mall_keys.join("\n");
            row.what = unread.what.clone();
            row.redacted = unread.redacted.clone();
            unread_order::Entity::update(row.clone().into_active_model().reset_all()).exec(tx).await?;
        }
        let named = unread.order_id.as_deref().unwrap_or("without an id");
        let call = Call {
            kind: "unread_order",
            subject: cause(row.id),
            channel: Some(channel.clone()),
            mall_key: unread.mall_keys.first().cloned(),
            message: format!("order {named} of {channel} can't be read: {}", unread.what),
            ..Call::default()
        };
        self.raise(tx, call).await?;
        Ok(self.hold_unread(tx, draft, &row, unread).await? || is_new)
    }

    /// Holds the items that the order hasn't named before, and stops raises of them.
    async fn hold_unread(
        &self,
        tx: &DatabaseTransaction,
        draft: &mut Draft<'_>,
        row: &unread_order::Model,
        unread: &Unread,
    ) -> Result<bool> {
        let lines = unread_line::Entity::find().filter(unread_line::Column::UnreadId.eq(row.id)).all(tx).await?;
        let held: HashSet<&str> = lines.iter().map(|line| line.mall_key.as_str()).collect();
        let can_be = |key: &&str| key.chars().count() <= KEY_CHARS_MAX && !held.contains(key);
        let fresh: BTreeSet<&str> = unread.mall_keys.iter().map(String::as_str).filter(can_be).collect();
        if fresh.is_empty() {
            return Ok(false);
        }
        let listings = listing::Entity::find()
            .filter(listing::Column::Channel.eq(&row.channel))
            .filter(listing::Column::MallKey.is_in(fresh.iter().copied()))
            .all(tx)
            .await?;
        let listings: HashMap<&str, &listing::Model> =
            listings.iter().map(|row| (row.mall_key.as_str(), row)).collect();
        let known = known_keys(tx, row).await?;
        for key in fresh {
            let mut line = unread_line::Model {
                unread_id: row.id,
                mall_key: key.to_owned(),
                sku_id: None,
                pool: None,
                quantity: 0,
            };
            if let Some(listing) = listings.get(key) {
                line.map(listing, &draft.intake.pool, known.contains(key));
                draft.hold(listing.sku_id, draft.intake.pool.clone(), line.quantity);
                self.stop_raises_of(tx, listing.sku_id, row.id).await?;
            }
            line.into_active_model().reset_all().insert(tx).await?;
        }
        Ok(true)
    }

    /// Unread orders that name keys which are mapped only now hold their SKUs from now on.
    pub(super) async fn adopt_unread(
        &self,
        tx: &DatabaseTransaction,
        channel: &channel::Model,
        listings: &[&listing::Model],
    ) -> Result<()> {
        let by_key: HashMap<&str, &listing::Model> = listings.iter().map(|row| (row.mall_key.as_str(), *row)).collect();
        let mut held: BTreeMap<(i64, String), i64> = BTreeMap::new();
        for keys in by_key.keys().copied().collect::<Vec<_>>().chunks(ROWS_PER_STATEMENT) {
            for mut line in unmapped_lines(tx, &channel.id, keys).await? {
                let order = unread_order::Entity::find_by_id(line.unread_id).one(tx).await?;
                let Some((order, listing)) = order.zip(by_key.get(line.mall_key.as_str())) else { continue };
                let known = known_keys(tx, &order).await?;
                line.map(listing, &channel.pool, known.contains(&line.mall_key));
                *held.entry((listing.sku_id, channel.pool.clone())).or_default() += line.quantity;
                self.stop_raises_of(tx, listing.sku_id, order.id).await?;
                unread_line::Entity::update(line.into_active_model().reset_all()).exec(tx).await?;
            }
        }
        self.hold_more(tx, &channel.id, held).await
    }

    pub(super) async fn hold_more(
        &self,
        tx: &DatabaseTransaction,
        channel: &str,
        held: BTreeMap<(i64, String), i64>,
    ) -> Result<()> {
        super::stock::lock_skus(tx, &held.keys().map(|(sku, _)| *sku).collect()).await?;
        dialect::bump_stock(tx, &held.keys().cloned().collect::<Vec<_>>(), false, micros(self.now())).await?;
        let sums = held.into_iter().map(|((sku, pool), units)| (channel.to_owned(), sku, pool, units));
        dialect::add_unshipped(tx, &sums.collect::<Vec<_>>()).await
    }

    /// Ids to ask for again: windows move on, and the answer, or the adapter, may have been mended meanwhile.
    pub(super) async fn unread_to_ask(&self, tx: &DatabaseTransaction, channel: &str) -> Result<Vec<String>> {
        use unread_order::Column;
        let now = self.now();
        let long_ago = micros(earlier(now, ASK_AGAIN));
        let rows: Vec<(i64, Option<String>)> = unread_order::Entity::find()
            .select_only()
            .columns([Column::Id, Column::OrderId])
            .filter(Column::Channel.eq(channel))
            .filter(Column::EndedAt.is_null())
            .filter(Column::OrderId.is_not_null())
            .filter(Column::Since.lt(long_ago))
            .filter(Column::AskedAt.is_null().or(Column::AskedAt.lt(long_ago)))
            .order_by_asc(Column::AskedAt)
            .limit(ASKED_AT_ONCE)
            .into_tuple()
            .all(tx)
            .await?;
        unread_order::Entity::update_many()
            .col_expr(Column::AskedAt, Expr::value(micros(now)))
            .filter(Column::Id.is_in(rows.iter().map(|(id, _)| *id)))
            .exec(tx)
            .await?;
        Ok(rows.into_iter().filter_map(|(_, order_id)| order_id).collect())
    }

    /// A person has looked: the order holds and forbids nothing any more, unless it ended by itself meanwhile.
    pub(super) async fn release_unread(&self, tx: &DatabaseTransaction, subject: &str, who: &str) -> Result<()> {
        let Some(id) = subject.strip_prefix("unread/").and_then(|id| id.parse::<i64>().ok()) else { return Ok(()) };
        let Some(named) = unread_order::Entity::find_by_id(id).one(tx).await? else { return Ok(()) };
        // No page of the channel ends it at the same moment.
        channel::Entity::find_by_id(&named.channel).lock_exclusive().one(tx).await?;
        let row = unread_order::Entity::find_by_id(id).one(tx).await?.filter(|row| row.ended_at.is_none());
        let Some(row) = row else { return Ok(()) };
        let mut freed: BTreeMap<(i64, String), i64> = BTreeMap::new();
        for (sku, pool, units) in self.end_unread(tx, &row, who).await? {
            *freed.entry((sku, pool)).or_default() -= units;
        }
        self.hold_more(tx, &row.channel, freed).await
    }

    /// What it held, by SKU and pool; the caller takes it off.
    async fn end_unread(
        &self,
        tx: &DatabaseTransaction,
        row: &unread_order::Model,
        by: &str,
    ) -> Result<Vec<(i64, String, i64)>> {
        let now = micros(self.now());
        stop_raise::Entity::update_many()
            .col_expr(stop_raise::Column::EndedAt, Expr::value(now))
            .filter(stop_raise::Column::Cause.eq(cause(row.id)))
            .filter(stop_raise::Column::EndedAt.is_null())
            .exec(tx)
            .await?;
        let mut ended = row.clone().into_active_model();
        ended.ended_at = Set(Some(now));
        ended.ended_by = Set(Some(by.to_owned()));
        ended.update(tx).await?;
        let lines = unread_line::Entity::find().filter(unread_line::Column::UnreadId.eq(row.id)).all(tx).await?;
        Ok(lines.into_iter().filter_map(|line| Some((line.sku_id?, line.pool?, line.quantity))).collect())
    }

    /// The SKU is not to be raised until the order has ended.
    pub(super) async fn stop_raises_of(&self, tx: &DatabaseTransaction, sku: i64, unread: i64) -> Result<()> {
        let (scope, cause) = (format!("sku:{sku}"), cause(unread));
        let stands = stop_raise::Entity::find()
            .filter(stop_raise::Column::Scope.eq(&scope))
            .filter(stop_raise::Column::Cause.eq(&cause))
            .filter(stop_raise::Column::EndedAt.is_null());
        if stands.one(tx).await?.is_none() {
            let row = stop_raise::Model { id: self.id(), scope, cause, since: micros(self.now()), ended_at: None };
            row.into_active_model().reset_all().insert(tx).await?;
        }
        Ok(())
    }

    /// The order names the SKU no more, unless another of its lines does.
    pub(super) async fn allow_raises_of(&self, tx: &DatabaseTransaction, sku: i64, unread: i64) -> Result<()> {
        let still = unread_line::Entity::find()
            .filter(unread_line::Column::UnreadId.eq(unread))
            .filter(unread_line::Column::SkuId.eq(sku));
        if still.one(tx).await?.is_none() {
            stop_raise::Entity::update_many()
                .col_expr(stop_raise::Column::EndedAt, Expr::value(micros(self.now())))
                .filter(stop_raise::Column::Scope.eq(format!("sku:{sku}")))
                .filter(stop_raise::Column::Cause.eq(cause(unread)))
                .filter(stop_raise::Column::EndedAt.is_null())
                .exec(tx)
                .await?;
        }
        Ok(())
    }
}

impl unread_line::Model {
    pub(super) fn map(&mut self, listing: &listing::Model, pool: &str, is_known: bool) {
        self.sku_id = Some(listing.sku_id);
        self.pool = Some(pool.to_owned());
        self.quantity = intake::least_held(listing.units, is_known);
    }
}

/// As attention and `stop_raise` name it.
fn cause(id: i64) -> String {
    format!("unread/{id}")
}

/// By order id.
async fn open_rows(
    tx: &DatabaseTransaction,
    channel: &str,
    orders: &BTreeSet<&str>,
) -> Result<HashMap<String, unread_order::Model>> {
    let orders: Vec<&str> = orders.iter().copied().collect();
    let mut found = HashMap::new();
    for piece in orders.chunks(ROWS_PER_STATEMENT) {
        let rows = unread_order::Entity::find()
            .filter(unread_order::Column::Channel.eq(channel))
            .filter(unread_order::Column::EndedAt.is_null())
            .filter(unread_order::Column::OrderId.is_in(piece.iter().copied()));
        found.extend(rows.all(tx).await?.into_iter().filter_map(|row| Some((row.order_id.clone()?, row))));
    }
    Ok(found)
}

/// Without an id, what is odd about it is all that tells one from another.
async fn nameless(tx: &DatabaseTransaction, channel: &str, unread: &Unread) -> Result<Option<unread_order::Model>> {
    let rows = unread_order::Entity::find()
        .filter(unread_order::Column::Channel.eq(channel))
        .filter(unread_order::Column::EndedAt.is_null())
        .filter(unread_order::Column::OrderId.is_null())
        .filter(unread_order::Column::What.eq(&unread.what));
    Ok(rows.one(tx).await?)
}

pub(super) fn open_orders_of(channel: &str) -> SelectStatement {
    Query::select()
        .column(unread_order::Column::Id)
        .from(unread_order::Entity)
        .and_where(unread_order::Column::Channel.eq(channel))
        .and_where(unread_order::Column::EndedAt.is_null())
        .to_owned()
}

/// Of the channel's open orders.
async fn unmapped_lines(tx: &DatabaseTransaction, channel: &str, keys: &[&str]) -> Result<Vec<unread_line::Model>> {
    let lines = unread_line::Entity::find()
        .filter(unread_line::Column::SkuId.is_null())
        .filter(unread_line::Column::MallKey.is_in(keys.iter().copied()))
        .filter(unread_line::Column::UnreadId.in_subquery(open_orders_of(channel)));
    Ok(lines.all(tx).await?)
}

/// A person has looked at exactly this, and knows.
async fn looked_at(tx: &DatabaseTransaction, channel: &str, unread: &Unread) -> Result<bool> {
    use unread_order::Column;
    let order = unread.order_id.as_ref().map_or(Column::OrderId.is_null(), |id| Column::OrderId.eq(id));
    let same = unread_order::Entity::find()
        .filter(Column::Channel.eq(channel))
        .filter(order)
        .filter(Column::EndedBy.is_not_null().and(Column::EndedBy.ne(READ)))
        .filter(Column::What.eq(&unread.what))
        .filter(Column::Redacted.eq(&unread.redacted))
        .filter(Column::MallKeys.eq(unread.mall_keys.join("\n")));
    Ok(same.select_only().column(Column::Id).limit(1).into_tuple::<i64>().one(tx).await?.is_some())
}

/// Items of which the order has lines that could be read.
async fn known_keys(tx: &DatabaseTransaction, row: &unread_order::Model) -> Result<HashSet<String>> {
    let Some(order_id) = &row.order_id else { return Ok(HashSet::new()) };
    let order = mall_order::Entity::find()
        .filter(mall_order::Column::Channel.eq(&row.channel))
        .filter(mall_order::Column::OrderId.eq(order_id))
        .one(tx)
        .await?;
    let Some(order) = order else { return Ok(HashSet::new()) };
    let keys: Vec<Option<String>> = order_line::Entity::find()
        .select_only()
        .column(order_line::Column::MallKey)
        .filter(order_line::Column::OrderRef.eq(order.id))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(keys.into_iter().flatten().collect())
}
