//! Files from the core system: which were taken in, and how far.
//!
//! A file is booked in pieces, each in its own short transaction, so that a million rows never hold up a
//! reservation or a poll. Its row says `booking` until the last piece is in; the same file given again goes on
//! from there, because each line's count has a key of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, JoinType,
    QueryFilter, QueryOrder, QuerySelect, RelationDef, sea_query::Expr,
};
use sha2::{Digest, Sha256};

use super::{
    Result, Store,
    entity::{location, sku, stock_entry, stock_event, stock_import},
    log::Entry,
    micros,
    stock::{self, Count},
};
use crate::domain::ledger::{self, CountsShipments};

/// Rows per transaction.
pub const PIECE: usize = 500;

/// A file that is about to be booked.
#[derive(Clone, Debug)]
pub struct NewImport<'a> {
    pub kind: &'static str,
    pub file: &'a str,
    pub digest: &'a str,
    /// `None`: nobody said, and the same content counts as the same file.
    pub as_of: Option<Timestamp>,
    pub rows: u64,
    pub by: &'a str,
}

/// The file's row, and whether all of it is in already.
#[derive(Clone, Debug)]
pub struct Begun {
    pub import: stock_import::Model,
    pub known: bool,
}

/// One line of a book: a figure of the core system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub line: u64,
    pub location: String,
    pub sku: String,
    pub name: Option<String>,
    pub jan: Option<String>,
    pub quantity: i64,
    /// `None`: as of the file's instant.
    pub as_of: Option<Timestamp>,
}

/// What booking a piece came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    pub booked: u64,
    pub unchanged: u64,
    /// SKUs and locations that were new.
    pub created: u64,
}

impl Store {
    /// The import of this content and instant, if there is one.
    pub async fn known_import(
        &self,
        kind: &str,
        digest: &str,
        as_of: Option<Timestamp>,
    ) -> Result<Option<stock_import::Model>> {
        let mut query = stock_import::Entity::find()
            .filter(stock_import::Column::Digest.eq(digest))
            .filter(stock_import::Column::Kind.eq(kind))
            .order_by_desc(stock_import::Column::Id);
        if let Some(as_of) = as_of {
            query = query.filter(stock_import::Column::AsOf.eq(micros(as_of)));
        }
        Ok(query.one(&self.reader).await?)
    }

    /// Whether some of this content is in already.
    pub async fn is_begun(&self, kind: &str, bytes: &[u8], as_of: Option<Timestamp>) -> Result<bool> {
        let digest = super::token::hex(&Sha256::digest(bytes));
        Ok(self.known_import(kind, &digest, as_of).await?.is_some())
    }

    /// Begins a file, or finds where it was left.
    pub async fn begin_import(&self, new: &NewImport<'_>) -> Result<Begun> {
        if let Some(import) = self.known_import(new.kind, new.digest, new.as_of).await? {
            let known = import.state == "booked";
            return Ok(Begun { import, known });
        }
        let tx = self.begin().await?;
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let row = stock_import::ActiveModel {
            id: Set(self.id()),
            kind: Set(new.kind.to_owned()),
            file: Set(new.file.to_owned()),
            digest: Set(new.digest.to_owned()),
            as_of: Set(micros(new.as_of.unwrap_or(self.now()))),
            state: Set("booking".to_owned()),
            rows: Set(count(new.rows)),
            booked: Set(0),
            unchanged: Set(0),
            created: Set(0),
            at: Set(micros(self.now())),
            by: Set(new.by.to_owned()),
        };
        let import = row.insert(&tx).await?;
        let subject = format!("import/{}", import.id);
        let detail = Some(format!("{}, {} rows, as of {}", new.file, new.rows, super::instant(import.as_of)));
        self.write_log(&tx, Entry { who: new.by, what: "stock.import", subject: &subject, why: None, detail }).await?;
        tx.commit().await?;
        Ok(Begun { import, known: false })
    }

    /// Books at most [`PIECE`] lines; lines that are in already change nothing.
    pub async fn book_figures(
        &self,
        import: &stock_import::Model,
        figures: &[Figure],
        counts: CountsShipments,
    ) -> Result<Piece> {
        let tx = self.begin().await?;
        let piece = self.book_figures_in(&tx, import, figures, counts).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(piece)
    }

    pub(super) async fn book_figures_in(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        figures: &[Figure],
        counts: CountsShipments,
    ) -> Result<Piece> {
        let names: BTreeMap<_, _> =
            figures.iter().map(|row| (row.sku.clone(), (row.name.clone(), row.jan.clone()))).collect();
        let (skus, new_skus) = self.ensure_skus(tx, &names).await?;
        let places: BTreeSet<String> = figures.iter().map(|row| row.location.clone()).collect();
        let new_places = stock::ensure_locations(self, tx, &places).await?;
        let shipped = match counts {
            CountsShipments::AtOnce => HashMap::new(),
            CountsShipments::Never => own_shipments(tx, &skus.values().copied().collect(), import.as_of).await?,
        };
        let taken = figures.iter().filter_map(|row| {
            let sku_id = *skus.get(&row.sku)?;
            let gone = shipped.get(&(sku_id, row.location.clone())).copied().unwrap_or(0);
            Some(Count {
                key: format!("import/{}/{}", import.id, row.line),
                sku_id,
                location: row.location.clone(),
                counted: ledger::counted(row.quantity, gone, counts),
                as_of: row.as_of.unwrap_or(super::instant(import.as_of)),
                source: format!("{} line {}", import.file, row.line),
                reason: None,
                import_id: Some(import.id),
            })
        });
        let counted = self.count_all(tx, taken.collect()).await?;
        let piece = Piece {
            booked: counted.differing as u64,
            unchanged: (counted.booked - counted.differing) as u64,
            created: (new_skus + new_places) as u64,
        };
        note_piece(tx, import.id, piece).await?;
        Ok(piece)
    }

