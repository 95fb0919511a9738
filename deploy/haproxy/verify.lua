-- http-request lua.verify /verify: asks Gatehouse about a request, and leaves its answer in txn.verified (0 where there is none) and txn.x_auth_*.
local names = { "x-auth-user-id", "x-auth-username", "x-auth-session-id", "x-auth-client-id", "x-auth-roles", "x-auth-scopes" }

core.register_action("verify", { "http-req" }, function(txn, question)
  -- Said first: whatever goes wrong below, nobody has been verified.
  txn:set_var("txn.verified", 0)
  -- The only header that Gatehouse has to see.
  local authorization = txn.http:req_get_headers()["authorization"]
  local headers = { ["x-forwarded-for"] = { txn.sf:src() } }
  if authorization then headers["authorization"] = { authorization[0] } end
  -- HAProxy's client tries four times: an answer within half a second, or none after two.
  local answer = core.httpclient():get({ url = "http://gatehouse:3000" .. question, headers = headers, timeout = 500 })
  if not answer or not answer.status then return end
  if answer.status == 200 then
    local function value(name) return answer.headers[name] and answer.headers[name][0] or "" end
    -- Whoever answers 200 without saying who is calling is not Gatehouse. A user's token has a user, a client's own a client.
    if value("x-auth-user-id") .. value("x-auth-client-id") == "" then return end
    for _, name in ipairs(names) do txn:set_var("txn." .. name:gsub("-", "_"), value(name)) end
  end
  txn:set_var("txn.verified", answer.status)
end, 1)
