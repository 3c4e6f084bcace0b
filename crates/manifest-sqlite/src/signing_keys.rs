//! The key that signs, in a file beside the database: a copy of the database, which people send to each other, has no secret in it.

use async_trait::async_trait;
use manifest_core::ports::{PrivateKey, Retired, SigningKeys};
use manifest_core::{Port, PortError, PortErrorKind};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

mod pem;

pub use pem::{PemError, from_pem, to_pem};

const KEY: &str = "PRIVATE KEY";
const EARLIER: &str = "PUBLIC KEY";

/// [`SigningKeys`] in a file such as `signing-key.pem`, which only its owner can read, with `signing-key.pem.earlier` beside it.
///
/// The first holds one PKCS #8 key in PEM, as `openssl genpkey` writes it, so it can be replaced by hand as well. Processes that
/// replace it at the same time wait for each other (`flock` on `signing-key.pem.lock`). A key of ours that
/// others may read or change is refused, as ssh does; one of another owner, such as a secret that was mounted, is as its owner wants it. Calls are short and done on the thread that asks.
#[derive(Clone, Debug)]
pub struct SigningKeyFile {
    path: PathBuf,
}

impl SigningKeyFile {
    /// The key in that file. The file need not exist, its folder must.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where the key is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appended, so that a key whose name ends so is not what stands beside it, and keys that differ in their ends share nothing.
    fn beside(&self, what: &str) -> PathBuf {
        beside(&self.path, what)
    }

    fn read(&self) -> Port<Option<PrivateKey>> {
        let path = &self.path;
        let Some(text) = read_if_there(path, private)? else { return Ok(None) };
        match from_pem(&text, KEY).map_err(|error| corrupt(path, error))?.pop() {
            Some(key) => Ok(Some(PrivateKey::from_der(key))),
            None => Err(corrupt(path, "it holds no key")),
        }
    }

    fn read_earlier(&self) -> Port<Vec<Vec<u8>>> {
        let path = self.beside("earlier");
        let text = read_if_there(&path, |_| Ok(()))?.unwrap_or_default();
        from_pem(&text, EARLIER).map_err(|error| corrupt(&path, error))
    }

    fn replace_now(&self, expected: Option<&Retired>, key: &PrivateKey) -> Port<Option<PrivateKey>> {
        let lock = self.beside("lock");
        let locked = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock);
        // Held until it is dropped, at the end.
        let locked = locked.and_then(|file| file.lock().map(|()| file)).map_err(|error| failed(&lock, error))?;
        let current = self.read()?;
        if current.as_ref() != expected.map(|retired| &retired.private) {
            return Ok(current);
        }
        if let Some(retired) = expected {
            let mut earlier = self.read_earlier()?;
            // A crash between the two writes leaves the key in use in the list: it is not listed again.
            if earlier.last() != Some(&retired.public) {
                earlier.push(retired.public.clone());
            }
            let text: String = earlier.iter().map(|public| to_pem(public, EARLIER)).collect();
            write_durably(&self.beside("earlier"), &text, 0o644)?;
        }
        write_durably(&self.path, &to_pem(key.der(), KEY), 0o600)?;
        drop(locked);
        Ok(Some(key.clone()))
    }
}

#[async_trait]
impl SigningKeys for SigningKeyFile {
    async fn current(&self) -> Port<Option<PrivateKey>> {
        self.read()
    }

    async fn replace(&self, expected: Option<Retired>, key: &PrivateKey) -> Port<Option<PrivateKey>> {
        self.replace_now(expected.as_ref(), key)
    }

    async fn earlier(&self) -> Port<Vec<Vec<u8>>> {
        self.read_earlier()
    }
}

/// Under another name first, so that nobody ever reads half of it; with its permissions from the first byte on.
fn write_durably(path: &Path, text: &str, mode: u32) -> Port<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = beside(path, "new");
    let write = || -> io::Result<()> {
        // One that a crash left may have other permissions.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|error| failed(path, error))
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

/// Why a key is not used.
#[derive(Debug, thiserror::Error)]
#[error(
    "others than its owner can read or change it (its permissions are {mode:04o}): `chmod 600` it, or, if others have seen it, replace it"
)]
struct TooOpen {
    mode: u32,
}

/// A file of ours must be ours alone. As ssh: who owns a file decides about it, and may want us to read it together with others.
fn private(file: &Metadata) -> Result<(), TooOpen> {
    let mode = file.mode() & 0o7777;
    let is_ours = file.uid() == rustix::process::geteuid().as_raw();
    if is_ours && mode & 0o077 != 0 { Err(TooOpen { mode }) } else { Ok(()) }
}

