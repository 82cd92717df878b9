//! The files of a log, read from the end and followed across the moments when they are set aside.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{Entry, LIMIT, Parser};
use crate::{
    error::Result,
    local::{files, instance::LocalInstance, postmaster::LOG},
};

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// Where the log of an instance is.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
}

/// A reader of a log, which goes on where it stopped.
///
/// It reads the file that was set aside and then the one that is written; when that one is set aside or cut off meanwhile, nothing is
/// left out and nothing is told twice. It holds one piece of 64 KiB and one message.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    reads: VecDeque<Reader>,
    line: Vec<u8>,
    parser: Parser,
}

#[derive(Debug)]
struct Reader {
    file: File,
    at: u64,
}

impl Log {
    /// The log of an instance, whether there is one or not.
    pub fn of(instance: &LocalInstance) -> Self {
        Self::at(&instance.folder())
    }

    /// The log in the folder of an instance.
    pub(super) fn at(folder: &Path) -> Self {
        Self {
            path: folder.join(LOG),
        }
    }

    /// The file that the server writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The older file: the log is set aside there when it is large.
    pub(super) fn aside(&self) -> PathBuf {
        PathBuf::from(format!("{}.1", self.path.display()))
    }

    /// Begins to read: all that is kept, or the last messages. `None` if no server ever wrote one.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn open(&self, last: Option<usize>) -> Result<Option<Tail>> {
        let mut reads = VecDeque::new();
        let mut left = last;
        for path in [self.path.clone(), self.aside()] {
            if left == Some(0) && !reads.is_empty() {
                break;
            }
            let Some(mut file) = open(&path)? else { continue };
            let failed = |e| files::io_error("read", &path, e);
            let at = match left {
                None => 0,
                Some(many) => {
                    let (at, found) = start_of_last(&mut file, many).map_err(failed)?;
                    left = Some(many - found);
                    at
                }
            };
            reads.push_front(Reader { file, at });
        }
        Ok((!reads.is_empty()).then(|| Tail {
            path: self.path.clone(),
            reads,
            line: Vec::new(),
            parser: Parser::default(),
        }))
    }
}

impl Tail {
    /// The next messages, some at a time; none if there is nothing new at present.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn more(&mut self) -> Result<Vec<Entry>> {
        loop {
            let written = self.reads.len() == 1;
            let failed = |e| files::io_error("read", &self.path, e);
            let Some(reader) = self.reads.front_mut() else {
                return Ok(Vec::new());
            };
            if written && reader.file.metadata().map_err(failed)?.len() < reader.at {
                self.was_cut_off()?;
                continue;
            }
            let mut piece = vec![0; CHUNK];
            reader.file.seek(SeekFrom::Start(reader.at)).map_err(failed)?;
            let read = reader.file.read(&mut piece).map_err(failed)?;
            if read > 0 {
                reader.at += read as u64;
                let entries = self.take(&piece[..read]);
                if entries.is_empty() {
                    continue;
                }
                return Ok(entries);
            }
            if self.reads.len() > 1 {
                self.reads.pop_front();
            } else if !self.was_set_aside()? {
                // A line without its end is still being written; a message may be whole, and is told.
                return Ok(if self.line.is_empty() {
                    self.parser.end().into_iter().collect()
                } else {
                    Vec::new()
                });
            }
        }
    }

    /// What is left when nobody writes any more: a line without an end.
    pub fn rest(&mut self) -> Vec<Entry> {
        let line = std::mem::take(&mut self.line);
        let mut all = Vec::new();
        if !line.is_empty() {
            all.extend(self.parser.line(&String::from_utf8_lossy(&line)));
        }
        all.extend(self.parser.end());
        all
    }

    fn take(&mut self, piece: &[u8]) -> Vec<Entry> {
        let mut entries = Vec::new();
        for part in piece.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let room = LIMIT.saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                let text = String::from_utf8_lossy(&self.line);
                entries.extend(self.parser.line(&text));
                self.line.clear();
            }
        }
        entries
    }

    /// The file was copied aside and cut off: what was not read yet is in the copy, then it goes on from the beginning.
    fn was_cut_off(&mut self) -> Result<()> {
        let Some(reader) = self.reads.pop_front() else {
            return Ok(());
        };
        let aside = Log {
            path: self.path.clone(),
        }
        .aside();
        if let Some(file) = open(&aside)? {
            self.reads.push_back(Reader { file, at: reader.at });
        }
        self.reads.push_back(Reader {
            file: reader.file,
            at: 0,
        });
        Ok(())
    }

    /// True if another file is written now: the one in hand was set aside, and is read to its end.
    fn was_set_aside(&mut self) -> Result<bool> {
        let Some(file) = open(&self.path)? else {
            return Ok(false);
        };
        let id = |f: &File| f.metadata().map(|m| (m.dev(), m.ino())).ok();
        if self.reads.back().is_some_and(|r| id(&r.file) == id(&file)) {
            return Ok(false);
        }
        self.reads.push_back(Reader { file, at: 0 });
        Ok(true)
    }
}

