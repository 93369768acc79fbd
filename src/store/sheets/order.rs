//! Orders with their lines, and the ones that could not be read.
//!
//! Two tables make this list: what was understood, and what was not. An order that is in both shows the lines
//! that are known, then the other items that it names, and is `unread` until it can be read or a person has looked.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, Query, SelectStatement},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Page, Paging};
use crate::store::{
    Result, Store, StoreError,
    catalogue::sku_codes as codes,
    entity::{line_part, listing, mall_order, order_line, unread_line, unread_order},
    instant, maybe_instant,
    stock::pieces,
};

/// One order of one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderSheet {
    pub channel: String,
    /// `null`: the mall's answer didn't even show the id.
    pub order_id: Option<String>,
    /// The order that was split, for members of a split order.
    pub family: Option<String>,
    pub ordered_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    /// `seller` or `mall`: what the mall's own warehouse ships is recorded, never counted.
    pub fulfilled_by: Option<String>,
    /// `open`, `shipped`, `cancelled` or `unread`.
    pub state: String,
    /// Units of all lines that still hold stock.
    pub unshipped: i64,
    /// Why an `unread` order can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub lines: Vec<OrderLineSheet>,
}

/// Quantities are units of the listing; what is unshipped is ordered less cancelled less shipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OrderLine)]
pub struct OrderLineSheet {
    /// The mall's own line id; of an unread order, whose lines have none that is known, the key.
    pub line: String,
    pub mall_key: Option<String>,
    /// `null`: mapped to no SKU, so it holds no stock.
    pub sku: Option<String>,
    /// SKU units per unit of the line.
    pub units: Option<i64>,
    /// Of a bundle: what one unit of the line takes, by the recipe with which it was sold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<LinePartSheet>,
    pub pool: Option<String>,
    /// Without units that a split moved to another order of the family.
    pub ordered: i64,
    pub cancelled: i64,
    pub shipped: i64,
    /// Came back, as the mall says or as was received here.
    pub returned: i64,
    /// Cancelled after they had shipped, or said to come back, and not received yet: stock comes back with the
    /// goods.
    pub return_expected: i64,
    /// Did the mall put cancelled units back on its own counter: `yes`, `no` or `unknown`.
    pub restored: String,
    pub unshipped: i64,
}

/// Units of one SKU in a unit of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LinePart)]
pub struct LinePartSheet {
    pub sku: String,
    pub quantity: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub channel: Option<String>,
    pub state: Option<String>,
    pub sku: Option<String>,
}

/// The words that a filter may name.
const STATES: [&str; 4] = ["open", "shipped", "cancelled", "unread"];

/// A row of either table.
enum Either {
    Read(mall_order::Model),
    Unread(unread_order::Model),
}

impl Store {
    /// Newest first.
    pub async fn order_sheets(&self, filter: &OrderFilter, paging: &Paging) -> Result<Page<OrderSheet>> {
        if let Some(state) = filter.state.as_deref().filter(|state| !STATES.contains(state)) {
            return Err(StoreError::Invalid(format!("{state:?} is no state of orders: {}", STATES.join(", "))));
        }
        let tx = self.snapshot().await?;
        let sku = match &filter.sku {
            Some(code) => Some(self.sku(&tx, code).await?.id),
            None => None,
        };
        let after = paging.after_id()?;
        let mut query = read_orders(filter, sku);
        if let Some(after) = after {
            query = query.filter(mall_order::Column::Id.lt(after));
        }
        let mut rows: Vec<Either> = query.limit(paging.fetch()).all(&tx).await?.into_iter().map(Either::Read).collect();
        if filter.state.as_deref().is_none_or(|state| state == "unread") {
            let mut query = unread_orders(filter, sku);
            if let Some(after) = after {
                query = query.filter(unread_order::Column::Id.lt(after));
            }
            rows.extend(query.limit(paging.fetch()).all(&tx).await?.into_iter().map(Either::Unread));
            rows.sort_by_key(|row| std::cmp::Reverse(row.id()));
            rows.truncate(usize::try_from(paging.fetch()).unwrap_or(usize::MAX));
        }
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.id().to_string()]);
        Ok(Page { items: sheets(&tx, rows).await?, next_cursor })
    }

    pub async fn order_sheet(&self, channel: &str, order_id: &str) -> Result<OrderSheet> {
        let tx = self.snapshot().await?;
        let read = mall_order::Entity::find()
            .filter(mall_order::Column::Channel.eq(channel))
            .filter(mall_order::Column::OrderId.eq(order_id))
            .one(&tx)
            .await?;
        let row = match read {
            Some(row) => Some(Either::Read(row)),
            None => unread_order::Entity::find()
                .filter(unread_order::Column::Channel.eq(channel))
                .filter(unread_order::Column::EndedAt.is_null())
                .filter(unread_order::Column::OrderId.eq(order_id))
                .one(&tx)
                .await?
                .map(Either::Unread),
        };
        let mut found = sheets(&tx, row.into_iter().collect()).await?;
        let missing = || StoreError::Missing { kind: "order", name: format!("{channel}/{order_id}") };
        found.pop().ok_or_else(missing)
    }
}

