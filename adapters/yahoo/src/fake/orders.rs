//! orderList and orderInfo.

use jiff::Timestamp;
use uriba_sdk::fake::{Fault, Reply, Visit};

use super::{
    SMALL_PAGES, UNKNOWN_ORDER_REFUSED,
    service::Service,
    view::{Shown, View},
};
use crate::{
    jst,
    search::{PAGE, element},
    xml::{self, Element},
};

const LIST_FIELDS: &[&str] = &[
    "OrderId",
    "Version",
    "OriginalOrderId",
    "ParentOrderId",
    "IsSplit",
    "OrderTime",
    "LastUpdateTime",
    "OrderStatus",
    "PayStatus",
    "ShipStatus",
    "ShipDate",
];
const ORDER_FIELDS: &[&str] =
    &["OrderId", "Version", "ParentOrderId", "ChildOrderId", "IsSplit", "OrderTime", "LastUpdateTime", "OrderStatus"];
const PAY_FIELDS: &[&str] = &["PayStatus"];
const SHIP_FIELDS: &[&str] = &["ShipStatus", "ShipDate"];
const ITEM_FIELDS: &[&str] = &["LineId", "ItemId", "SubCode", "Quantity", "OriginalNum"];

/// What is wrong with a request, by the name of the parameter.
type Checked<T> = Result<T, &'static str>;

pub fn list(service: &Service, visit: &Visit<'_>) -> Reply {
    let status = match service.admit_to_orders(visit.request) {
        Ok(status) => status,
        Err(reply) => return reply,
    };
    match Search::read(&visit.request.body, service) {
        Ok(search) => search.answer(service, visit).with_header("X-SWS-Authorize-Status", status),
        Err(parameter) => service.error(400, "od90101", &format!("Request Parameter Error : {parameter}")),
    }
}

pub fn one(service: &Service, visit: &Visit<'_>) -> Reply {
    let status = match service.admit_to_orders(visit.request) {
        Ok(status) => status,
        Err(reply) => return reply,
    };
    let (id, fields) = match target(&visit.request.body, service) {
        Ok(target) => target,
        Err(parameter) => return service.error(400, "od90101", &format!("Request Parameter Error : {parameter}")),
    };
    let view = View::of(service);
    let orders = view.orders(visit.has(&Fault::StaleRows), visit.has(&Fault::UnknownStatus));
    let order = match orders.iter().find(|shown| shown.order.id == id) {
        Some(shown) => whole(&view, shown, &fields, &service.seller_id),
        None if service.is(UNKNOWN_ORDER_REFUSED) => return service.error(400, "od90199", "no such order"),
        None => String::new(),
    };
    let count = u8::from(!order.is_empty());
    Reply::xml(
        200,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <ResultSet totalResultsAvailable=\"{count}\" totalResultsReturned=\"{count}\" firstResultPosition=\"1\">\
             <Result><Status>OK</Status>{order}</Result></ResultSet>"
        ),
    )
    .with_header("X-SWS-Authorize-Status", status)
}

/// How many orders are where: asked with GET, and signed like every order call.
pub fn count(service: &Service, visit: &Visit<'_>) -> Reply {
    let status = match service.admit_to_orders(visit.request) {
        Ok(status) => status,
        Err(reply) => return reply,
    };
    let asked: Vec<(String, String)> = visit.request.url.query_pairs().into_owned().collect();
    if asked != [("sellerId".to_owned(), service.seller_id.clone())] {
        return service.error(400, "od90101", "Request Parameter Error : sellerId");
    }
    let open = service.book.orders().iter().filter(|found| !found.order.is_closed()).count();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <ResultSet totalResultsAvailable=\"1\" totalResultsReturned=\"1\" firstResultPosition=\"1\">\
         <Result><Status>OK</Status><Count><NewOrder>{open}</NewOrder><NewReserve>0</NewReserve></Count></Result>\
         </ResultSet>"
    );
    Reply::xml(200, body).with_header("X-SWS-Authorize-Status", status)
}

struct Search {
    start: usize,
    rows: usize,
    descending: bool,
    conditions: Vec<(String, String)>,
    fields: Vec<String>,
}

impl Search {
    fn read(body: &[u8], service: &Service) -> Checked<Self> {
        let request = requested(body, service, "Search")?;
        let search = request.child("Search").ok_or("Search")?;
        known(search, &["Result", "Start", "Sort", "Condition", "Field"])?;
        let condition = search.child("Condition").ok_or("Condition")?;
        let names = [
            "OrderId",
            "OriginalOrderId",
            "ParentOrderId",
            "OrderTimeFrom",
            "OrderTimeTo",
            "OrderStatus",
            "ShipStatus",
        ];
        known(condition, &names)?;
        let conditions: Vec<(String, String)> =
            condition.children.iter().map(|child| (child.name.clone(), child.text().to_owned())).collect();
        if conditions.iter().any(|(name, value)| name.starts_with("OrderTime") && !is_time(value)) {
            return Err("OrderTime");
        }
        if !conditions.iter().any(|(name, _)| name == "OrderId" || name.starts_with("OrderTime")) {
            return Err("Condition");
        }
        let limit = if service.is(SMALL_PAGES) { 100 } else { PAGE };
        let number = |name, default: usize| match search.value(name) {
            Some(text) => text.parse().ok().filter(|number| *number > 0),
            None => Some(default),
        };
        let descending = match search.value("Sort").unwrap_or("+order_time") {
            "+order_time" => false,
            "-order_time" => true,
            _ => return Err("Sort"),
        };
        Ok(Self {
            start: number("Start", 1).ok_or("Start")?,
            rows: number("Result", 10).ok_or("Result")?.min(limit),
            descending,
            conditions,
            fields: fields(search, &[LIST_FIELDS])?,
        })
    }

