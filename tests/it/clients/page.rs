//! The reference page and the page of the API, in a real browser that enforces what browsers enforce.

use sqlx::PgPool;

use crate::clients::backstage::Backstage;
use crate::clients::{client, installed};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_api_page_shows_every_operation_and_asks_no_other_host(db: PgPool) {
    let Some(browser) = installed("NAVI_BROWSER", "scripts/browser.sh") else {
        return;
    };
    let browser = browser.to_str().unwrap();
    let backstage = Backstage::open(&db).await;
    backstage
        .play("docs.mjs", &[("NAVI_BROWSER", browser)])
        .await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_page_does_everything_from_another_origin(db: PgPool) {
    let (Some(_), Some(browser)) = (client(), installed("NAVI_BROWSER", "scripts/browser.sh"))
    else {
        return;
    };
    let browser = browser.to_str().unwrap();
    let backstage = Backstage::open(&db).await;
    backstage
        .play("page.mjs", &[("NAVI_BROWSER", browser)])
        .await;
    let ratings: Vec<i16> = sqlx::query_scalar("select rating from ai_feedback order by gen_id")
        .fetch_all(&db)
        .await
        .unwrap();
    assert_eq!(ratings, [1, -1]);
}
