//! Listings: what each channel sells, what it ought to show and what it shows; and keys that are no listing.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Outlines, Page, Paging,
    item::{Suggestion, suggestions_for},
};
use crate::{
    domain::{
        allocation::Cap,
        publication::{Next, Situation, Standing},
    },
    store::{
        Result, Store,
        bundles::exploded,
        catalogue::sku_codes as codes,
        entity::{channel, listing, mall_order, order_line, stop_raise},
        instant, maybe_instant,
        publication_rows::Listed,
        publications::situation_of,
        queue::EVERYTHING,
        rules::cap_of,
        shares::Shares,
        stops::{stopped_among, told},
    },
};

/// What a listing ought to show, is told and shows, in listing units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Showing {
    pub channel: String,
    pub mall_key: String,
    /// SKU units that one sale takes.
    pub units: i64,
    /// `null`: no stock figure, nothing is pushed.
    pub target: Option<i64>,
    /// What was said and is not answered yet.
    pub told: Option<i64>,
    pub shown: Option<i64>,
    /// This listing's exclusive part, in SKU units; `null` where all share.
    pub share: Option<i64>,
    /// The most that the mall may still sell unseen, in SKU units; `null` while unknown, or without an end.
    pub ceiling: Option<i64>,
    /// `in_sync`, `pending`, `unknown`, `held`, `set_aside`, `suspended`, `frozen`, `stopped`, `unstocked`
    /// or `shadow`.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub pushed_at: Option<Timestamp>,
}

/// A listing with its rules; what is `null` follows the channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Listing)]
pub struct ListingSheet {
    pub sku: String,
    #[serde(flatten)]
    pub showing: Showing,
    pub buffer: Option<i64>,
    pub fraction: Option<f64>,
    pub min_show: Option<i64>,
    /// A number, or several with their dates: `[{n, from, until}]`.
    #[schema(value_type = Option<Object>)]
    pub cap: Option<Cap>,
    pub unlimited: Option<i64>,
    pub priority: i64,
    /// Its share in escrow as it was set by hand, in SKU units; `null`: it follows demand.
    pub fixed_share: Option<i64>,
}

