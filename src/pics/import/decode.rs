//! What a file is, by its content, and its bytes as text.

/// What a file was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A PDF.
    Pdf,
    /// Text; whether its encoding had to be guessed.
    Text(String, Option<&'static str>),
    /// Something else: what it is, and what to do with it.
    Other(&'static str, &'static str),
}

/// At most so many bytes of a text are read.
pub const TEXT_LIMIT: usize = 4 << 20;
/// At most so many bytes of a PDF are read.
pub const PDF_LIMIT: usize = 16 << 20;

const EXPORT: &str = "export it as PDF, or copy its text into a text file";
const RECOGNISE: &str =
    "have its text recognised (OCR, for example with `ocrmypdf`), or ask the vendor for the original PDF";

/// Tells what the bytes are; a file's name says nothing of that.
pub fn content(bytes: &[u8]) -> Content {
    const KNOWN: [(&[u8], &str, &str); 9] = [
        (b"PK\x03\x04", "an Office document or another ZIP archive", EXPORT),
        (b"\xd0\xcf\x11\xe0", "an old Office document", EXPORT),
        (b"{\\rtf", "a document in Rich Text Format", EXPORT),
        (b"\x89PNG", "an image", RECOGNISE),
        (b"\xff\xd8\xff", "an image", RECOGNISE),
        (b"II*\0", "an image", RECOGNISE),
        (b"MM\0*", "an image", RECOGNISE),
        (b"GIF8", "an image", RECOGNISE),
        (b"\x1f\x8b", "a compressed file", "decompress it first"),
    ];
    let head = &bytes[..bytes.len().min(1024)];
    // Readers take a PDF whose first kilobyte holds the mark.
    if head.windows(5).any(|window| window == b"%PDF-") {
        return Content::Pdf;
    }
    if let Some((_, what, help)) = KNOWN.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Content::Other(what, help);
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Content::Other("empty", "give the certificate's PDF, or its text");
    }
    let Some((text, guessed)) = decoded(bytes) else {
        return Content::Other("no text and no PDF", "give the certificate's PDF, or its text");
    };
    let start: String = text.trim_start().chars().take(200).collect::<String>().to_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<?xml") {
        return Content::Other("a page of HTML or XML", "print it to a PDF, or copy its text into a text file");
    }
    Content::Text(text, guessed)
}

/// The text, and how its encoding was guessed where nothing in the file tells it.
fn decoded(bytes: &[u8]) -> Option<(String, Option<&'static str>)> {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> String {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return Some((units(rest, u16::from_le_bytes), None));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return Some((units(rest, u16::from_be_bytes), None));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = &bytes[..bytes.len().min(4096)];
    let zeroes = |start: usize| head.iter().skip(start).step_by(2).filter(|byte| **byte == 0).count();
    let half = head.len() / 2;
    if half > 0 && zeroes(1) * 10 > half * 8 {
        return Some((units(bytes, u16::from_le_bytes), Some("UTF-16, lower byte first")));
    }
    if half > 0 && zeroes(0) * 10 > half * 8 {
        return Some((units(bytes, u16::from_be_bytes), Some("UTF-16, higher byte first")));
    }
    if bytes.iter().filter(|byte| **byte < 9 || (14..27).contains(*byte)).count() * 100 > bytes.len() {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((text.to_owned(), None)),
        Err(_) => Some((bytes.iter().map(|byte| windows(*byte)).collect(), Some("Windows-1252"))),
    }
}

/// A character of Windows-1252, as browsers read it.
fn windows(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> (String, Option<&'static str>) {
        match content(bytes) {
            Content::Text(text, guessed) => (text, guessed),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn encodings_are_told_by_the_bytes() {
        let wanted = "Vendor name:\tGöteborg – Ü";
        let units = |unit: fn(u16) -> [u8; 2]| wanted.encode_utf16().flat_map(unit).collect::<Vec<_>>();
        assert_eq!(text(wanted.as_bytes()), (wanted.into(), None));
        assert_eq!(text(&[b"\xef\xbb\xbf", wanted.as_bytes()].concat()), (wanted.into(), None));
        assert_eq!(text(&[vec![0xff, 0xfe], units(u16::to_le_bytes)].concat()), (wanted.into(), None));
        assert_eq!(text(&[vec![0xfe, 0xff], units(u16::to_be_bytes)].concat()), (wanted.into(), None));
        assert_eq!(text(&units(u16::to_le_bytes)), (wanted.into(), Some("UTF-16, lower byte first")));
        assert_eq!(text(&units(u16::to_be_bytes)), (wanted.into(), Some("UTF-16, higher byte first")));
        assert_eq!(text(b"G\xf6teborg \x96 \xdc"), ("Göteborg – Ü".into(), Some("Windows-1252")));
    }

    #[test]
    fn what_is_no_text_is_named() {
        let told = |bytes: &[u8]| match content(bytes) {
            Content::Other(what, _) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(b"PK\x03\x04...."), "an Office document or another ZIP archive");
        assert_eq!(told(b"\xff\xd8\xff\xe0"), "an image");
        assert_eq!(told(b"\r\n  <!DOCTYPE HTML><p>"), "a page of HTML or XML");
        assert_eq!(told(b" \r\n"), "empty");
        assert_eq!(told(&[1, 2, 3, 4, 5, 200, 201]), "no text and no PDF");
        assert_eq!(content(b"\n%PDF-1.7\n"), Content::Pdf);
    }
}
