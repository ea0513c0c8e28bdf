//! The record of acknowledged requests: in memory within one process, or a file between two.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// Request number and items, each as eight bytes in little-endian order.
const RECORD: usize = 16;

/// Most records that are kept in memory, 256 MB: some hours of a fast generator, and a loop that
/// never ends stops here.
pub const MAX_RECORDS: usize = 16 << 20;

/// One acknowledged request: from here on its `items` are the collector's to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    pub request: u64,
    pub items: u64,
}

/// Appends records to a file.
pub struct Writer {
    file: BufWriter<File>,
}

impl Writer {
    pub fn append_to(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self {
            file: BufWriter::new(file),
        })
    }

    pub fn write(&mut self, acked: Acked) -> io::Result<()> {
        self.file.write_all(&acked.request.to_le_bytes())?;
        self.file.write_all(&acked.items.to_le_bytes())
    }

    /// Must be called before the file is read: dropping loses the error.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// All records of a file; an error when it ends inside one or holds more than [`MAX_RECORDS`].
pub fn read(path: &Path) -> io::Result<Vec<Acked>> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length % RECORD != 0 || length / RECORD > MAX_RECORDS {
        let text = format!(
            "{}: {length} bytes are not a record of requests",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut file = BufReader::new(file);
    let mut number = || {
        let mut bytes = [0; RECORD / 2];
        file.read_exact(&mut bytes)
            .map(|()| u64::from_le_bytes(bytes))
    };
    (0..length / RECORD)
        .map(|_| {
            Ok(Acked {
                request: number()?,
                items: number()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_its_records_and_a_torn_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acked");
        let records = [
            Acked {
                request: 1,
                items: 512,
            },
            Acked {
                request: 9,
                items: 1,
            },
        ];
        for record in records {
            let mut writer = Writer::append_to(&path).unwrap();
            writer.write(record).unwrap();
            writer.flush().unwrap();
        }
        assert_eq!(read(&path).unwrap(), records);

        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"torn")
            .unwrap();
        assert!(read(&path).is_err());
    }
}
