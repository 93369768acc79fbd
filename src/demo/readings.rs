//! What the hub says, through the same sheets that its API gives out: for the live view and the comparison.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{DemoError, goods::GOODS, hub::Hub, street::Shop};
use crate::{
    domain::{publication::Standing, shelf::Shelf},
    store::sheets::{
        AttentionSheet, ChannelSheet, OrderFilter, OrderSheet, Page, Paging, PoolSheet, Showing, SkuSheet,
    },
};

/// Items that say: somebody else sets this figure, or the mall keeps its own.
const GIVEN_UP: [&str; 2] = ["mall_limit", "other_writer"];

/// The hub's figures at one moment.
pub struct Belief {
    /// Per good.
    pub shelves: Vec<Shelf>,
    /// Per shop and good.
    pub listings: Vec<Vec<Listing>>,
    /// Per shop.
    pub channels: Vec<Channel>,
    pub attention: Vec<AttentionSheet>,
}

#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub target: Option<i64>,
    pub shown: Option<i64>,
    pub state: String,
    pub reason: Option<String>,
}

pub struct Channel {
    pub sheet: ChannelSheet,
    /// Orders known.
    pub seen: usize,
}

/// Orders that the hub is known to know, by channel: what it has read is never forgotten.
#[derive(Default)]
pub struct Seen(HashMap<String, HashSet<String>>);

impl Seen {
    pub fn has(&self, channel: &str, id: &str) -> bool {
        self.0.get(channel).is_some_and(|known| known.contains(id))
    }

    fn count(&self, channel: &str) -> usize {
        self.0.get(channel).map_or(0, HashSet::len)
    }

    /// False when it was known already.
    fn add(&mut self, order: &OrderSheet) -> bool {
        let Some(id) = &order.order_id else { return false };
        self.0.entry(order.channel.clone()).or_default().insert(id.clone())
    }
}

impl Listing {
    /// Something is still to be said or heard: what a mall refused is tried again.
    pub fn is_restless(&self) -> bool {
        [Standing::Pending, Standing::Unknown, Standing::SetAside].iter().any(|standing| standing.word() == self.state)
    }

    /// The hub writes nothing to it, whatever its target is.
    pub fn is_left_alone(&self) -> bool {
        ![Standing::InSync, Standing::Pending, Standing::Unknown].iter().any(|standing| standing.word() == self.state)
    }

    /// How it stands, in the hub's words.
    pub fn standing(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}"));
        format!("{}{}", self.state, reason.unwrap_or_default())
    }
}

impl Belief {
    /// The hub has given up on the figure of this listing, and has asked a person to look at it.
    pub fn has_given_up(&self, shops: &[Shop], shop: usize, good: usize) -> bool {
        let (channel, key) = (Some(&shops[shop].channel), Some(&shops[shop].listings[good].key));
        let asks = |item: &AttentionSheet| {
            GIVEN_UP.contains(&item.kind.as_str()) && item.channel.as_ref() == channel && item.mall_key.as_ref() == key
        };
        self.listings[shop][good].state == Standing::Held.word() && self.attention.iter().any(asks)
    }

    /// The targets are those that the shelf makes: nothing waits to be computed.
    pub fn is_computed(&self, shops: &[Shop], good: usize) -> bool {
        shops
            .iter()
            .zip(&self.listings)
            .all(|(shop, listings)| listings[good].target == target(&self.shelves[good], shop.listings[good].units))
    }
}

/// What a listing of `units` a piece ought to show, by the seller's plain rules.
pub fn target(shelf: &Shelf, units: i64) -> Option<i64> {
    shelf.sellable().map(|sellable| sellable.div_euclid(units).max(0))
}

impl Hub {
    pub async fn belief(&self, shops: &[Shop], seen: &mut Seen) -> Result<Belief, DemoError> {
        self.look_for_orders(seen).await?;
        let all = Paging::new(Some(Paging::LIMIT_MAX), None);
        let skus = self.store.sku_sheets(&self.outlines, &all).await?.items;
        let mut channels = self.store.channel_sheets(&self.outlines, &all).await?.items;
        let attention = self.store.attention_sheets(&all).await?.items;
        let mut belief = Belief {
            shelves: vec![Shelf::default(); GOODS.len()],
            listings: vec![vec![Listing::default(); GOODS.len()]; shops.len()],
            channels: Vec::new(),
            attention,
        };
        for sheet in skus {
            if let Some(good) = GOODS.iter().position(|good| good.code == sheet.code) {
                belief.take(shops, good, sheet);
            }
        }
        channels.sort_by_key(|sheet| shops.iter().position(|shop| shop.channel == sheet.id));
        for sheet in channels {
            let seen = seen.count(&sheet.id);
            belief.channels.push(Channel { sheet, seen });
        }
        Ok(belief)
    }

    /// Orders are listed newest first, so those that are new since the last look stand in front.
    async fn look_for_orders(&self, seen: &mut Seen) -> Result<(), DemoError> {
        let mut cursor = None;
        loop {
            let paging = Paging::new(None, cursor);
            let Page { items, next_cursor } = self.store.order_sheets(&OrderFilter::default(), &paging).await?;
            let fresh = items.iter().filter(|order| seen.add(order)).count();
            if fresh < items.len() || next_cursor.is_none() {
                return Ok(());
            }
            cursor = next_cursor;
        }
    }

    /// Every order of a channel, as far as the hub has read it.
    pub async fn orders(&self, channel: &str) -> Result<BTreeMap<String, OrderSheet>, DemoError> {
        let filter = OrderFilter { channel: Some(channel.to_owned()), ..OrderFilter::default() };
        let mut orders = BTreeMap::new();
        let mut cursor = None;
        loop {
            let paging = Paging::new(Some(Paging::LIMIT_MAX), cursor);
            let Page { items, next_cursor } = self.store.order_sheets(&filter, &paging).await?;
            let named = items.into_iter().filter_map(|order| Some((order.order_id.clone()?, order)));
            orders.extend(named);
            match next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(orders),
            }
        }
    }
}

impl Belief {
    fn take(&mut self, shops: &[Shop], good: usize, sheet: SkuSheet) {
        if let Some(pool) = sheet.pools.first() {
            self.shelves[good] = shelf(pool);
        }
        for showing in sheet.listings {
            if let Some(shop) = shops.iter().position(|shop| shop.channel == showing.channel) {
                self.listings[shop][good] = listing(showing);
            }
        }
    }
}

fn shelf(pool: &PoolSheet) -> Shelf {
    Shelf {
        on_hand: pool.on_hand,
        unshipped: pool.unshipped,
        held: pool.held,
        provisional: pool.provisional,
        shipped_not_in_core: pool.shipped_not_in_core,
    }
}

fn listing(showing: Showing) -> Listing {
    let Showing { target, shown, state, reason, .. } = showing;
    Listing { target, shown, state, reason }
}
