//! What a configuration may say under the site's rules.

use std::path::Path;
use std::thread;

use ckpt_policy_core::{Combine, Confirm, Opening, Place};
use ckpt_policy_runtime::{Engine as _, Instances, Session, Threads};

use super::{POLICY, shown, site_in, written};
use crate::config::{Site, Survey};

const KEYS: [&str; 2] = [
    "RWR6FpuzmuGmSi91rZjFnvSLgwHXCWvX1kBpOOKkZKtX9qDFgKexxl+g",
    "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
];

/// Reads `job.toml` under the rules of `etc/rules.toml`.
fn under(rules: &str, job: &str) -> Result<Site, Vec<String>> {
    under_files(&[("etc/rules.toml", rules), ("job.toml", job)])
}

fn under_files(files: &[(&str, &str)]) -> Result<Site, Vec<String>> {
    let folder = written(files);
    let [rules, job] = ["etc/rules.toml", "job.toml"].map(|name| folder.path().join(name));
    let site = site_in(Survey::read_under(&rules, &job));
    site.map_err(|problems| shown(&problems, folder.path()))
}

fn names(site: &Site) -> Vec<&str> {
    site.entries()
        .map(|(entry, _)| entry.name.as_str())
        .collect()
}

#[test]
fn what_a_configuration_does_not_say_is_as_the_rules_say() {
    let rules = r#"
        combine = "majority"
        confirm = "never"
        instances = "reuse"
        [limits]
        fuel = 9_000
        memory = "32MiB"
        [checkpoints]
        directory = "checkpoints"
        keep-at-least = 3
        in-flight = 2
        settle-steps = 7
        [signals]
        every-steps = 5
        [journal]
        path = "decisions.jsonl"
        [trust]
        require-signatures = true
    "#;
    let site = under(rules, POLICY).expect("the configuration is right");
    let above = site.above().expect("there are rules above it");
    assert_eq!(
        (site.rules(), site.limits()),
        (above.rules(), above.limits())
    );
    assert_eq!((site.limits().fuel, site.limits().memory), (9000, 32 << 20));
    let rules = site.rules();
    assert_eq!(
        (rules.combine, rules.confirm),
        (Combine::Majority, Confirm::Never)
    );
    assert_eq!((rules.keep_at_least, rules.in_flight), (3, 2));
    assert_eq!((rules.settle_steps, rules.signal_steps), (7, 5));
    assert_eq!(site.instances(), Instances::Reuse);
    assert!(site.trust.requires);
    let beside = |name: &str| above.file().with_file_name(name);
    assert_eq!(site.journal(), Some(beside("decisions.jsonl").as_path()));
    assert_eq!(site.directory(), Some(beside("checkpoints").as_path()));
    assert_eq!(names(&site), ["best"]);
}

#[test]
fn a_configuration_may_be_tighter() {
    let [one, two] = KEYS;
    let rules = format!(
        r#"
        confirm = "never"
        instances = "reuse"
        [limits]
        fuel = 9_000
        [checkpoints]
        directory = "checkpoints"
        keep-at-least = 3
        in-flight = 2
        [trust]
        keys = ["{one}", "{two}"]
        "#
    );
    let job = format!(
        r#"
        confirm = "acts"
        instances = "fresh"
        [limits]
        fuel = 8_000
        [checkpoints]
        directory = "mine"
        keep-at-least = 4
        in-flight = 1
        [trust]
        keys = ["{two}"]
        require-signatures = true
        {POLICY}
        "#
    );
    let site = under(&rules, &job).expect("the configuration is right");
    assert_eq!(site.limits().fuel, 8000);
    assert_eq!((site.rules().keep_at_least, site.rules().in_flight), (4, 1));
    assert_eq!(site.rules().confirm, Confirm::Acts);
    assert_eq!(site.instances(), Instances::Fresh);
    assert_eq!((site.trusted().len(), site.trust.requires), (1, true));
    // Where a job keeps its checkpoints is its own matter.
    let directory = site.file().with_file_name("mine");
    assert_eq!(site.directory(), Some(directory.as_path()));
}

