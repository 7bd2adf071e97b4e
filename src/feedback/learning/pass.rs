//! What a pass does with a handful of organisations, in one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Acquire, PgConnection};

use crate::feedback::insight::Status;
use crate::feedback::learning::comment_groups::{self, Groups};
use crate::feedback::learning::error::Error;
use crate::feedback::learning::insights::{self, EVERYTHING};
use crate::feedback::learning::org::Org;
use crate::feedback::learning::patterns::patterns as seen_patterns;
use crate::feedback::learning::store::counts::{self, CountRow, RatedRow};
use crate::feedback::learning::store::groups::{self, Candidate};
use crate::feedback::learning::store::passes::{self, Due};
use crate::feedback::learning::store::{exposures, insights as rows, patterns};
use crate::feedback::learning::tallies::{Count, Rated, Voices, WEIGHT_ONE, Weeks};
use crate::feedback::store::insight_lock;
use crate::feedback::traits;
use crate::platform::ids::OrgId;

/// How many of an organisation's newest ratings are searched for evidence.
const SEARCHED: i64 = 200;

/// What holds for the whole pass.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The moment it is.
    pub now: DateTime<Utc>,
    /// What is older says nothing.
    pub lookback_days: u32,
    /// The weeks that count.
    pub weeks: Weeks,
    /// The transaction from which changes have not been seen.
    pub from: String,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows that were read.
    pub rows_read: i64,
    /// Rows that made no sense.
    pub rows_skipped: i64,
    /// New insights.
    pub made: usize,
    /// Insights that are different.
    pub changed: usize,
    /// Insights that no longer apply.
    pub retired: usize,
}

/// Looks at organisations: all of them or none.
pub async fn look_at(conn: &mut PgConnection, due: &[Due], frame: &Frame) -> Result<Done, Error> {
    let mut tx = conn.begin().await?;
    let mut chunk = Chunk {
        frame,
        orgs: due
            .iter()
            .map(|due| {
                let org = Org {
                    whole: due.whole,
                    ..Org::default()
                };
                (due.org_id.clone(), org)
            })
            .collect(),
        done: Done::default(),
    };
    chunk.read_ratings(&mut tx).await?;
    chunk.read_insights(&mut tx).await?;
    chunk.conclude();
    chunk.group(&mut tx).await?;
    chunk.write(&mut tx).await?;
    let all: Vec<OrgId> = chunk.orgs.keys().cloned().collect();
    passes::looked_at(&mut tx, &all, frame.now.date_naive()).await?;
    let done = chunk.done;
    tx.commit().await?;
    Ok(done)
}

struct Chunk<'a> {
    frame: &'a Frame,
    orgs: BTreeMap<OrgId, Org>,
    done: Done,
}

