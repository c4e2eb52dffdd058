//! lab
use ckpt_policy_runtime::*;
use std::time::Instant;
#[path = "../tests/jail/bombs.rs"]
#[allow(dead_code)]
mod bombs;
#[path = "../tests/sandbox/guest.rs"]
#[allow(dead_code)]
mod guest;
fn stat() -> (f64, u64) {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let c: f64 = s.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9;
    let m = std::fs::read_to_string("/proc/self/status").unwrap();
    let m = m
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024;
    (c, m)
}
fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || real(args))
        .unwrap()
        .join()
        .unwrap()
}
fn real(args: Vec<String>) {
    let m = u64::MAX;
    let mut l = Limits::default();
    l.compile = CompileLimits {
        function: m,
        functions: m,
        locals: m,
        nesting: m,
        data: m,
        definitions: m,
        work: m,
    };
    l.tables = 100;
    let rt = Runtime::new(l, Instances::Fresh).unwrap();
    let load = |name: &str, b: &[u8]| {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let i = Instant::now();
        let t = stat().0;
        let r = rt.load(b);
        let (t2, rss) = stat();
        let d = t2 - t;
        let _ = i;
        match r {
            Ok(l) => {
                let e = l.extent();
                println!(
                    "{name:22} bytes {:8} fn {:7} fns {:6} loc {:5} nest {:5} defs {:7} work {:9} cpu {:8.1}ms ns/work {:6.0} rss {}",
                    b.len(),
                    e.function,
                    e.functions,
                    e.locals,
                    e.nesting,
                    e.definitions,
                    e.work,
                    d * 1e3,
                    d * 1e9 / e.work as f64,
                    rss
                )
            }
            Err(e) => println!(
                "{name:22} bytes {} {:.1}ms {}",
                b.len(),
                d * 1e3,
                e.to_string().chars().take(300).collect::<String>()
            ),
        }
    };
    if args[0] == "file" {
        for f in &args[1..] {
            load(f, &std::fs::read(f).unwrap());
        }
        return;
    }
    let scale: f64 = args.get(1).map_or(1.0, |s| s.parse().unwrap());
    for bomb in bombs::bombs() {
        if args[0] != "all" && !args[0].split(',').any(|a| a == bomb.name) {
            continue;
        }
        for mult in [1.0, 2.0] {
            let n = (bomb.n as f64 * scale * mult) as usize;
            let f = (bomb.fields)(n);
            let b = match std::panic::catch_unwind(move || guest::Guest::plain().more(f).module()) {
                Ok(b) => b,
                Err(_) => continue,
            };
            load(&format!("{} {n}", bomb.name), &b);
        }
    }
}
