//! Breaches of the rules that hold for every test.

use serde_json::{Value, json};

use super::mutant::{Edit, Kind, Mutants, Place, open_at, own_call, tests_station};
use crate::{
    engine::{Effect, Input, Role},
    link::{LinkCommand, LinkEvent},
    protocol::{frame::Frame, rules::Rule},
    replay::Recording,
};

impl Mutants {
    /// Each rule that holds for every test is broken once, where the main part begins.
    pub(super) fn rules(&mut self, recording: &Recording, places: &[Place<'_>]) {
        // A condition that comes first holds of what the preparation has taken, before which no message is one of the main part.
        let in_main = |place: &&Place<'_>| place.taken.phase == "main" && place.taken.role != Role::Condition;
        let mut main = places.iter().filter(in_main);
        let Some((place, conn)) = main.find_map(|place| Some((place, open_at(recording, place.at)?))) else {
            return;
        };
        let (station, semantics) = (tests_station(recording), recording.setup.protocol.semantics);
        let text = |text: &str| Input::Link(LinkEvent::Text { conn, text: text.to_owned() });
        let call = |(action, payload): (&str, Value)| {
            Frame::Call { id: "audit".into(), action: action.into(), payload }.to_text()
        };
        let lacking = call((semantics.demanding(station), json!({})));
        let unexpected = call(semantics.unasked(station, &|action| has_sent(recording, action)));
        let unknown = own_call(recording, "audit").replace("{}", r#"{"audit":1}"#);
        let broken = [
            ("malformed JSON", text("{")),
            ("message type 9", text(&own_call(recording, "audit").replacen('2', "9", 1))),
            ("a property that the schema does not know", text(&unknown)),
            ("a required property is missing", text(&lacking)),
            ("an answer to no call of ours", text(r#"[3,"audit",{}]"#)),
            ("an unknown action", text(r#"[2,"audit","Audit",{}]"#)),
            ("a message that nobody asked for", text(&unexpected)),
            ("a binary message", Input::Link(LinkEvent::Garbage { conn, what: "a binary message".into() })),
        ];
        for (what, input) in broken {
            self.add(place, None, Kind::Rule, what, Edit::Before(input));
        }
        if station {
            self.transaction_rules(recording, places);
        }
        // Where it is only advice, a breach is a remark.
        if !Rule::OneCallAtATime.is_advice(recording.setup.protocol.version) {
            self.one_at_a_time(recording, places);
        }
    }

    /// A second CALL before the first one is answered.
    fn one_at_a_time(&mut self, recording: &Recording, places: &[Place<'_>]) {
        for place in places.iter().filter(|place| place.taken.phase == "main" && place.taken.role == Role::Call) {
            let Some((at, Input::Link(LinkEvent::Text { conn, text }))) = recording.inputs.get(place.at) else {
                continue;
            };
            let Ok(Frame::Call { id, .. }) = Frame::read_back(text) else { continue };
            let answered = recording.inputs[place.at..].iter().any(|(sent, input)| match input {
                Input::Link(LinkEvent::Sent { text, .. }) => {
                    sent.seconds_since(at) < 1.0 && Frame::read_back(text).is_ok_and(|frame| frame.id() == id)
                }
                _ => false,
            });
            if answered {
                let text = own_call(recording, "audit-early");
                let change = Edit::After(Input::Link(LinkEvent::Text { conn: *conn, text }));
                self.add(place, None, Kind::Rule, "a CALL before the last one is answered", change);
                return;
            }
        }
    }

    /// An event after Ended, and one that is missing before it.
    fn transaction_rules(&mut self, recording: &Recording, places: &[Place<'_>]) {
        for place in places.iter().filter(|place| place.taken.phase == "main" && place.taken.role == Role::Call) {
            let Some((_, Input::Link(LinkEvent::Text { conn, text }))) = recording.inputs.get(place.at) else {
                continue;
            };
            let Ok(Frame::Call { action, payload, .. }) = Frame::read_back(text) else { continue };
            let after = recording.setup.protocol.semantics.after_the_end(&action, &payload);
            let Some(payload) = after else { continue };
            let text = Frame::Call { id: "audit-after".into(), action, payload }.to_text();
            let answer = recording.inputs[place.at..]
                .iter()
                .position(|(_, input)| matches!(input, Input::Link(LinkEvent::Sent { .. })))
                .map_or(place.at, |further| place.at + further);
            let behind = Place { at: answer, ..*place };
            let change = Edit::After(Input::Link(LinkEvent::Text { conn: *conn, text }));
            self.add(&behind, None, Kind::Rule, "an event after Ended", change);
            return;
        }
    }
}

/// True where we have sent such a request.
fn has_sent(recording: &Recording, wanted: &str) -> bool {
    recording.effects.iter().any(|(_, effect)| {
        matches!(effect, Effect::Link(LinkCommand::Send(_, text))
            if matches!(Frame::read_back(text), Ok(Frame::Call { action, .. }) if action == wanted))
    })
}
