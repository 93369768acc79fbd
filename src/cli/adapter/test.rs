//! `uriba adapter test`: the conformance kit over an adapter and its fake, as a table and as a file.

use std::path::PathBuf;

use clap::Args;
use uriba_sdk::kit::{self, Check, Report, Verdict};

use crate::cli::{
    desk::Common,
    failure::{Done, Failure},
    print::{counted, note},
    table::{Table, pairs},
};

#[derive(Args, Debug)]
pub struct Test {
    /// The mall, as `uriba adapter list` names it
    name: String,
    /// Only checks whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Also write the result, with every check and the kit's version, to this file as JSON
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
}

pub async fn run(common: &Common, asked: Test) -> Done {
    let mall = super::fake::named(&asked.name)?;
    let only = asked.only.unwrap_or_default().to_lowercase();
    let wanted = |name: &str| name.to_lowercase().contains(&only);
    let checks = kit::rules().into_iter().filter(|(name, _)| wanted(name)).count();
    if checks == 0 {
        return Err(Failure::Usage(format!("no check's name contains {only:?}; without --only all are run")));
    }
    note(&format!("{}: running {} of the conformance kit…", mall.id, counted(checks as u64, "check")));
    let report = kit::run_only(mall, wanted).await.of_version(env!("CARGO_PKG_VERSION"));
    if let Some(path) = &asked.result {
        report.write(path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    }
    common.printer().item(&report, words);
    if report.failed() > 0 { Err(Failure::Differences) } else { Ok(()) }
}

/// One line per check, then each failure by itself: the table stays one.
fn words(report: &Report) -> String {
    let mut table = Table::new(&["VERDICT", "CHECK", "WHY"]);
    for check in &report.checks {
        let (verdict, why) = match &check.verdict {
            Verdict::Passed => ("passed", ""),
            Verdict::CannotDo(why) => ("cannot do", why.as_str()),
            Verdict::Failed(_) => ("FAILED", "see below"),
        };
        table.row(vec![verdict.into(), check.name.into(), why.into()]);
    }
    let failures: String = report.checks.iter().filter_map(failure).collect();
    let count = |verdict: fn(&Verdict) -> bool| report.checks.iter().filter(|check| verdict(&check.verdict)).count();
    let passed = count(|verdict| matches!(verdict, Verdict::Passed));
    let cannot = count(|verdict| matches!(verdict, Verdict::CannotDo(_)));
    format!(
        "{table}\n{failures}\n{}: {passed} passed, {} failed, {cannot} that the mall can't do (suite {}, {:.1} s)",
        report.mall,
        report.failed(),
        report.suite,
        report.seconds
    )
}

fn failure(check: &Check) -> Option<String> {
    let failure = check.failure.as_ref()?;
    let said = pairs(&[
        ("  rule", check.says.to_owned()),
        ("  expected", failure.expected.clone()),
        ("  seen", failure.seen.clone()),
    ]);
    let mut text = format!("\nFAILED: {}\n{said}\n", check.name);
    for exchange in &failure.exchanges {
        for line in exchange.to_string().lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use uriba_sdk::kit::{Exchange, Failure, SUITE};

    use super::*;

    #[test]
    fn failures_stand_below_the_table_with_what_was_exchanged() {
        let at = "2026-11-20T01:00:00Z".parse().unwrap();
        let exchange = Exchange {
            at,
            method: "POST".into(),
            path: "/v1/stock".into(),
            asked: "{}".into(),
            status: Some(501),
            answered: "not yet".into(),
        };
        let failure = Failure { expected: "7".into(), seen: "8\nand 9".into(), exchanges: vec![exchange] };
        let check = |name, verdict, failure| Check { name, says: "`Rule`: so it is", seconds: 0.1, verdict, failure };
        let checks = vec![
            check("one is one", Verdict::Passed, None),
            check("two are two", Verdict::Failed(failure.to_string()), Some(failure)),
            check("three", Verdict::CannotDo("it has none".into()), None),
        ];
        let report = Report { suite: SUITE, mall: "here", version: None, at, seconds: 1.25, checks };
        let expected = format!(
            "VERDICT    CHECK        WHY\npassed     one is one\nFAILED     two are two  see below\n\
             cannot do  three        it has none\n\nFAILED: two are two\n  rule      `Rule`: so it is\n  expected  7\n  \
             seen      8 and 9\n    at 2026-11-20T01:00:00Z: POST /v1/stock\n      {{}}\n      → 501 not yet\n\n\
             here: 1 passed, 1 failed, 1 that the mall can't do (suite {SUITE}, 1.2 s)"
        );
        assert_eq!(words(&report), expected);
    }
}
