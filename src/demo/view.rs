//! The live view: what lies where, what each mall shows now, and how the hub keeps up.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    chase::{Chase, Event, Kind},
    goods::GOODS,
    readings::{Belief, Channel},
    street::Shop,
    text::{Line, Style},
    traffic::Tally,
};
use crate::store::sheets::LaneSheet;

const BAR: usize = 24;
/// Columns of a figure about a good: "unshipped" and a blank.
const FIGURE: usize = 10;

/// Columns of names and of malls, on a screen of that width.
#[derive(Clone, Copy)]
struct Widths {
    name: usize,
    mall: usize,
}

impl Widths {
    fn of(columns: usize, malls: usize) -> Self {
        let name = if columns < 110 { 18 } else { 26 };
        let room = columns.saturating_sub(name + 3 * FIGURE) / malls.max(1);
        Self { name, mall: room.clamp(10, 22) }
    }
}

/// Everything that is drawn, at one moment.
pub struct View<'a> {
    pub shops: &'a [Shop],
    pub belief: &'a Belief,
    pub chase: &'a Chase,
    /// How the hub's API is reached, when it is served.
    pub address: Option<&'a str>,
    /// Per shop.
    pub tallies: Vec<Tally>,
    /// Per shop: name and requests that could leave now.
    pub quotas: Vec<Vec<(String, u32)>>,
    pub clock: Clock,
}

pub struct Clock {
    pub title: String,
    /// What is going on: trading, settling.
    pub phase: &'static str,
    /// The machine's time since this phase began, and how long it may last.
    pub spent: Duration,
    pub limit: Option<Duration>,
    pub now: Timestamp,
}

