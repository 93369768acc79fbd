//! How eBay words its answers.

use serde_json::{Value, json};
use uriba_sdk::fake::{Dialect, Reply};

use crate::card::TOKEN;

/// A refusal on its way up through `?`.
pub struct Refused(pub Reply);

impl From<Reply> for Refused {
    fn from(reply: Reply) -> Self {
        Self(reply)
    }
}

pub fn fault(id: u32, message: &str) -> Value {
    json!({ "errorId": id, "domain": "API", "category": "REQUEST", "message": message, "longMessage": message })
}

pub fn error(status: u16, id: u32, message: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [fault(id, message)] }))
}

pub fn invalid(id: u32, message: &str) -> Refused {
    Refused(error(400, id, message))
}

pub fn login_error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(status, &json!({ "error": code, "error_description": description }))
}

pub struct EbayDialect;

impl Dialect for EbayDialect {
    fn throttled(&self, operation: &str, retry_after: Option<u64>) -> Reply {
        let reply = if operation == TOKEN {
            login_error(429, "temporarily_unavailable", "too many requests")
        } else {
            error(429, 2001, "The request limit has been reached for the resource.")
        };
        // No Retry-After is documented; something in between may add one.
        match retry_after {
            Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
            None => reply,
        }
    }

    fn maintenance(&self, operation: &str) -> Reply {
        self.broken(operation, 503).with_header("Retry-After", "900")
    }

    fn expired(&self, operation: &str) -> Reply {
        if operation == TOKEN {
            return login_error(400, "invalid_grant", "the provided authorization refresh token is invalid");
        }
        error(401, 1001, "Invalid access token. Check the value of the Authorization HTTP request header.")
    }

    fn broken(&self, operation: &str, status: u16) -> Reply {
        let message = "A system error has occurred.";
        match operation {
            TOKEN => login_error(status, "server_error", message),
            orders if orders.starts_with("orders.") => error(status, 30500, message),
            _ => error(status, 25001, message),
        }
    }
}
