// Draws the dashboards with what the test of their panels saw, as pictures to look at:
//
//     NAVI_BROWSER=$(scripts/browser.sh) node grafana/preview.mjs target/tmp/dashboards.json FOLDER
//
// It is no Grafana: it knows the kinds of panel that are used here, their units and their places, and
// says "No data" where nothing was seen.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [seen, folder] = process.argv.slice(2);
const tools = process.env.NAVI_BROWSER ?? "";
const { chromium } = createRequire(join(tools, "node_modules/"))("playwright-core");

const COLOURS = ["#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0"];
const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** A number with its unit, as Grafana writes it. */
function shown(value, unit, decimals) {
  if (value === null || value === undefined) return "–";
  const number = Number(value);
  if (Number.isNaN(number)) return String(value);
  const round = (of, digits = 2) => of.toFixed(decimals ?? (Number.isInteger(of) ? 0 : digits));
  const scaled = (of, steps) => {
    const [size, name] = steps.find(([step]) => Math.abs(of) >= step) ?? steps.at(-1);
    return `${round(of / size)} ${name}`;
  };
  switch (unit) {
    case "percentunit": return `${round(number * 100)} %`;
    case "currencyUSD": return `$${number.toFixed(decimals ?? (Math.abs(number) < 1 ? 4 : 2))}`;
    case "ms": return scaled(number, [[3600000, "h"], [60000, "min"], [1000, "s"], [1, "ms"], [0.001, "µs"]]);
    case "s": return scaled(number, [[31536000, "years"], [86400, "days"], [3600, "h"], [60, "min"], [1, "s"], [0.001, "ms"]]);
    case "bytes": return scaled(number, [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]]);
    case "reqps": return `${round(number)} req/s`;
    case "cps": return `${round(number)} c/s`;
    case "short": return Math.abs(number) >= 1000 ? scaled(number, [[1e6, "Mil"], [1e3, "K"]]) : round(number);
    default: return round(number);
  }
}

const named = (legend, labels) =>
  legend === "__auto"
    ? JSON.stringify(labels)
    : legend.replace(/{{(\w+)}}/g, (_, label) => labels[label] ?? "");

/** The answers of a panel as series of [seconds, number]. */
function lines(queries) {
  const found = new Map();
  for (const { target, answer } of queries) {
    for (const one of answer) {
      const name = one.values ? named(target.legendFormat, one.metric) : String(one.metric);
      const points = one.values ?? [[one.time, one.value]];
      const numbers = points.map(([at, value]) => [Number(at), Number(value)]);
      const all = [...(found.get(name) ?? []), ...numbers.filter(([, value]) => Number.isFinite(value))];
      if (all.length) found.set(name, all);
    }
  }
  return [...found];
}

/** The answers as rows of columns. */
function rows(queries) {
  if (queries[0].target.rawSql) return queries[0].answer;
  const by = new Map();
  queries.forEach(({ target, answer }, at) => {
    for (const { metric, value } of answer) {
      const name = target.legendFormat === "__auto" ? Object.values(metric).join(" ") : named(target.legendFormat, metric);
      by.set(name, { ...(by.get(name) ?? { Name: name }), [`Value #${String.fromCharCode(65 + at)}`]: Number(value[1]) });
    }
  });
  return [...by.values()];
}

function chart(panel, queries, unit) {
  const series = lines(queries);
  if (!series.length) return null;
  const all = series.flatMap(([, points]) => points);
  const [from, to] = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at)) + 1];
  const top = Math.max(...all.map(([, value]) => value), 1e-9) * 1.1;
  const x = (at) => 70 + ((at - from) / (to - from)) * 420;
  const y = (value) => 130 - (value / top) * 120;
  const isBars = panel.fieldConfig.defaults.custom.drawStyle === "bars";
  const drawn = series.map(([, points], at) => {
    const colour = COLOURS[at % COLOURS.length];
    if (isBars || points.length === 1) {
      return points.map(([when, value]) => `<rect x="${x(when)}" y="${y(value)}" width="4" height="${130 - y(value)}" fill="${colour}"/>`).join("");
    }
    return `<polyline fill="none" stroke="${colour}" points="${points.map(([when, value]) => `${x(when)},${y(value)}`).join(" ")}"/>`;
  });
  const scale = [0, top / 2, top].map((value) => `<text x="66" y="${y(value) + 4}" text-anchor="end">${escape(shown(value, unit))}</text><line x1="70" x2="490" y1="${y(value)}" y2="${y(value)}" stroke="#333"/>`);
  const legend = series.map(([name, points], at) => `<span style="color:${COLOURS[at % COLOURS.length]}">■</span> ${escape(name)} <b>${escape(shown(points.at(-1)[1], unit))}</b> (max ${escape(shown(Math.max(...points.map(([, value]) => value)), unit))})`);
  return `<svg viewBox="0 0 500 140">${scale.join("")}${drawn.join("")}</svg><div class="legend">${legend.join(" &nbsp; ")}</div>`;
}

