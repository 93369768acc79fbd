//! Whose store it is: orderCount, the cheapest call that the mall answers only to whoever may read the store's orders.

use uriba_sdk::AccountSheet;

use crate::xml;

/// What no answer of the mall tells.
const NOTES: [&str; 2] = [
    "the consent ends 28 days after it was given, which the mall does not tell: have the owner consent again in time",
    "the public key ends a year after it was issued: enter the next one (暗号鍵管理) before that",
];

/// The store account, when the mall has told how many of its orders are where.
pub fn sheet(body: &[u8], seller_id: &str) -> Result<AccountSheet, String> {
    accepted(body)?;
    let notes = NOTES.map(str::to_owned).into();
    Ok(AccountSheet { shop: seller_id.to_owned(), notes, ..AccountSheet::default() })
}

/// An answer that says OK.
pub fn accepted(body: &[u8]) -> Result<(), String> {
    let root = xml::parse(body)?;
    let result = root.find("Result").ok_or("an answer without Result")?;
    if result.value("Status") == Some("OK") { Ok(()) } else { Err("an answer that does not say OK".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_the_mark_of_a_store_that_may_be_read() {
        let good = "<ResultSet><Result><Status>OK</Status><Count><NewOrder>3</NewOrder></Count></Result></ResultSet>";
        assert_eq!(sheet(good.as_bytes(), "cha").unwrap().shop, "cha");
        for body in ["", "{}", "<ResultSet/>", "<Result><Status>NG</Status></Result>", "<Result/>", "<a><b></a>"] {
            assert!(sheet(body.as_bytes(), "cha").is_err(), "{body}");
        }
    }
}
