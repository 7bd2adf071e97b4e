//! `navi config check`: whether the settings are fit for production.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::config::warnings::warnings;
use crate::cli::failure::Failure;
use crate::config::production::Refused;
use crate::config::settings::{AppEnv, Config};
use crate::llm::routing::catalog_file::CatalogFile;
use crate::llm::routing::registry;

/// The warning about settings that name no model.
const NO_MODEL: &str = "no model provider is set: until one is, every request is refused with \
     NO_MODELS_AVAILABLE; `navi doctor` names the settings";

/// The form of the answer.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Writes every rule that the settings break. Exit code 1 when it is one of their environment, and
/// the server would not start; the rules of production are shown elsewhere too, for information.
pub fn check(args: Args, config: &Config, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let production = Refused {
        environment: AppEnv::Production,
        violations: config.violations(),
    };
    let refused = config.check().err();
    let catalog = registry::file(&config.llm);
    let wrong = catalog.as_ref().err().map(ToString::to_string);
    let file = catalog.as_ref().ok().and_then(Option::as_ref);
    let catalog_warnings = file.map_or(&[][..], CatalogFile::warnings);
    let modelless = config.scripted.is_none() && config.llm.is_unconfigured();
    let without = modelless.then(|| NO_MODEL.to_owned());
    let placeholders = config.llm.placeholders().map(|setting| {
        format!(
            "{setting} holds the placeholder of an example and no key: its provider is left out"
        )
    });
    let settings: Vec<String> = warnings(config)
        .into_iter()
        .chain(placeholders)
        .chain(without)
        .collect();
    if args.json {
        let shown = refused.as_ref().unwrap_or(&production);
        let answer = json!({
            "environment": config.app_env.as_str(),
            "ok": refused.is_none() && wrong.is_none(),
            "violations": shown.violations,
            "model_catalog": wrong,
            "warnings": catalog_warnings.iter().chain(&settings).collect::<Vec<_>>(),
        });
        writeln!(out, "{answer}")?;
    } else if let Some(refused) = &refused {
        writeln!(out, "{refused}")?;
    } else if production.violations.is_empty() {
        writeln!(out, "the settings are fit for production")?;
    } else {
        let environment = config.app_env;
        writeln!(
            out,
            "the settings are fit for {environment}; for production, mend these:\n{production}"
        )?;
    }
    if !args.json {
        if let Some(wrong) = &wrong {
            writeln!(out, "NAVI_MODEL_CATALOG: {wrong}")?;
        }
        for warning in catalog_warnings {
            writeln!(out, "NAVI_MODEL_CATALOG: {warning}")?;
        }
        for warning in &settings {
            writeln!(out, "{warning}")?;
        }
    }
    Ok(ExitCode::from(u8::from(
        refused.is_some() || wrong.is_some(),
    )))
}
