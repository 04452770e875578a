//! What the file servers serve and receive: in memory, bounded, and never under a name that the SUT chose.
//!
//! There are two kinds of places: `/firmware/N/name`, a file to fetch, and `/uploads/N/`, a folder to put files into.
//! Everything else is not there. N is ours, so that no path of the SUT leads anywhere.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Credentials;
use crate::protocol::transfer::Protocol;

/// How much a store takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest upload, bytes.
    pub upload: usize,
    /// Most that may be under way and uncollected at a time, bytes.
    pub memory: usize,
    /// Content kept in a run, bytes; beyond it uploads are told of, but not kept.
    pub kept: u64,
    /// Files for one folder.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { upload: 64 << 20, memory: 256 << 20, kept: 1 << 30, files: 100 }
    }
}

/// Longest path that is looked at, bytes.
const MAX_PATH: usize = 2048;
/// Longest part of a name of the SUT that is repeated, characters.
const MAX_NAME: usize = 255;
/// Extensions that are taken over: of what logs come as, those that no browser or desktop runs.
const EXTENSIONS: [&str; 18] = [
    "log", "txt", "csv", "json", "jsonl", "zip", "gz", "tgz", "tar", "bz2", "xz", "zst", "7z", "dat", "enc", "cap",
    "pcap", "bin",
];
/// Longest that we make a transfer take.
const MAX_SLOWNESS: u64 = 600;

/// Why a file is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such folder.
    #[error("unknown location")]
    NoSuchPlace,
    /// It is larger than what is kept.
    #[error("it is larger than the limit")]
    TooLarge,
    /// Too much is under way, or was left here before.
    #[error("there is no space left for it")]
    Full,
}

/// A file that the SUT has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The test case that asked for it.
    pub test_case: String,
    /// The name that the SUT gave it: to be shown, not to be used.
    pub name: String,
    /// The extension of that name, where it is harmless, else `bin`.
    pub extension: String,
    /// How it came.
    pub protocol: Protocol,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Its content, unless the run has kept as much as it may.
    pub content: Option<Bytes>,
}

/// A file to fetch.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its content.
    pub content: Bytes,
    /// How long a transfer is to take.
    pub slow: Duration,
}

/// What is to be seen at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A folder.
    Folder,
    /// A file of so many bytes.
    File(u64),
}

#[derive(Debug)]
struct Folder {
    test_case: String,
    slow: Duration,
    /// What has to be given here, where the server itself demands nothing.
    guard: Option<Credentials>,
    received: Vec<(String, u64)>,
}

#[derive(Debug, Default)]
struct Inner {
    made: u64,
    offers: HashMap<String, Offer>,
    downloads: HashMap<String, u32>,
    folders: HashMap<u64, Folder>,
    uploads: Vec<Upload>,
    /// Bytes under way, and bytes received that nobody has collected.
    held: usize,
    kept: u64,
}

