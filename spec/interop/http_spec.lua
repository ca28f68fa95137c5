-- examples/streams/hello_http.lua speaks HTTP/1.1 as clients expect it: curl, wrk, and bytes as they may come.
local asyncio = require "casync"
local peer = require "spec.support.peer"
local streams = require "spec.support.streams"
local await, test = asyncio.await, streams.test

local function serve()
  local child = peer.start(("LD_PRELOAD=%s exec lua5.4 examples/streams/hello_http.lua 0"):format(os.getenv("LD_PRELOAD") or ""))
  return child, tonumber(assert((child:line() or ""):match("127%.0%.0%.1:(%d+)/$")))
end

local function it_has(program, name, f)
  if not peer.has(program) then return pending(("%s (%s is not installed)"):format(name, program)) end
  it(name, test(f))
end

-- Sends bytes, the end too if asked, and returns all that comes back until the server closes.
local function exchange(port, bytes, is_ended)
  local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
  writer:write(bytes)
  if is_ended then writer:write_eof() end
  local back = await(reader:read())
  writer:close()
  return (back:gsub("Date: %u%l%l, %d%d %u%l%l %d%d%d%d %d%d:%d%d:%d%d GMT\r\n", ""))
end

local function response(status, connection, body, more)
  return ("HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: %s\r\n%s\r\n"):format(
    status, #body, connection, more or "") .. body
end

local HELLO = "Hello, World!\n"
local KEPT, LAST = response("200 OK", "keep-alive", HELLO), response("200 OK", "close", HELLO)
local GET, GET_LAST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

describe("the HTTP example", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local cases = {
    {"answers requests that were sent at once, in order", GET .. "GET /no HTTP/1.1\r\nHost: x\r\n\r\n" .. GET_LAST,
      KEPT .. response("404 Not Found", "keep-alive", "Not Found\n") .. LAST},
    {"keeps a connection until its client ends it", GET .. GET, KEPT .. KEPT, true},
    {"sends no body to HEAD", "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", (LAST:gsub(HELLO, ""))},
    {"closes after a request of HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", LAST},
    {"keeps a connection of HTTP/1.0 that wishes so",
      "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", KEPT .. LAST},
    {"takes absolute addresses and queries", "GET http://x/?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", LAST},
    {"takes lines without a carriage return", "GET / HTTP/1.0\n\n", LAST},
    {"skips the body of a request", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" .. ("x"):rep(100000) .. GET_LAST,
      response("405 Method Not Allowed", "keep-alive", "Method Not Allowed\n", "Allow: GET, HEAD\r\n") .. LAST},
    {"does not know chunks", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
      response("501 Not Implemented", "close", "Not Implemented\n")},
    {"refuses what is no request", "hello\r\n\r\n", response("400 Bad Request", "close", "Bad Request\n")},
    {"refuses a request without a host", "GET / HTTP/1.1\r\n\r\n", response("400 Bad Request", "close", "Bad Request\n")},
    {"refuses what is no field", "GET / HTTP/1.1\r\nHost: x\r\nno field\r\n\r\n", response("400 Bad Request", "close", "Bad Request\n")},
    {"refuses a length that is none", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      response("400 Bad Request", "close", "Bad Request\n")},
    {"is silent to who says nothing", "", "", true},
    {"is silent to half a request", "GET / HT", "", true},
  }
  for _, case in ipairs(cases) do
    local name, bytes, expected, is_ended = table.unpack(case)
    it(name, test(function()
      local child <close>, port = serve()
      assert.equal(expected, exchange(port, bytes, is_ended))
      assert.equal("", child.text)
    end))
  end

  it("refuses a head that is too long", test(function()
    local child <close>, port = serve()
    local back = exchange(port, "GET / HTTP/1.1\r\nX: " .. ("x"):rep(65540), true)
    assert.equal(response("431 Request Header Fields Too Large", "close", "Request Header Fields Too Large\n"), back)
    assert.equal("", child.text)
  end))

  it("understands a request that comes byte by byte", test(function()
    local _ <close>, port = serve()
    local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
    for byte in GET_LAST:gmatch(".") do
      writer:write(byte)
      await(asyncio.sleep(0))
    end
    assert.matches("Hello, World!\n$", await(reader:read()))
    writer:close()
  end))

  it("tells its headers to http_headers.lua", test(function()
    local _ <close>, port = serve()
    local command = "LD_PRELOAD=%s exec lua5.4 examples/streams/http_headers.lua http://127.0.0.1:%d/"
    local output, status = peer.run(command:format(os.getenv("LD_PRELOAD") or "", port))
    assert.matches("^HTTP header> HTTP/1.1 200 OK\nHTTP header> Date: [^\n]*\nHTTP header> Content%-Type: text/plain\n", output)
    assert.equal(0, status)
  end))

  it_has("curl", "serves curl, twice on one connection", function()
    local child <close>, port = serve()
    local address = ("http://127.0.0.1:%d/"):format(port)
    local output, status = peer.run(("curl -sS -w '%%{http_code} %%{num_connects}\\n' %s %sno -I %s"):format(address, address, address))
    assert.equal(0, status)
    assert.matches("200 1\n", output)
    assert.matches("404 0\n", output)
    output = peer.run(("curl -sS %s %s"):format(address, address))
    assert.equal(HELLO .. HELLO, output)
    output = peer.run(("curl -sS -o /dev/null -w '%%{http_code}' --data-binary @spec/interop/peer.py %s"):format(address))
    assert.equal("405", output)
    output = peer.run(("curl -sS --http1.0 %s"):format(address))
    assert.equal(HELLO, output)
    assert.equal("", child.text)
  end)

  it_has("wrk", "serves wrk without an error", function()
    local child <close>, port = serve()
    local output, status = peer.run(("wrk -t1 -c32 -d1s http://127.0.0.1:%d/"):format(port))
    assert.equal(0, status)
    assert.is_true(tonumber(output:match("(%d+) requests in")) > 100)
    assert.is_nil(output:find("Socket errors", 1, true))
    assert.is_nil(output:find("Non%-2xx"))
    assert.equal("", child.text)
  end)
end)
