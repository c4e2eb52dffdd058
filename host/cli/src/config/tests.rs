//! What a configuration may say, and what is said about one that is wrong.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ckpt_policy_core::{Combine, Confirm, Encoding};
use ckpt_policy_runtime::{CacheOptions, Instances};

use super::{Placed, Problem, Problems, Site, Survey};

mod above;
mod trust;

fn site_of(file: &Path) -> Result<Site, Vec<Problem>> {
    site_in(Survey::read(file))
}

fn site_in(Survey { site, problems }: Survey) -> Result<Site, Vec<Problem>> {
    match Problems::none_of(problems) {
        Ok(()) => Ok(site.expect("a file that could not be read is a problem")),
        Err(problems) => Err(problems.as_slice().to_vec()),
    }
}

/// Writes files into a folder and reads `site.toml`, or the first of them.
fn read(files: &[(&str, &str)]) -> Result<Site, Vec<String>> {
    let folder = written(files);
    site_of(&folder.path().join(files[0].0)).map_err(|problems| shown(&problems, folder.path()))
}

fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

/// Shows problems with their hints, and paths as they are within a folder.
fn shown(problems: &[Problem], folder: &Path) -> Vec<String> {
    let shown = |problem: &Problem| {
        let hint = problem
            .hint
            .as_ref()
            .map(|hint| format!(" / {hint}"))
            .unwrap_or_default();
        format!("{problem}{hint}").replace(&format!("{}/", folder.display()), "")
    };
    problems.iter().map(shown).collect()
}

fn problems(text: &str) -> Vec<String> {
    read(&[("site.toml", text)]).expect_err("the configuration is wrong")
}

const POLICY: &str = "[[policy]]\nname = \"best\"\nwasm = \"builtin:aggregate\"\n";

#[test]
fn everything_has_a_default_but_the_policies() {
    let site = read(&[("site.toml", POLICY)]).expect("the configuration is right");
    assert_eq!(*site.rules(), ckpt_policy_core::Rules::default());
    assert_eq!(*site.limits(), ckpt_policy_runtime::Limits::default());
    assert_eq!((site.journal(), site.directory()), (None, None));
}

#[test]
fn every_key_is_read() {
    let text = format!(
        r#"
        combine = "majority"
        confirm = "never"
        instances = "reuse"
        [limits]
        fuel = 1_000
        memory = "16MiB"
        answer = 65536
        state = "1MiB"
        table-elements = 7
        [checkpoints]
        directory = "checkpoints"
        keep-at-least = 2
        in-flight = 3
        settle-steps = 10
        [exchange]
        encoding = "reduce"
        [signals]
        every-steps = 5
        [journal]
        path = "out/decisions.jsonl"
        {POLICY}
        "#
    );
    let site = read(&[("site.toml", &text)]).expect("the configuration is right");
    let rules = site.rules();
    assert_eq!(
        (rules.combine, rules.confirm),
        (Combine::Majority, Confirm::Never)
    );
    assert_eq!(rules.encoding, Encoding::Reduce);
    assert_eq!((rules.keep_at_least, rules.in_flight), (2, 3));
    assert_eq!((rules.settle_steps, rules.signal_steps), (10, 5));
    let limits = site.limits();
    assert_eq!(
        (limits.fuel, limits.memory, limits.answer),
        (1000, 16 << 20, 65536)
    );
    assert_eq!((limits.state, limits.table_elements), (1 << 20, 7));
    assert_eq!(site.instances(), Instances::Reuse);
    let folder = site.file().parent().expect("a file has a folder");
    assert_eq!(
        site.journal(),
        Some(folder.join("out/decisions.jsonl").as_path())
    );
    assert_eq!(site.directory(), Some(folder.join("checkpoints").as_path()));
}

#[test]
fn a_cache_can_be_placed_bounded_and_switched_off() {
    let read = |table: &str| {
        let text = format!("{table}\n{POLICY}");
        let site = read(&[("site.toml", &text)]).expect("the configuration is right");
        let folder = site.file().parent().expect("a file has a folder");
        (site.cache.place_in(None), folder.join("compiled"))
    };
    let (usual, _) = read("");
    assert!(matches!(usual, Placed::At(_)), "{usual:?}");
    let (placed, directory) =
        read("[cache]\ndirectory = \"compiled\"\nsize = \"1GiB\"\nwait-seconds = 5");
    let expected = CacheOptions {
        size: 1 << 30,
        wait: Duration::from_secs(5),
        ..CacheOptions::new(directory)
    };
    assert_eq!(placed, Placed::At(expected));
    let (off, _) = read("[cache]\nenabled = false\ndirectory = \"compiled\"");
    assert!(matches!(off, Placed::Off(_)), "{off:?}");
}

