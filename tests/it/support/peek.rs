//! What stands in the database, for stories to compare.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, Statement,
};
use uriba::store::entity::{attention, listing, publication, stock_balance, unshipped};

use super::{SHOP, TestBase};

impl TestBase {
    pub async fn sku(&self, code: &str) -> i64 {
        self.store.sku(self.store.reader(), code).await.unwrap().id
    }

    /// The sum of all bins.
    pub async fn on_hand(&self, sku: &str, location: &str) -> i64 {
        self.balances(sku, location).await.values().sum()
    }

    pub async fn balances(&self, sku: &str, location: &str) -> BTreeMap<String, i64> {
        let rows = stock_balance::Entity::find()
            .filter(stock_balance::Column::SkuId.eq(self.sku(sku).await))
            .filter(stock_balance::Column::Location.eq(location))
            .all(self.store.reader())
            .await
            .unwrap();
        rows.into_iter().map(|row| (row.bin, row.quantity)).collect()
    }

    pub async fn in_shop(&self, sku: &str) -> i64 {
        self.on_hand(sku, SHOP).await
    }

    /// Over all channels.
    pub async fn unshipped(&self, sku: &str) -> i64 {
        let rows = unshipped::Entity::find().filter(unshipped::Column::SkuId.eq(self.sku(sku).await));
        rows.all(self.store.reader()).await.unwrap().iter().map(|row| row.quantity).sum()
    }

    pub async fn listing(&self, channel: &str, key: &str) -> listing::Model {
        let rows = listing::Entity::find()
            .filter(listing::Column::Channel.eq(channel))
            .filter(listing::Column::MallKey.eq(key));
        rows.one(self.store.reader()).await.unwrap().expect("it is listed")
    }

    pub async fn publication(&self, channel: &str, key: &str) -> publication::Model {
        let id = self.listing(channel, key).await.id;
        publication::Entity::find_by_id(id).one(self.store.reader()).await.unwrap().expect("each listing has one")
    }

    pub async fn target(&self, channel: &str, key: &str) -> Option<i64> {
        self.publication(channel, key).await.target
    }

    /// Messages of the open items of one kind.
    pub async fn attention(&self, kind: &str) -> Vec<String> {
        self.attention_items(kind).await.into_iter().map(|row| row.message).collect()
    }

    pub async fn attention_items(&self, kind: &str) -> Vec<attention::Model> {
        let rows = self.store.attention(None, 1_000).await.unwrap();
        rows.into_iter().filter(|row| row.kind == kind).collect()
    }

    pub async fn execute(&self, sql: &str) -> Result<u64, sea_orm::DbErr> {
        let tx = self.store.begin().await.unwrap();
        let done = tx.execute_unprepared(sql).await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    pub async fn rows(&self, sql: &str) -> Vec<JsonValue> {
        let reader = self.store.reader();
        let statement = Statement::from_string(reader.get_database_backend(), sql);
        JsonValue::find_by_statement(statement).all(reader).await.unwrap()
    }

    /// Until some session of this PostgreSQL database waits for another's lock.
    pub async fn wait_for_a_blocked_session(&self) {
        let blocked =
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while self.rows(blocked).await.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Every row of every table, to see that nothing changed.
    pub async fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let sql = match self.store.backend() {
            DatabaseBackend::Postgres => {
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
            }
            _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
        };
        let mut all = BTreeMap::new();
        for table in self.rows(sql).await {
            let name = table["name"].as_str().unwrap().to_owned();
            let mut rows: Vec<String> =
                self.rows(&format!("SELECT * FROM \"{name}\"")).await.iter().map(JsonValue::to_string).collect();
            rows.sort();
            all.insert(name, rows);
        }
        all
    }
}
