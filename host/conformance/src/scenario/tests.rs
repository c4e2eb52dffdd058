use std::path::Path;

use ckpt_policy_core::contract::Ballot;
use ckpt_policy_core::{Moment, OnError};

use super::{Plot, PolicySource, Round, Scenario};

const PATH: &str = "plugins/p/scenarios/case.toml";

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse(text, Path::new(PATH)).map_err(|error| error.to_string())
}

/// A file whose head is fine.
fn with_head(rest: &str) -> String {
    format!("about = \"a case\"\npolicy = \"builtin:p\"\nranks = 2\n{rest}")
}

fn rounds(rest: &str) -> Vec<Round> {
    match parse(&with_head(rest)).expect("the file is right").plot {
        Plot::Rounds(rounds) => rounds,
        Plot::Refused(_) => panic!("the file has rounds"),
    }
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    assert_eq!(
        parse(text).expect_err("the file is wrong"),
        format!("{PATH}:{expected}")
    );
}

/// The head takes lines 1 to 3.
#[track_caller]
fn refuses_rest(rest: &str, expected: &str) {
    refuses(&with_head(rest), expected);
}

#[test]
fn reads_the_head_and_its_defaults() {
    let scenario = parse(&with_head("[[round]]\n")).expect("the file is right");
    assert_eq!(scenario.about, "a case");
    assert_eq!(scenario.policy, PolicySource::Builtin("p".to_owned()));
    assert_eq!(scenario.config, serde_json::json!({}));
    assert_eq!((scenario.ranks, scenario.keep_at_least), (2, 1));
    assert_eq!(scenario.on_error, OnError::Skip);
}

#[test]
fn a_path_is_relative_to_the_file() {
    let text = "about = 'a'\npolicy = '../target/mine.wasm'\nranks = 1\n[[round]]";
    let scenario = parse(text).expect("the file is right");
    let expected = Path::new("plugins/p/scenarios/../target/mine.wasm");
    assert_eq!(scenario.policy, PolicySource::File(expected.to_owned()));
}

#[test]
fn a_configuration_becomes_json() {
    let text = with_head(
        "[config]\nmode = 'max'\ntop-k = 0x10\nx = 0.5\nat = ['a', 1_000]\nnested = { flag = true }\n[[round]]",
    );
    let expected = serde_json::json!({
        "mode": "max", "top-k": 16, "x": 0.5, "at": ["a", 1000], "nested": {"flag": true},
    });
    assert_eq!(parse(&text).expect("the file is right").config, expected);
}

#[test]
fn steps_epochs_and_moments_follow_from_the_round_before() {
    let read = rounds(
        "moment = 'step-end'\n[[round]]\n[[round]]\nstep = 20\nepoch = 3\nmoment = 'epoch-end'\n\
         [[round]]\n[[round]]\nresume = 20\n[[round]]\nresume = true",
    );
    let seen: Vec<_> = read
        .iter()
        .map(|round| (round.step, round.epoch, round.moment))
        .collect();
    let expected = [
        (1, 0, Moment::StepEnd),
        (20, 3, Moment::EpochEnd),
        (21, 3, Moment::StepEnd),
        (21, 3, Moment::StepEnd),
        (22, 3, Moment::StepEnd),
    ];
    assert_eq!(seen, expected);
    assert_eq!(read[3].resume.as_ref().and_then(|cut| cut.from), Some(20));
    assert_eq!(read[4].resume.as_ref().map(|cut| cut.from), Some(None));
}

#[test]
fn metrics_have_a_long_and_short_forms() {
    let read = rounds(
        "[[round]]\nmetrics.a = [1, 'missing']\nmetrics.b = 2.5\nmetrics.c = { all = 3, rank-1 = inf }\n\
         metrics.\"host.free-bytes\" = { rank-1 = 4e9 }\nmetrics.d = [nan, '-Infinity']\nmetrics.e = 'NaN'",
    );
    let [first, second] = &read[0].metrics[..] else {
        panic!("two ranks have two sets")
    };
    assert_eq!((first.get("a"), second.get("a")), (Some(1.0), None));
    assert_eq!((first.get("b"), second.get("b")), (Some(2.5), Some(2.5)));
    assert_eq!(
        (first.get("c"), second.get("c")),
        (Some(3.0), Some(f64::INFINITY))
    );
    assert_eq!(
        (first.get("host.free-bytes"), second.get("host.free-bytes")),
        (None, Some(4e9))
    );
    assert!(first.get("d").is_some_and(f64::is_nan));
    assert_eq!(second.get("d"), Some(f64::NEG_INFINITY));
    assert!(first.get("e").is_some_and(f64::is_nan) && second.get("e").is_some_and(f64::is_nan));
}

