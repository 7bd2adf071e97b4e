//! The models that a request may name: what they can do, what they cost, whether they answer.

use axum::extract::State;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::ledger::service::Ledger;
use crate::llm::effort::Effort;
use crate::llm::model::Usage;
use crate::llm::route::{ModelListing, NamedModel};
use crate::platform::extract::{Json, Query};

/// The routes of the registry.
pub fn routes(app: &App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_models))
        .with_state(app.clone())
}

/// The registry.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Registry {
    /// Every model.
    models: Vec<Model>,
    /// Names that stand for a choice of models, with its candidates in order.
    modes: Vec<Mode>,
    /// The model or mode of a request that names none.
    default: String,
    /// The answer to a request that names the model `name`; null when the question has none.
    named: Option<NamedModel>,
}

/// The question for a model.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct RegistryQuery {
    /// A model, mode or alias, to learn beforehand what a request that names it gets.
    name: Option<String>,
}

/// A model.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Model {
    /// The model, and if it can be used.
    #[serde(flatten)]
    listing: ModelListing,
    /// Price of a million tokens in US dollars; null when unknown.
    prices: Option<Prices>,
}

/// US dollars for a million tokens.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
struct Prices {
    /// Input that is not cached.
    #[schema(value_type = String)]
    input: Decimal,
    /// Output, reasoning included.
    #[schema(value_type = String)]
    output: Decimal,
    /// Input read from the provider's cache; null when the price list does not say.
    #[schema(value_type = Option<String>)]
    cache_read: Option<Decimal>,
    /// Input written to the provider's cache; null when the price list does not say.
    #[schema(value_type = Option<String>)]
    cache_write: Option<Decimal>,
}

/// A choice of models.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Mode {
    /// Its name in requests.
    id: String,
    /// The amount of reasoning that it asks for where a request does not say; null when none.
    effort: Option<Effort>,
    /// The models it tries, in order.
    candidates: Vec<String>,
}

/// Lists the models, what they cost, and whether each can be used.
#[utoipa::path(
    get,
    path = "/api/models",
    tag = "models",
    security(("bearer" = ["viewer"])),
    params(RegistryQuery),
    responses((status = 200, description = "the models", body = Registry)),
)]
async fn list_models(State(app): State<App>, Query(query): Query<RegistryQuery>) -> Json<Registry> {
    // A model is routable when its provider has said so, and not because a key is set.
    app.models.ask_all().await;
    let now = app.clock.now();
    let listed = app
        .models
        .listing()
        .into_iter()
        .map(|listing| Model {
            prices: prices(&app.ledger, &listing, now),
            listing,
        })
        .collect();
    let catalog = app.models.catalog();
    let choices = catalog.modes().iter().map(|mode| Mode {
        id: mode.id.clone(),
        effort: mode.effort,
        candidates: mode.candidates.clone(),
    });
    let named = query.name.filter(|name| !name.trim().is_empty());
    let named = match named {
        Some(name) => Some(app.models.named(&name).await),
        None => None,
    };
    let default = app.config.llm.default_model.as_deref().map(str::trim);
    Json(Registry {
        models: listed,
        modes: choices.collect(),
        default: default
            .filter(|name| !name.is_empty())
            .unwrap_or(&catalog.default_mode().id)
            .to_owned(),
        named,
    })
}

/// The number of tokens that are priced to learn the price: few enough for every tier of a price list.
const SAMPLE: u64 = 1_000;

/// The ledger's present prices. The ledger is asked instead of the price list, so that shown and charged
/// prices cannot differ.
fn prices(ledger: &Ledger, listing: &ModelListing, now: DateTime<Utc>) -> Option<Prices> {
    let cost = |usage: Usage| {
        let cost = ledger.cost_of(listing.provider, &listing.provider_model, usage, now)?;
        Some((cost.total.to_dollars() * Decimal::from(1_000_000 / SAMPLE)).normalize())
    };
    let input = cost(Usage {
        input: SAMPLE,
        ..Usage::default()
    })?;
    let output = cost(Usage {
        output: SAMPLE,
        ..Usage::default()
    })?;
    Some(Prices {
        input,
        output,
        cache_read: cost(Usage {
            input: SAMPLE,
            cache_read: SAMPLE,
            ..Usage::default()
        }),
        cache_write: cost(Usage {
            input: SAMPLE,
            cache_write: SAMPLE,
            ..Usage::default()
        }),
    })
}
