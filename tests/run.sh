#!/usr/bin/env bash
# Runs the tests: `unit` (pure and fast) or `all` (with a real node and real browsers).
# Ends with "N passed, N failed" over all runners; the exit status is 0 only if none failed.
set -u
cd "$(dirname "$0")/.."
passed=0 failed=0 broken=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# Add up what a runner printed; one that failed without saying what counts as one failure.
count() {  # STATUS PASSED FAILED
  passed=$((passed + $2)) failed=$((failed + $3))
  if [ "$1" -ne 0 ] && [ "$3" -eq 0 ]; then failed=$((failed + 1)); fi
  if [ "$2" -eq 0 ]; then broken=1; fi
}

number() { grep -oE "$1" "$output" | tail -n 1 | grep -oE '[0-9]+' | tail -n 1; }

run_trial() {
  .venv/bin/python -m twisted.trial --temp-directory=.trial-temp "$@" 2>&1 | tee "$output"
  local status=${PIPESTATUS[0]} failures errors
  failures=$(number 'failures=[0-9]+') errors=$(number 'errors=[0-9]+')
  local good; good=$(number 'successes=[0-9]+')
  count "$status" "${good:-0}" $((${failures:-0} + ${errors:-0}))
}

run_node() {
  (cd web && npm test --silent) 2>&1 | tee "$output"
  local status=${PIPESTATUS[0]} good bad
  good=$(number '# pass [0-9]+|ℹ pass [0-9]+') bad=$(number '# fail [0-9]+|ℹ fail [0-9]+')
  count "$status" "${good:-0}" "${bad:-0}"
}

# The simulation plays more seeds where there is time for it.
if [ "${1:-all}" = all ]; then export SIMULATION_SEEDS=${SIMULATION_SEEDS:-2000}; fi
run_trial tests.unit
run_node
if [ "${1:-all}" = all ]; then run_trial tests.system; fi
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$broken" -eq 0 ]
