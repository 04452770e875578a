//! The station identities that test cases run as, and the test cases that wait for one of them.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use super::scheduler::Ended;

/// A station identity.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) name: String,
    /// By place in the plan: whether the test case can be run as this station, or as none better than this.
    suits: Vec<bool>,
    /// The general preconditions were reached as this station.
    pub(super) prepared: bool,
    /// Somebody was there, at least.
    pub(super) met: bool,
    /// Test cases in a row for which they were not.
    failures: u32,
    /// Others were served since this one was.
    passed_over: bool,
    /// Why nothing is run as this station any more.
    withdrawn: Option<String>,
}

impl Identity {
    pub(super) fn new(name: String, suits: Vec<bool>) -> Self {
        Self { name, suits, prepared: false, met: false, failures: 0, passed_over: false, withdrawn: None }
    }

    fn suits(&self, index: usize) -> bool {
        self.suits.get(index).copied().unwrap_or(true)
    }
}

/// A test case for which nobody was there, or for which the product could not be brought to the preconditions.
pub(super) struct Unserved {
    pub(super) ended: Ended,
    pub(super) reason: String,
}

/// Their ids, each once.
fn names<'u>(unserved: impl Iterator<Item = &'u Unserved>) -> String {
    let ids: BTreeSet<&str> = unserved.map(|one| one.ended.result.id.as_str()).collect();
    ids.into_iter().collect::<Vec<_>>().join(" and ")
}

/// The identities and the queue.
#[derive(Default)]
pub(super) struct Pool {
    identities: Vec<Identity>,
    /// Places in the plan of the test cases that wait, in the order of their turn.
    waiting: VecDeque<usize>,
    /// Test cases in a row that were not served.
    unserved: Vec<Unserved>,
    /// Those that came again because they were not.
    again: HashSet<usize>,
    /// Those that came again because the product was back.
    restored: HashSet<usize>,
    /// Remarks on test cases that had to be begun again as another station.
    moved: HashMap<usize, String>,
}

impl Pool {
    /// A pool for so many test cases. What suits no identity is anybody's, to be told why.
    pub(super) fn new(mut identities: Vec<Identity>, test_cases: usize) -> Self {
        for index in 0..test_cases {
            if !identities.iter().any(|identity| identity.suits(index)) {
                identities.iter_mut().filter_map(|known| known.suits.get_mut(index)).for_each(|suits| *suits = true);
            }
        }
        Self { identities, ..Self::default() }
    }

    /// Adds test cases behind those that wait.
    pub(super) fn add(&mut self, test_cases: impl IntoIterator<Item = usize>) {
        self.waiting.extend(test_cases);
    }

    pub(super) fn is_prepared(&self, number: usize) -> bool {
        self.identities.get(number).is_some_and(|identity| identity.prepared)
    }

    /// True where somebody was there for this identity, or for one of the others.
    pub(super) fn has_met(&self) -> bool {
        self.identities.iter().any(|identity| identity.met)
    }

    /// True where others are served and this identity is not.
    pub(super) fn is_passed_over(&self, number: usize) -> bool {
        self.identities.get(number).is_some_and(|identity| identity.passed_over && identity.failures > 1)
    }

    /// The next test case that can be run as this identity.
    pub(super) fn next(&mut self, number: usize) -> Option<usize> {
        let identity = self.identities.get(number).filter(|identity| identity.withdrawn.is_none())?;
        let at = self.waiting.iter().position(|index| identity.suits(*index))?;
        self.waiting.remove(at)
    }

    pub(super) fn has_work_for(&self, number: usize) -> bool {
        let identity = self.identities.get(number).filter(|identity| identity.withdrawn.is_none());
        identity.is_some_and(|identity| self.waiting.iter().any(|index| identity.suits(*index)))
    }

    /// True where some test case waits that an identity can do.
    pub(super) fn has_work(&self) -> bool {
        (0..self.identities.len()).any(|number| self.has_work_for(number))
    }

    /// True where another identity can do it.
    pub(super) fn others_suit(&self, number: usize, index: usize) -> bool {
        let mut others = self.identities.iter().enumerate().filter(|(other, _)| *other != number);
        others.any(|(_, identity)| identity.withdrawn.is_none() && identity.suits(index))
    }

    pub(super) fn is_withdrawn(&self, number: usize) -> bool {
        self.identities.get(number).is_none_or(|identity| identity.withdrawn.is_some())
    }

    /// The test cases that were not served, and why the last of them was not.
    pub(super) fn describe_unserved(&self) -> (String, String) {
        let reason = self.unserved.last().map(|one| one.reason.clone()).unwrap_or_default();
        (names(self.unserved.iter()), reason)
    }

