//! The seal on the abstract's last page and in the full report: its digits, and a QR code with them.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;

/// What is printed of a seal.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Printed {
    /// What it is.
    pub(super) title: String,
    /// What can be done with it.
    pub(super) text: String,
    /// The hash.
    pub(super) digits: String,
    /// What the QR code says.
    pub(super) code: String,
    /// The modules of the QR code: its side, and the dark ones as x, y and length of a run of them.
    pub(super) side: i32,
    pub(super) dark: Vec<(i32, i32, i32)>,
    /// The same as the path of an SVG.
    pub(super) path: String,
}

impl Printed {
    /// Of a seal in hexadecimal digits; nothing of anything else, which no run of ours has.
    pub(super) fn of(seal: &str) -> Option<Self> {
        let digits = seal.len() == 64 && seal.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = format!("ocpp-attest seal sha256:{seal}");
        let drawn = QrCode::encode_text(&code, QrCodeEcc::Medium).ok().filter(|_| digits)?;
        let side = drawn.size();
        let mut dark = Vec::new();
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let length = (x..side).take_while(|x| drawn.get_module(*x, y)).count();
                let length = i32::try_from(length).unwrap_or_default();
                if length > 0 {
                    dark.push((x, y, length));
                }
                x += length.max(1);
            }
        }
        let mut path = String::new();
        for (x, y, length) in &dark {
            let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
        }
        Some(Self {
            title: "Seal".into(),
            text: "SHA-256 over the evidence of this run (trace, recorded inputs, results, PICS, plan, settings). A package made by \
                   ocpp-attest package contains this evidence, and ocpp-attest verify checks it against this seal and judges every \
                   test case again."
                .into(),
            digits: seal.to_owned(),
            code,
            side,
            dark,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_square_with_its_three_finders_and_nothing_else_is_sealed() {
        let printed = Printed::of(&"0123456789abcdef".repeat(4)).unwrap();
        for corner in [(0, 0, 7), (printed.side - 7, 0, 7), (0, printed.side - 7, 7)] {
            assert!(printed.dark.contains(&corner), "{corner:?}: {:?}", printed.dark);
        }
        assert!(printed.path.starts_with("M0 0h7v1h-7z"));
        assert!(Printed::of("no seal").is_none());
    }
}
