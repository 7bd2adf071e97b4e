//! Analyzes a chunk of organisations in one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Acquire, PgConnection};

use crate::feedback::insight::InsightStatus;
use crate::feedback::learning::comment_groups::{CommentGroup, CommentGroups, RejectionComment};
use crate::feedback::learning::error::Error;
use crate::feedback::learning::model::PassCounts;
use crate::feedback::learning::org::OrgAnalysis;
use crate::feedback::learning::patterns::find_patterns;
use crate::feedback::learning::store::counts::{CountRow, RatedRow};
use crate::feedback::learning::store::groups::{CommentCandidate, CommentGroupChange};
use crate::feedback::learning::store::passes::DueOrg;
use crate::feedback::learning::store::{
    counts, exposures, groups, insights as rows, passes, patterns,
};
use crate::feedback::learning::tallies::{
    ALL_ANSWERS, RatedAnswer, RaterTally, VoteCounts, WEIGHT_ONE, WeekWeights,
};
use crate::feedback::learning::votes::Electorate;
use crate::feedback::learning::{comment_groups, insights};
use crate::feedback::store::insight_lock;
use crate::feedback::traits;
use crate::platform::ids::OrgId;

/// The newest ratings of an organisation that are searched for evidence.
const EVIDENCE_CANDIDATES: i64 = 200;

/// Parameters of a pass.
#[derive(Clone, Debug)]
pub struct PassContext {
    /// Start of the pass.
    pub now: DateTime<Utc>,
    /// Age in days from which answers are ignored.
    pub lookback_days: u32,
    /// Weeks within the look-back, with their weights.
    pub weeks: WeekWeights,
    /// First transaction that earlier passes have not seen.
    pub from: String,
}

/// Analyzes organisations: all of them or, if one fails, none.
pub async fn analyze_chunk(
    conn: &mut PgConnection,
    due: &[DueOrg],
    context: &PassContext,
) -> Result<PassCounts, Error> {
    let mut tx = conn.begin().await?;
    let mut chunk = OrgChunk {
        context,
        orgs: due
            .iter()
            .map(|due| {
                let org = OrgAnalysis {
                    is_full: due.whole,
                    ..OrgAnalysis::default()
                };
                (due.org_id.clone(), org)
            })
            .collect(),
        counts: PassCounts::default(),
    };
    chunk.read_ratings(&mut tx).await?;
    chunk.read_insights(&mut tx).await?;
    chunk.conclude_from_votes();
    chunk.conclude_from_comments(&mut tx).await?;
    chunk.write(&mut tx).await?;
    let all: Vec<OrgId> = chunk.orgs.keys().cloned().collect();
    passes::mark_analyzed(&mut tx, &all, context.now.date_naive()).await?;
    let counts = chunk.counts;
    tx.commit().await?;
    Ok(counts)
}

struct OrgChunk<'a> {
    context: &'a PassContext,
    orgs: BTreeMap<OrgId, OrgAnalysis>,
    counts: PassCounts,
}

