//! Rules: what is in force, what was, and when those with dates turn.
//!
//! A channel's rules in force stand in its row, a listing's in its own; every change of either is kept in
//! `rule_change`, append-only, with who made it. Caps with dates, and sale plans, leave their instants in `rule_turn`:
//! the expire step takes them off there when they have come, also long after, and has what rests on them computed again.
//! Whoever computes it may have a clock that is a little behind, by which they have not come yet; so it is computed once
//! more when they have come by everybody's.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ROWS_PER_STATEMENT, Result, Store, StoreError, bundles,
    catalogue::sku_codes as codes,
    dialect,
    entity::{channel, listing, rule_change, rule_turn},
    instant, micros,
    plans::turned_skus,
    recompute::Allowance,
    stock::{lock_skus, pieces},
    stops::in_every_pool,
    wishes::of_sku,
};
use crate::domain::{
    allocation::{Cap, Overrides, Rules},
    time::{earlier, later},
};

/// Dated rules that turn in one transaction.
const TURNS_MAX: u64 = 500;
/// Clocks of the machines that share a database are not further apart.
const APART: Duration = Duration::from_secs(5);
/// What has turned by one clock turns once more by all.
const AGAIN: &str = "again:";

/// A listing's own rules at some time; what is `null` followed the channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListingRules {
    pub sku: String,
    pub units: i64,
    pub buffer: Option<i64>,
    pub fraction: Option<f64>,
    pub min_show: Option<i64>,
    #[schema(value_type = Option<Object>)]
    pub cap: Option<Cap>,
    pub unlimited: Option<i64>,
    pub priority: i64,
    /// Its share in escrow, set by hand.
    #[serde(default)]
    pub share: Option<i64>,
}

/// What rules became, when, and by whom.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ruled<T> {
    pub from: Timestamp,
    pub who: String,
    pub rules: T,
}

/// The rules that a listing had at an instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RulesAt {
    /// `None`: no start had put any in force yet.
    pub channel: Option<Ruled<Allowance>>,
    /// `None`: the listing was not mapped yet.
    pub own: Option<Ruled<ListingRules>>,
}

impl RulesAt {
    /// The channel's, overridden by the listing's own.
    pub fn effective(&self) -> Rules {
        let channel = self.channel.as_ref().map(|ruled| ruled.rules.rules.clone()).unwrap_or_default();
        let own = self.own.as_ref().map(|ruled| Overrides::from(&ruled.rules)).unwrap_or_default();
        channel.with(&own)
    }
}

impl From<&ListingRules> for Overrides {
    fn from(own: &ListingRules) -> Self {
        Self {
            buffer: own.buffer,
            fraction: own.fraction,
            min_show: own.min_show,
            cap: own.cap.clone(),
            unlimited: own.unlimited,
        }
    }
}

/// A listing's own cap, from the two columns that hold it.
pub fn cap_of(row: &listing::Model) -> Option<Cap> {
    let dated = row.caps.as_ref().and_then(|caps| serde_json::from_str(caps).ok());
    dated.or(row.cap.map(Cap::Always))
}

/// The columns that hold a cap: one number, or several with their dates.
pub(super) fn cap_columns(cap: Option<&Cap>) -> (Option<i64>, Option<String>) {
    match cap {
        None => (None, None),
        Some(Cap::Always(n)) => (Some(*n), None),
        Some(dated) => (None, Some(json(dated))),
    }
}

pub(super) fn overrides(row: &listing::Model) -> Overrides {
    Overrides {
        buffer: row.buffer,
        fraction: row.fraction,
        min_show: row.min_show,
        cap: cap_of(row),
        unlimited: row.unlimited,
    }
}

fn own_rules(row: &listing::Model, sku: String) -> ListingRules {
    ListingRules {
        sku,
        units: row.units,
        buffer: row.buffer,
        fraction: row.fraction,
        min_show: row.min_show,
        cap: cap_of(row),
        unlimited: row.unlimited,
        priority: row.priority,
        share: row.share,
    }
}

fn of_channel(id: &str) -> String {
    format!("channel:{id}")
}

fn of_listing(id: i64) -> String {
    format!("listing:{id}")
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("rules have text keys only")
}

impl Store {
    /// The rules in force, by channel. Channels that are in no configuration have none and keep their targets.
    pub async fn allowances(&self) -> Result<HashMap<String, Allowance>> {
        allowances(&self.reader).await
    }

