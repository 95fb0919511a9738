/** A script for wrk that asks with these tokens in turn. The requests are put together once: the load is not to wait for itself. */
export function turnsScript (path: string, tokens: readonly string[]): string {
  return `local requests, at = {}, 0
local tokens = { ${tokens.map((token) => `"${token}"`).join(', ')} }
function init ()
  for i, token in ipairs(tokens) do requests[i] = wrk.format("GET", "${path}", { Authorization = "Bearer " .. token }) end
end
function request ()
  at = at % #requests + 1
  return requests[at]
end
`
}

/** What wrk printed: all requests, and those of a second. Throws where any answer was not a success. */
export function readWrk (output: string): { count: number, rate: number } {
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`not every answer was a success:\n${output}`)
  return { count: Number(/(\d+) requests in/.exec(output)?.[1]), rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]) }
}
