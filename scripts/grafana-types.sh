#!/usr/bin/env bash
# Compares the dashboards with Grafana's own types, those of a dashboard and those of each kind of panel,
# and installs the types from npm below target/tools when they are missing. Needs Node and a network once.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

need_node
version=13.2.3
folder=$root/target/tools/grafana-types-$version
if [[ ! -e $folder/complete ]]; then
    say "Installing @grafana/schema $version from npm below target/tools."
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --loglevel error \
        "@grafana/schema@$version" typescript@5.9.3 >&2
    touch "$folder/complete"
fi

# A JSON file is data to the compiler, whose texts could be any text; so each is written as a program.
node --input-type=module - "$root/grafana/dashboards" "$folder" <<'JS'
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const [from, into] = process.argv.slice(2);
const kinds = {
  barchart: "BarChart", piechart: "PieChart", stat: "Stat", table: "Table", timeseries: "TimeSeries",
};
const lines = [
  `import type { Dashboard } from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";`,
];
for (const [kind, name] of Object.entries(kinds)) {
  const module = `@grafana/schema/dist/esm/raw/composable/${kind}/panelcfg/x/${name}PanelCfg_types.gen`;
  lines.push(`import type * as ${name} from "${module}";`);
}
// Texts and numbers in place of the names that the types give them.
lines.push(
  "type Plain<T> = T extends string ? `${T}` : T extends number ? number",
  "  : T extends boolean | null | undefined ? T : T extends (infer E)[] ? Plain<E>[]",
  "  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;",
);
let panels = 0;
for (const file of readdirSync(from).sort()) {
  const board = JSON.parse(readFileSync(`${from}/${file}`, "utf8"));
  lines.push(`// ${file}`, `export const d${lines.length}: Plain<Dashboard> = ${JSON.stringify(board)};`);
  for (const panel of board.panels.filter((panel) => panel.type !== "row")) {
    const kind = kinds[panel.type];
    panels += 1;
    lines.push(`export const o${lines.length}: Plain<Partial<${kind}.Options>> = ${JSON.stringify(panel.options)};`);
    const custom = JSON.stringify(panel.fieldConfig.defaults.custom ?? {});
    const type = kind === "Stat" ? "Record<string, never>" : `Plain<Partial<${kind}.FieldConfig>>`;
    lines.push(`export const c${lines.length}: ${type} = ${custom};`);
  }
}
writeFileSync(`${into}/dashboards.ts`, lines.join("\n") + "\n");
console.error(`${panels} panels`);
JS
"$folder/node_modules/.bin/tsc" --noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext \
    --target es2022 "$folder/dashboards.ts"
say "The dashboards are what Grafana $version expects."
