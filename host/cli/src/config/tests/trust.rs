//! Which policies a configuration trusts.

use std::fs;
use std::path::{Path, PathBuf};

use super::{POLICY, problems, read, shown, site_in, written};
use crate::config::Survey;
use crate::signature::beside;
use crate::signature::secret::{Fresh, Locked, Secret};

/// A folder with a policy in a file, and two people who can sign it.
struct Desk {
    folder: tempfile::TempDir,
    ann: Secret,
    bob: Secret,
}

impl Desk {
    fn new() -> Self {
        let folder = written(&[]);
        let bytes = ckpt_policy_builtins::get("aggregate").expect("it is built in");
        fs::write(folder.path().join("best.wasm"), bytes).expect("it can be written");
        let [ann, bob] = ["ann", "bob"].map(|name| new_key(folder.path(), name));
        Self { folder, ann, bob }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("it can be written");
        path
    }

    fn sign(&self, by: &Secret, name: &str) {
        let file = self.path(name);
        let bytes = fs::read(&file).expect("it can be read");
        let signature = by.sign(&bytes, "").expect("it can be signed");
        fs::write(beside(&file), signature).expect("it can be written");
    }

    /// Loads a configuration with this `[trust]` and the policy, with these keys.
    fn load(&self, trust: &str, keys: &str) -> Result<(), Vec<String>> {
        let job = self.write("job.toml", &format!("[trust]\n{trust}\n{}", policy(keys)));
        self.loaded(&Survey::read(&job))
    }

    fn loaded(&self, survey: &Survey) -> Result<(), Vec<String>> {
        let loaded = survey.load().map(|_| ());
        let hide = |text: String| {
            let text = text.replace(&self.ann.id().to_string(), "ANN");
            text.replace(&self.bob.id().to_string(), "BOB")
        };
        loaded.map_err(|problems| {
            let texts = shown(problems.as_slice(), self.folder.path());
            texts.into_iter().map(hide).collect()
        })
    }
}

fn new_key(folder: &Path, name: &str) -> Secret {
    let [secret, public] = ["key", "pub"].map(|end| folder.join(format!("{name}.{end}")));
    let fresh = Fresh::new(None).expect("a key can be made");
    fresh.write_secret(&secret).expect("it can be written");
    fresh.write_public(&public).expect("it can be written");
    let locked = Locked::from_file(&secret).expect("it is a secret key");
    locked.unlock(String::new()).expect("it has no password")
}

fn policy(keys: &str) -> String {
    let file = POLICY.replace("builtin:aggregate", "best.wasm");
    format!("{file}config = {{ monitor = \"val_loss\" }}\n{keys}\n[cache]\nenabled = false\n")
}

#[test]
fn keys_are_given_as_they_are_or_as_files() {
    let line = "RWR6FpuzmuGmSi91rZjFnvSLgwHXCWvX1kBpOOKkZKtX9qDFgKexxl+g";
    let file = format!("untrusted comment: somebody's\n{line}\n");
    let text = format!("[trust]\nkeys = [\"{line}\", \"keys/one.pub\"]\n{POLICY}");
    let site = read(&[("site.toml", &text), ("keys/one.pub", &file)]);
    let trusted = site.expect("the configuration is right").trusted();
    let ids: Vec<_> = trusted.iter().map(|key| key.id().to_string()).collect();
    assert_eq!(ids, ["4AA6E19AB39B167A"; 2]);
}

#[test]
fn what_is_no_key_is_told_with_its_place() {
    let text = format!(
        "[trust]\nkeys = [\"no.pub\", 7]\nrequire-signatures = \"yes\"\nkey = \"x\"\n{POLICY}\
         signature = \"best.minisig\"\n"
    );
    assert_eq!(
        problems(&text),
        [
            "site.toml:2:9: `trust.keys`: `no.pub`: this is no public key, and as a file it cannot \
             be used: No such file or directory (os error 2) / name a file such as `site.pub`, or \
             write the key itself: 56 characters that begin with `RW`",
            "site.toml:2:19: `trust.keys`: expected a text in quotes, found an integer",
            "site.toml:3:22: `trust.require-signatures`: expected `true` or `false`, found text",
            "site.toml:4:1: `trust.key`: unknown key, expected one of `compile`, `keys`, \
             `require-signatures` / did you mean `keys`?",
            "site.toml:8:13: `policy.best.signature`: `builtin:aggregate` is part of this program, \
             and has no signature / leave the key out",
        ]
    );
    let wrong = read(&[
        ("site.toml", &format!("[trust]\nkeys = [\"key\"]\n{POLICY}")),
        ("key", "nonsense"),
    ]);
    let wrong = wrong.expect_err("the file holds no key");
    assert!(
        wrong[0].contains("as a file it cannot be used: it holds no public key"),
        "{wrong:?}"
    );
}

#[test]
fn a_signature_of_a_trusted_key_is_enough() {
    let desk = Desk::new();
    desk.sign(&desk.ann, "best.wasm");
    let trust = "keys = [\"bob.pub\", \"ann.pub\"]\nrequire-signatures = true";
    assert_eq!(desk.load(trust, ""), Ok(()));
    fs::rename(desk.path("best.wasm.minisig"), desk.path("elsewhere")).expect("it can be moved");
    assert_eq!(desk.load(trust, "signature = \"elsewhere\""), Ok(()));
}

