//! The rights of the manifests' pods, and the program started in them.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs the program as a pod does"
)]

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::deploying::manifests::{environment, of_kind, programs};
use crate::runs::stage::{says, script};
use crate::support::served::{Place, url};

/// The pod template of an object.
pub(crate) struct Pod<'a> {
    /// The kind of the object.
    pub(crate) name: &'a str,
    pub(crate) labels: &'a Value,
    pub(crate) spec: &'a Value,
}

impl Pod<'_> {
    /// Those that begin before the others first.
    pub(crate) fn containers(&self) -> Vec<&Value> {
        let before = list(&self.spec["initContainers"]).iter();
        before.chain(list(&self.spec["containers"])).collect()
    }
}

pub(crate) fn pods(objects: &[Value]) -> Vec<Pod<'_>> {
    let found: Vec<_> = objects
        .iter()
        .filter_map(|object| {
            let spec = &object["spec"];
            let template = match object["kind"].as_str()? {
                "Deployment" | "Job" => &spec["template"],
                "CronJob" => &spec["jobTemplate"]["spec"]["template"],
                _ => return None,
            };
            Some(Pod {
                name: object["kind"].as_str()?,
                labels: &template["metadata"]["labels"],
                spec: &template["spec"],
            })
        })
        .collect();
    assert_eq!(found.len(), 3, "servers, a job and a cron job");
    found
}

/// A list, or nothing where there is none.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A member of each of a list.
pub(crate) fn texts(values: &Value, member: &str) -> Vec<String> {
    let values = list(values).iter();
    values.map(|it| text(&it[member]).to_owned()).collect()
}

/// A member of the preflight or of the server of an environment.
fn server(objects: &[Value]) -> (&Value, &Value, &Value) {
    let spec = &of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"];
    (spec, &spec["initContainers"][0], &spec["containers"][0])
}

fn navi(environment: &BTreeMap<String, String>, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_navi"))
        .args(arguments)
        .env_clear()
        .envs(environment)
        .output()
        .unwrap()
}

