//! The analyzer outside of the server: the cron job of Kubernetes and the units of systemd.

#![expect(
    clippy::disallowed_methods,
    reason = "a test does what an operator does"
)]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::documents::operators::{ONCALL, steps};
use crate::documents::{read, root};
use crate::feedback::running::run_in;
use crate::support::served::url;

const CRON_JOB: &str = "kubernetes/base/feedback-analyzer.yaml";
const SERVER: &str = "systemd/navi.service";
const SERVICE: &str = "systemd/navi-feedback-analyzer.service";
const TIMER: &str = "systemd/navi-feedback-analyzer.timer";
/// The most of what systemd calls exposure, in tenths.
const EXPOSURES: [(&str, u8); 2] = [(SERVICE, 15), (SERVER, 29)];

/// Runs what follows the program's own name, with this environment and no other.
async fn runs(environment: &[(&str, &str)], arguments: &[&str]) {
    let (first, rest) = arguments.split_first().unwrap();
    assert_eq!(*first, "feedback-analyzer");
    let (code, out, said) = run_in(environment, rest).await;
    assert_eq!(code, 0, "{out}{said}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["held_elsewhere"], false, "{out}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_cron_job_is_confined_and_its_command_runs(db: PgPool) {
    let job: Value = serde_saphyr::from_str(&read(CRON_JOB)).unwrap();
    let spec = &job["spec"];
    let template = &spec["jobTemplate"]["spec"];
    let pod = &template["template"]["spec"];
    let [container] = pod["containers"].as_array().unwrap().as_slice() else {
        panic!("more than one container: {pod}");
    };
    let said = json!({
        "api": job["apiVersion"],
        "metadata": [job["kind"], job["metadata"]["name"]],
        "schedule": [spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]],
        "history": [spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]],
        "seconds": [
            spec["startingDeadlineSeconds"], template["activeDeadlineSeconds"],
            template["ttlSecondsAfterFinished"], pod["terminationGracePeriodSeconds"],
        ],
        "again": [template["backoffLimit"], pod["restartPolicy"], template["podFailurePolicy"]],
        "pod": [pod["securityContext"], pod["automountServiceAccountToken"], pod["volumes"]],
        "container": container["securityContext"],
        "resources": container["resources"],
        "environment": container["env"],
    });
    insta::assert_json_snapshot!(said, @r#"
    {
      "api": "batch/v1",
      "metadata": [
        "CronJob",
        "navi-feedback-analyzer"
      ],
      "schedule": [
        "*/15 * * * *",
        "Etc/UTC",
        "Forbid"
      ],
      "history": [
        3,
        1
      ],
      "seconds": [
        300,
        840,
        3600,
        60
      ],
      "again": [
        2,
        "Never",
        {
          "rules": [
            {
              "action": "Ignore",
              "onPodConditions": [
                {
                  "type": "DisruptionTarget",
                  "status": "True"
                }
              ]
            },
            {
              "action": "FailJob",
              "onExitCodes": {
                "containerName": "feedback-analyzer",
                "operator": "In",
                "values": [
                  2,
                  4
                ]
              }
            }
          ]
        }
      ],
      "pod": [
        {
          "runAsNonRoot": true,
          "runAsUser": 1000,
          "runAsGroup": 1000,
          "seccompProfile": {
            "type": "RuntimeDefault"
          }
        },
        false,
        null
      ],
      "container": {
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "runAsUser": 1000,
        "capabilities": {
          "drop": [
            "ALL"
          ]
        },
        "seccompProfile": {
          "type": "RuntimeDefault"
        }
      },
      "resources": {
        "requests": {
          "cpu": "100m",
          "memory": "256Mi"
        },
        "limits": {
          "cpu": "500m",
          "memory": "512Mi"
        }
      },
      "environment": [
        {
          "name": "APP_ENV",
          "value": "production"
        },
        {
          "name": "LOG_FORMAT",
          "value": "json"
        },
        {
          "name": "DATABASE_URL",
          "valueFrom": {
            "secretKeyRef": {
              "name": "navi-database",
              "key": "DATABASE_URL"
            }
          }
        }
      ]
    }
    "#);
    let image = format!("navi-backend:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(container["image"], image.as_str());
    assert_eq!(container["command"], json!(["navi"]));
    let arguments = container["args"].as_array().unwrap();
    let arguments: Vec<_> = arguments.iter().map(|one| one.as_str().unwrap()).collect();
    let address = url(&db.connect_options());
    let environment: Vec<_> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let value = one["value"].as_str().unwrap_or(&address);
            (one["name"].as_str().unwrap(), value)
        })
        .collect();
    runs(&environment, &arguments).await;
}

