//! Answers that no mall means: empty, torn, endless, nested without end. Never understood, never a panic.

use std::sync::Arc;

use super::{
    Finding, Planned, Shop, check,
    duty::{Bench, Duty, Told, words},
    ensure, over_http,
};
use crate::{
    error::{Class, Result as Called},
    fake::Fault,
};

/// Deeper than any stack that a parser may use.
const DEEP: usize = 100_000;
/// Larger than any page of orders, smaller than what the wire refuses.
const HUGE: usize = 8 << 20;

pub(super) fn all() -> Vec<Planned> {
    vec![
        check("nonsense is never understood", |shop| answered(shop, nonsense())),
        check("endless nesting is never understood", |shop| answered(shop, nested())),
        check("a huge answer is never understood", |shop| answered(shop, vec![("8 MB of numbers", huge())])),
        check("an answer beyond the size limit is refused", enormous),
    ]
}

type Body = (&'static str, Vec<u8>);

fn nonsense() -> Vec<Body> {
    let page = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>a router<br>here</body></html>";
    let entities = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;&b;\">\
                    <!ENTITY d \"&c;&c;&c;&c;&c;\">]><a>&d;&d;&d;</a>";
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
        ("growing entities", entities.into()),
        ("a page for people", page.into()),
    ]
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
    over_http(&shop)?;
    let bench = Bench::new(&shop)?;
    for (duty, operation) in Bench::duties(&shop) {
        bench.recovers(&shop, duty).await?;
        for (what, body) in &bodies {
            shop.fault(operation, Fault::Garbage(body.clone()));
            let result = bench.perform(&shop, duty).await?;
            shop.book().clear_faults();
            ensure(fits(duty, what, &result), || format!("{operation} was answered with {what}: {}", words(&result)))?;
        }
        bench.recovers(&shop, duty).await?;
    }
    Ok(())
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
    over_http(&shop)?;
    let bench = Bench::new(&shop)?;
    bench.recovers(&shop, Duty::Search).await?;
    shop.fault(shop.card().orders.search, Fault::Garbage(vec![b' '; crate::env::BODY_BYTES_MAX + 1]));
    let result = bench.perform(&shop, Duty::Search).await?;
    ensure(matches!(&result, Err(error) if matches!(error.class, Class::Malformed { .. })), || words(&result))
}
