//! What the hub believes, read from its database in one go: for the live view and for the comparison.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use super::{
    DemoError,
    goods::GOODS,
    hub::{Hub, LOCATION},
    street::Shop,
};
use crate::{
    domain::{ledger::MAIN, shelf::Shelf, suspend::State},
    store::{
        StoreError,
        entity::{
            attention, channel, line_part, listing, listing_write, mall_order, order_line, provisional_hold, publication,
            stock, stock_balance, stop_raise, unshipped,
        },
        maybe_instant,
    },
};

/// The hub's figures at one moment.
pub struct Belief {
    /// Per good.
    pub shelves: Vec<Shelf>,
    /// Recomputed since their facts last changed.
    pub computed: Vec<bool>,
    /// Per shop and good.
    pub listings: Vec<Vec<Listing>>,
    /// Per shop.
    pub channels: Vec<Channel>,
    pub attention: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub target: Option<i64>,
    pub shown: Option<i64>,
    pub open_writes: i64,
    pub wants: bool,
    /// Why the hub leaves it as it is.
    pub excuse: Option<String>,
}

pub struct Channel {
    pub orders_lane: String,
    pub stock_lane: String,
    /// The switch, when it isn't simply on.
    pub suspension: Option<String>,
    pub baseline: bool,
    pub watermark: Option<Timestamp>,
    pub last_poll_at: Option<Timestamp>,
    /// Orders known.
    pub seen: u64,
    /// Listings with something to say to the mall.
    pub backlog: usize,
}

/// One line as the hub knows it, net of what was cancelled or moved, in listing units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Net {
    pub ordered: i64,
    pub shipped: i64,
}

/// Orders of one channel: by id, their lines by line id, with the mall key.
pub type Orders = BTreeMap<String, BTreeMap<String, (String, Net)>>;

impl Hub {
    pub async fn belief(&self, shops: &[Shop]) -> Result<Belief, DemoError> {
        let db = self.store.reader();
        let rows = channel::Entity::find().all(db).await?;
        let publications: HashMap<i64, publication::Model> =
            publication::Entity::find().all(db).await?.into_iter().map(|row| (row.listing_id, row)).collect();
        let stops: BTreeSet<String> = stop_raise::Entity::find()
            .filter(stop_raise::Column::EndedAt.is_null())
            .all(db)
            .await?
            .into_iter()
            .map(|row| row.scope)
            .collect();
        let mut listings = vec![vec![Listing::default(); GOODS.len()]; shops.len()];
        for row in listing::Entity::find().all(db).await? {
            let shop = shops.iter().position(|shop| shop.channel == row.channel);
            let good = self.skus.iter().position(|sku| *sku == row.sku_id);
            if let (Some(shop), Some(good), Some(known)) = (shop, good, publications.get(&row.id)) {
                listings[shop][good] = self.listing(&row, known, &stops);
            }
        }
        let mut channels = Vec::new();
        for (shop, listings) in shops.iter().zip(&listings) {
            let missing = || StoreError::Missing { kind: "channel", name: shop.channel.clone() };
            let row = rows.iter().find(|row| row.id == shop.channel).ok_or_else(missing)?;
            let seen = mall_order::Entity::find().filter(mall_order::Column::Channel.eq(&row.id)).count(db).await?;
            let backlog = listings.iter().filter(|listing| listing.wants || listing.open_writes > 0).count();
            channels.push(state(row, seen, backlog));
        }
        let attention = attention::Entity::find()
            .filter(attention::Column::ResolvedAt.is_null())
            .order_by_desc(attention::Column::Id)
            .all(db)
            .await?;
        let attention = attention.into_iter().map(|row| format!("{}: {}", row.kind, row.message)).collect();
        let (shelves, computed) = self.shelves().await?;
        Ok(Belief { shelves, computed, listings, channels, attention })
    }

    fn listing(&self, row: &listing::Model, known: &publication::Model, stops: &BTreeSet<String>) -> Listing {
        let stopped = [format!("channel:{}", row.channel), format!("sku:{}", row.sku_id), format!("listing:{}", row.id)];
        let resting = maybe_instant(known.set_aside_until).is_some_and(|until| until > self.store.now());
        let excuse = match () {
            () if row.state != "ready" => Some(format!("{}: {}", row.state, row.problem.clone().unwrap_or_default())),
            () if known.kept.is_some() => Some("held: the mall, or someone else, keeps its own figure".into()),
            () if resting => Some(format!("set aside: {}", known.refusal.clone().unwrap_or_default())),
            () if stopped.iter().any(|scope| stops.contains(scope)) => Some("held: an order of it can't be read".into()),
            () => None,
        };
        let (target, shown) = (known.target, known.shown);
        Listing { target, shown, open_writes: known.open_writes, wants: known.wants, excuse }
    }

