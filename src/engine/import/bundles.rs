//! What bundles are made of, as a file: each bundle that it names gets the recipe that stands there, the others
//! keep theirs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    CoreFile, ImportReport, ImportState, Rejects, refused,
    sheet::{Flaw, Known, Row, Sheet},
};
use crate::{
    domain::{
        bundle::{self, Fault, Recipe, UNITS_MAX},
        spelling,
    },
    engine::braked::{Put, pack},
    store::{Result, Store, bundles::Surroundings},
};

pub(super) const COLUMNS: [Known; 3] = [
    Known { name: "bundle", required: true },
    Known { name: "component", required: true },
    Known { name: "quantity", required: true },
];

/// One row: so many of the component in the bundle.
struct Part {
    line: u64,
    bundle: String,
    component: String,
    quantity: i64,
}

/// Takes all recipes in, or none. A row that is wrong makes its whole bundle wrong: half a recipe is another one.
pub(super) async fn take_in(store: &Store, file: &CoreFile<'_>, sheet: &Sheet<'_>) -> Result<ImportReport> {
    let mut rejects = Rejects::default();
    let mut spoiled = BTreeSet::new();
    let (rows, parts) = read(sheet, &mut rejects, &mut spoiled);
    if rows == 0 {
        return Ok(refused(Flaw::whole("the file has no row below its header")));
    }
    let codes = parts.iter().flat_map(|part| [part.bundle.clone(), part.component.clone()]).collect();
    let around = store.surroundings(&codes).await?;
    judge(&parts, &around, &mut rejects, &mut spoiled);
    let recipes = whole(&parts, &around, &mut rejects, &mut spoiled);
    let skips = file.skip_invalid && !recipes.is_empty();
    if rejects.total > 0 && !skips {
        return Ok(rejects.report(ImportState::Refused, rows));
    }
    let differs = |(bundle, recipe): &(&String, &Recipe<String>)| around.recipes.get(*bundle) != Some(recipe);
    let changed: BTreeMap<String, Recipe<String>> =
        recipes.iter().filter(differs).map(|(bundle, recipe)| (bundle.clone(), recipe.clone())).collect();
    let count = |recipes: &BTreeMap<String, Recipe<String>>| recipes.values().map(|recipe| recipe.len() as u64).sum();
    let (all, booked): (u64, u64) = (count(&recipes), count(&changed));
    let created = changed.keys().filter(|bundle| !around.known.contains(*bundle)).count() as u64;
    let state = if changed.is_empty() { ImportState::Unchanged } else { ImportState::Booked };
    let report = rejects.report(state, rows);
    let report = ImportReport { booked, unchanged: all - booked, created, ..report };
    if changed.is_empty() {
        return Ok(report);
    }
    if file.dry_run {
        return Ok(ImportReport { changes: Some(store.preview_bundles(&changed).await?), ..report });
    }
    Ok(match pack(store, &changed, file.guard, file.by).await? {
        Put::Done(_) => report,
        Put::Held(held, changes) => report.held(held, changes),
    })
}

fn read(sheet: &Sheet<'_>, rejects: &mut Rejects, spoiled: &mut BTreeSet<String>) -> (u64, Vec<Part>) {
    let mut parts = Vec::new();
    let mut seen: HashMap<(String, String), u64> = HashMap::new();
    let rows = sheet.rows(rejects, |row, rejects| match part(row) {
        Ok(part) => {
            let first = *seen.entry((part.bundle.clone(), part.component.clone())).or_insert(part.line);
            if first != part.line {
                let message = format!("names the same bundle and component as line {first}");
                rejects.add(part.line, Some("component"), message);
                spoiled.insert(part.bundle.clone());
            }
            parts.push(part);
        }
        Err(flaw) => {
            spoiled.extend(row.cell("bundle").map(|cell| spelling::code(cell).into_owned()));
            rejects.add(flaw.line, flaw.column.as_deref(), flaw.message);
        }
    });
    (rows, parts)
}

fn part(row: &Row<'_>) -> std::result::Result<Part, Flaw> {
    let code = |column: &str| {
        let code = spelling::code(row.text(column)?).into_owned();
        match spelling::fault(&code) {
            Some(fault) => Err(Flaw::at(row.line, column, fault)),
            None => Ok(code),
        }
    };
    let quantity = row.number("quantity", 1, UNITS_MAX)?;
    Ok(Part {
        line: row.line,
        bundle: code("bundle")?,
        component: code("component")?,
        quantity: quantity.ok_or_else(|| Flaw::at(row.line, "quantity", "is empty"))?,
    })
}

/// What only the database shows to be wrong.
fn judge(parts: &[Part], around: &Surroundings, rejects: &mut Rejects, spoiled: &mut BTreeSet<String>) {
    let bundles: BTreeSet<&String> = parts.iter().map(|part| &part.bundle).collect();
    for part in parts {
        if !around.known.contains(&part.component) && !bundles.contains(&part.component) {
            let message = format!("there is no SKU {:?}, and no bundle of that name in this file", part.component);
            rejects.add(part.line, Some("component"), message);
            spoiled.insert(part.bundle.clone());
        }
        if around.stocked.contains(&part.bundle) {
            let message = format!(
                "{} has stock of its own and can't become a bundle: give the bundle a code that nobody has counted or \
                 moved",
                part.bundle
            );
            rejects.add(part.line, Some("bundle"), message);
            spoiled.insert(part.bundle.clone());
        }
    }
}

/// The recipes without those that can't be whole, and without those that would contain themselves.
fn whole(
    parts: &[Part],
    around: &Surroundings,
    rejects: &mut Rejects,
    spoiled: &mut BTreeSet<String>,
) -> BTreeMap<String, Recipe<String>> {
    loop {
        let mut recipes: BTreeMap<String, Recipe<String>> = BTreeMap::new();
        for part in parts.iter().filter(|part| !spoiled.contains(&part.bundle)) {
            recipes.entry(part.bundle.clone()).or_default().insert(part.component.clone(), part.quantity);
        }
        let mut all = around.recipes.clone();
        all.extend(recipes.clone());
        let roots: Vec<String> = all.keys().cloned().collect();
        let Err(fault) = bundle::flatten(&all, roots) else { return recipes };
        let guilty: BTreeSet<&String> = match &fault {
            Fault::Cycle(round) => round.iter().collect(),
            Fault::TooMany { bundle, .. } => BTreeSet::from([bundle]),
        };
        // A part of the fault stands in this file: without it what the database has is sound.
        let culprit = parts.iter().find(|part| !spoiled.contains(&part.bundle) && guilty.contains(&part.bundle));
        let culprit = culprit.or_else(|| parts.iter().find(|part| !spoiled.contains(&part.bundle)));
        let Some(culprit) = culprit else { return recipes };
        rejects.add(culprit.line, Some("component"), fault.sentence());
        spoiled.insert(culprit.bundle.clone());
    }
}
