//! The schema on PostgreSQL, made once.

use sea_orm::ConnectionTrait;
use uriba_migrations::{Migrator, MigratorTrait};

use super::postgres::{Scratch, Server};

impl Server {
    /// A new database with the schema, which is a copy of one: a copy is made in a tenth of the time that the migrations
    /// take.
    pub async fn migrated(&self) -> Scratch {
        if !self.is_ours() {
            // The one that is copied is nobody's to remove.
            let scratch = self.database().await;
            self.migrate(&scratch.url).await;
            return scratch;
        }
        static SCHEMA: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
        let schema = SCHEMA.get_or_init(async || {
            let name = format!("uriba_schema_{}", std::process::id());
            let admin = self.connect(&self.url).await;
            admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
            self.migrate(&self.named(&name)).await;
            name
        });
        self.like(schema.await).await
    }

    async fn migrate(&self, url: &str) {
        let database = self.connect(url).await;
        Migrator::up(&database, None).await.unwrap();
        // Nobody may be connected to what is copied.
        database.close().await.unwrap();
    }

    /// Of `tests/postgres.sh`, and thrown away with everything in it.
    fn is_ours(&self) -> bool {
        self.url.contains("/uriba-postgres.")
    }
}