impl View<'_> {
    pub fn frame(&self, (columns, rows): (usize, usize)) -> Vec<Line> {
        let note = "Under each mall: its own counter now → what the hub wants there. ×3: sold by packs of three.";
        let widths = Widths::of(columns, self.shops.len());
        let mut lines = vec![self.heading(columns), Line::new().then(Style::Dim, note), Line::new()];
        lines.extend(self.goods(widths));
        lines.push(Line::new());
        lines.extend(self.channels(widths));
        lines.push(Line::new());
        lines.extend(self.address.map(|address| Line::new().then(Style::Dim, address)));
        lines.extend(self.troubles().into_iter().take(4));
        lines.push(Line::new().then(Style::Bold, "Recently"));
        let room = rows.saturating_sub(lines.len());
        lines.extend(self.chase.events.iter().take(room).map(|event| self.event(event, widths)));
        lines
    }

    /// One line for those who watch no terminal.
    pub fn progress(&self) -> String {
        let total = |part: fn(&Tally) -> u64| self.tallies.iter().map(part).sum::<u64>();
        let seen: usize = self.belief.channels.iter().map(|channel| channel.seen).sum();
        let backlog: u64 = self.belief.channels.iter().map(|channel| channel.sheet.backlog).sum();
        format!(
            "{} {}: {} orders placed, {seen} read; {} of {} listings differ, backlog {backlog}; {} requests, {} failed, \
             {} throttled, {} above quota; {} need attention",
            self.clock.phase,
            span(self.clock.spent),
            self.orders_placed(),
            self.differing(),
            self.shops.len() * GOODS.len(),
            total(|tally| tally.requests),
            total(|tally| tally.failed),
            total(|tally| tally.throttled),
            self.shops.iter().map(|shop| shop.meters.violations().len()).sum::<usize>(),
            self.belief.attention.len(),
        )
    }

    fn orders_placed(&self) -> usize {
        self.shops.iter().map(|shop| shop.book().orders().len()).sum()
    }

    fn differing(&self) -> usize {
        let differs = |(shop, good): (usize, usize)| self.differs(shop, good);
        let all = (0..self.shops.len()).flat_map(|shop| (0..GOODS.len()).map(move |good| (shop, good)));
        all.filter(|place| differs(*place)).count()
    }

    fn differs(&self, shop: usize, good: usize) -> bool {
        self.belief.listings[shop][good].target != Some(self.shops[shop].counter(good))
    }

    fn heading(&self, columns: usize) -> Line {
        let clock = &self.clock;
        let mut line = Line::new().then(Style::Bold, "uriba demo").then(Style::Dim, format!("  {}   ", clock.title));
        line = line.then(Style::Bold, format!("{} ", clock.phase)).then(Style::Plain, span(clock.spent));
        if let Some(limit) = clock.limit {
            let part = clock.spent.as_secs_f64() / limit.as_secs_f64().max(0.001);
            let full = ((part * BAR as f64) as usize).min(BAR);
            line = line
                .then(Style::Plain, format!(" of {} ", span(limit)))
                .then(Style::Good, "━".repeat(full))
                .then(Style::Dim, "─".repeat(BAR - full));
        }
        let local = clock.now.to_zoned(TimeZone::fixed(jiff::tz::offset(9)));
        let right = format!("malls' clock {}   Ctrl-C ends it", local.strftime("%m-%d %H:%M:%S JST"));
        let gap = columns.saturating_sub(line.width() + right.len()).max(2);
        line.then(Style::Plain, " ".repeat(gap)).then(Style::Dim, right)
    }

    fn goods(&self, widths: Widths) -> Vec<Line> {
        let mut head = Line::new().left(Style::Dim, "what", widths.name);
        for name in ["on hand", "unshipped", "sellable"] {
            head = head.right(Style::Dim, name, FIGURE);
        }
        for shop in self.shops {
            head = head.right(Style::Bold, &format!("  {}", shop.name()), widths.mall);
        }
        let mut lines = vec![head];
        lines.extend((0..GOODS.len()).map(|good| self.good(good, widths)));
        lines
    }

    fn good(&self, good: usize, widths: Widths) -> Line {
        let shelf = self.belief.shelves[good];
        let sellable = shelf.sellable();
        let (style, short) = match sellable {
            Some(units) if units < 0 => (Style::Bad, " oversold"),
            Some(units) if units <= 3 => (Style::Warn, ""),
            _ => (Style::Plain, ""),
        };
        let number = |value: Option<i64>| value.map_or_else(|| "–".into(), |value| value.to_string());
        let mut line = Line::new()
            .left(Style::Plain, GOODS[good].name, widths.name)
            .right(Style::Plain, &number(shelf.on_hand), FIGURE)
            .right(Style::Plain, &number(Some(shelf.unshipped)), FIGURE)
            .right(style, &number(sellable), FIGURE);
        for (index, shop) in self.shops.iter().enumerate() {
            let listing = &self.belief.listings[index][good];
            let counter = shop.counter(good);
            let pack = match shop.listings[good].units {
                1 => String::new(),
                units => format!(" ×{units}"),
            };
            let arrow = if widths.mall < 14 { "→" } else { " → " };
            let (style, text) = match listing.target {
                Some(target) if target == counter => (Style::Good, format!(" {counter}{pack}")),
                target => (Style::Mark, format!(" {counter}{arrow}{}{pack}", number(target))),
            };
            let style = if listing.is_left_alone() { Style::Bad } else { style };
            line = line.right(style, &text, widths.mall);
        }
        line.then(Style::Bad, short)
    }

    fn channels(&self, widths: Widths) -> Vec<Line> {
        let mut head = Line::new().left(Style::Dim, "mall", widths.name);
        for (name, width) in COLUMNS {
            head = head.right(Style::Dim, name, width + 1);
        }
        let head =
            head.then(Style::Dim, "   ").left(Style::Dim, "reading orders", 16).left(Style::Dim, "writing stock", 16);
        let mut lines = vec![head.then(Style::Dim, "requests that may leave now")];
        for (index, shop) in self.shops.iter().enumerate() {
            lines.push(self.channel(index, shop, widths));
        }
        lines
    }

    fn channel(&self, index: usize, shop: &Shop, widths: Widths) -> Line {
        let channel = &self.belief.channels[index];
        let tally = self.tallies[index];
        let violations = shop.meters.violations().len();
        let placed = shop.book().orders().len();
        let figures = [
            (placed.to_string(), Style::Plain),
            (channel.seen.to_string(), if channel.seen < placed { Style::Warn } else { Style::Plain }),
            (channel.sheet.backlog.to_string(), if channel.sheet.backlog > 0 { Style::Warn } else { Style::Plain }),
            (tally.requests.to_string(), Style::Plain),
            (tally.failed.to_string(), if tally.failed > 0 { Style::Warn } else { Style::Plain }),
            (tally.throttled.to_string(), if tally.throttled > 0 { Style::Warn } else { Style::Plain }),
            (violations.to_string(), if violations > 0 { Style::Bad } else { Style::Plain }),
        ];
        let mut line = Line::new().left(Style::Bold, shop.name(), widths.name);
        for ((text, style), (_, width)) in figures.iter().zip(COLUMNS) {
            line = line.right(*style, text, width + 1);
        }
        line = line.then(Style::Plain, "   ");
        if let Some(suspension) = &channel.sheet.suspend {
            return line.then(Style::Bad, format!("{} ({})", channel.sheet.state, suspension.mode));
        }
        for lane in lanes(channel) {
            line = line.left(lane_style(&lane.state), &lane.state, 16);
        }
        let quotas: Vec<String> = self.quotas[index].iter().map(|(name, left)| format!("{name} {left}")).collect();
        line.then(Style::Dim, quotas.join(" "))
    }

    /// What stands still, and what needs a person.
    fn troubles(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (shop, channel) in self.shops.iter().zip(&self.belief.channels) {
            for (what, lane) in ["reading orders", "writing stock"].iter().zip(lanes(channel)) {
                if let Some(cause) = lane.cause.as_ref().filter(|_| lane.state != "flowing") {
                    let text = format!("{}, {what}, {}: {cause}", shop.name(), lane.state);
                    lines.push(Line::new().then(lane_style(&lane.state), text));
                }
            }
        }
        lines.extend(
            self.belief.attention.iter().map(|item| Line::new().then(Style::Warn, format!("! {}", item.message))),
        );
        lines
    }

    fn event(&self, event: &Event, widths: Widths) -> Line {
        let shop = widths.name.min(18);
        let local = event.at.to_zoned(TimeZone::fixed(jiff::tz::offset(9)));
        let line = Line::new().then(Style::Dim, format!("{}  ", local.strftime("%H:%M:%S")));
        let sale = match &event.kind {
            Kind::Delivered { good, units } => {
                return line
                    .left(Style::Bold, "warehouse", shop)
                    .then(Style::Plain, format!(" got  {units:>2} × {}", GOODS[*good].name));
            }
            Kind::Sold(sale) => sale,
        };
        let line = line
            .left(Style::Bold, self.shops[sale.shop].name(), shop)
            .then(Style::Plain, " sold ")
            .right(Style::Plain, &sale.units.to_string(), 2)
            .then(Style::Plain, " × ")
            .left(Style::Plain, GOODS[sale.good].name, widths.name);
        match (sale.followed, sale.seen) {
            (Some(took), _) => line.then(Style::Good, format!("the others followed after {} s", took.as_secs())),
            (None, false) => line.then(Style::Dim, "not read yet"),
            (None, true) => {
                let behind: Vec<&str> = sale.behind.iter().map(|shop| self.shops[*shop].name()).collect();
                line.then(Style::Mark, format!("read; being lowered: {}", behind.join(", ")))
            }
        }
    }
}

fn lanes(channel: &Channel) -> [&LaneSheet; 2] {
    [&channel.sheet.health.orders, &channel.sheet.health.stock]
}

const COLUMNS: [(&str, usize); 7] =
    [("orders", 7), ("read", 6), ("backlog", 7), ("requests", 8), ("failed", 6), ("throttled", 9), ("above quota", 11)];

fn lane_style(word: &str) -> Style {
    match word {
        "flowing" => Style::Good,
        "waiting" => Style::Warn,
        _ => Style::Bad,
    }
}

/// Minutes and seconds.
pub fn span(length: Duration) -> String {
    format!("{:02}:{:02}", length.as_secs() / 60, length.as_secs() % 60)
}
