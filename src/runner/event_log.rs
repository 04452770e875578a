//! Where everything that happens in a run is told, whichever test case it belongs to.

use std::{cell::RefCell, collections::HashMap};

use super::Event;
use crate::{
    clock::{Clock, Stamp},
    record::{TraceEntry, TraceEvent},
    services::files::Upload,
    verdict::UploadRecord,
};

/// What happens, in the order of time. Test cases that run side by side share it on one thread.
pub(super) struct EventLog<'t> {
    clock: Clock,
    tell: RefCell<&'t mut dyn FnMut(Event)>,
    /// How many files each test case was sent.
    uploads: RefCell<HashMap<String, u32>>,
}

impl<'t> EventLog<'t> {
    pub(super) fn new(clock: Clock, tell: &'t mut dyn FnMut(Event)) -> Self {
        Self { clock, tell: RefCell::new(tell), uploads: RefCell::default() }
    }

    /// Tells whoever looks on.
    pub(super) fn tell(&self, event: Event) {
        (self.tell.borrow_mut())(event);
    }

    /// Adds a line to the trace.
    fn push(&self, entry: TraceEntry) {
        super::log::log(&entry);
        self.tell(Event::Trace(Box::new(entry)));
    }

    /// A file that the SUT has sent gets its place in the run folder: `uploads/`, and a name of ours.
    fn place(&self, upload: &Upload) -> String {
        let mut uploads = self.uploads.borrow_mut();
        let number = uploads.entry(upload.test_case.clone()).or_default();
        *number += 1;
        format!("uploads/{}-{number}.{}", upload.test_case, upload.extension)
    }

    /// Adds something that happens now, and on no connection.
    pub(super) fn note(&self, test_case: Option<String>, station: Option<String>, what: TraceEvent) {
        self.push(TraceEntry { at: self.clock.now(), test_case, station, conn: None, what });
    }

    /// Something concerns the run as a whole.
    pub(super) fn notice(&self, text: &str) {
        self.note(None, None, TraceEvent::Notice { text: text.to_owned() });
        self.tell(Event::Notice(text.to_owned()));
    }

    /// The voice of one test case as one station: every line of it names both.
    pub(super) fn voice(&self, test_case: &str, station: &str) -> Voice<'_, 't> {
        Voice { log: self, test_case: Some(test_case.to_owned()), station: station.to_owned() }
    }

    /// What happens as one station while no test case is under way.
    pub(super) fn between(&self, station: &str) -> Voice<'_, 't> {
        Voice { log: self, test_case: None, station: station.to_owned() }
    }
}

/// Adds the lines of one test case to the trace.
pub(super) struct Voice<'j, 't> {
    log: &'j EventLog<'t>,
    test_case: Option<String>,
    station: String,
}

impl Voice<'_, '_> {
    /// Something that happens now.
    pub(super) fn note(&self, what: TraceEvent) {
        self.log.note(self.test_case.clone(), Some(self.station.clone()), what);
    }

    /// Something that happened, and on which connection.
    pub(super) fn at(&self, at: Stamp, conn: Option<u32>, what: TraceEvent) {
        self.log.push(TraceEntry {
            at,
            test_case: self.test_case.clone(),
            station: Some(self.station.clone()),
            conn,
            what,
        });
    }

    /// Takes down what the SUT has uploaded.
    pub(super) fn uploaded(&self, upload: Upload) -> UploadRecord {
        let file = upload.content.is_some().then(|| self.log.place(&upload));
        if let (Some(file), Some(content)) = (&file, upload.content) {
            self.log.tell(Event::Uploaded(file.clone(), content));
        }
        let record = UploadRecord {
            file,
            name: upload.name,
            protocol: upload.protocol.name().into(),
            size: upload.size,
            sha256: upload.sha256,
        };
        self.note(TraceEvent::Upload(record.clone()));
        record
    }

    /// Tells whoever looks on, if this is a test case.
    pub(super) fn tell(&self, event: Event) {
        if self.test_case.is_some() {
            self.log.tell(event);
        }
    }
}
