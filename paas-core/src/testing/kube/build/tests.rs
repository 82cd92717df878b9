//! Building, with a `go` of ours that takes no time: what is judged is who builds, who waits, and what is left.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use super::*;

const TWO: [Module; 1] = [Module {
    name: "tools",
    go_mod: "module tools\n",
    go_sum: "",
    flags: "",
    programs: &[("one", "example.test/one"), ("two", "example.test/two")],
}];

/// A cache, a compiler, and what was said.
struct Shop {
    dir: tempfile::TempDir,
    said: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    /// `compile` is what `go build` does; `$out` is where the program belongs.
    fn new(compile: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shop = Self {
            dir,
            said: Arc::default(),
        };
        shop.compiler(compile);
        shop
    }

    fn compiler(&self, compile: &str) {
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = env ]; then echo go9.9 linux amd64; exit; fi\n\
             out=$6; echo \"$7\" >>\"{0}/built\"\n{compile}\n",
            self.dir.path().display()
        );
        let go = self.dir.path().join("go");
        fs::write(&go, script).unwrap();
        fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).unwrap();
    }

    async fn ensure(&self) -> Result<Assets> {
        let said = Arc::clone(&self.said);
        let say = move |words: &str| said.lock().unwrap().push(words.to_owned());
        let build = Build {
            cache: self.dir.path().join("cache"),
            go: self.dir.path().join("go"),
            modules: &TWO,
            say: &say,
        };
        build.ensure().await
    }

    fn built(&self) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join("built")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Everything in the folders of programs.
    fn programs(&self) -> Vec<String> {
        let folders = files::list(&self.dir.path().join("cache")).unwrap();
        let bins = folders.iter().flat_map(|f| files::list(&f.join("bin")).unwrap());
        bins.map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    }
}

const COMPILE: &str = "echo program >\"$out\"";

#[tokio::test]
async fn what_was_built_once_is_not_built_again_and_it_is_said_what_happens() {
    let shop = Shop::new(COMPILE);
    let assets = shop.ensure().await.unwrap();
    assert!(assets.program("one").is_some() && assets.program("two").is_some());
    assert_eq!(shop.built(), ["example.test/one", "example.test/two"]);
    let said = shop.said.lock().unwrap().clone();
    assert!(
        said[0].contains("one, two") && said[0].contains("minutes") && said[1].starts_with("built"),
        "{said:?}"
    );
    assert_eq!(shop.ensure().await.unwrap(), assets);
    assert_eq!((shop.built().len(), shop.said.lock().unwrap().len()), (2, 2));
}

#[tokio::test]
async fn two_builds_at_once_wait_for_each_other_and_build_once() {
    let shop = Shop::new(&format!("sleep 0.2; {COMPILE}"));
    let (one, other) = tokio::join!(shop.ensure(), shop.ensure());
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(shop.built().len(), 2);
    let said = shop.said.lock().unwrap();
    assert!(said.iter().any(|s| s.contains("waiting for it")), "{said:?}");
}

#[tokio::test]
async fn a_build_that_was_ended_half_way_leaves_nothing_that_looks_whole() {
    let shop = Shop::new(COMPILE);
    let half = shop.dir.path().join("half");
    shop.compiler(&format!(
        "echo half >\"$out\"; touch \"{}\"; exec sleep 60",
        half.display()
    ));
    tokio::select! {
        _ = shop.ensure() => panic!("it ended"),
        () = async { while !half.exists() { SystemClock.sleep(LOOK).await } } => {}
    }
    let left = shop.programs();
    assert!(!left.contains(&"one".to_owned()), "{left:?}");
    shop.compiler(COMPILE);
    shop.ensure().await.unwrap();
    assert_eq!(shop.programs(), ["one", "two"]);
}

#[tokio::test]
async fn a_compiler_that_fails_is_quoted_and_one_that_is_missing_is_named() {
    let shop = Shop::new("echo 'no room on the disk' >&2; exit 1");
    let e = shop.ensure().await.unwrap_err();
    assert_eq!(e.code().id, TEST_KUBE_BUILD.id);
    assert!(e.words().contains("no room on the disk"), "{e}");
    fs::remove_file(shop.dir.path().join("go")).unwrap();
    let e = shop.ensure().await.unwrap_err();
    assert_eq!(e.code().id, TEST_KUBE_ABSENT.id);
    assert!(
        e.words().contains("cannot be run") && e.advice().contains("Install Go"),
        "{e}"
    );
}

#[tokio::test]
async fn a_go_that_is_too_old_is_absent_in_its_own_words() {
    let shop = Shop::new(COMPILE);
    let go = shop.dir.path().join("go");
    fs::write(
        &go,
        "#!/bin/sh\necho 'go.mod requires go >= 1.26.0' >&2\nexit 1\n",
    )
    .unwrap();
    let e = shop.ensure().await.unwrap_err();
    assert_eq!(e.code().id, TEST_KUBE_ABSENT.id);
    assert!(e.words().contains("requires go >= 1.26"), "{e}");
}

#[test]
fn the_modules_pin_what_they_build() {
    for module in &MODULES {
        for (_, package) in module.programs {
            assert!(
                module.go_mod.contains(package),
                "{package} is no tool of {}",
                module.name
            );
        }
        assert!(module.go_sum.lines().all(|l| l.split(' ').count() == 3));
    }
    assert!(MODULES[1].go_mod.contains("k8s.io/kubernetes v1.37.2") && KUBERNETES_FLAGS.contains("=v1.37.2"));
}