/// What the servers serve and receive. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
    limits: Limits,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Self { inner: Arc::default(), limits }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers a file whose transfer takes at least so many seconds; the answer is its path.
    pub fn offer(&self, name: &str, content: Bytes, slow: u64) -> String {
        let mut inner = self.lock();
        inner.made += 1;
        let path = format!("/firmware/{}/{name}", inner.made);
        inner.offers.insert(path.clone(), Offer { content, slow: Duration::from_secs(slow.min(MAX_SLOWNESS)) });
        path
    }

    /// Makes a folder to upload to for a test case, where a transfer takes at least so many seconds; the answer is its path.
    pub fn folder(&self, test_case: &str, slow: u64) -> String {
        self.make(test_case, slow, None)
    }

    /// The same for who gives these credentials alone; only HTTP and HTTPS ask for them.
    pub fn guarded_folder(&self, test_case: &str, guard: Credentials) -> String {
        self.make(test_case, 0, Some(guard))
    }

    fn make(&self, test_case: &str, slow: u64, guard: Option<Credentials>) -> String {
        let mut inner = self.lock();
        inner.made += 1;
        let number = inner.made;
        let slow = Duration::from_secs(slow.min(MAX_SLOWNESS));
        let folder = Folder { test_case: test_case.to_owned(), slow, guard, received: Vec::new() };
        inner.folders.insert(number, folder);
        format!("/uploads/{number}/")
    }

    /// What has to be given at a path, where it leads into a guarded folder.
    pub fn guard(&self, path: &str) -> Option<Credentials> {
        let (number, _) = self.place(path)?;
        self.lock().folders.get(&number)?.guard.clone()
    }

    /// The size of the largest upload, bytes.
    pub fn largest(&self) -> usize {
        self.limits.upload
    }

    /// The file at a path.
    pub fn offered(&self, path: &str) -> Option<Offer> {
        let parts = parts(path)?;
        self.lock().offers.get(&format!("/{}", parts.join("/"))).cloned()
    }

    /// Counts that the file at a path was fetched.
    pub fn fetched(&self, path: &str) {
        let Some(parts) = parts(path) else { return };
        let path = format!("/{}", parts.join("/"));
        let mut inner = self.lock();
        if inner.offers.contains_key(&path) {
            *inner.downloads.entry(path).or_default() += 1;
        }
    }

    /// How often the file at a path was fetched.
    pub fn downloads(&self, path: &str) -> u32 {
        self.lock().downloads.get(path).copied().unwrap_or(0)
    }

    /// What is to be seen at a path.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        if let Some(offer) = self.offered(path) {
            return Some(Entry::File(offer.content.len() as u64));
        }
        let parts = parts(path)?;
        let inner = self.lock();
        match parts.as_slice() {
            [] | ["firmware" | "uploads"] => Some(Entry::Folder),
            ["firmware", number] => {
                let within = format!("/firmware/{number}/");
                inner.offers.keys().any(|path| path.starts_with(&within)).then_some(Entry::Folder)
            }
            ["uploads", number] => inner.folders.contains_key(&number.parse().ok()?).then_some(Entry::Folder),
            ["uploads", number, .., name] => {
                let folder = inner.folders.get(&number.parse().ok()?)?;
                let name = shown(name);
                folder.received.iter().rev().find(|(known, _)| *known == name).map(|(_, size)| Entry::File(*size))
            }
            _ => None,
        }
    }

    /// True when files may be put below this path.
    pub fn takes(&self, path: &str) -> bool {
        self.place(path).is_some()
    }

    /// The folder that a path leads into, and the name that it ends in, if it has one.
    fn place(&self, path: &str) -> Option<(u64, String)> {
        let parts = parts(path)?;
        let (number, name) = match parts.as_slice() {
            ["uploads", number] => (number, ""),
            ["uploads", number, .., name] => (number, *name),
            _ => return None,
        };
        let number = number.parse().ok()?;
        self.lock().folders.contains_key(&number).then(|| (number, shown(name)))
    }

    /// Begins to receive a file.
    pub fn receive(&self, path: &str, protocol: Protocol) -> Result<Receiving, Refusal> {
        let (folder, name) = self.place(path).ok_or(Refusal::NoSuchPlace)?;
        let inner = self.lock();
        let known = inner.folders.get(&folder).ok_or(Refusal::NoSuchPlace)?;
        if known.received.len() >= self.limits.files {
            return Err(Refusal::Full);
        }
        let slow = known.slow;
        drop(inner);
        Ok(Receiving { store: self.clone(), folder, name, protocol, slow, content: Vec::new(), held: 0 })
    }

    /// The SUT calls a file that it has sent by another name now (it may have sent it under a temporary one).
    pub fn rename(&self, from: &str, to: &str) -> Result<(), Refusal> {
        let (from, to) = self.place(from).zip(self.place(to)).ok_or(Refusal::NoSuchPlace)?;
        let mut inner = self.lock();
        let folder = inner.folders.get_mut(&from.0).filter(|_| from.0 == to.0).ok_or(Refusal::NoSuchPlace)?;
        let test_case = folder.test_case.clone();
        let received =
            folder.received.iter_mut().rev().find(|(name, _)| *name == from.1).ok_or(Refusal::NoSuchPlace)?;
        received.0.clone_from(&to.1);
        let size = received.1;
        let waiting = inner.uploads.iter_mut().rev();
        for upload in
            waiting.filter(|known| known.test_case == test_case && known.name == from.1 && known.size == size).take(1)
        {
            upload.name.clone_from(&to.1);
        }
        Ok(())
    }

    /// Names and sizes of what has arrived in a folder (by its path).
    pub fn received(&self, path: &str) -> Vec<(String, u64)> {
        let Some((number, _)) = self.place(path) else { return Vec::new() };
        self.lock().folders.get(&number).map(|folder| folder.received.clone()).unwrap_or_default()
    }

    /// What has arrived for a test case (or for any) since this was asked for the last time.
    pub fn collect(&self, test_case: Option<&str>) -> Vec<Upload> {
        let mut inner = self.lock();
        let wanted = |upload: &Upload| test_case.is_none_or(|wanted| upload.test_case == wanted);
        let (uploads, rest) = std::mem::take(&mut inner.uploads).into_iter().partition(wanted);
        inner.uploads = rest;
        let uploads: Vec<Upload> = uploads;
        let freed: usize = uploads.iter().filter_map(|upload| upload.content.as_ref().map(Bytes::len)).sum();
        inner.held = inner.held.saturating_sub(freed);
        uploads
    }
}

