//! Whose shop it is, and what a person should know about how the hub reaches it.

use serde::Deserialize;
use uriba_sdk::AccountSheet;

use crate::{graphql, listing::Place};

/// Without one of these something that the hub does is refused.
const SCOPES: [&str; 5] = ["read_orders", "read_products", "read_inventory", "write_inventory", "read_locations"];
const ALL_ORDERS: &str = "read_all_orders";

pub struct Sheet {
    sheet: AccountSheet,
    scopes: Vec<String>,
}

pub fn sheet(data: &str) -> Result<Sheet, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        shop: Shop,
        current_app_installation: Option<Installation>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shop {
        name: Option<String>,
        myshopify_domain: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Installation {
        access_scopes: Vec<Scope>,
    }
    #[derive(Deserialize)]
    struct Scope {
        handle: String,
    }
    let wire: Wire = graphql::parse(data)?;
    let granted = wire.current_app_installation.map(|app| app.access_scopes).unwrap_or_default();
    let scopes: Vec<String> = granted.into_iter().map(|scope| scope.handle).collect();
    let shop = match wire.shop.name.filter(|name| !name.is_empty()) {
        Some(name) => format!("{name} ({})", wire.shop.myshopify_domain),
        None => wire.shop.myshopify_domain,
    };
    let sheet = AccountSheet { shop, notes: missing(&scopes), ..AccountSheet::default() };
    Ok(Sheet { sheet, scopes })
}

impl Sheet {
    pub fn may(&self, scope: &str) -> bool {
        has(&self.scopes, scope)
    }

    /// A retired version is answered by the oldest one that still runs.
    pub fn compare_versions(&mut self, asked: &str, served: Option<&str>) {
        if let Some(served) = served.filter(|served| *served != asked) {
            self.sheet.notes.push(format!(
                "version {asked} of the API was asked for and {served} answered: set options.api_version to one that \
                 Shopify still supports"
            ));
        }
    }

    pub fn compare_locations(&mut self, chosen: Option<&str>, active: &[Place]) {
        let note = match (chosen, active) {
            (_, []) => Some("the shop has no active location".to_owned()),
            (Some(chosen), places) if !places.iter().any(|place| place.id == chosen) => {
                Some(format!("options.location is {chosen}, which is no active location of this shop"))
            }
            (None, [_]) | (Some(_), [_]) => None,
            (chosen, places) => Some(format!(
                "the shop has {} active locations and the hub writes {}: what is available elsewhere is sold as well",
                places.len(),
                chosen.unwrap_or("none until options.location names one")
            )),
        };
        self.sheet.notes.extend(note);
    }

    pub fn finish(self) -> AccountSheet {
        self.sheet
    }
}

fn has(scopes: &[String], wanted: &str) -> bool {
    // Whoever may write may read.
    let writing = wanted.strip_prefix("read_").map(|what| format!("write_{what}"));
    scopes.iter().any(|scope| scope == wanted || Some(scope) == writing.as_ref())
}

fn missing(scopes: &[String]) -> Vec<String> {
    let lacking: Vec<_> = SCOPES.into_iter().filter(|wanted| !has(scopes, wanted)).collect();
    let mut notes = Vec::new();
    if !lacking.is_empty() {
        notes.push(format!("the app lacks these permissions: {}", lacking.join(", ")));
    }
    if !has(scopes, ALL_ORDERS) {
        notes.push(format!(
            "without the permission {ALL_ORDERS} orders older than 60 days are left out of every search, silently"
        ));
    }
    notes
}
