//! What each operation asks of its callers, read from the description that it publishes: the scope, and the
//! query parameters. So what `/openapi.json` says is what is enforced, and an operation that states no scope
//! is open to nobody.

use std::collections::{BTreeSet, HashMap};

use axum::http::Method;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The name of the security scheme in the description.
pub const BEARER: &str = "token";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Each of them will do. None: described without one, so nobody may.
    pub scopes: Vec<String>,
    /// Described as open to everybody: who asks proves it otherwise.
    pub open: bool,
    pub query: BTreeSet<String>,
}

/// By method and path template.
#[derive(Debug, Default)]
pub struct Rules(HashMap<(Method, String), Rule>);

impl Rules {
    pub fn of(description: &OpenApi) -> Self {
        let document = serde_json::to_value(description).expect("a description is always JSON");
        let mut rules = HashMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let Ok(method) = method.to_ascii_uppercase().parse::<Method>() else { continue };
                rules.insert((method, path.clone()), rule(operation));
            }
        }
        Self(rules)
    }

    pub fn of_operation(&self, method: &Method, path: &str) -> Option<&Rule> {
        // A HEAD is a GET whose body stays behind.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(&(method.clone(), path.to_owned()))
    }

    /// What can be done at a path, for people.
    pub fn methods(&self, path: &str) -> String {
        let known = self.0.keys().filter(|(_, known)| known == path).map(|(method, _)| method.as_str());
        known.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
    }
}

fn rule(operation: &Value) -> Rule {
    let choices = || operation["security"].as_array().into_iter().flatten();
    let open = choices().any(|choice| choice.as_object().is_some_and(serde_json::Map::is_empty));
    let scopes = choices().filter_map(|choice| Some(choice[BEARER][0].as_str()?.to_owned())).collect();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query = parameters
        .filter(|parameter| parameter["in"] == "query")
        .filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned()))
        .collect();
    Rule { scopes, open, query }
}
