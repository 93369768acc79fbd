//! `uriba plan`: sale plans.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::{
    desk::{Common, Desk},
    failure::{Done, Failure},
    moment,
    print::{counted, instant, or_dash},
    table::{Table, pairs},
};
use crate::{
    domain::exposure::mode::Wish,
    engine::braked::{Put, put_plan},
    store::{
        StoreError,
        plans::NewPlan,
        sheets::{PlanAnswer, PlanSheet},
    },
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a plan from a TOML file: name, from, until, skus, and any of exposure, cap, buffer
    Create(Create),
    /// Plans that are scheduled or in force, newest first
    List {
        /// Those that are over or deleted too
        #[arg(long)]
        all: bool,
    },
    /// One plan with its SKUs; of several of a name the newest
    Show { name: String },
    /// End a plan that is in force, or take back one that is not yet
    Delete { name: String },
}

#[derive(Args, Debug)]
pub struct Create {
    file: PathBuf,
    /// Say which numbers would change, and make nothing
    #[arg(long)]
    dry_run: bool,
}

/// The file. Times are written as TOML knows them, or as text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    from: toml::Value,
    until: toml::Value,
    skus: Vec<String>,
    exposure: Option<String>,
    cap: Option<i64>,
    buffer: Option<i64>,
}

pub async fn run(common: &Common, command: Command) -> Done {
    let desk = common.desk().await?;
    match command {
        Command::Create(asked) => create(&desk, &asked).await,
        Command::List { all } => {
            let sheets = super::pages(None, async |paging| desk.store.plan_sheets(all, &paging).await).await?;
            desk.print.list(&sheets.items, "there is no plan: `uriba plan create FILE` makes one", table);
            Ok(())
        }
        Command::Show { name } => {
            desk.print.item(&desk.store.plan_sheet(&name).await?, page);
            Ok(())
        }
        Command::Delete { name } => {
            desk.store.delete_plan(&name, &desk.who).await?;
            desk.print.done(&format!("plan {name} is deleted"));
            Ok(())
        }
    }
}

async fn create(desk: &Desk, asked: &Create) -> Done {
    let wanted = read(&asked.file, desk)?;
    let refused = |message: String| Failure::failed(format!("{}: {message}", asked.file.display()));
    if let Some((field, fault)) = wanted.fault(desk.store.now()) {
        return Err(refused(format!("{field}: {fault}")));
    }
    let wrong = |error| match error {
        StoreError::Invalid(message) => refused(message),
        other => other.into(),
    };
    let unmade = |state: &str| PlanSheet::unmade(&wanted, state, &desk.who, desk.store.now());
    if asked.dry_run {
        let changes = desk.store.preview_plan(&wanted).await.map_err(wrong)?;
        let answer = PlanAnswer { plan: unmade("trial"), attention: None, changes };
        desk.print.item(&answer, |answer| super::changes::words(&answer.changes));
        return Ok(());
    }
    match put_plan(&desk.store, &wanted, &desk.guard(), &desk.who).await.map_err(wrong)? {
        Put::Done(changes) => {
            let plan = desk.store.plan_sheet(&wanted.name).await?;
            desk.print.item(&PlanAnswer { plan, attention: None, changes }, made);
            Ok(())
        }
        Put::Held(held, changes) => {
            let attention = held.attention.to_string();
            let answer = PlanAnswer { plan: unmade("held"), attention: Some(attention.clone()), changes };
            desk.print.item(&answer, |answer| super::changes::words(&answer.changes));
            Err(super::changes::held(&attention))
        }
    }
}

fn read(path: &Path, desk: &Desk) -> Result<NewPlan, Failure> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::failed(format!("{name} can't be read: {error}")))?;
    let written: Written = toml::from_str(&text).map_err(|error| Failure::failed(format!("{name}: {error}")))?;
    let moment = |field: &str, value: &toml::Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        moment::parse(&text, &desk.config).map_err(|error| Failure::failed(format!("{name}: {field}: {error}")))
    };
    let exposure = match written.exposure.as_deref() {
        None => None,
        Some(word) => Some(Wish::parse(word).ok_or_else(|| {
            Failure::failed(format!("{name}: exposure: {word:?} is not one of: {}", Wish::WORDS.join(", ")))
        })?),
    };
    Ok(NewPlan {
        from: moment("from", &written.from)?,
        until: moment("until", &written.until)?,
        name: written.name,
        skus: written.skus,
        exposure,
        cap: written.cap,
        buffer: written.buffer,
    })
}

fn made(answer: &PlanAnswer) -> String {
    let plan = &answer.plan;
    let skus = counted(plan.skus.len() as u64, "SKU");
    let when = match plan.state.as_str() {
        "in_force" => format!("is in force until {}", instant(plan.until)),
        _ => format!("begins at {} and ends at {}", instant(plan.from), instant(plan.until)),
    };
    let numbers = match answer.changes.total {
        0 => "by today's stock it changes no number".to_owned(),
        n => format!("by today's stock {} of the malls would change", counted(n, "number")),
    };
    format!("plan {} {when}: {skus}, {}; {numbers}", plan.name, says(plan))
}

/// `cap 5, buffer 2, sold escrow`.
fn says(plan: &PlanSheet) -> String {
    let cap = plan.cap.map(|cap| format!("cap {cap}"));
    let buffer = plan.buffer.map(|buffer| format!("buffer {buffer}"));
    let mode = plan.exposure.as_ref().map(|mode| format!("sold {mode}"));
    [cap, buffer, mode].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn table(sheets: &[PlanSheet]) -> String {
    let mut table = Table::new(&["NAME", "STATE", "FROM", "UNTIL", ">SKUS", "EXPOSURE", ">CAP", ">BUFFER", "BY"]);
    for sheet in sheets {
        table.row(vec![
            sheet.name.clone(),
            sheet.state.clone(),
            instant(sheet.from),
            instant(sheet.deleted_at.unwrap_or(sheet.until)),
            sheet.skus.len().to_string(),
            or_dash(sheet.exposure.as_ref()),
            or_dash(sheet.cap),
            or_dash(sheet.buffer),
            sheet.by.clone(),
        ]);
    }
    table.to_string()
}

fn page(sheet: &PlanSheet) -> String {
    let mut rows = vec![
        ("name", sheet.name.clone()),
        ("state", sheet.state.clone()),
        ("from", instant(sheet.from)),
        ("until", instant(sheet.until)),
        ("exposure", or_dash(sheet.exposure.as_ref())),
        ("cap", or_dash(sheet.cap)),
        ("buffer", or_dash(sheet.buffer)),
        ("made", format!("{} by {}", instant(sheet.created_at), sheet.by)),
    ];
    if let Some(at) = sheet.deleted_at {
        rows.push(("deleted", format!("{} by {}", instant(at), or_dash(sheet.deleted_by.as_ref()))));
    }
    rows.push(("SKUs", sheet.skus.join(", ")));
    pairs(&rows)
}
