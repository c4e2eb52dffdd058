//! `run --engine mpi` under a real `mpirun`: the output of threads, byte for byte, and what becomes of
//! the others where one process is wrong, stopped or killed.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ckpt-policy");

/// Ranks that wait for each other take all processors, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run that ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn trace(name: &str) -> String {
    let path = tests().join("traces").join(name).with_extension("jsonl");
    path.to_str().expect("a path of text").to_owned()
}

/// Writes the site with four policies, whose numbers travel in this way, into a folder.
fn site(folder: &TempDir, name: &str, encoding: &str, more: &str) -> String {
    let four = fs::read_to_string(tests().join("sites/four.toml")).expect("the site is there");
    let text = format!("{more}\n{four}\n[exchange]\nencoding = \"{encoding}\"\n");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("the folder can be written to");
    path.to_str().expect("a path of text").to_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

/// What starts processes here, `mpirun` or what `MPIRUN` says: as root, and more of them than cores, as is
/// usual in a container. OpenMPI is told so by variables, of which MPICH has no need.
fn launcher() -> Command {
    let mut command = Command::new(env::var_os("MPIRUN").unwrap_or_else(|| "mpirun".into()));
    command
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .env("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
        .env("CKPT_POLICY_CACHE", cache())
        .stdin(Stdio::null());
    command
}

/// Starts processes; each group is how many, and the arguments of `run` beside `--engine mpi`.
fn mpirun(groups: &[(u32, &[&str])]) -> Command {
    let mut command = launcher();
    for (index, (processes, arguments)) in groups.iter().enumerate() {
        if index > 0 {
            command.arg(":");
        }
        command.args([
            "-n",
            &processes.to_string(),
            PROGRAM,
            "run",
            "--engine",
            "mpi",
        ]);
        command.args(*arguments);
    }
    command
}

/// One compile cache for all runs: what is tried here is not the compiler.
fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    // Made by the program itself, since it uses none that is open to others.
    CACHE.get_or_init(|| folder().keep().join("cache"))
}

fn end_of(mut command: Command) -> Ended {
    let output = command.output().unwrap_or_else(|error| {
        panic!("mpirun cannot be started ({error}); install it, Debian's package is openmpi-bin")
    });
    output.into()
}

fn threads(arguments: &[&str]) -> Ended {
    let mut command = Command::new(PROGRAM);
    let cached = command.env("CKPT_POLICY_CACHE", cache());
    cached.arg("run").args(arguments);
    end_of(command)
}

#[test]
fn processes_print_what_threads_print() {
    let (_turn, folder) = (alone(), folder());
    for encoding in ["gather", "reduce"] {
        let site = site(&folder, &format!("{encoding}.toml"), encoding, "");
        for (ranks, name) in [
            (2, "digits-mlp-ddp2-nan"),
            (3, "digits-mlp-ddp4"),
            (4, "digits-mlp-ddp4"),
            (8, "digits-cnn-ddp8-steps"),
        ] {
            let trace = trace(name);
            let arguments = ["--config", &site, "--format", "json", &trace];
            prints_what_threads_print(ranks, &arguments);
        }
    }
    let site = site(&folder, "site.toml", "auto", "");
    // A table ends with the exchanges, which are the same, too.
    prints_what_threads_print(4, &["--config", &site, &trace("digits-mlp-ddp4")]);
}

fn prints_what_threads_print(ranks: u32, arguments: &[&str]) {
    let processes = end_of(mpirun(&[(ranks, arguments)]));
    let count = ranks.to_string();
    let expected = threads(&[arguments, &["--ranks", &count]].concat());
    let codes = (processes.code, expected.code);
    assert_eq!(codes, (Some(0), Some(0)), "{processes:?}");
    assert_eq!(processes.out, expected.out, "{ranks} ranks, {arguments:?}");
    assert!(expected.out.lines().count() > 10, "{}", expected.out);
}

#[test]
fn both_encodings_write_the_same_journal() {
    let (_turn, folder) = (alone(), folder());
    let [gather, reduce] = ["gather", "reduce"].map(|encoding| {
        let site = site(&folder, &format!("{encoding}.toml"), encoding, "");
        let trace = trace("digits-mlp-ddp4");
        let ended = end_of(mpirun(&[(
            4,
            &["--config", &site, "--format", "json", &trace],
        )]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out
    });
    assert_eq!(gather, reduce);
}

#[test]
fn a_run_that_is_cut_goes_on_as_if_it_had_not_been() {
    let (_turn, folder) = (alone(), folder());
    let path = |name: &str| {
        let path = folder.path().join(name);
        path.to_str().expect("a path of text").to_owned()
    };
    let (cut, trace) = (path("cut.json"), trace("digits-mlp-ddp4"));
    for encoding in ["gather", "reduce"] {
        let journal = format!("[journal]\npath = \"{encoding}.jsonl\"");
        let site = site(
            &folder,
            &format!("{encoding}.toml"),
            encoding,
            &format!("{journal}\n"),
        );
        let whole = threads(&["--config", &site, "--format", "json", &trace]).out;
        let first = [
            "--config",
            &site,
            "--until",
            "200",
            "--snapshot",
            &cut,
            &trace,
        ];
        let ended = end_of(mpirun(&[(4, &first)]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        // As a run leaves it that was killed while it wrote: lines of its own, the last one half.
        let written = path(&format!("{encoding}.jsonl"));
        let before = fs::read_to_string(&written).expect("a journal");
        let further = &whole[before.len()..];
        let torn = format!("{before}{}", &further[..further.len() / 2]);
        assert!(
            !torn.ends_with('\n') && whole.starts_with(&before),
            "{torn}"
        );
        fs::write(&written, torn).expect("the journal can be written");
        let ended = end_of(mpirun(&[(
            4,
            &["--config", &site, "--resume", &cut, &trace],
        )]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(fs::read_to_string(&written).expect("a journal"), whole);
    }
}

#[test]
fn one_process_under_another_configuration_stops_all_before_they_begin() {
    let (_turn, folder) = (alone(), folder());
    let one = site(&folder, "one.toml", "auto", "");
    let other = site(&folder, "other.toml", "auto", "combine = \"all\"");
    let trace = trace("digits-mlp-ddp4");
    let groups: [(u32, &[&str]); 2] = [
        (3, &["--config", &one, &trace]),
        (1, &["--config", &other, &trace]),
    ];
    let ended = end_of(mpirun(&groups));
    assert_eq!((ended.code, ended.out.as_str()), (Some(4), ""), "{ended:?}");
    let told = "the ranks disagree at the opening: rank 3 has `combine` `all`, the others have `combine` `any`";
    assert!(ended.err.contains(told), "{}", ended.err);
    assert_eq!(
        ended.err.matches("the ranks disagree").count(),
        1,
        "one rank is enough to say it"
    );
}

#[test]
fn processes_that_are_to_play_different_parts_do_not_begin() {
    let (_turn, folder) = (alone(), folder());
    let site = site(&folder, "site.toml", "auto", "");
    let trace = trace("digits-mlp-ddp4");
    let groups: [(u32, &[&str]); 2] = [
        (2, &["--config", &site, &trace]),
        (1, &["--config", &site, "--until", "100", &trace]),
    ];
    let ended = end_of(mpirun(&groups));
    assert_eq!((ended.code, ended.out.as_str()), (Some(4), ""), "{ended:?}");
    let told = "rank 2 has `run` `1 traces, from event 0 until step 100`";
    assert!(ended.err.contains(told), "{}", ended.err);
}

#[test]
fn one_process_that_cannot_begin_is_heard_by_the_others() {
    let (_turn, folder) = (alone(), folder());
    let good = site(&folder, "good.toml", "auto", "");
    let trace = trace("digits-mlp-ddp4");
    let groups: [(u32, &[&str]); 2] = [
        (2, &["--config", &good, &trace]),
        (1, &["--config", "nowhere.toml", &trace]),
    ];
    let ended = end_of(mpirun(&groups));
    // MPICH's launcher ends with the bits of both where it heard of both.
    let is_both = env::var_os("MPIRUN").is_some() && ended.code == Some(2 | 4);
    assert!(is_both || matches!(ended.code, Some(2 | 4)), "{ended:?}");
    for part in [
        "rank 2 could not open the host: ",
        "error: rank 2: ",
        "nowhere.toml",
    ] {
        assert!(
            ended.err.contains(part),
            "`{part}` is missing in:\n{}",
            ended.err
        );
    }
}

#[test]
fn as_many_processes_as_ranks() {
    let (_turn, folder) = (alone(), folder());
    let site = site(&folder, "site.toml", "auto", "");
    let ended = end_of(mpirun(&[(
        2,
        &["--config", &site, "--ranks", "4", &trace("digits-mlp-ddp4")],
    )]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("`--ranks 4`, but there are 2 processes"),
        "{}",
        ended.err
    );
}

/// A run that takes long enough to be disturbed: the trace again and again, with steps that go on.
fn long_trace(folder: &TempDir) -> String {
    let text = fs::read_to_string(trace("digits-mlp-ddp4")).expect("the trace is there");
    let (header, rows) = text.split_once('\n').expect("a header");
    let rows: Vec<serde_json::Value> = rows
        .lines()
        .map(|row| serde_json::from_str(row).expect("JSON"))
        .collect();
    let last = |rows: &[serde_json::Value]| rows.last().and_then(|row| row["step"].as_u64());
    let length = last(&rows).expect("a step") + 1;
    let mut long = format!("{header}\n");
    for turn in 0..2000 {
        for row in &rows {
            let mut row = row.clone();
            let step = row["step"].as_u64().expect("a step");
            row["step"] = (turn * length + step).into();
            long.push_str(&format!("{row}\n"));
        }
    }
    let path = folder.path().join("long.jsonl");
    fs::write(&path, long).expect("the folder can be written to");
    path.to_str().expect("a path of text").to_owned()
}

/// A run under way, which does not outlive the test.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        Self(command.spawn().expect("mpirun is there"))
    }

    /// Waits until the ranks decide, so that they write a journal; returns their process ids.
    fn ranks(&self, count: usize, journal: &Path) -> Vec<i32> {
        let before = fs::metadata(journal).map_or(0, |file| file.len());
        let start = Instant::now();
        loop {
            let grows = fs::metadata(journal).is_ok_and(|file| file.len() > before);
            let ranks = ranks_of(self.0.id());
            if grows && ranks.len() == count {
                return ranks;
            }
            assert!(start.elapsed() < PATIENCE, "found {ranks:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for its end; one that hangs is killed and fails the test.
    fn end(mut self) -> Ended {
        let mut err = self.0.stderr.take().expect("it is a pipe");
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "the run hangs");
            thread::sleep(Duration::from_millis(50));
        };
        let mut text = String::new();
        let _closed = err.read_to_string(&mut text);
        Ended {
            code: status.code(),
            out: String::new(),
            err: text,
        }
    }
}

/// How long a test waits for what should take seconds.
const PATIENCE: Duration = Duration::from_secs(120);

impl Drop for Running {
    fn drop(&mut self) {
        for rank in ranks_of(self.0.id()) {
            signal(rank, libc::SIGKILL);
        }
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// The ranks that a launcher has started: its children, or those of MPICH's proxy.
fn ranks_of(launcher: u32) -> Vec<i32> {
    let name_and_parent = |id: u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, which may hold anything, ends with the last parenthesis.
        let (head, fields) = stat.rsplit_once(") ")?;
        let parent: u32 = fields.split(' ').nth(1)?.parse().ok()?;
        Some((head.to_owned(), parent))
    };
    let of = |entry: std::io::Result<fs::DirEntry>| {
        let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let (name, parent) = name_and_parent(id)?;
        let is_rank = ["(ckpt-policy", "(trainer"]
            .iter()
            .any(|rank| name.contains(rank));
        let is_below = parent == launcher || name_and_parent(parent)?.1 == launcher;
        (is_rank && is_below).then(|| id.cast_signed())
    };
    let mut ids: Vec<i32> = fs::read_dir("/proc")
        .expect("a Linux")
        .filter_map(of)
        .collect();
    ids.sort_unstable();
    ids
}

#[expect(unsafe_code, reason = "there is no safe way to send a signal")]
fn signal(process: i32, signal: i32) {
    // SAFETY: sends a signal to a process of this test's own.
    unsafe { libc::kill(process, signal) };
}

#[test]
fn a_process_that_is_stopped_does_not_stop_the_others_for_ever() {
    let (_turn, folder) = (alone(), folder());
    let journal = "[journal]\npath = \"journal.jsonl\"\n";
    let (site, trace) = (
        site(&folder, "site.toml", "auto", journal),
        long_trace(&folder),
    );
    let arguments = ["--config", &site, "--deadline", "2", &trace];
    let running = Running::start(mpirun(&[(3, &arguments)]));
    let ranks = running.ranks(3, &folder.path().join("journal.jsonl"));
    signal(ranks[2], libc::SIGSTOP);
    let ended = running.end();
    for part in [
        "in round ",
        "was not complete after 2 seconds: a rank is gone, stopped or busy",
    ] {
        assert!(
            ended.err.contains(part),
            "`{part}` is missing in:\n{}",
            ended.err
        );
    }
    assert_eq!(ended.code, Some(4), "{ended:?}");
}

#[test]
fn a_process_that_is_killed_ends_the_run_and_another_goes_on_from_the_snapshot() {
    let (_turn, folder) = (alone(), folder());
    let journal = "[journal]\npath = \"journal.jsonl\"\n";
    let (site, trace) = (
        site(&folder, "site.toml", "auto", journal),
        long_trace(&folder),
    );
    let written = folder.path().join("journal.jsonl");
    let cut = folder.path().join("cut.json");
    let cut = cut.to_str().expect("a path of text");
    let until = [
        "--config",
        &site,
        "--until",
        "900",
        "--snapshot",
        cut,
        &trace,
    ];
    assert_eq!(end_of(mpirun(&[(3, &until)])).code, Some(0));

    let arguments = ["--config", &site, "--resume", cut, &trace];
    let running = Running::start(mpirun(&[(3, &arguments)]));
    signal(running.ranks(3, &written)[1], libc::SIGKILL);
    let ended = running.end();
    assert_ne!(ended.code, Some(0), "{ended:?}");

    let further = [
        "--config", &site, "--resume", cut, "--until", "3000", &trace,
    ];
    assert_eq!(end_of(mpirun(&[(3, &further)])).code, Some(0));
    let resumed = fs::read_to_string(&written).expect("a journal");
    let whole = [
        "--config", &site, "--ranks", "3", "--until", "3000", "--format", "json", &trace,
    ];
    assert_eq!(threads(&whole).out, resumed);
}

/// Starts the trainer of `host/mpi/examples` on three ranks.
fn trainer(folder: &Path, epochs: u64) -> Command {
    let program = Path::new(PROGRAM)
        .with_file_name("examples")
        .join("trainer");
    assert!(
        program.exists(),
        "the example is not built; `cargo test --workspace --features ckpt-policy/mpi` builds it"
    );
    let mut command = launcher();
    command.args(["-n", "3"]).arg(program).arg(folder);
    command.args(["--epochs", &epochs.to_string()]);
    command
}

/// The checkpoints of a folder by their epoch: the parameters.
fn checkpoints(folder: &Path) -> BTreeMap<u64, String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).ok()?;
        let mut lines = text.lines();
        let epoch = lines.next()?.parse().ok()?;
        Some((epoch, lines.next()?.to_owned()))
    };
    let whole = |path: &PathBuf| path.extension().is_some_and(|it| it == "ckpt");
    files
        .map(|file| file.path())
        .filter(whole)
        .filter_map(read)
        .collect()
}

#[test]
fn rank_zero_reads_the_files_for_all() {
    let (_turn, folder) = (alone(), folder());
    let wasm = tests().join("../plugins/dist/aggregate.wasm");
    let site = |rank: &str| {
        let place = folder.path().join(rank);
        fs::create_dir(&place).expect("there is room for a folder");
        let text = "[exchange]\nfiles = \"rank-zero\"\n[[policy]]\nname = \"own\"\n\
                    wasm = \"own.wasm\"\nconfig = { monitor = \"val_loss\" }\n";
        let path = place.join("site.toml");
        fs::write(&path, text).expect("the folder can be written to");
        path.to_str().expect("a path of text").to_owned()
    };
    let (first, others) = (site("first"), site("others"));
    let trace = trace("digits-mlp-ddp4");
    let run = || {
        let arguments = |site| ["--format", "json", "--config", site, trace.as_str()];
        let (first, others) = (arguments(first.as_str()), arguments(others.as_str()));
        Ended::from(
            mpirun(&[(1, &first), (2, &others)])
                .output()
                .expect("it starts"),
        )
    };
    let copy = |to: &str| fs::copy(&wasm, folder.path().join(to).join("own.wasm"));
    copy("others").expect("the policy can be copied");
    let ended = run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("there is no such file on rank 0"),
        "{ended:?}"
    );

    fs::remove_file(folder.path().join("others/own.wasm")).expect("it is there");
    copy("first").expect("the policy can be copied");
    let ended = run();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("\"save\": true"), "{}", ended.out);
}

#[test]
fn a_trainer_that_is_killed_goes_on_and_ends_where_it_would_have_ended() {
    let (_turn, folder) = (alone(), folder());
    let (killed, whole) = (folder.path().join("killed"), folder.path().join("whole"));
    let running = Running::start(trainer(&killed, 1_000_000));
    let start = Instant::now();
    while checkpoints(&killed).keys().all(|epoch| *epoch < 20) {
        assert!(
            start.elapsed() < PATIENCE,
            "found {:?}",
            checkpoints(&killed)
        );
        thread::sleep(Duration::from_millis(5));
    }
    let ranks = ranks_of(running.0.id());
    assert_eq!(ranks.len(), 3);
    signal(ranks[2], libc::SIGKILL);
    assert_ne!(running.end().code, Some(0));
    let left = checkpoints(&killed);
    let (&newest, _) = left.last_key_value().expect("a checkpoint");

    let end = newest + 30;
    for folder in [&killed, &whole] {
        let ended = end_of(trainer(folder, end));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let (resumed, expected) = (checkpoints(&killed), checkpoints(&whole));
    assert_eq!(expected.len(), 3, "the best three are kept");
    for (epoch, parameters) in &expected {
        assert_eq!(resumed.get(epoch), Some(parameters), "epoch {epoch}");
    }
    // What the run went on from is protected; all else is as if nothing had been.
    let more: Vec<_> = resumed
        .keys()
        .filter(|epoch| !expected.contains_key(epoch))
        .collect();
    assert_eq!(more, [&newest]);
}
