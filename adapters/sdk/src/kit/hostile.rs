//! Answers that no mall means: empty, torn, endless, nested without end. Never understood, never a panic, and never
//! more memory than a few such answers take.

use std::sync::Arc;

use super::{
    Finding, Planned, Shop, check,
    duty::{Bench, Duty, Told, on, words},
    ensure,
};
use crate::{
    error::{Class, Result as Called},
    fake::Fault,
};

/// Deeper than any stack that a parser may use.
const DEEP: usize = 100_000;
/// Larger than any page of orders, smaller than what the wire refuses.
const HUGE: usize = 8 << 20;
/// A body of `HUGE` numbers is a few hundred megabytes where each becomes a value; one that grows is thousands.
const MEMORY_KIB_MAX: u64 = 700 << 10;

const RULE: &str = "`Class::Malformed`: the mall answered something that isn't understood, and it is never guessed at";

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("nonsense is never understood", RULE, |shop| answered(shop, nonsense())),
        check("endless nesting is never understood", RULE, |shop| answered(shop, nested())),
        check("a huge answer is never understood", RULE, |shop| answered(shop, vec![("8 MB of numbers", huge())])),
        check(
            "an answer beyond the size limit is refused",
            "`BODY_BYTES_MAX`: answers beyond it are cut off by the wire, and `Malformed`",
            enormous,
        ),
    ]
}

type Body = (&'static str, Vec<u8>);

/// All of them but the page for people, which a mall may show when it is closed.
pub(super) fn bodies() -> Vec<Body> {
    let all = [nonsense(), nested(), vec![("8 MB of numbers", huge())]];
    all.into_iter().flatten().collect()
}

/// The most that this process has had in memory, so far: other checks at the same time count as well.
pub(super) struct Memory(Option<u64>);

impl Memory {
    pub(super) fn before() -> Self {
        Self(peak_kib())
    }

    pub(super) fn bounded(&self) -> Finding {
        let grown = peak_kib().zip(self.0).map_or(0, |(after, before)| after.saturating_sub(before));
        ensure(grown < MEMORY_KIB_MAX, || {
            (format!("at most {MEMORY_KIB_MAX} KiB more for hostile bodies"), format!("{grown} KiB more at the peak"))
        })
    }
}

/// Linux says it; elsewhere nobody asks.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn nonsense() -> Vec<Body> {
    let page = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>a router<br>here</body></html>";
    vec![
        ("nothing", Vec::new()),
        ("not UTF-8", b"{\"orders\":[\"\xff\xfe\x80\"]}".to_vec()),
        ("a zero byte", b"\0".to_vec()),
        ("null", b"null".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("an empty array", b"[]".to_vec()),
        ("a text", b"\"ok\"".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("an unknown element", b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Unknown/>".to_vec()),
        ("an unclosed element", b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Result><Status>OK".to_vec()),
        ("growing entities", entities()),
        ("a page for people", page.into()),
    ]
}

/// A kilobyte that is a gigabyte to whoever believes it.
fn entities() -> Vec<u8> {
    let mut declared = String::from("<!ENTITY a0 \"bbbbbbbbbb\">");
    for n in 1..9 {
        let inner = format!("&a{};", n - 1).repeat(10);
        declared.push_str(&format!("<!ENTITY a{n} \"{inner}\">"));
    }
    format!("<?xml version=\"1.0\"?><!DOCTYPE a [{declared}]><a>&a8;</a>").into_bytes()
}

fn nested() -> Vec<Body> {
    vec![
        ("arrays", b"[".repeat(DEEP)),
        ("objects", b"{\"a\":".repeat(DEEP)),
        ("closed arrays", [b"[".repeat(DEEP), b"]".repeat(DEEP)].concat()),
        ("elements", b"<a>".repeat(DEEP)),
        ("closed elements", [b"<a>".repeat(DEEP), b"</a>".repeat(DEEP)].concat()),
    ]
}

fn huge() -> Vec<u8> {
    let mut body = b"[0".to_vec();
    body.extend(b",0".repeat(HUGE / 2));
    body.push(b']');
    body
}

async fn answered(shop: Arc<Shop>, bodies: Vec<Body>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    let memory = Memory::before();
    for (duty, operation) in bench.duties.clone() {
        bench.recovers(&shop, duty).await?;
        for (what, body) in &bodies {
            shop.fault(operation, Fault::Garbage(body.clone()));
            let result = bench.perform(&shop, duty).await?;
            shop.book().clear_faults();
            let fits = fits(duty, what, &result) || bench.spares(duty, &result);
            ensure(fits, || ("Malformed", on(operation, what, &result)))?;
        }
        bench.recovers(&shop, duty).await?;
    }
    memory.bounded()
}

fn fits(duty: Duty, what: &str, result: &Called<Told>) -> bool {
    match result {
        Ok(told) => duty.writes() && matches!(told, Told::Doubtful),
        Err(error) => match error.class {
            Class::Malformed { .. } => true,
            Class::Maintenance { .. } | Class::Transient { .. } => what == "a page for people",
            _ => false,
        },
    }
}

/// One body for the search alone: the wire's limit is the same for all.
async fn enormous(shop: Arc<Shop>) -> Finding {
    let bench = Bench::of_requests(&shop).await?;
    bench.recovers(&shop, Duty::Search).await?;
    shop.fault(shop.card().orders.search, Fault::Garbage(vec![b' '; crate::env::BODY_BYTES_MAX + 1]));
    let result = bench.perform(&shop, Duty::Search).await?;
    let fits = matches!(&result, Err(error) if matches!(error.class, Class::Malformed { .. }));
    ensure(fits, || ("Malformed", words(&result)))
}