/// The settings of a unit, each with all its values.
fn unit(path: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let text = read(path);
    for line in text.lines() {
        if let (false, Some((name, value))) = (line.starts_with('#'), line.split_once('=')) {
            let values = found.entry(name.to_owned()).or_default();
            values.push(value.to_owned());
        }
    }
    found
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_units_are_confined_and_their_command_runs(db: PgPool) {
    let (service, timer) = (unit(SERVICE), unit(TIMER));
    let one = |name: &str| -> &str {
        let [value] = service[name].as_slice() else {
            panic!("{name}: {:?}", service[name]);
        };
        value
    };
    for (name, value) in [
        ("Type", "oneshot"),
        ("DynamicUser", "yes"),
        ("MemoryMax", "512M"),
        ("CPUQuota", "50%"),
        ("CapabilityBoundingSet", ""),
        ("LoadCredential", "database-url:/etc/navi/database-url"),
        ("Wants", "network-online.target"),
        ("After", "network-online.target"),
    ] {
        assert_eq!(one(name), value, "{name}");
    }
    for (name, value) in [
        ("OnCalendar", "*:0/15"),
        ("Persistent", "true"),
        ("RandomizedDelaySec", "120"),
        ("WantedBy", "timers.target"),
    ] {
        assert_eq!(timer[name], [value], "{name}");
    }
    assert!(
        !timer.contains_key("Requires"),
        "starting the timer starts nothing"
    );
    // The unit's environment: the file's address in the place of the folder of credentials.
    let credentials = tempfile::tempdir().unwrap();
    let address = url(&db.connect_options());
    std::fs::write(credentials.path().join("database-url"), address).unwrap();
    let folder = credentials.path().to_str().unwrap();
    let environment: Vec<_> = service["Environment"]
        .iter()
        .map(|line| line.replace("%d", folder))
        .collect();
    let environment: Vec<_> = environment
        .iter()
        .map(|line| line.split_once('=').unwrap())
        .collect();
    let mut command = one("ExecStart").split(' ');
    assert_eq!(command.next(), Some("/usr/local/bin/navi"));
    runs(&environment, &command.collect::<Vec<_>>()).await;
}

#[test]
fn the_prepared_shells_are_given_what_the_server_is_given() {
    let blocks = steps(ONCALL, "bash");
    let shell = |program: &str| blocks.iter().find(|block| block.contains(program)).unwrap();
    let (systemd, server) = (shell("systemd-run"), unit(SERVER));
    for (setting, flag) in [
        ("EnvironmentFile", "--property=EnvironmentFile="),
        ("LoadCredential", "--property=LoadCredential="),
        ("User", "--uid="),
        ("Group", "--gid="),
    ] {
        for value in &server[setting] {
            let given = format!("{flag}{value} ");
            assert!(systemd.contains(&given), "{given}");
        }
    }
    assert_eq!(server["StateDirectory"], ["navi"]);
    for (of_unit, of_shell) in [
        (
            "NAVI_DATA_DIR=%S/navi",
            "--setenv=NAVI_DATA_DIR=/var/lib/navi ",
        ),
        (
            "DATABASE_URL_FILE=%d/database-url",
            "$CREDENTIALS_DIRECTORY/database-url",
        ),
    ] {
        assert!(
            server["Environment"].iter().any(|one| one == of_unit),
            "{of_unit}"
        );
        assert!(systemd.contains(of_shell), "{of_shell}");
    }
    let cluster = shell("port-forward");
    let overlay: Value =
        serde_saphyr::from_str(&read("kubernetes/overlays/production/kustomization.yaml")).unwrap();
    let deployment: Value =
        serde_saphyr::from_str(&read("kubernetes/base/deployment.yaml")).unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().unwrap();
    let database = variables
        .iter()
        .find(|one| one["name"] == "DATABASE_URL")
        .unwrap();
    let database = &database["valueFrom"]["secretKeyRef"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for given in [
        format!("--namespace {} ", text(&overlay["namespace"])),
        format!(
            "deployment/{} --container {} ",
            text(&deployment["metadata"]["name"]),
            text(&container["name"])
        ),
        format!(
            "port-forward deployment/navi {} ",
            container["ports"][0]["containerPort"]
        ),
        format!("secret {} ", text(&database["name"])),
        format!("{{.data.{}}}", text(&database["key"])),
    ] {
        assert!(cluster.contains(&given), "{given}: {cluster}");
    }
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("SKIPPED: systemd-analyze is not installed; the units were not verified");
        return;
    }
    // It looks for the program, which lies elsewhere here.
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_navi");
    for path in [SERVICE, TIMER, SERVER] {
        let text = read(path).replace("/usr/local/bin/navi", program);
        let name = path.rsplit('/').next().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let analyze = |arguments: &[&str], path: &str| {
        let name = path.rsplit('/').next().unwrap();
        let output = Command::new("systemd-analyze")
            .args(arguments)
            .arg(folder.path().join(name))
            .current_dir(root())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    for path in [SERVICE, TIMER, SERVER] {
        assert_eq!(analyze(&["verify", "--man=no"], path), "", "{path}");
    }
    for (path, exposure) in EXPOSURES {
        let threshold = format!("--threshold={exposure}");
        let said = analyze(
            &["security", "--offline=true", "--no-pager", &threshold],
            path,
        );
        assert!(said.contains("Overall exposure level"), "{said}");
    }
}