    async fn shelves(&self) -> Result<(Vec<Shelf>, Vec<bool>), DemoError> {
        let db = self.store.reader();
        let mut shelves = vec![Shelf::default(); GOODS.len()];
        let mut computed = vec![true; GOODS.len()];
        let place = |sku: i64| self.skus.iter().position(|known| *known == sku);
        for row in stock::Entity::find().all(db).await? {
            if let Some(good) = place(row.sku_id) {
                computed[good] = !row.due;
                shelves[good].on_hand = row.stocked.then_some(0);
            }
        }
        for row in stock_balance::Entity::find().all(db).await? {
            if let Some(good) = place(row.sku_id).filter(|_| row.location == LOCATION && row.bin == MAIN) {
                shelves[good].on_hand = Some(shelves[good].on_hand.unwrap_or(0) + row.quantity);
            }
        }
        for row in unshipped::Entity::find().all(db).await? {
            if let Some(good) = place(row.sku_id) {
                shelves[good].unshipped += row.quantity;
            }
        }
        let open = provisional_hold::Entity::find().filter(provisional_hold::Column::EndedAt.is_null());
        for row in open.all(db).await? {
            if let Some(good) = place(row.sku_id) {
                shelves[good].provisional += row.remaining;
            }
        }
        Ok((shelves, computed))
    }

    /// Every order of a channel, as far as the hub has read it.
    pub async fn orders(&self, channel: &str) -> Result<Orders, DemoError> {
        let db = self.store.reader();
        let rows = mall_order::Entity::find().filter(mall_order::Column::Channel.eq(channel)).all(db).await?;
        let names: HashMap<i64, String> = rows.into_iter().map(|row| (row.id, row.order_id)).collect();
        let mut orders: Orders = names.values().map(|name| (name.clone(), BTreeMap::new())).collect();
        for row in order_line::Entity::find().all(db).await? {
            let Some(lines) = names.get(&row.order_ref).and_then(|name| orders.get_mut(name)) else { continue };
            let net = Net { ordered: row.ordered - row.moved - row.cancelled, shipped: row.shipped };
            lines.insert(row.line, (row.mall_key.unwrap_or_default(), net));
        }
        Ok(orders)
    }

    /// Which of these orders of a channel the hub knows.
    pub async fn knows(&self, channel: &str, ids: &[String]) -> Result<BTreeSet<String>, DemoError> {
        let rows = mall_order::Entity::find()
            .filter(mall_order::Column::Channel.eq(channel))
            .filter(mall_order::Column::OrderId.is_in(ids.iter().map(String::as_str)))
            .all(self.store.reader())
            .await?;
        Ok(rows.into_iter().map(|row| row.order_id).collect())
    }

    /// Unshipped units of each good from the lines themselves: each order counted once.
    pub async fn unshipped_by_lines(&self) -> Result<Vec<i64>, DemoError> {
        let db = self.store.reader();
        let lines: HashMap<i64, i64> = order_line::Entity::find()
            .all(db)
            .await?
            .into_iter()
            .map(|row| (row.id, row.ordered - row.moved - row.cancelled - row.shipped))
            .collect();
        let mut units = vec![0; GOODS.len()];
        for part in line_part::Entity::find().all(db).await? {
            if let Some(good) = self.skus.iter().position(|sku| *sku == part.sku_id) {
                units[good] += lines.get(&part.line_id).copied().unwrap_or(0) * part.quantity;
            }
        }
        Ok(units)
    }

    /// Writes whose outcome is open, for the question whether all has come to rest.
    pub async fn open_writes(&self) -> Result<u64, DemoError> {
        Ok(listing_write::Entity::find().count(self.store.reader()).await?)
    }
}

fn state(row: &channel::Model, seen: u64, backlog: usize) -> Channel {
    let lane = |state: &str, cause: &Option<String>| match cause {
        Some(cause) if state != "flowing" => format!("{state}: {cause}"),
        _ => state.to_owned(),
    };
    let suspension = (row.state != State::Active.word())
        .then(|| format!("{} ({})", row.state, row.suspend_mode.clone().unwrap_or_default()));
    Channel {
        orders_lane: lane(&row.orders_lane, &row.orders_cause),
        stock_lane: lane(&row.stock_lane, &row.stock_cause),
        suspension,
        baseline: row.baseline == "done",
        watermark: maybe_instant(row.watermark),
        last_poll_at: maybe_instant(row.last_poll_at),
        seen,
        backlog,
    }
}
