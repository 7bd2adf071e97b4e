//! Opening workspaces for organisations, and taking them back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::audit::event::Event;
use crate::audit::model::{Actor, Ending, Log, NewEntry, Outcome};
use crate::audit::service::Audit;
use crate::auth::principal::Principal;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::ids::OrgId;
use crate::platform::logging::TraceId;
use crate::platform::redact::text::redact_text;
use crate::workspace::error::WorkspaceError;
use crate::workspace::paths::Workspace;
use crate::workspace::place::place_of;
use crate::workspaces::error::Error;
use crate::workspaces::model::{Binding, BoundPath, RunAtWork, Standing, named};
use crate::workspaces::store;
use crate::workspaces::territory::{Territory, WorkspaceRules};

/// The workspaces of all organisations; cheap to clone.
#[derive(Clone, Debug)]
pub struct Workspaces {
    db: Pool,
    clock: Clock,
    audit: Audit,
    rules: Arc<WorkspaceRules>,
}

/// A folder that a request names, as it was found.
struct Looked {
    /// The folder, or why it cannot be worked in.
    opened: Result<Workspace, WorkspaceError>,
    /// Where the name leads.
    place: BoundPath,
}

impl Workspaces {
    /// Over a database.
    pub fn new(db: impl Into<Pool>, clock: Clock, audit: Audit, rules: WorkspaceRules) -> Self {
        let db = db.into();
        let rules = Arc::new(rules);
        Self {
            db,
            clock,
            audit,
            rules,
        }
    }

    /// Opens a folder for a person. The first one who opens it binds it to their organisation.
    ///
    /// Ownership is checked before anything else: users learn neither the existence nor the kind of a
    /// folder that belongs to others.
    pub async fn open(
        &self,
        principal: &Principal,
        trace_id: Option<&TraceId>,
        path: &str,
    ) -> Result<Workspace, Error> {
        let org_id = &principal.org_id;
        let Looked { opened, place } = self.find(org_id, path).await?;
        let not_found = || Error::NotFound(path.to_owned());
        let standing = self.standing(org_id, &place).await?;
        if standing == Standing::Theirs {
            return Err(not_found());
        }
        let workspace = opened.map_err(|error| {
            if matches!(error, WorkspaceError::Missing(_)) {
                not_found()
            } else {
                Error::Unusable(error)
            }
        })?;
        let is_ours = standing == Standing::Ours || self.bind(principal, trace_id, &place).await?;
        is_ours.then_some(workspace).ok_or_else(not_found)
    }

    /// True if a folder is, or could be, the organisation's at this moment. Binds nothing.
    pub async fn is_open_to(&self, org_id: &OrgId, path: &str) -> sqlx::Result<bool> {
        let Ok(Looked { place, .. }) = self.find(org_id, path).await else {
            return Ok(false);
        };
        Ok(self.standing(org_id, &place).await? != Standing::Theirs)
    }

    /// Everything that an organisation may look into at this moment.
    pub async fn territory(&self, org_id: &OrgId) -> Result<Territory, Error> {
        let mut conn = self.db.acquire().await?;
        let elsewhere = store::elsewhere(&mut conn, org_id).await?;
        Ok(Territory {
            org: org_id.clone(),
            rules: self.rules.clone(),
            elsewhere: elsewhere.into_iter().map(PathBuf::from).collect(),
        })
    }

    /// Looks for a folder where the settings allow one.
    async fn find(&self, org_id: &OrgId, path: &str) -> Result<Looked, Error> {
        let (rules, org_id, path) = (self.rules.clone(), org_id.clone(), path.to_owned());
        let look = move || {
            let opened = Workspace::open(&path);
            let place = match &opened {
                Ok(workspace) => place_of(workspace.root()),
                Err(error @ (WorkspaceError::Invalid | WorkspaceError::TooBroad)) => {
                    return Err(Error::Unusable(error.clone()));
                }
                Err(_) => place_of(Path::new(&path)),
            };
            rules.check(&org_id, &place, &path)?;
            let place = BoundPath::of(&place).ok_or(Error::NotFound(path))?;
            Ok(Looked { opened, place })
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|failure| {
            let (path, reason) = (String::new(), failure.to_string());
            Err(Error::Unusable(WorkspaceError::Unreadable { path, reason }))
        })
    }

    async fn standing(&self, org_id: &OrgId, place: &BoundPath) -> sqlx::Result<Standing> {
        let mut conn = self.db.acquire().await?;
        store::standing(&mut conn, org_id, place).await
    }

