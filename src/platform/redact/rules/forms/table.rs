//! The tokens and addresses that are known by how they begin.

use crate::platform::redact::rules::bytes::is_word;

/// A kind of token.
#[derive(Debug)]
pub(in crate::platform::redact) struct Form {
    /// Its exact beginning.
    pub(in crate::platform::redact) prefix: &'static str,
    /// Its name when it is redacted.
    pub(super) kind: &'static str,
    /// The least number of characters after the prefix.
    pub(super) least: usize,
    /// True if there are no more than that.
    pub(super) is_exact: bool,
    /// Their alphabet.
    pub(super) of: Of,
    /// True if the prefix is also a word or a piece of base64, so that it counts only where a word begins.
    pub(super) is_strict: bool,
}

/// The alphabet of the rest of a token.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    /// Letters and digits.
    Alnum,
    /// Letters and digits, and not hexadecimal digits alone.
    Mixed,
    /// Letters, digits, `_` and `-`.
    Word,
    /// The same and dots.
    Dotted,
    /// Letters, digits, `_` and `-`, with a long piece that looks like no word.
    Random,
    /// Capitals and digits.
    Capitals,
    /// The same and dashes.
    CapitalsDashed,
    /// Hexadecimal digits in small letters.
    Hex,
    /// The same in letters of either size.
    AnyHex,
    /// Hexadecimal digits in small letters and dashes.
    HexDashed,
    /// Base64, with dots and signs of either alphabet.
    Base64,
}

impl Of {
    /// A byte belongs to the alphabet.
    pub(super) fn takes(self, byte: u8) -> bool {
        match self {
            Self::Alnum | Self::Mixed => byte.is_ascii_alphanumeric(),
            Self::Word | Self::Random => is_word(byte),
            Self::Dotted => is_word(byte) || byte == b'.',
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::CapitalsDashed => {
                byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-'
            }
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::AnyHex => byte.is_ascii_hexdigit(),
            Self::HexDashed => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f' | b'-'),
            Self::Base64 => is_word(byte) || matches!(byte, b'.' | b'+' | b'/' | b'=' | b'%'),
        }
    }
}

const fn form(prefix: &'static str, kind: &'static str, least: usize, of: Of) -> Form {
    Form {
        prefix,
        kind,
        least,
        is_exact: false,
        of,
        is_strict: false,
    }
}

impl Form {
    /// The form of tokens that are no longer.
    const fn exactly(mut self) -> Self {
        self.is_exact = true;
        self
    }

    /// The form of tokens that begin where a word begins.
    const fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }
}

