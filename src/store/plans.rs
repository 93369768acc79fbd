//! Sale plans as rows. What a plan means is [`crate::domain::sale`]'s word; here is how it is kept, and how its
//! beginning and end reach what rests on them: as dated rules do, through `rule_turn`, also long after.
//!
//! Nothing of a plan is ever changed: it is deleted, which ends it, and another one made. So a past instant is told
//! from the same rows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError,
    bundles::touched,
    catalogue::sku_codes,
    entity::{bundle_unit, plan_name, rule_turn, sale_plan, sale_plan_sku, sku},
    instant,
    log::Entry,
    micros,
    movements::QUANTITY_MAX,
    preview::{Changes, Preview},
    rules::of_again,
    stock::{lock_skus, pieces},
};
use crate::domain::{exposure::mode::Wish, sale::Plan, spelling};

/// A plan to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewPlan {
    pub name: String,
    /// What has passed means now.
    pub from: Timestamp,
    pub until: Timestamp,
    /// Codes; one that is named twice counts once.
    pub skus: Vec<String>,
    pub exposure: Option<Wish>,
    pub cap: Option<i64>,
    pub buffer: Option<i64>,
}

/// SKUs that one plan may name.
pub const PLAN_SKUS_MAX: usize = 10_000;

/// Names in one sentence.
const NAMED_MAX: usize = 20;

impl NewPlan {
    pub fn plan(&self) -> Plan {
        let Self { name, from, until, exposure, cap, buffer, .. } = self.clone();
        Plan { name, from, until, exposure, cap, buffer }
    }

    /// What is wrong with it before anybody looks into the database: the field, and why.
    pub fn fault(&self, now: Timestamp) -> Option<(String, String)> {
        if self.skus.is_empty() || self.skus.len() > PLAN_SKUS_MAX {
            let message = format!("name 1 to {PLAN_SKUS_MAX} SKUs, not {}", self.skus.len());
            return Some(("skus".into(), message));
        }
        let faulty = self.skus.iter().enumerate().find_map(|(n, code)| Some((n, spelling::fault(code)?)));
        if let Some((n, fault)) = faulty {
            return Some((format!("skus[{n}]"), fault.to_owned()));
        }
        self.plan().fault(now, QUANTITY_MAX).map(|(field, message)| (field.to_owned(), message))
    }
}

