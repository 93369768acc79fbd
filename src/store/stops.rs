//! SKUs that are taken off sale everywhere.
//!
//! A stop is a row of its own, which stays when it has ended. While it is open the SKU's listings ought to show 0 on
//! every channel, and so do those of all bundles that it is in, at any depth: a set without one of its parts can't be
//! sold. The zeros are targets, written here in the transaction of the stop, so that they don't wait for their turn to
//! be computed. Stock, orders and holds go on being counted: sellable stays what there is.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Select,
    sea_query::{Query, SelectStatement},
};

use super::{
    Result, Store,
    bundles::{containing, recipes_under, touched},
    catalogue::sku_code,
    dialect,
    entity::{bundle_unit, listing, sku_stop, stock},
    instant,
    log::Entry,
    micros,
    stock::{lock_skus, pieces},
};

impl Store {
    /// Takes a SKU off sale on every channel, and every bundle with it. One that is stopped already stays as it was
    /// stopped first.
    pub async fn stop_sku(&self, code: &str, reason: Option<&str>, who: &str) -> Result<()> {
        let tx = self.begin().await?;
        let wanted = self.sku(&tx, code).await?;
        let around = lock_around(&tx, wanted.id).await?;
        if open(None).filter(sku_stop::Column::SkuId.eq(wanted.id)).one(&tx).await?.is_some() {
            return Ok(());
        }
        let now = micros(self.now());
        let row = sku_stop::ActiveModel {
            id: Set(self.id()),
            sku_id: Set(wanted.id),
            since: Set(now),
            by: Set(who.to_owned()),
            reason: Set(reason.map(str::to_owned)),
            ended_at: Set(None),
            ended_by: Set(None),
        };
        row.insert(&tx).await?;
        self.bump_everywhere(&tx, &around).await?;
        self.zero_targets(&tx, &around).await?;
        let subject = format!("sku/{}", wanted.code);
        self.write_log(&tx, Entry { who, what: "sku.stop", subject: &subject, why: reason, detail: None }).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        self.bells.targets.notify_waiters();
        Ok(())
    }

