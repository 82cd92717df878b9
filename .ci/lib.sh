# Steps with their cost, and caches outside the clone. Sourced by `run` and `long`.

# step TIER NAME COMMAND…: runs the command within what is left of the time, notes result and seconds. Never fails itself.
# The command finds the seconds that are left in $CI_LEFT. One that cannot run here writes why into $CI_REASON and exits with 77; that is a failure unless it says so
# beforehand with `may_not_run`, which is only for what no machine of ours can do.
step() {
  local tier=$1 name=$2 started=$SECONDS left result
  shift 2
  [[ " $TIERS " == *" $tier "* ]] || return 0
  left=$((LIMIT - SECONDS))
  if ((left < 5)); then
    note "$tier" "$name" "FAILED: no time left of $((LIMIT / 60)) minutes" 0
    return 0
  fi
  printf '\n━━ tier %s · %s\n' "$tier" "$name"
  : >"$CI_REASON"
  # In the background, so that an interrupt reaches us while it runs; `timeout` ends the whole process group.
  CI_LEFT=$left timeout --kill-after=20 "$left" "$@" </dev/null &
  RUNNING=$!
  wait "$RUNNING"
  local code=$?
  RUNNING=
  case $code in
    0) result=ok ;;
    77) result="did not run: $(cat "$CI_REASON")" ;;
    124 | 137) result="FAILED: out of time" ;;
    *) result="FAILED: exit $code" ;;
  esac
  note "$tier" "$name" "$result" $((SECONDS - started))
  LAST=$code
  return 0
}

# absent TIER NAME WHY: a place that something later fills; the summary names it.
absent() {
  [[ " $TIERS " != *" $1 "* ]] || note "$1" "$2" "did not run: $3" 0
}

note() {
  SUMMARY+=("$(printf '%-4s  %-34s %6ss  %s' "$1" "$2" "$4" "$3")")
  printf '── %s · %s · %s s\n' "$2" "$3" "$4"
  if [[ $3 == FAILED* ]]; then FAILED+=("$2"); fi
}

# failed NAME: true if that step ran and failed.
failed() {
  local name
  for name in "${FAILED[@]}"; do [[ $name != "$1" ]] || return 0; done
  return 1
}

summary() {
  local line
  printf '\n%-4s  %-34s %7s  %s\n' tier step seconds result
  for line in "${SUMMARY[@]}"; do printf '%s\n' "$line"; done
  printf '\n%d min %d s on %s cores, limit %d min. ' $((SECONDS / 60)) $((SECONDS % 60)) "$(cores)" $((LIMIT / 60))
  if ((${#FAILED[@]})); then
    printf 'FAILED: %s\n' "$(IFS=,; echo "${FAILED[*]}")"
    return 1
  fi
  printf 'All that ran passed.\n'
}

cores() {
  getconf _NPROCESSORS_ONLN
}

# begin LIMIT_IN_SECONDS TIER…: state of the functions above.
begin() {
  LIMIT=$1
  shift
  TIERS="$*" SUMMARY=() FAILED=() RUNNING='' LAST=0
  SCRATCH=$(mktemp -d)
  CI_REASON=$SCRATCH/reason
  export CI_REASON
  trap 'finish $?' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

finish() {
  local code=$1
  trap - EXIT
  if [[ -n $RUNNING ]]; then kill "$RUNNING" 2>/dev/null && wait "$RUNNING"; fi
  # shellcheck disable=SC2046 # a list of numbers
  [[ -z $(jobs -pr) ]] || kill $(jobs -pr) 2>/dev/null
  rm -rf "$SCRATCH" "${PRIVATE_TARGET:-}"
  exit "$code"
}

# Caches: one folder for all clones of this user, keyed by the version of what is in it.
caches() {
  export HOME=${HOME:-$(cd ~ && pwd)}
  export PAAS_CI_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/paas-ci
  local rustc
  rustc=$(rustc -V | tr ' ()' '-' | tr -s '-')
  mkdir -p "$PAAS_CI_CACHE/target"
  if [[ -z ${CARGO_TARGET_DIR:-} ]]; then
    export CARGO_TARGET_DIR=$PAAS_CI_CACHE/target/${rustc%-}
    find "$PAAS_CI_CACHE/target" -mindepth 1 -maxdepth 1 -mtime +14 -not -path "$CARGO_TARGET_DIR*" -exec rm -rf {} +
    take_target
  fi
  mkdir -p "$CARGO_TARGET_DIR"
  printf 'caches: %s\n' "$PAAS_CI_CACHE"
}

# One run at a time in the shared folder: another clone's build would replace binaries that tests are about to start.
take_target() {
  if command -v flock >/dev/null; then
    exec 9>"$CARGO_TARGET_DIR.lock"
    if ! flock -n 9; then
      PRIVATE_TARGET=$(mktemp -d "$PAAS_CI_CACHE/target/private-XXXXXX")
      CARGO_TARGET_DIR=$PRIVATE_TARGET
      printf 'another run holds the shared build folder; this one builds everything in a folder of its own\n'
      return
    fi
  fi
  # Cargo names the outputs of a workspace's crates alike in every clone and compares times of files only, so a clone
  # older than the last build of another clone would be given that one's code.
  local stamp=$CARGO_TARGET_DIR.clone
  if [[ -n ${CI:-} || $(cat "$stamp" 2>/dev/null) != "$PWD" ]]; then
    forget_own_crates
  fi
  printf '%s' "$PWD" >"$stamp"
}

forget_own_crates() {
  local crates=() crate
  for crate in $(cargo metadata --no-deps --format-version 1 | python3 -c \
    'import json, sys; print(*(p["name"] for p in json.load(sys.stdin)["packages"]))'); do
    crates+=(-p "$crate")
  done
  mkdir -p "$CARGO_TARGET_DIR"
  cargo clean --quiet "${crates[@]}" && cargo clean --quiet --release "${crates[@]}"
}
