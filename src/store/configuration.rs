//! What the configuration was, start by start.

use sea_orm::{EntityTrait, QueryOrder};

use super::{Result, Store, entity::configuration};

impl Store {
    /// The configuration that was last put in force; `None` in a fresh database.
    pub async fn recorded_configuration(&self) -> Result<Option<String>> {
        let last = configuration::Entity::find().order_by_desc(configuration::Column::Id).one(&self.reader).await?;
        Ok(last.map(|row| row.body))
    }
}
