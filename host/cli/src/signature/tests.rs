//! What passes as signed, and that nothing else does.

use std::fs;
use std::path::{Path, PathBuf};

use super::secret::{Fresh, Locked, Secret};
use super::{PublicKey, Refusal, Signed, beside, verify};

/// A folder with a new key in it.
struct Desk {
    folder: tempfile::TempDir,
    secret: Secret,
    public: PublicKey,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let [secret, public] = ["k.key", "k.pub"].map(|name| folder.path().join(name));
        let fresh = Fresh::new(None).expect("a key can be made");
        fresh.write_secret(&secret).expect("it can be written");
        fresh.write_public(&public).expect("it can be written");
        let locked = Locked::from_file(&secret).expect("it is a secret key");
        assert!(!locked.has_password());
        let secret = locked.unlock(String::new()).expect("it has no password");
        let public = PublicKey::read("k.pub", &public).expect("it is a public key");
        assert_eq!(public.id(), secret.id());
        Self {
            folder,
            secret,
            public,
        }
    }

    fn file(&self, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("a.wasm.minisig");
        fs::write(&path, text).expect("it can be written");
        path
    }

    fn sign(&self, bytes: &[u8]) -> String {
        let signed = self.secret.sign(bytes, "what it is");
        signed.expect("it can be signed")
    }

    /// Whether bytes pass under a signature file of this text.
    fn verify(&self, bytes: &[u8], text: impl AsRef<[u8]>) -> Result<Signed, Refusal> {
        let path = self.file(text);
        verify(bytes, &path, std::slice::from_ref(&self.public))
    }
}

