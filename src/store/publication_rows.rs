//! Publications as rows: the belief in its columns, and the columns derived from it for the steps to find by.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityName, EntityTrait,
    IdenStatic, IntoActiveModel, ModelTrait, QueryFilter, QueryOrder, QuerySelect, Value,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    demand::{Lesson, learn, matters, prior, taught},
    dialect,
    entity::{listing, listing_write, order_line, publication, publication_event},
    instant, micros,
    publication_belief::{belief, blank, row},
    write_rows::{open_writes, write_row},
};
use crate::domain::{
    demand::Demand,
    drift::Cause,
    exposure::Absence,
    publication::{Outstanding, Publication},
    settle::Sale,
};

/// A listing with what is believed of it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub listing: listing::Model,
    pub row: publication::Model,
    pub publication: Publication,
    /// The row and its writes as they were loaded, to see what changed.
    loaded: publication::Model,
    before: Vec<Outstanding>,
    /// The ceiling as it was loaded.
    ceiling: Option<i64>,
}

impl Listed {
    pub fn id(&self) -> i64 {
        self.listing.id
    }

    /// Columns that are not what the others derive: name, what stands there, what ought to.
    pub(super) fn stale_columns(&self) -> Vec<(&'static str, String, String)> {
        let fresh = row(self, self.row.pace, 0);
        let old = &self.row;
        let word = |figure: Option<i64>| figure.map_or("none".to_owned(), |figure| figure.to_string());
        let columns = [
            ("shown", word(old.shown), word(fresh.shown)),
            ("told", word(old.told), word(fresh.told)),
            ("open_writes", old.open_writes.to_string(), fresh.open_writes.to_string()),
            ("wants", old.wants.to_string(), fresh.wants.to_string()),
            ("lit", old.lit.to_string(), fresh.lit.to_string()),
            ("urgency", old.urgency.to_string(), fresh.urgency.to_string()),
            ("rank", old.rank.to_string(), fresh.rank.to_string()),
            ("wants_since", word(old.wants_since), word(fresh.wants_since)),
            ("ready_at", word(old.ready_at), word(fresh.ready_at)),
            ("queued", old.queued.to_string(), (fresh.wants && old.rests_until.is_none()).to_string()),
            ("read_due", word(old.read_due), word(fresh.read_due)),
        ];
        columns.into_iter().filter(|(_, found, expected)| found != expected).collect()
    }
}

/// One line of a listing's history.
pub struct Happened {
    pub listing_id: i64,
    pub what: &'static str,
    pub value: Option<i64>,
    pub detail: Option<String>,
    /// Of what nothing explains.
    pub cause: Option<Cause>,
}

impl Happened {
    pub fn new(listing_id: i64, what: &'static str, value: Option<i64>, detail: Option<String>) -> Self {
        Self { listing_id, what, value, detail, cause: None }
    }

    pub fn because(self, cause: Cause) -> Self {
        Self { cause: Some(cause), ..self }
    }
}

impl Store {
    /// Loads listings with their beliefs, locked, in one order everywhere.
    pub(super) async fn listed(&self, db: &impl ConnectionTrait, ids: &BTreeSet<i64>) -> Result<Vec<Listed>> {
        let mut listings = Vec::with_capacity(ids.len());
        // The beliefs are locked before the listings are read, so that neither is older than the other.
        let rows = beliefs(db, ids, true).await?;
        for piece in super::stock::pieces(ids) {
            listings.extend(listing::Entity::find().filter(listing::Column::Id.is_in(piece)).all(db).await?);
        }
        joined(db, rows, listings).await
    }

    /// The same for listings that nobody else can change meanwhile.
    pub(super) async fn listed_of(
        &self,
        db: &impl ConnectionTrait,
        listings: Vec<listing::Model>,
    ) -> Result<Vec<Listed>> {
        let rows = beliefs(db, &listings.iter().map(|listing| listing.id).collect(), true).await?;
        joined(db, rows, listings).await
    }

    /// The same for people to look at: nothing is locked, nothing may be written back.
    pub(super) async fn peek_listed(&self, db: &impl ConnectionTrait, ids: &BTreeSet<i64>) -> Result<Vec<Listed>> {
        let mut listings = Vec::with_capacity(ids.len());
        for piece in super::stock::pieces(ids) {
            listings.extend(listing::Entity::find().filter(listing::Column::Id.is_in(piece)).all(db).await?);
        }
        joined(db, beliefs(db, ids, false).await?, listings).await
    }

