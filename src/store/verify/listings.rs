//! Invariants 4 and 10, and the columns of a publication that are derived from the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Check, Finding, PAGE, Result};
use crate::{
    domain::{health::LaneState, suspend::State},
    store::{
        Store,
        bundles::{Shelved, stocked_in},
        decrees::Decrees,
        dialect::holds,
        entity::{channel, poll_head, poll_window, provisional_hold, publication, stock},
        maybe_instant,
        publication_rows::Listed,
        queue::Stops,
        recompute::{self, Allowance},
        rules,
        shares::Shares,
    },
};

pub(super) async fn checks(
    store: &Store,
    tx: &DatabaseTransaction,
    allowances: &HashMap<String, Allowance>,
    now: Timestamp,
) -> Result<Vec<Check>> {
    let channels = channel::Entity::find().all(tx).await?;
    let mut targets = Check::new(Some(4), "each target is what the stock rows give");
    let mut derived = Check::new(None, "a publication's derived columns follow from the others");
    let mut quiet = Check::new(Some(10), "in quiescence every live listing shows its target");
    let mut rest = Rest::load(tx, &channels, &mut quiet).await?;
    let mut after = i64::MIN;
    loop {
        let ids: BTreeSet<i64> = publication::Entity::find()
            .select_only()
            .column(publication::Column::ListingId)
            .filter(publication::Column::ListingId.gt(after))
            .order_by_asc(publication::Column::ListingId)
            .limit(PAGE)
            .into_tuple()
            .all(tx)
            .await?
            .into_iter()
            .collect();
        let Some(last) = ids.last() else { break };
        after = *last;
        let listed = store.peek_listed(tx, &ids).await?;
        check_targets(tx, &channels, allowances, &listed, now, &mut targets).await?;
        for item in &listed {
            check_derived(item, &mut derived);
            rest.judge(item, now, &mut quiet);
        }
    }
    rest.close(&mut quiet);
    Ok(vec![targets, derived, quiet])
}

fn subject(item: &Listed) -> String {
    format!("{} {}", item.listing.channel, item.listing.mall_key)
}

async fn check_targets(
    tx: &DatabaseTransaction,
    channels: &[channel::Model],
    allowances: &HashMap<String, Allowance>,
    listed: &[Listed],
    now: Timestamp,
    check: &mut Check,
) -> Result<()> {
    let turned = rules::turned(tx, now).await?;
    let pools: HashMap<&str, &str> = channels.iter().map(|row| (row.id.as_str(), row.pool.as_str())).collect();
    let mut by_pool: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
    for item in listed {
        if let Some(pool) = pools.get(item.listing.channel.as_str()) {
            by_pool.entry(pool).or_default().push(item);
        }
    }
    for (pool, items) in by_pool {
        let skus: BTreeSet<i64> = items.iter().map(|item| item.listing.sku_id).collect();
        let rows = stock::Entity::find()
            .filter(stock::Column::Pool.eq(pool))
            .filter(stock::Column::SkuId.is_in(skus.iter().copied()))
            .all(tx)
            .await?;
        let shelved = Shelved::load(tx, pool, &skus).await?;
        let decrees = Decrees::load(tx, &skus, now).await?;
        let ids = items.iter().map(|item| item.id()).collect();
        let shares = Shares::load(tx, pool, &ids, &stocked_in(&shelved.made_of)).await?;
        let due: HashMap<i64, bool> = rows.iter().map(|row| (row.sku_id, row.due)).collect();
        for item in items {
            let Some(allowance) = allowances.get(&item.listing.channel) else { continue };
            match due.get(&item.listing.sku_id) {
                // Facts have arrived that recomputation has yet to see.
                Some(true) => continue,
                Some(false) if rules::has_turned(&turned, &item.listing) => continue,
                Some(false) => {}
                None => check.found(|| Finding {
                    subject: subject(item),
                    found: "its SKU has no stock row, so that nothing would ever compute it".into(),
                    expected: "each mapped SKU has one in its channel's pool".into(),
                }),
            }
            check.saw(1);
            let wanted = recompute::wanted(&item.listing, allowance, &shelved, &shares, &decrees);
            compare_target(item, wanted, shelved.sellable(item.listing.sku_id), check);
        }
    }
    Ok(())
}