impl Either {
    fn id(&self) -> i64 {
        match self {
            Self::Read(row) => row.id,
            Self::Unread(row) => row.id,
        }
    }
}

fn read_orders(filter: &OrderFilter, sku: Option<i64>) -> Select<mall_order::Entity> {
    use mall_order::Column;
    let mut query = mall_order::Entity::find().order_by_desc(Column::Id);
    if let Some(channel) = &filter.channel {
        query = query.filter(Column::Channel.eq(channel));
    }
    if let Some(sku) = sku {
        let lines = Query::select()
            .column(line_part::Column::LineId)
            .from(line_part::Entity)
            .and_where(line_part::Column::SkuId.eq(sku))
            .to_owned();
        let orders = Query::select()
            .column(order_line::Column::OrderRef)
            .from(order_line::Entity)
            .and_where(order_line::Column::Id.in_subquery(lines))
            .to_owned();
        let unread = twin(unread_order::Entity).and_where(names(sku)).to_owned();
        query = query.filter(Column::Id.in_subquery(orders).or(Expr::exists(unread)));
    }
    let shipped = || {
        let same_order =
            Expr::col((order_line::Entity, order_line::Column::OrderRef)).equals((mall_order::Entity, Column::Id));
        Query::select()
            .expr(Expr::val(1))
            .from(order_line::Entity)
            .and_where(same_order)
            .and_where(order_line::Column::Shipped.gt(0))
            .to_owned()
    };
    let unread = || Expr::exists(twin(unread_order::Entity));
    match filter.state.as_deref() {
        Some("open") => query.filter(Column::Open.eq(true)).filter(unread().not()),
        Some("shipped") => query.filter(Column::Open.eq(false)).filter(Expr::exists(shipped())).filter(unread().not()),
        Some("cancelled") => {
            query.filter(Column::Open.eq(false)).filter(Expr::exists(shipped()).not()).filter(unread().not())
        }
        Some(_) => query.filter(unread()),
        None => query,
    }
}

/// Those of which nothing at all is known in the other table.
fn unread_orders(filter: &OrderFilter, sku: Option<i64>) -> Select<unread_order::Entity> {
    let mut query = unread_order::Entity::find()
        .filter(unread_order::Column::EndedAt.is_null())
        .filter(Expr::exists(twin(mall_order::Entity)).not())
        .order_by_desc(unread_order::Column::Id);
    if let Some(channel) = &filter.channel {
        query = query.filter(unread_order::Column::Channel.eq(channel));
    }
    if let Some(sku) = sku {
        query = query.filter(names(sku));
    }
    query
}

/// An unread order that could be seen to sell the SKU.
fn names(sku: i64) -> Expr {
    let lines = Query::select()
        .column(unread_line::Column::UnreadId)
        .from(unread_line::Entity)
        .and_where(unread_line::Column::SkuId.eq(sku))
        .to_owned();
    Expr::col((unread_order::Entity, unread_order::Column::Id)).in_subquery(lines)
}

/// The same order in the table `from`, seen from the other of the two.
fn twin(from: impl sea_orm::sea_query::IntoTableRef) -> SelectStatement {
    let same_channel = Expr::col((unread_order::Entity, unread_order::Column::Channel))
        .equals((mall_order::Entity, mall_order::Column::Channel));
    let same_order = Expr::col((unread_order::Entity, unread_order::Column::OrderId))
        .equals((mall_order::Entity, mall_order::Column::OrderId));
    Query::select()
        .expr(Expr::val(1))
        .from(from)
        .and_where(same_channel)
        .and_where(same_order)
        .and_where(Expr::col((unread_order::Entity, unread_order::Column::EndedAt)).is_null())
        .to_owned()
}

