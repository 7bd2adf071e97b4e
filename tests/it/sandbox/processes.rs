use crate::sandbox::attempts::hold;

#[tokio::test]
async fn no_other_process_can_be_touched() {
    hold("processes").await;
}