/// Opens a file of the account that the server runs as, which could have put a link there: links are not followed.
fn open(path: &Path) -> Result<Option<File>> {
    let nofollow = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nofollow.cast_signed())
        .open(path);
    match opened {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(files::io_error("open", path, e)),
        Ok(file) => Ok(Some(file)),
    }
}

/// Where the last so many messages begin, and how many there are: lines that begin with a tab belong to the one before.
fn start_of_last(file: &mut File, many: usize) -> io::Result<(u64, usize)> {
    let len = file.metadata()?.len();
    let (mut found, mut begins) = (0, len);
    let mut upper = len;
    // The byte after the one that is looked at.
    let mut after = None;
    while upper > 0 && found < many {
        let lower = upper.saturating_sub(CHUNK as u64);
        let mut piece = vec![0; usize::try_from(upper - lower).unwrap_or(CHUNK)];
        file.seek(SeekFrom::Start(lower))?;
        file.read_exact(&mut piece)?;
        for (at, byte) in piece.iter().enumerate().rev() {
            if *byte == b'\n' && after.is_some_and(|a| a != b'\t') {
                found += 1;
                begins = lower + at as u64 + 1;
                if found == many {
                    return Ok((begins, found));
                }
            }
            after = Some(*byte);
        }
        upper = lower;
    }
    if found < many && len > 0 {
        (found, begins) = (found + 1, 0);
    }
    Ok((begins, found))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    struct Place {
        dir: tempfile::TempDir,
        log: Log,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let log = Log::at(dir.path());
            Self { dir, log }
        }

        fn add(&self, text: &str) {
            let mut options = OpenOptions::new();
            let mut file = options.append(true).create(true).open(self.log.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn tail(&self, last: Option<usize>) -> Tail {
            self.log.open(last).unwrap().unwrap()
        }
    }

    fn told(tail: &mut Tail) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let some = tail.more().unwrap();
            if some.is_empty() {
                return all;
            }
            all.extend(some.into_iter().map(|e| e.message));
        }
    }

    #[test]
    fn a_log_that_nobody_wrote_is_not_there() {
        assert!(Place::new().log.open(None).unwrap().is_none());
    }

    #[test]
    fn the_last_messages_are_found_from_the_end_in_both_files() {
        let place = Place::new();
        let long = "x".repeat(CHUNK);
        fs::write(place.log.aside(), format!("a\nb\n\tb2\n{long}\n")).unwrap();
        place.add("c\n\tc2\nd\n");
        let last = |n| told(&mut place.tail(Some(n)));
        assert_eq!(last(0), Vec::<String>::new());
        assert_eq!(last(1), ["d"]);
        assert_eq!(last(2), ["c\nc2", "d"]);
        assert_eq!(last(4), ["b\nb2", &long, "c\nc2", "d"]);
        assert_eq!(last(99).len(), 5);
        assert_eq!(told(&mut place.tail(None)), last(99));
    }

    #[test]
    fn a_line_is_told_when_it_is_whole_or_when_nothing_follows() {
        let place = Place::new();
        place.add("one\n\tmo");
        let mut tail = place.tail(None);
        assert!(told(&mut tail).is_empty());
        place.add("re\ntwo\nthree");
        assert_eq!(told(&mut tail), ["one\nmore"]);
        let rest: Vec<String> = tail.rest().into_iter().map(|e| e.message).collect();
        assert_eq!(rest, ["two", "three"]);
    }

    #[test]
    fn following_goes_on_across_a_start_and_a_cut() {
        let place = Place::new();
        place.add("one\n");
        let mut tail = place.tail(None);
        assert_eq!(told(&mut tail), ["one"]);
        // A start sets the file aside.
        place.add("two\n");
        fs::rename(place.log.path(), place.log.aside()).unwrap();
        assert_eq!(told(&mut tail), ["two"]);
        place.add("three\n");
        assert_eq!(told(&mut tail), ["three"]);
        // It is copied aside and cut off while the server has it open.
        place.add("four\n");
        fs::copy(place.log.path(), place.log.aside()).unwrap();
        fs::File::create(place.log.path()).unwrap();
        place.add("5\n");
        assert_eq!(told(&mut tail), ["four", "5"]);
        assert_eq!(told(&mut place.tail(None)), ["three", "four", "5"]);
    }

    #[test]
    fn a_link_is_not_followed() {
        let place = Place::new();
        let secret = place.dir.path().join("secret");
        fs::write(&secret, "s").unwrap();
        std::os::unix::fs::symlink(&secret, place.log.path()).unwrap();
        let e = place.log.open(None).unwrap_err();
        assert_eq!(e.code().id, "PAAS-LOC-0013");
    }
}
