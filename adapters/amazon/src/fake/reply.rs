//! How Amazon words its answers.

use serde_json::{Value, json};
use uriba_sdk::fake::{Dialect, Reply};

use crate::card::{CARD, TOKEN};

/// A refusal on its way up through `?`.
pub struct Refused(pub Reply);

impl From<Reply> for Refused {
    fn from(reply: Reply) -> Self {
        Self(reply)
    }
}

/// 200 with the rate of this operation, which Amazon names on most answers and on few errors.
pub fn ok(operation: &str, body: &Value) -> Reply {
    let reply = Reply::json(200, body).with_header("x-amzn-RequestId", "00000000-0000-4000-8000-000000000000");
    match CARD.quotas.iter().find(|quota| quota.name == operation) {
        Some(quota) => reply.with_header("x-amzn-RateLimit-Limit", quota.per_second.to_string()),
        None => reply,
    }
}

pub fn error(status: u16, code: &str, message: &str, details: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [{ "code": code, "message": message, "details": details }] }))
        .with_header("x-amzn-ErrorType", code)
}

pub fn invalid_input(message: &str) -> Refused {
    Refused(error(400, "InvalidInput", message, ""))
}

/// Wrong token, missing role and unknown address alike.
pub fn denied(details: &str) -> Reply {
    error(403, "Unauthorized", "Access to requested resource is denied.", details)
}

pub fn login_error(status: u16, code: &str, description: &str) -> Reply {
    Reply::json(status, &json!({ "error": code, "error_description": description }))
}

pub struct AmazonDialect;

impl Dialect for AmazonDialect {
    fn throttled(&self, operation: &str, retry_after: Option<u64>) -> Reply {
        let reply = if operation == TOKEN {
            login_error(429, "temporarily_unavailable", "Too many requests")
        } else {
            error(429, "QuotaExceeded", "You exceeded your quota for the requested resource.", "")
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
            return login_error(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token");
        }
        denied("The access token you provided is expired.")
    }

    fn broken(&self, operation: &str, status: u16) -> Reply {
        let (code, message) = match status {
            503 => ("ServiceUnavailable", "Service is temporarily unavailable. Please try again."),
            _ => ("InternalFailure", "We encountered an internal error. Please try again."),
        };
        if operation == TOKEN { login_error(status, "server_error", message) } else { error(status, code, message, "") }
    }
}
