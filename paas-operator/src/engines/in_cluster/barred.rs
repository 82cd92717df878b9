//! A database whose spec asks for another runtime than the one that its data is in: nothing is done towards the spec, and on the way
//! down it is as ever.

use async_trait::async_trait;
use paas_core::{
    error::Result,
    execute::Half,
    inventory::Inventory,
    pipeline::{Context, Obstruction, Outcome, Stage, Stillness, Wanted},
    resource::Key,
    spec::Runtime,
    view::StageView,
};

use crate::{
    codes,
    engines::{DatabaseFacts, Engine},
};

/// The same engine, barred from the spec.
pub(super) fn barred(
    engine: Engine<DatabaseFacts>,
    lives: Runtime,
    declared: Runtime,
) -> Engine<DatabaseFacts> {
    let why = format!(
        "the data is in the runtime {lives:?}, and spec.runtime says {declared:?}: nothing was changed or stopped"
    );
    let mut is_first = true;
    let facts = DatabaseFacts {
        runtime: Some(lives),
        ..DatabaseFacts::default()
    };
    let pipeline = engine.pipeline.wrapped(|inner| {
        let why = std::mem::take(&mut is_first).then(|| why.clone());
        Box::new(Barred { inner, why })
    });
    Engine::new(pipeline).telling(move |_| facts.clone())
}

/// A stage that does nothing towards a spec.
#[derive(Debug)]
struct Barred {
    inner: Box<dyn Stage>,
    /// Why; told by the first stage alone.
    why: Option<String>,
}

#[async_trait]
impl Stage for Barred {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView> {
        match wanted {
            Wanted::Nothing => self.inner.plan(cx, wanted).await,
            Wanted::Spec => Ok(StageView {
                stage: self.inner.name().to_owned(),
                ..StageView::default()
            }),
        }
    }

    async fn inventory(&self, cx: &mut Context) -> Result<Inventory> {
        self.inner.inventory(cx).await
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome> {
        if wanted == Wanted::Nothing {
            return self.inner.pass(cx, wanted, half).await;
        }
        let Some(why) = &self.why else {
            return Ok(Outcome::Converged);
        };
        Ok(Outcome::Blocked {
            because: vec![Obstruction {
                stage: self.inner.name().to_owned(),
                key: Key::new("runtime")?,
                why: why.clone(),
                code: codes::OP_RUNTIME.id.to_owned(),
                remedy: codes::OP_RUNTIME.remedy.to_owned(),
            }],
            clears: false,
        })
    }

    async fn glance(&self, cx: &Context) -> Stillness {
        self.inner.glance(cx).await
    }
}