/// A key that orders name and that is mapped to no SKU: its units hold no stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = UnmappedKey)]
pub struct UnmappedSheet {
    pub channel: String,
    pub mall_key: String,
    /// Order lines that name it.
    pub lines: i64,
    /// Units of them that are not shipped, in listing units.
    pub unshipped: i64,
    pub first_ordered_at: Timestamp,
    /// The SKU that it is likely to be, by what the shop's list says of it (`uriba listing discover`), or by its key.
    #[serde(default)]
    pub suggestion: Option<Suggestion>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingFilter {
    pub channel: Option<String>,
    pub sku: Option<String>,
    pub mall_key: Option<String>,
}

impl Store {
    pub async fn listing_sheets(
        &self,
        filter: &ListingFilter,
        outlines: &Outlines,
        paging: &Paging,
    ) -> Result<Page<ListingSheet>> {
        use listing::Column;
        let tx = self.snapshot().await?;
        let mut query = listing::Entity::find().order_by_asc(Column::Channel).order_by_asc(Column::MallKey);
        if let Some(channel) = &filter.channel {
            query = query.filter(Column::Channel.eq(channel));
        }
        if let Some(mall_key) = &filter.mall_key {
            query = query.filter(Column::MallKey.eq(mall_key));
        }
        if let Some(code) = &filter.sku {
            let wanted = self.sku(&tx, code).await?;
            query = query.filter(Column::SkuId.eq(wanted.id));
        }
        if let Some([channel, mall_key]) = paging.after()? {
            let further = Column::Channel.eq(&channel).and(Column::MallKey.gt(mall_key));
            query = query.filter(Column::Channel.gt(channel).or(further));
        }
        let rows = query.limit(paging.fetch()).all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.channel.clone(), row.mall_key.clone()]);
        let skus: BTreeSet<i64> = rows.iter().map(|row| row.sku_id).collect();
        let codes = codes(&tx, &skus).await?;
        let mut showing = self.showing(&tx, rows.iter().map(|row| row.id).collect(), outlines).await?;
        let items = rows
            .into_iter()
            .filter_map(|row| {
                Some(ListingSheet {
                    sku: codes.get(&row.sku_id)?.clone(),
                    showing: showing.remove(&row.id)?.1,
                    buffer: row.buffer,
                    fraction: row.fraction,
                    min_show: row.min_show,
                    cap: cap_of(&row),
                    unlimited: row.unlimited,
                    priority: row.priority,
                    fixed_share: row.share,
                })
            })
            .collect();
        Ok(Page { items, next_cursor })
    }

    /// Keys that orders name and no listing has.
    pub async fn unmapped_sheets(&self, channel: Option<&str>, paging: &Paging) -> Result<Page<UnmappedSheet>> {
        use order_line::Column;
        let tx = self.snapshot().await?;
        let key = || Expr::col((order_line::Entity, Column::MallKey));
        let left = Expr::col((order_line::Entity, Column::Ordered))
            .sub(Expr::col((order_line::Entity, Column::Moved)))
            .sub(Expr::col((order_line::Entity, Column::Cancelled)))
            .sub(Expr::col((order_line::Entity, Column::Shipped)));
        let mut query = order_line::Entity::find()
            .select_only()
            .join(JoinType::InnerJoin, orders_of_lines())
            .column_as(mall_order::Column::Channel, "channel")
            .column_as(Column::MallKey, "mall_key")
            .column_as(Column::Id.count(), "lines")
            .column_as(left.sum().cast_as("BIGINT"), "unshipped")
            .column_as(Column::PlacedAt.min(), "first_ordered_at")
            .filter(Column::ListingId.is_null())
            .filter(Column::MallKey.is_not_null())
            .filter(mall_order::Column::FulfilledBy.eq("seller"))
            .group_by(mall_order::Column::Channel)
            .group_by(Column::MallKey)
            .order_by_asc(mall_order::Column::Channel)
            .order_by_asc(Column::MallKey);
        if let Some(channel) = channel {
            query = query.filter(mall_order::Column::Channel.eq(channel));
        }
        if let Some([channel, mall_key]) = paging.after()? {
            let further = mall_order::Column::Channel.eq(&channel).and(key().gt(mall_key));
            query = query.filter(mall_order::Column::Channel.gt(channel).or(further));
        }
        let rows: Vec<(String, String, i64, i64, i64)> = query.limit(paging.fetch()).into_tuple().all(&tx).await?;
        let (rows, next_cursor) = paging.cut(rows, |row| vec![row.0.clone(), row.1.clone()]);
        let keys = rows.iter().map(|row| (row.0.clone(), row.1.clone())).collect();
        let suggestions = suggestions_for(&tx, keys).await?;
        let items = rows
            .into_iter()
            .zip(suggestions)
            .map(|((channel, mall_key, lines, unshipped, first), suggestion)| UnmappedSheet {
                channel,
                mall_key,
                lines,
                unshipped,
                first_ordered_at: instant(first),
                suggestion,
            })
            .collect();
        Ok(Page { items, next_cursor })
    }

    /// How the listings stand: by id, with the belief that says so.
    pub(in crate::store) async fn showing(
        &self,
        tx: &DatabaseTransaction,
        ids: BTreeSet<i64>,
        outlines: &Outlines,
    ) -> Result<HashMap<i64, (Listed, Showing)>> {
        let listed = self.peek_listed(tx, &ids).await?;
        let channels: HashMap<String, channel::Model> =
            channel::Entity::find().all(tx).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
        let causes = causes(tx, &listed).await?;
        let shares = shares(tx, &listed).await?;
        let mut stops: HashMap<i64, String> = HashMap::new();
        for (sku, stop) in stopped_among(tx, &listed.iter().map(|item| item.listing.sku_id).collect(), None).await? {
            stops.insert(sku, told(tx, &stop).await?);
        }
        let now = self.now();
        let mut found = HashMap::with_capacity(listed.len());
        for item in listed {
            let Some(channel) = channels.get(&item.listing.channel) else { continue };
            let cause = scopes(&item.listing).iter().find_map(|scope| causes.get(scope).cloned());
            let (state, reason) = standing(&item, channel, outlines, cause, now);
            let (state, reason) = match (state, stops.get(&item.listing.sku_id)) {
                (Standing::InSync, Some(told)) => (Standing::Stopped, Some(told.clone())),
                (Standing::Pending, Some(told)) => (state, Some(told.clone())),
                _ => (state, reason),
            };
            let showing = Showing {
                channel: item.listing.channel.clone(),
                mall_key: item.listing.mall_key.clone(),
                units: item.listing.units,
                target: item.row.target,
                told: item.row.told,
                shown: item.row.shown,
                share: shares.get(&item.id()).copied(),
                ceiling: ceiling(&item),
                state: state.word().to_owned(),
                reason,
                pushed_at: maybe_instant(item.row.pushed_at),
            };
            found.insert(item.id(), (item, showing));
        }
        Ok(found)
    }
}

fn orders_of_lines() -> RelationDef {
    order_line::Entity::belongs_to(mall_order::Entity)
        .from(order_line::Column::OrderRef)
        .to(mall_order::Column::Id)
        .into()
}