    /// Puts it back on sale: its targets come back with the next computation. One that is not stopped stays as it is.
    pub async fn resume_sku(&self, code: &str, reason: Option<&str>, who: &str) -> Result<()> {
        let tx = self.begin().await?;
        let wanted = self.sku(&tx, code).await?;
        let around = lock_around(&tx, wanted.id).await?;
        let open = open(None).filter(sku_stop::Column::SkuId.eq(wanted.id)).one(&tx).await?;
        let Some(row) = open else { return Ok(()) };
        let ended = sku_stop::ActiveModel {
            id: Set(row.id),
            ended_at: Set(Some(micros(self.now()))),
            ended_by: Set(Some(who.to_owned())),
            ..Default::default()
        };
        ended.update(&tx).await?;
        self.bump_everywhere(&tx, &around).await?;
        let subject = format!("sku/{}", wanted.code);
        self.write_log(&tx, Entry { who, what: "sku.resume", subject: &subject, why: reason, detail: None }).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    /// Whether one of these listings is off sale.
    pub async fn any_off_sale(&self, listings: &BTreeSet<i64>) -> Result<bool> {
        if listings.is_empty() || !any_stopped(&self.reader).await? {
            return Ok(false);
        }
        for piece in pieces(listings) {
            let off = listing::Entity::find().select_only().column(listing::Column::Id).limit(1);
            let off = off.filter(listing::Column::Id.is_in(piece));
            let off = off.filter(listing::Column::Id.in_subquery(stopped_listings()));
            if off.into_tuple::<i64>().one(&self.reader).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has these computed again, in every pool in which they lie.
    pub(super) async fn bump_everywhere(&self, tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
        dialect::bump_stock(tx, &in_every_pool(tx, skus).await?, false, micros(self.now())).await
    }

    async fn zero_targets(&self, tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
        let now = micros(self.now());
        for piece in pieces(skus) {
            let rows = listing::Entity::find().filter(listing::Column::SkuId.is_in(piece)).all(tx).await?;
            let mut listed = self.listed_of(tx, rows).await?;
            for item in listed.iter_mut().filter(|item| item.publication.target != Some(0)) {
                item.publication.target = Some(0);
                item.row.target_at = Some(now);
            }
            self.save_listed(tx, &listed).await?;
        }
        Ok(())
    }
}

/// The SKU and all bundles that it is in, with what they are made of kept from changing.
async fn lock_around(tx: &DatabaseTransaction, sku: i64) -> Result<BTreeSet<i64>> {
    let mut around = containing(tx, &[sku].into()).await?;
    around.insert(sku);
    lock_skus(tx, &touched(tx, &around).await?).await?;
    Ok(around)
}

/// The stock rows of these.
pub(super) async fn in_every_pool(db: &impl ConnectionTrait, skus: &BTreeSet<i64>) -> Result<Vec<(i64, String)>> {
    let mut found = Vec::new();
    for piece in pieces(skus) {
        let rows = stock::Entity::find().select_only().columns([stock::Column::SkuId, stock::Column::Pool]);
        let rows = rows.filter(stock::Column::SkuId.is_in(piece));
        found.extend(rows.into_tuple::<(i64, String)>().all(db).await?);
    }
    Ok(found)
}

/// Stops that are in force now, or were at an instant. Now is no instant: what another machine has just written may
/// lie ahead of this one's clock.
fn open(at: Option<Timestamp>) -> Select<sku_stop::Entity> {
    use sku_stop::Column;
    let rows = sku_stop::Entity::find();
    let Some(at) = at.map(micros) else { return rows.filter(Column::EndedAt.is_null()) };
    let lasts = Condition::any().add(Column::EndedAt.is_null()).add(Column::EndedAt.gt(at));
    rows.filter(Column::Since.lte(at)).filter(lasts)
}

/// Those of the SKUs that are off sale, each with the stop that makes it so: its own, or that of something that it is
/// made of.
pub(super) async fn stopped_among(
    db: &impl ConnectionTrait,
    skus: &BTreeSet<i64>,
    at: Option<Timestamp>,
) -> Result<HashMap<i64, sku_stop::Model>> {
    if open(at).limit(1).one(db).await?.is_none() {
        return Ok(HashMap::new());
    }
    let recipes = recipes_under(db, skus).await?;
    let named: BTreeSet<i64> = recipes.values().flat_map(|recipe| recipe.keys()).chain(skus).copied().collect();
    let mut found = HashMap::new();
    for piece in pieces(&named) {
        let rows = open(at).filter(sku_stop::Column::SkuId.is_in(piece)).all(db).await?;
        found.extend(rows.into_iter().map(|row| (row.sku_id, row)));
    }
    loop {
        let above = recipes.iter().filter(|(bundle, _)| !found.contains_key(*bundle));
        let above = above.filter_map(|(bundle, recipe)| {
            let stop: &sku_stop::Model = recipe.keys().find_map(|part| found.get(part))?;
            Some((*bundle, stop.clone()))
        });
        let above: Vec<_> = above.collect();
        if above.is_empty() {
            break;
        }
        found.extend(above);
    }
    found.retain(|sku, _| skus.contains(sku));
    Ok(found)
}

/// The listings that are off sale with their SKU, or with one of the stocked SKUs that it is made of.
pub(super) fn stopped_listings() -> SelectStatement {
    let stopped = || {
        Query::select()
            .column(sku_stop::Column::SkuId)
            .from(sku_stop::Entity)
            .and_where(sku_stop::Column::EndedAt.is_null())
            .to_owned()
    };
    let bundles = Query::select()
        .column(bundle_unit::Column::BundleId)
        .from(bundle_unit::Entity)
        .and_where(bundle_unit::Column::ComponentId.in_subquery(stopped()))
        .to_owned();
    let named = Condition::any()
        .add(listing::Column::SkuId.in_subquery(stopped()))
        .add(listing::Column::SkuId.in_subquery(bundles));
    Query::select().column(listing::Column::Id).from(listing::Entity).cond_where(named).to_owned()
}

/// Whether anything at all is off sale.
pub(super) async fn any_stopped(db: &impl ConnectionTrait) -> Result<bool> {
    let any = open(None).select_only().column(sku_stop::Column::Id).limit(1);
    Ok(any.into_tuple::<i64>().one(db).await?.is_some())
}

/// Who stopped what, for people: `maria stopped tea: price error`.
pub(super) async fn told(db: &impl ConnectionTrait, stop: &sku_stop::Model) -> Result<String> {
    let code = sku_code(db, stop.sku_id).await?;
    let why = stop.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    Ok(format!("{} stopped {code}{why}", stop.by))
}

pub(super) fn since(stop: &sku_stop::Model) -> Timestamp {
    instant(stop.since)
}