function list(panel, queries, unit) {
  const found = rows(queries);
  if (!found.length) return null;
  const renamed = panel.transformations?.find(({ id }) => id === "organize")?.options.renameByName ?? {};
  const units = new Map(panel.fieldConfig.overrides.map((one) => [one.matcher.options, one.properties[0].value]));
  const columns = Object.keys(found[0]);
  const cell = (row, column) => {
    const value = row[column];
    const of = units.get(renamed[column] ?? column);
    return escape(typeof value === "number" ? shown(value, of ?? unit) : (value ?? "–"));
  };
  const head = columns.map((column) => `<th>${escape(renamed[column] ?? column)}</th>`).join("");
  const body = found.slice(0, 8).map((row) => `<tr>${columns.map((column) => `<td>${cell(row, column)}</td>`).join("")}</tr>`).join("");
  return `<table><tr>${head}</tr>${body}</table>`;
}

function shares(queries, unit) {
  const found = rows(queries).map((row) => Object.values(row));
  const sum = found.reduce((all, [, value]) => all + Number(value), 0);
  if (!found.length) return null;
  return `<div class="shares">${found.map(([name, value], at) => `<div><i style="width:${(Number(value) / sum) * 100}%;background:${COLOURS[at % COLOURS.length]}"></i>${escape(name)}: <b>${escape(shown(value, unit))}</b></div>`).join("")}</div>`;
}

function number(panel, queries, unit, decimals) {
  const [first] = queries[0].answer;
  const value = first?.value ? first.value[1] : first && Object.values(first)[0];
  if (value === undefined || value === null) return null;
  let colour = "green";
  for (const step of panel.fieldConfig.defaults.thresholds.steps) {
    if (step.value === null || step.value === undefined || Number(value) >= step.value) colour = step.color;
  }
  return `<div class="stat" style="color:${{ green: "#73bf69", yellow: "#fade2a", red: "#f2495c" }[colour]}">${escape(shown(value, unit, decimals))}</div>`;
}

function drawn(panel, queries) {
  const { unit, decimals } = panel.fieldConfig.defaults;
  switch (panel.type) {
    case "stat": return number(panel, queries, unit, decimals);
    case "timeseries": return chart(panel, queries, unit);
    case "table": return list(panel, queries, unit);
    default: return shares(queries, unit);
  }
}

/** What is equal by a key, together and in its order. */
function grouped(all, key) {
  const groups = new Map();
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
}

const boards = grouped(JSON.parse(readFileSync(seen, "utf8")), ({ dashboard }) => dashboard);
const browser = await chromium.launch({ executablePath: join(tools, "chromium"), args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
const empty = [];
for (const [name, queries] of boards) {
  const panels = grouped(queries, ({ panel }) => panel.id);
  const parts = [...panels.values()].map((of) => {
    const { panel } = of[0];
    const { x, y, w, h } = panel.gridPos;
    const inside = drawn(panel, of);
    if (inside === null) empty.push(`${name}: ${panel.title}`);
    return `<div class="panel" style="left:${x * 80}px;top:${y * 30 + 40}px;width:${w * 80 - 8}px;height:${h * 30 - 8}px"><h2>${escape(panel.title)}</h2>${inside ?? "No data"}</div>`;
  });
  const high = Math.max(...[...panels.values()].map(([{ panel }]) => (panel.gridPos.y + panel.gridPos.h) * 30)) + 60;
  const style = "body{background:#111217;color:#ccc;font:12px sans-serif;margin:0;position:relative;height:" + high + "px}h1{font-size:18px;margin:0;padding:8px}h2{font-size:13px;margin:4px 0}.panel{position:absolute;background:#181b1f;border:1px solid #2c3235;box-sizing:border-box;padding:4px 8px;overflow:hidden}.stat{font-size:30px;text-align:center;padding-top:8px}svg{width:100%;max-height:70%}text{fill:#999;font-size:9px}table{border-collapse:collapse;width:100%}td,th{border:1px solid #333;padding:2px 5px;text-align:left;white-space:nowrap;max-width:260px;overflow:hidden}.shares i{display:block;height:8px}.legend{font-size:11px}";
  await page.setContent(`<style>${style}</style><h1>${escape(queries[0].title)}</h1>${parts.join("")}`);
  await page.setViewportSize({ width: 1920, height: high });
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(`${name}: ${panels.size} panels`);
}
await browser.close();
if (empty.length) {
  console.error(`no data: ${empty.join(", ")}`);
  process.exitCode = 1;
}