#[test]
fn what_was_signed_passes_and_nothing_else() {
    let desk = Desk::new();
    let text = desk.sign(b"bytes");
    let signed = Signed {
        by: desk.public.id(),
        comment: "what it is".to_owned(),
    };
    assert_eq!(desk.verify(b"bytes", &text), Ok(signed));
    for other in [&b"bytez"[..], b"byte", b"bytes ", b""] {
        let refused = desk.verify(other, &text);
        assert!(
            matches!(refused, Err(Refusal::Altered { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn the_comment_is_signed_too() {
    let desk = Desk::new();
    let text = desk.sign(b"bytes").replace("what it is", "what it was");
    let refused = desk.verify(b"bytes", &text);
    assert!(
        matches!(refused, Err(Refusal::Altered { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_damaged_signature_never_passes() {
    let desk = Desk::new();
    let text = desk.sign(b"bytes");
    let second = text.find('\n').expect("there are lines");
    for at in 0..text.len() {
        // Cut anywhere, and with any letter changed, but for the comment that nobody signs.
        let cut = desk.verify(b"bytes", &text[..at]);
        assert!(cut.is_err() || text[at..].trim().is_empty(), "cut at {at}");
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let changed = desk.verify(b"bytes", &bytes);
        let is_harmless = at < second || at + 1 == text.len();
        assert!(is_harmless || changed.is_err(), "changed at {at}");
    }
    for text in [
        "",
        "\n\n\n\n",
        "RW",
        "untrusted comment: \n=\ntrusted comment: \n=\n",
    ] {
        let refused = desk.verify(b"bytes", text);
        assert!(
            matches!(refused, Err(Refusal::Malformed { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_key_that_is_not_trusted_is_named() {
    let [signer, other] = [Desk::new(), Desk::new()];
    let refused = other.verify(b"bytes", signer.sign(b"bytes"));
    let refused = refused.expect_err("another key signed");
    let [signer, other] = [signer, other].map(|desk| desk.public.id());
    assert_eq!(
        refused.to_string(),
        format!("it is signed with the key `{signer}`, which is not trusted; trusted is `{other}`")
    );
}

#[test]
fn what_cannot_be_read_is_not_the_same_as_what_is_not_there() {
    let desk = Desk::new();
    let keys = std::slice::from_ref(&desk.public);
    let path = beside(Path::new("no/such.wasm"));
    assert_eq!(path, Path::new("no/such.wasm.minisig"));
    assert_eq!(
        verify(b"", &path, keys),
        Err(Refusal::Unsigned { path: path.clone() })
    );
    let folder = verify(b"", desk.folder.path(), keys);
    assert!(
        matches!(folder, Err(Refusal::Unreadable { .. })),
        "{folder:?}"
    );
    for text in [&b"\xff\xfe"[..], &[b'a'; 20_000]] {
        let refused = desk.verify(b"", text);
        assert!(
            matches!(refused, Err(Refusal::Unreadable { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_password_protects_the_secret_key() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("k.key");
    let fresh = Fresh::new(Some("sesame".to_owned())).expect("a key can be made");
    fresh.write_secret(&path).expect("it can be written");
    let unlock = |password: &str| {
        let locked = Locked::from_file(&path).expect("it is a secret key");
        assert!(locked.has_password());
        locked.unlock(password.to_owned()).map(|secret| secret.id())
    };
    assert_eq!(unlock("sesame"), Ok(fresh.id()));
    let wrong = unlock("open").expect_err("the password is wrong");
    assert_eq!(wrong, "wrong password for that key");
}

#[test]
#[cfg(unix)]
fn secret_keys_are_for_their_owner_and_never_written_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let path = desk.folder.path().join("k.key");
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&path).expect("it can be read");
    let again = Fresh::new(None)
        .expect("a key can be made")
        .write_secret(&path);
    let again = again.expect_err("there is a file");
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).expect("it can be read"), before);
}

/// What the program `minisign` 0.11 made: this key trusts and signs nothing but this test.
mod by_minisign {
    pub(super) const PUBLIC: &str = "RWR6FpuzmuGmSi91rZjFnvSLgwHXCWvX1kBpOOKkZKtX9qDFgKexxl+g";
    pub(super) const SECRET: &str = "untrusted comment: a key of the tests, trusted by nobody
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAehabs5rhpkqEUcPR4M821Z/\
SozQ7S/VwDS9wYpkCoNdXAot9dRzg/i91rZjFnvSLgwHXCWvX1kBpOOKkZKtX9qDFgKexxl+gAAAAAAAAAAAAAAAAAAAAAAAA\
AAAAAAAAAAAAAAAAAAA=
";
    pub(super) const BYTES: &[u8] = b"made by minisign\n";
    pub(super) const HASHED: &str = "untrusted comment: signature from minisign secret key
RUR6FpuzmuGmSpQPF5N4ap8TgzkHwlU+FoTw60jDq/3Kfly9QHBElAC5Kx7jP2BIR49te8VTQHg1Sq6F189t22rfgDMMIc5HMAo=
trusted comment: a comment of its own
VErrOoP7ewi78F7Ix4PXTsfego6JrGayiDmbYNP8bcCLP8BgPH2evM90xLWTaZTXdGrgHrqTUVRDt7G2r1AiCw==
";
    pub(super) const OLD: &str = "untrusted comment: signature from minisign secret key
RWR6FpuzmuGmSqTOyqK4j7O9Jyo/QEijv0oWscNRvWXNi8rJGVD8NCh1uWPgeon4AJ7NiOLGr3OQPMjoRh9kB55LJcd0IZi0zgg=
trusted comment: timestamp:1795631174\tfile:made.txt
nWifx5GUprd3jaSxf/MRL3rkIHPfJ5ONXq/jws1s5Ri20dj8nvIT88Vlet4C117wOkUfQnLOJpyS/EwRaQAzBw==
";
}

#[test]
fn keys_and_signatures_of_minisign_work() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    };
    let public = PublicKey::from_line(by_minisign::PUBLIC).expect("it is a public key");
    assert_eq!(public.id().to_string(), "4AA6E19AB39B167A");
    let keys = std::slice::from_ref(&public);
    let hashed = verify(
        by_minisign::BYTES,
        &write("hashed", by_minisign::HASHED),
        keys,
    );
    let comment = hashed.map(|signed| signed.comment);
    assert_eq!(comment, Ok("a comment of its own".to_owned()));
    let old = verify(by_minisign::BYTES, &write("old", by_minisign::OLD), keys);
    assert!(matches!(old, Err(Refusal::Malformed { .. })), "{old:?}");

    let locked = Locked::from_file(&write("m.key", by_minisign::SECRET)).expect("it is a key");
    let secret = locked.unlock(String::new()).expect("it has no password");
    let text = secret.sign(b"bytes", "").expect("it can be signed");
    let signed = verify(b"bytes", &write("ours", &text), keys);
    assert_eq!(signed.map(|signed| signed.by), Ok(public.id()));
}

#[test]
fn a_damaged_secret_key_signs_nothing() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("m.key");
    // The first letters of the seed, which no checksum covers.
    let damaged = by_minisign::SECRET.replace("qEUcPR4M821Z", "qEUcPR4M821a");
    assert_ne!(damaged, by_minisign::SECRET);
    fs::write(&path, damaged).expect("it can be written");
    let locked = Locked::from_file(&path).expect("it looks like a key");
    let secret = locked.unlock(String::new()).expect("it has no password");
    assert_eq!(
        secret.sign(b"bytes", ""),
        Err("the secret key is damaged".to_owned())
    );
}