#[test]
fn all_that_is_looser_is_told_at_once_with_the_rule_that_forbids_it() {
    let [one, two] = KEYS;
    let rules = format!(
        r#"combine = "any"
confirm = "acts"
instances = "fresh"
[limits]
fuel = 9000
memory = "32MiB"
[checkpoints]
keep-at-least = 3
in-flight = 2
settle-steps = 7
[signals]
every-steps = 5
[journal]
path = "decisions.jsonl"
[trust]
keys = ["{one}"]
require-signatures = true
[cache]
enabled = false
directory = "cache"
size = "1GiB"
[[policy]]
name = "guard"
wasm = "builtin:aggregate"
"#
    );
    let job = format!(
        r#"combine = "all"
confirm = "never"
instances = "reuse"
[limits]
fuel = 9001
memory = "33MiB"
[checkpoints]
keep-at-least = 2
in-flight = 3
settle-steps = 8
[signals]
every-steps = 6
[journal]
path = "mine.jsonl"
[trust]
keys = ["{one}", "{two}"]
require-signatures = false
[cache]
enabled = true
directory = "mine"
size = "2GiB"
[[policy]]
name = "guard"
wasm = "builtin:aggregate"
"#
    );
    let wrong = under(&rules, &job).expect_err("everything is looser");
    let remedy = " / stay within the rules, or leave the key out: what they say then holds";
    let asks = |at: &str, key: &str, what: &str| {
        let (line, _) = at.split_once(':').expect("there are line and column");
        format!("job.toml:{at}: `{key}`: the site's rules in etc/rules.toml:{line}:{what}{remedy}")
    };
    let found = wrong.iter().map(|text| {
        ["decisions", "cache"]
            .iter()
            .fold(text.clone(), |text, name| {
                text.replace(&format!("`etc/{name}"), &format!("`{name}"))
            })
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            asks("1:11", "combine", "11 ask for `any`, found `all`"),
            asks("2:11", "confirm", "11 ask for `acts`, found `never`"),
            asks("3:13", "instances", "13 ask for `fresh`, found `reuse`"),
            asks("5:8", "limits.fuel", "8 ask for at most 9000, found `9001`"),
            asks(
                "6:10",
                "limits.memory",
                "10 ask for at most 33554432, found `34603008`"
            ),
            asks(
                "8:17",
                "checkpoints.keep-at-least",
                "17 ask for at least 3, found `2`"
            ),
            asks(
                "9:13",
                "checkpoints.in-flight",
                "13 ask for at most 2, found `3`"
            ),
            asks(
                "10:16",
                "checkpoints.settle-steps",
                "16 ask for at most 7, found `8`"
            ),
            asks(
                "12:15",
                "signals.every-steps",
                "15 ask for at most 5, found `6`"
            ),
            asks(
                "14:8",
                "journal.path",
                "8 ask for `decisions.jsonl`, found `mine.jsonl`"
            ),
            asks(
                "16:69",
                "trust.keys",
                "8 ask for a key of `4AA6E19AB39B167A`, found that of `E7620F1842B4E81F`"
            ),
            asks(
                "17:22",
                "trust.require-signatures",
                "22 ask for `true`, found `false`"
            ),
            asks("19:11", "cache.enabled", "11 ask for `false`, found `true`"),
            asks(
                "20:13",
                "cache.directory",
                "13 ask for `cache`, found `mine`"
            ),
            asks(
                "21:8",
                "cache.size",
                "8 ask for at most 1073741824, found `2147483648`"
            ),
            "job.toml:23:8: `policy.guard.name`: the site's rules have a policy of this name, in \
             etc/rules.toml:22:1, which stays / give this one another name"
                .to_owned(),
        ]
    );
}

#[test]
fn every_limit_of_the_rules_binds() {
    let limits = ckpt_policy_runtime::Limits::default().named();
    let table = |more: u64| {
        let line = |(name, value): (&str, u64)| format!("{name} = {}\n", value + more);
        let lines: String = limits.iter().copied().map(line).collect();
        format!("[limits]\n{lines}")
    };
    let looser = format!("{}{POLICY}", table(1));
    let wrong = under(&table(0), &looser).expect_err("each limit is higher");
    assert_eq!(wrong.len(), limits.len(), "{wrong:#?}");
    let equal = format!("{}{POLICY}", table(0));
    under(&table(0), &equal).expect("equal is not looser");
}