    /// Puts a channel's rules in force. Returns whether they are new; what rests on them is for the caller.
    pub(super) async fn put_channel_rules(
        &self,
        tx: &DatabaseTransaction,
        row: &channel::Model,
        wanted: &Allowance,
    ) -> Result<bool> {
        let body = json(wanted);
        if row.rules.as_ref() == Some(&body) {
            return Ok(false);
        }
        let mut active = row.clone().into_active_model();
        active.rules = Set(Some(body.clone()));
        channel::Entity::update(active).exec(tx).await?;
        let scope = of_channel(&row.id);
        let change = self.change(scope.clone(), micros(self.now()), "configuration", body);
        rule_change::Entity::insert(change).exec_without_returning(tx).await?;
        self.put_turns(tx, &BTreeMap::from([(scope, wanted.rules.cap.clone())])).await?;
        Ok(true)
    }

    /// Keeps what listings' rules have become; each with what it was before, if it was mapped already.
    pub(super) async fn note_listing_rules(
        &self,
        tx: &DatabaseTransaction,
        changed: &[(Option<listing::Model>, listing::Model)],
        who: &str,
    ) -> Result<()> {
        let both = changed.iter().flat_map(|(before, now)| before.iter().chain([now]));
        let codes = codes(tx, &both.map(|row| row.sku_id).collect()).await?;
        let rules = |row: &listing::Model| json(&own_rules(row, codes.get(&row.sku_id).cloned().unwrap_or_default()));
        let scopes: Vec<String> = changed.iter().map(|(_, row)| of_listing(row.id)).collect();
        let mut kept: BTreeSet<String> = BTreeSet::new();
        for piece in scopes.chunks(ROWS_PER_STATEMENT) {
            let known = rule_change::Entity::find().select_only().column(rule_change::Column::Scope).distinct();
            let known = known.filter(rule_change::Column::Scope.is_in(piece.iter().map(String::as_str)));
            kept.extend(known.into_tuple::<String>().all(tx).await?);
        }
        let now = micros(self.now());
        let mut rows = Vec::new();
        for (before, row) in changed {
            let scope = of_listing(row.id);
            // Mapped by a version that kept no history: what it had until now is not lost.
            if let Some(before) = before.as_ref().filter(|_| !kept.contains(&scope)) {
                rows.push(self.change(scope.clone(), before.created_at, "uriba", rules(before)));
            }
            rows.push(self.change(scope, now, who, rules(row)));
        }
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            rule_change::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        let turns = changed.iter().map(|(_, row)| (of_listing(row.id), cap_of(row))).collect();
        self.put_turns(tx, &turns).await
    }

    fn change(&self, scope: String, at: i64, who: &str, body: String) -> rule_change::ActiveModel {
        rule_change::ActiveModel {
            id: Set(self.id()),
            scope: Set(scope),
            at: Set(at),
            who: Set(who.to_owned()),
            body: Set(body),
        }
    }

