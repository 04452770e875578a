//! What values a setting of a station takes, and who may change it.

/// Who may do what with a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Read only.
    ReadOnly,
    /// Write only: never reported with a value.
    WriteOnly,
    /// Both.
    ReadWrite,
}

/// What values a variable takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Integer(i64, i64),
    /// A number within bounds.
    Decimal(f64, f64),
    /// Members of a list in an order of their own, separated by commas.
    SequenceList(Vec<String>),
    /// Members of a list, separated by commas.
    MemberList(Vec<String>),
    /// One of a list.
    OptionList(Vec<String>),
    /// Text up to a length.
    Text(usize),
    /// A time.
    DateTime,
}

impl Domain {
    /// True when the variable can have this value.
    pub fn admits(&self, value: &str) -> bool {
        match self {
            Domain::Boolean => ["true", "false"].contains(&value),
            Domain::Integer(min, max) => value.parse::<i64>().is_ok_and(|number| (*min..=*max).contains(&number)),
            Domain::Decimal(min, max) => value.parse::<f64>().is_ok_and(|number| (*min..=*max).contains(&number)),
            Domain::SequenceList(all) | Domain::MemberList(all) => {
                let parts: Vec<&str> = value.split(',').map(str::trim).collect();
                let once = parts.iter().enumerate().all(|(at, part)| !parts[..at].contains(part));
                value.is_empty() || (once && parts.iter().all(|part| all.iter().any(|known| known == part)))
            }
            Domain::OptionList(all) => all.iter().any(|known| known == value),
            Domain::Text(length) => value.chars().count() <= *length,
            Domain::DateTime => value.parse::<jiff::Timestamp>().is_ok(),
        }
    }

    /// True when a value is of the right kind, whether within the limits or not.
    pub fn is_formatted(&self, value: &str) -> bool {
        match self {
            Domain::Integer(..) => value.parse::<i64>().is_ok(),
            Domain::Decimal(..) => value.parse::<f64>().is_ok_and(f64::is_finite),
            _ => false,
        }
    }

    /// The data type's name in reports.
    pub fn data_type(&self) -> &'static str {
        match self {
            Domain::Boolean => "boolean",
            Domain::Integer(..) => "integer",
            Domain::Decimal(..) => "decimal",
            Domain::SequenceList(_) => "SequenceList",
            Domain::MemberList(_) => "MemberList",
            Domain::OptionList(_) => "OptionList",
            Domain::Text(_) => "string",
            Domain::DateTime => "dateTime",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_admits_its_own_values() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (domain, good, bad) in [
            (Domain::Boolean, vec!["true"], vec!["True", "1", ""]),
            (Domain::Integer(1, 300), vec!["1", "300"], vec!["0", "301", "30.5", "abc", ""]),
            (Domain::Decimal(0.0, 100.0), vec!["0", "99.9"], vec!["-0.1", "NaN", "abc"]),
            (Domain::MemberList(list(&["a", "b"])), vec!["", "a", "b, a"], vec!["c", "a,c", "a,a"]),
            (Domain::SequenceList(list(&["1", "2"])), vec!["2,1"], vec!["1,3", "2,2"]),
            (Domain::OptionList(list(&["a", "b"])), vec!["a"], vec!["", "a,b"]),
            (Domain::Text(3), vec!["", "abc"], vec!["abcd"]),
            (Domain::DateTime, vec!["2026-01-01T00:00:00Z"], vec!["300"]),
        ] {
            assert!(good.iter().all(|value| domain.admits(value)), "{domain:?}");
            assert!(!bad.iter().any(|value| domain.admits(value)), "{domain:?}");
        }
    }
}