impl OrgChunk<'_> {
    /// Returns the organisations that are analyzed in full.
    fn full(&self) -> Vec<OrgId> {
        self.ids(|org| org.is_full)
    }

    /// Returns the organisations of which only changes are analyzed.
    fn incremental(&self) -> Vec<OrgId> {
        self.ids(|org| !org.is_full)
    }

    fn ids(&self, predicate: impl Fn(&OrgAnalysis) -> bool) -> Vec<OrgId> {
        self.orgs
            .iter()
            .filter(|(_, org)| predicate(org))
            .map(|(org_id, _)| org_id.clone())
            .collect()
    }

    async fn read_ratings(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (full, incremental) = (self.full(), self.incremental());
        if !full.is_empty() {
            let newest = counts::newest(conn, &full, EVIDENCE_CANDIDATES).await?;
            self.add_rated(newest);
            let all = counts::all(conn, &full, &self.context.weeks).await?;
            self.add_tallies(all);
        }
        if incremental.is_empty() {
            return Ok(());
        }
        let changed = counts::changed(conn, &incremental, &self.context.from).await?;
        self.add_rated(changed);
        let (mut orgs, mut subjects) = (Vec::new(), Vec::new());
        for (org_id, org) in self.orgs.iter_mut().filter(|(_, org)| !org.is_full) {
            if org.rated.is_empty() {
                continue;
            }
            org.subjects.insert(ALL_ANSWERS.to_owned());
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
            let weeks = &self.context.weeks;
            let some = counts::of_subjects(conn, &orgs, &subjects, weeks).await?;
            self.add_tallies(some);
        }
        Ok(())
    }

    /// Adds rated answers. Tags that the catalogue does not know are dropped.
    fn add_rated(&mut self, rows: Vec<RatedRow>) {
        for row in rows {
            self.counts.rows_read += 1;
            let (tags, unknown): (Vec<String>, Vec<String>) =
                row.tags.into_iter().partition(|tag| is_known(tag));
            if !row.sound || !unknown.is_empty() {
                self.counts.rows_skipped += 1;
            }
            if let Some(org) = self.orgs.get_mut(&row.org_id) {
                org.rated.push(RatedAnswer {
                    gen_id: row.gen_id,
                    user: row.user,
                    team: row.team,
                    category: row.category,
                    tags,
                    has_vote: row.judged,
                });
            }
        }
    }

    fn add_tallies(&mut self, rows: Vec<CountRow>) {
        for row in rows {
            self.counts.rows_read += row.rows;
            let is_known =
                row.subject == ALL_ANSWERS || traits::sentence(&row.subject, &row.value).is_some();
            if !is_known {
                self.counts.rows_skipped += row.rows;
                continue;
            }
            let Some(org) = self.orgs.get_mut(&row.org_id) else {
                continue;
            };
            if !row.team.is_empty() {
                let teams = org.input.teams.entry(row.user.clone()).or_default();
                teams.insert(row.team.clone());
            }
            org.tallies.push(tally(row));
        }
    }

    async fn read_insights(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (full, incremental) = (self.full(), self.incremental());
        let all: Vec<OrgId> = self.orgs.keys().cloned().collect();
        for (org_id, insight) in rows::all(conn, &all).await? {
            self.counts.rows_read += 1;
            if let Some(org) = self.orgs.get_mut(&org_id) {
                if comment_groups::is_group(&insight.key.subject) && org.is_full {
                    org.groups.insert(insight.key.subject.clone());
                }
                org.input.insights.push(insight);
            }
        }
        let from = &self.context.from;
        for (org_id, id, effect) in exposures::effects(conn, &full, &incremental, from).await? {
            self.counts.rows_read += effect.exposures;
            if let Some(org) = self.orgs.get_mut(&org_id) {
                org.input.effects.insert(id, effect);
            }
        }
        Ok(())
    }

    fn conclude_from_votes(&mut self) {
        for org in self.orgs.values_mut() {
            let all = org
                .tallies
                .iter()
                .filter(|tally| tally.subject == ALL_ANSWERS);
            org.electorate = Electorate::of(all, self.context.now.date_naive());
            let mut by_subject: BTreeMap<&str, Vec<&RaterTally>> = BTreeMap::new();
            for tally in &org.tallies {
                by_subject.entry(&tally.subject).or_default().push(tally);
            }
            for (subject, tallies) in by_subject {
                insights::conclude(
                    subject,
                    &tallies,
                    &org.electorate,
                    &mut org.input.conclusions,
                );
            }
            org.set_evidence();
        }
    }

    async fn conclude_from_comments(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (full, incremental) = (self.full(), self.incremental());
        let from = &self.context.from;
        let candidates = groups::candidates(conn, &full, &incremental, from).await?;
        self.counts.rows_read += i64::try_from(candidates.len()).unwrap_or(i64::MAX);
        self.assign_groups(conn, candidates, &full).await?;
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
        let counted: Vec<(OrgId, String)> = touched
            .iter()
            .filter(|(org_id, _)| self.orgs.get(org_id).is_some_and(|org| org.is_full))
            .cloned()
            .collect();
        if !counted.is_empty() {
            groups::recount(conn, &counted).await?;
        }
        let since = self.context.now - TimeDelta::days(self.context.lookback_days.into());
        let mut members: BTreeMap<(OrgId, String), Vec<RejectionComment>> = BTreeMap::new();
        for (org_id, key, member) in groups::members(conn, &touched, since).await? {
            members.entry((org_id, key)).or_default().push(member);
        }
        for ((org_id, key), members) in members {
            if let Some(org) = self.orgs.get_mut(&org_id) {
                let conclusions = comment_groups::conclude(&key, &members, &org.electorate);
                org.input.conclusions.extend(conclusions);
            }
        }
        Ok(())
    }

    async fn assign_groups(
        &mut self,
        conn: &mut PgConnection,
        candidates: Vec<CommentCandidate>,
        full: &[OrgId],
    ) -> Result<(), Error> {
        let mut wanted: Vec<OrgId> = candidates.iter().map(|one| one.org_id.clone()).collect();
        wanted.extend_from_slice(full);
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut by_org: BTreeMap<OrgId, Vec<CommentGroup>> = BTreeMap::new();
        for (org_id, group) in groups::all(conn, &wanted).await? {
            if let Some(org) = self.orgs.get_mut(&org_id).filter(|org| org.is_full) {
                org.groups.insert(group.key.clone());
            }
            by_org.entry(org_id).or_default().push(group);
        }
        let mut sorted: BTreeMap<OrgId, Vec<CommentCandidate>> = BTreeMap::new();
        for one in candidates {
            sorted.entry(one.org_id.clone()).or_default().push(one);
        }
        let (mut created, mut evicted, mut assigned) = (Vec::new(), Vec::new(), Vec::new());
        let mut resized = Vec::new();
        for (org_id, candidates) in sorted {
            let Some(org) = self.orgs.get_mut(&org_id) else {
                continue;
            };
            let mut groups = CommentGroups::new(by_org.remove(&org_id).unwrap_or_default());
            let mut changes: BTreeMap<String, CommentGroupChange> = BTreeMap::new();
            for one in candidates {
                let key = one.text.as_deref().and_then(|text| groups.assign(text));
                org.groups.extend(one.group_key.iter().chain(&key).cloned());
                if let Some(key) = &key {
                    let change = changes.entry(key.clone()).or_default();
                    change.last_seen = change.last_seen.max(Some(one.updated_at));
                }
                if key != one.group_key || one.has_group && key.is_none() {
                    if let Some(key) = &key {
                        changes.entry(key.clone()).or_default().difference += 1;
                    }
                    if let Some(key) = one.group_key {
                        changes.entry(key).or_default().difference -= 1;
                    }
                    assigned.push((org_id.clone(), one.id, key));
                }
            }
            let changes = changes.into_iter();
            resized.extend(changes.map(|(key, change)| (org_id.clone(), key, change)));
            let new = groups.created().iter();
            created.extend(new.map(|group| (org_id.clone(), group.clone())));
            let old = groups.evicted().iter();
            evicted.extend(old.map(|key| (org_id.clone(), key.clone())));
        }
        if !created.is_empty() {
            groups::create(conn, &created, self.context.now).await?;
        }
        if !assigned.is_empty() {
            groups::assign(conn, &assigned).await?;
        }
        if !resized.is_empty() {
            groups::resize(conn, &resized).await?;
        }
        if !evicted.is_empty() {
            groups::delete(conn, &evicted).await?;
        }
        Ok(())
    }

    async fn write(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let (mut created, mut updated, mut found) = (Vec::new(), Vec::new(), Vec::new());
        let full = self.full();
        for (org_id, org) in &mut self.orgs {
            let of_org = find_patterns(&org.tallies, &org.input.conclusions);
            found.extend(of_org.into_iter().map(|pattern| (org_id.clone(), pattern)));
            let writes = org.writes();
            for one in &writes.updated {
                let is_retired = one.after.status == InsightStatus::Retired;
                if is_retired && one.before.status != InsightStatus::Retired {
                    self.counts.retired += 1;
                } else {
                    self.counts.changed += 1;
                }
            }
            self.counts.created += writes.created.len();
            created.extend(writes.created.into_iter().map(|one| (org_id.clone(), one)));
            updated.extend(writes.updated.into_iter().map(|one| (org_id.clone(), one)));
        }
        if !updated.is_empty() {
            let mut orgs: Vec<OrgId> = updated.iter().map(|(org_id, _)| org_id.clone()).collect();
            orgs.dedup();
            insight_lock::lock(conn, &orgs).await?;
        }
        let now = self.context.now;
        rows::update(conn, &updated, now).await?;
        rows::create(conn, &created, now).await?;
        patterns::upsert(conn, &found, now).await?;
        if !full.is_empty() {
            patterns::delete_others(conn, &full, &found).await?;
        }
        Ok(())
    }
}

/// True if the catalogue knows a tag.
fn is_known(tag: &str) -> bool {
    tag.split_once('=')
        .is_some_and(|(subject, value)| traits::sentence(subject, value).is_some())
}

fn tally(row: CountRow) -> RaterTally {
    #[expect(
        clippy::cast_precision_loss,
        reason = "halves of votes, and parts of them, are far below 2^53"
    )]
    let votes = |accepted: i64, rejected: i64, one: i64| VoteCounts {
        accepted: accepted as f64 / one as f64,
        rejected: rejected as f64 / one as f64,
    };
    RaterTally {
        weighted: votes(row.weighed_accepted, row.weighed_rejected, 2 * WEIGHT_ONE),
        raw: votes(row.accepted, row.rejected, 2),
        subject: row.subject,
        value: row.value,
        category: row.category,
        team: row.team,
        user: row.user,
        first_week: row.first_week,
        last_week: row.last_week,
    }
}
