//! The manifests of Kubernetes, rendered by `kubectl kustomize`, which is not ours. `scripts/manifests.sh` finds or
//! installs it and `kubernetes-validate`, and prints the folder that `NAVI_MANIFESTS` holds.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for programs that are not ours, and runs them"
)]
#![expect(clippy::print_stdout, reason = "a test says when it did nothing")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::deploying::pods::{Pod, list, pods, text, texts};
use crate::documents::{code_spans, read, root, table};

/// Where servers run, and the folder of what each is applied with.
const OVERLAYS: [&str; 2] = ["staging", "production"];
/// The oldest version of Kubernetes that knows all that is used, and the newest that is known.
const VERSIONS: [&str; 2] = ["1.31.0", "1.37.0"];

/// The folder that holds the programs; without one, what needs them is not run.
pub(crate) fn programs() -> Option<PathBuf> {
    let folder = std::env::var_os("NAVI_MANIFESTS").map(PathBuf::from);
    if folder.is_none() {
        println!(
            "not run: NAVI_MANIFESTS names no folder with kubectl; scripts/manifests.sh finds or installs it"
        );
    }
    folder
}

fn good(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects that a folder below `kubernetes/` is rendered to.
fn rendered(programs: &Path, folder: &str) -> String {
    let command = Command::new(programs.join("kubectl"))
        .args(["kustomize", &format!("kubernetes/{folder}")])
        .current_dir(root())
        .output();
    good(command.unwrap())
}

fn objects(rendered: &str) -> Vec<Value> {
    let documents = rendered.split("\n---\n");
    documents
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .collect()
}

/// All that an environment is applied with.
pub(crate) fn environment(programs: &Path, overlay: &str) -> Vec<Value> {
    let folder = format!("overlays/{overlay}");
    let migrate = rendered(programs, &format!("{folder}/migrate"));
    let servers = rendered(programs, &folder);
    objects(&servers)
        .into_iter()
        .chain(objects(&migrate))
        .collect()
}

/// Every environment, as a test wants to see it.
fn each(mut check: impl FnMut(&str, &[Value])) {
    let Some(programs) = programs() else { return };
    for overlay in OVERLAYS {
        check(overlay, &environment(&programs, overlay));
    }
}

pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let found: Vec<_> = objects.iter().filter(|it| it["kind"] == kind).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

fn names(objects: &[Value], kind: &str) -> BTreeSet<String> {
    let found = of_kind(objects, kind).into_iter();
    found
        .map(|it| text(&it["metadata"]["name"]).to_owned())
        .collect()
}

#[test]
fn kubernetes_knows_every_member_of_the_manifests() {
    let Some(programs) = programs() else { return };
    for overlay in OVERLAYS {
        for folder in [
            format!("overlays/{overlay}"),
            format!("overlays/{overlay}/migrate"),
        ] {
            let place = tempfile::tempdir().unwrap();
            let file = place.path().join("rendered.yaml");
            std::fs::write(&file, rendered(&programs, &folder)).unwrap();
            for version in VERSIONS {
                let command = Command::new(programs.join("kubernetes-validate"))
                    .args(["--strict", "--kubernetes-version", version])
                    .arg(&file)
                    .output();
                let output = command.unwrap();
                let said = [output.stdout.clone(), output.stderr.clone()].concat();
                let said = String::from_utf8_lossy(&said).into_owned();
                assert!(output.status.success(), "{folder} {version}: {said}");
                // Of the Prometheus operator it knows nothing.
                let unknown: Vec<_> = said
                    .lines()
                    .filter(|line| line.contains("Couldn't find schema"))
                    .collect();
                assert!(
                    unknown.iter().all(|line| line.contains("kind PodMonitor")),
                    "{unknown:?}"
                );
                assert!(said.contains("passed for resource"), "{said}");
            }
        }
    }
}

#[test]
fn no_secret_is_in_the_manifests_and_every_one_they_name_is_told() {
    let readme = read("kubernetes/README.md");
    let told: BTreeSet<_> = table(&readme, "| secret | key |")
        .iter()
        .map(|row| {
            let [secret, key] = [0, 1].map(|n| code_spans(&row[n])[0].to_owned());
            (secret, key)
        })
        .collect();
    each(|overlay, objects| {
        assert!(objects.iter().all(|it| it["kind"] != "Secret"), "{overlay}");
        let mut wanted = BTreeSet::new();
        for pod in pods(objects) {
            for container in pod.containers() {
                for variable in list(&container["env"]) {
                    let from = &variable["valueFrom"]["secretKeyRef"];
                    if from.is_object() {
                        assert_eq!(from["key"], variable["name"], "{variable}");
                        wanted.insert((
                            text(&from["name"]).to_owned(),
                            text(&from["key"]).to_owned(),
                        ));
                    }
                }
            }
        }
        assert_eq!(wanted, told, "{overlay}");
    });
}

#[test]
fn every_variable_of_the_manifests_is_a_setting() {
    let example = read(".env.example");
    let settings: BTreeSet<_> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .map(|(name, _)| name)
        .collect();
    each(|overlay, objects| {
        let maps = of_kind(objects, "ConfigMap").into_iter();
        let kept = maps.flat_map(|map| map["data"].as_object().unwrap().keys().cloned());
        let pods = pods(objects);
        let given = pods.iter().flat_map(|pod| pod.containers()).flat_map(|it| {
            let variables = list(&it["env"]).iter();
            variables.map(|one| text(&one["name"]).to_owned())
        });
        for name in kept.chain(given) {
            // Of the manifests' own: another variable is made of it.
            let is_known = name == "POD_NAME" || settings.contains(name.as_str());
            assert!(is_known, "{overlay}: {name}");
        }
    });
}

#[test]
fn what_the_manifests_refer_to_is_there() {
    each(|overlay, objects| {
        let (claims, maps) = (
            names(objects, "PersistentVolumeClaim"),
            names(objects, "ConfigMap"),
        );
        let accounts = names(objects, "ServiceAccount");
        for pod in pods(objects) {
            let account = pod.spec["serviceAccountName"].as_str();
            assert!(
                account.is_none_or(|it| accounts.contains(it)),
                "{account:?}"
            );
            for volume in list(&pod.spec["volumes"]) {
                let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
                assert!(claim.is_none_or(|it| claims.contains(it)), "{volume}");
            }
            let volumes = texts(&pod.spec["volumes"], "name");
            for container in pod.containers() {
                for from in list(&container["envFrom"]) {
                    assert!(maps.contains(text(&from["configMapRef"]["name"])), "{from}");
                }
                for mount in texts(&container["volumeMounts"], "name") {
                    assert!(volumes.contains(&mount), "{overlay}: {mount}");
                }
            }
        }
        let namespaces: BTreeSet<_> = objects
            .iter()
            .filter(|it| it["kind"] != "Namespace")
            .map(|it| text(&it["metadata"]["namespace"]).to_owned())
            .collect();
        assert_eq!(namespaces, names(objects, "Namespace"));
        let [scaler] = of_kind(objects, "HorizontalPodAutoscaler")[..] else {
            panic!("{overlay}: more than one autoscaler");
        };
        let target = text(&scaler["spec"]["scaleTargetRef"]["name"]);
        assert!(names(objects, "Deployment").contains(target), "{target}");
    });
}

#[test]
fn what_is_selected_is_a_pod_and_its_port_has_that_name() {
    each(|overlay, objects| {
        let pods = pods(objects);
        let selects = |selector: &Value| {
            let wanted = selector.as_object().unwrap();
            let fits = |labels: &Value| wanted.iter().all(|(name, value)| &labels[name] == value);
            assert!(
                pods.iter().any(|pod| fits(pod.labels)),
                "{overlay}: {selector}"
            );
        };
        selects(&of_kind(objects, "Service")[0]["spec"]["selector"]);
        for (kind, member) in [
            ("Deployment", "selector"),
            ("PodDisruptionBudget", "selector"),
            ("PodMonitor", "selector"),
            ("NetworkPolicy", "podSelector"),
        ] {
            for object in of_kind(objects, kind) {
                selects(&object["spec"][member]["matchLabels"]);
            }
        }
        let server = pods.iter().find(|pod| pod.name == "Deployment").unwrap();
        let ports = texts(&server.containers().last().unwrap()["ports"], "name");
        let service = of_kind(objects, "Service")[0];
        let monitor = of_kind(objects, "PodMonitor")[0];
        for used in [
            &service["spec"]["ports"][0]["targetPort"],
            &monitor["spec"]["podMetricsEndpoints"][0]["port"],
        ] {
            assert!(ports.iter().any(|port| used == port), "{used}");
        }
    });
}

/// The settings that pods of an environment have in common.
fn settings(objects: &[Value]) -> &Value {
    let maps = of_kind(objects, "ConfigMap");
    let common = maps.iter().find(|map| {
        let name = text(&map["metadata"]["name"]);
        name.starts_with("navi-settings") && map["data"]["NAVI_BIND"].is_string()
    });
    &common.unwrap()["data"]
}

#[test]
fn everything_but_the_metrics_is_reached_from_outside() {
    let api = read("docs/api.md");
    let addresses: BTreeSet<_> = api
        .split('`')
        .filter_map(|span| span.split_once(' '))
        .filter(|(method, path)| *method == "GET" && path.starts_with('/'))
        .map(|(_, path)| path.split([' ', '?']).next().unwrap())
        .collect();
    assert!(
        addresses.contains("/metrics") && addresses.len() > 20,
        "{addresses:?}"
    );
    each(|overlay, objects| {
        let [ingress] = of_kind(objects, "Ingress")[..] else {
            panic!("{overlay}: more than one way in");
        };
        let spec = &ingress["spec"];
        let paths = list(&spec["rules"][0]["http"]["paths"]);
        let leads_in = |address: &str| {
            paths.iter().any(|it| {
                let path = text(&it["path"]);
                let below = address.strip_prefix(path);
                match text(&it["pathType"]) {
                    "Exact" => address == path,
                    _ => below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
                }
            })
        };
        for address in &addresses {
            assert_eq!(
                leads_in(address),
                *address != "/metrics",
                "{overlay}: {address}"
            );
        }
        let service = of_kind(objects, "Service")[0];
        for path in paths {
            let backend = &path["backend"]["service"];
            assert_eq!(backend["name"], service["metadata"]["name"]);
            assert_eq!(backend["port"]["name"], service["spec"]["ports"][0]["name"]);
        }
        // Links of notices lead here.
        let host = text(&spec["rules"][0]["host"]);
        assert_eq!(spec["tls"][0]["hosts"][0], host);
        assert_eq!(
            settings(objects)["PUBLIC_BASE_URL"],
            format!("https://{host}")
        );
        let annotation = |name: &str| {
            let annotations = &ingress["metadata"]["annotations"];
            text(&annotations[format!("nginx.ingress.kubernetes.io/{name}")]).to_owned()
        };
        assert_eq!(annotation("proxy-buffering"), "off");
        assert!(annotation("proxy-read-timeout").parse::<u32>().unwrap() > 600);
    });
}

#[test]
fn a_collector_that_is_set_can_be_reached() {
    let mut set = Vec::new();
    each(|overlay, objects| {
        let Some(endpoint) = settings(objects)["OTEL_EXPORTER_OTLP_ENDPOINT"].as_str() else {
            return;
        };
        set.push(overlay.to_owned());
        let endpoint = url::Url::parse(endpoint).unwrap();
        // NAME.NAMESPACE.svc
        let namespace = endpoint.host_str().unwrap().split('.').nth(1).unwrap();
        let leads_there = |policy: &&Value| {
            list(&policy["spec"]["egress"]).iter().any(|way| {
                let to = &way["to"][0]["namespaceSelector"]["matchLabels"];
                to["kubernetes.io/metadata.name"] == namespace
                    && way["ports"][0]["port"] == u64::from(endpoint.port().unwrap())
            })
        };
        let policies = of_kind(objects, "NetworkPolicy");
        let [policy] = policies.into_iter().filter(leads_there).collect::<Vec<_>>()[..] else {
            panic!("{overlay}: no way to {endpoint}");
        };
        // Servers and the cron job alike.
        let selector = policy["spec"]["podSelector"]["matchLabels"]
            .as_object()
            .unwrap();
        let fits = |pod: &Pod<'_>| {
            selector
                .iter()
                .all(|(name, value)| &pod.labels[name] == value)
        };
        assert!(pods(objects).iter().all(fits), "{selector:?}");
    });
    assert!(programs().is_none() || set == ["staging"], "{set:?}");
}