async fn sheets(tx: &DatabaseTransaction, rows: Vec<Either>) -> Result<Vec<OrderSheet>> {
    let ids: BTreeSet<i64> = rows.iter().map(Either::id).collect();
    let mut lines = lines_of(tx, &ids).await?;
    let mut twins = unread_among(tx, &rows).await?;
    let unread = rows.iter().filter(|row| matches!(row, Either::Unread(_))).map(Either::id);
    let mut named = unread_lines_of(tx, &unread.chain(twins.values().map(|row| row.id)).collect()).await?;
    Ok(rows
        .into_iter()
        .map(|row| match row {
            Either::Read(row) => {
                let mut lines = lines.remove(&row.id).unwrap_or_default();
                let unread = twins.remove(&(row.channel.clone(), row.order_id.clone()));
                let more = unread.as_ref().and_then(|unread| named.remove(&unread.id)).unwrap_or_default();
                let known: HashSet<Option<String>> = lines.iter().map(|line| line.mall_key.clone()).collect();
                lines.extend(more.into_iter().filter(|line| !known.contains(&line.mall_key)));
                read_sheet(row, lines, unread.map(|unread| unread.what))
            }
            Either::Unread(row) => {
                let lines = named.remove(&row.id).unwrap_or_default();
                unread_sheet(row, lines)
            }
        })
        .collect())
}

fn read_sheet(row: mall_order::Model, lines: Vec<OrderLineSheet>, reason: Option<String>) -> OrderSheet {
    let state = match &reason {
        Some(_) => "unread",
        None if row.open => "open",
        None if lines.iter().any(|line| line.shipped > 0) => "shipped",
        None => "cancelled",
    };
    OrderSheet {
        channel: row.channel,
        order_id: Some(row.order_id),
        family: row.family,
        ordered_at: Some(instant(row.placed_at)),
        updated_at: maybe_instant(row.updated_at),
        fulfilled_by: Some(row.fulfilled_by),
        state: state.to_owned(),
        unshipped: lines.iter().map(|line| line.unshipped).sum(),
        reason,
        lines,
    }
}

fn unread_sheet(row: unread_order::Model, lines: Vec<OrderLineSheet>) -> OrderSheet {
    OrderSheet {
        channel: row.channel,
        order_id: row.order_id,
        family: None,
        ordered_at: None,
        updated_at: None,
        fulfilled_by: None,
        state: "unread".to_owned(),
        unshipped: lines.iter().map(|line| line.unshipped).sum(),
        reason: Some(row.what),
        lines,
    }
}

async fn lines_of(tx: &DatabaseTransaction, orders: &BTreeSet<i64>) -> Result<HashMap<i64, Vec<OrderLineSheet>>> {
    let mut rows = Vec::new();
    for piece in pieces(orders) {
        let found = order_line::Entity::find()
            .filter(order_line::Column::OrderRef.is_in(piece))
            .order_by_asc(order_line::Column::Id)
            .all(tx)
            .await?;
        rows.extend(found);
    }
    let mut parts: HashMap<i64, Vec<line_part::Model>> = HashMap::new();
    for piece in pieces(&rows.iter().map(|row| row.id).collect()) {
        let found = line_part::Entity::find().filter(line_part::Column::LineId.is_in(piece)).all(tx).await?;
        for row in found {
            parts.entry(row.line_id).or_default().push(row);
        }
    }
    let sold = bundles_sold(tx, &rows, &parts).await?;
    let parts_skus = parts.values().flatten().map(|part| part.sku_id);
    let codes = codes(tx, &parts_skus.chain(sold.values().map(|(sku, _)| *sku)).collect()).await?;
    let mut lines: HashMap<i64, Vec<OrderLineSheet>> = HashMap::new();
    for row in rows {
        let taken = parts.remove(&row.id).unwrap_or_default();
        let bundle = row.listing_id.and_then(|listing| sold.get(&listing));
        let (sku, units) = match taken.as_slice() {
            [] => (None, None),
            // A storefront's key is what was sold, also where that takes several SKUs.
            _ if row.listing_id.is_none() => (row.mall_key.clone(), Some(1)),
            [part] => (codes.get(&part.sku_id).cloned(), Some(part.quantity)),
            // The listing as it is now: the line itself remembers only what it took.
            _ => (bundle.and_then(|(sku, _)| codes.get(sku).cloned()), bundle.map(|(_, units)| *units)),
        };
        let name = |part: &line_part::Model| codes.get(&part.sku_id).cloned().unwrap_or_default();
        let several = taken.iter().filter(|_| taken.len() > 1);
        let parts = several.map(|part| LinePartSheet { sku: name(part), quantity: part.quantity }).collect();
        let ordered = row.ordered - row.moved;
        lines.entry(row.order_ref).or_default().push(OrderLineSheet {
            line: row.line,
            mall_key: row.mall_key,
            sku,
            units,
            parts,
            pool: row.pool,
            ordered,
            cancelled: row.cancelled,
            shipped: row.shipped,
            returned: row.returned,
            return_expected: Ord::max(row.return_expected, Ord::max(row.returned, row.received)) - row.received,
            restored: row.restored,
            unshipped: ordered - row.cancelled - row.shipped,
        });
    }
    Ok(lines)
}

