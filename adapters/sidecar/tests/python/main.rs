//! The conformance kit over the program in `examples/sidecar-python`, as it is: the kit's shoppers act on a book, the
//! book is laid out as the shop's file before each question, and what the program writes is taken back into it. The
//! faults of the line are acted out in between.

#[cfg(test)]
mod front;
#[cfg(test)]
mod program;

use program::{FILE, Program};
use serde_json::{Value, json};
use uriba_sdk::{MallEntry, kit};
use uriba_sidecar::{CARD, MALL};

static PYTHON: MallEntry = MallEntry { id: MALL.id, card: &CARD, open: MALL.open, fake: front::start };

#[tokio::test]
async fn the_program_in_python_keeps_the_contract() {
    if !program::can_run() {
        println!("skipped: there is no python3 here");
        return;
    }
    kit::run(&PYTHON).await.assert_green();
}

#[test]
fn the_program_asks_for_its_token_and_for_what_the_protocol_has() {
    if !program::can_run() {
        println!("skipped: there is no python3 here");
        return;
    }
    let program = Program::start("a");
    let bearer = format!("Bearer {}", program.token);
    let class = |path: &str, bearer: &str, body: &str| {
        let (status, body) = program.ask(path, bearer, body.as_bytes());
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["protocol"], 1, "{path}");
        (status, body["error"]["class"].as_str().unwrap_or("none").to_owned())
    };
    let fine = r#"{"protocol":1}"#;
    assert_eq!(class("/hello", &bearer, fine), (200, "none".into()));
    assert_eq!(class("/hello", "Bearer no", fine), (401, "auth".into()));
    assert_eq!(class("/hello", "", fine), (401, "auth".into()));
    assert_eq!(class("/hello", &bearer, r#"{"protocol":2}"#), (400, "malformed".into()));
    assert_eq!(class("/hello", &bearer, "{"), (400, "malformed".into()));
    assert_eq!(class("/goodbye", &bearer, fine), (404, "malformed".into()));
    assert_eq!(class("/push", &bearer, r#"{"protocol":1,"updates":[{"key":7}]}"#), (400, "malformed".into()));
}

#[test]
fn what_is_bought_in_the_shop_is_an_order_to_the_hub() {
    if !program::can_run() {
        println!("skipped: there is no python3 here");
        return;
    }
    let program = Program::start("a");
    program.buy("tea-sencha=2");
    let bearer = format!("Bearer {}", program.token);
    let ask = |path: &str, body: Value| -> Value {
        serde_json::from_slice(&program.ask(path, &bearer, body.to_string().as_bytes()).1).unwrap()
    };
    let orders = ask("/orders", json!({"protocol": 1, "ids": ["T-000001", "T-000002"]}));
    assert_eq!(orders["orders"][0]["lines"][0]["ordered"], 2);
    assert_eq!(orders["missing"], json!(["T-000002"]));
    let items = ask("/read", json!({"protocol": 1, "items": [{"key": "tea-sencha"}]}));
    assert_eq!(items["items"][0]["quantity"], 10);
    let mut shop = program.state();
    shop["absent_orders_are"] = json!("gone");
    program.lay_out(&shop);
    let orders = ask("/orders", json!({"protocol": 1, "ids": ["T-000001", "T-000002"]}));
    assert_eq!((orders["orders"].as_array().unwrap().len(), &orders["gone"]), (1, &json!(["T-000002"])));
    assert_eq!(orders["missing"], Value::Null);
}

#[test]
fn the_program_is_short_enough_to_be_read() {
    let lines = std::fs::read_to_string(FILE).unwrap().lines().count();
    assert!(lines < 200, "{lines} lines");
}
