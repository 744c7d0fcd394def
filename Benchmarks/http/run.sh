#!/bin/sh
# The health request of `martlet server start` beside nginx serving the same bytes, in turn, on this
# machine: keep-alive, one worker each, nginx without access log; ours with everything that a user
# gets: routes, keys, rate limits, metrics, Date, Host check, limits and timeouts.
# Usage: Benchmarks/http/run.sh [--smoke] [--bare]
#   --smoke  one short round, for checking the script
#   --bare   the HTTP server alone with one fixed answer, to see what the REST layer adds
set -eu
cd "$(dirname "$0")/../.."
rounds=5 seconds=4
bare=no
for option in "$@"; do
  case "$option" in
    --smoke) rounds=1 seconds=1 ;;
    --bare) bare=yes ;;
    *) echo "unknown option $option" >&2; exit 2 ;;
  esac
done
for tool in nginx wrk curl; do
  command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 2; }
done
product=martlet
[ "$bare" = yes ] && product=HTTPBenchmarkServer
swift build -c release --product "$product" >&2
work=$(mktemp -d)
chmod 755 "$work" # the nginx worker may run as another user
nginx_pid='' ours_pid=''
finish() {
  [ -n "$ours_pid" ] && kill "$ours_pid" 2>/dev/null || true
  [ -n "$nginx_pid" ] && kill "$nginx_pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

if [ "$bare" = yes ]; then
  .build/release/HTTPBenchmarkServer 0 >"$work/ours.log" &
else
  .build/release/martlet --home "$work/home" init >/dev/null
  .build/release/martlet --home "$work/home" server start --port 0 \
    --listen /ip4/127.0.0.1/tcp/0 >"$work/ours.log" 2>"$work/errors.log" &
fi
ours_pid=$!
for _ in $(seq 100); do [ -s "$work/ours.log" ] && break; sleep 0.1; done
ours="$(grep -o 'http://127.0.0.1:[0-9]*' "$work/ours.log" | head -1)"
if [ "$bare" = yes ]; then ours="http://$(sed 's/listening on //' "$work/ours.log")/health"
else ours="$ours/api/v1/health"; fi
mkdir "$work/root"
curl -sf "$ours" >"$work/root/health"
echo "$(wc -c <"$work/root/health") bytes" >&2

port=$((20000 + $$ % 20000))
cat >"$work/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 1000000000;
  default_type application/json;
  open_file_cache max=16;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
  uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$port; root $work/root; }
}
CONF
nginx -p "$work" -c "$work/nginx.conf" 2>/dev/null &
nginx_pid=$!
theirs="http://127.0.0.1:$port/health"
curl -sf --retry 20 --retry-delay 1 --retry-connrefused "$theirs" >/dev/null

worker_pid=$(pgrep -P "$nginx_pid")

# User and system time of a process, in clock ticks of 10 ms.
cpu() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# Prints "requests-per-second p99-in-milliseconds cpu-microseconds-per-request".
measure() {
  before=$(cpu "$3")
  wrk -t1 -c"$2" -d"${seconds}s" --latency "$1" >"$work/wrk"
  after=$(cpu "$3")
  awk -v ticks=$((after - before)) '
    $1 == "99%" { p99 = $2 + 0; if ($2 ~ /us$/) p99 /= 1000; else if ($2 !~ /ms$/) p99 *= 1000 }
    $2 == "requests" && $3 == "in" { requests = $1 }
    $1 == "Requests/sec:" { rate = $2 }
    $1 == "Non-2xx" || $1 == "Socket" { print "wrk: " $0 > "/dev/stderr" }
    END { print rate, p99, ticks * 10000 / requests }' "$work/wrk"
}

for connections in 64 256; do
  : >"$work/result"
  for _ in $(seq $rounds); do
    set -- $(measure "$ours" $connections "$ours_pid") \
      $(measure "$theirs" $connections "$worker_pid")
    echo "$@" >>"$work/result"
    echo "$connections connections: ours $1/s p99 $2 ms $3 us/request," \
      "nginx $4/s p99 $5 ms $6 us/request" >&2
  done
  awk -v c=$connections '{ print $1 / $4, $2 / $5, $3 / $6 }' "$work/result" >"$work/ratios"
  for column in 1 2 3; do
    sort -n -k$column "$work/ratios" | awk -v k=$column -v c=$connections '
      { value[NR] = $k }
      END {
        name = k == 1 ? "requests per second" : k == 2 ? "p99" : "CPU per request"
        median = value[int((NR + 1) / 2)]
        bar = ""
        if (c == 64 && k == 1) bar = ", bar at least 0.8 " (median >= 0.8 ? "met" : "missed")
        if (c == 256 && k == 2) bar = ", bar at most 2 " (median <= 2 ? "met" : "missed")
        printf "%d connections, %s, ours / nginx: median %.2f (%.2f to %.2f, %d rounds)%s\n",
          c, name, median, value[1], value[NR], NR, bar
      }'
  done
done
