//! Listing groups of errors, and looking at one.

use axum::http::StatusCode;
use insta::assert_json_snapshot;
use navi::auth::principal::Role;
use navi::platform::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::ORG;
use crate::telemetry::stock::{ERRORS, Group, Stock, ago, numbers};

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_group_says_why_it_is_one_and_how_it_went(db: PgPool) {
    let stock = Stock::new(db).await;
    let id = stock.group(Group::default()).await;
    stock.hour(id, "2026-11-25T17:00:00Z", 2).await;
    stock.hour(id, "2026-11-25T00:00:00Z", 1).await;
    stock.hour(id, "2026-11-24T17:00:00Z", 4).await;
    stock.hour(id, "2026-11-12T00:00:00Z", 8).await;
    stock.hour(id, "2026-11-11T23:00:00Z", 16).await;
    let answer = stock.get(ERRORS).await;
    assert_json_snapshot!(answer, {
        ".errors[].id" => "[id]", ".errors[].fingerprint" => "[fingerprint]",
    }, @r#"
    {
      "errors": [
        {
          "id": "[id]",
          "fingerprint": "[fingerprint]",
          "explained": {
            "version": 2,
            "type": "TypeError",
            "message": "Cannot read properties of undefined",
            "frames": [
              "render (app.js)"
            ]
          },
          "error_type": "TypeError",
          "message": "Cannot read properties of undefined (last)",
          "severity": "error",
          "component": "chat",
          "source": "client",
          "first_seen": "2026-11-24T17:30:00Z",
          "last_seen": "2026-11-25T17:30:00Z",
          "first_version": "1.0.0",
          "last_version": "1.2.0",
          "occurrences": 3,
          "affected_users": 2,
          "status": "open",
          "resolved_at": null,
          "resolved_by": null,
          "resolution_notes": null,
          "regressed_at": null,
          "regressions": 0,
          "trend": {
            "hours": [
              0,
              0,
              0,
              0,
              0,
              0,
              1,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              2
            ],
            "days": [
              8,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              0,
              4,
              3
            ]
          }
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_filter_keeps_what_it_names(db: PgPool) {
    let stock = Stock::new(db).await;
    let plain = stock
        .group(Group {
            occurrences: 7,
            ..Group::default()
        })
        .await;
    let resolved = Group {
        status: "resolved",
        last_seen: ago(20),
        ..Group::default()
    };
    let resolved = stock.group(resolved).await;
    let regressed = Group {
        status: "regressed",
        last_seen: ago(30),
        ..Group::default()
    };
    let regressed = stock.group(regressed).await;
    let fatal = Group {
        severity: "fatal",
        source: "server",
        component: None,
        versions: ("2.0.0", "2.1.0"),
        last_seen: ago(40),
        occurrences: 90,
        ..Group::default()
    };
    let fatal = stock.group(fatal).await;
    stock
        .group(Group {
            org: "org-2",
            ..Group::default()
        })
        .await;
    for (query, expected) in [
        ("", vec![plain, regressed, fatal]),
        ("status=unresolved", vec![plain, regressed, fatal]),
        ("status=open", vec![plain, fatal]),
        ("status=resolved", vec![resolved]),
        ("status=regressed", vec![regressed]),
        ("status=all", vec![plain, resolved, regressed, fatal]),
        ("severity=fatal", vec![fatal]),
        ("source=server", vec![fatal]),
        ("source=run", vec![]),
        ("component=chat", vec![plain, regressed]),
        ("version=1.0.0", vec![plain, regressed]),
        ("version=2.1.0", vec![fatal]),
        ("version=1.1.0", vec![]),
        ("since=2026-11-25T17:10:00Z", vec![plain, regressed]),
        ("sort=occurrences", vec![fatal, plain, regressed]),
        (
            "sort=last_seen&severity=error&status=all",
            vec![plain, resolved, regressed],
        ),
        ("limit=0", vec![plain]),
    ] {
        assert_eq!(stock.listed(query).await, expected, "{query}");
    }
    let client = stock.app.client(Role::Viewer);
    for query in [
        "status=closed",
        "source=me",
        "sort=severity",
        "since=yesterday",
        "limit=-1",
    ] {
        let (status, problem) = client.get(&format!("{ERRORS}?{query}")).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{query}: {problem}"
        );
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn words_are_found_in_type_and_message_and_the_last_may_be_begun(db: PgPool) {
    let stock = Stock::new(db).await;
    let undefined = stock
        .group(Group {
            last_seen: ago(1),
            ..Group::default()
        })
        .await;
    let timeout = Group {
        error_type: "TimeoutError",
        message: "The request to the model was not answered",
        last_seen: ago(2),
        ..Group::default()
    };
    let timeout = stock.group(timeout).await;
    stock
        .group(Group {
            org: "org-2",
            ..Group::default()
        })
        .await;
    for (words, expected) in [
        ("cannot", vec![undefined]),
        ("TYPEERROR", vec![undefined]),
        ("undefined properties", vec![undefined]),
        ("cannot undef", vec![undefined]),
        ("time", vec![timeout]),
        ("time request", vec![]),
        ("%22read properties%22", vec![undefined]),
        ("%22properties read%22", vec![]),
        ("%22read prop%22", vec![]),
        ("model or undefined", vec![undefined, timeout]),
        ("error", vec![]),
        ("the -model", vec![]),
        ("properties -mod", vec![undefined]),
        // Nothing is asked, or what is asked means nothing.
        ("", vec![undefined, timeout]),
        ("%20", vec![undefined, timeout]),
        ("%26%7C!()':*%5C", vec![]),
        ("'", vec![]),
    ] {
        let query = format!("q={}", words.replace(' ', "%20"));
        assert_eq!(stock.listed(&query).await, expected, "{words}");
        let query = format!("{query}&sort=occurrences");
        assert_eq!(stock.listed(&query).await.len(), expected.len(), "{words}");
    }
    let client = stock.app.client(Role::Viewer);
    let long = format!("{ERRORS}?q={}", "x".repeat(201));
    let (status, problem) = client.get(&long).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["detail"], "`q` is longer than 200 characters");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn pages_show_nothing_twice_and_miss_only_what_moved_to_the_beginning(db: PgPool) {
    let stock = Stock::new(db.clone()).await;
    for sort in ["last_seen", "occurrences"] {
        sqlx::query("delete from error_groups")
            .execute(&db)
            .await
            .unwrap();
        let mut groups = Vec::new();
        for n in 0..7 {
            // Two are in one place but for their numbers.
            let place = if n == 3 { 2 } else { n };
            let group = Group {
                last_seen: ago(100 + place),
                occurrences: 1_000 - place,
                ..Group::default()
            };
            groups.push(stock.group(group).await);
        }
        groups.swap(2, 3);
        let page = async |cursor: &Value| {
            let cursor = cursor.as_str().map(|text| format!("&cursor={text}"));
            let cursor = cursor.unwrap_or_default();
            stock
                .get(&format!("{ERRORS}?sort={sort}&limit=3{cursor}"))
                .await
        };
        let first = page(&Value::Null).await;
        assert_eq!(numbers(&first), groups[..3], "{sort}");
        // One that was shown and one that was not happen again.
        sqlx::query(
            "update error_group_activity set last_seen = $2, occurrences = occurrences + 1000
             where group_id = any($1)",
        )
        .bind(vec![groups[1], groups[4]])
        .bind(ago(0))
        .execute(&db)
        .await
        .unwrap();
        let second = page(&first["next_cursor"]).await;
        assert_eq!(
            numbers(&second),
            [groups[3], groups[5], groups[6]],
            "{sort}"
        );
        assert_eq!(second["next_cursor"], Value::Null);
        let again = numbers(&page(&Value::Null).await);
        assert!(again.contains(&groups[4]), "{sort}");

        let other = if sort == "last_seen" {
            "occurrences"
        } else {
            "last_seen"
        };
        let cursor = first["next_cursor"].as_str().unwrap();
        for wrong in [
            format!("sort={other}&cursor={cursor}"),
            "cursor=abc".to_owned(),
        ] {
            let client = stock.app.client(Role::Viewer);
            let (status, problem) = client.get(&format!("{ERRORS}?{wrong}")).await;
            assert_eq!(
                status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{wrong}: {problem}"
            );
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_group_shows_its_last_occurrences_and_whose_they_are_to_administrators(db: PgPool) {
    let stock = Stock::new(db).await;
    let id = stock.group(Group::default()).await;
    stock.occurrences(id, 23, ago(10)).await;
    let path = format!("{ERRORS}/{id}");
    let shown = stock.get(&path).await;
    let latest = shown["latest"].as_array().unwrap();
    let messages: Vec<_> = latest
        .iter()
        .map(|one| one["message"].as_str().unwrap())
        .collect();
    let expected: Vec<_> = (1..=20).map(|n| format!("number {n}")).collect();
    assert_eq!(messages, expected);
    assert_json_snapshot!(latest[0], { ".id" => "[id]" }, @r#"
    {
      "id": "[id]",
      "received_at": "2026-11-25T17:30:00Z",
      "occurred_at": null,
      "message": "number 1",
      "stack": "at render",
      "user_id": null,
      "session_id": "tab-1",
      "version": "1.2.0",
      "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
      "run_id": null
    }
    "#);
    assert_eq!(
        (&shown["id"], &shown["occurrences"]),
        (&json!(id), &json!(3))
    );
    for (role, user) in [(Role::Planner, Value::Null), (Role::Admin, json!("user-1"))] {
        let (_, shown) = stock.app.client(role).get(&path).await;
        assert_eq!(shown["latest"][0]["user_id"], user, "{role:?}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_group_that_came_back_says_so(db: PgPool) {
    let stock = Stock::new(db).await;
    let id = stock
        .group(Group {
            status: "regressed",
            ..Group::default()
        })
        .await;
    let shown = stock.get(&format!("{ERRORS}/{id}")).await;
    let told = ["status", "regressions", "regressed_at", "resolved_by"].map(|name| &shown[name]);
    assert_eq!(
        json!(told),
        json!(["regressed", 1, "2026-11-25T16:30:00Z", "grace"])
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_another_organisation_has_does_not_exist(db: PgPool) {
    let stock = Stock::new(db).await;
    let foreign = stock
        .group(Group {
            org: "org-2",
            ..Group::default()
        })
        .await;
    let planner = stock.app.client(Role::Planner);
    assert_eq!(stock.listed("status=all").await, Vec::<i64>::new());
    for id in [foreign, 4_711, -1] {
        let path = format!("{ERRORS}/{id}");
        let (status, problem) = planner.get(&path).await;
        let expected = format!("error group `{id}` not found");
        assert_eq!(
            (status, &problem["detail"]),
            (StatusCode::NOT_FOUND, &json!(expected))
        );
        let (status, same) = planner.post(&format!("{path}/resolve"), json!({})).await;
        assert_eq!(
            (status, &same["detail"]),
            (StatusCode::NOT_FOUND, &json!(expected))
        );
    }
    let theirs = stock.app.client_of("org-2", "user-1", Role::Viewer);
    assert_ne!(ORG, "org-2");
    let (status, shown) = theirs.get(&format!("{ERRORS}/{foreign}")).await;
    assert_eq!((status, &shown["status"]), (StatusCode::OK, &json!("open")));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_query_with_a_nul_character_is_refused(db: PgPool) {
    let stock = Stock::new(db).await;
    for path in [
        "/api/telemetry/errors?component=a%00b",
        "/api/telemetry/errors?q=%00",
        "/api/telemetry/rates?type=%00",
        "/api/telemetry/performance?metric=%00",
    ] {
        let (status, body) = stock.app.client(Role::Viewer).get(path).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {body}");
        assert_eq!(body["detail"], "the query has a NUL character");
    }
}