#[test]
fn the_site_alone_may_have_its_policies_compiled_large() {
    let large = format!("{POLICY}compile = \"large\"\n");
    let rules = format!("[trust]\ncompile = \"default\"\n{large}");
    let job = large.replace("best", "mine");
    assert_eq!(
        under(&rules, &job).expect_err("the job may not"),
        [
            "job.toml:4:11: `policy.mine.compile`: the site's rules in etc/rules.toml:2:11 allow \
             no more than `default` / leave the key out, or have the site add the policy to its \
             own rules"
        ]
    );
    let plain = POLICY.replace("best", "mine");
    let site = under(&rules, &plain).expect("the site's own may");
    assert_eq!(names(&site), ["best", "mine"]);
    let free = rules.replace("\"default\"", "\"large\"");
    under(&free, &job).expect("the rules allow it");
}

#[test]
fn rules_that_say_nothing_bind_nothing() {
    let job = format!(
        "confirm = \"never\"\ninstances = \"reuse\"\n[limits]\nfuel = 1_000_000_000\n\
         [checkpoints]\nkeep-at-least = 0\nin-flight = 64\n{POLICY}"
    );
    let site = under("", &job).expect("the configuration is right");
    assert_eq!(
        (site.limits().fuel, site.rules().in_flight),
        (1_000_000_000, 64)
    );
}

#[test]
fn policies_of_the_rules_come_first() {
    let policy = |name: &str| POLICY.replace("best", name);
    let [first, second, third, fourth] = ["first", "second", "third", "fourth"].map(policy);
    let files = [
        ("etc/rules.toml", first.as_str()),
        ("etc/policies.d/more.toml", &second),
        ("job.toml", &third),
        ("policies.d/more.toml", &fourth),
    ];
    let site = under_files(&files).expect("the configuration is right");
    assert_eq!(names(&site), ["first", "second", "third", "fourth"]);
    // They are policies enough.
    let site = under(&first, "").expect("the configuration is right");
    assert_eq!(names(&site), ["first"]);
    let nobody = under("", "").expect_err("there is none at all");
    assert!(nobody[0].contains("there is no policy"), "{nobody:?}");
}

#[test]
fn a_folder_that_both_would_read_belongs_to_the_rules() {
    let folder = written(&[
        ("rules.toml", ""),
        ("job.toml", ""),
        ("policies.d/best.toml", POLICY),
    ]);
    let [rules, job] = ["rules.toml", "job.toml"].map(|name| folder.path().join(name));
    let site = site_in(Survey::read_under(&rules, &job)).expect("no name comes twice");
    assert_eq!(names(&site), ["best"]);
    assert_eq!(site.above().map(names), Some(vec!["best"]));
}

#[test]
fn rules_that_are_wrong_bind_nobody() {
    let wrong = under("combin = 1\n[limits]\nfuel = 0", "nonsense").expect_err("both are wrong");
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong.iter().all(|text| text.starts_with("etc/rules.toml:")));
    let survey = Survey::read_under(Path::new("no/rules.toml"), Path::new("no/job.toml"));
    let missing = site_in(survey).expect_err("there is no such file");
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].file, Path::new("no/rules.toml"));
}

#[test]
fn ranks_under_different_rules_never_start() {
    let rules =
        |keep: u32| format!("[cache]\nenabled = false\n[checkpoints]\nkeep-at-least = {keep}\n");
    let job = POLICY.to_owned() + "config = { monitor = \"val_loss\" }\n";
    let open = |engine: Threads| {
        let keep = if engine.rank() == 3 { 1 } else { 2 };
        let folder = written(&[("rules.toml", &rules(keep)), ("job.toml", &job)]);
        let [rules, job] = ["rules.toml", "job.toml"].map(|name| folder.path().join(name));
        let survey = Survey::read_under(&rules, &job);
        let policies = survey.load().expect("each rank's files are right");
        let place = Place {
            rank: engine.rank(),
            world_size: engine.world_size(),
        };
        let opened = Session::open(Opening::new(policies.setup(place)), engine);
        opened
            .map(|_| ())
            .expect_err("the ranks differ")
            .to_string()
    };
    thread::scope(|scope| {
        let world = Threads::world(8).into_iter();
        let ranks: Vec<_> = world.map(|engine| scope.spawn(|| open(engine))).collect();
        for rank in ranks {
            assert_eq!(
                rank.join().expect("no rank panics"),
                "the ranks disagree at the opening: rank 3 has `checkpoints.keep-at-least` `1`, \
                 the others have `checkpoints.keep-at-least` `2`"
            );
        }
    });
}
