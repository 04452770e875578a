//! The error codes of CALLERRORs, which not every version of OCPP spells alike (OCPP-J, 4.3).

/// The codes of a version.
#[derive(Debug)]
pub struct ErrorCodes {
    /// All that there are.
    pub all: &'static [&'static str],
    /// For an action that this version does not have.
    pub unknown_action: &'static str,
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
    form: "FormatViolation",
    occurrence: "OccurrenceConstraintViolation",
};

impl ErrorCodes {
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
