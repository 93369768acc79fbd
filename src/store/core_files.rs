//! The core system as the configuration describes it, and the units that shipped without its knowing.
//!
//! With `by_sales_file` a shipment books no issue: its units move from unshipped to *shipped, not in core*, and
//! the sales file that holds them books them. How many it holds is a level per SKU, pool and business date, a
//! pure function of rows ([`crate::domain::core::in_core`]), computed anew in the same transaction in which one
//! of those rows comes in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{Timestamp, tz::TimeZone};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError,
    attention::Call,
    dialect,
    entity::{core_figure, core_file, core_shipment, location, meta, not_in_core},
    first_id_at, instant, micros,
    stock::{Shipment, lock_skus, pieces, pool_locations},
};
use crate::domain::{
    business_day::{self, BusinessDays},
    core::{Step, in_core},
    ledger::CountsShipments,
};

/// How the core system counts, by the configuration that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Kept", try_from = "Kept")]
pub struct CoreRules {
    pub days: BusinessDays,
    /// `None`: nobody said.
    pub counts: Option<CountsShipments>,
}

/// The same as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    /// An IANA name, or whole seconds east of Greenwich.
    zone: String,
    day_starts: String,
    counts_shipments: Option<String>,
}

const NAME: &str = "core";

/// One level: a SKU in a pool on a business date.
pub(super) type Level = (i64, String, i64);

impl Store {
    /// Puts the configuration's `[core]` in force.
    pub async fn set_core(&self, rules: &CoreRules) -> Result<()> {
        let value = serde_json::to_string(rules).expect("texts are always JSON");
        let tx = self.begin().await?;
        let row = meta::ActiveModel { name: Set(NAME.into()), value: Set(value) };
        let newer = OnConflict::column(meta::Column::Name).update_column(meta::Column::Value).to_owned();
        meta::Entity::insert(row).on_conflict(newer).exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }

    pub async fn core_rules(&self, db: &impl ConnectionTrait) -> Result<CoreRules> {
        rules(db).await
    }

    /// Books no issue: the core's sales will.
    pub(super) async fn ship_unknown_to_core(
        &self,
        tx: &DatabaseTransaction,
        core: &CoreRules,
        shipments: &[Shipment],
    ) -> Result<()> {
        lock_skus(tx, &shipments.iter().map(|shipment| shipment.sku_id).collect()).await?;
        let mut levels = BTreeSet::new();
        for shipment in shipments {
            let known = core_shipment::Column::IdempotencyKey.eq(&shipment.key);
            if core_shipment::Entity::find().filter(known).one(tx).await?.is_some() {
                continue;
            }
            let date = business_day::number(core.days.date_of(shipment.occurred_at));
            // A mall that states only the date says when it ended; by now it has certainly shipped.
            let (mut date, mut at) = (date, micros(shipment.occurred_at.min(self.now())));
            if shipment.units < 0
                && let Some(taken_back) = shipped_before(tx, shipment).await?
            {
                (date, at) = (taken_back.business_date, taken_back.occurred_at);
            }
            core_shipment::ActiveModel {
                id: Set(self.id()),
                idempotency_key: Set(shipment.key.clone()),
                sku_id: Set(shipment.sku_id),
                pool: Set(shipment.pool.clone()),
                business_date: Set(date),
                occurred_at: Set(at),
                recorded_at: Set(micros(self.now())),
                units: Set(shipment.units),
                source: Set(shipment.source.clone()),
            }
            .insert(tx)
            .await?;
            levels.insert((shipment.sku_id, shipment.pool.clone(), date));
        }
        self.relevel(tx, &levels).await
    }