#[test]
fn a_resume_may_change_the_world() {
    let read = rounds(
        "[[round]]\n[[round]]\nresume = { from = 1, ranks = 3, config = { top-k = 2 } }\n\
         metrics.a = [1, 2, 3]\n[[round]]\nmetrics.a = [1, 2, 3]",
    );
    let cut = read[1].resume.as_ref().expect("the second round resumes");
    assert_eq!((cut.from, cut.ranks), (Some(1), 3));
    assert_eq!(cut.config, Some(serde_json::json!({"top-k": 2})));
    assert_eq!((read[1].step, read[2].step), (2, 3));
}

#[test]
fn ranks_are_listed_or_all() {
    let read = rounds(
        "[[round]]\nsave-fails = true\nsignal = [1, 1]\nrequest-save = false\nsave-takes = 2",
    );
    assert_eq!(read[0].save.fails, [0, 1]);
    assert_eq!(read[0].save.takes, 2);
    assert_eq!(read[0].signal, [1]);
    assert!(read[0].request_save.is_empty());
}

#[test]
fn expectations_are_read_and_the_rest_is_open() {
    let read = rounds(
        "[[round]]\n[round.expect]\nballot = 'veto'\nsave = false\nkept = [1, 3]\nlabels = { best = 3 }\n\
         reason = ['a', 'b']\nerror = 'c'\nnot-before = 'none'\nfigures = { x = 1 }\ntags = ['best']\n[[round]]",
    );
    let expect = &read[0].expect;
    assert_eq!(
        (expect.ballot, expect.save),
        (Some(Ballot::Veto), Some(false))
    );
    assert_eq!(expect.kept, Some([1, 3].into()));
    assert_eq!(expect.labels, Some([("best".to_owned(), 3)].into()));
    assert_eq!(expect.reason, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(expect.error, Some(vec!["c".to_owned()]));
    assert_eq!(expect.not_before, Some(None));
    assert_eq!(expect.figures, Some([("x".to_owned(), 1.0)].into()));
    assert_eq!(
        (expect.asked, &expect.held, &expect.deleted),
        (None, &None, &None)
    );
    assert_eq!(read[1].expect, super::Expect::default());
}

#[test]
fn a_refused_configuration_needs_no_round() {
    let scenario = parse(&with_head("expect-config-error = 'top-k'")).expect("the file is right");
    assert_eq!(scenario.plot, Plot::Refused(vec!["top-k".to_owned()]));
}

#[test]
fn wrong_files_are_refused_where_they_are_wrong() {
    refuses(
        "about = ",
        "1: this is not TOML: string values must be quoted, expected literal string",
    );
    refuses(
        "about = 'a'\nranks = 1\n[[round]]",
        "1: `policy` is missing in the file",
    );
    refuses(
        "policy = 'builtin:p'\nranks = 1\n[[round]]",
        "1: `about` is missing in the file",
    );
    refuses(
        "about = 'a'\npolicy = 'builtin:p'\n[[round]]",
        "1: `ranks` is missing in the file",
    );
    refuses(
        "about = 'a'\npolicy = 'builtin:'\nranks = 1\n[[round]]",
        "2: `policy` must be `builtin:NAME` or the path of a `.wasm` file, found the text \"builtin:\"",
    );
    refuses(
        "about = ''\npolicy = 'builtin:p'\nranks = 1\n[[round]]",
        "1: `about` must be one line that says what the scenario shows, found the text \"\"",
    );
    refuses(
        "about = 'a'\npolicy = 'builtin:p'\nranks = 0\n[[round]]",
        "3: `ranks` must be a whole number from 1 to 4096, found `0`",
    );
    refuses(
        "about = 'a'\npolicy = 'builtin:p'\nranks = 'four'\n[[round]]",
        "3: `ranks` must be a whole number from 1 to 4096, found the text \"four\"",
    );
    refuses_rest(
        "",
        "1: the file has neither a `[[round]]` nor `expect-config-error`, so nothing is checked",
    );
    refuses_rest(
        "round = 3",
        "4: `round` must be tables, each under `[[round]]`, found `3`",
    );
    refuses_rest(
        "round = []",
        "4: `round` must be tables, each under `[[round]]`, found a list of 0",
    );
    refuses_rest(
        "expect-config-error = 'a'\n[[round]]",
        "5: a file with `expect-config-error` has no rounds: the policy is never asked",
    );
    refuses_rest(
        "expect-config-error = []",
        "4: `expect-config-error` must be part of a text, or a list of parts, found a list of 0",
    );
}

#[test]
fn unknown_keys_name_the_nearest() {
    refuses_rest(
        "kepe-at-least = 1\n[[round]]",
        "4: unknown key `kepe-at-least` in the file, did you mean `keep-at-least`?",
    );
    refuses_rest(
        "[[round]]\n\nmetric.a = 1",
        "6: unknown key `metric` in `[[round]]`, did you mean `metrics`?",
    );
    refuses_rest(
        "[[round]]\nexpect = { balot = 'save' }",
        "5: unknown key `balot` in `expect`, did you mean `ballot`?",
    );
    refuses_rest(
        "[[round]]\n[round.expect]\nsave = true\nlabel = {}",
        "7: unknown key `label` in `expect`, did you mean `labels`?",
    );
    refuses_rest(
        "[[round]]\n[[round]]\nresume = { step = 1 }",
        "6: unknown key `step` in `resume`, expected one of `from`, `ranks`, `config`",
    );
    refuses_rest(
        "[[round]]\nmetrics.a = { all = 1, rank-2 = 3 }",
        "5: unknown key `rank-2` in `a`, expected `all` or one of `rank-0` to `rank-1`",
    );
}

#[test]
fn choices_name_what_there_is() {
    refuses_rest(
        "on-error = 'halt'\n[[round]]",
        "4: `on-error` must be one of `skip`, `save`, `stop`, found `halt`",
    );
    refuses_rest(
        "[[round]]\nmoment = 'validation-ends'",
        "5: `moment` must be one of `train-start`, `step-end`, `epoch-end`, `validation-end`, \
         `train-end`, `interrupted`, found `validation-ends`; did you mean `validation-end`?",
    );
    refuses_rest(
        "[[round]]\nmoment = 'settled'",
        "5: `moment` cannot be `settled`: that moment follows each save by itself",
    );
    refuses_rest(
        "[[round]]\nexpect.ballot = 'saved'",
        "5: `ballot` must be one of `save`, `abstain`, `skip`, `veto`, found `saved`; did you mean `save`?",
    );
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    refuses_rest(
        "keep-at-least = -1\n[[round]]",
        "4: `keep-at-least` must be a whole number, not negative, found `-1`",
    );
    refuses_rest(
        "keep-at-least = 4294967296\n[[round]]",
        "4: `keep-at-least` must be a whole number from 0 to 4294967295, found `4294967296`",
    );
    refuses_rest(
        "config = 3\n[[round]]",
        "4: `config` must be a table, found `3`",
    );
    refuses_rest(
        "config.x = nan\n[[round]]",
        "4: `x` must be finite: a configuration is JSON, which has no other, found `nan`",
    );
    refuses_rest("[[round]]\nnote = 1", "5: `note` must be a text, found `1`");
    refuses_rest(
        "[[round]]\nstep = 1.5",
        "5: `step` must be a whole number, not negative, found `1.5`",
    );
    refuses_rest(
        "[[round]]\nsave-fails = 1",
        "5: `save-fails` must be a list of ranks, or `true` for all of them, found `1`",
    );
    refuses_rest(
        "[[round]]\nsignal = [2]",
        "5: `signal` must be ranks from 0 to 1, found `2`",
    );
    refuses_rest(
        "[[round]]\nmetrics = 1",
        "5: `metrics` must be a table, found `1`",
    );
    refuses_rest(
        "[[round]]\nmetrics.a = [1]",
        "5: `a` must have one entry for each of 2 ranks, found 1",
    );
    refuses_rest(
        "[[round]]\nmetrics.a = [1, 'mising']",
        "5: `a` must be a number, `nan`, `inf`, `-inf` or `\"missing\"`, found the text \"mising\"",
    );
    refuses_rest(
        "[[round]]\nexpect = true",
        "5: `expect` must be a table, found `true`",
    );
    refuses_rest(
        "[[round]]\nexpect.save = 'yes'",
        "5: `save` must be `true` or `false`, found the text \"yes\"",
    );
    refuses_rest(
        "[[round]]\nexpect.kept = 1",
        "5: `kept` must be a list of steps, which name checkpoints, found `1`",
    );
    refuses_rest(
        "[[round]]\nexpect.kept = ['a']",
        "5: `kept` must be a list of steps, which name checkpoints, found the text \"a\"",
    );
    refuses_rest(
        "[[round]]\nexpect.labels = { best = 'a' }",
        "5: `best` must be the step of a checkpoint, found the text \"a\"",
    );
    refuses_rest(
        "[[round]]\nexpect.tags = 'best'",
        "5: `tags` must be a list of tags, found the text \"best\"",
    );
    refuses_rest(
        "[[round]]\nexpect.figures = { x = 'a' }",
        "5: `x` must be a number, found the text \"a\"",
    );
    refuses_rest(
        "[[round]]\nexpect.not-before = 'never'",
        "5: `not-before` must be a step, or `\"none\"`, found the text \"never\"",
    );
    refuses_rest(
        "[[round]]\nexpect.reason = ''",
        "5: `reason` must be part of a text that is not empty, found the text \"\"",
    );
    refuses_rest(
        "[[round]]\nexpect.error = true",
        "5: `error` must be part of a text, or a list of parts, found `true`",
    );
}

#[test]
fn steps_go_forwards() {
    refuses_rest(
        "[[round]]\nstep = 5\n[[round]]\nstep = 4",
        "7: `step` is 4, but the round before is at step 5; only `resume = STEP` goes back",
    );
    refuses_rest(
        "[[round]]\n[[round]]\nresume = 3",
        "6: `resume` names step 3, but no round before is at that step",
    );
    refuses_rest(
        "[[round]]\n[[round]]\nresume = { from = 2 }",
        "6: `from` names step 2, but no round before is at that step",
    );
    refuses_rest(
        "[[round]]\n[[round]]\nresume = 'yes'",
        "6: `resume` must be `true`, the step of a checkpoint, or a table, found the text \"yes\"",
    );
}

#[test]
fn the_example_of_the_description_is_a_scenario() {
    let description = include_str!("../../README.md");
    let example = description
        .split("```")
        .nth(1)
        .and_then(|block| block.strip_prefix("toml\n"));
    let scenario = parse(example.expect("the description begins with an example"));
    assert!(
        matches!(scenario.expect("the example is right").plot, Plot::Rounds(rounds) if rounds.len() == 2)
    );
}

#[test]
fn no_piece_of_a_file_is_a_panic() {
    let text = with_head(
        "config = { a = [1, 2.5], b = 1979-05-27 }\n[[round]]\nmetrics.\"ä\" = { all = 'ü', rank-9 = 1 }\n\
         resume = { from = 99999999999999999999 }\nsave-fails = [[true]]\nexpect.labels.best = -1",
    );
    let cuts = (0..text.len()).filter(|cut| text.is_char_boundary(*cut));
    let right: Vec<_> = cuts.filter(|cut| parse(&text[..*cut]).is_ok()).collect();
    // What ends after the header of the round, or between two whole lines, is a scenario.
    assert!(!right.is_empty() && right.iter().all(|cut| text[..*cut].contains("[[round]]")));
    assert!(parse(&text).is_err());
}