/// The items that unread orders name: one sale of each, whose line id nobody knows.
async fn unread_lines_of(
    tx: &DatabaseTransaction,
    orders: &BTreeSet<i64>,
) -> Result<HashMap<i64, Vec<OrderLineSheet>>> {
    let mut rows = Vec::new();
    for piece in pieces(orders) {
        let found = unread_line::Entity::find()
            .filter(unread_line::Column::UnreadId.is_in(piece))
            .order_by_asc(unread_line::Column::MallKey);
        rows.extend(found.all(tx).await?);
    }
    let codes = codes(tx, &rows.iter().filter_map(|row| row.sku_id).collect()).await?;
    let mut lines: HashMap<i64, Vec<OrderLineSheet>> = HashMap::new();
    for row in rows {
        lines.entry(row.unread_id).or_default().push(OrderLineSheet {
            line: row.mall_key.clone(),
            mall_key: Some(row.mall_key),
            sku: row.sku_id.and_then(|sku| codes.get(&sku).cloned()),
            units: row.sku_id.map(|_| row.quantity),
            pool: row.pool,
            ordered: 1,
            cancelled: 0,
            shipped: 0,
            returned: 0,
            return_expected: 0,
            restored: "unknown".to_owned(),
            unshipped: 1,
            parts: Vec::new(),
        });
    }
    Ok(lines)
}

/// For lines that take several SKUs: what their listing sells, and how many units of it.
async fn bundles_sold(
    tx: &DatabaseTransaction,
    rows: &[order_line::Model],
    parts: &HashMap<i64, Vec<line_part::Model>>,
) -> Result<HashMap<i64, (i64, i64)>> {
    let several = rows.iter().filter(|row| parts.get(&row.id).is_some_and(|parts| parts.len() > 1));
    let listings: BTreeSet<i64> = several.filter_map(|row| row.listing_id).collect();
    let mut sold = HashMap::new();
    for piece in pieces(&listings) {
        let found = listing::Entity::find().filter(listing::Column::Id.is_in(piece)).all(tx).await?;
        sold.extend(found.into_iter().map(|row| (row.id, (row.sku_id, row.units))));
    }
    Ok(sold)
}

/// What could not be read of orders that are known.
async fn unread_among(
    tx: &DatabaseTransaction,
    rows: &[Either],
) -> Result<HashMap<(String, String), unread_order::Model>> {
    let known = rows.iter().filter_map(|row| match row {
        Either::Read(row) => Some(row),
        Either::Unread(_) => None,
    });
    let channels: HashSet<&str> = known.clone().map(|row| row.channel.as_str()).collect();
    let named: HashSet<&str> = known.map(|row| row.order_id.as_str()).collect();
    let named: Vec<&str> = named.into_iter().collect();
    let mut found = HashMap::new();
    for piece in named.chunks(crate::store::ROWS_PER_STATEMENT) {
        let rows = unread_order::Entity::find()
            .filter(unread_order::Column::Channel.is_in(channels.iter().copied()))
            .filter(unread_order::Column::EndedAt.is_null())
            .filter(unread_order::Column::OrderId.is_in(piece.iter().copied()))
            .all(tx)
            .await?;
        found.extend(rows.into_iter().filter_map(|row| Some(((row.channel.clone(), row.order_id.clone()?), row))));
    }
    Ok(found)
}