#[test]
fn servers_are_scaled_by_metrics_that_there_are() {
    let rules: Value =
        serde_saphyr::from_str(&read("kubernetes/adapter/prometheus-adapter.yaml")).unwrap();
    let metrics: BTreeSet<_> = table(&read("docs/api.md"), "| metric | labels |")
        .iter()
        .map(|row| code_spans(&row[0])[0].to_owned())
        .collect();
    each(|overlay, objects| {
        for metric in list(&of_kind(objects, "HorizontalPodAutoscaler")[0]["spec"]["metrics"]) {
            let (member, kind) = if metric["type"] == "Pods" {
                ("pods", "custom")
            } else {
                ("external", "external")
            };
            let name = text(&metric[member]["metric"]["name"]);
            assert!(metrics.contains(name), "{overlay}: {name}");
            let series = format!("{name}{{");
            let provides = |rule: &Value| {
                text(&rule["seriesQuery"]).starts_with(&series)
                    && text(&rule["metricsQuery"]).contains(&series)
            };
            assert!(list(&rules["rules"][kind]).iter().any(provides), "{name}");
        }
    });
}

#[test]
fn all_pods_of_an_environment_run_the_same_version_of_the_program() {
    let tag = format!(":{}", env!("CARGO_PKG_VERSION"));
    each(|overlay, objects| {
        let pods = pods(objects);
        let images: BTreeSet<_> = pods
            .iter()
            .flat_map(|pod| pod.containers())
            .map(|container| text(&container["image"]).to_owned())
            .collect();
        assert_eq!(images.len(), 1, "{overlay}: {images:?}");
        assert!(
            images.iter().all(|image| image.ends_with(&tag)),
            "{images:?}"
        );
    });
}
