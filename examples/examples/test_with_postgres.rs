//! A real database for each test of your program.
//!
//! `cargo run -p paas-examples --example test_with_postgres`; in a project of yours, `paas-core` with the features `testing` and
//! `local-download` is a dev-dependency, and this is a `#[tokio::test]`.

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let db = paas_core::testing::postgres().await?;
    let customers = count_after_signing_up(db.url(), "Ada").await?;
    assert_eq!(customers, 1);

    // Another test knows nothing of it.
    let other = paas_core::testing::postgres().await?;
    assert_eq!(count_after_signing_up(other.url(), "Grace").await?, 1);
    paas_examples::say("two tests, two databases, one server, which goes now\n");
    Ok(())
}

/// What is tested: it gets a URL and knows nothing of tests.
async fn count_after_signing_up(url: &str, name: &str) -> Result<i64, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute("CREATE TABLE IF NOT EXISTS customers (name text)")
        .await?;
    client
        .execute("INSERT INTO customers VALUES ($1)", &[&name])
        .await?;
    Ok(client
        .query_one("SELECT count(*) FROM customers", &[])
        .await?
        .get(0))
}