impl Chunk<'_> {
    /// Those of which all is looked at, or those of which only what has changed.
    fn those(&self, whole: bool) -> Vec<OrgId> {
        self.orgs
            .iter()
            .filter(|(_, org)| org.whole == whole)
            .map(|(org_id, _)| org_id.clone())
            .collect()
    }

    async fn read_ratings(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (whole, others) = (self.those(true), self.those(false));
        if !whole.is_empty() {
            let newest = counts::newest(conn, &whole, SEARCHED).await?;
            self.take_rated(newest);
            let all = counts::all(conn, &whole, &self.frame.weeks).await?;
            self.take_counts(all);
        }
        if others.is_empty() {
            return Ok(());
        }
        let changed = counts::changed(conn, &others, &self.frame.from).await?;
        self.take_rated(changed);
        let (mut orgs, mut subjects) = (Vec::new(), Vec::new());
        for (org_id, org) in self.orgs.iter_mut().filter(|(_, org)| !org.whole) {
            if org.rated.is_empty() {
                continue;
            }
            org.subjects.insert(EVERYTHING.to_owned());
            let tags = org.rated.iter().flat_map(|rated| &rated.tags);
            let names = tags
                .filter_map(|tag| tag.split_once('='))
                .map(|(name, _)| name);
            org.subjects.extend(names.map(ToOwned::to_owned));
            for subject in &org.subjects {
                orgs.push(org_id.clone());
                subjects.push(subject.clone());
            }
        }
        if !orgs.is_empty() {
            let some = counts::of_subjects(conn, &orgs, &subjects, &self.frame.weeks).await?;
            self.take_counts(some);
        }
        Ok(())
    }

    /// A row that makes no sense is passed over, and so is a tag.
    fn take_rated(&mut self, rows: Vec<RatedRow>) {
        for row in rows {
            self.done.rows_read += 1;
            let (tags, strange): (Vec<String>, Vec<String>) =
                row.tags.into_iter().partition(|tag| is_known(tag));
            if !row.sound || !strange.is_empty() {
                self.done.rows_skipped += 1;
            }
            if let Some(org) = self.orgs.get_mut(&row.org_id) {
                org.rated.push(Rated {
                    gen_id: row.gen_id,
                    user: row.user,
                    team: row.team,
                    category: row.category,
                    tags,
                    judged: row.judged,
                });
            }
        }
    }

    fn take_counts(&mut self, rows: Vec<CountRow>) {
        for row in rows {
            self.done.rows_read += row.rows;
            let known =
                row.subject == EVERYTHING || traits::sentence(&row.subject, &row.value).is_some();
            if !known {
                self.done.rows_skipped += row.rows;
                continue;
            }
            let Some(org) = self.orgs.get_mut(&row.org_id) else {
                continue;
            };
            if !row.team.is_empty() {
                let teams = org.known.teams.entry(row.user.clone()).or_default();
                teams.insert(row.team.clone());
            }
            org.counts.push(count(row));
        }
    }

    async fn read_insights(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (whole, others) = (self.those(true), self.those(false));
        let all: Vec<OrgId> = self.orgs.keys().cloned().collect();
        for (org_id, insight) in rows::all(conn, &all).await? {
            self.done.rows_read += 1;
            if let Some(org) = self.orgs.get_mut(&org_id) {
                if comment_groups::is_group(&insight.key.subject) && org.whole {
                    org.groups.insert(insight.key.subject.clone());
                }
                org.known.insights.push(insight);
            }
        }
        let measured = exposures::measured(conn, &whole, &others, &self.frame.from).await?;
        for (org_id, id, measured) in measured {
            self.done.rows_read += measured.exposures;
            if let Some(org) = self.orgs.get_mut(&org_id) {
                org.known.measured.insert(id, measured);
            }
        }
        Ok(())
    }

    /// What the counts say.
    fn conclude(&mut self) {
        for org in self.orgs.values_mut() {
            let mut by_subject: BTreeMap<&str, Vec<&Count>> = BTreeMap::new();
            for count in &org.counts {
                by_subject.entry(&count.subject).or_default().push(count);
            }
            for (subject, counts) in by_subject {
                insights::verdicts(subject, &counts, &mut org.known.verdicts);
            }
            org.name_evidence();
        }
    }

    /// What comments say.
    async fn group(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (whole, others) = (self.those(true), self.those(false));
        let candidates = groups::candidates(conn, &whole, &others, &self.frame.from).await?;
        self.done.rows_read += i64::try_from(candidates.len()).unwrap_or(i64::MAX);
        self.assign(conn, candidates, &whole).await?;
        let touched: Vec<(OrgId, String)> = self
            .orgs
            .iter()
            .flat_map(|(org_id, org)| {
                let keys = org.groups.iter();
                keys.map(|key| (org_id.clone(), key.clone()))
            })
            .collect();
        if touched.is_empty() {
            return Ok(());
        }
        groups::settle(conn, &touched).await?;
        let since = self.frame.now - TimeDelta::days(self.frame.lookback_days.into());
        let mut members: BTreeMap<(OrgId, String), Vec<comment_groups::Member>> = BTreeMap::new();
        for (org_id, key, member) in groups::members(conn, &touched, since).await? {
            members.entry((org_id, key)).or_default().push(member);
        }
        for ((org_id, key), members) in members {
            if let Some(org) = self.orgs.get_mut(&org_id) {
                org.known
                    .verdicts
                    .extend(comment_groups::verdicts(&key, &members));
            }
        }
        Ok(())
    }

    async fn assign(
        &mut self,
        conn: &mut PgConnection,
        candidates: Vec<Candidate>,
        whole: &[OrgId],
    ) -> Result<(), Error> {
        let mut wanted: Vec<OrgId> = candidates.iter().map(|one| one.org_id.clone()).collect();
        wanted.extend_from_slice(whole);
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut by_org: BTreeMap<OrgId, Vec<comment_groups::Group>> = BTreeMap::new();
        for (org_id, group) in groups::all(conn, &wanted).await? {
            if let Some(org) = self.orgs.get_mut(&org_id).filter(|org| org.whole) {
                org.groups.insert(group.key.clone());
            }
            by_org.entry(org_id).or_default().push(group);
        }
        let mut sorted: BTreeMap<OrgId, Vec<Candidate>> = BTreeMap::new();
        for one in candidates {
            sorted.entry(one.org_id.clone()).or_default().push(one);
        }
        let (mut made, mut gone, mut assigned) = (Vec::new(), Vec::new(), Vec::new());
        for (org_id, candidates) in sorted {
            let Some(org) = self.orgs.get_mut(&org_id) else {
                continue;
            };
            let mut groups = Groups::new(by_org.remove(&org_id).unwrap_or_default());
            for one in candidates {
                let key = one.text.as_deref().and_then(|text| groups.assign(text));
                org.groups.extend(one.group_key.iter().chain(&key).cloned());
                if key != one.group_key || one.has_group && key.is_none() {
                    assigned.push((org_id.clone(), one.id, key));
                }
            }
            let (new, dropped) = groups.changes();
            made.extend(new.iter().map(|group| (org_id.clone(), group.clone())));
            gone.extend(dropped.iter().map(|key| (org_id.clone(), key.clone())));
        }
        if !made.is_empty() {
            groups::make(conn, &made, self.frame.now).await?;
        }
        if !assigned.is_empty() {
            groups::assign(conn, &assigned).await?;
        }
        if !gone.is_empty() {
            groups::forget(conn, &gone).await?;
        }
        Ok(())
    }

    async fn write(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (mut made, mut changed, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        let whole = self.those(true);
        for (org_id, org) in &mut self.orgs {
            let noticed = seen_patterns(&org.counts, &org.known.verdicts);
            seen.extend(noticed.into_iter().map(|pattern| (org_id.clone(), pattern)));
            let writes = org.writes();
            for one in &writes.changed {
                let retired = one.after.status == Status::Retired;
                if retired && one.before.status != Status::Retired {
                    self.done.retired += 1;
                } else {
                    self.done.changed += 1;
                }
            }
            self.done.made += writes.made.len();
            made.extend(writes.made.into_iter().map(|one| (org_id.clone(), one)));
            changed.extend(writes.changed.into_iter().map(|one| (org_id.clone(), one)));
        }
        if !changed.is_empty() {
            let mut orgs: Vec<OrgId> = changed.iter().map(|(org_id, _)| org_id.clone()).collect();
            orgs.dedup();
            insight_lock::alone(conn, &orgs).await?;
        }
        rows::change(conn, &changed, self.frame.now).await?;
        rows::make(conn, &made, self.frame.now).await?;
        patterns::write(conn, &seen, self.frame.now).await?;
        if !whole.is_empty() {
            patterns::forget_others(conn, &whole, &seen).await?;
        }
        Ok(())
    }
}

/// Whether the catalogue knows a tag.
fn is_known(tag: &str) -> bool {
    tag.split_once('=')
        .is_some_and(|(subject, value)| traits::sentence(subject, value).is_some())
}

fn count(row: CountRow) -> Count {
    #[expect(
        clippy::cast_precision_loss,
        reason = "halves of voices, and parts of them, are far below 2^53"
    )]
    let voices = |accepted: i64, rejected: i64, one: i64| Voices {
        accepted: accepted as f64 / one as f64,
        rejected: rejected as f64 / one as f64,
    };
    Count {
        weighed: voices(row.weighed_accepted, row.weighed_rejected, 2 * WEIGHT_ONE),
        plain: voices(row.accepted, row.rejected, 2),
        subject: row.subject,
        value: row.value,
        category: row.category,
        team: row.team,
        user: row.user,
        last_week: row.last_week,
    }
}
