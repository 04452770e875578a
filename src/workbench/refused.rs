//! Why something that a browser asked for was not done, as it is told there.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    evidence::package::PackageError,
    record::read::ReadError,
    text::visible_line,
    yaml::{Defects, shorten},
};

/// Most defects of a file that are told; `ocpp-attest` tells them all.
const MAX_DEFECTS: usize = 20;
/// Longest text of a defect, characters.
const MAX_TEXT: usize = 600;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// A file that was removed, or never there.
    #[error("This file is no longer in the folders of the workbench. Reload the page.")]
    NoSuchFile,
    /// A run, a test case or a report that is not there.
    #[error("This is not in the folder of the runs.")]
    NoSuchRun,
    /// One run after the other.
    #[error("A run is under way. Stop it, or wait for its end.")]
    Busy,
    /// Nothing runs.
    #[error("No run is under way.")]
    Idle,
    /// Something that the plan does not have.
    #[error("The test case {0} does not apply to this product, or is none.")]
    NotInPlan(String),
    /// Nothing would be run.
    #[error("No test case is chosen.")]
    NothingChosen,
    /// The operator's page of the run does not answer.
    #[error("The run does not take this: {0}")]
    NotTaken(String),
    /// Nothing to compare with.
    #[error("There is no earlier run of this product to compare with.")]
    NothingBefore,
    /// Files with defects.
    #[error("The file has defects.")]
    Defects(Vec<Defects>),
    /// A run folder that can't be read.
    #[error("{0} {1}")]
    Unreadable(String, String),
    /// A request that is none.
    #[error("{0}")]
    Malformed(String),
    /// Our own failure.
    #[error("The workbench failed: {0}")]
    Own(String),
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Refused::NoSuchFile | Refused::NoSuchRun | Refused::NothingBefore => StatusCode::NOT_FOUND,
            Refused::Busy | Refused::Idle | Refused::NotTaken(_) => StatusCode::CONFLICT,
            Refused::NotInPlan(_) | Refused::NothingChosen | Refused::Malformed(_) => StatusCode::BAD_REQUEST,
            Refused::Defects(_) | Refused::Unreadable(..) => StatusCode::UNPROCESSABLE_ENTITY,
            Refused::Own(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Defects> for Refused {
    fn from(defects: Defects) -> Self {
        Refused::Defects(vec![defects])
    }
}

impl From<Vec<Defects>> for Refused {
    fn from(defects: Vec<Defects>) -> Self {
        Refused::Defects(defects)
    }
}

impl From<ReadError> for Refused {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing(what, help) => Refused::Unreadable(what, help),
            ReadError::Broken(defects) => Refused::Defects(vec![defects]),
        }
    }
}

impl From<PackageError> for Refused {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::Run(error) => error.into(),
            PackageError::Input(what, help) => Refused::Unreadable(what, help),
            other => Refused::Own(other.to_string()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let text = |text: &str| shorten(&visible_line(text), MAX_TEXT);
        let mut told = Vec::new();
        if let Refused::Defects(files) = &self {
            for file in files {
                for defect in &file.defects {
                    let place = if defect.at.line == 0 {
                        file.source_file.name.to_string()
                    } else {
                        format!("{}:{}", file.source_file.name, defect.at)
                    };
                    told.push(
                        json!({ "place": text(&place), "what": text(&defect.message), "help": text(&defect.help) }),
                    );
                }
            }
        }
        let more = told.len().saturating_sub(MAX_DEFECTS);
        told.truncate(MAX_DEFECTS);
        let body = json!({ "error": text(&self.to_string()), "defects": told, "more-defects": more });
        (self.status(), [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}
