//! What the configuration was, start by start.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

use super::{
    Result, Store,
    channels::{ChannelSetup, PoolSetup},
    core_files::CoreRules,
    entity::configuration,
    micros,
};

/// What the configuration says of pools and channels, and its words as they are recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    pub pools: Vec<PoolSetup>,
    pub channels: Vec<ChannelSetup>,
    pub core: CoreRules,
    pub body: String,
}

impl Store {
    /// The configuration that was last put in force; `None` in a fresh database.
    pub async fn recorded_configuration(&self) -> Result<Option<String>> {
        let last = configuration::Entity::find().order_by_desc(configuration::Column::Id).one(&self.reader).await?;
        Ok(last.map(|row| row.body))
    }

    /// Whether any was put in force after this instant.
    pub async fn was_configured_after(&self, at: Timestamp) -> Result<bool> {
        let later = configuration::Entity::find().filter(configuration::Column::At.gt(micros(at)));
        Ok(later.one(&self.reader).await?.is_some())
    }

    /// Brings in who is there, and leaves every number as it is.
    pub async fn name_only(&self, wanted: &Configuration) -> Result<()> {
        let tx = self.begin().await?;
        self.configure_names(&tx, &wanted.pools, &wanted.channels).await?;
        Ok(tx.commit().await?)
    }

    /// Whether it would have a channel draw on another pool.
    pub async fn moves_channels(&self, wanted: &Configuration) -> Result<bool> {
        let pools = super::rules::pools_of(&self.reader).await?;
        Ok(wanted.channels.iter().any(|setup| pools.get(&setup.id).is_some_and(|pool| *pool != setup.pool)))
    }
}
