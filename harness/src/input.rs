//! Reading texts that people name: regular files of a bounded size, or standard input.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The largest file that is read, in bytes. Cases, manifests and versions have a few thousand.
pub const LARGEST: u64 = 1 << 20;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InputError {
    /// What is wrong.
    pub problem: String,
    /// Line and column, counted from 1, of what is not text.
    pub place: Option<(u64, u64)>,
}

/// Whether a path means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdin")
}

/// Returns the text of a file.
///
/// # Errors
/// Anything but a regular file, one that is too large, or one that is not UTF-8.
pub fn read(path: &Path) -> Result<String, InputError> {
    read_up_to(path, LARGEST)
}

/// Returns the text of a file that may have `largest` bytes.
///
/// # Errors
/// As [`read`].
pub fn read_up_to(path: &Path, largest: u64) -> Result<String, InputError> {
    let error = |problem: String| InputError { problem, place: None };
    let failed = |cause: io::Error| error(format!("cannot be read: {cause}"));
    let read = match is_stdin(path) {
        true => bounded(io::stdin().lock(), largest),
        false => {
            // Before it is opened: a pipe without a writer would not even open.
            if !path.metadata().map_err(failed)?.is_file() {
                return Err(error("is not a regular file".to_owned()));
            }
            File::open(path).and_then(|file| bounded(file, largest))
        }
    };
    let Some(bytes) = read.map_err(failed)? else {
        return Err(error(format!("is larger than {} MiB", largest >> 20)));
    };
    String::from_utf8(bytes).map_err(|cause| {
        let good = &cause.as_bytes()[..cause.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count() as u64;
        let start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&good[start..]).chars().count() as u64 + 1;
        InputError { problem: "is not UTF-8 from here on".to_owned(), place: Some((line, column)) }
    })
}

fn bounded(from: impl Read, largest: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(largest + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= largest).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_regular_files_of_a_bounded_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let problem = |name: &str| read(&path(name)).unwrap_err().problem;
        symlink("/dev/zero", path("zero.yaml")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path("fifo.yaml")).status().unwrap();
        assert!(made.success());
        for name in ["zero.yaml", "fifo.yaml", "."] {
            assert_eq!(problem(name), "is not a regular file", "{name}");
        }
        fs::write(path("large.yaml"), vec![b' '; (1 << 20) + 1]).unwrap();
        assert_eq!(problem("large.yaml"), "is larger than 1 MiB");
        fs::write(path("good.yaml"), vec![b' '; 1 << 20]).unwrap();
        assert_eq!(read(&path("good.yaml")).unwrap().len(), 1 << 20);
    }

    #[test]
    fn bytes_that_are_not_utf_8_have_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("latin.yaml");
        fs::write(&file, b"title: t\nsource: caf\xe9\n").unwrap();
        assert_eq!(read(&file).unwrap_err().place, Some((2, 12)));
    }
}
