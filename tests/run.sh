#!/usr/bin/env bash
# Runs the tests: `unit` (pure and fast) or `all` (with a real node and real browsers).
# Ends with "N passed, N failed" over all runners; the exit status is 0 only if none failed.
set -u
cd "$(dirname "$0")/.."
passed=0 failed=0 broken=0
output=$(mktemp) odd=$(mktemp) unit=$(mktemp)
trap 'rm -f "$output" "$odd" "$unit"' EXIT

# Add up what a runner printed; one that failed without saying what counts as one failure.
count() {  # STATUS PASSED FAILED
  passed=$((passed + $2)) failed=$((failed + $3))
  if [ "$1" -ne 0 ] && [ "$3" -eq 0 ]; then failed=$((failed + 1)); fi
  if [ "$2" -eq 0 ]; then broken=1; fi
}

number() { grep -oE "$1" "$output" | tail -n 1 | grep -oE '[0-9]+' | tail -n 1; }

count_trial() {  # STATUS; of what is in $output
  local failures errors good
  failures=$(number 'failures=[0-9]+') errors=$(number 'errors=[0-9]+')
  good=$(number 'successes=[0-9]+')
  count "$1" "${good:-0}" $((${failures:-0} + ${errors:-0}))
}

trial() { .venv/bin/python -m twisted.trial "$@" 2>&1; }

# The modules of the system tests whose names begin so, one a line.
modules() {  # PREFIX...
  for prefix in "$@"; do ls tests/system | sed -n "s/^\($prefix.*\)\.py$/tests.system.\1/p"; done
}

run_node() {
  (cd web && npm test --silent) 2>&1 | tee "$output"
  local status=${PIPESTATUS[0]} good bad
  good=$(number '# pass [0-9]+|ℹ pass [0-9]+') bad=$(number '# fail [0-9]+|ℹ fail [0-9]+')
  count "$status" "${good:-0}" "${bad:-0}"
}

if [ "${1:-all}" = all ]; then
  # The simulation plays more seeds where there is time for it.
  export SIMULATION_SEEDS=${SIMULATION_SEEDS:-2000}
  # Nodes are mostly waited for, so their tests run in two lanes, in one of them also what browsers
  # see, and the units in a third; what the others said is shown afterwards.
  browsers=$(modules test_browser test_examples)
  nodes=$(modules test_ | grep -vxF "$browsers")
  trial --temp-directory=.trial-temp-unit tests.unit >"$unit" & units=$!
  trial --temp-directory=.trial-temp-odd $(awk 'NR % 2' <<<"$nodes") $browsers >"$odd" & odds=$!
  trial --temp-directory=.trial-temp $(awk 'NR % 2 == 0' <<<"$nodes") | tee "$output"
  count_trial "${PIPESTATUS[0]}"
  wait "$odds"; status=$?
  cp "$odd" "$output"; cat "$output"; count_trial "$status"
  wait "$units"; status=$?
  cp "$unit" "$output"; cat "$output"; count_trial "$status"
else
  trial --jobs="$(nproc)" --temp-directory=.trial-temp tests.unit | tee "$output"
  count_trial "${PIPESTATUS[0]}"
fi
run_node
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ]
