//! The meter of the station that we play: readings that it signs.

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{fmt::Write as _, sync::OnceLock};

/// One meter per process.
fn key() -> Option<&'static EcdsaKeyPair> {
    static KEY: OnceLock<Option<EcdsaKeyPair>> = OnceLock::new();
    KEY.get_or_init(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).ok()).as_ref()
}

/// A SignedMeterValueType in the Open Charge Metering Format, of a reading in Wh at a time.
pub fn signed_value(serial_number: &str, time: &str, value: f64, context: &str) -> Option<Value> {
    let moment = match context {
        "Transaction.Begin" => "B",
        "Transaction.End" => "E",
        _ => "C",
    };
    let time = time.parse::<jiff::Timestamp>().ok()?.strftime("%Y-%m-%dT%H:%M:%S,%3f+0000 S").to_string();
    let content = json!({
        "FV": "1.0", "GI": "ocpp-attest", "GS": serial_number, "PG": "T1", "MV": "ocpp-attest", "MS": serial_number,
        "IS": false,
        "RD": [{ "TM": time, "TX": moment, "RV": value, "RI": "1-b:1.8.0", "RU": "Wh", "ST": "G" }],
    })
    .to_string();
    let key = key()?;
    let signature = key.sign(&SystemRandom::new(), content.as_bytes()).ok()?;
    let hex = signature.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let signed = format!("OCMF|{content}|{}", json!({ "SA": "ECDSA-secp256r1-SHA256", "SD": hex }));
    let public = key.public_key().as_der().ok()?;
    Some(json!({
        "signedMeterData": STANDARD.encode(signed),
        "signingMethod": "ECDSA-secp256r1-SHA256",
        "encodingMethod": "OCMF",
        "publicKey": STANDARD.encode(public.as_ref()),
    }))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_reading_is_signed_by_the_meter() {
        let signed = signed_value("CS1", "2026-11-21T13:00:00.5Z", 1250.0, "Transaction.End").unwrap();
        let text = String::from_utf8(STANDARD.decode(signed["signedMeterData"].as_str().unwrap()).unwrap()).unwrap();
        let parts: Vec<&str> = text.splitn(3, '|').collect();
        assert!(parts[1].contains("2026-11-21T13:00:00,500+0000 S"), "{text}");
        assert!(parts[1].contains("\"TX\":\"E\""), "{text}");
        let told: Value = serde_json::from_str(parts[2]).unwrap();
        let hex = told["SD"].as_str().unwrap();
        let signature: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key().unwrap().public_key().as_ref());
        assert!(key.verify(parts[1].as_bytes(), &signature).is_ok());
    }
}
