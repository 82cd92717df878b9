//! What leads to a look: changes of the objects themselves, and of what they own.
//!
//! Objects are watched as they are (`DynamicObject`), so that one that our types cannot read stops nobody's watch. What they own is
//! watched by its metadata alone.

use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, future, stream::BoxStream};
use kube::{
    Api, Client, ResourceExt,
    api::DynamicObject,
    core::{ApiResource, DynamicResourceScope, PartialObjectMeta},
    runtime::{
        Config as ApplierConfig, Predicate, WatchStreamExt, applier,
        controller::{Action, Error, ReconcileRequest},
        predicates,
        reflector::{ObjectRef, Store, store::Writer},
        watcher,
    },
};
use paas_core::{
    kube::{OWNER, ObjectKind},
    spec::Kind,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    context::{Context, Owners},
    health::Health,
    holdings::Holdings,
    object::api_resource,
    reconcile::{Managed, reconcile},
};

/// The label of what is kept for an owner beside its resources.
const STORE: &str = "paas.rs/store";

type Requests = BoxStream<'static, watcher::Result<ReconcileRequest<DynamicObject>>>;

/// Where is watched: one namespace, or all.
pub(crate) type Place = Option<String>;

/// What is kept of the objects of one kind in one place.
pub(crate) struct Cache {
    /// Whoever has it fills the cache; its readers see what is there.
    pub(crate) writer: Writer<DynamicObject>,
    /// Told of each change, when readers see it.
    pub(crate) changed: Arc<Notify>,
    /// What the objects of this kind made and what holds data.
    pub(crate) holdings: Arc<Holdings>,
}

impl Cache {
    /// An empty one.
    pub(crate) fn new(kind: Kind, changed: &Arc<Notify>, holdings: &Arc<Holdings>) -> Self {
        Self {
            writer: Writer::new(api_resource(kind)),
            changed: Arc::clone(changed),
            holdings: Arc::clone(holdings),
        }
    }
}

/// Reconciles the objects of one kind in one place until `stop`; returns when the last reconcile under way has ended.
pub(crate) async fn control<M: Managed>(
    cx: Arc<Context>,
    place: Place,
    cache: Cache,
    health: Arc<Health>,
    stop: CancellationToken,
) {
    let kind = api_resource(M::KIND);
    let (store, holdings) = (cache.writer.as_reader(), Arc::clone(&cache.holdings));
    let mut requests = vec![objects(api(&cx.client, &kind, &place), cache, kind.clone())];
    if M::OWNS {
        let owned = cx.engines.kinds().into_iter();
        requests.extend(owned.map(|k| children(&cx.client, k, &place, cx.owners.clone(), &holdings)));
    }
    let queue = futures::stream::select_all(requests).take_until(stop.clone().cancelled_owned());
    let (is_listed, begun) = (CancellationToken::new(), stop.clone());
    let listed = {
        let (store, stop, is_listed) = (store.clone(), stop.clone(), is_listed.clone());
        async move {
            tokio::select! {
                listed = store.wait_until_ready() => if listed.is_ok() {
                    is_listed.cancel();
                    health.listed();
                },
                () = stop.cancelled() => {}
            }
        }
    };
    let look = {
        let store = store.clone();
        move |shown: Arc<DynamicObject>, cx: Arc<Context>| {
            let (store, kind) = (store.clone(), kind.clone());
            let turn =
                async move { Ok::<_, std::convert::Infallible>(turn::<M>(&cx, &store, shown, kind).await) };
            Box::pin(turn)
        }
    };
    let never_fails =
        |_: Arc<DynamicObject>, never: &std::convert::Infallible, _: Arc<Context>| match *never {};
    let ends = applier(look, never_fails, cx, store, queue, ApplierConfig::default());
    let reconciling = ends.for_each(|end| {
        told(M::KIND.as_str(), end);
        future::ready(())
    });
    // What was never listed was never begun either, and would be waited for without end.
    let unlisted = async {
        begun.cancelled().await;
        if is_listed.is_cancelled() {
            future::pending::<()>().await;
        }
    };
    let reconciling = async {
        tokio::select! {
            () = reconciling => {}
            () = unlisted => {}
        }
    };
    tokio::join!(listed, reconciling);
}

