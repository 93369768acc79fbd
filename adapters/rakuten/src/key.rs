//! The listing key `manageNumber/variantId`: the pair by which the Inventory API addresses a stock record.
//!
//! 商品管理番号 (`manageNumber`) is folded to lower case by the mall; SKU管理番号 (`variantId`) is not, since
//! InventoryAPI 2.1: `Navy-M` and `navy-m` are two SKUs.

use std::fmt;

/// Both numbers hold at most 32 bytes (InventoryAPI 2.1 reference).
const BYTES_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub manage_number: String,
    pub variant_id: String,
}

impl Key {
    /// Reads a person's spelling: full-width letters and blanks around the parts are forgiven.
    pub fn parse(given: &str) -> Result<Self, String> {
        let narrow: String = given.chars().map(narrow).collect();
        let (manage_number, variant_id) = narrow
            .split_once('/')
            .ok_or("write 商品管理番号/SKU管理番号; an item without variations has an SKU管理番号 too, RMS shows it")?;
        let key = Self::stated(manage_number.trim(), variant_id.trim());
        check("商品管理番号", &key.manage_number)?;
        check("SKU管理番号", &key.variant_id)?;
        Ok(key)
    }

    /// As the mall states it.
    pub fn stated(manage_number: &str, variant_id: &str) -> Self {
        Self { manage_number: manage_number.to_ascii_lowercase(), variant_id: variant_id.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.manage_number, self.variant_id)
    }
}

fn check(what: &str, part: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if part.is_empty() {
        Err(format!("the {what} is missing"))
    } else if part.len() > BYTES_MAX {
        Err(format!("the {what} is longer than {BYTES_MAX} bytes"))
    } else if !part.chars().all(allowed) {
        Err(format!("the {what} has a character other than a-z, A-Z, 0-9, - and _"))
    } else {
        Ok(())
    }
}

/// The half-width form of a full-width letter, digit or sign (U+FF01 to U+FF5E lie 0xFEE0 above ASCII).
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_item_part_is_folded_to_lower_case() {
        assert_eq!(Key::parse("TEE-1/Navy-M").unwrap().to_string(), "tee-1/Navy-M");
    }

    #[test]
    fn full_width_and_blanks_are_forgiven() {
        assert_eq!(Key::parse(" ＴＥＥ－１／Ｎavy　").unwrap().to_string(), "tee-1/Navy");
    }

    #[test]
    fn a_key_that_the_mall_cannot_have_is_named_as_wrong() {
        for given in ["tee-1", "/navy", "tee-1/", "tee 1/navy", "tee/紺", "a/b/c", &format!("{}/b", "a".repeat(33))] {
            assert!(Key::parse(given).is_err(), "{given}");
        }
    }
}