fn key(purpose: &str) -> String {
    let output = navi(&BTreeMap::new(), &["keys", "generate", purpose]);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The environment of a container, with secrets such as an operator makes.
fn variables(objects: &[Value], container: &Value) -> BTreeMap<String, String> {
    let data = of_kind(objects, "ConfigMap")[0]["data"]
        .as_object()
        .unwrap();
    let mut found: BTreeMap<String, String> = data
        .iter()
        .map(|(name, value)| (name.clone(), text(value).to_owned()))
        .collect();
    for variable in list(&container["env"]) {
        let name = text(&variable["name"]);
        let from = &variable["valueFrom"];
        let value = match (variable["value"].as_str(), name) {
            (Some(value), _) => value.replace("$(POD_NAME)", "navi-0"),
            (None, "POD_NAME") => "navi-0".to_owned(),
            (None, "DATABASE_URL") => {
                "postgres://navi_server@db.example.com/navi_production?sslmode=verify-full"
                    .to_owned()
            }
            (None, "JWT_SECRET") => key("jwt"),
            (None, "AUDIT_ENCRYPTION_KEY") => key("audit"),
            (None, "AUDIT_ENCRYPTION_KEY_ID") => "first".to_owned(),
            (None, _) if from["secretKeyRef"]["optional"] == true => continue,
            (None, _) => key("jwt"),
        };
        found.insert(name.to_owned(), value);
    }
    found
}

#[test]
fn the_settings_of_the_manifests_are_fit_for_production() {
    let Some(programs) = programs() else { return };
    for overlay in ["staging", "production"] {
        let objects = environment(&programs, overlay);
        let (_, preflight, served) = server(&objects);
        assert_eq!(preflight["env"], served["env"]);
        assert_eq!(preflight["envFrom"], served["envFrom"]);
        let variables = variables(&objects, preflight);
        assert_eq!(variables["APP_ENV"], overlay);
        let arguments: Vec<_> = list(&preflight["args"]).iter().map(text).collect();
        let output = navi(&variables, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{overlay}: {said}");
        if overlay == "staging" {
            continue;
        }
        for secret in ["DATABASE_URL", "JWT_SECRET", "AUDIT_ENCRYPTION_KEY"] {
            let mut without = variables.clone();
            without.remove(secret);
            assert!(
                !navi(&without, &arguments).status.success(),
                "without {secret}"
            );
        }
    }
}

#[test]
fn the_program_knows_what_pods_are_started_with() {
    let Some(programs) = programs() else { return };
    let objects = environment(&programs, "production");
    for pod in pods(&objects) {
        for container in pod.containers() {
            let arguments = list(&container["args"]).iter().map(text);
            let arguments: Vec<_> = arguments.chain(["--help"]).collect();
            let output = navi(&BTreeMap::new(), &arguments);
            assert!(output.status.success(), "{arguments:?}");
        }
    }
}

#[test]
fn pods_are_within_the_strictest_standard_and_write_nowhere_but_to_their_volumes() {
    let Some(programs) = programs() else { return };
    for overlay in ["staging", "production"] {
        let objects = environment(&programs, overlay);
        let namespace = &of_kind(&objects, "Namespace")[0]["metadata"]["labels"];
        assert_eq!(
            namespace["pod-security.kubernetes.io/enforce"],
            "restricted"
        );
        for pod in pods(&objects) {
            assert_eq!(
                pod.spec["automountServiceAccountToken"], false,
                "{}",
                pod.name
            );
            for member in ["hostNetwork", "hostPID", "hostIPC", "hostUsers"] {
                assert_eq!(pod.spec[member], Value::Null, "{member}");
            }
            let confined = json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "runAsNonRoot": true,
                "runAsUser": 1000,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            });
            for container in pod.containers() {
                assert_eq!(container["securityContext"], confined);
                assert!(container["resources"]["limits"]["memory"].is_string());
            }
            for volume in list(&pod.spec["volumes"]) {
                let kinds = volume.as_object().unwrap().keys();
                let kinds: Vec<_> = kinds.filter(|kind| *kind != "name").collect();
                assert!(
                    ["emptyDir", "persistentVolumeClaim"].contains(&kinds[0].as_str()),
                    "{volume}"
                );
            }
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_pod_is_asked_what_a_server_answers_and_given_the_time_to_end(db: PgPool) {
    let Some(programs) = programs() else { return };
    let objects = environment(&programs, "production");
    let (spec, _, container) = server(&objects);
    let place = Place::new(&script([says("Done.")]), Some(&url(&db.connect_options())));
    let served = place.serve(&[]).await;
    let monitor = &of_kind(&objects, "PodMonitor")[0]["spec"]["podMetricsEndpoints"][0];
    let paths = ["startupProbe", "readinessProbe", "livenessProbe"]
        .map(|probe| text(&container[probe]["httpGet"]["path"]));
    for path in paths.into_iter().chain([text(&monitor["path"])]) {
        let answer = served.send(reqwest::Method::GET, path, &Value::Null).await;
        assert_eq!(answer.unwrap().status(), 200, "{path}");
    }
    let settings = variables(&objects, container);
    let number = |value: &Value| value.as_u64().unwrap();
    let grace: u64 = settings["NAVI_SHUTDOWN_GRACE_SECONDS"].parse().unwrap();
    let before = number(&container["lifecycle"]["preStop"]["sleep"]["seconds"]);
    let ready = &container["readinessProbe"];
    assert!(before + grace < number(&spec["terminationGracePeriodSeconds"]));
    // As long as it takes the last proxy to hear of it.
    assert!(before >= number(&ready["periodSeconds"]));
    let port = container["ports"][0]["containerPort"].to_string();
    assert!(settings["NAVI_BIND"].ends_with(&format!(":{port}")));
    // Beyond it runs are refused, so there must be another server before.
    let most: u64 = settings["NAVI_MAX_CONCURRENT_RUNS"].parse().unwrap();
    let scaler = &of_kind(&objects, "HorizontalPodAutoscaler")[0]["spec"];
    let goal = text(&scaler["metrics"][0]["pods"]["target"]["averageValue"]);
    assert!(goal.parse::<u64>().unwrap() < most);
    let mounts = texts(&container["volumeMounts"], "mountPath");
    for folder in [
        "/tmp",
        settings["NAVI_DATA_DIR"].as_str(),
        "/srv/navi/workspaces",
    ] {
        assert!(mounts.iter().any(|mount| mount == folder), "{folder}");
    }
    assert!(settings["NAVI_WORKSPACE_ROOTS"].starts_with("/srv/navi/workspaces/"));
    assert!(settings["NAVI_AUDIT_WITNESS_FILE"].starts_with("/var/lib/navi-witness/"));
}
