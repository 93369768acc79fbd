//! "Why is it 3?" for people: what each mall shows and why, then what each pool has to sell and where it lies.

use super::{print, table::Table};
use crate::domain::explain::{Op, Term, Value};

/// The derivation as indented lines.
pub fn page(tree: &Term) -> String {
    let mut sheet = Sheet(Table::new(&["WHY", ">UNITS", "WHERE FROM", "AT"]));
    let (listings, pools): (Vec<&Term>, Vec<&Term>) = tree.terms.iter().partition(|term| term.name == "shown");
    for listing in &listings {
        sheet.heading(listing);
        sheet.listing(listing);
        sheet.blank();
    }
    for pool in pools {
        sheet.term(0, pool);
        sheet.blank();
    }
    let name = tree.source.clone().unwrap_or_default();
    let at = tree.at.map_or(String::new(), |at| format!(", {}", print::instant(at)));
    if tree.terms.is_empty() {
        return format!("{name}{at}: nothing is known of it in any pool");
    }
    format!("{name}{at}\n\n{}", sheet.0.to_string().trim_end())
}

struct Sheet(Table);

impl Sheet {
    fn row(&mut self, depth: usize, label: &str, term: &Term, source: Option<String>) {
        let value = match term.value {
            Some(Value::Whole(value)) => value.to_string(),
            Some(Value::Part(part)) => part.to_string(),
            None => "-".to_owned(),
        };
        let at = term.at.map(print::instant).unwrap_or_default();
        self.0.row(vec![format!("{}{label}", "  ".repeat(depth)), value, source.unwrap_or_default(), at]);
    }

    fn heading(&mut self, term: &Term) {
        self.0.row(vec![term.source.clone().unwrap_or_default(), String::new(), String::new(), String::new()]);
    }

    fn blank(&mut self) {
        self.0.row(vec![String::new(); 4]);
    }

    fn listing(&mut self, shown: &Term) {
        for term in &shown.terms {
            match term.name.as_str() {
                "told" => {
                    self.row(1, label(&term.name), term, term.source.clone());
                    term.terms.iter().for_each(|target| self.target(target));
                }
                _ => self.term(1, term),
            }
        }
    }

    /// From sellable to the target, rule by rule, as one would do it by hand.
    fn target(&mut self, target: &Term) {
        let mut steps = Vec::new();
        let mut term = target;
        while term.name != "sellable"
            && let Some(of) = term.terms.first()
        {
            steps.push(term);
            term = of;
        }
        let what_is_sold = term.source.as_ref().map(|pool| format!("what {pool} has to sell, below"));
        if let [last] = steps.as_slice()
            && last.value == term.value
        {
            let pool = target.source.clone().or(what_is_sold);
            return self.row(1, label(&target.name), target, pool);
        }
        self.row(1, label(&target.name), target, target.source.clone());
        self.row(2, label("sellable"), term, what_is_sold);
        for step in steps.into_iter().rev().filter(|step| step.terms.len() > 1) {
            let by = &step.terms[1];
            let name = if matches!(by.name.as_str(), "suspended" | "stopped") { &by.name } else { &step.name };
            self.row(2, label(name), step, Some(said(step.op, by)));
        }
    }

    fn term(&mut self, depth: usize, term: &Term) {
        let is_place = matches!(term.name.as_str(), "location" | "channel" | "component");
        match (&term.source, is_place) {
            (Some(place), true) => self.row(depth, place, term, None),
            (source, _) => self.row(depth, label(&term.name), term, source.clone()),
        }
        let is_nothing = |part: &&Term| !(part.name == "applied" && part.whole() == Some(0));
        term.terms.iter().filter(is_nothing).for_each(|part| self.term(depth + 1, part));
    }
}

/// What a rule did, in a few words.
fn said(op: Op, by: &Term) -> String {
    let figure = match by.value {
        Some(Value::Whole(value)) => value.to_string(),
        Some(Value::Part(part)) => part.to_string(),
        None => String::new(),
    };
    let source = by.source.clone().unwrap_or_default();
    match op {
        Op::Sum => format!("{figure}, {source}"),
        Op::Multiply => format!("× {figure}, {source}"),
        Op::Divide => format!("÷ {figure}, {source}"),
        Op::Min => format!("at most {figure}, {source}"),
        Op::Override | Op::Clamp | Op::Follows | Op::Source => source,
    }
}

/// The words of the screen; the malls' own beside them.
fn label(name: &str) -> &str {
    match name {
        "shown" => "shown 掲載在庫",
        "told" => "told 通知",
        "target" => "target 掲載目標",
        "anchor" => "last seen 確認値",
        "applied" => "changed since 反映済",
        "sold_since" => "sold since 以後の受注",
        "sellable" => "sellable 販売可能在庫",
        "on_hand" => "on hand 実在庫",
        "unshipped" => "unshipped 未出荷",
        "held" => "held 引当・仮押さえ",
        "provisional" => "provisional 仮引当",
        "shipped_not_in_core" => "shipped, not in core 出荷済・基幹未反映",
        "counted" => "counted 棚卸",
        "stocktake" => "count's difference 棚卸差異",
        "receipt" => "receipt 入庫",
        "issue" => "issue 出庫",
        "transfer" => "transfer 移動",
        "reversal" => "reversal 取消",
        "order" => "order 受注",
        "reservation" => "reservation 引当",
        "missing" => "missing 未確認の販売",
        "earlier" => "earlier それ以前",
        "quantity" => "in each 構成数",
        "horizon" => "kept from 保存期限",
        "suspended" => "off sale 出品停止",
        "stopped" => "stopped 販売停止",
        "plan" => "sale plan セール計画",
        "rule.buffer" => "buffer 安全在庫",
        "rule.fraction" => "fraction 割合",
        "rule.min_show" => "show nothing below 最低掲載数",
        "rule.units" => "units per listing 入数",
        "rule.cap" => "cap 上限",
        "rule.unlimited" => "unlimited 無限",
        "rule.mall_max" => "mall's maximum モール上限",
        other => other,
    }
}
