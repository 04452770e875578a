//! The file of a package: a ZIP archive in one form only. Members are sorted by name, each is deflated, and every field that could
//! tell of a time, a machine or a user has a fixed value. So the same members give the same bytes.
//!
//! The reader takes this form and no other: every byte of headers and directory must be the one that would be written. So there is
//! nothing in the file that is no member, no second member of a name, no link, no path out of the folder, and no reader that sees
//! something else in it than we do. Sizes are bounded before anything is unpacked.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use crate::{
    parallel::{cores, in_parallel},
    record::seal,
};

/// Most bytes of a package.
pub const MAX_PACKAGE: u64 = 1 << 30;
/// Most bytes of a member, unpacked.
const MAX_MEMBER: u64 = 512 << 20;
/// Most bytes of all members, unpacked.
const MAX_ALL: u64 = 2 << 30;
/// Most members.
const MAX_MEMBERS: usize = 60_000;
/// How many folders deep.
const MAX_DEPTH: usize = 10;

/// Version needed to unpack: 2.0, for deflate.
const VERSION: u16 = 20;
const DEFLATED: u16 = 8;
/// 1980-01-01, the first day that the format knows.
const DATE: u16 = 0x21;
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_LENGTH: usize = 22;

/// Why a file is no package, or can't be made one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// It is no archive in the form that is written here.
    #[error("it is not a package as `ocpp-attest package` writes it: {0}")]
    Form(String),
    /// A member's bytes are not those that were packed.
    #[error("the member {0} is damaged: {1}")]
    Damaged(String, &'static str),
    /// It would be too large.
    #[error("{0}")]
    TooLarge(String),
}

/// A member: its path in the package, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `runs/1/trace.jsonl`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What the archive says of a member.
struct Entry<'n> {
    path: &'n str,
    crc: u32,
    packed: u32,
    size: u32,
    offset: u32,
}

impl Entry<'_> {
    fn common(&self, out: &mut Vec<u8>) {
        for field in [VERSION, 0, DEFLATED, 0, DATE] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [self.crc, self.packed, self.size] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&u16::try_from(self.path.len()).unwrap_or_default().to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
    }

    fn local(&self) -> Vec<u8> {
        let mut out = LOCAL.to_le_bytes().to_vec();
        self.common(&mut out);
        out.extend_from_slice(self.path.as_bytes());
        out
    }

    fn central(&self) -> Vec<u8> {
        let mut out = CENTRAL.to_le_bytes().to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        self.common(&mut out);
        // No comment, one disk, no attributes: an ordinary file.
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(self.path.as_bytes());
        out
    }
}

fn end(members: usize, length: usize, offset: usize) -> Vec<u8> {
    let members = u16::try_from(members).unwrap_or_default().to_le_bytes();
    let number = |number: usize| u32::try_from(number).unwrap_or_default().to_le_bytes();
    [&END.to_le_bytes()[..], &[0; 4], &members, &members, &number(length), &number(offset), &[0; 2]].concat()
}

/// True for a path that stays where it is unpacked.
pub fn is_safe(path: &str) -> bool {
    path.split('/').all(seal::is_plain) && path.split('/').count() <= MAX_DEPTH
}

