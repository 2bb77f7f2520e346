//! Worlds that cannot be.

use chat_hub::world::World;
use serde_json::json;

fn check(world: serde_json::Value) -> Result<(), String> {
    let world: World = serde_json::from_value(world).map_err(|error| error.to_string())?;
    world.validate().map_err(|error| error.to_string())
}

fn account(key: &str, user: u64) -> serde_json::Value {
    json!({"api_key": key, "secret": "s", "nickname": "n", "user_id": user})
}

#[test]
fn numbers_may_be_text_and_secrets_do_not_print() {
    let world: World = serde_json::from_value(json!({
        "tenants": [{"domain": "d", "extensions": [
            {"number": "1", "password": "hush", "user_id": "18446744073709551615"}]}],
    }))
    .unwrap();
    assert_eq!(world.tenants[0].extensions[0].user_id, u64::MAX);
    assert!(!format!("{world:?}").contains("hush"));
    world.validate().unwrap();
}

#[test]
fn errors_name_what_is_wrong() {
    let two = json!([account("a", 1), account("b", 2)]);
    let order = |no: &str, maker: &str, taker: &str| json!({"c2c": {"accounts": two, "orders": [{"order_no": no, "maker": maker, "taker": taker}]}});
    let tenant = |extensions: serde_json::Value| json!({"tenants": [{"domain": "d", "extensions": extensions}]});
    let one = |number: &str, id: u64| json!({"number": number, "password": "p", "user_id": id});
    for (world, words) in [
        (order("20476365073825144832", "a", "x"), "account 'x', which does not exist"),
        (order("12x", "a", "b"), "order '12x' is not a row of digits"),
        (order("12", "a", "a"), "order '12' is between one account"),
        (
            json!({"c2c": {"accounts": [account("a", 1), account("a", 2)]}}),
            "API key 'a' occurs twice",
        ),
        (
            json!({"c2c": {"accounts": [account("a", 1), account("b", 1)]}}),
            "C2C user id '1' occurs twice",
        ),
        (tenant(json!([one("1", 5), one("2", 5)])), "user id '5' occurs twice"),
        (tenant(json!([one("1", 5), one("1", 6)])), "extension '1' occurs twice"),
        (tenant(json!([one("a@b", 5)])), "extension 'a@b' holds a character"),
        (tenant(json!([one("1", 0)])), "user id '0' is reserved"),
        (json!({"tenants": [{"domain": "D"}, {"domain": "d"}]}), "domain 'd' occurs twice"),
        (json!({"tenant": []}), "unknown field `tenant`"),
    ] {
        let said = check(world).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
    check(order("20476365073825144832", "a", "b")).unwrap();
}