    /// Computes these levels anew, and marks what changed.
    pub(super) async fn relevel(&self, tx: &DatabaseTransaction, levels: &BTreeSet<Level>) -> Result<()> {
        let mut bumps = BTreeSet::new();
        for (row, over) in computed_levels(tx, levels).await? {
            let key = (row.sku_id, row.pool.clone(), row.business_date);
            let before = not_in_core::Entity::find_by_id(key).one(tx).await?;
            let same = before.as_ref() == Some(&row);
            if !same || (over && row.own != row.in_core) {
                self.report_forgotten(tx, &row, over).await?;
            }
            if same {
                continue;
            }
            bumps.insert((row.sku_id, row.pool.clone()));
            let columns = [not_in_core::Column::SkuId, not_in_core::Column::Pool, not_in_core::Column::BusinessDate];
            let newer = OnConflict::columns(columns)
                .update_columns([not_in_core::Column::Own, not_in_core::Column::InCore])
                .to_owned();
            let row = row.into_active_model().reset_all();
            not_in_core::Entity::insert(row).on_conflict(newer).exec_without_returning(tx).await?;
        }
        dialect::bump_stock(tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(self.now())).await
    }

    /// The core has gone past a date and never had what shipped on it: nobody but a person can know why.
    async fn report_forgotten(&self, tx: &DatabaseTransaction, row: &not_in_core::Model, over: bool) -> Result<()> {
        let code = super::catalogue::sku_code(tx, row.sku_id).await?;
        let date = business_day::date(row.business_date).map_or_else(String::new, |date| date.to_string());
        let subject = format!("{code}@{}/{date}", row.pool);
        let missing = row.own - row.in_core;
        if !over || missing == 0 {
            return self.calm(tx, "file", &subject).await;
        }
        let message = format!(
            "{missing} of {code} shipped on {date} and are in no sales figure of that date: they stay subtracted until \
             a sales file of {date} holds them"
        );
        let call = Call { kind: "file", subject, sku: Some(code), message, ..Call::default() };
        self.raise(tx, call).await
    }

    /// Levels that are still open, in short transactions: a file may have ended a date without naming every SKU.
    pub async fn relevel_open(&self) -> Result<()> {
        let mut after = None;
        loop {
            let tx = self.begin().await?;
            let levels = open_levels(&tx, after.take()).await?;
            lock_skus(&tx, &levels.iter().map(|(sku, ..)| *sku).collect()).await?;
            self.relevel(&tx, &levels).await?;
            after = levels.last().cloned();
            tx.commit().await?;
            if after.is_none() {
                self.bells.facts.notify_waiters();
                return Ok(());
            }
        }
    }
}

async fn rules(db: &impl ConnectionTrait) -> Result<CoreRules> {
    let row = meta::Entity::find_by_id(NAME).one(db).await?;
    let Some(row) = row else {
        let days = BusinessDays { zone: TimeZone::UTC, starts: jiff::civil::Time::midnight() };
        return Ok(CoreRules { days, counts: None });
    };
    serde_json::from_str(&row.value).map_err(|error| StoreError::Invalid(format!("the kept [core]: {error}")))
}

impl From<CoreRules> for Kept {
    fn from(rules: CoreRules) -> Self {
        let zone = &rules.days.zone;
        let offset = || zone.to_fixed_offset().map_or(0, |offset| offset.seconds()).to_string();
        Self {
            zone: zone.iana_name().map_or_else(offset, str::to_owned),
            day_starts: rules.days.starts.strftime("%H:%M").to_string(),
            counts_shipments: rules.counts.map(|counts| counts.word().to_owned()),
        }
    }
}

impl TryFrom<Kept> for CoreRules {
    type Error = String;

    fn try_from(kept: Kept) -> std::result::Result<Self, String> {
        let fixed = || kept.zone.parse().ok().and_then(|seconds| jiff::tz::Offset::from_seconds(seconds).ok());
        let zone = TimeZone::get(&kept.zone).ok().or_else(|| fixed().map(TimeZone::fixed));
        let zone = zone.ok_or_else(|| format!("this machine doesn't know the zone {:?}", kept.zone))?;
        let starts = jiff::civil::Time::strptime("%H:%M", &kept.day_starts).unwrap_or_default();
        let counts = kept.counts_shipments.as_deref().and_then(CountsShipments::parse);
        Ok(Self { days: BusinessDays { zone, starts }, counts })
    }
}