/// Puts members into one file.
pub fn write(mut members: Vec<Member>) -> Result<Vec<u8>, ContainerError> {
    members.sort_by(|one, other| one.path.cmp(&other.path));
    let bad = members.iter().find(|member| !is_safe(&member.path)).map(|member| &member.path);
    let twice = members.windows(2).find(|pair| pair[0].path == pair[1].path).map(|pair| &pair[0].path);
    if let Some(path) = bad.or(twice) {
        return Err(ContainerError::Form(format!("{path:?} can't be the name of a member")));
    }
    let size = |member: &Member| member.content.len() as u64;
    let all: u64 = members.iter().map(size).sum();
    let large = members.iter().find(|member| size(member) > MAX_MEMBER).map(|member| member.path.as_str());
    if large.is_some() || all > MAX_ALL || members.len() > MAX_MEMBERS {
        let which = large.unwrap_or("the run");
        return Err(ContainerError::TooLarge(format!(
            "{which} is too large for a package, which holds {MAX_MEMBERS} files, {MAX_ALL} bytes in all and {MAX_MEMBER} in one"
        )));
    }
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let packed = in_parallel(&members, cores(), |member| {
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory can't fail.
        let _ = packer.write_all(&member.content);
        (packer.finish().unwrap_or_default(), crc32fast::hash(&member.content))
    });
    for (Member { path, content }, (packed, crc)) in members.iter().zip(packed) {
        let number = |number: usize| u32::try_from(number).unwrap_or_default();
        let entry =
            Entry { path, crc, packed: number(packed.len()), size: number(content.len()), offset: number(out.len()) };
        directory.extend(entry.central());
        out.extend(entry.local());
        out.extend(packed);
        if out.len() as u64 > MAX_PACKAGE {
            return Err(ContainerError::TooLarge(format!("the package would have more than {MAX_PACKAGE} bytes")));
        }
    }
    let offset = out.len();
    let length = directory.len();
    out.extend(directory);
    out.extend(end(members.len(), length, offset));
    Ok(out)
}

/// Takes a file apart; the members are in the order of their names.
pub fn read(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    let form = |what: &str| ContainerError::Form(what.to_owned());
    if file.len() as u64 > MAX_PACKAGE {
        return Err(ContainerError::TooLarge(format!("it has more than {MAX_PACKAGE} bytes")));
    }
    let at = file.len().checked_sub(END_LENGTH).ok_or_else(|| form("it is too short"))?;
    let tail = &file[at..];
    let long = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes).unwrap_or_default()
    };
    let short = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes).unwrap_or_default()
    };
    let (count, offset) = (usize::from(short(tail, 10)), long(tail, 16) as usize);
    if offset > at || tail != end(count, at - offset, offset) {
        return Err(form("its last bytes are not the end of an archive"));
    }
    let mut directory = &file[offset..at];
    let (mut expected, mut all, mut members) = (0_usize, 0_u64, Vec::<(&str, &[u8], u32, u32)>::new());
    for _ in 0..count {
        let length = usize::from(short(directory, 28));
        let path = directory.get(46..46 + length).ok_or_else(|| form("its directory is cut off"))?;
        let path = std::str::from_utf8(path).ok().filter(|path| is_safe(path));
        let path = path.ok_or_else(|| form("a member has a name that no member may have"))?;
        let [crc, packed, size, offset_of] = [16, 20, 24, 42].map(|at| long(directory, at));
        let entry = Entry { path, crc, packed, size, offset: offset_of };
        let header = entry.central();
        if !directory.starts_with(&header) {
            return Err(form(&format!("the directory entry of {path} has fields that are never written")));
        }
        if members.last().is_some_and(|last| last.0 >= path) {
            return Err(form(&format!("{path} is there twice, or out of order")));
        }
        let local = entry.local();
        let start = expected;
        if offset_of as usize != start || file.get(start..start + local.len()) != Some(&local[..]) {
            return Err(form(&format!("the header of {path} is not what the directory says")));
        }
        let begin = start + local.len();
        expected = begin + packed as usize;
        let packed = file.get(begin..expected).filter(|_| expected <= offset);
        let packed = packed.ok_or_else(|| form(&format!("{path} is cut off")))?;
        all += u64::from(size);
        if u64::from(size) > MAX_MEMBER || all > MAX_ALL {
            return Err(ContainerError::TooLarge(format!("{path} would be unpacked to more than a package may hold")));
        }
        members.push((path, packed, size, crc));
        directory = &directory[header.len()..];
    }
    if !directory.is_empty() || expected != offset {
        return Err(form("there are bytes in it that belong to no member"));
    }
    let unpack = |(path, packed, size, crc): (&str, &[u8], u32, u32)| {
        unpacked(path, packed, size, crc).map(|content| Member { path: path.to_owned(), content })
    };
    in_parallel(members, cores(), unpack).into_iter().collect()
}

