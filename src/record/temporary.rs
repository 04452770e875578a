//! A folder for the time being, which nobody else can read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A folder among those of the system for temporary files; it is gone when this is.
#[derive(Debug)]
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes one; `purpose` is part of its name.
    pub(crate) fn new(purpose: &str) -> io::Result<Self> {
        let name = format!("ocpp-attest-{purpose}-{}", uuid::Uuid::new_v4().simple());
        let folder = Self(std::env::temp_dir().join(name));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder.0)?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
