use serde_json::Value;
pub fn redact_json(_value: &mut Value) -> bool {
    false
}
