//! Faults on the way to a Kubernetes API server, for any controller that is written with kube-rs, and by a [`Proxy`] for any other.
//!
//! An [`Injector`] stands between a client and the server. It counts calls, strikes where its [`Plan`] says, and writes down what it
//! struck. Nothing is left to chance: the same plan strikes the same calls as long as the controller makes the same ones.
//!
//! ```
//! use http::{Request, Response};
//! use kube::{Api, Client, api::PostParams, client::Body};
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use paas_core::testing::faults::{Fault, Injector, Plan};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! // An API server that takes everything; `testing::kube::control_plane()` is a real one.
//! let server = tower::service_fn(|request: Request<Body>| async move {
//!     let object = request.into_body().collect_bytes().await?;
//!     Ok::<_, kube::Error>(Response::new(Body::from(object)))
//! });
//! let injector = Injector::new();
//! let client = injector.client(Client::new(server, "shop"));
//!
//! // The second write takes effect, and its answer is lost.
//! injector.arm(Plan::nth(1, Fault::LostReply));
//! let maps: Api<ConfigMap> = Api::default_namespaced(client);
//! assert!(maps.create(&PostParams::default(), &ConfigMap::default()).await.is_ok());
//! assert!(maps.create(&PostParams::default(), &ConfigMap::default()).await.is_err());
//! assert_eq!(injector.hits()[0].to_string(), "LostReply at write 1: create configmaps in shop");
//! # });
//! ```
//!
//! # A controller at every write
//! 1. Run it with an injector that has no plan, until its object is as it should be; [`Injector::writes`] is what there is to break.
//! 2. For each write and each [`Fault`]: a fresh object, [`Injector::arm`], the controller again. Where [`Injector::died`] ends first,
//!    drop the controller (its whole future, that is what a crash is), [`Injector::revive`], and start a new one with a new client.
//! 3. What there is in the end must be what the undisturbed run left, and nothing may have happened on the way that takes data away.
//!    [`Table`] counts and prints.
//!
//! `cargo run -p paas-examples --example hurt_a_controller` does it with a controller of fifty lines.
//!
//! Where writes are counted, those are left out that the time makes and not the object: `only(|call| call.resource != "leases")`.

mod answer;
mod call;
mod fault;
mod injector;
mod layer;
mod lines;
mod plan;
mod proxy;
mod table;
mod watch;

pub use answer::AnswerBody;
pub use call::{Call, Verb};
pub use fault::Fault;
pub use injector::{Hit, Injector};
pub use layer::{FaultLayer, Faulted};
pub use plan::Plan;
pub use proxy::Proxy;
pub use table::Table;