impl Store {
    pub async fn create_plan(&self, wanted: &NewPlan, who: &str) -> Result<()> {
        let tx = self.begin().await?;
        let (row, skus) = self.put_plan(&tx, wanted, who).await?;
        let scope = of_plan(row.id);
        let now = micros(self.now());
        let turns = [row.begins_at, row.ends_at].into_iter().filter(|at| *at > now);
        for at in turns {
            let turn = rule_turn::ActiveModel { id: Set(self.id()), scope: Set(scope.clone()), at: Set(at) };
            turn.insert(&tx).await?;
        }
        if row.begins_at <= now {
            self.bump_everywhere(&tx, &skus).await?;
            self.turn_again(&tx, &scope, row.begins_at).await?;
        }
        let plan = plan_of(&row);
        let detail = Some(format!("{} SKUs from {} until {}: {}", skus.len(), plan.from, plan.until, says(&plan)));
        self.log_plan(&tx, &row.name, "plan.create", detail, who).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    /// The numbers that would change if it began now.
    pub async fn preview_plan(&self, wanted: &NewPlan) -> Result<Changes> {
        let tx = self.begin().await?;
        // What a component is sold as is a matter of the bundles that it is in.
        let skus = touched(&tx, &self.named_skus(&tx, wanted).await?.into_values().collect()).await?;
        let at = self.now();
        let before = self.numbers_on(&tx, &skus, at).await?;
        let (row, _) = self.put_plan(&tx, wanted, "trial").await?;
        let begun = sale_plan::ActiveModel { id: Set(row.id), begins_at: Set(micros(at)), ..Default::default() };
        begun.update(&tx).await?;
        let after = self.numbers_on(&tx, &skus, at).await?;
        let mut preview = Preview::default();
        preview.compare(&tx, &before, &after).await?;
        tx.rollback().await?;
        self.weighed(preview).await
    }

    /// Ends a plan, or takes it back before it begins.
    pub async fn delete_plan(&self, name: &str, who: &str) -> Result<()> {
        let tx = self.begin().await?;
        lock_name(&tx, name).await?;
        let row = self.live_plan(&tx, name).await?;
        let skus = skus_of(&tx, row.id).await?;
        lock_skus(&tx, &touched(&tx, &skus).await?).await?;
        let now = micros(self.now());
        let deleted = sale_plan::ActiveModel {
            id: Set(row.id),
            deleted_at: Set(Some(now)),
            deleted_by: Set(Some(who.to_owned())),
            ..Default::default()
        };
        deleted.update(&tx).await?;
        let scopes = [of_plan(row.id), of_again(&of_plan(row.id))];
        rule_turn::Entity::delete_many().filter(rule_turn::Column::Scope.is_in(scopes)).exec(&tx).await?;
        let detail = if row.begins_at <= now {
            self.bump_everywhere(&tx, &skus).await?;
            "it was in force"
        } else {
            "it had not begun"
        };
        self.log_plan(&tx, &row.name, "plan.delete", Some(detail.to_owned()), who).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    /// The plan of this name that is not over.
    pub(super) async fn live_plan(&self, db: &impl ConnectionTrait, name: &str) -> Result<sale_plan::Model> {
        let row = live(micros(self.now())).filter(sale_plan::Column::Name.eq(name)).one(db).await?;
        if let Some(row) = row {
            return Ok(row);
        }
        let over = sale_plan::Entity::find().filter(sale_plan::Column::Name.eq(name)).one(db).await?;
        Err(match over {
            Some(row) => StoreError::Refused(match row.deleted_at {
                Some(at) => format!("plan {name:?} was deleted at {}", instant(at)),
                None => format!("plan {name:?} is over since {}", instant(row.ends_at)),
            }),
            None => StoreError::Missing { kind: "plan", name: name.to_owned() },
        })
    }

    /// Writes the plan, unless something forbids it. Nothing is computed again yet.
    async fn put_plan(
        &self,
        tx: &DatabaseTransaction,
        wanted: &NewPlan,
        who: &str,
    ) -> Result<(sale_plan::Model, BTreeSet<i64>)> {
        if let Some((field, fault)) = wanted.fault(self.now()) {
            return Err(StoreError::Invalid(format!("{field}: {fault}")));
        }
        lock_name(tx, &wanted.name).await?;
        let skus: BTreeSet<i64> = self.named_skus(tx, wanted).await?.into_values().collect();
        lock_skus(tx, &touched(tx, &skus).await?).await?;
        self.refuse_beside_others(tx, wanted, &skus).await?;
        if wanted.exposure.is_some() {
            refuse_bundles(tx, &skus).await?;
        }
        let now = micros(self.now());
        let row = sale_plan::ActiveModel {
            id: Set(self.id()),
            name: Set(wanted.name.clone()),
            begins_at: Set(micros(wanted.from).max(now)),
            ends_at: Set(micros(wanted.until)),
            exposure: Set(wanted.exposure.map(|wish| wish.word().to_owned())),
            cap: Set(wanted.cap),
            buffer: Set(wanted.buffer),
            created_at: Set(now),
            by: Set(who.to_owned()),
            deleted_at: Set(None),
            deleted_by: Set(None),
        };
        let row = row.insert(tx).await?;
        let about: Vec<_> =
            skus.iter().map(|sku| sale_plan_sku::ActiveModel { plan_id: Set(row.id), sku_id: Set(*sku) }).collect();
        for piece in about.chunks(ROWS_PER_STATEMENT) {
            sale_plan_sku::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        Ok((row, skus))
    }

    /// By code; those that nobody knows are all named.
    async fn named_skus(&self, tx: &DatabaseTransaction, wanted: &NewPlan) -> Result<BTreeMap<String, i64>> {
        let codes: BTreeSet<String> = wanted.skus.iter().map(|code| spelling::code(code).into_owned()).collect();
        let codes: Vec<String> = codes.into_iter().collect();
        let mut found = BTreeMap::new();
        for piece in codes.chunks(ROWS_PER_STATEMENT) {
            let rows = sku::Entity::find().filter(sku::Column::Code.is_in(piece.iter().map(String::as_str)));
            found.extend(rows.all(tx).await?.into_iter().map(|row| (row.code, row.id)));
        }
        let unknown: Vec<&String> = codes.iter().filter(|code| !found.contains_key(*code)).collect();
        if unknown.is_empty() {
            return Ok(found);
        }
        let said: Vec<String> = unknown.iter().map(|code| format!("{code:?}")).collect();
        Err(StoreError::Invalid(format!("skus: there is no SKU {}", said.join(", "))))
    }

    async fn refuse_beside_others(
        &self,
        tx: &DatabaseTransaction,
        wanted: &NewPlan,
        skus: &BTreeSet<i64>,
    ) -> Result<()> {
        let others: Vec<sale_plan::Model> = live(micros(self.now())).all(tx).await?;
        if let Some(other) = others.iter().find(|other| other.name == wanted.name) {
            let plan = plan_of(other);
            return Err(StoreError::Refused(format!(
                "there is a plan {:?} already, from {} until {}: delete it first, or choose another name",
                plan.name, plan.from, plan.until
            )));
        }
        let mine = wanted.plan();
        for other in others.iter().filter(|other| plan_of(other).meets(&mine)) {
            let both: BTreeSet<i64> = skus_of(tx, other.id).await?.intersection(skus).copied().collect();
            if both.is_empty() {
                continue;
            }
            let plan = plan_of(other);
            return Err(StoreError::Refused(format!(
                "plans {:?} and {:?} ({} until {}) would both hold for {}: a SKU follows one plan at a time",
                mine.name,
                plan.name,
                plan.from,
                plan.until,
                named(tx, &both).await?
            )));
        }
        Ok(())
    }

    async fn log_plan(
        &self,
        tx: &DatabaseTransaction,
        name: &str,
        what: &str,
        detail: Option<String>,
        who: &str,
    ) -> Result<()> {
        let subject = subject(name);
        self.write_log(tx, Entry { who, what, subject: &subject, why: None, detail }).await
    }

    /// The plans among the scopes whose dated rules have turned go into the log.
    pub(super) async fn log_turned_plans(&self, tx: &DatabaseTransaction, scopes: &BTreeSet<&str>) -> Result<()> {
        for id in plans_in(scopes) {
            let Some(row) = sale_plan::Entity::find_by_id(id).one(tx).await? else { continue };
            let skus = skus_of(tx, id).await?;
            let ended = row.ends_at <= micros(self.now());
            let what = if ended { "plan.end" } else { "plan.begin" };
            self.log_plan(tx, &row.name, what, Some(format!("{} SKUs", skus.len())), "uriba").await?;
        }
        Ok(())
    }
}

/// Whoever else makes or ends a plan of this name waits until this transaction ends, and then sees what it has made. No
/// index could say that a name is taken: it is free again when a plan's time is over, which no row is written for.
async fn lock_name(tx: &DatabaseTransaction, name: &str) -> Result<()> {
    let row = plan_name::ActiveModel { name: Set(name.to_owned()) };
    let mut here = OnConflict::column(plan_name::Column::Name);
    let locked = here.update_column(plan_name::Column::Name).to_owned();
    plan_name::Entity::insert(row).on_conflict(locked).exec_without_returning(tx).await?;
    Ok(())
}

/// A bundle is sold from its components: what they share out is theirs to say.
async fn refuse_bundles(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<()> {
    let mut bundles = BTreeSet::new();
    for piece in pieces(skus) {
        let rows = bundle_unit::Entity::find().select_only().column(bundle_unit::Column::BundleId).distinct();
        bundles.extend(rows.filter(bundle_unit::Column::BundleId.is_in(piece)).into_tuple::<i64>().all(tx).await?);
    }
    if bundles.is_empty() {
        return Ok(());
    }
    Err(StoreError::Invalid(format!(
        "exposure: bundles are sold from their components, which are to be named instead of {}",
        named(tx, &bundles).await?
    )))
}

async fn named(tx: &DatabaseTransaction, skus: &BTreeSet<i64>) -> Result<String> {
    let few: BTreeSet<i64> = skus.iter().take(NAMED_MAX).copied().collect();
    let mut codes: Vec<String> = sku_codes(tx, &few).await?.into_values().collect();
    codes.sort();
    let more = skus.len().saturating_sub(few.len());
    if more > 0 {
        codes.push(format!("{more} more"));
    }
    Ok(codes.join(", "))
}

/// Plans that are not over.
pub(super) fn live(now: i64) -> Select<sale_plan::Entity> {
    use sale_plan::Column;
    let rows = sale_plan::Entity::find().filter(Column::DeletedAt.is_null()).filter(Column::EndsAt.gt(now));
    rows.order_by_asc(Column::BeginsAt).order_by_asc(Column::Id)
}

/// Plans that held at an instant.
fn in_force(at: i64) -> Select<sale_plan::Entity> {
    use sale_plan::Column;
    let lasts = Condition::any().add(Column::DeletedAt.is_null()).add(Column::DeletedAt.gt(at));
    let rows = sale_plan::Entity::find().filter(Column::EndsAt.gt(at)).filter(Column::BeginsAt.lte(at)).filter(lasts);
    rows.order_by_asc(Column::Id)
}

/// Plans that hold now. One that is deleted is, also where the clock of whoever did it is ahead of this one.
fn holding(now: Timestamp) -> Select<sale_plan::Entity> {
    in_force(micros(now)).filter(sale_plan::Column::DeletedAt.is_null())
}

pub(super) async fn any_holding(db: &impl ConnectionTrait, now: Timestamp) -> Result<bool> {
    let any = holding(now).select_only().column(sale_plan::Column::Id).limit(1);
    Ok(any.into_tuple::<i64>().one(db).await?.is_some())
}

/// Whether a plan that ends after `since` has its SKUs sold otherwise than shared.
pub(super) async fn any_apart(db: &impl ConnectionTrait, since: Timestamp) -> Result<bool> {
    use sale_plan::Column;
    let lasts = Condition::any().add(Column::DeletedAt.is_null()).add(Column::DeletedAt.gt(micros(since)));
    let apart = sale_plan::Entity::find().select_only().column(Column::Id).filter(Column::EndsAt.gt(micros(since)));
    let apart = apart.filter(Column::Exposure.ne(Wish::Shared.word())).filter(lasts).limit(1);
    Ok(apart.into_tuple::<i64>().one(db).await?.is_some())
}

/// The plan that each of these follows now.
pub(super) async fn held_by_skus(
    db: &impl ConnectionTrait,
    skus: &BTreeSet<i64>,
    now: Timestamp,
) -> Result<HashMap<i64, Arc<Plan>>> {
    let found = about(db, skus, holding(now)).await?;
    Ok(found.into_iter().map(|(sku, row)| (sku, Arc::new(plan_of(&row)))).collect())
}

/// The plan that each of these followed at an instant.
pub(super) async fn of_skus(
    db: &impl ConnectionTrait,
    skus: &BTreeSet<i64>,
    at: Timestamp,
) -> Result<HashMap<i64, Arc<Plan>>> {
    Ok(rows_of_skus(db, skus, at).await?.into_iter().map(|(sku, row)| (sku, Arc::new(plan_of(&row)))).collect())
}

/// The same with who made it.
pub(super) async fn rows_of_skus(
    db: &impl ConnectionTrait,
    skus: &BTreeSet<i64>,
    at: Timestamp,
) -> Result<HashMap<i64, sale_plan::Model>> {
    about(db, skus, in_force(micros(at))).await
}

/// Of two plans (which only a trial can bring about) the newer.
async fn about(
    db: &impl ConnectionTrait,
    skus: &BTreeSet<i64>,
    plans: Select<sale_plan::Entity>,
) -> Result<HashMap<i64, sale_plan::Model>> {
    let mut found = HashMap::new();
    for row in plans.all(db).await? {
        for piece in pieces(skus) {
            let about = sale_plan_sku::Entity::find()
                .filter(sale_plan_sku::Column::PlanId.eq(row.id))
                .filter(sale_plan_sku::Column::SkuId.is_in(piece));
            found.extend(about.all(db).await?.into_iter().map(|about| (about.sku_id, row.clone())));
        }
    }
    Ok(found)
}

pub(super) async fn skus_of(db: &impl ConnectionTrait, plan: i64) -> Result<BTreeSet<i64>> {
    let rows = sale_plan_sku::Entity::find().select_only().column(sale_plan_sku::Column::SkuId);
    let rows = rows.filter(sale_plan_sku::Column::PlanId.eq(plan));
    Ok(rows.into_tuple::<i64>().all(db).await?.into_iter().collect())
}

/// Subjects in the log of all plans that were ever made for a SKU.
pub(super) async fn subjects_of_sku(db: &impl ConnectionTrait, sku: i64) -> Result<Vec<String>> {
    let about = sale_plan_sku::Entity::find().select_only().column(sale_plan_sku::Column::PlanId);
    let about = about.filter(sale_plan_sku::Column::SkuId.eq(sku)).into_tuple::<i64>().all(db).await?;
    let mut subjects = Vec::new();
    for piece in pieces(&about.into_iter().collect()) {
        let names = sale_plan::Entity::find().select_only().column(sale_plan::Column::Name);
        let names = names.filter(sale_plan::Column::Id.is_in(piece)).into_tuple::<String>().all(db).await?;
        subjects.extend(names.iter().map(|name| subject(name)));
    }
    Ok(subjects)
}

/// SKUs whose plan has begun or ended without having been computed again yet.
pub(super) async fn turned_skus(db: &impl ConnectionTrait, scopes: &BTreeSet<&str>) -> Result<BTreeSet<i64>> {
    let mut found = BTreeSet::new();
    for id in plans_in(scopes) {
        found.extend(skus_of(db, id).await?);
    }
    Ok(found)
}

pub(super) fn plan_of(row: &sale_plan::Model) -> Plan {
    Plan {
        name: row.name.clone(),
        from: instant(row.begins_at),
        until: instant(row.ends_at),
        exposure: row.exposure.as_deref().and_then(Wish::parse),
        cap: row.cap,
        buffer: row.buffer,
    }
}

/// `cap 5, buffer 2, escrow`.
pub(super) fn says(plan: &Plan) -> String {
    let cap = plan.cap.map(|cap| format!("cap {cap}"));
    let buffer = plan.buffer.map(|buffer| format!("buffer {buffer}"));
    let mode = plan.exposure.map(|wish| format!("sold {}", wish.word()));
    [cap, buffer, mode].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn subject(name: &str) -> String {
    format!("plan/{name}")
}

fn of_plan(id: i64) -> String {
    format!("plan:{id}")
}

fn plans_in(scopes: &BTreeSet<&str>) -> Vec<i64> {
    scopes.iter().filter_map(|scope| scope.strip_prefix("plan:")?.parse().ok()).collect()
}
