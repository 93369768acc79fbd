//! Orders as the seller's own hand changes them: shipped and cancelled in the own storefront, and goods that came
//! back, from whichever channel they were bought.
//!
//! What changes is [`crate::domain::deed`]'s word; the rows are written as a page of orders would write them.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use sha2::{Digest, Sha256};
use uriba_sdk::{FulfilledBy, Order, Restored};

use super::{
    Result, Store, StoreError,
    catalogue::sku_codes,
    channels::{self, STOREFRONT},
    entity::{channel, mall_order},
    instant,
    intake::Intake,
    intake_apply::Draft,
    intake_load::Known,
    intake_rows::restored,
    log::Entry as LogEntry,
    micros,
    movements::known_location,
    review::Place,
    token::hex,
};
use crate::domain::{
    deed::{Deed, Fault, Name, Named, Pick},
    intake::{LineChange, Manner},
    ledger::{BINS, MAIN, REVIEW},
    spelling,
};

/// What is asked of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub deed: Deed,
    pub channel: String,
    pub order_id: String,
    /// `None`: the whole order.
    pub picks: Option<Vec<Pick>>,
    /// From where it ships, where cancelled units lie, where goods came in. `None`: the pool's order decides.
    pub location: Option<String>,
    /// Of goods that came back. `None`: as the channel's `on_cancel` says.
    pub bin: Option<String>,
    /// The caller's own: the same again is done once.
    pub key: Option<String>,
}

impl Store {
    /// Does it, in the log with who. Refused whole when some of it can't be.
    pub async fn do_to_order(&self, ask: &Ask, who: &str) -> Result<()> {
        let tx = self.begin().await?;
        let channel = ask.channel_of(&tx).await?;
        if let Some(key) = &ask.key {
            let digest = hex(&Sha256::digest(format!("{ask:?}")));
            if self.done_before(&tx, &format!("order/{key}"), &digest).await? {
                return Ok(());
            }
        }
        let row = ask.order(&tx).await?;
        let place = ask.place(&tx, &channel).await?;
        let stub = ask.as_order(&row);
        let known = Known::load(&tx, &channel.id, &[&stub]).await?;
        let lines = named_lines(&tx, &known, &row).await?;
        let after = ask.deed.on(&lines, ask.picks.as_deref()).map_err(|fault| ask.refusal(&fault, &lines))?;
        ask.accept(&lines)?;
        let mut changes = Vec::new();
        for (before, now) in lines.iter().zip(&after).filter(|(before, now)| before.line != **now) {
            let stored = known.line_row(row.id, &now.line);
            if !stored.is_some_and(|stored| known.parts.contains_key(&stored.id)) {
                return Err(StoreError::Refused(format!(
                    "line {} of order {}/{} is mapped to no SKU: map its item first",
                    now.line, ask.channel, ask.order_id
                )));
            }
            let word = stored.map_or(Restored::Unknown, |stored| restored(&stored.restored));
            let change = LineChange::between(&before.line, now.clone(), word);
            changes.push(LineChange { shipped_at: Some(self.now()), ..change });
        }
        if changes.is_empty() {
            return Ok(());
        }
        let manner = Manner { families: false, units_max: u32::MAX };
        let review = channel.on_cancel == channels::REVIEW;
        let (id, pool) = (channel.id.clone(), channel.pool.clone());
        let intake = Intake { channel: id, pool, manner, orders: None, review };
        let mut draft = Draft::new(self, &intake, self.now());
        let open = after.iter().any(|line| line.unshipped() > 0);
        let is_own = channel.mall == STOREFRONT;
        let updated_at = if is_own { Some(micros(self.now())) } else { row.updated_at };
        draft.deed(&known, mall_order::Model { open, updated_at, ..row }, &stub, &changes, place);
        draft.write(&tx, &known).await?;
        self.log_deed(&tx, ask, &changes, who).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    async fn log_deed(&self, tx: &DatabaseTransaction, ask: &Ask, changes: &[LineChange], who: &str) -> Result<()> {
        let units = |change: &LineChange| match ask.deed {
            Deed::Ship => change.shipped,
            Deed::Cancel => i64::from(change.back) + i64::from(change.return_expected),
            Deed::Return => i64::from(change.received),
        };
        let lines = changes.iter().map(|change| format!("{} × {}", change.now.line, units(change)));
        let detail = Some(lines.collect::<Vec<_>>().join(", "));
        let subject = format!("order/{}/{}", ask.channel, ask.order_id);
        let what = match ask.deed {
            Deed::Ship => "order.ship",
            Deed::Cancel => "order.cancel",
            Deed::Return => "order.return",
        };
        self.write_log(tx, LogEntry { who, what, subject: &subject, why: None, detail }).await
    }
}

impl Ask {
    /// Its channel, locked: nothing else of its orders changes until this is written.
    async fn channel_of(&self, tx: &DatabaseTransaction) -> Result<channel::Model> {
        let row = channel::Entity::find_by_id(&self.channel).lock_exclusive().one(tx).await?;
        let row = row.ok_or_else(|| StoreError::Missing { kind: "channel", name: self.channel.clone() })?;
        if row.mall == STOREFRONT || self.deed == Deed::Return {
            return Ok(row);
        }
        let word = if self.deed == Deed::Ship { "ship" } else { "cancel" };
        Err(StoreError::Refused(format!(
            "{} is a shop on {}: {word} the order there, and its next reading says so; only orders of your own \
             storefront are shipped and cancelled here",
            row.id, row.mall
        )))
    }

