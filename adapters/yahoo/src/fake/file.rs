//! The stock file: written when asked for, handed out when it is done.

use uriba_sdk::fake::{Reply, Visit};

use super::{
    FILE_TAKES_A_WHILE,
    service::{Service, form},
};
use crate::{
    catalogue::{NOT_YET, STOCK},
    jst,
};

pub fn order(service: &Service, visit: &Visit<'_>) -> Reply {
    if let Err(reply) = service.admit(visit.request) {
        return reply;
    }
    let form = form(visit.request).unwrap_or_default();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if form.len() != 2 || field("seller_id") != service.seller_id || field("type") != STOCK {
        return service.error(400, "pm-02101", "seller_id or type is invalid");
    }
    let wait = if service.is(FILE_TAKES_A_WHILE) { 60 } else { 0 };
    let now = service.book.now();
    let file = file(service);
    service.state().file = Some((file, jst::later(now, std::time::Duration::from_secs(wait))));
    Reply::xml(
        200,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ResultSet totalResultsAvailable=\"1\" totalResultsReturned=\"1\" \
         firstResultPosition=\"1\"><Result><Status>OK</Status></Result></ResultSet>",
    )
}

pub fn fetch(service: &Service, visit: &Visit<'_>) -> Reply {
    if let Err(reply) = service.admit(visit.request) {
        return reply;
    }
    let asked: Vec<(String, String)> = visit.request.url.query_pairs().into_owned().collect();
    let expected = [("seller_id", service.seller_id.as_str()), ("type", STOCK)];
    if asked != expected.map(|(name, value)| (name.to_owned(), value.to_owned())) {
        return service.error(400, "pm-02101", "seller_id or type is invalid");
    }
    let now = service.book.now();
    let file = service.state().file.clone();
    match file {
        Some((file, done)) if now >= done => {
            Reply { status: 200, headers: Vec::new(), mime: "text/csv", body: file.into_bytes() }
        }
        _ => service.error(400, NOT_YET, "The file is not ready"),
    }
}

fn file(service: &Service) -> String {
    let mut file = "code,sub-code,quantity,allow-overdraft,stock-close\r\n".to_owned();
    for (key, item) in service.book.items() {
        let (code, sub) = key.split_once(':').unwrap_or((&key, ""));
        let quantity = if item.unlimited { String::new() } else { item.counter.to_string() };
        file.push_str(&format!("{code},{sub},{quantity},{},0\r\n", u8::from(item.sells_past_zero)));
    }
    file
}