fn compare_target(item: &Listed, wanted: Option<i64>, sellable: Option<i64>, check: &mut Check) {
    if item.publication.target != wanted {
        check.found(|| Finding {
            subject: subject(item),
            found: format!("the target is {}", word(item.publication.target)),
            expected: match sellable {
                Some(sellable) => format!("{sellable} are sellable, which gives {}", word(wanted)),
                None => "the SKU has no stock figure".into(),
            },
        });
    }
}

fn check_derived(item: &Listed, check: &mut Check) {
    check.saw(1);
    for (column, found, expected) in item.stale_columns() {
        check.found(|| Finding {
            subject: subject(item),
            found: format!("{column} is {found}"),
            expected: format!("the other columns give {expected}"),
        });
    }
}

fn word(figure: Option<i64>) -> String {
    figure.map_or("none".to_owned(), |figure| figure.to_string())
}

/// What keeps the hub from rest: as long as there is any, invariant 10 says nothing.
struct Rest {
    /// Live and switched on, with what forbids raises there.
    live: HashMap<String, Stops>,
    to_push: u64,
    to_read: u64,
    to_look_up: u64,
    open: u64,
}

impl Rest {
    async fn load(tx: &DatabaseTransaction, channels: &[channel::Model], check: &mut Check) -> Result<Self> {
        let (mut unwell, mut unread, mut moving) = (0, 0, 0);
        let mut live = HashMap::new();
        for row in channels.iter().filter(|row| row.configured && row.mode == "live") {
            let flowing = LaneState::Flowing.word();
            unwell += u64::from(row.orders_lane != flowing || row.stock_lane != flowing);
            unread += u64::from(row.baseline != "done");
            match State::parse(&row.state) {
                Some(State::Active) => {
                    live.insert(row.id.clone(), Stops::load(tx, &row.id).await?);
                }
                Some(State::Suspended) => {}
                Some(State::Draining | State::Resuming) | None => moving += 1,
            }
        }
        check.waits(unwell, "channels have a lane that is not flowing");
        check.waits(unread, "channels are still reading their open orders");
        check.waits(moving, "channels are between suspended and active");
        let due = stock::Entity::find().filter(holds(stock::Column::Due)).count(tx).await?;
        check.waits(due, "SKUs are to be recomputed");
        let windows = poll_window::Entity::find().count(tx).await?;
        check.waits(windows, "spans of orders are being read");
        check.waits(poll_head::Entity::find().count(tx).await?, "orders are still to be read whole");
        let holds = provisional_hold::Entity::find().filter(provisional_hold::Column::EndedAt.is_null());
        check.waits(holds.count(tx).await?, "sales are known only by what a mall shows");
        Ok(Self { live, to_push: 0, to_read: 0, to_look_up: 0, open: 0 })
    }

    fn judge(&mut self, item: &Listed, now: Timestamp, check: &mut Check) {
        let Some(stops) = self.live.get(&item.listing.channel) else { return };
        let row = &item.row;
        if item.listing.state == "new" {
            self.to_look_up += 1;
            return;
        }
        let rests = maybe_instant(row.set_aside_until).is_some_and(|until| until > now);
        if item.listing.state != "ready" || item.listing.not_ours || rests || row.kept.is_some() {
            return;
        }
        let Some(target) = row.target else { return };
        if row.open_writes > 0 || row.waiting.is_some() {
            self.open += 1;
        } else if row.wants {
            let held = row.urgency == 0 && stops.forbid(&item.listing);
            self.to_push += u64::from(!held);
        } else if row.read_due.is_some() {
            self.to_read += 1;
        } else {
            check.saw(1);
            if row.shown.is_none_or(|shown| shown.max(0) != target) {
                check.found(|| Finding {
                    subject: subject(item),
                    found: format!("the mall shows {}, and nothing is about to change it", word(row.shown)),
                    expected: format!("the target is {target}"),
                });
            }
        }
    }

    fn close(self, check: &mut Check) {
        check.waits(self.to_look_up, "listings are still to be looked up at their mall");
        check.waits(self.to_push, "listings are to be pushed");
        check.waits(self.open, "listings have a write whose outcome is open");
        check.waits(self.to_read, "listings are to be read back");
    }
}