    async fn order(&self, tx: &DatabaseTransaction) -> Result<mall_order::Model> {
        let row = mall_order::Entity::find()
            .filter(mall_order::Column::Channel.eq(&self.channel))
            .filter(mall_order::Column::OrderId.eq(&self.order_id))
            .one(tx)
            .await?;
        let name = || format!("{}/{}", self.channel, self.order_id);
        let row = row.ok_or_else(|| StoreError::Missing { kind: "order", name: name() })?;
        if row.fulfilled_by != "seller" {
            return Err(StoreError::Refused(format!(
                "order {} was shipped from the mall's own warehouse, and its goods go back there: it is not counted here",
                name()
            )));
        }
        Ok(row)
    }

    async fn place(&self, tx: &DatabaseTransaction, channel: &channel::Model) -> Result<Place> {
        let review = channel.on_cancel == channels::REVIEW;
        if self.deed == Deed::Cancel && self.location.is_some() && !review {
            let why = "location: cancelled units stay where they lie and are sold again (on_cancel = \"restock\")";
            return Err(StoreError::Invalid(why.into()));
        }
        let bin = self.bin.clone().unwrap_or_else(|| if review { REVIEW } else { MAIN }.to_owned());
        if self.deed != Deed::Return && self.bin.is_some() {
            return Err(StoreError::Invalid("bin: only goods that came back are put into a bin".into()));
        }
        if !BINS.contains(&bin.as_str()) {
            return Err(StoreError::Invalid(format!("bin: {bin:?} is no bin; there are: {}", BINS.join(", "))));
        }
        let location = match &self.location {
            Some(given) => Some(known_location(tx, "location", given).await?),
            None => None,
        };
        Ok(Place { location, bin })
    }

    /// The order without its lines: what its lines' changes need to know of it.
    fn as_order(&self, row: &mall_order::Model) -> Order {
        Order {
            id: row.order_id.clone(),
            family: None,
            revision: row.revision,
            placed_at: instant(row.placed_at),
            updated_at: None,
            fulfilled_by: FulfilledBy::Seller,
            lines: Vec::new(),
        }
    }

    fn accept(&self, lines: &[Named]) -> Result<()> {
        if self.deed == Deed::Return && lines.iter().all(|named| named.line.shipped == 0) {
            let order = format!("{}/{}", self.channel, self.order_id);
            return Err(StoreError::Refused(format!("nothing of order {order} has shipped, so nothing can come back")));
        }
        Ok(())
    }

    fn refusal(&self, fault: &Fault, lines: &[Named]) -> StoreError {
        let picks = self.picks.as_deref().unwrap_or_default();
        let word = |pick: usize| match picks.get(pick).map(|pick| &pick.name) {
            Some(Name::Line(id)) => format!("line {id:?}"),
            Some(Name::Item(item)) => format!("{item:?}"),
            None => String::new(),
        };
        let order = format!("{}/{}", self.channel, self.order_id);
        match *fault {
            Fault::Unknown { pick } => {
                let names: Vec<&str> =
                    lines.iter().map(|named| named.sku.as_deref().unwrap_or(&named.line.line)).collect();
                let names = names.join(", ");
                StoreError::Invalid(format!("lines[{pick}]: order {order} has no {}; it has: {names}", word(pick)))
            }
            Fault::TooMany { pick, room } => {
                let asked = picks.get(pick).map_or(0, |pick| pick.quantity);
                let what = match self.deed {
                    Deed::Ship => "is left to ship",
                    Deed::Cancel => "can be cancelled or is on its way to the customer",
                    Deed::Return => "has shipped and not come back",
                };
                StoreError::Refused(format!(
                    "lines[{pick}]: {asked} of {} were asked for, but of order {order} only {room} {what}",
                    word(pick)
                ))
            }
        }
    }
}

/// The order's lines with the SKU that each sells.
async fn named_lines(tx: &DatabaseTransaction, known: &Known, row: &mall_order::Model) -> Result<Vec<Named>> {
    let lines = known.order(&row.order_id).map(|(_, order)| order.lines).unwrap_or_default();
    let mut sold: HashMap<String, i64> = HashMap::new();
    for line in &lines {
        let Some(stored) = known.line_row(row.id, &line.line).filter(|stored| stored.listing_id.is_some()) else {
            continue;
        };
        if let Some([part]) = known.parts.get(&stored.id).map(Vec::as_slice) {
            sold.insert(line.line.clone(), part.sku_id);
        }
    }
    let codes = sku_codes(tx, &sold.values().copied().collect::<BTreeSet<_>>()).await?;
    let sku = |id: &str| sold.get(id).and_then(|sku| codes.get(sku).cloned());
    Ok(lines.into_iter().map(|line| Named { sku: sku(&line.line), line }).collect())
}

/// As codes are stored.
pub fn item(name: &str) -> Name {
    Name::Item(spelling::code(name).into_owned())
}
