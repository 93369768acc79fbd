//! Bundles (セット商品): SKUs without stock of their own, made of others.
//!
//! A recipe names the direct components of a bundle; a component may be a bundle itself, to any depth. What
//! everything else counts with is the *flat* recipe: how many units of each stocked SKU one bundle takes. A
//! bundle that would contain itself is refused by naming the way round.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

/// How many of one stocked SKU a flat recipe may take: far above any set, far below what products of stock and
/// quantities could overflow with.
pub const UNITS_MAX: i64 = 1_000_000;

/// Component → quantity.
pub type Recipe<K> = BTreeMap<K, i64>;

/// What can't be flattened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault<K> {
    /// Each of these contains the next, and the last one the first.
    Cycle(Vec<K>),
    /// One of `bundle` would take more than [`UNITS_MAX`] of `component`.
    TooMany { bundle: K, component: K },
}

impl<K: Display> Fault<K> {
    pub fn sentence(&self) -> String {
        match self {
            Self::Cycle(round) => {
                let way: Vec<String> = round.iter().chain(round.first()).map(K::to_string).collect();
                format!("a bundle contains itself: {}", way.join(" → "))
            }
            Self::TooMany { bundle, component } => {
                format!("one {bundle} would take more than {UNITS_MAX} of {component}")
            }
        }
    }
}

/// The flat recipes of these SKUs. One without a recipe is stocked itself: it takes 1 of itself.
pub fn flatten<K: Ord + Clone>(
    recipes: &BTreeMap<K, Recipe<K>>,
    skus: impl IntoIterator<Item = K>,
) -> Result<BTreeMap<K, Recipe<K>>, Fault<K>> {
    let parts = |sku: &K| recipes.get(sku).into_iter().flat_map(BTreeMap::keys);
    let mut flat = BTreeMap::new();
    let mut wanted = BTreeMap::new();
    for sku in skus {
        // The way down is kept by hand: a chain of any length must not end the stack.
        let mut way = vec![(sku.clone(), parts(&sku))];
        let mut above = BTreeSet::from([sku.clone()]);
        while let Some((here, rest)) = way.last_mut() {
            match rest.find(|part| !flat.contains_key(*part)) {
                Some(part) if above.contains(part) => {
                    let round = way.into_iter().map(|(sku, _)| sku).skip_while(|sku| sku != part);
                    return Err(Fault::Cycle(round.collect()));
                }
                Some(part) => {
                    above.insert(part.clone());
                    way.push((part.clone(), parts(part)));
                }
                None => {
                    let made = sum(recipes.get(here), here, &flat)?;
                    above.remove(here);
                    flat.insert(here.clone(), made);
                    way.pop();
                }
            }
        }
        if let Some(recipe) = flat.get(&sku) {
            wanted.insert(sku, recipe.clone());
        }
    }
    Ok(wanted)
}

/// One level up: the components' flat recipes, multiplied and added.
fn sum<K: Ord + Clone>(
    recipe: Option<&Recipe<K>>,
    bundle: &K,
    flat: &BTreeMap<K, Recipe<K>>,
) -> Result<Recipe<K>, Fault<K>> {
    let Some(recipe) = recipe.filter(|recipe| !recipe.is_empty()) else {
        return Ok(Recipe::from([(bundle.clone(), 1)]));
    };
    let mut made = Recipe::new();
    for (part, quantity) in recipe {
        for (component, units) in flat.get(part).into_iter().flatten() {
            let total = made.entry(component.clone()).or_insert(0);
            *total = quantity.saturating_mul(*units).saturating_add(*total);
            if *total > UNITS_MAX {
                return Err(Fault::TooMany { bundle: bundle.clone(), component: component.clone() });
            }
        }
    }
    Ok(made)
}

