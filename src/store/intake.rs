//! Facts: a page of orders, in one transaction with the window's progress.
//!
//! A page read twice changes nothing. Everything that depends on an order changes with it: unshipped, the
//! ledger, what the channel's listings are believed to show, the versions that recompute looks at.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use uriba_sdk::{Found, FulfilledBy, Order, Unread, card::OrdersCard};

use super::{
    Result, Store,
    absent::shells,
    attention::Call,
    entity::{channel, mall_order, order_line},
    intake_apply::Draft,
    intake_load::Known,
    lateness::Fresh,
    lease::Lease,
    pages::Moved,
    polling::Progress,
};
use crate::domain::{
    family::{self, Member},
    intake::{self, Manner, Seen},
};

/// The channel, as intake needs it.
#[derive(Clone, Debug)]
pub struct Intake {
    pub channel: String,
    pub pool: String,
    pub manner: Manner,
    /// How the mall's orders are found; an own storefront's are posted.
    pub orders: Option<OrdersCard>,
    /// Cancelled units go to the review bin instead of being sold again.
    pub review: bool,
}

/// What one request brought.
#[derive(Default)]
pub struct Page<'a> {
    pub orders: &'a [Order],
    pub unread: &'a [Unread],
    /// Orders that the mall doesn't have, and that were cancelled if they ever were.
    pub gone: &'a [String],
    /// Orders that the mall doesn't have, and that is all that it says.
    pub missing: &'a [String],
    /// When the request started.
    pub read_at: Timestamp,
    pub progress: Progress,
}

impl<'a> Page<'a> {
    /// What was found of orders, before it is said when and for which request.
    pub fn of(found: &'a Found) -> Self {
        let Found { orders, unread, missing, gone } = found;
        Self { orders, unread, gone, missing, ..Self::default() }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Orders that were new or changed.
    pub orders: usize,
    pub lines: usize,
    /// A window is complete by this: the watermark may have moved.
    pub concluded: bool,
    /// Orders that can't be read, or can be again, of which that is news.
    pub unread: usize,
    /// The mall's list has no end, and why that is certain.
    pub endless: Option<&'static str>,
    /// Orders that nobody here knew.
    pub(super) fresh: Vec<Fresh>,
}

impl Store {
    pub async fn take_in(&self, lease: &Lease, intake: &Intake, page: Page<'_>) -> Result<Taken> {
        let tx = self.begin().await?;
        lease.confirm(&tx).await?;
        let mut taken = self.take_in_orders(&tx, intake, &page).await?;
        // A past span is asked for to find what nobody knew.
        if matches!(page.progress, Progress::Page { .. } | Progress::Heads(_)) {
            self.note_lateness(&tx, intake, &taken.fresh, page.read_at).await?;
        }
        self.note_missing(&tx, &intake.channel, &page).await?;
        match self.note_progress(&tx, &intake.channel, page.progress, (page.orders, taken.orders), page.read_at).await?
        {
            Moved::On => {}
            Moved::Perhaps => taken.concluded = self.conclude(&tx, intake).await?,
            Moved::Endless(why) => taken.endless = Some(why),
        }
        tx.commit().await?;
        if taken.lines > 0 || taken.unread > 0 || taken.concluded {
            self.bells.facts.notify_waiters();
        }
        Ok(taken)
    }

    pub(super) async fn take_in_orders(
        &self,
        tx: &DatabaseTransaction,
        intake: &Intake,
        page: &Page<'_>,
    ) -> Result<Taken> {
        // Nothing is mapped meanwhile: a line that comes in unmapped stays so until somebody maps it.
        channel::Entity::find_by_id(&intake.channel).lock_shared().one(tx).await?;
        let (read_at, shells) = (page.read_at, shells(tx, &intake.channel, page).await?);
        let orders = newest_of_each(page.orders.iter().chain(&shells));
        let known = Known::load(tx, &intake.channel, &orders).await?;
        let mut draft = Draft::new(self, intake, read_at);
        let mut taken = Taken::default();
        let mut families = BTreeSet::new();
        let mut unread = page.unread.to_vec();
        let mut read: BTreeSet<&str> = page.gone.iter().map(String::as_str).collect();
        for order in orders {
            let before = known.order(&order.id);
            match intake::compare(before.as_ref().map(|(_, known)| known), order, read_at, intake.manner) {
                Seen::Stale => {}
                Seen::Absurd { line, units } => unread.push(absurd(order, &line, units)),
                Seen::Lines(changes) => {
                    let loud = changes.iter().filter(|change| !change.is_quiet()).count();
                    taken.orders += usize::from(loud > 0 || before.is_none());
                    taken.lines += loud;
                    if intake.manner.families && order.family.is_some()
                        || changes.iter().any(|change| change.now.shrunk > 0)
                    {
                        families.insert(order.family.as_ref().map_or(&order.id, |family| &family.id).clone());
                    }
                    let is_new = before.is_none();
                    taken
                        .fresh
                        .extend(intake.orders.as_ref().filter(|_| is_new).and_then(|card| Fresh::of(order, card)));
                    draft.order(&known, order, &changes);
                    read.insert(order.id.as_str());
                }
            }
        }
        taken.unread = self.take_in_unread(tx, &mut draft, &unread, &read).await?;
        draft.write(tx, &known).await?;
        for family in families.into_iter().filter(|_| intake.manner.families) {
            self.settle_family(tx, intake, &family, read_at, false).await?;
        }
        Ok(taken)
    }

