//! What a seller does with an order by hand: ships it, cancels it, takes goods of it back.
//!
//! Without a choice a deed is about the whole order, and the same again finds nothing left to do. With one it is
//! about those units, and more than can be is refused whole: nothing is guessed and nothing is cut off.
//!
//! Units that have left are not cancelled: they are *expected back*, and stock comes back with the goods.

use super::intake::KnownLine;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Ship,
    Cancel,
    /// Goods of it came back.
    Return,
}

/// Units of one line, or of all lines that sell the item, in the order's own order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    pub name: Name,
    pub quantity: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    Line(String),
    /// By its SKU, or by the mall's key.
    Item(String),
}

/// A line, and the SKU that it sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub line: KnownLine,
    pub sku: Option<String>,
}

/// Why nothing is done; `pick` is the place in the choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Unknown { pick: usize },
    TooMany { pick: usize, room: u32 },
}

impl Deed {
    /// The lines as they are afterwards, in their order.
    pub fn on(self, lines: &[Named], picks: Option<&[Pick]>) -> Result<Vec<KnownLine>, Fault> {
        let mut after: Vec<KnownLine> = lines.iter().map(|named| named.line.clone()).collect();
        let Some(picks) = picks else {
            // Of an order that nobody has announced or brought back anything of, everything came back.
            let all = after.iter().all(|line| line.announced() == 0);
            for line in &mut after {
                let units = if self == Self::Return && !all { line.expected_back() } else { self.room(line) };
                self.take(line, units);
            }
            return Ok(after);
        };
        for (pick, Pick { name, quantity }) in picks.iter().enumerate() {
            let chosen: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].is(name)).collect();
            let room = chosen.iter().map(|index| self.room(&after[*index])).fold(0, u32::saturating_add);
            if chosen.is_empty() {
                return Err(Fault::Unknown { pick });
            }
            if *quantity > room {
                return Err(Fault::TooMany { pick, room });
            }
            let mut left = *quantity;
            for index in chosen {
                let units = left.min(self.room(&after[index]));
                self.take(&mut after[index], units);
                left -= units;
            }
        }
        Ok(after)
    }

    /// Units of the line that it can be about.
    fn room(self, line: &KnownLine) -> u32 {
        match self {
            Self::Ship => unshipped(line),
            Self::Cancel => unshipped(line) + line.shipped.saturating_sub(line.announced()),
            Self::Return => line.shipped.saturating_sub(line.received),
        }
    }

    fn take(self, line: &mut KnownLine, units: u32) {
        match self {
            Self::Ship => line.shipped += units,
            Self::Cancel => {
                let here = units.min(unshipped(line));
                line.cancelled += here;
                if units > here {
                    line.return_expected = line.announced() + (units - here);
                }
            }
            Self::Return => {
                line.received += units;
                line.returned = line.returned.max(line.received);
            }
        }
    }
}

impl Named {
    fn is(&self, name: &Name) -> bool {
        match name {
            Name::Line(id) => self.line.line == *id,
            Name::Item(item) => self.sku.as_ref() == Some(item) || self.line.mall_key.as_ref() == Some(item),
        }
    }
}

fn unshipped(line: &KnownLine) -> u32 {
    u32::try_from(line.unshipped()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, ordered: u32, cancelled: u32, shipped: u32) -> Named {
        let line = KnownLine {
            line: id.into(),
            mall_key: Some("tea".into()),
            ordered,
            cancelled,
            shipped,
            ..KnownLine::default()
        };
        Named { line, sku: Some("sku-1".into()) }
    }

    fn item(name: &str, quantity: u32) -> Pick {
        Pick { name: Name::Item(name.into()), quantity }
    }

    fn again(lines: &[KnownLine]) -> Vec<Named> {
        lines.iter().map(|line| Named { line: line.clone(), sku: None }).collect()
    }

    #[test]
    fn the_whole_order_ships_cancels_and_comes_back_once() {
        let order = [line("1", 3, 0, 1), line("2", 2, 1, 0)];
        let shipped = Deed::Ship.on(&order, None).unwrap();
        assert_eq!(shipped.iter().map(|line| line.shipped).collect::<Vec<_>>(), [3, 1]);
        let back = Deed::Return.on(&again(&shipped), None).unwrap();
        assert_eq!(back.iter().map(|line| (line.received, line.returned)).collect::<Vec<_>>(), [(3, 3), (1, 1)]);
        let cancelled = Deed::Cancel.on(&order, None).unwrap();
        let figures: Vec<_> = cancelled.iter().map(|line| (line.cancelled, line.return_expected)).collect();
        assert_eq!(figures, [(2, 1), (2, 0)], "the unit that has left is expected back");
        for (deed, after) in [(Deed::Ship, shipped), (Deed::Return, back), (Deed::Cancel, cancelled)] {
            assert_eq!(deed.on(&again(&after), None).unwrap(), after, "{deed:?} again");
        }
    }

    #[test]
    fn of_an_announced_return_only_what_was_announced_comes_back_by_itself() {
        let order = [line("1", 3, 0, 3)];
        let announced = Deed::Cancel.on(&order, Some(&[item("tea", 1)])).unwrap();
        assert_eq!((announced[0].cancelled, announced[0].expected_back()), (0, 1));
        let back = Deed::Return.on(&again(&announced), None).unwrap();
        assert_eq!((back[0].received, back[0].expected_back()), (1, 0));
        assert_eq!(Deed::Return.on(&again(&back), None).unwrap(), back);
        let more = Deed::Return.on(&again(&back), Some(&[item("tea", 2)])).unwrap();
        assert_eq!((more[0].received, more[0].returned), (3, 3));
    }

    #[test]
    fn units_are_taken_from_the_lines_of_the_item_in_their_order() {
        let order = [line("1", 2, 0, 1), line("2", 2, 0, 0)];
        let after = Deed::Ship.on(&order, Some(&[item("sku-1", 2)])).unwrap();
        assert_eq!(after.iter().map(|line| line.shipped).collect::<Vec<_>>(), [2, 1]);
        let second = Pick { name: Name::Line("2".into()), quantity: 2 };
        let after = Deed::Ship.on(&order, Some(&[second])).unwrap();
        assert_eq!(after.iter().map(|line| line.shipped).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn more_than_can_be_and_what_is_not_there_are_refused_whole() {
        let order = [line("1", 3, 1, 1)];
        let refused = |deed: Deed, picks: &[Pick]| deed.on(&order, Some(picks)).unwrap_err();
        assert_eq!(refused(Deed::Ship, &[item("tea", 1), item("tea", 1)]), Fault::TooMany { pick: 1, room: 0 });
        assert_eq!(refused(Deed::Cancel, &[item("tea", 3)]), Fault::TooMany { pick: 0, room: 2 });
        assert_eq!(refused(Deed::Return, &[item("tea", 2)]), Fault::TooMany { pick: 0, room: 1 });
        assert_eq!(refused(Deed::Return, &[item("cup", 1)]), Fault::Unknown { pick: 0 });
    }
}
