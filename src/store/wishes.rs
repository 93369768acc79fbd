//! In which mode somebody wants SKUs to be sold: a sale plan's wish stands before the SKU's own, that before its pool's.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter,
};

use super::{
    ROWS_PER_STATEMENT, Result, Store,
    decrees::Decrees,
    dialect,
    entity::{exposure_wish, sku, stock},
    log::Entry,
    micros,
    stock::lock_skus,
};
use crate::domain::exposure::mode::Wish;

/// What is wanted, and whose word that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wished {
    pub wish: Wish,
    /// `plan`, `sku` or `pool`.
    pub by: &'static str,
}

impl Store {
    /// Gives a SKU another name, or says in which mode it is to be sold (`Some(None)`: as its pool is).
    pub async fn set_sku(
        &self,
        code: &str,
        name: Option<&str>,
        exposure: Option<Option<Wish>>,
        who: &str,
    ) -> Result<()> {
        let tx = self.begin().await?;
        let row = self.sku(&tx, code).await?;
        let subject = format!("sku/{}", row.code);
        if let Some(name) = name.filter(|name| row.name.as_deref() != Some(*name)) {
            let renamed = sku::ActiveModel { id: Set(row.id), name: Set(Some(name.to_owned())), ..Default::default() };
            sku::Entity::update(renamed).exec(&tx).await?;
            let entry = Entry { who, what: "sku.name", subject: &subject, why: None, detail: Some(name.to_owned()) };
            self.write_log(&tx, entry).await?;
        }
        if let Some(wish) = exposure
            && self.put_wish(&tx, of_sku(row.id), wish, who).await?
        {
            let rows = stock::Entity::find().filter(stock::Column::SkuId.eq(row.id)).all(&tx).await?;
            let bumps: Vec<_> = rows.into_iter().map(|row| (row.sku_id, row.pool)).collect();
            lock_skus(&tx, &[row.id].into()).await?;
            dialect::bump_stock(&tx, &bumps, false, micros(self.now())).await?;
            let detail = Some(format!("sold {}", wish.map_or("as its pool is", Wish::word)));
            self.write_log(&tx, Entry { who, what: "sku.exposure", subject: &subject, why: None, detail }).await?;
        }
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        Ok(())
    }

    pub(super) async fn put_wish(
        &self,
        tx: &DatabaseTransaction,
        scope: String,
        wish: Option<Wish>,
        who: &str,
    ) -> Result<bool> {
        let known = exposure_wish::Entity::find_by_id(&scope).one(tx).await?;
        let word = wish.map(Wish::word);
        if known.as_ref().map(|row| row.mode.as_str()) == word {
            return Ok(false);
        }
        exposure_wish::Entity::delete_by_id(&scope).exec(tx).await?;
        if let Some(word) = word {
            let (at, who) = (micros(self.now()), who.to_owned());
            let row = exposure_wish::Model { scope, mode: word.to_owned(), at, who };
            exposure_wish::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
        }
        Ok(true)
    }
}

/// What is wanted of these SKUs in a pool.
pub(super) async fn wishes(
    db: &impl ConnectionTrait,
    pool: &str,
    skus: &[i64],
    decrees: &Decrees,
) -> Result<HashMap<i64, Wished>> {
    let of_pool = exposure_wish::Entity::find_by_id(of_pool(pool)).one(db).await?;
    let wish = of_pool.and_then(|row| Wish::parse(&row.mode)).unwrap_or(Wish::Shared);
    let mut found: HashMap<i64, Wished> = skus.iter().map(|sku| (*sku, Wished { wish, by: "pool" })).collect();
    let scopes: HashMap<String, i64> = skus.iter().map(|sku| (of_sku(*sku), *sku)).collect();
    for piece in scopes.keys().collect::<Vec<_>>().chunks(ROWS_PER_STATEMENT) {
        let named = exposure_wish::Column::Scope.is_in(piece.iter().map(|scope| scope.as_str()));
        for row in exposure_wish::Entity::find().filter(named).all(db).await? {
            if let (Some(sku), Some(wish)) = (scopes.get(&row.scope), Wish::parse(&row.mode)) {
                found.insert(*sku, Wished { wish, by: "sku" });
            }
        }
    }
    for (sku, wished) in &mut found {
        if let Some(wish) = decrees.plan(*sku).and_then(|plan| plan.exposure) {
            *wished = Wished { wish, by: "plan" };
        }
    }
    Ok(found)
}

pub(super) fn of_pool(pool: &str) -> String {
    format!("pool:{pool}")
}

pub(super) fn of_sku(sku: i64) -> String {
    format!("sku:{sku}")
}
