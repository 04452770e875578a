//! The time-based one-time password in the address of a QR code (Part 2, C25, algorithm version 1).

use aws_lc_rs::hmac;
use jiff::Timestamp;

/// The characters of a password, one for each remainder of a byte. Conversions of Part 2 lose the `o`, but the alphabet is called base62.
const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// More characters than this repeat themselves.
pub const LONGEST: usize = 32;

/// How the passwords of a station are made (WebPaymentsCtrlr).
#[derive(Debug, Clone, Copy)]
pub struct OneTimePassword<'s> {
    /// `SharedSecret`.
    pub secret: &'s str,
    /// `ValidityTime`, seconds.
    pub validity: i64,
    /// `Length`, at most [`LONGEST`].
    pub length: usize,
}

impl OneTimePassword<'_> {
    /// The password at a time.
    pub fn at(&self, time: Timestamp) -> String {
        self.of_interval(self.interval(time))
    }

    /// Whether a password is right: that of the interval, or of the one before or after it.
    pub fn is_right(&self, password: &str, time: Timestamp) -> bool {
        let interval = self.interval(time);
        (interval - 1..=interval + 1).any(|interval| self.of_interval(interval) == password)
    }

    fn interval(&self, time: Timestamp) -> i64 {
        time.as_second().div_euclid(self.validity.max(1))
    }

    fn of_interval(&self, interval: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let tag = hmac::sign(&key, &interval.to_be_bytes());
        let hash = tag.as_ref();
        let offset = usize::from(hash.last().copied().unwrap_or_default() & 0x0F);
        let bytes = hash.iter().cycle().skip(offset).take(self.length.min(LONGEST));
        bytes.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_password_holds_for_its_interval_and_those_beside_it() {
        let of = OneTimePassword { secret: "mysharedsecret", validity: 30, length: 8 };
        let password = of.at(at(1_700_000_010));
        assert_eq!(password.len(), 8);
        assert_eq!(of.at(at(1_700_000_039)), password);
        assert_ne!(of.at(at(1_700_000_040)), password);
        for second in [1_699_999_980, 1_700_000_010, 1_700_000_069] {
            assert!(of.is_right(&password, at(second)), "{second}");
        }
        for second in [1_699_999_979, 1_700_000_070] {
            assert!(!of.is_right(&password, at(second)), "{second}");
        }
        let other = OneTimePassword { secret: "another", ..of };
        assert!(!other.is_right(&password, at(1_700_000_010)));
    }

    /// Worked out by another program, from the pseudocode.
    #[test]
    fn a_password_is_what_the_algorithm_makes_of_the_time() {
        let of = OneTimePassword { secret: "mysharedsecret", validity: 30, length: 8 };
        assert_eq!(of.at(at(1_700_000_010)), "e1cMer4s");
    }
}
