use crate::sandbox::attempts::hold;

#[tokio::test]
async fn the_kernel_is_asked_for_nothing_dangerous() {
    hold("system_calls").await;
}
