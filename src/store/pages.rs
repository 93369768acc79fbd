//! Turning the pages of a window of orders; one whose list has no end begins again, and somebody hears of it.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, IntoActiveModel};
use sha2::{Digest, Sha256};
use uriba_sdk::{Head, Order};

use super::{Result, Store, attention::Call, entity::poll_window, instant, micros};
use crate::domain::{
    pages::{self, Turned},
    time::later,
};

/// A window that can't be finished within this time is begun again from its start.
const WINDOW_AGE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// What a request's progress led to.
pub(super) enum Moved {
    On,
    /// A window may be complete by this.
    Perhaps,
    /// The list has no end; the window begins again.
    Endless(&'static str),
}

/// A page that came.
pub(super) struct Turning {
    pub name: Option<String>,
    pub next: Option<String>,
    pub read_to: Option<Timestamp>,
    pub read_at: Timestamp,
}

impl Store {
    pub(super) async fn turn_page(
        &self,
        tx: &DatabaseTransaction,
        row: poll_window::Model,
        page: Turning,
    ) -> Result<Moved> {
        let stale = later(instant(row.created_at), WINDOW_AGE_MAX) < self.now();
        let turned = match &page.next {
            None => Turned::On(None),
            Some(_) if page.next == row.token => Turned::Endless("it names a page as the one after itself"),
            Some(_) if stale => Turned::Endless("it could not be read to its end within a day"),
            Some(_) => pages::turned(row.pages, row.mark.as_deref(), page.name.as_deref()),
        };
        let mark = match turned {
            Turned::On(mark) => mark,
            Turned::Endless(why) => return self.begin_again(tx, row, why).await,
        };
        let read_to = match (row.read_to, page.read_to.map(micros)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let moved = if page.next.is_some() { Moved::On } else { Moved::Perhaps };
        let mut turned = row.clone().into_active_model();
        turned.state = Set(if page.next.is_some() { "open" } else { "read" }.into());
        turned.token = Set(page.next);
        turned.pages = Set(row.pages + 1);
        turned.mark = Set(mark);
        turned.asked_at = Set(Some(row.asked_at.unwrap_or(micros(page.read_at))));
        turned.read_to = Set(read_to);
        turned.update(tx).await?;
        Ok(moved)
    }

    /// It would be read for ever, and prove nothing.
    async fn begin_again(&self, tx: &DatabaseTransaction, row: poll_window::Model, why: &'static str) -> Result<Moved> {
        let channel = row.channel.clone();
        let message = format!(
            "{channel}: the list of orders from {} to {} has no end: {why}. It is begun again; until it ends, orders \
             of that time may be unknown",
            instant(row.from_at),
            instant(row.to_at)
        );
        let subject = list_of(&channel);
        self.raise(tx, Call { kind: "gap", subject, channel: Some(channel), message, ..Call::default() }).await?;
        let mut again = row.into_active_model();
        again.token = Set(None);
        again.pages = Set(0);
        again.mark = Set(None);
        again.asked_at = Set(None);
        again.created_at = Set(micros(self.now()));
        again.update(tx).await?;
        Ok(Moved::Endless(why))
    }
}

/// The subject of what is wrong with a channel's list of orders.
pub(super) fn list_of(channel: &str) -> String {
    format!("{channel}/list")
}

/// Made of what stands on a page, in whatever order; `None`: nothing.
pub fn page_name(orders: &[Order], heads: &[Head]) -> Option<String> {
    let ids = orders.iter().map(|order| &order.id).chain(heads.iter().map(|head| &head.id));
    let ids: BTreeSet<&String> = ids.collect();
    let mut digest = Sha256::new();
    ids.iter().for_each(|id| digest.update(format!("{}:{id}", id.len())));
    (!ids.is_empty()).then(|| digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}
