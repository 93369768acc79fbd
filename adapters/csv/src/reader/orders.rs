//! Rows → orders: gathered from wherever they stand, spoilt as a whole where one row is.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use uriba_sdk::{FulfilledBy, Line, Order};

use super::{
    Flaw, Stated,
    row::{Good, Names, Read},
};

type Name = (Option<String>, String);

pub(super) struct Draft {
    names: Names,
    orders: BTreeMap<Name, Gathered>,
    flaws: Vec<(Flaw, Option<String>)>,
}

struct Gathered {
    first: u64,
    placed_at: Timestamp,
    updated_at: Option<Timestamp>,
    lines: Vec<(Option<Timestamp>, Line)>,
    by_id: HashMap<String, usize>,
}

impl Draft {
    pub fn new(names: Names) -> Self {
        Self { names, orders: BTreeMap::new(), flaws: Vec::new() }
    }

    pub fn add(&mut self, read: Read) {
        match read {
            Read::Good(good) => self.gather(*good),
            Read::Flawed(flaw, suspected) => self.flaws.push((flaw, suspected)),
        }
    }

    pub fn spoil(&mut self, flaw: Flaw) {
        self.flaws.push((flaw, None));
    }

    pub fn flaws(&self) -> usize {
        self.flaws.len()
    }

    pub fn first_flaw(&self) -> (u64, &str) {
        self.flaws.first().map_or((1, ""), |(flaw, _)| (flaw.line, flaw.message.as_str()))
    }

    fn gather(&mut self, good: Good) {
        let at = good.at;
        let names = &self.names;
        let flaw = |column: &Option<String>, message: &str| Flaw {
            line: at,
            column: column.clone(),
            message: message.into(),
            channel: good.channel.clone(),
            order_id: Some(good.order_id.clone()),
            mall_keys: good.line.mall_key.clone().into_iter().collect(),
            placed_at: Some(good.placed_at),
        };
        let known = self.orders.entry((good.channel.clone(), good.order_id.clone())).or_insert_with(|| Gathered {
            first: at,
            placed_at: good.placed_at,
            updated_at: None,
            lines: Vec::new(),
            by_id: HashMap::new(),
        });
        if known.placed_at != good.placed_at {
            self.flaws.push((flaw(&names.ordered_at, "is not that of the order's other rows"), None));
        } else if let Err(odd) = known.take(&good) {
            let odd = match odd {
                Odd::Listing => flaw(&names.mall_key, "is not that of the row above with the same line"),
                Odd::Units => flaw(&names.ordered, "makes more units of one listing than there can be"),
            };
            self.flaws.push((odd, None));
        }
    }

    /// Orders by their first rows, and flaws with all that other rows know of their orders.
    pub fn finish(mut self) -> (Vec<Stated>, Vec<Flaw>) {
        let mut names: HashMap<&str, Vec<&Name>> = HashMap::new();
        for name in self.orders.keys() {
            names.entry(name.1.as_str()).or_default().push(name);
        }
        let mut flaws = Vec::new();
        let mut spoilt: HashSet<Name> = HashSet::new();
        for (mut flaw, suspected) in self.flaws {
            flaw.order_id = flaw.order_id.or_else(|| suspected.filter(|id| names.contains_key(id.as_str())));
            let same = flaw.order_id.as_deref().and_then(|id| names.get(id)).map_or(&[][..], Vec::as_slice);
            for name in same.iter().filter(|name| flaw.channel.is_none() || flaw.channel == name.0) {
                let Some(known) = self.orders.get(*name) else { continue };
                flaw.mall_keys.extend(known.lines.iter().filter_map(|(_, line)| line.mall_key.clone()));
                flaw.placed_at = flaw.placed_at.or(Some(known.placed_at));
                spoilt.insert((*name).clone());
            }
            flaw.mall_keys.sort();
            flaw.mall_keys.dedup();
            flaws.push(flaw);
        }
        self.orders.retain(|name, _| !spoilt.contains(name));
        let mut orders: Vec<_> = self.orders.into_iter().map(stated).collect();
        orders.sort_by_key(|stated| stated.line);
        (orders, flaws)
    }
}

/// Why a row can't be taken to the others of its order.
enum Odd {
    Listing,
    Units,
}

impl Gathered {
    fn take(&mut self, good: &Good) -> Result<(), Odd> {
        self.updated_at = self.updated_at.max(good.updated_at);
        let Some(place) = self.by_id.get(&good.line.id) else {
            self.by_id.insert(good.line.id.clone(), self.lines.len());
            self.lines.push((good.updated_at, good.line.clone()));
            return Ok(());
        };
        let (updated_at, line) = &mut self.lines[*place];
        if !good.numbered {
            return add_up(line, &good.line).ok_or(Odd::Units);
        }
        if line.mall_key != good.line.mall_key {
            return Err(Odd::Listing);
        }
        // The same line once more: whatever is newer stands.
        if good.updated_at >= *updated_at {
            (*updated_at, *line) = (good.updated_at, good.line.clone());
        }
        Ok(())
    }
}

fn add_up(line: &mut Line, other: &Line) -> Option<()> {
    line.ordered = line.ordered.checked_add(other.ordered)?;
    line.cancelled += other.cancelled;
    line.shipped += other.shipped;
    line.shipped_at = line.shipped_at.max(other.shipped_at);
    Some(())
}

fn stated(((channel, id), known): (Name, Gathered)) -> Stated {
    let order = Order {
        id,
        family: None,
        revision: None,
        placed_at: known.placed_at,
        updated_at: known.updated_at,
        fulfilled_by: FulfilledBy::Seller,
        lines: known.lines.into_iter().map(|(_, line)| line).collect(),
    };
    Stated { channel, order, line: known.first }
}
