//! What the mall calls an item of the book.

use crate::key;

/// A key of the book in the mall's words.
pub struct Article {
    /// The mall's own number.
    pub number: String,
    /// Empty where the seller gave none.
    pub seller: String,
    pub option: Option<String>,
}

impl Article {
    pub fn of(key: &str) -> Self {
        let (code, option) = key::split(key);
        let is_number = code.len() == 10 && key::is_item_number(code);
        Self {
            number: if is_number { code.to_owned() } else { number(code) },
            seller: if is_number { String::new() } else { code.to_owned() },
            option: option.map(str::to_owned),
        }
    }

    /// Names and values of the option's axes; codes that begin with s have two.
    pub fn axes(&self) -> Vec<(&'static str, String)> {
        match &self.option {
            None => Vec::new(),
            Some(code) if code.starts_with('s') => vec![("カラー", format!("色{code}")), ("サイズ", "Ｍ".into())],
            Some(code) => vec![("カラー", format!("色{code}"))],
        }
    }

    /// What it costs beside its item's price; codes that begin with s cost more.
    pub fn price(&self) -> &'static str {
        if self.option.as_ref().is_some_and(|code| code.starts_with('s')) { "250" } else { "0" }
    }

    pub fn option_name(&self) -> String {
        self.axes().iter().map(|(name, _)| *name).collect::<Vec<_>>().join("||*")
    }

    pub fn option_value(&self) -> String {
        self.axes().into_iter().map(|(_, value)| value).collect::<Vec<_>>().join("||*")
    }

    /// Both name the same item, if not the same option.
    pub fn is_of(&self, number: &str, seller: &str) -> bool {
        if number.is_empty() { !seller.is_empty() && self.seller == seller } else { self.number == number }
    }
}

/// Ten digits that stay the same for a code (FNV-1a), with a 1 to 8 in front.
fn number(code: &str) -> String {
    let hash = code
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (1_000_000_000 + hash % 2_000_000_000).to_string()
}