/// Units that shipped and that no figure of the core's holds, by SKU.
pub(super) async fn not_in_core(
    tx: &DatabaseTransaction,
    pool: &str,
    skus: &BTreeSet<i64>,
) -> Result<HashMap<i64, i64>> {
    use not_in_core::Column;
    let mut found = HashMap::new();
    for piece in pieces(skus) {
        let missing = Column::Own.into_expr().sub(Column::InCore.into_expr()).sum().cast_as("BIGINT");
        let rows: Vec<(i64, i64)> = not_in_core::Entity::find()
            .select_only()
            .column(Column::SkuId)
            .column_as(missing, "units")
            .filter(Column::SkuId.is_in(piece))
            .filter(Column::Pool.eq(pool))
            .group_by(Column::SkuId)
            .into_tuple()
            .all(tx)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// What the rows behind these levels give, and whether the core has gone past their dates. Levels without any
/// shipment have none.
pub(super) async fn computed_levels(
    tx: &DatabaseTransaction,
    levels: &BTreeSet<Level>,
) -> Result<Vec<(not_in_core::Model, bool)>> {
    computed_levels_at(tx, levels, None).await
}

/// With `at`, what was known of them by then: of shipments that had been recorded and files that had begun.
pub(super) async fn computed_levels_at(
    tx: &DatabaseTransaction,
    levels: &BTreeSet<Level>,
    at: Option<Timestamp>,
) -> Result<Vec<(not_in_core::Model, bool)>> {
    let next_ms = |at| first_id_at(instant(micros(at) + 1_000));
    let known = Known { recorded: at.map_or(i64::MAX, micros), import: at.map_or(i64::MAX, |at| next_ms(at) - 1) };
    let mut by_pool: BTreeMap<&str, BTreeMap<i64, BTreeSet<i64>>> = BTreeMap::new();
    for (sku, pool, date) in levels {
        by_pool.entry(pool).or_default().entry(*date).or_default().insert(*sku);
    }
    let mut found = Vec::new();
    for (pool, dates) in by_pool {
        let locations = pool_locations(tx, pool).await?;
        for (date, skus) in dates {
            let shipped = shipped_on(tx, pool, date, &skus, known).await?;
            let there: BTreeSet<i64> = shipped.keys().copied().collect();
            let sales = sales_on(tx, &locations, date, &there, known).await?;
            let over = is_over(tx, &locations, date, known).await?;
            for (sku_id, own) in shipped {
                let sales = sales.get(&sku_id).map_or(&[][..], Vec::as_slice);
                let row = not_in_core::Model {
                    sku_id,
                    pool: pool.to_owned(),
                    business_date: date,
                    own: own.iter().map(|step| step.units).sum(),
                    in_core: in_core(sales, &own, over),
                };
                found.push((row, over));
            }
        }
    }
    Ok(found)
}

/// Rows that are looked at: those recorded by then, and of files up to this one.
#[derive(Clone, Copy)]
struct Known {
    recorded: i64,
    import: i64,
}

async fn shipped_on(
    tx: &DatabaseTransaction,
    pool: &str,
    date: i64,
    skus: &BTreeSet<i64>,
    known: Known,
) -> Result<BTreeMap<i64, Vec<Step>>> {
    let mut found: BTreeMap<i64, Vec<Step>> = BTreeMap::new();
    for piece in pieces(skus) {
        let rows = core_shipment::Entity::find()
            .filter(core_shipment::Column::SkuId.is_in(piece))
            .filter(core_shipment::Column::BusinessDate.eq(date))
            .filter(core_shipment::Column::Pool.eq(pool))
            .filter(core_shipment::Column::RecordedAt.lte(known.recorded))
            .all(tx)
            .await?;
        for row in rows {
            found.entry(row.sku_id).or_default().push(Step { at: instant(row.occurred_at), units: row.units });
        }
    }
    Ok(found)
}

async fn sales_on(
    tx: &DatabaseTransaction,
    locations: &[String],
    date: i64,
    skus: &BTreeSet<i64>,
    known: Known,
) -> Result<HashMap<i64, Vec<Step>>> {
    let mut found: HashMap<i64, Vec<Step>> = HashMap::new();
    for piece in pieces(skus) {
        let rows = core_figure::Entity::find()
            .filter(core_figure::Column::Kind.eq("sales"))
            .filter(core_figure::Column::SkuId.is_in(piece))
            .filter(core_figure::Column::BusinessDate.eq(date))
            .filter(core_figure::Column::Location.is_in(locations.iter().map(String::as_str)))
            .filter(core_figure::Column::ImportId.lte(known.import))
            .all(tx)
            .await?;
        for row in rows {
            found.entry(row.sku_id).or_default().push(Step { at: instant(row.as_of), units: row.rise });
        }
    }
    Ok(found)
}

/// Every location that gave sales of the date has since given some of a later one, or after the date's end.
async fn is_over(tx: &DatabaseTransaction, locations: &[String], date: i64, known: Known) -> Result<bool> {
    let Some(day) = business_day::date(date) else { return Ok(false) };
    let end = micros(rules(tx).await?.days.last_moment(day));
    use core_file::Column;
    let rows: Vec<(String, i64, i64)> = core_file::Entity::find()
        .select_only()
        .columns([Column::Location, Column::BusinessDate])
        .column_as(Column::AsOf.max(), "newest")
        .filter(Column::Kind.eq("sales"))
        .filter(Column::Location.is_in(locations.iter().map(String::as_str)))
        .filter(Column::BusinessDate.gte(date))
        .filter(Column::ImportId.lte(known.import))
        .group_by(Column::Location)
        .group_by(Column::BusinessDate)
        .into_tuple()
        .all(tx)
        .await?;
    let past = |(_, of, newest): &&(String, i64, i64)| *of > date || *newest > end;
    let gone_on: BTreeSet<&str> = rows.iter().filter(past).map(|(location, ..)| location.as_str()).collect();
    let there = rows.iter().filter(|(_, of, _)| *of == date).all(|(location, ..)| gone_on.contains(location.as_str()));
    Ok(there && !gone_on.is_empty())
}

async fn shipped_before(tx: &DatabaseTransaction, shipment: &Shipment) -> Result<Option<core_shipment::Model>> {
    let line = shipment.key.rsplit_once('/').map_or(shipment.key.as_str(), |(line, _)| line);
    Ok(core_shipment::Entity::find()
        .filter(dialect::begins_with(
            tx.get_database_backend(),
            core_shipment::Column::IdempotencyKey,
            &format!("{line}/"),
        ))
        .filter(core_shipment::Column::Units.gt(0))
        .order_by_desc(core_shipment::Column::OccurredAt)
        .one(tx)
        .await?)
}

async fn open_levels(tx: &DatabaseTransaction, after: Option<Level>) -> Result<BTreeSet<Level>> {
    use not_in_core::Column;
    let mut open = not_in_core::Entity::find().filter(Column::Own.into_expr().ne(Column::InCore.into_expr()));
    if let Some((sku, pool, date)) = after {
        let here = Column::SkuId.eq(sku);
        let beyond = Condition::any()
            .add(Column::SkuId.gt(sku))
            .add(here.clone().and(Column::Pool.gt(&pool)))
            .add(here.and(Column::Pool.eq(&pool)).and(Column::BusinessDate.gt(date)));
        open = open.filter(beyond);
    }
    let rows = open
        .order_by_asc(Column::SkuId)
        .order_by_asc(Column::Pool)
        .order_by_asc(Column::BusinessDate)
        .limit(ROWS_PER_STATEMENT as u64)
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.sku_id, row.pool, row.business_date)).collect())
}

/// The pools of locations, as levels are kept by.
pub(super) async fn pools_of(tx: &DatabaseTransaction) -> Result<HashMap<String, String>> {
    let rows = location::Entity::find().all(tx).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.code, row.pool?))).collect())
}