/// The tokens that are known by their prefix.
pub(in crate::platform::redact) const FORMS: &[Form] = &[
    form("sk-", "api-key", 20, Of::Random),
    form("sk-ant-", "anthropic-key", 12, Of::Word),
    form("sk-proj-", "openai-key", 12, Of::Word),
    form("sk-svcacct-", "openai-key", 12, Of::Word),
    form("sk-or-v1-", "openrouter-key", 12, Of::Word),
    form("gsk_", "groq-key", 20, Of::Alnum),
    form("xai-", "xai-key", 20, Of::Alnum),
    form("pplx-", "perplexity-key", 20, Of::Alnum),
    form("nvapi-", "nvidia-key", 20, Of::Word),
    form("r8_", "replicate-token", 20, Of::Alnum),
    form("hf_", "huggingface-token", 20, Of::Alnum),
    form("ghp_", "github-token", 20, Of::Alnum),
    form("gho_", "github-token", 20, Of::Alnum),
    form("ghu_", "github-token", 20, Of::Alnum),
    form("ghs_", "github-token", 20, Of::Alnum),
    form("ghr_", "github-token", 20, Of::Alnum),
    form("github_pat_", "github-token", 20, Of::Word),
    form("glpat-", "gitlab-token", 16, Of::Dotted),
    form("gldt-", "gitlab-token", 16, Of::Dotted),
    form("glrt-", "gitlab-token", 16, Of::Dotted),
    form("glptt-", "gitlab-token", 16, Of::Dotted),
    form("glcbt-", "gitlab-token", 16, Of::Dotted),
    form("glsoat-", "gitlab-token", 16, Of::Dotted),
    form("ATBB", "bitbucket-token", 24, Of::Alnum),
    form("xoxa-", "slack-token", 8, Of::Word),
    form("xoxb-", "slack-token", 8, Of::Word),
    form("xoxc-", "slack-token", 8, Of::Word),
    form("xoxd-", "slack-token", 8, Of::Base64),
    form("xoxe-", "slack-token", 8, Of::Word),
    form("xoxe.", "slack-token", 8, Of::Word),
    form("xoxo-", "slack-token", 8, Of::Word),
    form("xoxp-", "slack-token", 8, Of::Word),
    form("xoxr-", "slack-token", 8, Of::Word),
    form("xoxs-", "slack-token", 8, Of::Word),
    form("xapp-", "slack-token", 10, Of::Word),
    form("AKIA", "aws-key-id", 16, Of::Capitals).exactly(),
    form("ASIA", "aws-key-id", 16, Of::Capitals).exactly(),
    form("LTAI", "alibaba-key-id", 16, Of::Alnum),
    form("AIza", "google-key", 30, Of::Word),
    form("ya29.", "google-token", 20, Of::Dotted),
    form("1//0", "google-token", 30, Of::Word),
    form("GOCSPX-", "google-secret", 20, Of::Word),
    form("npm_", "npm-token", 30, Of::Alnum),
    form("pypi-AgE", "pypi-token", 20, Of::Word),
    form("rubygems_", "rubygems-key", 32, Of::Hex),
    form("dckr_pat_", "docker-token", 20, Of::Word),
    form("sk_live_", "stripe-key", 10, Of::Alnum),
    form("sk_test_", "stripe-key", 10, Of::Alnum),
    form("rk_live_", "stripe-key", 10, Of::Alnum),
    form("rk_test_", "stripe-key", 10, Of::Alnum),
    form("whsec_", "webhook-secret", 16, Of::Base64),
    form("sq0atp-", "square-token", 20, Of::Word),
    form("sq0csp-", "square-secret", 20, Of::Word),
    form("shpat_", "shopify-token", 20, Of::Alnum),
    form("shpss_", "shopify-secret", 20, Of::Alnum),
    form("shpca_", "shopify-token", 20, Of::Alnum),
    form("shppa_", "shopify-token", 20, Of::Alnum),
    form("SG.", "sendgrid-key", 30, Of::Base64),
    form("key-", "mailgun-key", 32, Of::Hex).strict(),
    form("dop_v1_", "digitalocean-token", 32, Of::Hex),
    form("doo_v1_", "digitalocean-token", 32, Of::Hex),
    form("dor_v1_", "digitalocean-token", 32, Of::Hex),
    form("ATATT3", "atlassian-token", 20, Of::Base64),
    form("ATCTT3", "atlassian-token", 20, Of::Base64),
    form("lin_api_", "linear-key", 20, Of::Alnum),
    form("ntn_", "notion-token", 30, Of::Alnum),
    form("secret_", "notion-token", 40, Of::Alnum).strict(),
    form("figd_", "figma-token", 20, Of::Word),
    form("hvs.", "vault-token", 20, Of::Word),
    form("hvb.", "vault-token", 20, Of::Word),
    form("pul-", "pulumi-token", 40, Of::Hex),
    form("sbp_", "supabase-token", 40, Of::Hex),
    form("nfp_", "netlify-token", 30, Of::Alnum),
    form("PMAK-", "postman-key", 24, Of::Word),
    form("glsa_", "grafana-token", 20, Of::Word),
    form("glc_", "grafana-token", 30, Of::Base64),
    form("sntrys_", "sentry-token", 30, Of::Base64),
    form("sntryu_", "sentry-token", 30, Of::Hex),
    form("NRAK-", "newrelic-key", 20, Of::Alnum),
    form("tskey-", "tailscale-key", 20, Of::Word),
    form("CFPAT-", "contentful-token", 20, Of::Word),
    form("ops_ey", "onepassword-token", 40, Of::Base64),
    form("AGE-SECRET-KEY-1", "age-key", 40, Of::Alnum),
    form("gAAAAA", "fernet", 60, Of::Word),
    form("sk-admin-", "openai-key", 12, Of::Word),
    form("sk-lf-", "langfuse-key", 30, Of::Word),
    form("live_", "lob-key", 35, Of::Hex).exactly(),
    form("test_", "lob-key", 35, Of::Hex).exactly(),
    form("live_pub_", "lob-key", 31, Of::Hex).exactly(),
    form("test_pub_", "lob-key", 31, Of::Hex).exactly(),
    form("lsv2_pt_", "langsmith-key", 30, Of::Word),
    form("lsv2_sk_", "langsmith-key", 30, Of::Word),
    form("csk-", "cerebras-key", 40, Of::Alnum),
    form("tgp_v1_", "together-key", 40, Of::Word),
    form("pcsk_", "pinecone-key", 40, Of::Word),
    form("jina_", "jina-key", 40, Of::Word),
    form("tvly-", "tavily-key", 30, Of::Word),
    form("apify_api_", "apify-token", 30, Of::Alnum),
    form("api_org_", "huggingface-token", 30, Of::Alnum),
    form("glffct-", "gitlab-token", 16, Of::Dotted),
    form("glft-", "gitlab-token", 16, Of::Dotted),
    form("glimt-", "gitlab-token", 16, Of::Dotted),
    form("glagent-", "gitlab-token", 16, Of::Dotted),
    form("gloas-", "gitlab-token", 16, Of::Dotted),
    form("glwt-", "gitlab-token", 16, Of::Dotted),
    form("GR1348941", "gitlab-token", 20, Of::Word),
    form("_gitlab_session=", "gitlab-session", 32, Of::Alnum),
    form("A3T", "aws-key-id", 17, Of::Capitals).exactly(),
    form("ABIA", "aws-key-id", 16, Of::Capitals).exactly(),
    form("ACCA", "aws-key-id", 16, Of::Capitals).exactly(),
    form("ABSK", "aws-bedrock-key", 100, Of::Base64),
    form("bedrock-api-key-", "aws-bedrock-key", 40, Of::Base64),
    form("AKID", "tencent-key-id", 32, Of::Alnum).exactly(),
    form("AQVN", "yandex-key", 35, Of::Word),
    form("SCW", "scaleway-key", 17, Of::Capitals).exactly(),
    form("tk-us-", "scalingo-token", 40, Of::Word),
    form("SK", "twilio-key", 32, Of::AnyHex).exactly(),
    form("AC", "twilio-account", 32, Of::Hex).exactly(),
    form("dapi", "databricks-token", 32, Of::Hex),
    form("dp.pt.", "doppler-token", 40, Of::Dotted),
    form("dp.st.", "doppler-token", 40, Of::Dotted),
    form("dp.ct.", "doppler-token", 40, Of::Dotted),
    form("dp.sa.", "doppler-token", 40, Of::Dotted),
    form("dp.scim.", "doppler-token", 40, Of::Dotted),
    form("dp.audit.", "doppler-token", 40, Of::Dotted),
    form("mfa.", "discord-token", 60, Of::Word),
    form("p8e-", "adobe-secret", 32, Of::Alnum),
    form("AKCp", "artifactory-key", 60, Of::Alnum),
    form("cmVmd", "artifactory-token", 50, Of::Alnum),
    form("4b1d", "clickhouse-key", 38, Of::Mixed).exactly(),
    form("CLOJARS_", "clojars-token", 50, Of::Alnum),
    form("v1.0-", "cloudflare-origin-key", 100, Of::HexDashed),
    form("cio", "crates-token", 32, Of::Alnum)
        .exactly()
        .strict(),
    form("dnkey-", "defined-networking-key", 60, Of::Base64),
    form("duffel_test_", "duffel-token", 40, Of::Base64),
    form("duffel_live_", "duffel-token", 40, Of::Base64),
    form("dt0c01.", "dynatrace-token", 60, Of::Dotted),
    form("dt0s01.", "dynatrace-token", 60, Of::Dotted),
    form("dt0s16.", "dynatrace-token", 60, Of::Dotted),
    form("EZAK", "easypost-key", 54, Of::Alnum),
    form("EZTK", "easypost-key", 54, Of::Alnum),
    form("EAA", "facebook-token", 100, Of::Alnum).strict(),
    form("EAAA", "square-token", 60, Of::Word)
        .exactly()
        .strict(),
    form("FLWSECK_TEST-", "flutterwave-key", 12, Of::Word),
    form("FLWSECK-", "flutterwave-key", 12, Of::Word),
    form("FLWPUBK_TEST-", "flutterwave-key", 32, Of::Word),
    form("fo1_", "fly-token", 40, Of::Word),
    form("fm1a_", "fly-token", 80, Of::Base64),
    form("fm1r_", "fly-token", 80, Of::Base64),
    form("fm2_", "fly-token", 80, Of::Base64),
    form("fio-u-", "frameio-token", 60, Of::Base64),
    form("eyJrIjoi", "grafana-key", 60, Of::Base64),
    form("HRKU-AA", "heroku-key", 50, Of::Word),
    form("pat-na1-", "hubspot-token", 36, Of::Word),
    form("pat-eu1-", "hubspot-token", 36, Of::Word),
    form("ico-", "infracost-key", 32, Of::Alnum)
        .exactly()
        .strict(),
    form("s-s4t2ud-", "intra42-secret", 64, Of::Hex),
    form("s-s4t2af-", "intra42-secret", 64, Of::Hex),
    form("ZXlK", "jwt", 80, Of::Base64),
    form("lin_oauth_", "linear-key", 20, Of::Alnum),
    form("pubkey-", "mailgun-key", 32, Of::Hex).strict(),
    form("nfc_", "netlify-token", 30, Of::Alnum),
    form("nfo_", "netlify-token", 30, Of::Alnum),
    form("nfu_", "netlify-token", 30, Of::Alnum),
    form("NRJS-", "newrelic-key", 19, Of::Hex),
    form("NRII-", "newrelic-key", 30, Of::Word),
    form("oy2", "nuget-key", 43, Of::Alnum).exactly(),
    form("API-", "octopus-key", 26, Of::Capitals).exactly(),
    form("A3-", "onepassword-key", 36, Of::CapitalsDashed),
    form("sha256~", "openshift-token", 43, Of::Word),
    form("access-sandbox-", "plaid-token", 36, Of::HexDashed),
    form("access-development-", "plaid-token", 36, Of::HexDashed),
    form("access-production-", "plaid-token", 36, Of::HexDashed),
    form("pscale_tkn_", "planetscale-token", 32, Of::Base64),
    form("pscale_oauth_", "planetscale-token", 32, Of::Base64),
    form("pscale_pw_", "planetscale-password", 32, Of::Base64),
    form("phx_", "posthog-key", 40, Of::Alnum),
    form("pnu_", "prefect-key", 36, Of::Alnum),
    form("pnb_", "prefect-key", 36, Of::Alnum),
    form("rdme_", "readme-key", 60, Of::Alnum),
    form("rnd_", "render-key", 30, Of::Alnum),
    form("xkeysib-", "sendinblue-key", 60, Of::Word),
    form("xsmtpsib-", "sendinblue-key", 60, Of::Word),
    form("sm_aat_", "settlemint-token", 16, Of::Alnum),
    form("sm_pat_", "settlemint-token", 16, Of::Alnum),
    form("sm_sat_", "settlemint-token", 16, Of::Alnum),
    form("shippo_live_", "shippo-token", 40, Of::Alnum),
    form("shippo_test_", "shippo-token", 40, Of::Alnum),
    form("sqp_", "sonar-token", 40, Of::Alnum),
    form("squ_", "sonar-token", 40, Of::Alnum),
    form("sqa_", "sonar-token", 40, Of::Alnum),
    form("sgp_", "sourcegraph-token", 40, Of::Word),
    form("sk_prod_", "stripe-key", 10, Of::Alnum),
    form("rk_prod_", "stripe-key", 10, Of::Alnum),
    form("sb_secret_", "supabase-token", 20, Of::Word),
    form("tfp_", "typeform-token", 50, Of::Base64),
    form("hvr.", "vault-token", 20, Of::Word),
    form("dckr_oat_", "docker-token", 20, Of::Word),
    form("amzn1.oa2-cs.v1.", "amazon-secret", 60, Of::Alnum),
    // Private keys whose whole block is in base64.
    form(
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFURS",
        "private-key",
        60,
        Of::Base64,
    ),
    form("LS0tLS1CRUdJTiBQUklWQVRFI", "private-key", 60, Of::Base64),
    form(
        "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVE",
        "private-key",
        60,
        Of::Base64,
    ),
    form(
        "LS0tLS1CRUdJTiBFQyBQUklWQVRFI",
        "private-key",
        60,
        Of::Base64,
    ),
    form(
        "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFUR",
        "private-key",
        60,
        Of::Base64,
    ),
    form(
        "LS0tLS1CRUdJTiBEU0EgUFJJVkFUR",
        "private-key",
        60,
        Of::Base64,
    ),
    form(
        "LS0tLS1CRUdJTiBQR1AgUFJJVkFUR",
        "private-key",
        60,
        Of::Base64,
    ),
    form("AQAAABAAAAA", "jenkins-secret", 30, Of::Base64),
    form("sk-ant-oat01-", "anthropic-key", 12, Of::Word),
    form("amzn.mws.", "amazon-secret", 36, Of::HexDashed),
    form("shpua_", "shopify-token", 20, Of::Alnum),
    form("aio_", "adafruit-key", 28, Of::Alnum),
    form("AVNS_", "aiven-password", 16, Of::Word),
    form("AKLT", "volcengine-key-id", 40, Of::Alnum),
    form("BBDC-", "bitbucket-token", 40, Of::Base64),
    form("bkua_", "buildkite-token", 40, Of::Hex),
    form("CCIPAT_", "circleci-token", 40, Of::Word),
    form("CCIPRJ_", "circleci-token", 40, Of::Word),
    form("dose", "databricks-token", 32, Of::Hex).strict(),
    form("dkea", "databricks-token", 32, Of::Hex).strict(),
    form("e2b_", "e2b-key", 40, Of::Hex),
    form("essu_", "elastic-key", 40, Of::Base64),
    form("lip_", "lichess-token", 20, Of::Alnum),
    form("napi_", "neon-key", 60, Of::Alnum),
    form("pina_", "pinterest-token", 60, Of::Alnum),
    form("polar_oat_", "polar-token", 30, Of::Alnum),
    form("pts_", "pangea-token", 32, Of::Alnum).exactly(),
    form("pylf_v1_", "logfire-token", 40, Of::Word),
    form("rootly_", "rootly-token", 60, Of::Hex),
    form("rpa_", "runpod-key", 40, Of::Alnum),
    form("rzp_live_", "razorpay-key", 14, Of::Alnum),
    form("samsara_api_", "samsara-token", 28, Of::Alnum),
    form("secret-token:mercury_", "mercury-token", 30, Of::Word),
    form("sess-", "openai-key", 40, Of::Alnum),
    form("sk_sbox_", "checkout-key", 20, Of::Alnum),
    form("ucat_", "upcloud-token", 26, Of::Capitals),
    form("unkey_", "unkey-key", 20, Of::Alnum),
    form("vcp_", "vercel-token", 50, Of::Word),
    form("vck_", "vercel-key", 50, Of::Word),
    form("vca_", "vercel-token", 50, Of::Word),
    form("vtwn_", "valtown-token", 27, Of::Alnum),
    form("waka_", "wakatime-key", 36, Of::HexDashed),
    form("wandb_v1_", "wandb-key", 40, Of::Word),
    form("y0_", "yandex-token", 50, Of::Word),
    form("zpka_", "zuplo-key", 40, Of::Word),
    // Ours, for streams.
    form("navist_", "stream-ticket", 60, Of::Word),
];

/// Addresses that are secrets from here on: knowing one is enough to post there.
pub(in crate::platform::redact) const WEBHOOKS: &[&str] = &[
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "hooks.slack.com/triggers/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "discord.com/api/v6/webhooks/",
    "discord.com/api/v7/webhooks/",
    "discord.com/api/v8/webhooks/",
    "discord.com/api/v9/webhooks/",
    "discord.com/api/v10/webhooks/",
    ".webhook.office.com/",
    "ok.office.com/webhook/",
    "hooks.zapier.com/hooks/catch/",
];
