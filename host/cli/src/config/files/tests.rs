use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use ckpt_policy_runtime::{Instances, Limits, Runtime};

use super::{is_unchanged, read_file};

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let limits = Limits {
        file: 1000,
        ..Limits::default()
    };
    let runtime = Runtime::new(limits, Instances::Fresh).unwrap();
    read_file(path, &runtime).map_err(|error| error.to_string())
}

fn refused(kind: &str) -> Result<Vec<u8>, String> {
    Err(format!("it is {kind}, expected a file"))
}

#[test]
fn only_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(
        made.expect("`mkfifo` is there; it is part of coreutils")
            .success()
    );
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert_eq!(read(&fifo), refused("a FIFO"));
    assert_eq!(read(folder.path()), refused("a directory"));
    assert_eq!(read(Path::new("/dev/zero")), refused("a device"));
    assert_eq!(read(&socket), refused("a socket"));
}

#[test]
fn no_more_is_read_than_one_byte_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for (size, read_of_it) in [(0, 0), (999, 999), (1001, 1001), (5000, 1001)] {
        fs::write(&path, vec![7; size]).unwrap();
        assert_eq!(read(&path).map(|bytes| bytes.len()), Ok(read_of_it));
    }
}

#[test]
fn a_change_is_noticed() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"first").unwrap();
    let before = file.metadata().unwrap();
    let unchanged = |file: &File, read| is_unchanged(&before, &file.metadata().unwrap(), read, 9);
    assert!(unchanged(&file, 5));
    // Bytes that were there are gone, though time and length stay.
    assert!(!unchanged(&file, 4));
    file.set_len(3).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert!(!unchanged(&file, 5));
    file.set_len(5).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    assert!(!unchanged(&file, 5));
}