#[test]
fn a_policy_without_a_signature_is_refused_only_where_one_is_asked_for() {
    let desk = Desk::new();
    assert_eq!(desk.load("keys = [\"ann.pub\"]", ""), Ok(()));
    assert_eq!(
        desk.load("keys = [\"ann.pub\"]\nrequire-signatures = true", ""),
        Err(vec![
            "job.toml:6:8: `policy.best.wasm`: `best.wasm` is refused: it is not signed: there is \
             no `best.wasm.minisig` / let somebody whose key is trusted sign it: `ckpt-policy sign \
             FILE --key SECRET`"
                .to_owned()
        ])
    );
    let named = desk.load("keys = [\"ann.pub\"]", "signature = \"a.minisig\"");
    let named = named.expect_err("its signature is named");
    assert!(
        named[0].contains("`policy.best.signature`: `best.wasm` is refused"),
        "{named:?}"
    );
    let nobody = desk.load("require-signatures = true", "");
    assert_eq!(
        nobody,
        Err(vec![
            "job.toml:5:8: `policy.best.wasm`: it must be signed, and nobody is trusted / name the \
             public keys of those who may sign as `keys` in `[trust]`"
                .to_owned()
        ])
    );
    // What is built in is part of the program.
    let builtin = format!("[trust]\nrequire-signatures = true\n{}", policy(""));
    let builtin = desk.write(
        "builtin.toml",
        &builtin.replace("best.wasm", "builtin:aggregate"),
    );
    assert_eq!(desk.loaded(&Survey::read(&builtin)), Ok(()));
}

#[test]
fn a_signature_that_does_not_fit_is_always_refused() {
    let desk = Desk::new();
    desk.sign(&desk.bob, "best.wasm");
    assert_eq!(
        desk.load("keys = [\"ann.pub\"]", ""),
        Err(vec![
            "job.toml:5:8: `policy.best.wasm`: `best.wasm` is refused: it is signed with the key \
             `BOB`, which is not trusted; trusted is `ANN` / if you trust that key's owner, add \
             the public key to `keys` in `[trust]`"
                .to_owned()
        ])
    );
    desk.sign(&desk.ann, "best.wasm");
    let mut bytes = fs::read(desk.path("best.wasm")).expect("it can be read");
    bytes.extend([0, 2, 1, b'x']);
    fs::write(desk.path("best.wasm"), bytes).expect("it can be written");
    assert_eq!(
        desk.load("keys = [\"ann.pub\"]", ""),
        Err(vec![
            "job.toml:5:8: `policy.best.wasm`: `best.wasm` is refused: the key `ANN` did not sign \
             these bytes: the file or `best.wasm.minisig` was changed / find out who changed it; \
             if the change is wanted, have the file signed again with `ckpt-policy sign`"
                .to_owned()
        ])
    );
    // Nobody is trusted, so there is nothing to compare with.
    assert_eq!(desk.load("", ""), Ok(()));
}

#[test]
fn a_signature_and_a_pin_must_both_hold() {
    let desk = Desk::new();
    desk.sign(&desk.ann, "best.wasm");
    let pin = format!("sha256 = \"{}\"", "0".repeat(64));
    let wrong = desk
        .load("keys = [\"ann.pub\"]", &pin)
        .expect_err("the pin is another");
    assert!(wrong[0].contains("`policy.best.sha256`"), "{wrong:?}");
}

#[test]
fn bytes_that_nobody_answers_for_are_not_looked_at() {
    let desk = Desk::new();
    desk.write("best.wasm", "no WebAssembly at all");
    let wrong = desk.load("keys = [\"ann.pub\"]\nrequire-signatures = true", "");
    let wrong = wrong.expect_err("it is not signed");
    assert!(
        wrong.len() == 1 && wrong[0].contains("it is not signed"),
        "{wrong:?}"
    );
}

#[test]
fn one_file_passes_only_where_those_who_signed_it_are_trusted() {
    let desk = Desk::new();
    desk.sign(&desk.ann, "best.wasm");
    let trust = |name: &str| format!("[trust]\nkeys = [\"{name}.pub\", \"ann.pub\"]\n");
    let guard = policy("").replace("\"best\"", "\"guard\"");
    let rules = desk.write("rules.toml", &format!("{}{guard}", trust("bob")));
    let job = format!("[trust]\nkeys = [\"bob.pub\"]\n{}", policy(""));
    let job = desk.write("job.toml", &job);
    let survey = Survey::read_under(&rules, &job);
    let wrong = desk.loaded(&survey).expect_err("the job trusts only bob");
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(
        wrong[0].starts_with("job.toml:") && wrong[0].contains("`ANN`"),
        "{wrong:?}"
    );
    let site = site_in(survey).expect("the configuration itself is right");
    let keys: Vec<_> = site
        .signables()
        .iter()
        .map(|file| file.keys.len())
        .collect();
    assert_eq!(keys, [2, 1]);
}
