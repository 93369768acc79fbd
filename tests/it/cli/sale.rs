//! A sale as it is run from the command line: plans, a stopped SKU, what is due, and trials.

use uriba::store::sheets::{DueSheet, PlanAnswer, PlanSheet, SkuSheet, StopSheet, SwitchPreview};

use super::Place;

const PLAN: &str = "name = \"autumn\"\nfrom = \"2099-11-30T19:30\"\nuntil = 2099-12-01T02:00:00+09:00\nskus = [\"A-1\"]\n\
                    exposure = \"escrow\"\ncap = 3\n";

/// A shop that sells five chairs.
fn shop() -> Place {
    let place =
        Place::with_one_channel().and("book.csv", "location,sku,quantity\ntokyo,A-1,5\n").and("plan.toml", PLAN);
    place.fine("stock import book book.csv");
    place.fine("listing map sample-main chair A-1");
    place
}

#[test]
fn a_plan_comes_from_a_file_and_is_in_the_schedule_until_it_is_deleted() {
    let place = shop();
    let trial = place.fine("plan create plan.toml --dry-run");
    assert!(trial.contains("sample-main") && trial.contains("chair"), "{trial}");
    let said = place.fine("plan create plan.toml");
    assert_eq!(
        said,
        "plan autumn begins at 2099-11-30T10:30:00Z and ends at 2099-11-30T17:00:00Z: 1 SKU, cap 3, sold escrow; by \
         today's stock 1 number of the malls would change\n"
    );
    let plan: PlanSheet = place.json("plan show autumn");
    assert_eq!(
        (plan.by.as_str(), plan.state.as_str(), plan.exposure.as_deref()),
        ("cli:maria", "scheduled", Some("escrow"))
    );
    assert!(place.fine("plan list").contains("autumn  scheduled"));
    let due: Vec<DueSheet> = place.json("schedule list");
    assert_eq!((due[0].id.as_deref(), due[0].plan.as_deref()), (Some("plan:autumn"), Some("autumn")));
    let again = place.run("plan create plan.toml");
    assert_eq!(again.code, 3, "{again:?}");
    assert_eq!(place.fine("schedule delete plan:autumn"), "plan \"autumn\" is deleted\n");
    let plans: Vec<PlanSheet> = place.json("plan list");
    assert!(plans.is_empty());
    let plans: Vec<PlanSheet> = place.json("plan list --all");
    assert_eq!(plans[0].state, "deleted");
    let made: PlanAnswer = place.json("plan create plan.toml");
    assert_eq!((made.plan.state.as_str(), made.changes.total), ("scheduled", 1));
    assert_eq!(place.fine("plan delete autumn"), "plan autumn is deleted\n");
}

#[test]
fn a_file_that_makes_no_plan_says_where_it_is_wrong() {
    let place = shop();
    let wrong = [("colour = 1\n", "unknown field `colour`"), ("cap = -4\n", "duplicate key")];
    for (more, said) in wrong {
        place.write("wrong.toml", &format!("{PLAN}{more}"));
        let ran = place.run("plan create wrong.toml");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("wrong.toml") && ran.err.contains(said), "{}", ran.err);
    }
    let changed = [
        ("\"A-1\"", "\"A-1\", \"B-2\", \"C-3\"", "skus: there is no SKU \"B-2\", \"C-3\""),
        ("2099-11-30T19:30", "next week", "from: \"next week\" is not a time"),
        ("escrow", "open", "exposure: \"open\" is not one of: auto, shared, escrow"),
        ("cap = 3", "cap = -3", "cap: -3 is not between 0 and "),
    ];
    for (right, wrong, said) in changed {
        place.write("wrong.toml", &PLAN.replace(right, wrong));
        let ran = place.run("plan create wrong.toml");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(&format!("wrong.toml: {said}")), "{}", ran.err);
    }
    assert_eq!(place.run("plan create nowhere.toml").code, 1);
    assert_eq!(place.run("plan delete autumn").code, 1);
}

#[test]
fn a_sku_is_stopped_without_a_service_and_says_so() {
    let place = shop();
    let said = place.fine("sku stop A-1 --reason recall");
    assert!(said.starts_with("A-1 is stopped since 20") && said.contains("by cli:maria (recall): nothing"), "{said}");
    assert!(said.ends_with("until `uriba sku resume A-1`\n"), "{said}");
    let sheet: StopSheet = place.json("sku stop A-1");
    assert_eq!(sheet.sku.stopped.unwrap().reason.as_deref(), Some("recall"), "as it was stopped first");
    let page = place.fine("sku show A-1");
    assert!(page.contains("by cli:maria: recall"), "{page}");
    let why = place.fine("sku explain A-1");
    assert!(why.contains("cli:maria stopped A-1: recall"), "{why}");
    assert!(place.fine("sku history A-1").contains("sku.stop"));
    place.fine("sku resume A-1");
    let sheet: SkuSheet = place.json("sku show A-1");
    assert_eq!(sheet.stopped, None);
    assert_eq!(place.run("sku stop nope").code, 1);
}

#[test]
fn a_switch_is_tried_before_it_is_thrown() {
    let place = shop();
    let previews: Vec<SwitchPreview> = place.json("channel suspend sample-main --dry-run");
    assert_eq!((previews[0].now.as_str(), previews[0].then.as_str()), ("active", "draining (zero)"));
    let said = place.fine("channel resume --all --dry-run");
    assert!(said.contains("TO TARGET") && said.contains("sample-main"), "{said}");
    assert!(place.fine("channel list").contains("active"));
    place.fine("channel suspend sample-main --mode freeze --until 2099-01-01");
    let due = place.fine("schedule list");
    assert!(due.contains("resume") && due.contains("until:sample-main"), "{due}");
    place.fine("schedule delete until:sample-main");
    assert_eq!(place.run("schedule list").err, "nothing is due\n");
    assert_eq!(place.run("schedule delete 7").code, 1);
}
