//! Circles in a graph, and where they are cut best.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A graph of names. Each arrow says why it is there.
#[derive(Default)]
pub(crate) struct Graph {
    arrows: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// The most circles shown of one knot.
const MOST_SHOWN: usize = 12;

/// The most reasons shown of one arrow.
const MOST_REASONS: usize = 4;

impl Graph {
    pub(crate) fn add(&mut self, from: &str, to: &str, reason: String) {
        self.arrows.entry(to.to_owned()).or_default();
        let arrows = self.arrows.entry(from.to_owned()).or_default();
        arrows.entry(to.to_owned()).or_default().insert(reason);
    }

    /// The graph with some of its nodes only.
    pub(crate) fn within(&self, nodes: &BTreeSet<String>) -> Self {
        let mut smaller = Self::default();
        for (from, arrows) in &self.arrows {
            for (to, reasons) in arrows {
                if nodes.contains(from) && nodes.contains(to) {
                    for reason in reasons {
                        smaller.add(from, to, reason.clone());
                    }
                }
            }
        }
        smaller
    }

    /// The nodes that can be reached from a node by one arrow or more.
    fn reach(&self, start: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![start];
        while let Some(node) = next.pop() {
            for to in self.arrows.get(node).into_iter().flatten() {
                if reached.insert(to.0.as_str()) {
                    next.push(to.0);
                }
            }
        }
        reached
    }

    /// The largest sets of nodes of which each reaches all others.
    pub(crate) fn knots(&self) -> Vec<BTreeSet<String>> {
        let reach: BTreeMap<&str, _> = self
            .arrows
            .keys()
            .map(|node| (node.as_str(), self.reach(node)))
            .collect();
        let mut found = BTreeSet::new();
        for (node, reached) in &reach {
            let knot = reached.iter().filter(|other| reach[*other].contains(node));
            let knot: BTreeSet<String> = knot.map(|other| (*other).to_owned()).collect();
            if knot.len() > 1 {
                found.insert(knot);
            }
        }
        found.into_iter().collect()
    }

    /// The shortest circle through a node, from the node to the one before it.
    fn circle(&self, start: &str) -> Option<Vec<String>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(node) = next.pop_front() {
            for to in self.arrows.get(node).into_iter().flatten() {
                let to = to.0.as_str();
                if to == start {
                    let mut circle = vec![node.to_owned()];
                    let mut at = node;
                    while at != start {
                        at = before[at];
                        circle.push(at.to_owned());
                    }
                    circle.reverse();
                    return Some(circle);
                }
                if !before.contains_key(to) {
                    before.insert(to, node);
                    next.push_back(to);
                }
            }
        }
        None
    }

    /// The shortest circles of a knot that share no arrow, one to a line. Only those that pass
    /// through one of the nodes in `through`.
    pub(crate) fn shortest(&self, knot: &BTreeSet<String>, through: &BTreeSet<String>) -> String {
        let mut rest = self.within(knot);
        let mut lines = Vec::new();
        while lines.len() < MOST_SHOWN {
            let circles = through.iter().filter_map(|node| rest.circle(node));
            let Some(circle) = circles.min_by_key(Vec::len) else {
                break;
            };
            lines.push(rest.cut(&circle));
        }
        lines.join("\n")
    }

    /// Removes the arrows of a circle, and answers with their description.
    fn cut(&mut self, circle: &[String]) -> String {
        let mut steps = vec![format!("    {}", circle[0])];
        for (at, from) in circle.iter().enumerate() {
            let to = &circle[(at + 1) % circle.len()];
            let arrows = self.arrows.get_mut(from);
            let reasons = arrows.and_then(|arrows| arrows.remove(to));
            let reasons = reasons.unwrap_or_default();
            let mut shown: Vec<_> = reasons.iter().take(MOST_REASONS).cloned().collect();
            if reasons.len() > MOST_REASONS {
                shown.push(format!("{} more", reasons.len() - MOST_REASONS));
            }
            steps.push(format!("{to} ({})", shown.join(", ")));
        }
        steps.join(" -> ")
    }
}
