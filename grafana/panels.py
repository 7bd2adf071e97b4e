"""The parts of dashboards: panels, the queries in them, and how they are laid out."""

PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
POSTGRES = {"type": "grafana-postgresql-datasource", "uid": "${postgres}"}
GRAFANA = {"type": "grafana", "uid": "-- Grafana --"}

GREEN, YELLOW, RED = "green", "yellow", "red"


def prom(expr, legend="", instant=False):
    """A query of Prometheus."""
    return {
        "datasource": PROMETHEUS,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": legend or "__auto",
        "instant": instant,
        "range": not instant,
    }


def sql(text, over_time=False):
    """A query of Postgres: a table, or series with the columns `time`, `metric` and `value`."""
    return {
        "datasource": POSTGRES,
        "editorMode": "code",
        "format": "time_series" if over_time else "table",
        "rawQuery": True,
        "rawSql": " ".join(text.split()),
    }


def rising(yellow, red):
    """Thresholds of what is bad when it is high."""
    return [(None, GREEN), (yellow, YELLOW), (red, RED)]


def falling(yellow, green):
    """Thresholds of what is bad when it is low."""
    return [(None, RED), (yellow, YELLOW), (green, GREEN)]


def runbook(name):
    """A link to a page below docs/runbooks."""
    return {
        "type": "link", "title": f"Runbook: {name}", "url": "${runbooks}/" + name + ".md", "tags": [], "icon": "doc",
        "tooltip": "", "asDropdown": False, "includeVars": False, "keepTime": False, "targetBlank": True,
    }


def panel(kind, title, about, queries, unit, wide, high, **more):
    """A panel, whose place is found by `dashboard`."""
    queries = queries if isinstance(queries, list) else [queries]
    steps = more.pop("steps", None) or [(None, GREEN)]
    sources = {query["datasource"]["type"] for query in queries}
    assert len(sources) == 1, title
    defaults = {
        "color": {"mode": more.pop("color", "palette-classic")},
        "custom": more.pop("custom", {}),
        "decimals": more.pop("decimals", None),
        "mappings": [],
        "min": more.pop("least", None),
        "max": more.pop("most", None),
        "noValue": more.pop("none", None),
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in steps],
        },
        "unit": unit,
    }
    made = {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": queries[0]["datasource"],
        "gridPos": {"h": high, "w": wide, "x": 0, "y": 0},
        "interval": more.pop("interval", None),
        "links": [runbook(name) for name in more.pop("runbooks", [])],
        "fieldConfig": {
            "defaults": {key: value for key, value in defaults.items() if value is not None},
            "overrides": more.pop("overrides", []),
        },
        "options": more.pop("options", {}),
        "targets": [
            {"refId": chr(ord("A") + at), **query} for at, query in enumerate(queries)
        ],
        "transformations": more.pop("transformations", []),
    }
    assert not more, (title, more)
    return {key: value for key, value in made.items() if value is not None}


def calculated(calc="lastNotNull"):
    return {"calcs": [calc], "fields": "", "values": False}


def stat(title, about, query, unit, steps=None, wide=4, **more):
    """One number."""
    options = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": calculated(),
        "textMode": "auto",
    }
    if query["datasource"] is PROMETHEUS:
        query = {**query, "instant": True, "range": False}
    return panel(
        "stat", title, about, query, unit, wide, 4,
        steps=steps, color="thresholds", options=options, **more,
    )


