//! A log file that gives way to a new one when it is full: `audit.log` becomes `audit-2026-01-02T15-04-05.000.log`, and
//! the oldest of those go.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use super::Rotation;

const MEGABYTE: u64 = 1 << 20;
const DAY: i64 = 24;
/// In UTC.
const TIME: &str = "%Y-%m-%dT%H-%M-%S%.3f";
/// Of events, which hold what users sent.
const MODE: u32 = 0o600;

pub(super) struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    /// With its size.
    open: Option<(File, u64)>,
}

impl LogFile {
    /// It is opened when it is written to.
    pub(super) fn new(path: PathBuf, rotation: Rotation) -> Self {
        Self { path, rotation, open: None }
    }

    /// After an error the file is opened anew.
    pub(super) fn write(&mut self, line: &[u8], now: Timestamp) -> io::Result<()> {
        let length = line.len() as u64;
        let most = self.rotation.max_megabytes * MEGABYTE;
        let (mut file, mut size) = match self.open.take() {
            Some(open) => open,
            None => open(&self.path)?,
        };
        if most > 0 && size > 0 && size + length > most {
            drop(file);
            fs::rename(&self.path, backup(&self.path, now))?;
            prune(&self.path, self.rotation, now)?;
            (file, size) = open(&self.path)?;
        }
        file.write_all(line)?;
        self.open = Some((file, size + length));
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// What the names of backups have before and after their time.
fn around(path: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let end = path.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    (format!("{}-", text(path.file_stem())), end)
}

fn backup(path: &Path, now: Timestamp) -> PathBuf {
    let (begin, end) = around(path);
    path.with_file_name(format!("{begin}{}{end}", now.strftime(TIME)))
}

/// When a file of this name gave way; `None` where it is no backup.
fn time_of(path: &Path, name: &str) -> Option<Timestamp> {
    let (begin, end) = around(path);
    let time = name.strip_prefix(begin.as_str())?.strip_suffix(end.as_str())?;
    let time = civil::DateTime::strptime(TIME, time).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// Removes the backups that are too many or too old.
fn prune(path: &Path, rotation: Rotation, now: Timestamp) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut backups: Vec<(Timestamp, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(time) = time_of(path, &entry.file_name().to_string_lossy()) {
            backups.push((time, entry.path()));
        }
    }
    backups.sort();
    backups.reverse();
    let Rotation { max_days, max_backups, .. } = rotation;
    let hours = i64::try_from(max_days).unwrap_or(i64::MAX).saturating_mul(DAY).min(1 << 30);
    let oldest = now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN);
    for (at, (time, backup)) in backups.iter().enumerate() {
        let is_spare = max_backups > 0 && at >= max_backups;
        let is_old = max_days > 0 && *time < oldest;
        if is_spare || is_old {
            fs::remove_file(backup)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    const ROTATION: Rotation = Rotation { max_megabytes: 1, max_days: 0, max_backups: 0 };

    #[test]
    fn a_full_file_gives_way_and_is_kept_under_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/audit.log");
        let half = vec![b'x'; 600 << 10];
        let mut file = LogFile::new(path.clone(), ROTATION);
        file.write(&half, at("2026-01-01T00:00:00Z")).unwrap();
        drop(file);
        // What is there already counts.
        let mut file = LogFile::new(path.clone(), ROTATION);
        file.write(&half, at("2026-01-02T03:04:05.678Z")).unwrap();
        assert_eq!(names(path.parent().unwrap()), ["audit-2026-01-02T03-04-05.678.log", "audit.log"]);
        assert_eq!(fs::metadata(&path).unwrap().len(), half.len() as u64);
        // A line that is larger than a file has one for itself.
        file.write(&vec![b'y'; 3 << 20], at("2026-01-03T00:00:00Z")).unwrap();
        assert_eq!(names(path.parent().unwrap()).len(), 3);
    }

    #[test]
    fn backups_that_are_too_many_or_too_old_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let others = ["audit-x.log", "audit-2026-01-01T00-00-00.000.txt", "other.log"];
        let backups = (1..=5).map(|day| format!("audit-2026-01-0{day}T00-00-00.000.log"));
        for name in others.map(str::to_owned).into_iter().chain(backups) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let now = at("2026-01-06T00:00:00Z");
        let left = |rotation| {
            prune(&path, rotation, now).unwrap();
            let names = names(folder.path());
            names.len() - others.len()
        };
        assert_eq!(left(ROTATION), 5);
        assert_eq!(left(Rotation { max_days: 4, ..ROTATION }), 4);
        assert_eq!(left(Rotation { max_backups: 2, ..ROTATION }), 2);
        assert!(names(folder.path()).contains(&"audit-2026-01-05T00-00-00.000.log".to_owned()));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        fs::create_dir(&path).unwrap();
        let mut file = LogFile::new(path.clone(), ROTATION);
        let now = at("2026-01-06T00:00:00Z");
        assert!(file.write(b"lost\n", now).is_err());
        fs::remove_dir(&path).unwrap();
        file.write(b"kept\n", now).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept\n");
    }
}
