//! What shoppers and clerks do to an order, read back as far as the mall's format can say it.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{Finding, Planned, Shop, check, ensure, finding::stages, shop::sold_out};
use crate::{
    env::Env,
    fake::{Book, Stage},
    order::{FulfilledBy, Line, Order, Restored},
};

/// Random orders of the round trip.
const ORDERS: usize = 300;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check(
            "an order of every stage is found and holds its stock",
            "`Line::unshipped`: an order holds its units while it is unpaid, on hold, pre-ordered or being screened",
            every_stage,
        ),
        check(
            "cancels, shipments, edits and returns are read as the mall states them",
            "`Line`: quantities are what the mall states now, in units of the listing",
            every_change,
        ),
        check(
            "any order that the mall can express is read back the same",
            "`FakeMall::expressible`: what the format loses is said there; all else survives encoding and reading",
            round_trip,
        ),
    ]
}

async fn every_stage(shop: Arc<Shop>) -> Finding {
    let (one, two) = (shop.list(0, 500), shop.list(1, 500));
    let mut placed = Vec::new();
    for stage in stages(&shop) {
        let id = shop.book().place_as(&[(&one, 3), (&two, 1)], stage, FulfilledBy::Seller).map_err(|_| sold_out())?;
        let held: u32 = shop.expected(&id)?.lines.iter().map(Line::unshipped).sum();
        // Some malls make an order of each line.
        let ordered: u32 = shop.kept(&id)?.order.lines.iter().map(|line| line.ordered).sum();
        ensure(held == ordered, || {
            (format!("a fake whose {stage:?} order holds its {ordered} units"), held.to_string())
        })?;
        placed.push(id);
        shop.env.advance(Duration::from_secs(10));
    }
    // An order may also reach its stage later.
    for stage in stages(&shop) {
        let id = shop.place(&[(&one, 1)])?;
        shop.env.advance(Duration::from_secs(10));
        shop.book().set_stage(&id, stage);
        placed.push(id);
    }
    shop.settle();
    let found = shop.search().await?.ids();
    for id in &placed {
        let stage = shop.kept(id)?.stage;
        ensure(found.contains(id), || (format!("{id} ({stage:?}) in a search"), format!("found were {found:?}")))?;
    }
    shop.reads_back(&placed).await
}

type Act = fn(&Book, &str);

const ACTS: [(&str, Act); 12] = [
    ("nothing", |_, _| ()),
    ("a cancel", |book, id| book.cancel(id)),
    ("a partial cancel", |book, id| book.cancel_units(id, "1", 1)),
    ("a cancel of one line", |book, id| book.cancel_units(id, "2", 2)),
    ("a shipment", |book, id| book.ship(id)),
    ("a partial shipment", |book, id| book.ship_units(id, "1", 2)),
    ("a shipment in two parts", |book, id| {
        book.ship_units(id, "1", 1);
        book.ship(id);
    }),
    ("a shipment of one line", |book, id| book.ship_units(id, "2", 2)),
    ("a partial shipment and a cancel of the rest", |book, id| {
        book.ship_units(id, "1", 1);
        book.cancel(id);
    }),
    ("an edit upward", |book, id| book.edit(id, "1", 9)),
    ("an edit downward", |book, id| book.edit(id, "1", 1)),
    ("a return", |book, id| {
        book.ship(id);
        if let Some(mut kept) = book.order(id) {
            kept.order.lines[0].returned = 2;
            kept.order.lines[0].restored = Restored::Yes;
            kept.order.revision = kept.order.revision.map(|revision| revision + 1);
            book.insert(kept.order, kept.stage);
        }
    }),
];

async fn every_change(shop: Arc<Shop>) -> Finding {
    let (one, two) = (shop.list(0, 500), shop.list(1, 500));
    for (what, act) in ACTS {
        let id = shop.place(&[(&one, 4), (&two, 2)])?;
        shop.env.advance(Duration::from_secs(600));
        act(shop.book(), &id);
        shop.settle();
        let told = shop.reads_back(std::slice::from_ref(&id)).await;
        told.map_err(|miss| miss.within(format!("after {what}")))?;
    }
    let by_mall = shop.book().place_as(&[(&one, 2)], Stage::Ready, FulfilledBy::Mall).map_err(|_| sold_out())?;
    shop.settle();
    shop.reads_back(&[by_mall]).await
}

async fn round_trip(shop: Arc<Shop>) -> Finding {
    let mut rng = StdRng::seed_from_u64(20_261_120);
    let keys: Vec<_> = (0..9).map(|n| shop.list(n, 50_000)).collect();
    let mut placed = Vec::new();
    for _ in 0..ORDERS {
        shop.env.advance(Duration::from_millis(rng.random_range(0..90_000)));
        let lines = rng.random_range(1..=5);
        let wanted: Vec<_> = keys.as_slice().choose_multiple(&mut rng, lines).map(|key| (key.as_str(), 1)).collect();
        let id = shop.place(&wanted)?;
        let mut kept = shop.kept(&id)?;
        scramble(&mut kept.order, shop.env.as_ref(), &mut rng);
        // A stage belongs to orders of which nothing is shipped or cancelled.
        let plain = kept.order.lines.iter().all(|line| line.unshipped() == line.ordered);
        let stage = *stages(&shop).choose(&mut rng).unwrap_or(&Stage::Ready);
        shop.book().insert(kept.order, if plain { stage } else { Stage::Ready });
        placed.push(id);
    }
    shop.env.advance(Duration::from_secs(86_400));
    shop.settle();
    shop.reads_back(&placed).await
}

/// Any state that an order can be in, in canonical terms.
fn scramble(order: &mut Order, env: &dyn Env, rng: &mut StdRng) {
    let later = |rng: &mut StdRng| env.now() + SignedDuration::from_millis(rng.random_range(0..80_000_000));
    if rng.random_bool(0.1) {
        order.fulfilled_by = FulfilledBy::Mall;
    }
    order.revision = Some(rng.random_range(1..50));
    order.updated_at = Some(later(rng));
    // Most orders are worked on as a whole; some line by line.
    let whole = rng.random_range(0..6);
    for line in &mut order.lines {
        line.ordered = if rng.random_bool(0.05) { rng.random_range(1..5_000) } else { rng.random_range(1..8) };
        match if whole < 4 { whole } else { rng.random_range(0..6) } {
            0 => {}
            1 => line.shipped = line.ordered,
            2 => line.cancelled = line.ordered,
            3 => line.shipped = rng.random_range(0..=line.ordered),
            4 => line.cancelled = rng.random_range(0..=line.ordered),
            _ => {
                line.shipped = rng.random_range(0..=line.ordered);
                line.cancelled = rng.random_range(0..=line.ordered - line.shipped);
            }
        }
        if line.shipped > 0 {
            line.shipped_at = Some(later(rng));
            line.returned = if rng.random_bool(0.2) { rng.random_range(0..=line.shipped) } else { 0 };
        }
        if line.cancelled > 0 {
            line.restored = *[Restored::Yes, Restored::No, Restored::Unknown].choose(rng).unwrap_or(&Restored::Unknown);
        }
    }
}