    /// Binds a folder that was free a moment ago. Answers whether it is the organisation's now.
    async fn bind(
        &self,
        principal: &Principal,
        trace_id: Option<&TraceId>,
        place: &BoundPath,
    ) -> Result<bool, Error> {
        let org_id = &principal.org_id;
        let actor = Actor::user(principal);
        let entry = NewEntry {
            trace_id: trace_id.map(|id| id.0.clone()),
            ..entry(org_id, Event::WorkspaceBound, actor, place.as_str())
        };
        let bind = async {
            let mut tx = self.db.begin().await?;
            store::take_alone(&mut tx).await?;
            let standing = store::standing(&mut tx, org_id, place).await?;
            if standing == Standing::Free {
                let now = self.clock.now();
                store::bind(&mut tx, org_id, &principal.user_id, place, now).await?;
            }
            Ok::<_, sqlx::Error>((tx, standing))
        };
        // The entry has a connection of its own, so neither waits for the other. What it is about happens with
        // the commit, so that waits for both.
        let (open, bound) = tokio::join!(self.audit.begin(entry), bind);
        let (tx, standing) = bound?;
        let open = match open {
            Ok(open) if standing == Standing::Free => open,
            begun => {
                // Another first use was faster, or nothing can be recorded. Said, and not left to the drop:
                // others wait for the lock.
                tx.rollback().await?;
                begun?.hand_over(Ending::from(Outcome::Refused)).await;
                return Ok(standing == Standing::Ours);
            }
        };
        tx.commit().await?;
        open.hand_over(Ending::from(Outcome::Success)).await;
        Ok(true)
    }

    /// The bindings of an organisation, or of all: what the operator asks.
    pub async fn list(&self, org_id: Option<&OrgId>) -> Result<Vec<Binding>, Error> {
        let mut conn = self.db.acquire().await?;
        Ok(store::list(&mut conn, org_id).await?)
    }

    /// Takes a folder from its organisation, for the operator. Refused while runs are under way there,
    /// unless it is forced; they then go on, until they have to open it again.
    pub async fn release(
        &self,
        folder: &Path,
        actor: Actor,
        is_forced: bool,
    ) -> Result<Binding, Error> {
        let place = place_of(folder);
        let unbound = || Error::Unbound(place.display().to_string());
        let bound = BoundPath::of(&place).ok_or_else(unbound)?;
        let mut conn = self.db.acquire().await?;
        let binding = store::around(&mut conn, &bound)
            .await?
            .ok_or_else(unbound)?;
        drop(conn);
        if binding.path != bound.as_str() {
            return Err(Error::Within {
                path: bound.as_str().to_owned(),
                bound: binding.path,
            });
        }
        let entry = NewEntry {
            payload: Some(json!({ "forced": is_forced })),
            ..entry(
                &binding.org_id,
                Event::WorkspaceReleased,
                actor,
                &binding.path,
            )
        };
        let open = self.audit.begin(entry).await?;
        let released = self.delete(&binding, is_forced).await;
        let outcome = match &released {
            Ok(()) => Outcome::Success,
            Err(Error::AtWork { .. } | Error::Unbound(_)) => Outcome::Refused,
            Err(_) => Outcome::Failure,
        };
        open.complete(Ending::from(outcome)).await;
        released.map(|()| binding)
    }

    async fn delete(&self, binding: &Binding, is_forced: bool) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        store::take_alone(&mut tx).await?;
        if !store::release(&mut tx, binding).await? {
            return Err(Error::Unbound(binding.path.clone()));
        }
        // A run that has opened the folder and is not written yet is not seen; it loses the folder as
        // one that is forced does.
        let runs = store::at_work(&mut tx, &binding.org_id).await?;
        let there = |run: &RunAtWork| {
            let place = place_of(Path::new(&run.workspace));
            place.starts_with(binding.folder())
        };
        let runs: Vec<_> = runs.into_iter().filter(there).collect();
        if !runs.is_empty() && !is_forced {
            tx.rollback().await?;
            return Err(Error::AtWork {
                org: binding.org_id.to_string(),
                path: binding.path.clone(),
                runs: named(&runs),
            });
        }
        Ok(tx.commit().await?)
    }
}

/// An entry in the log of the organisation whose folder it is.
fn entry(org_id: &OrgId, event: Event, actor: Actor, path: &str) -> NewEntry {
    NewEntry {
        resource: Some(redact_text(path).into_owned()),
        ..NewEntry::new(Log::Org(org_id.clone()), event, actor)
    }
}