    /// Those of them that will come again once the product is back.
    pub(super) fn describe_returning(&self) -> String {
        names(self.unserved.iter().filter(|one| !self.restored.contains(&one.ended.index)))
    }

    /// A test case was served: what was not before it comes again, once. Handed back is what did so already.
    pub(super) fn served(&mut self, number: usize) -> Vec<Unserved> {
        self.identities.iter_mut().for_each(|identity| identity.passed_over = true);
        if let Some(identity) = self.identities.get_mut(number) {
            (identity.prepared, identity.met, identity.passed_over) = (true, true, false);
            identity.failures = 0;
        }
        self.settle()
    }

    /// What was not served comes again, once. Handed back is what did so already.
    pub(super) fn settle(&mut self) -> Vec<Unserved> {
        let (over, first): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unserved).into_iter().partition(|one| self.again.contains(&one.ended.index));
        self.requeue(first.iter().map(|one| one.ended.index));
        over
    }

    /// What was not served comes again, for the product is back; once, for a test case that is not served by a product that was found ready
    /// would find it so for ever. Handed back is what did so already.
    pub(super) fn restored(&mut self) -> Vec<Unserved> {
        let (over, first): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unserved).into_iter().partition(|one| self.restored.contains(&one.ended.index));
        self.restored.extend(first.iter().map(|one| one.ended.index));
        self.requeue(first.iter().map(|one| one.ended.index));
        self.identities.iter_mut().for_each(|identity| identity.failures = 0);
        over
    }

    fn requeue(&mut self, indices: impl DoubleEndedIterator<Item = usize>) {
        for index in indices.rev() {
            self.again.insert(index);
            self.put_back(index);
        }
    }

    fn put_back(&mut self, index: usize) {
        if !self.waiting.contains(&index) {
            self.waiting.push_front(index);
        }
    }

    /// A test case was not served; true where that is the second in a row.
    pub(super) fn not_served(&mut self, unserved: Unserved) -> bool {
        let alone = self.waiting.is_empty();
        self.unserved.push(unserved);
        let mut indices: Vec<usize> = self.unserved.iter().map(|one| one.ended.index).collect();
        indices.dedup();
        self.unserved.len() > 1 && (indices.len() > 1 || !alone)
    }

    /// What was not served and does not come again.
    pub(super) fn give_up(&mut self) -> Vec<Unserved> {
        std::mem::take(&mut self.unserved)
    }

    /// An identity could not be brought to the preconditions for a test case. True where it can be left out for that: it has
    /// failed for the second time in a row, or never was prepared, and another can do the test case.
    pub(super) fn fails(&mut self, number: usize, index: usize, absent: bool) -> bool {
        let others = self.others_suit(number, index);
        let Some(identity) = self.identities.get_mut(number) else { return false };
        identity.failures += 1;
        identity.met |= !absent;
        identity.failures > 1 || !identity.prepared && others
    }

    /// Nothing is run as this identity any more.
    pub(super) fn withdraw(&mut self, number: usize, reason: &str) {
        if let Some(identity) = self.identities.get_mut(number) {
            identity.withdrawn = Some(reason.to_owned());
        }
    }

    /// A test case goes back to be run again, where there is somebody to run it as.
    pub(super) fn again(&mut self, number: usize, index: usize) -> bool {
        let identity = self.identities.get(number);
        let here = identity.is_some_and(|identity| identity.withdrawn.is_none() && identity.suits(index));
        if !here && !self.others_suit(number, index) {
            return false;
        }
        if let Some(identity) = identity.filter(|_| !here) {
            let remark = format!("started again as another station: {} is withdrawn", identity.name);
            self.moved.insert(index, remark);
        }
        self.put_back(index);
        true
    }

    /// A remark on a test case that was begun as another station before.
    pub(super) fn remark(&mut self, index: usize) -> Option<String> {
        self.moved.remove(&index)
    }

    /// The test cases that nobody is left for, each with the reason.
    pub(super) fn left_over(&mut self) -> Vec<(usize, String)> {
        let left = std::mem::take(&mut self.waiting);
        left.into_iter().map(|index| (index, self.why_not(index))).collect()
    }

    fn why_not(&self, index: usize) -> String {
        let fitting = self.identities.iter().filter(|identity| identity.suits(index));
        let reasons: Vec<String> = fitting
            .filter_map(|known| Some(format!("station {} is withdrawn: {}", known.name, known.withdrawn.as_ref()?)))
            .collect();
        format!("not run: {}", reasons.join("; "))
    }
}