fn read_if_there(path: &Path, check: impl FnOnce(&Metadata) -> Result<(), TooOpen>) -> Port<Option<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, error)),
    };
    // Of the file that is open, whatever the path names by now.
    let metadata = file.metadata().map_err(|error| failed(path, error))?;
    check(&metadata)
        .map_err(|error| PortError::new(PortErrorKind::Unavailable, path.display().to_string()).with_source(error))?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| failed(path, error))?;
    Ok(Some(text))
}

fn failed(path: &Path, error: io::Error) -> PortError {
    let kind =
        if error.kind() == io::ErrorKind::StorageFull { PortErrorKind::Full } else { PortErrorKind::Unavailable };
    PortError::new(kind, path.display().to_string()).with_source(error)
}

fn corrupt(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::new(PortErrorKind::Corrupt, path.display().to_string()).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::SigningKeyFile;
    use manifest_core::PortErrorKind;
    use manifest_core::ports::{PrivateKey, Retired, SigningKeys};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn only_the_owner_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let keys = SigningKeyFile::at(&directory.path().join("signing-key.pem"));
        let mode = || fs::metadata(keys.path()).unwrap().permissions().mode() & 0o777;
        // What a crash left of an earlier attempt does not lend its permissions.
        fs::write(directory.path().join("signing-key.pem.new"), "half").unwrap();
        let key = PrivateKey::from_der(vec![1, 2, 3]);
        keys.replace(None, &key).await.unwrap();
        assert_eq!(mode(), 0o600);
        let retired = Retired { private: key.clone(), public: vec![4] };
        keys.replace(Some(retired), &PrivateKey::from_der(vec![5])).await.unwrap();
        assert_eq!(mode(), 0o600);
        for file in fs::read_dir(directory.path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains("AQID"), "the old key is still there: {text}");
        }
    }

    #[tokio::test]
    async fn what_is_no_key_is_said_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let keys = SigningKeyFile::at(&directory.path().join("signing-key.pem"));
        for text in [
            "",
            "nonsense",
            "-----BEGIN PRIVATE KEY-----\nAQID\n",
            "-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n",
        ] {
            fs::write(keys.path(), text).unwrap();
            fs::set_permissions(keys.path(), Permissions::from_mode(0o600)).unwrap();
            assert_eq!(keys.current().await.unwrap_err().kind(), PortErrorKind::Corrupt, "{text:?}");
            keys.replace(None, &PrivateKey::from_der(vec![1])).await.unwrap_err();
            assert_eq!(fs::read_to_string(keys.path()).unwrap(), text);
        }
    }

    /// As ssh has it with its keys.
    #[tokio::test]
    async fn a_key_that_others_may_read_or_change_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let keys = SigningKeyFile::at(&directory.path().join("signing-key.pem"));
        let key = PrivateKey::from_der(vec![1, 2, 3]);
        keys.replace(None, &key).await.unwrap();
        for (mode, is_taken) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o620, false),
            (0o604, false),
            (0o602, false),
            (0o644, false),
        ] {
            fs::set_permissions(keys.path(), Permissions::from_mode(mode)).unwrap();
            match keys.current().await {
                Ok(current) => assert_eq!((current.as_ref(), true), (Some(&key), is_taken), "{mode:o}"),
                Err(error) => {
                    assert!(!is_taken, "{mode:o}: {error}");
                    let why = std::error::Error::source(&error).unwrap().to_string();
                    assert!(why.contains(&format!("{mode:04o}")) && why.contains("chmod 600"), "{why}");
                    // Nor is it replaced, as if it were none.
                    keys.replace(None, &PrivateKey::from_der(vec![9])).await.unwrap_err();
                }
            }
        }
        // What is public may be so.
        fs::set_permissions(keys.path(), Permissions::from_mode(0o600)).unwrap();
        let retired = Retired { private: key, public: vec![4] };
        keys.replace(Some(retired), &PrivateKey::from_der(vec![5])).await.unwrap();
        assert_eq!(keys.earlier().await.unwrap(), [[4]]);
    }

    /// Whatever the key's name ends in, nothing that is written beside it is written over it, or over another of its name but for the end.
    #[tokio::test]
    async fn what_stands_beside_a_key_has_another_name() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["key.pem", "key.der", "key.new", "key.lock", "key.earlier.pem"];
        let key = |name: &str| PrivateKey::from_der(name.as_bytes().to_vec());
        for name in names {
            let keys = SigningKeyFile::at(&directory.path().join(name));
            assert_eq!(keys.replace(None, &key(name)).await.unwrap(), Some(key(name)), "{name}");
        }
        for name in ["key.pem", "key.new", "key.lock"] {
            let keys = SigningKeyFile::at(&directory.path().join(name));
            let retired = Retired { private: key(name), public: name.as_bytes().to_vec() };
            keys.replace(Some(retired), &key("another")).await.unwrap();
            assert_eq!(keys.earlier().await.unwrap(), [name.as_bytes()], "{name}");
        }
    }
}
