/** One of several requests to a path: it is sent where it has a body. */
export interface Turn {
  headers: Readonly<Record<string, string>>
  body?: string
}

/** A script for wrk that sends these in turn. The requests are put together once: the load is not to wait for itself. */
export function turnsScript (path: string, turns: readonly Turn[]): string {
  const formats = turns.map(({ headers, body }) => {
    const fields = Object.entries(headers).map(([name, value]) => `[${quoted(name)}] = ${quoted(value)}`).join(', ')
    return `wrk.format("${methodOf(body)}", ${quoted(path)}, { ${fields} }, ${body === undefined ? 'nil' : quoted(body)})`
  })
  return `local requests, at = {}, 0
function init ()
${formats.map((format, index) => `  requests[${index + 1}] = ${format}`).join('\n')}
end
function request ()
  at = at % #requests + 1
  return requests[at]
end
`
}

/** A script for wrk that refreshes: each request takes one of these refresh tokens, each answer brings another. wrk asks for one more than it sends. */
export function chainScript (path: string, tokens: readonly string[]): string {
  return `local tokens = { ${tokens.map(quoted).join(', ')} }
local headers = { ["content-type"] = "application/json" }
function request ()
  return wrk.format("POST", ${quoted(path)}, headers, '{"refresh_token":"' .. (table.remove(tokens) or "") .. '"}')
end
function response (status, headers, body)
  tokens[#tokens + 1] = string.match(body, '"refresh_token":"([^"]+)"')
end
`
}

export function methodOf (body: string | undefined): 'GET' | 'POST' {
  return body === undefined ? 'GET' : 'POST'
}

/** A text of Lua: of what is quoted in JSON, it has quotes and backslashes alike, and nothing else occurs here. */
function quoted (text: string): string {
  return JSON.stringify(text)
}

/** What wrk printed: all requests, and those of a second. Throws where any answer was not a success. */
export function readWrk (output: string): { count: number, rate: number } {
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`not every answer was a success:\n${output}`)
  return { count: Number(/(\d+) requests in/.exec(output)?.[1]), rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]) }
}