/// Waits for one of the turns that all kinds share, and reconciles what the cache shows then.
async fn turn<M: Managed>(
    cx: &Context,
    store: &Store<DynamicObject>,
    shown: Arc<DynamicObject>,
    kind: ApiResource,
) -> Action {
    let waiting = cx.metrics.queued(M::KIND);
    let turn = tokio::select! {
        turn = cx.turns.acquire() => turn,
        () = cx.cancel.cancelled() => return Action::await_change(),
    };
    drop(waiting);
    let Ok(_turn) = turn else {
        return Action::await_change();
    };
    if !cx.may_write().await {
        return Action::await_change();
    }
    let _working = cx.metrics.working(M::KIND);
    // It may have changed while it waited for its turn.
    let at = ObjectRef::from_obj_with(&*shown, kind);
    let Some(now) = store.get(&at) else {
        cx.forget(M::KIND, &shown.uid().unwrap_or_default());
        return Action::await_change();
    };
    match reconcile::<M>(cx, now).await {
        Some(next) => Action::requeue(next),
        None => Action::await_change(),
    }
}

/// Changes of the objects of a kind. What only their status says is our own doing.
fn objects(api: Api<DynamicObject>, cache: Cache, kind: ApiResource) -> Requests {
    let Cache { writer, changed, .. } = cache;
    let wanted = predicates::generation
        .combine(predicates::annotations)
        .combine(predicates::finalizers);
    watcher(api, watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .inspect_ok(move |_| changed.notify_one())
        .applied_objects()
        .predicate_filter(wanted, Default::default())
        .map_ok(move |object| ObjectRef::from_obj_with(&object, kind.clone()).into())
        .boxed()
}

/// Changes of what is owned, of one kind.
fn children(
    client: &Client,
    kind: &'static ObjectKind,
    place: &Place,
    owners: Owners,
    holdings: &Arc<Holdings>,
) -> Requests {
    let resource = ApiResource {
        group: kind.group.to_owned(),
        version: kind.version.to_owned(),
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
    };
    let place = place.clone().filter(|_| kind.namespaced);
    // What is kept for an owner and is no resource, its ledger and secrets, changes by our own hand.
    let marked = watcher::Config::default().labels(&format!("{OWNER},!{STORE}"));
    holdings.expect(kind);
    let held = Arc::clone(holdings);
    let changes = watcher(api(client, &resource, &place), marked)
        .default_backoff()
        .inspect(move |event| held.saw(kind, event))
        .touched_objects();
    owned(changes, owners, kind).boxed()
}

/// The owners of what changed. A kind that the cluster lacks is asked for again, ever more rarely, for it may be installed later.
fn owned(
    changes: impl Stream<Item = watcher::Result<PartialObjectMeta<DynamicObject>>> + Send + 'static,
    owners: Owners,
    kind: &'static ObjectKind,
) -> impl Stream<Item = watcher::Result<ReconcileRequest<DynamicObject>>> + Send + 'static {
    changes.filter_map(move |change| {
        future::ready(match change {
            Ok(child) => child
                .labels()
                .get(OWNER)
                .and_then(|mark| owners.of(mark))
                .map(|at| Ok(at.into())),
            Err(watcher::Error::InitialListFailed(kube::Error::Api(status)))
                if status.code == 404 && kind.optional =>
            {
                tracing::debug!(?kind, "the cluster has no such kind");
                None
            }
            Err(error) => Some(Err(error)),
        })
    })
}

fn api<K: kube::Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>>(
    client: &Client,
    resource: &ApiResource,
    place: &Place,
) -> Api<K> {
    match place {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

type End = Result<(ObjectRef<DynamicObject>, Action), Error<std::convert::Infallible, watcher::Error>>;

/// Says what only the queue knows.
fn told(kind: &str, end: End) {
    match end {
        Ok((object, action)) => tracing::trace!(%object, ?action, "reconciled"),
        // It was deleted while something of it still changed.
        Err(Error::ObjectNotFound(object)) => tracing::debug!(%object, "it is gone"),
        Err(Error::QueueError(watcher::Error::InitialListFailed(kube::Error::Api(status))))
            if status.code == 404 =>
        {
            tracing::warn!(
                kind,
                "the cluster does not have the kind: run `paas crds | kubectl apply -f -`"
            );
        }
        Err(error) => tracing::warn!(kind, %error, "a watch was interrupted and begins anew"),
    }
}