/// In units of what each listing sells; listings that have none are left out.
async fn shares(tx: &DatabaseTransaction, listed: &[Listed]) -> Result<HashMap<i64, i64>> {
    let ids: BTreeSet<i64> = listed.iter().map(Listed::id).collect();
    let shares = Shares::load(tx, "", &ids, &BTreeSet::new()).await?;
    let made_of = exploded(tx, &listed.iter().map(|item| item.listing.sku_id).collect()).await?;
    let share = |item: &Listed| Some((item.id(), shares.of(item.id(), made_of.get(&item.listing.sku_id)?)?));
    Ok(listed.iter().filter_map(share).collect())
}

/// In SKU units. A listing that sells without an end has none.
fn ceiling(item: &Listed) -> Option<i64> {
    let endless = item.listing.sells_past_zero || item.listing.unlimited.is_some();
    let most = item.publication.ceiling().filter(|_| !endless)?;
    Some(most.saturating_mul(item.listing.units))
}

fn standing(
    item: &Listed,
    channel: &channel::Model,
    outlines: &Outlines,
    cause: Option<String>,
    now: Timestamp,
) -> (Standing, Option<String>) {
    let listing = &item.listing;
    let Some(outline) = outlines.get(&listing.channel).filter(|_| channel.configured) else {
        return (Standing::Frozen, Some("the channel is not in the configuration".into()));
    };
    if matches!(listing.state.as_str(), "invalid" | "missing") {
        return (Standing::SetAside, listing.problem.clone());
    }
    let situation = Situation { stop_raise: cause.is_some(), not_ours: listing.not_ours, ..situation_of(channel, now) };
    let state = match item.publication.next(outline.ways_of(listing), &situation) {
        Next::Rest(standing) => standing,
        Next::Read => Standing::Unknown,
        Next::Write { .. } if listing.state == "new" => Standing::Unknown,
        Next::Write { .. } => Standing::Pending,
    };
    let reason = reason(state, item, channel, cause);
    (state, reason)
}

fn reason(state: Standing, item: &Listed, channel: &channel::Model, cause: Option<String>) -> Option<String> {
    match state {
        Standing::Held if item.listing.not_ours => Some("fulfilled by the mall: never written".into()),
        Standing::Held if item.publication.kept.is_some() => {
            let kept = item.publication.kept.unwrap_or_default();
            Some(format!(
                "the mall shows {kept} by another's doing: no more than that until its attention item is resolved"
            ))
        }
        Standing::Held if cause.as_deref().is_some_and(|cause| cause.starts_with("unread/")) => {
            Some("not raised while an order that names its SKU can't be read".into())
        }
        Standing::Held if cause.as_deref().is_some_and(|cause| cause.starts_with("interval/")) => {
            let folder = cause.as_deref().and_then(|cause| cause.strip_prefix("interval/")).unwrap_or_default();
            Some(format!("not raised while the file that was due in {folder} is missing"))
        }
        Standing::Held if cause.as_deref().is_some_and(|cause| cause.starts_with("gap/")) => {
            Some("not raised while orders of the channel were missed (attention gap)".into())
        }
        Standing::Held => cause.map(|cause| format!("not raised: {cause}")),
        Standing::SetAside => {
            let until = item.publication.set_aside_until.map(|until| format!("; tried again at {until}"));
            let refusal = item.row.refusal.clone().unwrap_or_else(|| "the mall refused it".into());
            Some(format!("{refusal}{}", until.unwrap_or_default()))
        }
        Standing::Unstocked => Some("no stock event has named its SKU in this pool".into()),
        Standing::Suspended | Standing::Frozen => channel.suspend_reason.clone(),
        Standing::Unknown if item.listing.state == "new" => Some("its key has not been looked up yet".into()),
        Standing::Unknown if channel.baseline != "done" => Some("open orders are not covered yet".into()),
        Standing::Unknown => Some("to be read back first".into()),
        Standing::InSync | Standing::Pending | Standing::Stopped | Standing::Shadow => None,
    }
}

fn scopes(listing: &listing::Model) -> [String; 4] {
    let (channel, sku) = (format!("channel:{}", listing.channel), format!("sku:{}", listing.sku_id));
    [EVERYTHING.to_owned(), channel, sku, format!("listing:{}", listing.id)]
}

/// What forbids raising these listings, by scope.
async fn causes(tx: &DatabaseTransaction, listed: &[Listed]) -> Result<HashMap<String, String>> {
    let wanted: BTreeSet<String> = listed.iter().flat_map(|item| scopes(&item.listing)).collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    let mut found = HashMap::new();
    for piece in wanted.chunks(crate::store::ROWS_PER_STATEMENT) {
        let rows = stop_raise::Entity::find()
            .filter(stop_raise::Column::Scope.is_in(piece.iter().map(String::as_str)))
            .filter(stop_raise::Column::EndedAt.is_null())
            .all(tx)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.scope, row.cause)));
    }
    Ok(found)
}
