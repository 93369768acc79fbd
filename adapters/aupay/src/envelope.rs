//! What all answers have in common: `result/status`, 0 for success and 1 for failure, mostly with HTTP 200.

use crate::xml::{self, Element};

/// The answer's tree, whatever its status: whether it says success, and the tree.
pub fn open(body: &[u8], names: &[&str]) -> Result<(bool, Element), String> {
    let root = xml::parse(body, names)?;
    let status = root.child("result").and_then(|result| result.value("status"));
    match status {
        Some("0") => Ok((true, root)),
        Some("1") => Ok((false, root)),
        Some(_) => Err("the answer has an unknown status".into()),
        None => Err("the answer states no result".into()),
    }
}

/// The tree of an answer that says success.
pub fn well(body: &[u8], names: &[&str]) -> Result<Element, String> {
    match open(body, names)? {
        (true, root) => Ok(root),
        (false, _) => Err("the mall refused the request, for a reason that is not known here".into()),
    }
}
