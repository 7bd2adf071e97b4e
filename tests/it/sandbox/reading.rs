use crate::sandbox::attempts::hold;

#[tokio::test]
async fn nothing_outside_can_be_read() {
    hold("reading").await;
}