    fn answer(&self, service: &Service, visit: &Visit<'_>) -> Reply {
        let view = View::of(service);
        let orders = view.orders(visit.has(&Fault::StaleRows), visit.has(&Fault::UnknownStatus));
        let mut hits: Vec<&Shown> = orders.iter().filter(|shown| self.finds(&view, shown)).collect();
        hits.sort_by_key(|shown| jst::second(shown.order.placed_at));
        if self.descending {
            hits.reverse();
        }
        let mut page: Vec<&Shown> = hits.iter().copied().skip(self.start - 1).take(self.rows).collect();
        if visit.has(&Fault::ShuffleRows) {
            page.reverse();
        }
        if visit.has(&Fault::DuplicateRows) {
            page = page.iter().flat_map(|shown| [*shown, *shown]).collect();
        }
        let rows = page.iter().enumerate().map(|(n, shown)| {
            let values = self.fields.iter().filter_map(|name| Some(element(name, &view.field(shown, name)?)));
            format!("<OrderInfo><Index>{}</Index>{}</OrderInfo>", self.start + n, values.collect::<String>())
        });
        Reply::xml(
            200,
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Result><Status>OK</Status>\
                 <Search><TotalCount>{}</TotalCount>{}</Search></Result>",
                hits.len(),
                rows.collect::<String>()
            ),
        )
    }

    fn finds(&self, view: &View<'_>, shown: &Shown) -> bool {
        let placed_at = jst::second(shown.order.placed_at);
        let at = |text: &str| jst::parse(text).unwrap_or(Timestamp::MIN);
        let listed = |list: &str, value: &str| list.split(',').any(|entry| entry == value);
        self.conditions.iter().all(|(name, value)| match name.as_str() {
            "OrderTimeFrom" => placed_at >= at(value),
            "OrderTimeTo" => placed_at <= at(value),
            "OrderStatus" => listed(value, shown.order_status()),
            "ShipStatus" => listed(value, shown.ship_status()),
            other => view.field(shown, other).as_ref() == Some(value),
        })
    }
}

/// The request's root, when it is for this store and has nothing unknown in it.
fn requested(body: &[u8], service: &Service, what: &'static str) -> Checked<Element> {
    let root = xml::parse(body).ok().filter(|root| root.name == "Req").ok_or("Req")?;
    known(&root, &[what, "SellerId"])?;
    if root.value("SellerId") == Some(service.seller_id.as_str()) { Ok(root) } else { Err("SellerId") }
}

fn target(body: &[u8], service: &Service) -> Checked<(String, Vec<String>)> {
    let root = requested(body, service, "Target")?;
    let target = root.child("Target").ok_or("Target")?;
    known(target, &["OrderId", "Field"])?;
    let fields = fields(target, &[ORDER_FIELDS, PAY_FIELDS, SHIP_FIELDS, ITEM_FIELDS])?;
    Ok((target.value("OrderId").ok_or("OrderId")?.to_owned(), fields))
}

fn known(element: &Element, names: &[&str]) -> Checked<()> {
    let once = |name: &str| element.all(name).count() <= 1;
    let fine = element.children.iter().all(|child| names.contains(&child.name.as_str()) && once(&child.name));
    if fine { Ok(()) } else { Err("unknown or repeated element") }
}

fn fields(element: &Element, known: &[&[&str]]) -> Checked<Vec<String>> {
    let fields: Vec<String> = element.value("Field").ok_or("Field")?.split(',').map(str::to_owned).collect();
    let fine = fields.iter().all(|field| known.iter().any(|names| names.contains(&field.as_str())));
    if fine { Ok(fields) } else { Err("Field") }
}

fn is_time(text: &str) -> bool {
    text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit()) && jst::parse(text).is_some()
}

fn whole(view: &View<'_>, shown: &Shown, fields: &[String], seller_id: &str) -> String {
    let wanted = |names: &[&str]| fields.iter().filter(|field| names.contains(&field.as_str())).collect::<Vec<_>>();
    let own = |names: &[&str]| -> String {
        wanted(names).into_iter().filter_map(|name| Some(element(name, &view.field(shown, name)?))).collect()
    };
    let items = shown.order.lines.iter().map(|line| {
        let fields = wanted(ITEM_FIELDS).into_iter();
        let values = fields.filter_map(|name| Some(element(name, &view.item_field(shown, line, name)?)));
        format!("<Item>{}</Item>", values.collect::<String>())
    });
    format!(
        "<OrderInfo>{}<Pay>{}</Pay><Ship>{}</Ship><Seller>{}</Seller>{}</OrderInfo>",
        own(ORDER_FIELDS),
        own(PAY_FIELDS),
        own(SHIP_FIELDS),
        element("SellerId", seller_id),
        items.collect::<String>()
    )
}
