//! Firmware to serve: the vendor's image with its signature, as the bench names them, or one that is made for the run.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::{
    image_signature::{self, Scheme},
    pki::{Pki, PkiError},
};
use crate::{
    bench::Bench,
    certificate::Certificate,
    link::CertificateKind,
    yaml::{Defect, Defects},
};

/// Largest image that is served, bytes.
const MAX_IMAGE: u64 = 256 << 20;
/// Longest signature and certificate that an UpdateFirmwareRequest has room for, characters.
const MAX_SIGNATURE: usize = 800;
const MAX_CERTIFICATE: usize = 5500;

/// An image with what an UpdateFirmwareRequest says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The file's name in URLs.
    pub name: String,
    /// The image.
    pub content: Bytes,
    /// Its signature, base64.
    pub signature: String,
    /// The certificate of who signed it, PEM.
    pub certificate: String,
}

/// The vendor's firmware, as far as the bench has it.
#[derive(Debug, Clone, Default)]
pub struct Firmware {
    /// One that can be installed.
    pub good: Option<Image>,
    /// One that is rightly signed, but can't be installed.
    pub broken: Option<Image>,
    /// Where there is none of the vendor, one may be made for the run.
    pub made: bool,
}

impl Firmware {
    /// Reads the files that the bench names, and checks that signatures fit.
    pub fn read(bench: &Bench) -> Result<Self, Defects> {
        let mut defects = Vec::new();
        let mut read = |keys: [&str; 3]| {
            image(bench, keys).unwrap_or_else(|found| {
                defects.extend(found);
                None
            })
        };
        let good = read(["image", "signature", "certificate"]);
        let broken = read(["broken-image", "broken-signature", "broken-certificate"]);
        if !defects.is_empty() {
            return Err(bench.defects(defects));
        }
        let made = bench.values.get("firmware").is_some_and(|firmware| firmware["made"] == true);
        Ok(Self { good, broken, made })
    }
}

/// An image that nobody but the reference station runs, signed by our authority.
pub fn made(pki: &Pki, broken: bool, kind: CertificateKind) -> Result<Image, PkiError> {
    let (name, content): (_, &'static [u8]) =
        if broken { ("broken.bin", b"nothing of use") } else { ("image.bin", b"firmware image of the bench, 1.0") };
    let (certificate, signature) = pki.sign_firmware(content, kind)?;
    Ok(Image { name: name.into(), content: Bytes::from_static(content), signature, certificate })
}

impl Image {
    /// A signature of the right form that is not this image's.
    pub fn wrong_signature(&self) -> String {
        let Ok(mut bytes) = STANDARD.decode(&self.signature) else { return self.signature.clone() };
        // The last byte belongs to a number in any kind of signature, so that its form stays right.
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        STANDARD.encode(bytes)
    }
}

/// The image that three keys of the bench name; `None` where none of them is given.
fn image(bench: &Bench, keys: [&str; 3]) -> Result<Option<Image>, Vec<Defect>> {
    let value = |key: &str| {
        let members = bench.values.get("firmware").and_then(|firmware| firmware.as_object());
        let found = members.and_then(|members| members.get(&key.replace('-', "_")));
        found.and_then(|value| value.as_str()).unwrap_or_default()
    };
    let place = |key: &str| format!("firmware.{key}");
    if keys.iter().all(|key| value(key).is_empty()) {
        return Ok(None);
    }
    let mut defects = Vec::new();
    let mut file = |key: &str, limit: u64| {
        let path = value(key);
        let read = if path.is_empty() {
            Err(("an image needs an image, a signature and a certificate".to_owned(), "name the file"))
        } else {
            read(Path::new(path), limit).map_err(|why| {
                (format!("{path}: {why}"), "check the path; a relative one begins at the folder of the bench file")
            })
        };
        read.map_err(|(message, help)| {
            defects.push(bench.defect(&place(key), format!("`{}`: {message}", place(key)), help));
        })
        .ok()
    };
    let [image, signature, certificate] = keys;
    let files = (file(image, MAX_IMAGE), file(signature, 1 << 16), file(certificate, 1 << 20));
    let (Some(content), Some(signed), Some(signer)) = files else { return Err(defects) };
    let mut wrong = |key: &str, message: &str, help: &str| {
        let found = format!("`{}` {}: {message}", place(key), value(key));
        defects.push(bench.defect(&place(key), found, help));
    };
    let signed = base64_of(&signed);
    if signed.len() > MAX_SIGNATURE {
        wrong(
            signature,
            &format!("{} characters of base64", signed.len()),
            "an UpdateFirmwareRequest has room for 800",
        );
    }
    let signer = String::from_utf8(signer).unwrap_or_default();
    if signer.len() > MAX_CERTIFICATE {
        wrong(
            certificate,
            &format!("{} characters", signer.len()),
            "an UpdateFirmwareRequest has room for 5500; leave roots out of the chain",
        );
    }
    match judge(&content, &signed, &signer) {
        Judgement::Fits => {}
        Judgement::NoCertificate => {
            wrong(certificate, "no X.509 certificate can be read from it", "use the signing certificate as PEM");
        }
        Judgement::Differs => wrong(
            signature,
            &format!("it is not the signature of {} by {}", value(image), value(certificate)),
            "use the signature over the SHA-256 of the whole image, raw or in base64, made with the certificate's key",
        ),
    }
    if !defects.is_empty() {
        return Err(defects);
    }
    let name: String = Path::new(value(image))
        .file_name()
        .map(|name| {
            name.to_string_lossy()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' })
                .collect()
        })
        .unwrap_or_default();
    Ok(Some(Image { name, content: content.into(), signature: signed, certificate: signer }))
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size == 0 || size > limit {
        return Err(format!("it has {size} bytes; 1 to {limit} are read"));
    }
    fs::read(path).map_err(|error| error.to_string())
}

/// A signature file's content as base64, whether it was raw or base64 already.
fn base64_of(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_whitespace()).collect();
    if STANDARD.decode(&text).is_ok() { text } else { STANDARD.encode(bytes) }
}