fn unpacked(path: &str, packed: &[u8], size: u32, crc: u32) -> Result<Vec<u8>, ContainerError> {
    let damaged = |why| ContainerError::Damaged(path.to_owned(), why);
    let mut decoder = DeflateDecoder::new(packed);
    let mut content = Vec::new();
    // One more than it should have, to see that there is more.
    let read = (&mut decoder).take(u64::from(size) + 1).read_to_end(&mut content);
    read.map_err(|_| damaged("its compressed bytes can't be unpacked"))?;
    if content.len() != size as usize || decoder.total_in() != packed.len() as u64 {
        return Err(damaged("it does not have the size that the archive says"));
    }
    if crc32fast::hash(&content) != crc {
        return Err(damaged("its checksum is another"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(path: &str, content: &[u8]) -> Member {
        Member { path: path.to_owned(), content: content.to_owned() }
    }

    fn sample() -> Vec<Member> {
        vec![member("b/c.txt", b"second"), member("a.txt", &[b'x'; 5000]), member("empty", b"")]
    }

    #[test]
    fn the_same_members_are_the_same_bytes_whatever_their_order() {
        let file = write(sample()).unwrap();
        let mut other = sample();
        other.reverse();
        assert_eq!(write(other).unwrap(), file);
        let mut sorted = sample();
        sorted.sort_by(|one, other| one.path.cmp(&other.path));
        assert_eq!(read(&file).unwrap(), sorted);
    }

    /// Deflate has several forms for the same bytes; whatever changes, what comes out is the same or nothing.
    #[test]
    fn whatever_byte_is_changed_no_other_members_come_out() {
        let file = write(sample()).unwrap();
        let members = read(&file).unwrap();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                if let Ok(read) = read(&changed) {
                    assert_eq!(read, members, "byte {at}, bit {bit}");
                }
            }
        }
        assert!(read(&file[..file.len() - 1]).is_err());
        assert!(read(&[&file[..], b"x"].concat()).is_err());
        assert!(read(&[b"x", &file[..]].concat()).is_err());
    }

    #[test]
    fn no_path_leads_out_and_no_name_is_there_twice() {
        for path in ["../a", "/a", "a//b", "a/../b", "a\\b", ".hidden", "", "a/", "C:/a", "a\0b", "ä"] {
            assert!(!is_safe(path), "{path}");
            assert!(write(vec![member(path, b"")]).is_err(), "{path}");
        }
        assert!(write(vec![member("a", b"1"), member("a", b"2")]).is_err());
        // Made by hand: two of one name, and a name that leads out.
        let file = write(vec![member("a", b"1"), member("b", b"2")]).unwrap();
        let renamed = |from: u8, to: u8| {
            let name = |byte: &u8| if *byte == from { to } else { *byte };
            file.iter().map(name).collect::<Vec<u8>>()
        };
        assert!(read(&renamed(b'b', b'a')).unwrap_err().to_string().contains("twice"));
        assert!(read(&renamed(b'b', b'/')).unwrap_err().to_string().contains("name that no member may have"));
    }

    #[test]
    fn a_bomb_is_refused_before_it_goes_off() {
        let mut file = write(vec![member("a", &[0; 1000])]).unwrap();
        let at = file.len() - END_LENGTH;
        let directory = u32::from_le_bytes(file[at + 16..at + 20].try_into().unwrap()) as usize;
        for place in [22, directory + 24] {
            file[place..place + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        }
        assert!(matches!(read(&file), Err(ContainerError::TooLarge(_))), "{:?}", read(&file));
        for place in [22, directory + 24] {
            file[place..place + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
        assert!(matches!(read(&file), Err(ContainerError::Damaged(..))), "{:?}", read(&file));
    }
}