def series(title, about, queries, unit, wide=12, stacked=False, bars=False, limit=None, **more):
    """Lines or bars over time; `limit` draws a line at an objective."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 60 if bars else 20 if stacked else 5,
        "lineWidth": 1,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "line" if limit is not None else "off"},
    }
    options = {
        "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    steps = [(None, "transparent"), (limit, RED)] if limit is not None else None
    return panel(
        "timeseries", title, about, queries, unit, wide, 8,
        steps=steps, custom=custom, options=options, least=0, **more,
    )


def pie(title, about, query, unit="short", wide=8, **more):
    """Shares of a whole."""
    by_rows = query["datasource"] is POSTGRES
    reduce = {"calcs": ["lastNotNull"], "fields": "", "values": by_rows}
    if not by_rows:
        query = {**query, "instant": True, "range": False}
    options = {
        "displayLabels": ["percent"],
        "legend": {"calcs": [], "displayMode": "table", "placement": "right", "showLegend": True, "values": ["value"]},
        "pieType": "donut",
        "reduceOptions": reduce,
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("piechart", title, about, query, unit, wide, 8, options=options, **more)


def bars(title, about, query, unit="short", wide=12, **more):
    """A bar for each row: a name, and a number."""
    options = {
        "barWidth": 0.8,
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "orientation": "horizontal",
        "showValue": "auto",
        "stacking": "none",
        "tooltip": {"mode": "single", "sort": "none"},
        "xTickLabelRotation": 0,
    }
    return panel("barchart", title, about, query, unit, wide, 8, options=options, least=0, **more)


def table(title, about, queries, wide=24, units=None, high=9, **more):
    """Rows and columns; `units` gives columns their units."""
    overrides = [
        {
            "matcher": {"id": "byName", "options": column},
            "properties": [{"id": "unit", "value": unit}],
        }
        for column, unit in (units or {}).items()
    ]
    options = {"cellHeight": "sm", "showHeader": True}
    return panel(
        "table", title, about, queries, "short", wide, high,
        options=options, overrides=overrides, custom={"align": "auto", "filterable": True}, **more,
    )


def joined(by, names):
    """Instant queries side by side, a row for each value of a label, columns with these names."""
    renamed = {f"Value #{chr(ord('A') + at)}": name for at, name in enumerate(names)}
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": {by: by.capitalize(), **renamed}}},
    ]


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0}}


def source(name, label, kind):
    return {"name": name, "label": label, "type": "datasource", "query": kind, "hide": 0, "includeAll": False, "multi": False, "refresh": 1, "regex": "", "options": []}


VARIABLES = {
    "prometheus": source("prometheus", "Prometheus", "prometheus"),
    "postgres": source("postgres", "Postgres", "grafana-postgresql-datasource"),
    "job": {
        "name": "job", "label": "Service", "type": "query", "datasource": PROMETHEUS,
        "query": {"query": "label_values(navi_runs_active, job)", "refId": "job"},
        "hide": 0, "includeAll": False, "multi": False, "refresh": 1, "regex": "", "sort": 1, "options": [],
    },
    # All is every row, also of an organisation that the list does not know yet.
    "org": {
        "name": "org", "label": "Organisation", "type": "query", "datasource": POSTGRES,
        "query": "select distinct org_id from learning_orgs union select distinct org_id from llm_days order by 1",
        "hide": 0, "includeAll": True, "allValue": "org_id", "multi": True, "refresh": 1, "regex": "", "sort": 1, "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    },
}


def placed(parts):
    """The panels with ids, from left to right, from top to bottom."""
    x = y = high = 0
    for number, part in enumerate(parts, start=1):
        place = part["gridPos"]
        if x + place["w"] > 24 or part["type"] == "row":
            x, y, high = 0, y + high, 0
        place.update(x=x, y=y)
        x, high = x + place["w"], max(high, place["h"])
        yield {"id": number, **part}


def dashboard(uid, title, about, tags, since, runbooks, runbooks_at, parts):
    """A dashboard, with the variables that its panels use."""
    panels = list(placed(parts))
    text = str(panels) + str([runbook(name) for name in runbooks])
    used = [name for name in VARIABLES if f"${{{name}" in text or f"${name}" in text]
    constant = {"name": "runbooks", "type": "constant", "query": runbooks_at, "hide": 2, "skipUrlSync": True, "options": []}
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["navi", *tags],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": since, "to": "now"},
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "NAVI", "tags": ["navi"], "asDropdown": True, "icon": "external link", "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": "", "url": ""},
            *map(runbook, runbooks),
        ],
        "templating": {"list": [*(VARIABLES[name] for name in used), constant]},
        "panels": panels,
    }