    /// Every row is in. Returns the row as it is now.
    pub async fn finish_import(&self, id: i64) -> Result<stock_import::Model> {
        let tx = self.begin().await?;
        let row = stock_import::ActiveModel { id: Set(id), state: Set("booked".to_owned()), ..Default::default() };
        let row = row.update(&tx).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Those of the codes that no SKU has.
    pub async fn unknown_skus(&self, codes: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut unknown = codes.clone();
        for piece in codes.iter().collect::<Vec<_>>().chunks(super::ROWS_PER_STATEMENT) {
            let known: Vec<String> = sku::Entity::find()
                .select_only()
                .column(sku::Column::Code)
                .filter(sku::Column::Code.is_in(piece.iter().map(|code| code.as_str())))
                .into_tuple()
                .all(&self.reader)
                .await?;
            for code in known {
                unknown.remove(&code);
            }
        }
        Ok(unknown)
    }

    /// How many of these SKUs and locations are new.
    pub async fn unknown_names(&self, codes: &BTreeSet<String>, places: &BTreeSet<String>) -> Result<usize> {
        let known: BTreeSet<String> = location::Entity::find()
            .select_only()
            .column(location::Column::Code)
            .into_tuple()
            .all(&self.reader)
            .await?
            .into_iter()
            .collect();
        Ok(self.unknown_skus(codes).await?.len() + places.difference(&known).count())
    }
}

async fn note_piece(tx: &DatabaseTransaction, id: i64, piece: Piece) -> Result<()> {
    use stock_import::Column;
    let more = |column: Column, units: u64| Expr::col(column).add(i64::try_from(units).unwrap_or(i64::MAX));
    stock_import::Entity::update_many()
        .col_expr(Column::Booked, more(Column::Booked, piece.booked))
        .col_expr(Column::Unchanged, more(Column::Unchanged, piece.unchanged))
        .col_expr(Column::Created, more(Column::Created, piece.created))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Units that the hub's orders took from each place up to an instant, since the place was counted by people:
/// a core system that never hears of them still has them in its figure. Where nobody has counted, the first
/// book is taken at its word.
async fn own_shipments(
    tx: &DatabaseTransaction,
    skus: &BTreeSet<i64>,
    until: i64,
) -> Result<HashMap<(i64, String), i64>> {
    let mut shipped = HashMap::new();
    for piece in stock::pieces(skus) {
        let entries = || {
            stock_entry::Entity::find()
                .select_only()
                .join(JoinType::InnerJoin, events_of_entries())
                .columns([stock_entry::Column::SkuId, stock_entry::Column::Location])
                .filter(stock_entry::Column::SkuId.is_in(piece.clone()))
                .filter(stock_entry::Column::OccurredAt.lte(until))
                .group_by(stock_entry::Column::SkuId)
                .group_by(stock_entry::Column::Location)
        };
        let counted = entries().filter(stock_event::Column::Kind.eq("stocktake"));
        let by_people: Vec<(i64, String, i64)> = counted
            .clone()
            .filter(stock_event::Column::ImportId.is_null())
            .column_as(stock_entry::Column::OccurredAt.max(), "at")
            .into_tuple()
            .all(tx)
            .await?;
        let first: Vec<(i64, String, i64)> =
            counted.column_as(stock_entry::Column::OccurredAt.min(), "at").into_tuple().all(tx).await?;
        let mut since: HashMap<(i64, String), i64> = HashMap::new();
        for (sku, location, at) in first.into_iter().chain(by_people) {
            since.insert((sku, location), at);
        }
        let left: Vec<(i64, String, i64, i64)> = entries()
            .group_by(stock_entry::Column::OccurredAt)
            // Shipments, and goods of orders that came back.
            .filter(stock_event::Column::Kind.is_in(["issue", "receipt"]))
            .filter(stock_event::Column::Source.starts_with("order "))
            .column(stock_entry::Column::OccurredAt)
            .column_as(stock_entry::Column::Quantity.sum().cast_as("BIGINT"), "units")
            .into_tuple()
            .all(tx)
            .await?;
        for (sku, location, at, units) in left {
            let place = (sku, location);
            if since.get(&place).is_some_and(|since| at > *since) {
                *shipped.entry(place).or_insert(0) -= units;
            }
        }
    }
    Ok(shipped)
}

fn events_of_entries() -> RelationDef {
    stock_entry::Entity::belongs_to(stock_event::Entity)
        .from(stock_entry::Column::EventId)
        .to(stock_event::Column::Id)
        .into()
}
