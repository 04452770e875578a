//! PEM (RFC 7468), as leniently as its readers are to be: with text around it, any line ends, white space in the lines,
//! armour that does not begin on a line of its own.

use x509_parser::pem::Pem;

/// A block: its label, and what it holds.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) der: Vec<u8>,
}

impl Block {
    /// True when it says that it is a certificate. OpenSSL and older tools write other labels than RFC 7468.
    pub(super) fn is_certificate(&self) -> bool {
        ["CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains(&self.label.as_str())
    }

    /// True when it says that it is a signing request; Java's keytool and Microsoft's certreq write NEW.
    pub(super) fn is_request(&self) -> bool {
        ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"].contains(&self.label.as_str())
    }
}

/// The blocks of a text, in its order; an error is a block that can't be decoded.
pub(super) fn blocks(text: &str) -> Vec<Result<Block, String>> {
    let tidy = tidy(text);
    Pem::iter_from_buffer(tidy.as_bytes())
        .map(|block| match block {
            Ok(block) if block.contents.is_empty() => Err("no lines between BEGIN and END".into()),
            Ok(block) => Ok(Block { label: block.label, der: block.contents }),
            Err(error) => Err(error.to_string()),
        })
        .collect()
}

/// One line for each line of armour, and no white space in the others.
fn tidy(text: &str) -> String {
    let text = text.replace("-----BEGIN ", "\n-----BEGIN ").replace("-----END ", "\n-----END ");
    let is_noise = |c: char| c.is_whitespace() || ['\0', '\u{feff}'].contains(&c);
    let mut tidy = String::with_capacity(text.len());
    for line in text.split(['\r', '\n']) {
        if line.starts_with("-----") {
            tidy.push_str(line.trim_end_matches(is_noise));
        } else {
            tidy.extend(line.chars().filter(|c| !is_noise(*c)));
        }
        tidy.push('\n');
    }
    tidy
}

/// A block as PEM.
pub(crate) fn write(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, Vec<u8>)> {
        blocks(text).into_iter().map(Result::unwrap).map(|block| (block.label, block.der)).collect()
    }

    #[test]
    fn a_block_is_found_in_whatever_stands_around_it() {
        let der: Vec<u8> = (0..100).collect();
        let sound = write("CERTIFICATE", &der);
        let one = vec![("CERTIFICATE".to_owned(), der)];
        let lines: Vec<&str> = sound.lines().collect();
        for odd in [
            sound.replace('\n', "\r\n"),
            sound.replace('\n', "\r"),
            sound.trim_end().to_owned(),
            format!("{sound}\0"),
            format!("{}\0", sound.trim_end()),
            format!("\u{feff}{sound}"),
            format!("Certificate Request:\n    Data: - -----\n        Subject: CN=x\n{sound}after\n"),
            format!("Subject: {sound}"),
            lines.iter().map(|line| format!("    {line}  \n")).collect(),
            sound.replace('\n', "\n\n"),
            sound.replace("\n-----END", "-----END"),
        ] {
            assert_eq!(read(&odd), one, "{odd:?}");
        }
        let two: Vec<_> = one.iter().chain(&one).cloned().collect();
        assert_eq!(read(&format!("{}{sound}", sound.trim_end())), two, "glued together");
    }

    #[test]
    fn what_is_no_block_is_none_and_what_is_broken_says_so() {
        assert!(blocks("").is_empty() && blocks("no PEM\n").is_empty() && blocks("MIIB").is_empty());
        for broken in [
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n",
        ] {
            assert!(blocks(broken).iter().all(Result::is_err), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(der in proptest::collection::vec(any::<u8>(), 1..300), before in "\\PC{0,40}") {
            prop_assume!(!before.contains("-----"));
            let text = format!("{before}\n{}", write("X", &der));
            prop_assert_eq!(read(&text), vec![("X".to_owned(), der)]);
        }

        #[test]
        fn any_text_is_looked_at(text in "(-----BEGIN [A-Z]{0,3}|-----END |-----|\\PC{0,8}|\r|\n|\0){0,20}") {
            blocks(&text);
        }
    }
}