#[test]
fn json_has_the_same_shape() {
    let text = r#"{"combine": "all", "limits": {"memory": "1GiB"}, "policy": [
        {"name": "best", "wasm": "builtin:aggregate", "config": {"top-k": 3}}]}"#;
    let site = read(&[("site.json", text)]).expect("the configuration is right");
    assert_eq!(
        (site.rules().combine, site.limits().memory),
        (Combine::All, 1 << 30)
    );
    assert_eq!(site.policies[0].config, serde_json::json!({"top-k": 3}));
    let twice = read(&[("site.json", r#"{"combine": "all", "combine": "any"}"#)]);
    let twice = twice.expect_err("a key comes twice");
    assert_eq!(
        twice,
        ["site.json:1:36: this is not JSON: duplicate key `combine`"]
    );
}

#[test]
fn policies_beside_the_file_are_read_in_the_order_of_their_names() {
    let policy = |name: &str| POLICY.replace("best", name);
    let (zero, one, two) = (policy("zero"), policy("one"), policy("two"));
    let site = read(&[
        ("site.toml", zero.as_str()),
        ("policies.d/20-two.toml", &two),
        (
            "policies.d/10-one.json",
            r#"{"policy": [{"name": "one", "wasm": "builtin:majority"}]}"#,
        ),
        ("policies.d/.10-hidden.toml", "nonsense"),
        ("policies.d/README.md", "nonsense"),
    ])
    .expect("the configuration is right");
    let names: Vec<_> = site
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(names, ["zero", "one", "two"]);

    let more = format!("combine = \"all\"\n{one}");
    let wrong = read(&[("site.toml", one.as_str()), ("policies.d/more.toml", &more)]);
    assert_eq!(
        wrong.expect_err("two things are wrong"),
        [
            "policies.d/more.toml:1:1: `combine`: unknown key, expected one of `policy`",
            "policies.d/more.toml:3:8: `policy.one.name`: another policy has this name already, \
             in site.toml:1:1; names are unique / give one of them another name",
        ]
    );
}

#[test]
fn all_problems_are_told_at_once_with_their_places_and_remedies() {
    let text = r#"combin = "any"
confirm = "always"
[limits]
fuel = 0
memory = "lots"
[checkpoints]
in-flight = 65
keep-at-least = "1"
[journal]
path = 7
[[policy]]
name = "best"
wasm = "builtin:agregate"
sha256 = "abc"
on-error = "ignore"
disable-after = 0
top-k = 3
config = { since = 2024-01-01 }
[[policy]]
"#;
    assert_eq!(
        problems(text),
        [
            "site.toml:1:1: `combin`: unknown key, expected one of `cache`, `checkpoints`, \
             `combine`, `confirm`, `exchange`, `instances`, `journal`, `limits`, `policy`, `signals`, `trust` / \
             did you mean `combine`?",
            "site.toml:2:11: `confirm`: unknown value `always`, expected `acts`, `never`",
            "site.toml:4:8: `limits.fuel`: expected an integer of at least 1, found 0",
            "site.toml:5:10: `limits.memory`: expected a size such as \"16MiB\" or an integer of \
             bytes, found `lots`",
            "site.toml:7:13: `checkpoints.in-flight`: expected an integer from 1 to 64, found 65",
            "site.toml:8:17: `checkpoints.keep-at-least`: expected an integer from 0 to \
             4294967295, found text",
            "site.toml:10:8: `journal.path`: expected a text in quotes, found an integer",
            "site.toml:13:8: `policy.best.wasm`: no policy `agregate` is built in, expected one of \
             `aggregate`, `majority`, `rank-zero`, `unanimous` / did you mean `builtin:aggregate`?",
            "site.toml:14:10: `policy.best.sha256`: expected 64 hexadecimal digits, found `abc` / \
             `ckpt-policy inspect FILE` prints the digest of a file",
            "site.toml:15:12: `policy.best.on-error`: unknown value `ignore`, expected `skip`, \
             `save`, `stop`",
            "site.toml:16:17: `policy.best.disable-after`: expected an integer of at least 1, found 0",
            "site.toml:17:1: `policy.best.top-k`: unknown key, expected one of `compile`, `config`, \
             `disable-after`, `mode`, `name`, `on-error`, `sha256`, `signature`, `wasm` / what the \
             policy itself reads belongs into \
             `config = { … }`",
            "site.toml:18:20: `policy.best.config`: a policy reads its configuration as JSON, \
             which has no `2024-01-01`",
            "site.toml:19:1: `policy.1.name`: this policy has no name / add `name = \"…\"`; the \
             journal and messages call it so",
            "site.toml:19:1: `policy.1.wasm`: this policy has no WebAssembly file / add `wasm = \
             \"builtin:NAME\"` with one of `aggregate`, `majority`, `rank-zero`, `unanimous`, or \
             the path of a file",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_or_parsed_is_named() {
    let missing = site_of(Path::new("no/such/site.toml")).expect_err("there is no such file");
    let missing = missing[0].to_string();
    assert!(
        missing.starts_with("no/such/site.toml: cannot read the file: "),
        "{missing}"
    );
    assert_eq!(
        problems("a = \nb = [1\n")
            .first()
            .map(|problem| problem.starts_with("site.toml:1:5: this is not TOML: ")),
        Some(true)
    );
    assert_eq!(
        problems(""),
        [
            "site.toml: `policy`: there is no policy / add a table `[[policy]]` with `name`, `wasm` \
          and `config`, such as `wasm = \"builtin:aggregate\"`"
        ]
    );
    assert_eq!(
        problems("policy = 3\nlimits = []\n"),
        [
            "site.toml:1:10: `policy`: expected a list of tables, written `[[policy]]`, found an \
             integer",
            "site.toml:2:10: `limits`: expected a table of keys and values, found a list",
        ]
    );
}