    async fn put_turns(&self, tx: &DatabaseTransaction, caps: &BTreeMap<String, Option<Cap>>) -> Result<()> {
        let scopes: Vec<&str> = caps.keys().map(String::as_str).collect();
        for piece in scopes.chunks(ROWS_PER_STATEMENT) {
            let old = rule_turn::Entity::delete_many();
            old.filter(rule_turn::Column::Scope.is_in(piece.iter().copied())).exec(tx).await?;
        }
        // What has just turned by this clock has yet to turn by others.
        let now = earlier(self.now(), APART);
        let turns = caps.iter().flat_map(|(scope, cap)| cap.iter().flat_map(Cap::turns).map(move |at| (scope, at)));
        let rows: Vec<_> = turns
            .filter(|(_, at)| *at > now)
            .map(|(scope, at)| rule_turn::ActiveModel {
                id: Set(self.id()),
                scope: Set(scope.clone()),
                at: Set(micros(at)),
            })
            .collect();
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            rule_turn::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    /// Has everything computed again whose dated rules have turned by now. Returns how many turned.
    pub async fn turn_rules(&self) -> Result<usize> {
        let mut turned = 0;
        loop {
            let due = rule_turn::Entity::find().filter(rule_turn::Column::At.lte(micros(self.now())));
            if due.clone().one(&self.reader).await?.is_none() {
                return Ok(turned);
            }
            let tx = self.begin().await?;
            let rows = due.order_by_asc(rule_turn::Column::Id).limit(TURNS_MAX).lock_exclusive().all(&tx).await?;
            let scopes = rows.iter().map(|row| row.scope.as_str());
            let (again, first): (BTreeSet<&str>, BTreeSet<&str>) = scopes.partition(|scope| scope.starts_with(AGAIN));
            self.log_turned_plans(&tx, &first).await?;
            self.bump_scopes(&tx, &first.iter().chain(&again).map(|scope| inner(scope)).collect()).await?;
            for piece in pieces(&rows.iter().map(|row| row.id).collect()) {
                rule_turn::Entity::delete_many().filter(rule_turn::Column::Id.is_in(piece)).exec(&tx).await?;
            }
            let fresh: Vec<&rule_turn::Model> = rows.iter().filter(|row| !row.scope.starts_with(AGAIN)).collect();
            for row in &fresh {
                self.turn_again(&tx, &row.scope, row.at).await?;
            }
            tx.commit().await?;
            turned += fresh.len();
            self.bells.facts.notify_waiters();
        }
    }

    /// What has turned at an instant turns once more, unless that is long ago by any clock.
    pub(super) async fn turn_again(&self, tx: &DatabaseTransaction, scope: &str, turned_at: i64) -> Result<()> {
        let at = later(instant(turned_at), APART);
        if at > earlier(self.now(), APART) {
            let (id, scope, at) = (Set(self.id()), Set(of_again(scope)), Set(micros(at)));
            rule_turn::Entity::insert(rule_turn::ActiveModel { id, scope, at }).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    async fn bump_scopes(&self, tx: &DatabaseTransaction, scopes: &BTreeSet<&str>) -> Result<()> {
        let channels: Vec<&str> = scopes.iter().filter_map(|scope| scope.strip_prefix("channel:")).collect();
        let ids: BTreeSet<i64> =
            scopes.iter().filter_map(|scope| scope.strip_prefix("listing:")?.parse().ok()).collect();
        let named = listing::Entity::find().filter(listing::Column::Channel.is_in(channels));
        let mut listed = named.all(tx).await?;
        for piece in pieces(&ids) {
            listed.extend(listing::Entity::find().filter(listing::Column::Id.is_in(piece)).all(tx).await?);
        }
        let pools = pools_of(tx).await?;
        let mut bumps: BTreeSet<(i64, String)> =
            listed.iter().filter_map(|row| Some((row.sku_id, pools.get(&row.channel)?.clone()))).collect();
        let planned = turned_skus(tx, scopes).await?;
        bumps.extend(in_every_pool(tx, &planned).await?);
        let skus = bumps.iter().map(|(sku, _)| *sku).collect();
        lock_skus(tx, &bundles::touched(tx, &skus).await?).await?;
        dialect::bump_stock(tx, &bumps.into_iter().collect::<Vec<_>>(), false, micros(self.now())).await
    }

    /// What a listing's own rules and its channel's became, newest first.
    pub async fn listing_history(&self, channel: &str, mall_key: &str) -> Result<Vec<RuleSheet>> {
        let tx = self.snapshot().await?;
        let row = listing::Entity::find()
            .filter(listing::Column::Channel.eq(channel))
            .filter(listing::Column::MallKey.eq(mall_key).or(listing::Column::GivenKey.eq(mall_key)))
            .one(&tx)
            .await?;
        let missing = || StoreError::Missing { kind: "listing", name: format!("{channel} {mall_key}") };
        let row = row.ok_or_else(missing)?;
        let scopes = [of_listing(row.id), of_channel(channel)];
        let kept = rule_change::Entity::find()
            .filter(rule_change::Column::Scope.is_in(scopes))
            .order_by_desc(rule_change::Column::At)
            .order_by_desc(rule_change::Column::Id)
            .all(&tx)
            .await?;
        let mut sheets = Vec::new();
        for change in &kept {
            sheets.push(RuleSheet::read(change)?);
        }
        if !sheets.iter().any(|sheet| sheet.of == "listing") {
            let code = super::catalogue::sku_code(&tx, row.sku_id).await?;
            let change = (instant(row.created_at), "uriba".to_owned());
            sheets.push(RuleSheet::own(change, own_rules(&row, code)));
            sheets.sort_by_key(|sheet| std::cmp::Reverse(sheet.from));
        }
        Ok(sheets)
    }
}

/// One change of the rules that a listing follows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleSheet {
    pub from: Timestamp,
    pub who: String,
    /// `channel` or `listing`: whose rules these are.
    pub of: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<i64>,
    pub buffer: Option<i64>,
    pub fraction: Option<f64>,
    pub min_show: Option<i64>,
    #[schema(value_type = Option<Object>)]
    pub cap: Option<Cap>,
    pub unlimited: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Its share in escrow, set by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<i64>,
}

impl RuleSheet {
    fn read(change: &rule_change::Model) -> Result<Self> {
        let made = (instant(change.at), change.who.clone());
        if change.scope.starts_with("listing:") {
            return Ok(Self::own(made, parsed(change)?));
        }
        let Allowance { rules, .. } = parsed(change)?;
        Ok(Self {
            from: made.0,
            who: made.1,
            of: "channel",
            sku: None,
            units: None,
            buffer: Some(rules.buffer),
            fraction: Some(rules.fraction),
            min_show: Some(rules.min_show),
            cap: rules.cap,
            unlimited: rules.unlimited,
            priority: None,
            share: None,
        })
    }

    fn own((from, who): (Timestamp, String), rules: ListingRules) -> Self {
        Self {
            from,
            who,
            of: "listing",
            sku: Some(rules.sku),
            units: Some(rules.units),
            buffer: rules.buffer,
            fraction: rules.fraction,
            min_show: rules.min_show,
            cap: rules.cap,
            unlimited: rules.unlimited,
            priority: Some(rules.priority),
            share: rules.share,
        }
    }
}

/// The rules that a listing had at an instant.
pub async fn rules_at(db: &impl ConnectionTrait, row: &listing::Model, at: Timestamp) -> Result<RulesAt> {
    let channel = last(db, &of_channel(&row.channel), at).await?;
    let own = last(db, &of_listing(row.id), at).await?;
    let own = match own {
        Some(change) => Some(Ruled { from: instant(change.at), rules: parsed(&change)?, who: change.who }),
        None if last(db, &of_listing(row.id), Timestamp::MAX).await?.is_some() => None,
        // Nothing was changed since it was mapped by a version that kept no history.
        None if instant(row.created_at) <= at => {
            let code = super::catalogue::sku_code(db, row.sku_id).await?;
            let from = instant(row.created_at);
            Some(Ruled { from, who: "uriba".into(), rules: own_rules(row, code) })
        }
        None => None,
    };
    let channel = match channel {
        Some(change) => Some(Ruled { from: instant(change.at), rules: parsed(&change)?, who: change.who }),
        None => None,
    };
    Ok(RulesAt { channel, own })
}

async fn last(db: &impl ConnectionTrait, scope: &str, at: Timestamp) -> Result<Option<rule_change::Model>> {
    Ok(rule_change::Entity::find()
        .filter(rule_change::Column::Scope.eq(scope))
        .filter(rule_change::Column::At.lte(micros(at)))
        .order_by_desc(rule_change::Column::At)
        .order_by_desc(rule_change::Column::Id)
        .one(db)
        .await?)
}

fn parsed<T: for<'de> Deserialize<'de>>(change: &rule_change::Model) -> Result<T> {
    let broken = |error| StoreError::Invalid(format!("the kept rules of {} can't be read: {error}", change.scope));
    serde_json::from_str(&change.body).map_err(broken)
}

pub(super) async fn allowances(db: &impl ConnectionTrait) -> Result<HashMap<String, Allowance>> {
    let rows = channel::Entity::find().filter(channel::Column::Configured.eq(true)).all(db).await?;
    let read = |row: channel::Model| {
        let body = row.rules?;
        let broken = |error| StoreError::Invalid(format!("the rules of {} can't be read: {error}", row.id));
        Some(serde_json::from_str(&body).map_err(broken).map(|allowance| (row.id.clone(), allowance)))
    };
    rows.into_iter().filter_map(read).collect()
}

pub(super) fn of_again(scope: &str) -> String {
    format!("{AGAIN}{scope}")
}

fn inner(scope: &str) -> &str {
    scope.strip_prefix(AGAIN).unwrap_or(scope)
}

/// Scopes whose dated rules have turned without having been computed again yet by a clock that says so too.
pub(super) async fn turned(db: &impl ConnectionTrait, now: Timestamp) -> Result<BTreeSet<String>> {
    let due = rule_turn::Entity::find().select_only().column(rule_turn::Column::Scope);
    let due = due.filter(rule_turn::Column::At.lte(micros(now)).or(rule_turn::Column::Scope.starts_with(AGAIN)));
    let scopes: Vec<String> = due.into_tuple().all(db).await?;
    let mut scopes: BTreeSet<String> = scopes.iter().map(|scope| inner(scope).to_owned()).collect();
    let planned = turned_skus(db, &scopes.iter().map(String::as_str).collect()).await?;
    scopes.extend(planned.into_iter().map(of_sku));
    Ok(scopes)
}

pub(super) fn has_turned(turned: &BTreeSet<String>, row: &listing::Model) -> bool {
    let scopes = || [of_channel(&row.channel), of_listing(row.id), of_sku(row.sku_id)];
    !turned.is_empty() && scopes().iter().any(|scope| turned.contains(scope))
}

/// On which pool each channel draws.
pub(super) async fn pools_of(db: &impl ConnectionTrait) -> Result<HashMap<String, String>> {
    let pools = channel::Entity::find().select_only().column(channel::Column::Id).column(channel::Column::Pool);
    Ok(pools.into_tuple::<(String, String)>().all(db).await?.into_iter().collect())
}
