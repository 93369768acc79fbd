//! A list of orders that comes page by page has an end, or it repeats itself, or it is longer than any list can be.
//! Each page has a name, made of what stands on it; of all the names one is kept, and replaced ever more seldom (R. P.
//! Brent, *An improved Monte Carlo factorization algorithm*, 1980). So a list that goes round is found out after at most
//! three of its rounds, however long they are, and however its tokens pretend to go on.

/// No window of orders has more pages.
const PAGES_MAX: i64 = 5_000;

/// What comes after a page that isn't the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Go on, with this name in mind.
    On(Option<String>),
    /// The list has no end: why that is certain.
    Endless(&'static str),
}

/// `before`: how many pages were read before this one. A page with nothing on it has no name.
pub fn turned(before: i64, kept: Option<&str>, page: Option<&str>) -> Turned {
    if before + 1 >= PAGES_MAX {
        return Turned::Endless("it has more pages than any list can have");
    }
    match page {
        Some(page) if kept == Some(page) => Turned::Endless("it comes back to a page that it gave before"),
        Some(page) if (before + 1).count_ones() == 1 => Turned::On(Some(page.to_owned())),
        _ => Turned::On(kept.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pages are read of a list until it ends, or is known to have no end.
    fn read(page: impl Fn(i64) -> Option<String>, pages: i64) -> Option<i64> {
        let mut kept = None;
        for before in 0..pages {
            match turned(before, kept.as_deref(), page(before).as_deref()) {
                Turned::On(name) => kept = name,
                Turned::Endless(_) => return Some(before + 1),
            }
        }
        None
    }

    #[test]
    fn a_list_that_goes_round_is_found_out_within_three_rounds() {
        for beginning in 0..20 {
            for round in 1..40 {
                let page = |n: i64| Some(format!("{}", if n < beginning { -1 - n } else { (n - beginning) % round }));
                let read = read(page, 4_000).expect("it goes round");
                assert!(read <= 3 * (beginning + round) + 1, "{beginning} and then {round}: {read}");
            }
        }
    }

    #[test]
    fn a_long_list_is_read_to_its_end_also_with_empty_pages() {
        assert_eq!(read(|n| (n % 3 > 0).then(|| n.to_string()), 4_999), None);
        assert_eq!(read(|n| Some(n.to_string()), i64::MAX), Some(5_000));
        assert_eq!(read(|_| None, i64::MAX), Some(5_000));
    }
}