enum Judgement {
    Fits,
    Differs,
    NoCertificate,
}

/// Whether a signature is the certificate's over the image. Of what we can't verify nothing bad is said.
fn judge(image: &[u8], signature: &str, certificate: &str) -> Judgement {
    const SCHEMES: [Scheme; 4] = [Scheme::Ecdsa, Scheme::EcdsaSha384, Scheme::RsaPss, Scheme::RsaPkcs1];
    let Some(certificate) = Certificate::first(certificate) else { return Judgement::NoCertificate };
    match image_signature::is_valid(image, signature, &certificate, &SCHEMES) {
        Some(false) => Judgement::Differs,
        Some(true) | None => Judgement::Fits,
    }
}

/// True when a firmware image's signature (base64) is the certificate's, by the algorithms that a station has to know
/// (L01.FR.04).
pub fn signature_is_valid(image: &[u8], signature: &str, certificate: &str) -> bool {
    const SCHEMES: [Scheme; 2] = [Scheme::Ecdsa, Scheme::RsaPss];
    Certificate::first(certificate)
        .is_some_and(|signer| image_signature::is_valid(image, signature, &signer, &SCHEMES) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{services::pki::KeyKind, yaml::Source};

    fn bench(folder: &Path, text: &str) -> Bench {
        let text = text.replace("DIR", &folder.display().to_string());
        Bench::read_source(&Source::new("b.yaml", text)).unwrap()
    }

    const KEYS: &str = "firmware:\n  image: DIR/fw 1.2.bin\n  signature: DIR/fw.sig\n  certificate: DIR/fw.pem\n";

    #[test]
    fn the_vendors_firmware_is_read_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
        let (certificate, signature) = pki.sign_firmware(b"the vendor's image", CertificateKind::Valid).unwrap();
        for (name, content) in [
            ("fw 1.2.bin", &b"the vendor's image"[..]),
            ("fw.sig", &STANDARD.decode(&signature).unwrap()),
            ("fw.pem", certificate.as_bytes()),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let read = Firmware::read(&bench(folder.path(), KEYS)).unwrap();
        let image = read.good.unwrap();
        assert_eq!((image.name.as_str(), image.signature.as_str()), ("fw-1.2.bin", signature.as_str()));
        assert!(signature_is_valid(&image.content, &image.signature, &image.certificate));
        assert!(!signature_is_valid(&image.content, &image.wrong_signature(), &image.certificate));
        assert!(read.broken.is_none() && !read.made);
        // In base64, with line breaks, it is the same.
        fs::write(folder.path().join("fw.sig"), format!("{}\n{}\n", &signature[..40], &signature[40..])).unwrap();
        assert_eq!(Firmware::read(&bench(folder.path(), KEYS)).unwrap().good.unwrap(), image);
        // Another image's.
        fs::write(folder.path().join("fw 1.2.bin"), "another image").unwrap();
        let told = Firmware::read(&bench(folder.path(), KEYS)).unwrap_err().to_string();
        let told = told.replace(&folder.path().display().to_string(), "DIR");
        insta::assert_snapshot!(told, @r"
        b.yaml:3:14: `firmware.signature` DIR/fw.sig: it is not the signature of DIR/fw 1.2.bin by DIR/fw.pem
            → use the signature over the SHA-256 of the whole image, raw or in base64, made with the certificate's key
        ");
        fs::write(folder.path().join("fw.pem"), "no certificate").unwrap();
        let told = Firmware::read(&bench(folder.path(), KEYS)).unwrap_err().to_string();
        assert!(told.contains("b.yaml:4:16") && told.contains("no X.509 certificate"), "{told}");
    }

    #[test]
    fn missing_files_and_missing_keys_have_a_place() {
        let text = "firmware:\n  image: /nowhere/fw.bin\n  broken-certificate: \"\"\n  broken-image: /nowhere/b.bin\n";
        let told = Firmware::read(&bench(Path::new(""), text)).unwrap_err().to_string();
        insta::assert_snapshot!(told, @r"
        b.yaml:2:3: `firmware.signature`: an image needs an image, a signature and a certificate
            → name the file
        b.yaml:2:3: `firmware.certificate`: an image needs an image, a signature and a certificate
            → name the file
        b.yaml:2:3: `firmware.broken-signature`: an image needs an image, a signature and a certificate
            → name the file
        b.yaml:2:10: `firmware.image`: /nowhere/fw.bin: No such file or directory (os error 2)
            → check the path; a relative one begins at the folder of the bench file
        b.yaml:3:23: `firmware.broken-certificate`: an image needs an image, a signature and a certificate
            → name the file
        b.yaml:4:17: `firmware.broken-image`: /nowhere/b.bin: No such file or directory (os error 2)
            → check the path; a relative one begins at the folder of the bench file
        ");
    }

    #[test]
    fn what_is_made_is_signed() {
        let pki = Pki::new(KeyKind::Rsa, jiff::Timestamp::now()).unwrap();
        for broken in [false, true] {
            let image = made(&pki, broken, CertificateKind::Valid).unwrap();
            assert!(signature_is_valid(&image.content, &image.signature, &image.certificate));
            assert!(!signature_is_valid(&image.content, &image.wrong_signature(), &image.certificate));
        }
    }
}
