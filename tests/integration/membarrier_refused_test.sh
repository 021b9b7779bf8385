#!/usr/bin/env bash
# membarrier_refused_test.sh STRESS_TEST: runs the parking stress in a kernel that refuses
# membarrier, which strace plays. The bus must then use sequentially consistent accesses on both
# sides, say so, lose no wake-up, and refuse Fence::kMembarrier with a clear error.
set -euo pipefail

readonly stress_test="$1"

command -v strace >/dev/null || {
  echo "SKIPPED: strace is not installed; a kernel without membarrier was NOT tested" >&2
  exit 77
}
readonly log="$(mktemp)"
trap 'rm -f "$log"' EXIT

# The tests themselves check stats().fence, and the error of the refused mode (a skipped test). With
# the filter in the kernel only the calls in question are slow, and signals: so without the storms.
readonly tests='UsesTheFenceItSays/*:*.PingPong/*:*.BlockedPublishers/*:*.WaitFindsEveryEvent/*'
HERALD_EXPECT_FENCE="sequentially consistent" \
  strace -f --seccomp-bpf -qq -o /dev/null -e trace=membarrier \
  -e inject=membarrier:error=ENOSYS \
  "$stress_test" --gtest_filter="*$tests:-*/SequentiallyConsistent" | tee "$log"

grep -q 'Skipped' "$log" && grep -q 'this kernel refuses membarrier' "$log" || {
  echo "FORBIDDEN: Fence::kMembarrier was accepted without membarrier" >&2
  exit 1
}
