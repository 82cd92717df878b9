use std::sync::Mutex;

use async_trait::async_trait;
use tokio::{io::duplex, sync::Notify};

use super::*;

/// Gives what the test prepared, in its order; the test holds the other ends.
#[derive(Debug, Default)]
struct Ways {
    prepared: Mutex<Vec<Result<DuplexStream>>>,
    asked: Notify,
}

#[async_trait]
impl Dial for Ways {
    async fn dial(&self) -> Result<DuplexStream> {
        self.asked.notify_one();
        let next = self.prepared.lock().unwrap().pop();
        next.unwrap_or_else(|| Err(away()))
    }
}

fn away() -> Error {
    Error::new(&PG_CONNECT, Class::Transient).happened("nobody is there")
}

/// A listener over these ways, the first one last; what it told.
async fn listening(
    prepared: Vec<Result<DuplexStream>>,
    bounds: Bounds,
) -> (Serving, Arc<Mutex<Vec<String>>>, Arc<Ways>) {
    let ways = Arc::new(Ways {
        prepared: Mutex::new(prepared),
        asked: Notify::new(),
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&told);
    let listener = Listener::bind(None, ways.clone()).await.unwrap().bounds(bounds);
    let serving = listener
        .telling(move |e| keep.lock().unwrap().push(e.words().to_owned()))
        .spawn();
    (serving, told, ways)
}

fn quick() -> Bounds {
    Bounds {
        connections: 2,
        patience: Duration::from_secs(60),
        pause: Duration::from_millis(1),
    }
}

async fn says(client: &mut TcpStream, words: &[u8]) {
    client.write_all(words).await.unwrap();
}

async fn hears(stream: &mut (impl AsyncReadExt + Unpin), words: &str) {
    let mut heard = vec![0; words.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), words);
}

#[tokio::test]
async fn a_connection_waits_while_no_server_is_there_and_then_loses_nothing_that_was_said() {
    let (ours, mut server) = duplex(64);
    let (closed, _) = duplex(64);
    // At first nobody; then somebody who goes away before a word; then the server.
    let (serving, told, _) = listening(vec![Ok(ours), Ok(closed), Err(away()), Err(away())], quick()).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    says(&mut client, b"hello").await;
    hears(&mut server, "hello").await;
    server.write_all(b"welcome").await.unwrap();
    hears(&mut client, "welcome").await;
    says(&mut client, b"more").await;
    hears(&mut server, "more").await;
    assert_eq!(*told.lock().unwrap(), ["nobody is there"], "it is told once");
    // A server that goes away closes the connection.
    drop(server);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_connection_is_closed_with_a_word_when_patience_is_over_and_at_once_where_waiting_is_in_vain() {
    let none = Bounds {
        patience: Duration::ZERO,
        ..quick()
    };
    let (serving, told, _) = listening(Vec::new(), none).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    says(&mut client, b"hello").await;
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert!(told.lock().unwrap().contains(&"nobody is there".to_owned()));
    let never = Error::new(&PG_CONNECT, Class::Denied).happened("not allowed");
    let (serving, told, _) = listening(vec![Err(never)], quick()).await;
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    says(&mut client, b"hello").await;
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(*told.lock().unwrap(), ["not allowed"]);
}

#[tokio::test]
async fn whoever_says_nothing_opens_no_way_and_a_request_to_cancel_is_sent_once() {
    let (ours, mut server) = duplex(64);
    let (serving, told, ways) = listening(vec![Ok(ours)], quick()).await;
    drop(TcpStream::connect(serving.address()).await.unwrap());
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    says(&mut client, &[&CANCEL[..], &[0; 8]].concat()).await;
    ways.asked.notified().await;
    let mut heard = [0; 16];
    server.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard[..8], CANCEL);
    drop(server);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert!(ways.prepared.lock().unwrap().is_empty() && told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_until_another_one_ends() {
    let ends: Vec<_> = (0..3).map(|_| duplex(64)).collect();
    let (ours, mut servers): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let (serving, _, ways) = listening(ours.into_iter().map(Ok).collect(), quick()).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(serving.address()).await.unwrap();
        says(&mut client, b"hello").await;
        clients.push(client);
    }
    // Ways are taken from the end.
    let mut third = servers.remove(0);
    for server in &mut servers {
        hears(server, "hello").await;
        server.write_all(b"w").await.unwrap();
    }
    assert_eq!(ways.prepared.lock().unwrap().len(), 1, "the third waits");
    drop(servers);
    hears(&mut third, "hello").await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_the_end_closes_everything() {
    let (ours, mut server) = duplex(64);
    let (serving, ..) = listening(vec![Ok(ours)], quick()).await;
    let taken = Listener::bind(Some(serving.address().port()), Arc::new(Ways::default())).await;
    assert_eq!(taken.unwrap_err().code().id, K8S_LISTEN.id);
    let mut client = TcpStream::connect(serving.address()).await.unwrap();
    says(&mut client, b"hello").await;
    hears(&mut server, "hello").await;
    drop(serving);
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    assert!(client.read(&mut [0]).await.map_or(true, |read| read == 0));
}
