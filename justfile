# Recipes for daily work; each calls a script, which installs what it needs.

# Lists the recipes.
default:
    @just --list

# Sets up what is missing and shows the agent at work.
demo:
    scripts/run.sh

# Every check and every test, as CI runs them.
test *NAMES:
    scripts/test.sh {{ NAMES }}

# Unit tests alone.
unit *NAMES:
    cargo test --quiet --locked --lib -- {{ NAMES }}

# Some of the other tests, against a Postgres that ends with them.
it NAME:
    scripts/with-postgres.sh cargo nextest run --locked '{{ NAME }}'

# Renews the descriptions of queries.
queries:
    scripts/sqlx-prepare.sh

# Renews the documents that are made from settings.
settings:
    cargo run --quiet -- config docs markdown > docs/configuration.md
    cargo run --quiet -- config docs env > .env.example

# Measures the table of docs/performance.md, or some of its parts.
bench *PARTS:
    scripts/bench.sh {{ PARTS }}

# Faults that page, through a real Prometheus and Alertmanager.
drills *NAMES:
    scripts/drills/run.sh {{ NAMES }}
