//! Voices of a scope, so that nobody's count for more than they should.

use std::collections::BTreeMap;

use crate::feedback::learning::model::Scope;
use crate::feedback::learning::posterior::Posterior;
use crate::feedback::learning::tallies::{Count, Voices};

/// Everybody may say this much, however little the others say.
const ALWAYS: f64 = 2.0;
/// Beyond that nobody counts for more than so many times what the one in the middle says. The middle
/// and no share of the total: a few who say very much raise the total, and the middle they do not.
const TIMES_THE_MIDDLE: f64 = 2.0;

/// What one person says about a subject: for each value, as it weighs and as it was given.
type Said<'a> = BTreeMap<&'a str, (Voices, Voices)>;

/// What a scope says about a subject.
#[derive(Clone, Debug)]
pub struct Opinion<'a> {
    raters: BTreeMap<&'a str, Said<'a>>,
}

/// What a scope says about one value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weighed {
    /// With everybody's age and share taken into account.
    pub weighed: Voices,
    /// As it was given.
    pub plain: Voices,
    /// How many people say something.
    pub raters: i32,
}

impl<'a> Opinion<'a> {
    /// From the counts of one subject, as far as they belong to the scope.
    pub fn of(counts: &[&'a Count], scope: &Scope) -> Self {
        let mut raters: BTreeMap<&str, Said<'_>> = BTreeMap::new();
        for count in counts {
            let belongs = match scope {
                Scope::Org => true,
                Scope::Team(team) => count.team == *team,
                Scope::User(user) => count.user == *user,
            };
            if belongs {
                let said = raters.entry(&count.user).or_default();
                let (weighed, plain) = said.entry(&count.value).or_default();
                *weighed = weighed.plus(count.weighed);
                *plain = plain.plus(count.plain);
            }
        }
        if matches!(scope, Scope::Org | Scope::Team(_)) {
            even_out(&mut raters);
        }
        Self { raters }
    }

    /// The values that somebody says something about.
    pub fn values(&self) -> Vec<&'a str> {
        let mut values: Vec<&str> = self
            .raters
            .values()
            .flat_map(|said| said.keys().copied())
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// What is said about values of which this holds.
    pub fn about(&self, which: impl Fn(&str) -> bool) -> Weighed {
        let mut all = Weighed::default();
        for said in self.raters.values() {
            let mut says = false;
            for (weighed, plain) in said.iter().filter(|(v, _)| which(v)).map(|(_, said)| said) {
                all.weighed = all.weighed.plus(*weighed);
                all.plain = all.plain.plus(*plain);
                says = true;
            }
            all.raters += i32::from(says);
        }
        all
    }

    /// How many people lean to a value and how many away from it, each by what they say themselves:
    /// about the value next to the others, or next to nothing known where they say nothing of others.
    pub fn leaning(&self, value: &str) -> (usize, usize) {
        let (mut to, mut away) = (0, 0);
        for said in self.raters.values() {
            let (mut own, mut rest) = (Voices::default(), Voices::default());
            for (one, (weighed, _)) in said {
                let side = if *one == value { &mut own } else { &mut rest };
                *side = side.plus(*weighed);
            }
            let difference = Posterior::of(own).mean() - Posterior::of(rest).mean();
            if difference > 1e-9 {
                to += 1;
            } else if difference < -1e-9 {
                away += 1;
            }
        }
        (to, away)
    }

    /// How many people accept more of a value than they reject, and how many less.
    pub fn content(&self, value: &str) -> (usize, usize) {
        let (mut content, mut not) = (0, 0);
        for (weighed, _) in self.raters.values().filter_map(|said| said.get(value)) {
            content += usize::from(weighed.accepted > weighed.rejected);
            not += usize::from(weighed.rejected > weighed.accepted);
        }
        (content, not)
    }
}

/// Takes from those who say much more than the one in the middle.
fn even_out(raters: &mut BTreeMap<&str, Said<'_>>) {
    let total =
        |said: &Said<'_>| -> f64 { said.values().map(|(weighed, _)| weighed.total()).sum() };
    let mut totals: Vec<f64> = raters.values().map(total).collect();
    totals.sort_unstable_by(f64::total_cmp);
    let Some(middle) = totals.get(totals.len() / 2) else {
        return;
    };
    // Of an even number the lower one, so that of two the one who says more is the one who is bounded.
    let middle = if totals.len().is_multiple_of(2) {
        totals.get(totals.len() / 2 - 1).unwrap_or(middle)
    } else {
        middle
    };
    let most = (middle * TIMES_THE_MIDDLE).max(ALWAYS);
    for said in raters.values_mut() {
        let own = total(said);
        if own > most {
            for (weighed, _) in said.values_mut() {
                *weighed = weighed.times(most / own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Opinion;
    use crate::feedback::learning::model::Scope;
    use crate::feedback::learning::tallies::{Count, Voices};

    fn count(user: &str, value: &str, accepted: f64, rejected: f64) -> Count {
        let voices = Voices { accepted, rejected };
        Count {
            subject: "length".to_owned(),
            value: value.to_owned(),
            category: String::new(),
            team: if user < "n" { "core" } else { "" }.to_owned(),
            user: user.to_owned(),
            weighed: voices,
            plain: voices,
            last_week: "2026-06-01".parse().unwrap(),
        }
    }

    #[test]
    fn who_says_much_counts_twice_the_middle() {
        let counts = [
            count("ada", "brief", 5.0, 0.0),
            count("ben", "brief", 5.0, 1.0),
            count("zoe", "brief", 0.0, 200.0),
        ];
        let counts: Vec<&Count> = counts.iter().collect();
        let all = Opinion::of(&counts, &Scope::Org).about(|_| true);
        assert_eq!((all.weighed.accepted, all.weighed.rejected), (10.0, 13.0));
        assert_eq!((all.plain.rejected, all.raters), (201.0, 3));
        let team = Opinion::of(&counts, &Scope::Team("core".to_owned())).about(|_| true);
        assert_eq!((team.weighed.rejected, team.raters), (1.0, 2));
        let own = Opinion::of(&counts, &Scope::User("zoe".to_owned())).about(|_| true);
        assert_eq!((own.weighed.rejected, own.raters), (200.0, 1));
    }

    #[test]
    fn people_lean_by_what_they_say_themselves() {
        let counts = [
            count("ada", "brief", 3.0, 0.0),
            count("ada", "detailed", 0.0, 3.0),
            count("ben", "detailed", 0.0, 2.0),
            count("zoe", "brief", 0.0, 2.0),
            count("nil", "brief", 1.0, 1.0),
        ];
        let counts: Vec<&Count> = counts.iter().collect();
        let all = Opinion::of(&counts, &Scope::Org);
        assert_eq!(all.leaning("brief"), (2, 1));
        assert_eq!(all.content("brief"), (1, 1));
        assert_eq!(all.values(), ["brief", "detailed"]);
    }
}
