import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

// Envoy's own definitions, as the gRPC client that speaks to Envoy's control planes carries them.
const modules = new URL('../../node_modules/', import.meta.url)
const places = [...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => `@grpc/grpc-js-xds/deps/${name}/`), 'protobufjs/']
const http = 'envoy/extensions/filters/http'
const files = [
  'envoy/config/bootstrap/v3/bootstrap', 'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager',
  `${http}/cors/v3/cors`, `${http}/ext_authz/v3/ext_authz`, `${http}/jwt_authn/v3/config`, `${http}/lua/v3/lua`, `${http}/rbac/v3/rbac`, `${http}/router/v3/router`
]

const root = new protobuf.Root()
root.resolvePath = (_, file) => places.map((place) => fileURLToPath(new URL(`${place}${file}`, modules))).find((path) => existsSync(path)) ?? file
root.loadSync(files.map((file) => `${file}.proto`), { keepCase: true }).resolveAll()

interface Rules {
  message?: { required?: boolean }
  any?: { required?: boolean }
  string?: { min_len?: number }
  repeated?: { min_items?: number }
}

/**
 * What Envoy would refuse of a message that is written as YAML: members that its definitions do not know, values of another type, two of what can be one,
 * and what has to be there and is not. A part that is merged into another message need not be whole.
 */
export function envoyFaults (type: string, value: unknown, { whole = true } = {}): string[] {
  return messageFaults(root.lookupType(type), value, type.slice(type.lastIndexOf('.') + 1), whole)
}

function messageFaults (type: protobuf.Type, value: unknown, path: string, whole: boolean): string[] {
  const name = type.fullName.slice(1)
  if (name === 'google.protobuf.Any') return anyFaults(value, path, whole)
  if (name === 'google.protobuf.Struct') return isObject(value) ? [] : [`${path} is no object`]
  if (name === 'google.protobuf.Duration') return typeof value === 'string' && /^\d+(\.\d{1,9})?s$/.test(value) ? [] : [`${path} is no duration`]
  if (/^google\.protobuf\.\w+Value$/.test(name) && type.fields['value'] !== undefined) return valueFaults(type.fields['value'], value, path, whole)
  if (!isObject(value)) return [`${path} is no ${name}`]
  const members = Object.entries(value).flatMap(([key, one]) => {
    const field = type.fields[key]
    return field === undefined ? [`${path}.${key} is not known to ${name}`] : fieldFaults(field, one, `${path}.${key}`, whole)
  })
  const choices = type.oneofsArray.flatMap(({ name: choice, oneof, options }) => {
    const made = oneof.filter((key) => key in value)
    if (made.length > 1) return [`${path} has more than one of ${oneof.join(', ')}`]
    return whole && made.length === 0 && options?.['(validate.required)'] === true ? [`${path} lacks its ${choice}`] : []
  })
  const missing = whole ? type.fieldsArray.filter((field) => !(field.name in value) && isRequired(field)).map((field) => `${path} lacks ${field.name}`) : []
  return [...members, ...choices, ...missing]
}

/** A message of the type that it names itself. */
function anyFaults (value: unknown, path: string, whole: boolean): string[] {
  if (!isObject(value)) return [`${path} is no object`]
  const { '@type': url, ...rest } = value
  const name = String(url).replace('type.googleapis.com/', '')
  const type = root.lookup(name)
  return type instanceof protobuf.Type ? messageFaults(type, rest, path, whole) : [`${path} is of the type ${name}, which is not known`]
}

function fieldFaults (field: protobuf.Field, value: unknown, path: string, whole: boolean): string[] {
  if (field.map) return isObject(value) ? Object.entries(value).flatMap(([key, one]) => valueFaults(field, one, `${path}.${key}`, whole)) : [`${path} is no object`]
  if (!field.repeated) return valueFaults(field, value, path, whole)
  return Array.isArray(value) ? value.flatMap((one, number) => valueFaults(field, one, `${path}.${number}`, whole)) : [`${path} is no list`]
}

function valueFaults ({ type, resolvedType }: protobuf.Field, value: unknown, path: string, whole: boolean): string[] {
  if (resolvedType instanceof protobuf.Type) return messageFaults(resolvedType, value, path, whole)
  if (resolvedType instanceof protobuf.Enum) return String(value) in resolvedType.values ? [] : [`${path} is none of ${Object.keys(resolvedType.values).join(', ')}`]
  const fits = type === 'bool' ? typeof value === 'boolean'
    : type === 'string' || type === 'bytes' ? typeof value === 'string'
      : type === 'float' || type === 'double' ? typeof value === 'number'
        : Number.isSafeInteger(value) && (!/^u|^fixed/.test(type) || Number(value) >= 0)
  return fits ? [] : [`${path} is no ${type}`]
}

/** By the rules that stand beside the definitions, which Envoy looks at when it starts. */
function isRequired (field: protobuf.Field): boolean {
  if (field.partOf !== null) return false
  // Its types say that this is an object.
  const options = (field.parsedOptions ?? []) as unknown as Array<Record<string, Rules>>
  const rules = options.flatMap((option) => option['(validate.rules)'] ?? [])
  return rules.some(({ message, any, string, repeated }) => message?.required === true || any?.required === true || (string?.min_len ?? 0) > 0 || (repeated?.min_items ?? 0) > 0)
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
