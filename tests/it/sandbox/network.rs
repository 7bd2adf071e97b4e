use crate::sandbox::attempts::hold;

#[tokio::test]
async fn there_is_no_way_into_a_network() {
    hold("network").await;
}
