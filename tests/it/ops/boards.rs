//! The dashboards in `ops/dashboards` are what `ops/boards.yaml` says, in Grafana's JSON.
//!
//! They are written anew by `TRACEGATE_RECORD=1 cargo test --test it ops::boards`. Whether their expressions
//! return data says a real Prometheus: see `tests/interop/prometheus/boards.py`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::alerts::{list, metrics, read, row, text, yaml};
use crate::metric_table::documented;

/// When set, the dashboards are written.
const RECORD: &str = "TRACEGATE_RECORD";

/// Grafana's grid has so many columns.
const WIDTH: usize = 24;

/// Grafana 11's. Later ones bring a dashboard up to date by themselves.
const SCHEMA: u32 = 39;

fn boards() -> Vec<Value> {
    let boards = yaml("ops/boards.yaml");
    boards.as_array().unwrap().clone()
}

fn board(board: &Value) -> Value {
    let mut panels = Vec::new();
    let (mut y, mut height) = (0, 0);
    for row in list(board, "rows") {
        y += height;
        panels.push(json!({
            "id": panels.len() + 1, "type": "row", "title": text(row, "heading"), "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
        }));
        y += 1;
        height = 0;
        let mut x = 0;
        for shown in list(row, "panels") {
            let (wide, high) = if text(shown, "kind") == "figure" {
                (4, 4)
            } else {
                (8, 8)
            };
            if x + wide > WIDTH {
                (x, y, height) = (0, y + height, 0);
            }
            let place = json!({"x": x, "y": y, "w": wide, "h": high});
            panels.push(panel(shown, panels.len() + 1, &place));
            (x, height) = (x + wide, height.max(high));
        }
    }
    json!({
        "uid": format!("tracegate-{}", text(board, "name")),
        "title": format!("Tracegate / {}", text(board, "title")),
        "tags": ["tracegate"],
        "schemaVersion": SCHEMA,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [{
            "type": "dashboards", "title": "Tracegate", "tags": ["tracegate"], "asDropdown": true,
            "includeVars": true, "keepTime": true,
        }],
        "templating": {"list": variables()},
        "panels": panels,
    })
}

fn panel(panel: &Value, id: usize, place: &Value) -> Value {
    let queries = list(panel, "queries").iter().zip('A'..);
    let targets = queries.map(|(query, letter)| {
        json!({
            "datasource": source(), "refId": letter.to_string(), "expr": expression(text(query, "expr")),
            "legendFormat": text(query, "legend"), "range": true,
        })
    });
    let targets: Vec<_> = targets.collect();
    let series = json!({
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
        "tooltip": {"mode": "multi", "sort": "desc"},
    });
    let (kind, custom, options) = match text(panel, "kind") {
        "lines" => (
            "timeseries",
            json!({"lineWidth": 1, "fillOpacity": 0, "showPoints": "never"}),
            series,
        ),
        "areas" => (
            "timeseries",
            json!({
                "lineWidth": 1, "fillOpacity": 30, "showPoints": "never", "stacking": {"mode": "normal", "group": "A"},
            }),
            series,
        ),
        "figure" => (
            "stat",
            json!({}),
            json!({"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none", "graphMode": "area"}),
        ),
        other => panic!("{other} is no kind of panel"),
    };
    json!({
        "id": id, "type": kind, "title": text(panel, "title"), "description": text(panel, "says"), "gridPos": place,
        "datasource": source(), "targets": targets, "options": options,
        "fieldConfig": {
            "defaults": {
                "unit": text(panel, "unit"), "min": 0, "custom": custom, "color": {"mode": "palette-classic"},
            },
            "overrides": [],
        },
    })
}

fn expression(query: &str) -> String {
    query
        .replace("OF", r#"job=~"$job", instance=~"$instance""#)
        .replace("RATE", "$__rate_interval")
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Which Prometheus, which jobs and which instances.
fn variables() -> Value {
    let query = |name: &str, label: &str, query: &str| {
        json!({
            "type": "query", "name": name, "label": label, "datasource": source(), "definition": query,
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1,
            "includeAll": true, "multi": true, "allValue": ".+", "current": {"text": "All", "value": "$__all"},
        })
    };
    json!([
        {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "current": {}},
        query("job", "Job", "label_values(tracegate_config_info, job)"),
        query("instance", "Instance", r#"label_values(tracegate_config_info{job=~"$job"}, instance)"#),
    ])
}

#[test]
fn the_dashboards_are_what_the_list_says() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/dashboards");
    let mut files = BTreeSet::new();
    for shown in boards() {
        let file = folder.join(format!("{}.json", text(&shown, "name")));
        let written = serde_json::to_string_pretty(&board(&shown)).unwrap() + "\n";
        if std::env::var_os(RECORD).is_some() {
            std::fs::write(&file, &written).unwrap();
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        let name = file.display();
        assert!(
            found == written,
            "{name} is stale: set {RECORD} and run this test"
        );
        files.insert(file);
    }
    let found = std::fs::read_dir(folder).unwrap();
    let found: BTreeSet<_> = found.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, files);
}

#[test]
fn every_metric_of_a_panel_stands_in_the_table() {
    let table = documented(&read("docs/metrics.md"));
    let boards = boards();
    let rows = boards.iter().flat_map(|board| list(board, "rows"));
    let panels: Vec<_> = rows.flat_map(|row| list(row, "panels")).collect();
    assert!(panels.len() > 50, "{} panels", panels.len());
    for query in panels.iter().flat_map(|panel| list(panel, "queries")) {
        let query = text(query, "expr");
        for name in metrics(query) {
            assert!(row(&name, &table).is_some(), "{name} in {query}");
            // Or it would show what was not chosen.
            assert!(query.contains(&format!("{name}{{OF")), "{name} in {query}");
        }
    }
}