/// A file that is being received. What is dropped before [`Receiving::finish`] was not sent.
#[derive(Debug)]
pub struct Receiving {
    store: Store,
    folder: u64,
    /// The name that the SUT gives it.
    pub name: String,
    protocol: Protocol,
    /// How long it is to take.
    pub slow: Duration,
    content: Vec<u8>,
    held: usize,
}

impl Receiving {
    /// How much has come.
    pub fn size(&self) -> u64 {
        self.content.len() as u64
    }

    /// Takes bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.write_at(self.size(), bytes)
    }

    /// Takes bytes at a place.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Refusal> {
        let begin = usize::try_from(offset).map_err(|_| Refusal::TooLarge)?;
        let end = begin.checked_add(bytes.len()).filter(|end| *end <= self.store.limits.upload);
        let end = end.ok_or(Refusal::TooLarge)?;
        if end > self.held {
            let mut inner = self.store.lock();
            let held = inner.held.saturating_add(end - self.held);
            if held > self.store.limits.memory {
                return Err(Refusal::Full);
            }
            inner.held = held;
            self.held = end;
        }
        if end > self.content.len() {
            self.content.resize(end, 0);
        }
        if let Some(place) = self.content.get_mut(begin..end) {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// The file is whole.
    pub fn finish(mut self) {
        let content = Bytes::from(std::mem::take(&mut self.content));
        let (size, sha256) = (content.len() as u64, hex(&Sha256::digest(&content)));
        let mut inner = self.store.lock();
        let Some(folder) = inner.folders.get_mut(&self.folder) else { return };
        if folder.received.len() >= self.store.limits.files {
            return;
        }
        let name = if self.name.is_empty() { String::new() } else { shown(&self.name) };
        folder.received.push((name.clone(), size));
        let test_case = folder.test_case.clone();
        let extension = extension(&name);
        let content = (inner.kept + size <= self.store.limits.kept).then_some(content);
        if let Some(content) = &content {
            inner.kept += size;
            // Held on until it is collected.
            self.held = self.held.saturating_sub(content.len());
        }
        inner.uploads.push(Upload { test_case, name, extension, protocol: self.protocol, size, sha256, content });
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let mut inner = self.store.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.held = inner.held.saturating_sub(self.held);
    }
}

/// The parts of a path; `None` when it leads upwards, is too long, or holds what has no place in a path.
fn parts(path: &str) -> Option<Vec<&str>> {
    if path.len() > MAX_PATH || path.contains(char::is_control) {
        return None;
    }
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.contains(&"..")).then_some(parts)
}

