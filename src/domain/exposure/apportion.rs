//! Units among those who want them, by weight, in whole sales.

/// Someone who may get units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub weight: f64,
    /// What one sale takes: a share is a multiple of it.
    pub units: i64,
    pub most: i64,
    pub priority: i64,
}

/// Hamilton's method (largest remainders) with two additions: nobody gets more than it can show, and the last units
/// go by priority before remainder. The sum never exceeds `total`.
pub(super) fn apportion(total: i64, seats: &[Seat]) -> Vec<i64> {
    let mut given = vec![0_i64; seats.len()];
    let mut left = total.max(0);
    // Whoever is full leaves its part to the others: at most one round for each.
    for _ in 0..seats.len() {
        let open = |index: usize, given: &[i64]| given[index] + seats[index].units <= seats[index].most;
        let weight: f64 = (0..seats.len()).filter(|index| open(*index, &given)).map(|index| seats[index].weight).sum();
        if weight <= 0.0 || left <= 0 {
            break;
        }
        let before = left;
        for (index, seat) in seats.iter().enumerate().filter(|(_, seat)| seat.units > 0) {
            if given[index] + seat.units > seat.most {
                continue;
            }
            let quota = (before as f64 * seat.weight / weight) as i64;
            let part = whole(quota.min(seat.most - given[index]).min(left), seat.units);
            given[index] += part;
            left -= part;
        }
        if left == before {
            break;
        }
    }
    let weight: f64 = seats.iter().map(|seat| seat.weight).sum();
    let ideal: Vec<f64> = seats.iter().map(|seat| total as f64 * seat.weight / weight.max(f64::MIN_POSITIVE)).collect();
    while left > 0 {
        let fits = |index: &usize| {
            let seat = &seats[*index];
            seat.units > 0 && seat.units <= left && given[*index] + seat.units <= seat.most
        };
        let missing = |index: usize| (ideal[index] - given[index] as f64) / seats[index].units as f64;
        let next = (0..seats.len()).filter(fits).max_by(|a, b| {
            let priority = seats[*a].priority.cmp(&seats[*b].priority);
            priority.then(missing(*a).total_cmp(&missing(*b))).then(b.cmp(a))
        });
        let Some(next) = next else { break };
        // Above its part by a whole sale, whoever comes first must not take everything.
        given[next] += seats[next].units;
        left -= seats[next].units;
    }
    given
}

pub(super) fn whole(quantity: i64, units: i64) -> i64 {
    quantity - quantity.rem_euclid(units.max(1))
}
