//! The services whose keys have no form of their own.

/// A service whose keys have no form of their own.
#[derive(Debug)]
pub(in crate::platform::redact) struct Vendor {
    /// Its name in small letters.
    pub(in crate::platform::redact::rules) name: &'static str,
    /// Three bytes of it that few other words have.
    pub(in crate::platform::redact::rules) anchor: [u8; 3],
    /// Where they stand in it.
    pub(in crate::platform::redact::rules) offset: usize,
}

const fn vendor(name: &'static str, anchor: [u8; 3], offset: usize) -> Vendor {
    Vendor {
        name,
        anchor,
        offset,
    }
}

/// All of them.
pub(in crate::platform::redact::rules) const VENDORS: &[Vendor] = &[
    vendor("adafruit", *b"daf", 1),
    vendor("airtable", *b"irt", 1),
    vendor("algolia", *b"gol", 2),
    vendor("alibaba", *b"iba", 2),
    vendor("artifactory", *b"ifa", 3),
    vendor("asana", *b"asa", 0),
    vendor("atlassian", *b"sia", 5),
    vendor("beamer", *b"bea", 0),
    vendor("bitbucket", *b"itb", 1),
    vendor("bittrex", *b"rex", 4),
    vendor("cloudflare", *b"udf", 3),
    vendor("codecov", *b"cov", 4),
    vendor("cohere", *b"coh", 0),
    vendor("coinbase", *b"coi", 0),
    vendor("confluence", *b"nfl", 2),
    vendor("confluent", *b"nfl", 2),
    vendor("contentful", *b"tfu", 6),
    vendor("datadog", *b"dog", 4),
    vendor("discord", *b"isc", 1),
    vendor("dropbox", *b"pbo", 3),
    vendor("etsy", *b"tsy", 1),
    vendor("facebook", *b"ceb", 2),
    vendor("fastly", *b"stl", 2),
    vendor("finicity", *b"ici", 3),
    vendor("finnhub", *b"nnh", 2),
    vendor("flickr", *b"ckr", 3),
    vendor("freshbooks", *b"shb", 3),
    vendor("gocardless", *b"goc", 0),
    vendor("heroku", *b"oku", 3),
    vendor("hubspot", *b"bsp", 2),
    vendor("intercom", *b"rco", 4),
    vendor("jfrog", *b"jfr", 0),
    vendor("jira", *b"jir", 0),
    vendor("kraken", *b"kra", 0),
    vendor("kucoin", *b"kuc", 0),
    vendor("launchdarkly", *b"kly", 9),
    vendor("linear", *b"nea", 2),
    vendor("linkedin", *b"nke", 2),
    vendor("mailchimp", *b"ilc", 2),
    vendor("mailgun", *b"ilg", 2),
    vendor("mapbox", *b"apb", 1),
    vendor("mattermost", *b"rmo", 5),
    vendor("meraki", *b"rak", 2),
    vendor("messagebird", *b"geb", 5),
    vendor("netlify", *b"etl", 1),
    vendor("newrelic", *b"wre", 2),
    vendor("nytimes", *b"yti", 1),
    vendor("okta", *b"kta", 1),
    vendor("privateai", *b"eai", 6),
    vendor("rapidapi", *b"dap", 4),
    vendor("sendbird", *b"bir", 4),
    vendor("snyk", *b"sny", 0),
    vendor("squarespace", *b"squ", 0),
    vendor("sumologic", *b"umo", 1),
    vendor("travis", *b"rav", 1),
    vendor("twitch", *b"twi", 0),
    vendor("twitter", *b"twi", 0),
    vendor("typeform", *b"pef", 2),
    vendor("yandex", *b"yan", 0),
    vendor("zendesk", *b"zen", 0),
];
