//! Tar and gzip, as much as a layer needs, and the bytes to fill one with.

/// The size of a record of a tar archive.
const RECORD: usize = 512;

/// Bytes that no compression makes smaller, the same for the same seed on every machine.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    // The generator is "xorshift64*"; its state may not be zero.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    });
    let mut bytes: Vec<u8> = words.take(length.div_ceil(8)).flatten().collect();
    bytes.truncate(length);
    bytes
}

/// An archive of regular files with fixed owners and times.
pub(crate) fn tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        archive.extend(header(name, content.len()));
        archive.extend(content);
        archive.resize(archive.len().next_multiple_of(RECORD), 0);
    }
    archive.resize(archive.len() + 2 * RECORD, 0);
    archive
}

/// An archive of one file that holds noise.
pub(crate) fn single_file_tar(name: &str, seed: u64, length: usize) -> Vec<u8> {
    tar([(name, noise(seed, length).as_slice())])
}

fn header(name: &str, length: usize) -> [u8; RECORD] {
    let mut header = [0; RECORD];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{length:011o}"));
    put(136, "00000000000");
    // The checksum counts its own field as spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// A gzip file whose blocks are stored as they are: noise does not compress, and this needs no compressor.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = content.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        file.push(u8::from(blocks.peek().is_none()));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    file.extend(crc32(content).to_le_bytes());
    // The format keeps the length modulo 2^32; no layer here is larger.
    file.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    file
}

fn crc32(content: &[u8]) -> u32 {
    let mut table = [0_u32; 256];
    for (entry, value) in table.iter_mut().zip(0_u32..) {
        *entry = (0..8).fold(value, |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 });
    }
    let step = |crc: u32, byte: &u8| table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8);
    !content.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::{crc32, gzip, noise, single_file_tar, tar};

    /// What a program makes of the bytes on its standard input.
    fn through(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new(program);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn gzip_reads_what_we_write() {
        let content = noise(7, 200_000);
        assert_eq!(through("gzip", &["-dc"], &gzip(&content)), content);
    }

    #[test]
    fn tar_reads_what_we_write() {
        let archive = tar([("one", b"first".as_slice()), ("two/three", &[7; 1000])]);
        assert_eq!(through("tar", &["-t"], &archive), b"one\ntwo/three\n");
        assert_eq!(through("tar", &["-xO", "two/three"], &archive), [7; 1000]);
    }

    #[test]
    fn noise_is_the_same_again_and_differs_by_seed() {
        assert_eq!(noise(1, 1001), noise(1, 1001));
        assert_ne!(noise(1, 1001), noise(2, 1001));
        assert_eq!(single_file_tar("a", 1, 10).len(), 2048);
    }
}
