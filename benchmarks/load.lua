-- Asks the addresses of a file in turn, each thread from its own place on, and prints what came of it as JSON.
-- wrk -s load.lua URL -- FILE
local paths, place, step = {}, 0, 1
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(arguments)
  for line in io.lines(arguments[1]) do
    paths[#paths + 1] = line
  end
  place = number * 37
end

function request()
  place = place + step
  return wrk.format("GET", paths[place % #paths + 1])
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "bytes": %d, "median_ms": %f, "p99_ms": %f, "slowest_ms": %f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
