//! The error codes of CALLERRORs, which not every version of OCPP spells alike (OCPP-J, 4.3).

use std::fmt;

/// A code that the version has from which it comes ([`ErrorCodes::named`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(&'static str);

impl ErrorCode {
    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.0)
    }
}

/// The codes of a version.
#[derive(Debug)]
pub struct ErrorCodes {
    /// All that there are.
    pub all: &'static [&'static str],
    /// For an action that this version does not have.
    pub unknown_action: &'static str,
    /// For what is no RPC message.
    pub framework: &'static str,
    /// For a message type that is not known.
    pub message_type: &'static str,
    /// For a payload that does not have the form of its action.
    pub form: &'static str,
    /// For a member that is missing, or an element too few or too many.
    pub occurrence: &'static str,
}

/// OCPP 2.x (Part 4, 4.3).
pub static OF_2_X: ErrorCodes = ErrorCodes {
    all: &[
        "FormatViolation",
        "GenericError",
        "InternalError",
        "MessageTypeNotSupported",
        "NotImplemented",
        "NotSupported",
        "OccurrenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "RpcFrameworkError",
        "SecurityError",
        "TypeConstraintViolation",
    ],
    unknown_action: "NotImplemented",
    framework: "RpcFrameworkError",
    message_type: "MessageTypeNotSupported",
    form: "FormatViolation",
    occurrence: "OccurrenceConstraintViolation",
};

/// OCPP 1.6 (OCPP-J 1.6, 4.2.3), with the spelling of its table, which its errata keep (errata 5.1, 5.2). It has no code of its
/// own for what is no RPC message, and a message type that is unknown is not answered at all (4.1.3).
pub static OF_1_6: ErrorCodes = ErrorCodes {
    all: &[
        "FormationViolation",
        "GenericError",
        "InternalError",
        "NotImplemented",
        "NotSupported",
        "OccurenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "SecurityError",
        "TypeConstraintViolation",
    ],
    unknown_action: "NotImplemented",
    framework: "GenericError",
    message_type: "GenericError",
    form: "FormationViolation",
    occurrence: "OccurenceConstraintViolation",
};

/// What may be wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is no RPC message.
    Framework,
    /// Its message type is none that is known.
    MessageType,
    /// Its elements are not those of its type.
    Form,
}

impl ErrorCodes {
    /// The code for a faulty frame.
    pub fn of_fault(&self, fault: Fault) -> &'static str {
        match fault {
            Fault::Framework => self.framework,
            Fault::MessageType => self.message_type,
            Fault::Form => self.form,
        }
    }

    /// The code of this name, where the version has it.
    pub fn named(&self, name: &str) -> Option<ErrorCode> {
        self.all.iter().find(|known| **known == name).map(|known| ErrorCode(known))
    }

    /// The code for a payload that breaks this keyword of its JSON Schema.
    pub(super) fn of_keyword(&self, keyword: &str) -> &'static str {
        match keyword {
            "type" | "format" => "TypeConstraintViolation",
            "required" | "minItems" | "maxItems" => self.occurrence,
            "additionalProperties" => self.form,
            _ => "PropertyConstraintViolation",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_code_that_its_version_has() {
        for codes in [&OF_1_6, &OF_2_X] {
            let faults = [Fault::Framework, Fault::MessageType, Fault::Form].map(|fault| codes.of_fault(fault));
            let keywords = ["type", "required", "additionalProperties", "enum", "multipleOf"];
            for code in
                faults.into_iter().chain(keywords.map(|word| codes.of_keyword(word))).chain([codes.unknown_action])
            {
                assert!(codes.named(code).is_some(), "{code}");
            }
        }
        assert_eq!(OF_1_6.of_keyword("required"), "OccurenceConstraintViolation");
        assert_eq!(OF_1_6.of_keyword("additionalProperties"), "FormationViolation");
        assert!(
            OF_1_6.named("OccurrenceConstraintViolation").is_none() && OF_2_X.named("FormationViolation").is_none()
        );
    }
}