    /// Shares a split order's units among its members; after a complete search, what no member holds is gone.
    pub(super) async fn settle_family(
        &self,
        tx: &DatabaseTransaction,
        intake: &Intake,
        family: &str,
        read_at: Timestamp,
        searched: bool,
    ) -> Result<()> {
        let is_member = mall_order::Column::Family.eq(family).or(mall_order::Column::OrderId.eq(family));
        let orders = mall_order::Entity::find()
            .filter(mall_order::Column::Channel.eq(&intake.channel))
            .filter(is_member)
            .all(tx)
            .await?;
        let orders: HashMap<i64, &mall_order::Model> = orders.iter().map(|order| (order.id, order)).collect();
        let lines = order_line::Entity::find()
            .filter(order_line::Column::OrderRef.is_in(orders.keys().copied()))
            .all(tx)
            .await?;
        let mut by_item: BTreeMap<Option<String>, Vec<order_line::Model>> = BTreeMap::new();
        for line in lines {
            by_item.entry(line.mall_key.clone()).or_default().push(line);
        }
        let mut draft = Draft::new(self, intake, read_at);
        let mut search = false;
        for (mall_key, lines) in by_item {
            let members: Vec<Member> = lines.iter().map(|line| member(line, orders[&line.order_ref].child)).collect();
            for (line, settled) in lines.iter().zip(family::settle(&members, searched)) {
                draft.family_member(&orders[&line.order_ref].order_id, line, settled);
            }
            search |= !searched && family::needs_search(&members);
            if let Some((held, original)) = family::exceeds_original(&members).filter(|_| searched) {
                let key = mall_key.clone().unwrap_or_default();
                let message = format!(
                    "the members of split order {family} hold {held} of {key}, of which {original} were ordered; \
                     the larger figure is counted until a person looks"
                );
                let call = Call {
                    kind: "family",
                    subject: format!("{}/{family}", intake.channel),
                    channel: Some(intake.channel.clone()),
                    mall_key,
                    message,
                    ..Call::default()
                };
                self.raise(tx, call).await?;
            }
        }
        let known = Known::for_lines(tx, draft.line_ids()).await?;
        draft.write(tx, &known).await?;
        if search {
            self.want_family_search(tx, &intake.channel, family).await?;
        }
        Ok(())
    }
}

fn absurd(order: &Order, line: &str, units: u32) -> Unread {
    Unread {
        order_id: Some(order.id.clone()),
        mall_keys: order.lines.iter().filter_map(|line| line.mall_key.clone()).collect(),
        what: format!("line {line} orders {units} units, above limits.units_per_line"),
        redacted: String::new(),
    }
}

fn member(line: &order_line::Model, child: bool) -> Member {
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    Member {
        child,
        ordered: small(line.ordered),
        shrunk: small(line.shrunk),
        moved: small(line.moved),
        cancelled: small(line.cancelled),
    }
}

/// A page may name an order twice: its newest state counts, the later row where revisions don't tell.
fn newest_of_each<'a>(orders: impl Iterator<Item = &'a Order>) -> Vec<&'a Order> {
    let mut newest: BTreeMap<&str, &Order> = BTreeMap::new();
    for order in orders {
        let known = newest.get(order.id.as_str());
        if known.is_none_or(|known| known.revision <= order.revision) {
            newest.insert(&order.id, order);
        }
    }
    newest.into_values().collect()
}

/// Fulfilled by the mall's own warehouse: recorded, never counted.
pub(super) fn counts(order: &Order) -> bool {
    order.fulfilled_by == FulfilledBy::Seller
}
