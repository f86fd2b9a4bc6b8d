#!/usr/bin/env bash
# Runs fuzz targets one after the other and keeps what breaks them.
#   run.sh SECONDS [TARGET ...]      all targets if none is named
# An input that breaks a law goes to finds/TARGET/, where ordinary tests replay it for ever.
set -uo pipefail
cd "$(dirname "$0")"

seconds=${1:?usage: run.sh SECONDS [TARGET ...]}
shift
targets=("$@")
[ $# -gt 0 ] || targets=(capture_reader decode http1 hpack tls analysis_pcap report websocket)

# Longest inputs, memory: an analysis is bounded far below this, a reader too.
options=(-max_total_time="$seconds" -max_len=65536 -rss_limit_mb=1024 -malloc_limit_mb=256
  -timeout=20 -print_final_stats=1)

cargo +nightly fuzz build --fuzz-dir . || exit 1

broken=()
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  seeds=("seeds/$target")
  [ -d "finds/$target" ] && seeds+=("finds/$target")
  case $target in
    capture_reader | analysis_pcap)
      # libFuzzer copies what is new of them to the first folder.
      [ -d ../../captures ] && while IFS= read -r folder; do seeds+=("$folder"); done \
        < <(find ../../captures -type d) ;;
  esac
  echo "== $target, $seconds s"
  log=artifacts/$target.log
  if ! cargo +nightly fuzz run --fuzz-dir . "$target" "corpus/$target" "${seeds[@]}" \
    -- "${options[@]}" >"$log" 2>&1; then
    broken+=("$target")
    grep -E 'panicked at|ERROR|SUMMARY' -A1 "$log" | head -n 8
  fi
  grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "$log"
  for find in "artifacts/$target"/*; do
    [ -f "$find" ] || continue
    mkdir -p "finds/$target"
    mv "$find" "finds/$target/"
    echo "   kept: tests/fuzz/finds/$target/${find##*/}"
  done
done

[ ${#broken[@]} = 0 ] && echo "no panic, no law broken" && exit
echo "broken: ${broken[*]}; the inputs are in tests/fuzz/finds" >&2
exit 1
