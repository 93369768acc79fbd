//! Files from the core system: which were taken in, and how far.
//!
//! A file is booked in pieces, each in its own short transaction, so that a million rows never hold up a
//! reservation or a poll. Its row says `booking` until the last piece is in; the same file given again goes on
//! from there, because each line's count has a key of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use sha2::{Digest, Sha256};
use uriba_sdk::Order;

use super::{
    Result, Store, StoreError, dialect_files,
    entity::{location, sku, stock_import},
    intake::{Intake, Page},
    log::Entry,
    micros,
    running::{Manner, Running},
    stock::{self, Count},
};
use crate::domain::ledger::{self, CountsShipments};

/// Rows per transaction.
pub const PIECE: usize = 500;

/// Why a file of figures is not even looked at.
pub const UNSAID: &str = "say in the configuration who counts the malls' shipments, [core] counts_shipments, before a \
     book or a sales file is imported: without it a shipment may be subtracted twice, or never";

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

/// One line of a book or of holdbacks: a figure of the core system.
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

/// At most [`PIECE`] rows of one kind.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// `bins`: those that the book counts beside the main one.
    Book {
        figures: &'a [Figure],
        bins: &'a [String],
    },
    Running {
        manner: Manner,
        rows: &'a [Running],
    },
    Holdbacks(&'a [Figure]),
    /// `lines`: how many rows of the file the orders are made of.
    Orders {
        intake: &'a Intake,
        orders: &'a [Order],
        lines: u64,
    },
}

impl Rows<'_> {
    /// SKUs and locations that they name.
    pub(super) fn names(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        match self {
            Self::Book { figures, .. } | Self::Holdbacks(figures) => {
                figures.iter().map(|row| (row.sku.clone(), row.location.clone())).unzip()
            }
            Self::Running { rows, .. } => rows.iter().map(|row| (row.sku.clone(), row.location.clone())).unzip(),
            Self::Orders { .. } => Default::default(),
        }
    }
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
    /// The import of this content and instant, if there is one that was not undone.
    pub async fn known_import(
        &self,
        kind: &str,
        digest: &str,
        as_of: Option<Timestamp>,
    ) -> Result<Option<stock_import::Model>> {
        let mut query = stock_import::Entity::find()
            .filter(stock_import::Column::Digest.eq(digest))
            .filter(stock_import::Column::Kind.eq(kind))
            .filter(stock_import::Column::State.is_not_in(["undoing", "undone"]))
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
    pub async fn begin_import(&self, new: &NewImport<'_>) -> Result<stock_import::Model> {
        if let Some(import) = self.known_import(new.kind, new.digest, new.as_of).await? {
            return Ok(import);
        }
        let tx = self.begin().await?;
        let import = self.new_import(&tx, new).await?;
        tx.commit().await?;
        Ok(import)
    }

    pub(super) async fn new_import(
        &self,
        tx: &DatabaseTransaction,
        new: &NewImport<'_>,
    ) -> Result<stock_import::Model> {
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
        let import = row.insert(tx).await?;
        let subject = format!("import/{}", import.id);
        let detail = Some(format!("{}, {} rows, as of {}", new.file, new.rows, super::instant(import.as_of)));
        self.write_log(tx, Entry { who: new.by, what: "stock.import", subject: &subject, why: None, detail }).await?;
        Ok(import)
    }

    /// Books a piece in a short transaction; lines that are in already change nothing.
    pub async fn book_rows(&self, import: &stock_import::Model, rows: Rows<'_>) -> Result<Piece> {
        let tx = self.begin().await?;
        let piece = self.book_piece(&tx, import, rows).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(piece)
    }

    pub(super) async fn book_piece(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        rows: Rows<'_>,
    ) -> Result<Piece> {
        let piece = match rows {
            Rows::Book { figures, bins } => self.book_figures(tx, import, figures, bins).await?,
            Rows::Running { manner, rows } => self.running_piece(tx, import, manner, rows).await?,
            Rows::Holdbacks(rows) => self.holdbacks_piece(tx, import, rows).await?,
            Rows::Orders { intake, orders, lines } => {
                let page = Page { orders, read_at: super::instant(import.as_of), ..Page::default() };
                let taken = self.take_in_orders(tx, intake, &page).await?;
                let booked = Ord::min(taken.lines as u64, lines);
                Piece { booked, unchanged: lines - booked, created: 0 }
            }
        };
        note_piece(tx, import.id, piece).await?;
        Ok(piece)
    }

    async fn book_figures(
        &self,
        tx: &DatabaseTransaction,
        import: &stock_import::Model,
        figures: &[Figure],
        bins: &[String],
    ) -> Result<Piece> {
        let Some(counts) = self.core_rules(tx).await?.counts else {
            return Err(StoreError::Refused(UNSAID.into()));
        };
        let names: BTreeMap<_, _> =
            figures.iter().map(|row| (row.sku.clone(), (row.name.clone(), row.jan.clone()))).collect();
        let (skus, new_skus) = self.ensure_skus(tx, &names).await?;
        let places: BTreeSet<String> = figures.iter().map(|row| row.location.clone()).collect();
        let new_places = stock::ensure_locations(self, tx, &places).await?;
        let shipped = match counts {
            CountsShipments::AtOnce | CountsShipments::BySalesFile => HashMap::new(),
            CountsShipments::Never => {
                dialect_files::own_shipments(tx, &skus.values().copied().collect(), import.as_of).await?
            }
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
        let counted = self.count_all(tx, taken.collect(), bins).await?;
        Ok(Piece {
            booked: counted.differing as u64,
            unchanged: (counted.booked - counted.differing) as u64,
            created: (new_skus + new_places) as u64,
        })
    }

    /// Every row is in. Returns the row as it is now.
    pub async fn finish_import(&self, import: &stock_import::Model) -> Result<stock_import::Model> {
        if import.kind == "sales" {
            self.relevel_open().await?;
        }
        let tx = self.begin().await?;
        let row =
            stock_import::ActiveModel { id: Set(import.id), state: Set("booked".to_owned()), ..Default::default() };
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

    /// Locations that are known, by name.
    pub async fn location_codes(&self) -> Result<BTreeSet<String>> {
        let codes: Vec<String> = location::Entity::find()
            .select_only()
            .column(location::Column::Code)
            .into_tuple()
            .all(&self.reader)
            .await?;
        Ok(codes.into_iter().collect())
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
