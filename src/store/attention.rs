//! What needs a person. One open item per kind and subject: raised again, it is only seen again.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use super::{Result, Store, StoreError, absent::MISSING, entity::attention, log::Entry, micros};

/// What is raised. `subject` tells items of one kind apart; the rest is for people and filters.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub kind: &'static str,
    pub subject: String,
    pub channel: Option<String>,
    pub sku: Option<String>,
    pub mall_key: Option<String>,
    pub message: String,
}

impl Store {
    pub async fn raise(&self, db: &impl ConnectionTrait, call: Call) -> Result<()> {
        let now = micros(self.now());
        if let Some(open) = open_item(db, call.kind, &call.subject).await? {
            if open.message != call.message {
                let mut row = open.into_active_model();
                row.message = Set(call.message);
                row.seen_at = Set(now);
                row.update(db).await?;
            }
            return Ok(());
        }
        tracing::warn!(kind = call.kind, subject = %call.subject, "{}", call.message);
        attention::ActiveModel {
            id: Set(self.id()),
            kind: Set(call.kind.to_owned()),
            subject: Set(call.subject),
            channel: Set(call.channel),
            sku: Set(call.sku),
            mall_key: Set(call.mall_key),
            message: Set(call.message),
            since: Set(now),
            seen_at: Set(now),
            resolved_at: Set(None),
            resolved_by: Set(None),
            action: Set(None),
        }
        .insert(db)
        .await?;
        Ok(())
    }

    /// The cause is gone: the item closes by itself.
    pub async fn calm(&self, db: &impl ConnectionTrait, kind: &str, subject: &str) -> Result<()> {
        // Raised by two instances at the same moment it stands there twice.
        attention::Entity::update_many()
            .col_expr(attention::Column::ResolvedAt, Expr::value(micros(self.now())))
            .col_expr(attention::Column::ResolvedBy, Expr::value("uriba"))
            .filter(attention::Column::Kind.eq(kind))
            .filter(attention::Column::Subject.eq(subject))
            .filter(attention::Column::ResolvedAt.is_null())
            .exec(db)
            .await?;
        Ok(())
    }

    pub async fn attention(&self, before: Option<i64>, limit: u64) -> Result<Vec<attention::Model>> {
        let mut query = attention::Entity::find()
            .filter(attention::Column::ResolvedAt.is_null())
            .order_by_desc(attention::Column::Id)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(attention::Column::Id.lt(before));
        }
        Ok(query.all(&self.reader).await?)
    }

    pub async fn attention_item(&self, id: i64) -> Result<attention::Model> {
        let missing = || StoreError::Missing { kind: "attention item", name: id.to_string() };
        attention::Entity::find_by_id(id).one(&self.reader).await?.ok_or_else(missing)
    }

    /// A person has dealt with it; what it forbade is allowed again.
    pub async fn resolve_attention(&self, id: i64, action: Option<&str>, who: &str) -> Result<attention::Model> {
        let tx = self.begin().await?;
        let missing = || StoreError::Missing { kind: "attention item", name: id.to_string() };
        let item = attention::Entity::find_by_id(id).one(&tx).await?.ok_or_else(missing)?;
        if item.resolved_at.is_some() {
            return match (action, &item.action) {
                (Some(asked), done) if done.as_deref() != Some(asked) => {
                    let how = done.as_ref().map_or("without an action".to_owned(), |done| format!("with {done}"));
                    Err(StoreError::Refused(format!("the item was resolved already, {how}: {}", item.message)))
                }
                _ => Ok(item),
            };
        }
        let allowed = actions(&item.kind);
        if item.kind == "brake" {
            return Err(StoreError::Invalid(format!("what is held is for the engine to {}", allowed.join(" or to "))));
        }
        if let Some(action) = action.filter(|action| !allowed.contains(action)) {
            let list = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
            return Err(StoreError::Invalid(format!("{action:?} is no action of this item; it has: {list}")));
        }
        self.release_hold_of(&tx, &item, action, who).await?;
        if item.kind == "review" {
            self.end_review(&tx, &item, action, who).await?;
        }
        if item.kind == MISSING && action.is_some() {
            self.release_missing(&tx, &item).await?;
        }
        if item.kind == "gap" {
            self.close_gap_of(&tx, &item, who).await?;
        }
        let mut row = item.into_active_model();
        row.resolved_at = Set(Some(micros(self.now())));
        row.resolved_by = Set(Some(who.to_owned()));
        row.action = Set(action.map(str::to_owned));
        let item = row.update(&tx).await?;
        let subject = format!("attention/{id}");
        let entry = Entry {
            who,
            what: "attention.resolve",
            subject: &subject,
            why: action,
            detail: Some(item.message.clone()),
        };
        self.write_log(&tx, entry).await?;
        tx.commit().await?;
        self.bells.facts.notify_waiters();
        self.bells.targets.notify_waiters();
        Ok(item)
    }
}

/// What a person may choose beside plain "seen".
pub fn actions(kind: &str) -> &'static [&'static str] {
    match kind {
        "set_aside" => &["retry"],
        "drift" | "mall_limit" | "other_writer" => &["retry", "accept"],
        "unread_order" | MISSING => &["release"],
        "review" => &["release", "write_off"],
        "brake" => &["confirm", "refuse"],
        _ => &[],
    }
}

pub(super) async fn is_open(db: &impl ConnectionTrait, kind: &str, subject: &str) -> Result<bool> {
    Ok(open_item(db, kind, subject).await?.is_some())
}

async fn open_item(db: &impl ConnectionTrait, kind: &str, subject: &str) -> Result<Option<attention::Model>> {
    Ok(attention::Entity::find()
        .filter(attention::Column::Kind.eq(kind))
        .filter(attention::Column::Subject.eq(subject))
        .filter(attention::Column::ResolvedAt.is_null())
        .one(db)
        .await?)
}

/// Subjects of the open items of one kind.
pub(super) async fn open_subjects(db: &impl ConnectionTrait, kind: &str) -> Result<std::collections::HashSet<String>> {
    let subjects: Vec<String> = attention::Entity::find()
        .select_only()
        .column(attention::Column::Subject)
        .filter(attention::Column::Kind.eq(kind))
        .filter(attention::Column::ResolvedAt.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(subjects.into_iter().collect())
}