/// How many bundles can be sold: as many as the scarcest component allows. `None` where a component has no
/// figure; below zero where one is oversold. Each component is given as its sellable units and how many of
/// them one bundle takes.
pub fn sellable(components: impl IntoIterator<Item = (Option<i64>, i64)>) -> Option<i64> {
    let mut least = None;
    for (units, quantity) in components {
        let enough_for = units?.div_euclid(quantity.max(1));
        least = Some(least.map_or(enough_for, |least: i64| least.min(enough_for)));
    }
    least
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipes(lines: &[(&'static str, &[(&'static str, i64)])]) -> BTreeMap<&'static str, Recipe<&'static str>> {
        lines.iter().map(|(bundle, parts)| (*bundle, parts.iter().copied().collect())).collect()
    }

    #[test]
    fn a_set_of_sets_takes_the_product_of_all_quantities() {
        let known = recipes(&[("hamper", &[("box", 2), ("tea", 1)]), ("box", &[("tea", 3), ("cup", 1)])]);
        let flat = flatten(&known, ["hamper", "box", "cup"]).unwrap();
        assert_eq!(flat["hamper"], Recipe::from([("tea", 7), ("cup", 2)]));
        assert_eq!(flat["box"], Recipe::from([("tea", 3), ("cup", 1)]));
        assert_eq!(flat["cup"], Recipe::from([("cup", 1)]), "what has no recipe is stocked itself");
    }

    #[test]
    fn a_bundle_that_contains_itself_is_refused_with_the_way_round() {
        let known = recipes(&[("gift", &[("box", 1)]), ("box", &[("tea", 1), ("set", 1)]), ("set", &[("box", 4)])]);
        let fault = flatten(&known, ["gift"]).unwrap_err();
        assert_eq!(fault, Fault::Cycle(vec!["box", "set"]));
        assert_eq!(fault.sentence(), "a bundle contains itself: box → set → box");
        let alone = recipes(&[("box", &[("box", 1)])]);
        assert_eq!(flatten(&alone, ["box"]).unwrap_err().sentence(), "a bundle contains itself: box → box");
    }

    #[test]
    fn quantities_that_no_stock_could_answer_are_refused() {
        let known = recipes(&[("pallet", &[("crate", 1_001)]), ("crate", &[("nail", 1_000)])]);
        assert_eq!(flatten(&known, ["pallet"]), Err(Fault::TooMany { bundle: "pallet", component: "nail" }));
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_sets_is_flattened() {
        let known: BTreeMap<u32, Recipe<u32>> = (0..100_000).map(|n| (n, Recipe::from([(n + 1, 1)]))).collect();
        assert_eq!(flatten(&known, [0]).unwrap()[&0], Recipe::from([(100_000, 1)]));
    }

    #[test]
    fn the_scarcest_component_says_how_many_can_be_sold() {
        assert_eq!(sellable([(Some(10), 1), (Some(7), 3)]), Some(2));
        assert_eq!(sellable([(Some(10), 1), (Some(-1), 3)]), Some(-1), "a component is oversold");
        assert_eq!(sellable([(Some(10), 1), (None, 3)]), None, "no figure is not zero");
        assert_eq!(sellable([]), None);
    }

    /// Any recipes without a way round: a bundle is made of SKUs with larger numbers.
    fn any_recipes() -> impl Strategy<Value = BTreeMap<u8, Recipe<u8>>> {
        let parts = proptest::collection::btree_map(1_u8..12, 1_i64..4, 1..4);
        proptest::collection::btree_map(0_u8..10, parts, 0..8).prop_map(|recipes| {
            let beyond = |bundle: u8, parts: Recipe<u8>| -> Recipe<u8> {
                parts.into_iter().map(|(part, quantity)| ((bundle + part).min(20), quantity)).collect()
            };
            recipes.into_iter().map(|(bundle, parts)| (bundle, beyond(bundle, parts))).collect()
        })
    }

    /// The same by taking things out of the box one by one.
    fn unpacked(recipes: &BTreeMap<u8, Recipe<u8>>, sku: u8, times: i64, into: &mut Recipe<u8>) {
        match recipes.get(&sku) {
            None => *into.entry(sku).or_insert(0) += times,
            Some(parts) => parts.iter().for_each(|(part, quantity)| unpacked(recipes, *part, times * quantity, into)),
        }
    }

    proptest! {
        #[test]
        fn a_flat_recipe_is_what_unpacking_every_box_gives(recipes in any_recipes()) {
            for (sku, flat) in flatten(&recipes, 0..21).unwrap() {
                let mut expected = Recipe::new();
                unpacked(&recipes, sku, 1, &mut expected);
                prop_assert_eq!(flat, expected);
            }
        }

        #[test]
        fn what_can_be_sold_can_be_packed_and_one_more_can_not(
            parts in proptest::collection::vec((0_i64..1_000, 1_i64..50), 1..6)
        ) {
            let most = sellable(parts.iter().map(|(units, quantity)| (Some(*units), *quantity))).unwrap();
            prop_assert!(parts.iter().all(|(units, quantity)| most * quantity <= *units));
            prop_assert!(parts.iter().any(|(units, quantity)| (most + 1) * quantity > *units));
        }

        #[test]
        fn any_way_round_is_found_and_is_one(recipes in any_recipes(), from in 0_u8..21, to in 0_u8..21) {
            let mut bent = recipes.clone();
            bent.entry(from).or_default().insert(to, 1);
            let mut reached = Recipe::new();
            // With one more edge there is a way round exactly when its end leads back to its beginning.
            let mut open = vec![to];
            while let Some(sku) = open.pop() {
                if reached.insert(sku, 1).is_none() {
                    open.extend(recipes.get(&sku).into_iter().flat_map(Recipe::keys));
                }
            }
            match flatten(&bent, 0..21) {
                Ok(_) => prop_assert!(!reached.contains_key(&from)),
                Err(Fault::Cycle(round)) => {
                    prop_assert!(reached.contains_key(&from));
                    let next = round.iter().cycle().skip(1);
                    for (sku, next) in round.iter().zip(next) {
                        prop_assert!(bent[sku].contains_key(next));
                    }
                }
                Err(fault) => prop_assert!(false, "{}", fault.sentence()),
            }
        }
    }
}