/// A name of the SUT as it may be shown: short, and without what a terminal would obey.
fn shown(name: &str) -> String {
    name.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

/// The extension of a name, if it is one that harms nobody.
fn extension(name: &str) -> String {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.filter(|extension| EXTENSIONS.contains(&extension.as_str())).unwrap_or_else(|| "bin".into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Store {
        Store::new(Limits { upload: 10, memory: 25, kept: 30, files: 3 })
    }

    fn put(store: &Store, path: &str, content: &[u8]) -> Result<(), Refusal> {
        let mut receiving = store.receive(path, Protocol::Http)?;
        receiving.append(content)?;
        receiving.finish();
        Ok(())
    }

    #[test]
    fn of_a_name_only_a_harmless_extension_is_taken_over() {
        let store = Store::default();
        let folder = store.folder("TC_N_25_CS", 0);
        for (name, extension) in [
            ("station.log", "log"),
            ("a/b/logs.tar.GZ", "gz"),
            ("no-extension", "bin"),
            (".htaccess", "bin"),
            ("page.html", "bin"),
            ("picture.svg", "bin"),
            ("x.<script>", "bin"),
            ("x.ph p", "bin"),
            ("x.log.", "bin"),
            ("x.verylongone", "bin"),
            ("\u{202e}gpj.exe", "bin"),
        ] {
            put(&store, &format!("{folder}{name}"), b"content").unwrap();
            let upload = store.collect(None).pop().unwrap();
            assert_eq!(upload.extension, extension, "{name:?}");
            assert_eq!(upload.name, name.rsplit('/').next().unwrap());
        }
        assert_eq!(store.received(&folder).len(), 11);
    }

    #[test]
    fn uploads_belong_to_the_test_case_that_asked_for_them() {
        let store = Store::default();
        let (first, second) = (store.folder("TC_N_25_CS", 0), store.folder("TC_N_35_CS", 0));
        put(&store, &format!("{second}a.log"), b"content").unwrap();
        put(&store, &format!("{first}b.log"), b"content").unwrap();
        let of = |uploads: Vec<Upload>| uploads.into_iter().map(|upload| upload.name).collect::<Vec<_>>();
        assert_eq!(of(store.collect(Some("TC_N_25_CS"))), ["b.log"]);
        assert_eq!(of(store.collect(None)), ["a.log"]);
        assert!(store.collect(None).is_empty());
        assert_eq!(store.received(&first).len(), 1);
    }

    #[test]
    fn hostile_paths_lead_nowhere() {
        let store = Store::default();
        let folder = store.folder("TC_N_25_CS", 0);
        let offer = store.offer("image.bin", Bytes::from_static(b"image"), 0);
        for path in [
            format!("{folder}../../etc/passwd"),
            format!("{folder}..\\..\\windows"),
            format!("{folder}a\0b"),
            format!("{folder}{}", "x".repeat(5000)),
            "/etc/passwd".into(),
            "/uploads/999/x".into(),
            "/uploads/-1/x".into(),
            "/uploads/18446744073709551616/x".into(),
            "/uploads".into(),
            String::new(),
            offer.clone(),
        ] {
            assert_eq!(put(&store, &path, b"x"), Err(Refusal::NoSuchPlace), "{path:?}");
        }
        assert!(store.offered("/firmware/../firmware/2/image.bin").is_none());
        assert_eq!(store.offered(&format!("/.{offer}")).unwrap().content, "image");
        assert!(store.collect(None).is_empty());
    }

    #[test]
    fn what_is_taken_is_bounded() {
        let store = small();
        let folder = store.folder("TC_N_25_CS", 0);
        assert_eq!(put(&store, &folder, b"12345678901"), Err(Refusal::TooLarge));
        let mut first = store.receive(&folder, Protocol::Sftp).unwrap();
        assert_eq!(first.write_at(u64::MAX, b"x"), Err(Refusal::TooLarge));
        assert_eq!(first.write_at(9, b"xy"), Err(Refusal::TooLarge));
        first.write_at(9, b"x").unwrap(); // ten bytes are held
        let mut second = store.receive(&folder, Protocol::Sftp).unwrap();
        second.append(b"1234567890").unwrap();
        let mut third = store.receive(&folder, Protocol::Sftp).unwrap();
        assert_eq!(third.append(b"123456"), Err(Refusal::Full));
        drop(second); // was not sent to its end
        third.append(b"1234567890").unwrap();
        third.finish();
        first.finish();
        assert_eq!(store.received(&folder).iter().map(|(_, size)| *size).collect::<Vec<_>>(), [10, 10]);
        put(&store, &folder, b"12345").unwrap();
        assert_eq!(put(&store, &folder, b""), Err(Refusal::Full), "the folder has its three files");
        let uploads = store.collect(None);
        assert_eq!(uploads[1].content.as_deref(), Some(&b"\0\0\0\0\0\0\0\0\0x"[..]));
        // The room is free again, but the run has kept almost what it may.
        let other = store.folder("TC_N_35_CS", 0);
        put(&store, &other, b"12345").unwrap();
        put(&store, &other, b"123456").unwrap();
        let uploads = store.collect(None);
        assert_eq!(uploads.iter().map(|upload| upload.content.is_some()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(uploads[1].size, 6);
        assert_eq!(store.lock().held, 0);
    }

    #[test]
    fn a_folder_is_seen_with_what_is_in_it() {
        let store = Store::default();
        let folder = store.folder("TC_N_25_CS", 0);
        let offer = store.offer("image.bin", Bytes::from_static(b"image"), 0);
        put(&store, &format!("{folder}log.part"), b"123").unwrap();
        store.rename(&format!("{folder}log.part"), &format!("{folder}station.log")).unwrap();
        assert_eq!(store.rename(&format!("{folder}nothing"), &folder), Err(Refusal::NoSuchPlace));
        assert_eq!(store.entry(&format!("{folder}station.log")), Some(Entry::File(3)));
        assert_eq!(store.entry(&format!("{folder}log.part")), None);
        assert_eq!(store.entry(&folder), Some(Entry::Folder));
        assert_eq!(store.entry(&offer), Some(Entry::File(5)));
        assert_eq!(store.entry("/firmware/2"), Some(Entry::Folder));
        assert_eq!(store.entry("/firmware/1"), None);
        assert_eq!(store.collect(None)[0].name, "station.log");
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic_or_chooses_what_a_file_is_called(path in ".{0,60}") {
            let store = Store::default();
            let folder = store.folder("TC_N_25_CS", 0);
            let _ = put(&store, &path, b"x");
            let _ = put(&store, &format!("{folder}{path}"), b"x");
            for upload in store.collect(None) {
                proptest::prop_assert!(!upload.extension.is_empty());
                proptest::prop_assert!(upload.extension.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }
    }
}