    /// Writes beliefs back, with what follows from them, and their open writes.
    pub(super) async fn save_listed(&self, tx: &DatabaseTransaction, listed: &[Listed]) -> Result<()> {
        let now = micros(self.now());
        let paces = self.paces(tx, listed).await?;
        let pace = |item: &Listed| paces.get(&item.id()).copied().unwrap_or(item.row.pace);
        let mut rows: Vec<_> = listed.iter().map(|item| (&item.loaded, row(item, pace(item), now))).collect();
        rows.retain(|(loaded, row)| *loaded != row);
        save_rows(tx, &rows).await?;
        // What is not known yet may show something, and teaches nothing.
        let glows = |row: &publication::Model| row.lit && row.anchor.is_some();
        let lit = rows.iter().filter(|(old, fresh)| glows(old) != glows(fresh));
        let lit = lit.map(|(_, row)| ((row.channel.clone(), row.listing_id), Lesson::Shows(glows(row))));
        learn(tx, &lit.collect::<Vec<_>>(), self.now()).await?;
        self.reconsider_moved(tx, listed, &rows).await?;
        let anchors: Vec<_> = rows.iter().filter_map(|(old, fresh)| self.anchored(old, fresh, now)).collect();
        for piece in anchors.chunks(ROWS_PER_STATEMENT) {
            publication_event::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        self.save_writes(tx, listed).await
    }

    /// How fast those sell that want something.
    async fn paces(&self, tx: &DatabaseTransaction, listed: &[Listed]) -> Result<HashMap<i64, Option<i64>>> {
        let wanting = || listed.iter().filter(|item| item.publication.marks(item.listing.not_ours).wants.is_some());
        let ids: BTreeSet<i64> = wanting().map(Listed::id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (taught, now, prior) = (taught(tx, &ids).await?, self.now(), prior(tx).await?);
        let pace = |item: &Listed| {
            let known = taught.get(&(item.listing.channel.clone(), item.id())).copied();
            let units_per_second = known.unwrap_or(Demand::new(now)).forecast(&prior, now).units_per_second();
            (item.id(), Some((units_per_second / item.listing.units.max(1) as f64 * 1e9) as i64))
        };
        Ok(wanting().map(pace).collect())
    }

    /// Units that came free are there for others, and listings that can be written from now on, or can't any more,
    /// share otherwise.
    async fn reconsider_moved(
        &self,
        tx: &DatabaseTransaction,
        listed: &[Listed],
        rows: &[(&publication::Model, publication::Model)],
    ) -> Result<()> {
        let aside = |row: &publication::Model| row.set_aside_until.and_then(|_| Absence::of_refusals(row.refusals));
        let moved = rows.iter().filter(|(old, fresh)| aside(old) != aside(fresh)).map(|(_, row)| row.listing_id);
        let matters_to_others = |item: &&Listed| {
            let (before, now) = (item.ceiling, item.publication.ceiling());
            now < before || now.is_some() != before.is_some()
        };
        let moved: BTreeSet<i64> = moved.chain(listed.iter().filter(matters_to_others).map(Listed::id)).collect();
        if moved.is_empty() || !matters(tx, self.now()).await? {
            return Ok(());
        }
        let skus = listed.iter().filter(|item| moved.contains(&item.id())).map(|item| item.listing.sku_id);
        self.reconsider_listings(tx, &skus.collect()).await
    }

    /// The line of the history that says on what `shown` rests from now on. A reading that finds what was
    /// believed, on which nothing waited, adds none: listings are read far more often than they change.
    fn anchored(
        &self,
        old: &publication::Model,
        fresh: &publication::Model,
        at: i64,
    ) -> Option<publication_event::ActiveModel> {
        let basis = |row: &publication::Model| (row.anchor, row.anchor_to, row.applied);
        let moved = basis(old) != basis(fresh);
        let told = (old.shown, old.open_writes) != (fresh.shown, fresh.open_writes);
        (moved && told).then(|| publication_event::ActiveModel {
            id: Set(self.id()),
            listing_id: Set(fresh.listing_id),
            what: Set("anchor".to_owned()),
            value: Set(fresh.anchor),
            detail: Set(None),
            at: Set(at),
            anchor_to: Set(fresh.anchor_to),
            applied: Set(Some(fresh.applied)),
            sold_since: Set(Some(fresh.sold_since)),
            cause: Set(None),
        })
    }

    async fn save_writes(&self, tx: &DatabaseTransaction, listed: &[Listed]) -> Result<()> {
        let mut gone = Vec::new();
        let mut fresh = Vec::new();
        for listed in listed {
            let now = &listed.publication.writes;
            let is_kept = |outstanding: &&Outstanding| !now.iter().any(|kept| kept == *outstanding);
            gone.extend(listed.before.iter().filter(is_kept).map(|outstanding| outstanding.id));
            let changed = now.iter().filter(|outstanding| !listed.before.contains(outstanding));
            fresh.extend(changed.map(|outstanding| write_row(&listed.listing, outstanding)));
        }
        for piece in gone.chunks(ROWS_PER_STATEMENT) {
            listing_write::Entity::delete_many()
                .filter(listing_write::Column::Id.is_in(piece.iter().copied()))
                .exec(tx)
                .await?;
        }
        for piece in fresh.chunks(ROWS_PER_STATEMENT) {
            listing_write::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    pub(super) async fn happened(&self, tx: &DatabaseTransaction, events: Vec<Happened>) -> Result<()> {
        let at = micros(self.now());
        let rows: Vec<_> = events
            .into_iter()
            .map(|event| publication_event::ActiveModel {
                id: Set(self.id()),
                listing_id: Set(event.listing_id),
                what: Set(event.what.to_owned()),
                value: Set(event.value),
                detail: Set(event.detail),
                at: Set(at),
                cause: Set(event.cause.map(|cause| cause.word().to_owned())),
                ..nothing_known()
            })
            .collect();
        for piece in rows.chunks(ROWS_PER_STATEMENT) {
            publication_event::Entity::insert_many(piece.to_vec()).exec_without_returning(tx).await?;
        }
        Ok(())
    }

    /// A new listing's belief: nothing is known, and the mall is to be asked.
    pub(super) async fn first_belief(&self, tx: &DatabaseTransaction, listing: &listing::Model) -> Result<()> {
        let publication = Publication { read_due: Some(self.now()), ..Publication::default() };
        let listed = Listed {
            listing: listing.clone(),
            row: blank(listing.id, &listing.channel),
            publication,
            loaded: blank(listing.id, &listing.channel),
            before: Vec::new(),
            ceiling: None,
        };
        row(&listed, None, micros(self.now())).into_active_model().reset_all().insert(tx).await?;
        Ok(())
    }
}

/// An event that is no anchor.
fn nothing_known() -> publication_event::ActiveModel {
    publication_event::ActiveModel {
        anchor_to: Set(None),
        applied: Set(None),
        sold_since: Set(None),
        ..Default::default()
    }
}

async fn beliefs(db: &impl ConnectionTrait, ids: &BTreeSet<i64>, lock: bool) -> Result<Vec<publication::Model>> {
    let mut found = Vec::with_capacity(ids.len());
    for piece in super::stock::pieces(ids) {
        let rows = publication::Entity::find()
            .filter(publication::Column::ListingId.is_in(piece))
            .order_by_asc(publication::Column::ListingId);
        found.extend(if lock { rows.lock_exclusive() } else { rows }.all(db).await?);
    }
    Ok(found)
}

/// Beliefs with their listings and open writes.
async fn joined(
    db: &impl ConnectionTrait,
    rows: Vec<publication::Model>,
    listings: Vec<listing::Model>,
) -> Result<Vec<Listed>> {
    let mut listings: HashMap<i64, _> = listings.into_iter().map(|row| (row.id, row)).collect();
    let open: Vec<i64> = rows.iter().filter(|row| row.open_writes > 0).map(|row| row.listing_id).collect();
    let mut writes = HashMap::new();
    for piece in open.chunks(ROWS_PER_STATEMENT) {
        writes.extend(open_writes(db, piece).await?);
    }
    let join = |row: publication::Model| {
        let listing = listings.remove(&row.listing_id)?;
        let writes = writes.remove(&row.listing_id).unwrap_or_default();
        let publication = belief(&row, writes.clone());
        let ceiling = publication.ceiling();
        Some(Listed { publication, listing, loaded: row.clone(), row, before: writes, ceiling })
    };
    Ok(rows.into_iter().filter_map(join).collect())
}

/// Writes the columns in which any of the rows differs from what stands there.
async fn save_rows(tx: &DatabaseTransaction, rows: &[(&publication::Model, publication::Model)]) -> Result<()> {
    use publication::Column;
    let differs = |column: &Column| rows.iter().any(|(old, new)| old.get(*column) != new.get(*column));
    let columns: Vec<Column> = <Column as sea_orm::Iterable>::iter().filter(differs).collect();
    let names: Vec<&str> = columns.iter().map(IdenStatic::as_str).collect();
    let values = |row: &publication::Model| {
        std::iter::once(Value::from(row.listing_id)).chain(columns.iter().map(|column| row.get(*column))).collect()
    };
    let rows: Vec<Vec<Value>> = rows.iter().map(|(_, row)| values(row)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    dialect::update_rows(tx, publication::Entity.table_name(), Column::ListingId.as_str(), &names, &rows).await
}

/// Sales of the listings, placed after the earliest instant that any of their beliefs still cares about.
pub(super) async fn sales(db: &impl ConnectionTrait, listed: &[Listed], also: i64) -> Result<HashMap<i64, Vec<Sale>>> {
    let since = listed
        .iter()
        .flat_map(|listed| {
            let writes = listed.publication.writes.iter().map(|outstanding| micros(outstanding.sent_at));
            let looks = [listed.publication.anchor, listed.publication.waiting].into_iter().flatten();
            looks.map(|look| micros(look.from)).chain(writes)
        })
        .min()
        .unwrap_or(also)
        .min(also);
    let mut found: HashMap<i64, Vec<Sale>> = HashMap::new();
    let ids: Vec<i64> = listed.iter().map(Listed::id).collect();
    for piece in ids.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<(i64, i64, i64)> = order_line::Entity::find()
            .select_only()
            .columns([order_line::Column::ListingId, order_line::Column::PlacedAt, order_line::Column::Sold])
            .filter(order_line::Column::ListingId.is_in(piece.iter().copied()))
            .filter(order_line::Column::PlacedAt.gt(since))
            .filter(order_line::Column::Sold.gt(0))
            .into_tuple()
            .all(db)
            .await?;
        for (listing, placed_at, units) in rows {
            found.entry(listing).or_default().push(Sale { placed_at: instant(placed_at), units });
        }
    }
    Ok(found)
}
